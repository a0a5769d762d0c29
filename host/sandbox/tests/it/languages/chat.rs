//! The chat flow of the suite: every event, every action, messages, and a state.

use jackfield_contact::decision::{
    Answer, Author, ChatAction, ChatAnswer, ChatEvent, ChatInfo, ChatMessage, ChatQuestion,
    ChatSurveyQuestion, Choice, Enqueue, Message, Need, Question, ReceivedAttachment,
};
use jackfield_types::{AgentId, Capability, Channel, ChatEntryId, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};
use super::voice::{exit, exit_of, progress, status, steps, waiting};

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Chat(question) = &case.question else {
        unreachable!()
    };
    let mut steps = steps(&question.state) + 1;
    if let ChatEvent::Migrated(schema) = question.event {
        steps += schema;
    }
    let answer = actions(case, question, steps).map(|actions| ChatAnswer {
        state: steps.to_string().into_bytes(),
        actions,
    });
    answer.map(Answer::Chat).into()
}

fn send(text: String, choices: &[(&str, &str)]) -> ChatAction {
    let choice = |(id, label): &(&str, &str)| Choice {
        id: (*id).into(),
        label: (*label).into(),
    };
    ChatAction::Send(ChatMessage {
        text: text.into(),
        choices: choices.iter().map(choice).collect(),
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

fn told(message: &Message, attachments: &[ReceivedAttachment]) -> String {
    let (author, agent) = match &message.author {
        Author::Customer => ("customer", "-"),
        Author::Agent(agent) => ("agent", agent.as_str()),
        Author::Bot => ("bot", "-"),
        Author::System => ("system", "-"),
    };
    let mut text = format!(
        "{} {} {author} {agent} {}",
        message.number, message.at.0, message.text
    );
    for file in attachments {
        let size = file.size.map_or("?".to_owned(), |size| size.to_string());
        text += &format!("|{} {} {size}", file.name, file.media_type);
    }
    text
}

fn actions(case: &Case, question: &ChatQuestion, steps: u32) -> Result<Vec<ChatAction>, String> {
    let set = |key: &str, value: String| ChatAction::Set(key.into(), value.into());
    Ok(match &question.event {
        ChatEvent::Started => {
            case.is_granted(Capability::Chats)?;
            let chat = &question.chat;
            let text = format!(
                "{} {} {} {}",
                channel(chat.channel),
                chat.entry,
                chat.address,
                chat.language
            );
            let items = format!("{} 项", chat.attributes.len());
            vec![
                send(text, &[("a", "A"), ("set", &items)]),
                ChatAction::AwaitReply(60_000),
            ]
        }
        ChatEvent::Received { message, attachments } => vec![
            ChatAction::Typing(500),
            send(told(message, attachments), &[]),
            ChatAction::AwaitReply(60_000),
        ],
        ChatEvent::Chosen(id) => vec![ChatAction::Enqueue {
            enqueue: Enqueue {
                queue: id.clone(),
                needs: vec![Need {
                    skill: "zh".parse().unwrap(),
                    level: 3,
                }],
                priority: -5,
            },
            summary: Some(format!("chose {id}").into()),
        }],
        ChatEvent::NoReply => {
            case.is_granted(Capability::Messages)?;
            let later = case.host.messages.iter().filter(|message| message.number > 1);
            let written: Vec<_> = later.take(5).collect();
            let last = written.last().map_or("", |message| &message.text);
            vec![send(format!("{} {last}", written.len()), &[]), ChatAction::End]
        }
        ChatEvent::QueueProgress(at) => {
            let status = case.queue(Capability::Chats, at.queue.as_str())?;
            let text = format!("{} {} {}", progress(at), status.available, status.signed_in);
            vec![send(text, &[])]
        }
        ChatEvent::QueueLeft(exit) => vec![
            set("exit", exit_of(*exit)),
            ChatAction::AskSurvey(ChatSurveyQuestion {
                id: "csat".into(),
                text: "How was it?".into(),
                lowest: 0,
                highest: 10,
            }),
        ],
        ChatEvent::Answered(agent) => vec![
            set("agent", agent.to_string()),
            ChatAction::SetTimer("nudge".into(), 120_000),
        ],
        ChatEvent::Unanswered { agent, waited_ms } => vec![send(format!("{agent} {waited_ms}"), &[])],
        ChatEvent::AgentLeft { agent, handled_ms } => vec![set(agent.as_str(), handled_ms.to_string())],
        ChatEvent::SurveyAnswered { question, value } => {
            vec![set(question, value.to_string()), ChatAction::End]
        }
        ChatEvent::Timer(name) => vec![ChatAction::SetTimer(name.clone(), 100)],
        ChatEvent::Ended => vec![set("steps", steps.to_string())],
        ChatEvent::Migrated(_) => vec![],
    })
}

pub(super) fn message(dice: &Dice, number: u64) -> Message {
    let author = match dice.below(5) {
        0 => Author::Bot,
        1 => Author::System,
        2 => Author::Agent(AgentId::new("anna").unwrap()),
        _ => Author::Customer,
    };
    Message {
        number: number as u32,
        at: Timestamp(crate::env().now.0 - 100_000 + number),
        author,
        text: dice.text(),
    }
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let anna = || AgentId::new("anna").unwrap();
    let attachment = || {
        let name = dice.of(&["照片.jpg", "a b.pdf", ""]).into();
        let media_type = dice.of(&["image/jpeg", "application/pdf"]).into();
        ReceivedAttachment {
            size: dice.one_in(2).then(|| dice.below(1 << 40)),
            ..ReceivedAttachment::named(name, media_type)
        }
    };
    let event = || match dice.below(14) {
        0 => ChatEvent::Started,
        1 | 2 => ChatEvent::Received {
            message: message(&dice, 1 + dice.below(9)),
            attachments: dice.some(3, attachment),
        },
        3 => ChatEvent::Chosen(dice.of(&["billing", "a"]).into()),
        4 => ChatEvent::NoReply,
        5 => ChatEvent::QueueProgress(waiting(&dice)),
        6 => ChatEvent::QueueLeft(exit(&dice)),
        7 => ChatEvent::Answered(anna()),
        8 => ChatEvent::Unanswered {
            agent: anna(),
            waited_ms: dice.below(1 << 40),
        },
        9 => ChatEvent::AgentLeft {
            agent: anna(),
            handled_ms: dice.below(1 << 40),
        },
        10 => ChatEvent::SurveyAnswered {
            question: "csat".into(),
            value: dice.below(11) as u8,
        },
        11 => ChatEvent::Timer(dice.of(&["nudge", "催一下"]).into()),
        12 => ChatEvent::Ended,
        _ => ChatEvent::Migrated(dice.below(9) as u32),
    };
    let case = || {
        let event = event();
        let state = match event {
            ChatEvent::Started => vec![],
            _ => dice.below(1_000).to_string().into_bytes(),
        };
        let question = ChatQuestion {
            state,
            event,
            chat: ChatInfo {
                interaction: dice.interaction(),
                channel: dice.of(&[Channel::Chat, Channel::Sms, Channel::Email, Channel::Social]),
                entry: ChatEntryId::new("website").unwrap(),
                address: dice.of(&["visitor-1", "阿明"]).into(),
                started_at: Timestamp(crate::env().now.0 - 5_000),
                language: dice.of(&["zh-CN", "en"]).into(),
                attributes: dice.attributes(),
            },
        };
        let mut case = dice.case(json!({}), Question::Chat(Box::new(question)));
        case.host.queues.insert("support".to_owned(), status(&dice));
        case.host.messages = (1..=dice.below(9)).map(|number| message(&dice, number)).collect();
        case
    };
    (0..200).map(|_| case()).collect()
}
