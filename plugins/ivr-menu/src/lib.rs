//! The main menu of a number, in English and Chinese: choose by digit, 0 for a human at any point, announcements while
//! waiting, and a survey by keypad after the agent has left.

mod config;
mod speech;
mod survey;
#[cfg(test)]
mod tests;

use config::{Choice, Config, Target};
use jackfield_plugin::{
    call,
    voice_flow::{
        self, CallAction, CallEvent, Enqueue, Error, Gather, Prompt, QueueExit, QueueProgress, VoiceFlow,
    },
};
use serde::{Deserialize, Serialize};
use speech::Language;

const HUMAN_KEY: &str = "0";
/// Time for the first digit after the menu.
const FIRST_DIGIT_MS: u64 = 5_000;
/// Menus have one digit; the host asks for a pause between digits all the same.
const BETWEEN_DIGITS_MS: u64 = 2_000;

struct IvrMenu;

/// Kept between the steps of one call.
#[derive(Default, Serialize, Deserialize)]
struct State {
    language: Language,
    stage: Stage,
    /// Wrong or missing digits in a row.
    failures: u8,
    /// Whether the caller has been put into the human's queue.
    at_human: bool,
}

/// Where the caller is.
#[derive(Default, Serialize, Deserialize, PartialEq, Eq, Clone, Copy)]
enum Stage {
    #[default]
    Menu,
    /// In a queue or with an agent.
    WithHumans,
    /// At this question of the survey; asked again once when nothing was pressed.
    Survey { question: usize, again: bool },
    /// Saying goodbye.
    Leaving,
}

impl VoiceFlow for IvrMenu {
    type Config = Config;
    type State = State;

    fn step(config: &Config, state: &mut State, event: CallEvent) -> Result<Vec<CallAction>, Error> {
        config.check()?;
        Ok(match (state.stage, event) {
            (_, CallEvent::Started) => {
                state.language = config.language_of(&call::current()?.language);
                greet(config, state)
            }
            (Stage::Menu, CallEvent::Digits(digits)) => chosen(config, state, &digits),
            (Stage::Menu, CallEvent::NoInput | CallEvent::Said(_)) => {
                failed(config, state, state.language.no_input())
            }
            (Stage::WithHumans, CallEvent::QueueProgress(progress)) => announce(state, &progress),
            (Stage::WithHumans, CallEvent::QueueLeft(exit)) => left(config, state, exit),
            (_, CallEvent::AgentLeft(_)) => survey::begin(config, state),
            (Stage::Survey { question, .. }, CallEvent::SurveyAnswered(_)) => {
                survey::ask(config, state, question + 1)
            }
            (Stage::Survey { question, again }, CallEvent::NoInput) => {
                survey::unanswered(config, state, question, again)
            }
            // The rest asks for nothing: the host goes on with what it is doing.
            _ => Vec::new(),
        })
    }
}

fn greet(config: &Config, state: &State) -> Vec<CallAction> {
    let mut prompts = vec![match config.greeting.get(&state.language) {
        Some(text) => text.prompt(state.language),
        None => state.language.say(state.language.greeting()),
    }];
    prompts.extend(menu_prompts(config, state.language));
    vec![CallAction::set("language", state.language.tag()), gather(prompts)]
}

fn menu_prompts(config: &Config, language: Language) -> Vec<Prompt> {
    let keys = config
        .menu
        .iter()
        .map(|choice| language.press(choice.label(language), &choice.key));
    let mut text = keys.collect::<Vec<_>>();
    text.push(language.press(language.human(), HUMAN_KEY));
    let mut prompts = vec![language.say(&text.join(language.pause()))];
    if let Some(other) = config.other_language(language) {
        // Said in the other language, for those who do not understand this one.
        prompts.push(other.say(&other.press(other.name(), &config.language_key)));
    }
    prompts
}

fn gather(prompts: Vec<Prompt>) -> CallAction {
    CallAction::Gather(Gather {
        prompts,
        max_digits: 1,
        terminator: None,
        first_digit: FIRST_DIGIT_MS,
        between_digits: BETWEEN_DIGITS_MS,
    })
}

/// What a digit in the menu leads to.
fn chosen(config: &Config, state: &mut State, digits: &str) -> Vec<CallAction> {
    if digits == HUMAN_KEY {
        return to_human(config, state);
    }
    if digits == config.language_key
        && let Some(other) = config.other_language(state.language)
    {
        (state.language, state.failures) = (other, 0);
        return greet(config, state);
    }
    match config.menu.iter().find(|choice| choice.key == digits) {
        Some(Choice {
            target: Target::Queue(place),
            id,
            ..
        }) => to_humans(config, state, place, id),
        Some(Choice {
            target: Target::Say(texts),
            id,
            ..
        }) => {
            state.failures = 0;
            let said = texts.get(&state.language).or_else(|| texts.values().next());
            let mut prompts: Vec<_> = said.map(|text| text.prompt(state.language)).into_iter().collect();
            prompts.push(Prompt::Silence(600));
            prompts.extend(menu_prompts(config, state.language));
            vec![CallAction::set("self-service", id.as_str()), gather(prompts)]
        }
        None => failed(config, state, state.language.bad_input()),
    }
}

/// Asks again, and after the last retry lets a human help.
fn failed(config: &Config, state: &mut State, sorry: &str) -> Vec<CallAction> {
    state.failures = state.failures.saturating_add(1);
    if state.failures > config.retries {
        return to_human(config, state);
    }
    let mut prompts = vec![state.language.say(sorry)];
    prompts.extend(menu_prompts(config, state.language));
    vec![gather(prompts)]
}

fn to_human(config: &Config, state: &mut State) -> Vec<CallAction> {
    state.at_human = true;
    to_humans(config, state, &config.human, "human")
}

fn to_humans(config: &Config, state: &mut State, place: &config::Place, call_type: &str) -> Vec<CallAction> {
    state.stage = Stage::WithHumans;
    let mut needs: Vec<_> = place.needs.iter().map(config::Skill::need).collect();
    if config.language_skill {
        needs.push(state.language.need());
    }
    vec![
        CallAction::set("language", state.language.tag()),
        CallAction::set("call-type", call_type),
        CallAction::Play(vec![state.language.say(state.language.please_wait())]),
        CallAction::Enqueue(Enqueue {
            queue: place.queue.clone(),
            needs,
            priority: place.priority,
        }),
    ]
}

fn announce(state: &State, progress: &QueueProgress) -> Vec<CallAction> {
    let minutes = progress.expected_wait.map(|wait| wait.div_ceil(60_000));
    let text = state.language.position(progress.position, minutes);
    vec![CallAction::Play(vec![state.language.say(&text)])]
}

/// The queue gave the caller back: nobody can take the call now.
fn left(config: &Config, state: &mut State, exit: QueueExit) -> Vec<CallAction> {
    if exit == QueueExit::UnknownQueue && !state.at_human {
        // A choice of the menu names a queue that is gone; the human's queue may still be there.
        return to_human(config, state);
    }
    let (why, text) = match exit {
        QueueExit::UnknownQueue => ("unknown-queue", state.language.closed()),
        QueueExit::Full => ("full", state.language.busy()),
        QueueExit::MaxWait => ("max-wait", state.language.busy()),
    };
    state.stage = Stage::Leaving;
    vec![
        CallAction::set("queue-left", why),
        CallAction::Play(vec![
            state.language.say(text),
            state.language.say(state.language.goodbye()),
        ]),
        CallAction::End,
    ]
}

voice_flow::register!(IvrMenu);
