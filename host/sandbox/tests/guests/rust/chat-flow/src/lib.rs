//! The chat flow of the conformance suite, in Rust.

use jackfield_plugin::{
    Channel, Need,
    chat_flow::{
        self, Author, ChatAction, ChatEvent, ChatFlow, Enqueue, Error, QueueExit, SurveyQuestion, Timer,
        current, queue,
    },
    customer::messages,
};

struct Rule;

impl ChatFlow for Rule {
    type Config = ();
    /// Steps so far.
    type State = u32;

    fn step((): &(), steps: &mut u32, event: ChatEvent) -> Result<Vec<ChatAction>, Error> {
        *steps += 1;
        Ok(match event {
            ChatEvent::Started => {
                let chat = current()?;
                let text = format!(
                    "{} {} {} {}",
                    channel(chat.channel),
                    chat.entry,
                    chat.address,
                    chat.language
                );
                let set = format!("{} 项", chat.attributes.len());
                vec![
                    ChatAction::offer(text, [("a", "A"), ("set", &set)]),
                    ChatAction::AwaitReply(60_000),
                ]
            }
            ChatEvent::Received(received) => {
                let message = &received.message;
                let author = author(message.author);
                let agent = message.agent.as_deref().unwrap_or("-");
                let mut text = format!(
                    "{} {} {author} {agent} {}",
                    message.number, message.at, message.text
                );
                for file in &received.attachments {
                    let size = file.size.map_or("?".to_owned(), |size| size.to_string());
                    text += &format!("|{} {} {size}", file.name, file.media_type);
                }
                vec![
                    ChatAction::Typing(500),
                    ChatAction::say(text),
                    ChatAction::AwaitReply(60_000),
                ]
            }
            ChatEvent::Chosen(id) => vec![ChatAction::Enqueue(Enqueue {
                needs: vec![Need {
                    skill: "zh".to_owned(),
                    level: 3,
                }],
                priority: -5,
                summary: Some(format!("chose {id}")),
                queue: id,
            })],
            ChatEvent::NoReply => {
                let written = messages(1, 5)?;
                let last = written.last().map_or("", |message| &message.text);
                vec![
                    ChatAction::say(format!("{} {last}", written.len())),
                    ChatAction::End,
                ]
            }
            ChatEvent::QueueProgress(at) => {
                let status = queue(&at.queue)?;
                let expected = at.expected_wait.map_or("-".to_owned(), |wait| wait.to_string());
                vec![ChatAction::say(format!(
                    "{} {} {expected} {} {}",
                    at.position, at.waited, status.available, status.signed_in
                ))]
            }
            ChatEvent::QueueLeft(exit) => vec![
                ChatAction::set("exit", name(exit)),
                ChatAction::AskSurvey(SurveyQuestion {
                    id: "csat".to_owned(),
                    text: "How was it?".to_owned(),
                    lowest: 0,
                    highest: 10,
                }),
            ],
            ChatEvent::Answered(agent) => vec![ChatAction::set("agent", agent), timer("nudge", 120_000)],
            ChatEvent::Unanswered(waits) => {
                vec![ChatAction::say(format!("{} {}", waits.agent, waits.waited))]
            }
            ChatEvent::AgentLeft(left) => vec![ChatAction::set(&left.agent, left.handled.to_string())],
            ChatEvent::SurveyAnswered(answer) => vec![
                ChatAction::set(&answer.question, answer.value.to_string()),
                ChatAction::End,
            ],
            ChatEvent::Timer(name) => vec![timer(&name, 100)],
            ChatEvent::Ended => vec![ChatAction::set("steps", steps.to_string())],
            ChatEvent::Migrated(schema) => {
                *steps += schema;
                vec![]
            }
        })
    }
}

fn timer(name: &str, after: u64) -> ChatAction {
    ChatAction::SetTimer(Timer {
        name: name.to_owned(),
        after,
    })
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Voice => "voice",
        Channel::Chat => "chat",
        Channel::Sms => "sms",
        Channel::Email => "email",
        Channel::Social => "social",
    }
}

fn author(author: Author) -> &'static str {
    match author {
        Author::Customer => "customer",
        Author::Agent => "agent",
        Author::Bot => "bot",
        Author::System => "system",
    }
}

fn name(exit: QueueExit) -> &'static str {
    match exit {
        QueueExit::UnknownQueue => "unknown-queue",
        QueueExit::Full => "full",
        QueueExit::MaxWait => "max-wait",
    }
}

chat_flow::register!(Rule);
