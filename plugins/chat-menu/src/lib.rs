//! A chat bot: menu, knowledge base, hand-over at any point, cover for slow agents, survey.

mod config;
#[cfg(test)]
mod tests;
mod texts;

use config::{Config, Item};
use jackfield_plugin::{
    chat::{self, ChatAction, ChatEvent, Enqueue, SurveyQuestion},
    chat_flow::{self, ChatFlow, Error},
    knowledge,
};
use serde::{Deserialize, Serialize};
use texts::Texts;

/// The choice that always leads to a person.
const HUMAN: &str = "human";
const HUMAN_WORDS: [&str; 5] = ["human", "agent", "person", "人工", "客服"];
/// Messages in a row that the bot may fail to understand.
const MISSES: u8 = 2;
/// Four of five people leave a window in which nothing happens for so long.
const COVER_AFTER_MS: u64 = 15_000;
/// Bytes of a query to the knowledge base.
const QUERY_BYTES: usize = 512;

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Messages in a row that were not understood.
    misses: u8,
    /// The customer has been asked whether they are still there.
    reminded: bool,
    /// The customer's unanswered message has been covered.
    covered: bool,
    /// The customer waits for an agent, or has one: the bot keeps out of it.
    handed_over: bool,
    /// The survey is under way.
    surveying: bool,
}

struct ChatMenu;

impl ChatFlow for ChatMenu {
    type Config = Config;
    type State = State;

    fn step(config: &Config, state: &mut State, event: ChatEvent) -> Result<Vec<ChatAction>, Error> {
        let bot = Bot {
            config,
            texts: Texts::of(&chat::current()?.language),
        };
        let actions = match event {
            ChatEvent::Started => {
                let greeting = config.greeting.as_deref().unwrap_or(bot.texts.greeting);
                vec![bot.menu(greeting), bot.wait()]
            }
            ChatEvent::Chosen(id) => {
                (state.misses, state.reminded) = (0, false);
                match config.menu.iter().find(|item| item.id == id) {
                    Some(item) => bot.take(item),
                    None => bot.hand_over(&config.queue, "menu"),
                }
            }
            ChatEvent::Received(received) => {
                (state.reminded, state.covered) = (false, false);
                if state.handed_over {
                    Vec::new()
                } else {
                    bot.read(state, &received.message.text)?
                }
            }
            ChatEvent::NoReply if state.surveying || state.reminded => {
                vec![ChatAction::say(bot.texts.goodbye), ChatAction::End]
            }
            ChatEvent::NoReply => {
                state.reminded = true;
                vec![ChatAction::say(bot.texts.still_there), bot.wait()]
            }
            ChatEvent::QueueProgress(progress) => vec![ChatAction::say(bot.texts.progress(&progress))],
            ChatEvent::QueueLeft(_) => vec![ChatAction::say(bot.texts.nobody), ChatAction::End],
            ChatEvent::Unanswered(unanswered) if !state.covered && unanswered.waited >= COVER_AFTER_MS => {
                state.covered = true;
                vec![ChatAction::say(bot.texts.cover)]
            }
            ChatEvent::AgentLeft(_) if config.survey => {
                state.surveying = true;
                vec![ChatAction::AskSurvey(SurveyQuestion {
                    id: "csat".to_owned(),
                    text: bot.texts.survey.to_owned(),
                    lowest: 1,
                    highest: 5,
                })]
            }
            ChatEvent::AgentLeft(_) => vec![ChatAction::say(bot.texts.goodbye), ChatAction::End],
            ChatEvent::SurveyAnswered(_) => vec![ChatAction::say(bot.texts.thanks), ChatAction::End],
            ChatEvent::Answered(_)
            | ChatEvent::Unanswered(_)
            | ChatEvent::Timer(_)
            | ChatEvent::Ended
            | ChatEvent::Migrated(_) => Vec::new(),
        };
        state.handed_over |= actions
            .iter()
            .any(|action| matches!(action, ChatAction::Enqueue(_)));
        Ok(actions)
    }
}

struct Bot<'a> {
    config: &'a Config,
    texts: &'static Texts,
}

impl Bot<'_> {
    /// A text with the menu below it.
    fn menu(&self, text: &str) -> ChatAction {
        let items = self.config.menu.iter();
        let choices = items.map(|item| (item.id.as_str(), item.label.as_str()));
        ChatAction::offer(text, choices.chain([(HUMAN, self.texts.human)]))
    }

    fn wait(&self) -> ChatAction {
        ChatAction::AwaitReply(self.config.idle_seconds * 1_000)
    }

    fn take(&self, item: &Item) -> Vec<ChatAction> {
        let intent = ChatAction::set("intent", item.id.as_str());
        let mut actions = vec![intent];
        match &item.reply {
            Some(reply) => actions.extend([self.menu(reply), self.wait()]),
            None => {
                let queue = item.queue.as_deref().unwrap_or(&self.config.queue);
                actions.extend(self.hand_over(queue, &item.id));
            }
        }
        actions
    }

    fn hand_over(&self, queue: &str, about: &str) -> Vec<ChatAction> {
        vec![
            ChatAction::say(self.texts.handing_over),
            ChatAction::Enqueue(Enqueue {
                queue: queue.to_owned(),
                needs: Vec::new(),
                priority: 0,
                summary: Some(about.to_owned()),
            }),
        ]
    }

    /// A message in the customer's own words: a person, the menu, the knowledge base, in this order.
    fn read(&self, state: &mut State, text: &str) -> Result<Vec<ChatAction>, Error> {
        let said = text.trim().to_lowercase();
        let says = |words: &[String]| words.iter().any(|word| said.contains(&word.to_lowercase()));
        let chosen = said.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        if HUMAN_WORDS.iter().any(|word| said.contains(word)) || chosen == Some(self.config.menu.len()) {
            return Ok(self.hand_over(&self.config.queue, text));
        }
        let by_number = chosen.and_then(|n| self.config.menu.get(n));
        let by_word = || self.config.menu.iter().find(|item| says(&item.words));
        if let Some(item) = by_number.or_else(by_word) {
            state.misses = 0;
            return Ok(self.take(item));
        }
        if let Some(answer) = look_up(text)? {
            state.misses = 0;
            return Ok(vec![self.menu(&answer), self.wait()]);
        }
        state.misses += 1;
        if state.misses >= MISSES {
            return Ok(self.hand_over(&self.config.queue, text));
        }
        Ok(vec![self.menu(self.texts.not_understood), self.wait()])
    }
}

/// The passage of the knowledge base that fits best. The bot does without it where the tenant did not grant it.
fn look_up(text: &str) -> Result<Option<String>, Error> {
    let mut end = text.len().min(QUERY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        return Ok(None);
    }
    let found = knowledge::search(&knowledge::Query {
        text: text[..end].to_owned(),
        language: None,
        kind: None,
        limit: 1,
    });
    match found {
        Ok(hits) => Ok(hits.into_iter().next().map(|hit| hit.snippet)),
        Err(error) if error.code == "not-granted" => Ok(None),
        Err(error) => Err(error),
    }
}

chat_flow::register!(ChatMenu);
