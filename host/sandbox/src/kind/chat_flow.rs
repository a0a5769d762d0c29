use std::fmt;

use jackfield_contact::decision::{
    ChatAction, ChatAnswer, ChatEvent, ChatMessage, ChatQuestion, ChatSurveyQuestion, Choice, Failure,
    QueueExit,
};
use jackfield_types::limits::{MAX_ADDRESS_BYTES, MAX_CHOICES, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::{Checker, invalid},
    bindings::{
        cx::chat::conversation as wit,
        exports::cx::chat_flow::flow::{GuestIndices, Next},
    },
    fault::Fault,
    kind::flow,
    lower::Lower,
    state::State,
};

/// The longest wait for a reply and the longest timer: a day, since messengers are slow.
const MAX_WAIT_MS: u64 = 86_400_000;

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &ChatQuestion,
    ceilings: &Ceilings,
) -> Result<ChatAnswer, Fault> {
    let mut lower = Lower::question(ceilings.input_bytes);
    lower.takes(question.state.len());
    let event = event(&mut lower, &question.event);
    let event = lower.asked(event)?;
    let next = guest
        .load(&mut *store, instance)?
        .call_step(store, &question.state, &event)??;
    Ok(checked(next, ceilings.output_bytes)?)
}

fn event(lower: &mut Lower, event: &ChatEvent) -> wit::ChatEvent {
    match event {
        ChatEvent::Started => wit::ChatEvent::Started,
        ChatEvent::Received { message, attachments } => wit::ChatEvent::Received(wit::Received {
            message: lower.message(message),
            attachments: lower.list(attachments, |lower, attachment| wit::Attachment {
                name: lower.text(&attachment.name),
                media_type: lower.text(&attachment.media_type),
                size: attachment.size,
            }),
        }),
        ChatEvent::Chosen(id) => wit::ChatEvent::Chosen(lower.text(id)),
        ChatEvent::NoReply => wit::ChatEvent::NoReply,
        ChatEvent::QueueProgress(progress) => wit::ChatEvent::QueueProgress(wit::QueueProgress {
            queue: lower.text(progress.queue.as_str()),
            position: progress.position,
            waited: progress.waited_ms,
            expected_wait: progress.expected_wait_ms,
        }),
        ChatEvent::QueueLeft(exit) => wit::ChatEvent::QueueLeft(match exit {
            QueueExit::UnknownQueue => wit::QueueExit::UnknownQueue,
            QueueExit::Full => wit::QueueExit::Full,
            QueueExit::MaxWait => wit::QueueExit::MaxWait,
        }),
        ChatEvent::Answered(agent) => wit::ChatEvent::Answered(lower.text(agent.as_str())),
        ChatEvent::Unanswered { agent, waited_ms } => wit::ChatEvent::Unanswered(wit::Unanswered {
            agent: lower.text(agent.as_str()),
            waited: *waited_ms,
        }),
        ChatEvent::AgentLeft { agent, handled_ms } => wit::ChatEvent::AgentLeft(wit::AgentLeft {
            agent: lower.text(agent.as_str()),
            handled: *handled_ms,
        }),
        ChatEvent::SurveyAnswered { question, value } => wit::ChatEvent::SurveyAnswered(wit::SurveyAnswer {
            question: lower.text(question),
            value: *value,
        }),
        ChatEvent::Timer(name) => wit::ChatEvent::Timer(lower.text(name)),
        ChatEvent::Ended => wit::ChatEvent::Ended,
        ChatEvent::Migrated(schema) => wit::ChatEvent::Migrated(*schema),
    }
}

fn checked(next: Next, limit: usize) -> Result<ChatAnswer, Failure> {
    let mut check = Checker::new(limit);
    let actions = flow::actions(&mut check, &next.state, next.actions, action, ChatAction::waits)?;
    Ok(ChatAnswer {
        state: next.state,
        actions,
    })
}

fn action(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    action: wit::ChatAction,
) -> Result<ChatAction, Failure> {
    Ok(match action {
        wit::ChatAction::Send(found) => ChatAction::Send(message(check, format_args!("{at}.send"), found)?),
        wit::ChatAction::Typing(ms) => {
            ChatAction::Typing(check.number(format_args!("{at}.typing"), ms, 100..=10_000)?)
        }
        wit::ChatAction::AwaitReply(ms) => {
            ChatAction::AwaitReply(check.number(format_args!("{at}.await-reply"), ms, 1_000..=MAX_WAIT_MS)?)
        }
        wit::ChatAction::Enqueue(found) => {
            let at = format_args!("{at}.enqueue");
            ChatAction::Enqueue {
                enqueue: flow::enqueue(check, at, found.queue, &found.needs, found.priority)?,
                summary: found
                    .summary
                    .map(|text| check.text(format_args!("{at}.summary"), text, MAX_TEXT_BYTES))
                    .transpose()?,
            }
        }
        wit::ChatAction::Set(found) => ChatAction::Set(
            check.name(format_args!("{at}.set.key"), found.key)?,
            check.text(format_args!("{at}.set.value"), found.value, MAX_TEXT_BYTES)?,
        ),
        wit::ChatAction::AskSurvey(found) => {
            let at = format_args!("{at}.ask-survey");
            let highest = check.number(format_args!("{at}.highest"), found.highest, 0..=10)?;
            ChatAction::AskSurvey(ChatSurveyQuestion {
                id: check.name(format_args!("{at}.id"), found.id)?,
                text: check.filled(format_args!("{at}.text"), found.text, MAX_TEXT_BYTES)?,
                lowest: check.number(format_args!("{at}.lowest"), found.lowest, 0..=highest)?,
                highest,
            })
        }
        wit::ChatAction::SetTimer(found) => ChatAction::SetTimer(
            check.name(format_args!("{at}.set-timer.name"), found.name)?,
            check.number(
                format_args!("{at}.set-timer.after"),
                found.after,
                100..=MAX_WAIT_MS,
            )?,
        ),
        wit::ChatAction::End => ChatAction::End,
    })
}

fn message(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    found: wit::Outgoing,
) -> Result<ChatMessage, Failure> {
    let text = check.filled(format_args!("{at}.text"), found.text, MAX_MESSAGE_BYTES)?;
    check.list(format_args!("{at}.choices"), &found.choices, MAX_CHOICES)?;
    let mut choices: Vec<Choice> = Vec::with_capacity(found.choices.len());
    for (n, found) in found.choices.into_iter().enumerate() {
        let at = format_args!("{at}.choices[{n}]");
        let id = check.name(format_args!("{at}.id"), found.id)?;
        if choices.iter().any(|choice| choice.id == id) {
            return Err(invalid(
                format_args!("{at}.id"),
                format_args!("{id:?} again"),
                "each id once",
            ));
        }
        choices.push(Choice {
            id,
            label: check.filled(format_args!("{at}.label"), found.label, MAX_ADDRESS_BYTES)?,
        });
    }
    Ok(ChatMessage { text, choices })
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::{Author, Message, QueueProgress, ReceivedAttachment};
    use jackfield_types::{AgentId, QueueId, Timestamp};

    use super::*;
    use crate::bindings::cx::types::types::{Attribute, Need};

    fn check(actions: Vec<wit::ChatAction>) -> Result<ChatAnswer, String> {
        let state = vec![1];
        checked(Next { state, actions }, 64 * 1024).map_err(|failure| failure.message.to_string())
    }

    fn send(text: &str, choices: &[(&str, &str)]) -> wit::ChatAction {
        wit::ChatAction::Send(wit::Outgoing {
            text: text.into(),
            choices: choices
                .iter()
                .map(|(id, label)| wit::Choice {
                    id: (*id).into(),
                    label: (*label).into(),
                })
                .collect(),
        })
    }

    fn enqueue(change: fn(&mut wit::Enqueue)) -> wit::ChatAction {
        let mut enqueue = wit::Enqueue {
            queue: "support".into(),
            needs: vec![Need {
                skill: "zh".into(),
                level: 3,
            }],
            priority: 100,
            summary: Some("Wants a refund.".into()),
        };
        change(&mut enqueue);
        wit::ChatAction::Enqueue(enqueue)
    }

    fn survey(text: &str, lowest: u8, highest: u8) -> wit::ChatAction {
        wit::ChatAction::AskSurvey(wit::SurveyQuestion {
            id: "nps".into(),
            text: text.into(),
            lowest,
            highest,
        })
    }

    fn timer(name: &str, after: u64) -> wit::ChatAction {
        wit::ChatAction::SetTimer(wit::Timer {
            name: name.into(),
            after,
        })
    }

    #[test]
    fn a_sound_step_passes() {
        let set = wit::ChatAction::Set(Attribute {
            key: "intent".into(),
            value: String::new(),
        });
        let answer = check(vec![
            set,
            timer("t", 86_400_000),
            wit::ChatAction::Typing(100),
            send("您好", &[("1", "退款"), ("2", "其他")]),
            enqueue(|_| ()),
        ])
        .unwrap();
        assert_eq!((answer.state.len(), answer.actions.len()), (1, 5));
        assert!(check(vec![survey("0–10?", 0, 10)]).is_ok());
        assert!(check(vec![wit::ChatAction::AwaitReply(1_000)]).is_ok());
        assert_eq!(check(vec![]).unwrap().actions, []);
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        for (action, part) in [
            (
                send("", &[]),
                "send.text: found an empty text, expected 1 to 8192 bytes",
            ),
            (
                send(&"x".repeat(8_193), &[]),
                "send.text: found 8193 bytes, expected at most 8192",
            ),
            (send("a", &[("", "x")]), "send.choices[0].id: found an empty text"),
            (
                send("a", &[("1", "")]),
                "send.choices[0].label: found an empty text",
            ),
            (
                send("a", &[("1", "x"), ("1", "y")]),
                "send.choices[1].id: found \"1\" again",
            ),
            (
                send("a", &[("1", "x"); 11]),
                "send.choices: found 11 entries, expected at most 10",
            ),
            (
                wit::ChatAction::Typing(99),
                "typing: found 99, expected 100 to 10000",
            ),
            (wit::ChatAction::AwaitReply(999), "await-reply: found 999"),
            (
                wit::ChatAction::AwaitReply(86_400_001),
                "await-reply: found 86400001",
            ),
            (
                enqueue(|it| it.queue = String::new()),
                "enqueue.queue: found an empty text",
            ),
            (enqueue(|it| it.priority = -101), "enqueue.priority: found -101"),
            (
                enqueue(|it| it.needs[0].level = 0),
                "enqueue.needs[0].level: found 0, expected 1 to 10",
            ),
            (
                enqueue(|it| it.needs[0].skill = "Z H".into()),
                "enqueue.needs[0].skill: found Z H",
            ),
            (
                enqueue(|it| it.needs = vec![it.needs[0].clone(); 17]),
                "enqueue.needs: found 17 entries",
            ),
            (
                enqueue(|it| it.summary = Some("x".repeat(2_049))),
                "enqueue.summary: found 2049 bytes, expected at most 2048",
            ),
            (survey("", 1, 5), "ask-survey.text: found an empty text"),
            (survey("?", 6, 5), "ask-survey.lowest: found 6, expected 0 to 5"),
            (
                survey("?", 1, 11),
                "ask-survey.highest: found 11, expected 0 to 10",
            ),
            (timer("", 100), "set-timer.name: found an empty text"),
            (
                timer("t", 99),
                "set-timer.after: found 99, expected 100 to 86400000",
            ),
        ] {
            let error = check(vec![action]).unwrap_err();
            assert!(
                error.starts_with("actions[0].") && error.contains(part),
                "{error}: expected {part:?}"
            );
        }
        let error = check(vec![wit::ChatAction::End, send("a", &[])]).unwrap_err();
        assert!(
            error.contains("actions[0]: found an action that waits"),
            "{error}"
        );
        let error = check(vec![wit::ChatAction::Typing(100); 33]).unwrap_err();
        assert!(
            error.contains("actions: found 33 entries, expected at most 32"),
            "{error}"
        );
        let error = check(vec![send(&"x".repeat(8_192), &[]); 9]).unwrap_err();
        assert!(error.contains("more than 65536 bytes"), "{error}");
    }

    #[test]
    fn every_event_reaches_the_plugin_in_its_own_words() {
        let agent = AgentId::new("anna").unwrap();
        let message = Message {
            number: 2,
            at: Timestamp(3),
            author: Author::Agent(agent.clone()),
            text: "hi".into(),
        };
        let attachment = ReceivedAttachment {
            size: Some(4),
            ..ReceivedAttachment::named("a.jpg".into(), "image/jpeg".into())
        };
        let progress = QueueProgress {
            queue: QueueId::new("support").unwrap(),
            position: 1,
            waited_ms: 2,
            expected_wait_ms: None,
        };
        let attachments = vec![attachment];
        for (given, expected) in [
            (ChatEvent::Started, "Started"),
            (
                ChatEvent::Received { message, attachments },
                "Received { message: Message { number: 2, at: 3, author: Author::Agent, agent: Some(\"anna\"), \
                 text: \"hi\" }, attachments: [Attachment { name: \"a.jpg\", media-type: \"image/jpeg\", \
                 size: Some(4) }] }",
            ),
            (ChatEvent::Chosen("1".into()), "\"1\""),
            (ChatEvent::NoReply, "NoReply"),
            (
                ChatEvent::QueueProgress(progress),
                "position: 1, waited: 2, expected-wait: None",
            ),
            (ChatEvent::QueueLeft(QueueExit::Full), "Full"),
            (ChatEvent::Answered(agent.clone()), "\"anna\""),
            (
                ChatEvent::Unanswered {
                    agent: agent.clone(),
                    waited_ms: 15_000,
                },
                "waited: 15000",
            ),
            (ChatEvent::AgentLeft { agent, handled_ms: 9 }, "handled: 9"),
            (
                ChatEvent::SurveyAnswered {
                    question: "csat".into(),
                    value: 5,
                },
                "question: \"csat\", value: 5",
            ),
            (ChatEvent::Timer("t".into()), "\"t\""),
            (ChatEvent::Ended, "Ended"),
            (ChatEvent::Migrated(7), "7"),
        ] {
            let mut lower = Lower::question(1_024);
            let found = event(&mut lower, &given);
            let found = format!("{:?}", lower.asked(found).unwrap());
            assert!(found.contains(expected), "{found}: expected {expected}");
        }
    }
}
