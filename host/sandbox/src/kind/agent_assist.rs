use std::fmt;

use jackfield_contact::decision::{Advice, AssistQuestion, AssistTrigger, Failure, Suggestion};
use jackfield_types::limits::{
    MAX_ASSIST_MESSAGES, MAX_MESSAGE_BYTES, MAX_SUGGESTIONS, MAX_TEXT_BYTES, MAX_TITLE_BYTES,
};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::{Checker, invalid},
    bindings::{cx::agent_assist::types as wit, exports::cx::agent_assist::assist::GuestIndices},
    fault::{Fault, failure},
    lower::Lower,
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &AssistQuestion,
    ceilings: &Ceilings,
) -> Result<Vec<Suggestion>, Fault> {
    let conversation = conversation(question, ceilings.input_bytes)?;
    let suggestions = guest
        .load(&mut *store, instance)?
        .call_suggest(store, &conversation)??;
    Ok(checked(suggestions, question, ceilings.output_bytes)?)
}

fn conversation(question: &AssistQuestion, limit: usize) -> Result<wit::Conversation, Failure> {
    let messages = question.messages.len();
    if messages > MAX_ASSIST_MESSAGES {
        let message =
            format_args!("the question has {messages} messages: expected at most {MAX_ASSIST_MESSAGES}");
        return Err(failure("oversize", message));
    }
    let mut lower = Lower::question(limit);
    let conversation = wit::Conversation {
        id: lower.shown(question.interaction),
        channel: question.channel.into(),
        agent: lower.text(question.agent.as_str()),
        queue: question.queue.as_ref().map(|queue| lower.text(queue.as_str())),
        language: lower.text(&question.language),
        trigger: match question.trigger {
            AssistTrigger::Connected => wit::Trigger::Connected,
            AssistTrigger::CustomerMessage => wit::Trigger::CustomerMessage,
            AssistTrigger::CustomerTyping => wit::Trigger::CustomerTyping,
            AssistTrigger::Requested => wit::Trigger::Requested,
        },
        messages: lower.messages(&question.messages),
        typing: question.typing.as_ref().map(|text| lower.text(text)),
        attributes: lower.attributes(&question.attributes),
    };
    lower.asked(conversation)
}

fn checked(
    found: Vec<wit::Suggestion>,
    question: &AssistQuestion,
    limit: usize,
) -> Result<Vec<Suggestion>, Failure> {
    let mut check = Checker::new(limit);
    check.list("suggestions", &found, MAX_SUGGESTIONS)?;
    found
        .into_iter()
        .enumerate()
        .map(|(n, found)| {
            let at = format_args!("suggestions[{n}]");
            if let Some(about) = found.about
                && !question.messages.iter().any(|message| message.number == about)
            {
                return Err(invalid(
                    format_args!("{at}.about"),
                    format_args!("message {about}"),
                    "the number of a message of the question",
                ));
            }
            Ok(Suggestion {
                advice: advice(&mut check, format_args!("{at}.advice"), found.advice)?,
                title: check.filled(format_args!("{at}.title"), found.title, MAX_TITLE_BYTES)?,
                confidence: check.number(format_args!("{at}.confidence"), found.confidence, 0..=100)?,
                reason: check.text(format_args!("{at}.reason"), found.reason, MAX_TEXT_BYTES)?,
                about: found.about,
            })
        })
        .collect()
}

fn advice(check: &mut Checker, at: fmt::Arguments<'_>, found: wit::Advice) -> Result<Advice, Failure> {
    Ok(match found {
        wit::Advice::Reply(text) => {
            Advice::Reply(check.filled(format_args!("{at}.reply"), text, MAX_MESSAGE_BYTES)?)
        }
        wit::Advice::Knowledge(id) => Advice::Knowledge(check.name(format_args!("{at}.knowledge"), id)?),
        wit::Advice::Next(next) => Advice::Next {
            code: check.name(format_args!("{at}.next.code"), next.code)?,
            argument: check.text(format_args!("{at}.next.argument"), next.argument, MAX_TEXT_BYTES)?,
        },
        wit::Advice::Hint(text) => {
            Advice::Hint(check.filled(format_args!("{at}.hint"), text, MAX_TEXT_BYTES)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::{Author, Message};
    use jackfield_types::{AgentId, Channel, Timestamp};

    use super::*;

    fn question(messages: u32) -> AssistQuestion {
        let message = |number| Message {
            number,
            at: Timestamp(1),
            author: Author::Customer,
            text: "refund?".into(),
        };
        AssistQuestion {
            interaction: "0198f000-0000-7000-8000-000000000001".parse().unwrap(),
            channel: Channel::Chat,
            agent: AgentId::new("anna").unwrap(),
            queue: None,
            language: "en".into(),
            trigger: AssistTrigger::CustomerTyping,
            messages: (7..7 + messages).map(message).collect(),
            typing: Some("how long".into()),
            attributes: vec![],
        }
    }

    fn suggestion(advice: wit::Advice) -> wit::Suggestion {
        wit::Suggestion {
            advice,
            title: "Refunds".into(),
            confidence: 100,
            reason: String::new(),
            about: Some(8),
        }
    }

    fn check(found: Vec<wit::Suggestion>) -> Result<Vec<Suggestion>, String> {
        checked(found, &question(2), 64 * 1024).map_err(|failure| failure.message.to_string())
    }

    #[test]
    fn sound_suggestions_pass() {
        let next = wit::NextAction {
            code: "transfer".into(),
            argument: "billing".into(),
        };
        let found = check(vec![
            suggestion(wit::Advice::Reply("Three days.".into())),
            suggestion(wit::Advice::Knowledge("refunds".into())),
            suggestion(wit::Advice::Next(next)),
            suggestion(wit::Advice::Hint("Calm.".into())),
        ])
        .unwrap();
        assert_eq!(found.len(), 4);
        assert_eq!(found[1].advice, Advice::Knowledge("refunds".into()));
        assert_eq!(check(vec![]), Ok(vec![]));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let hint = || suggestion(wit::Advice::Hint("x".into()));
        let next = wit::NextAction {
            code: String::new(),
            argument: String::new(),
        };
        for (found, part) in [
            (
                vec![hint(); 11],
                "suggestions: found 11 entries, expected at most 10",
            ),
            (
                vec![
                    hint(),
                    wit::Suggestion {
                        about: Some(9),
                        ..hint()
                    },
                ],
                "suggestions[1].about: found message 9, expected the number of a message",
            ),
            (
                vec![wit::Suggestion {
                    confidence: 101,
                    ..hint()
                }],
                "suggestions[0].confidence: found 101, expected 0 to 100",
            ),
            (
                vec![wit::Suggestion {
                    title: String::new(),
                    ..hint()
                }],
                "suggestions[0].title: found an empty text",
            ),
            (
                vec![wit::Suggestion {
                    title: "x".repeat(257),
                    ..hint()
                }],
                "suggestions[0].title: found 257 bytes, expected at most 256",
            ),
            (
                vec![wit::Suggestion {
                    reason: "x".repeat(2_049),
                    ..hint()
                }],
                "suggestions[0].reason: found 2049 bytes",
            ),
            (
                vec![suggestion(wit::Advice::Reply(String::new()))],
                "suggestions[0].advice.reply: found an empty text, expected 1 to 8192 bytes",
            ),
            (
                vec![suggestion(wit::Advice::Knowledge("x".repeat(65)))],
                "suggestions[0].advice.knowledge: found 65 bytes",
            ),
            (
                vec![suggestion(wit::Advice::Next(next))],
                "suggestions[0].advice.next.code: found an empty text",
            ),
            (
                vec![suggestion(wit::Advice::Hint("x".repeat(2_049)))],
                "suggestions[0].advice.hint: found 2049 bytes",
            ),
        ] {
            let error = check(found).unwrap_err();
            assert!(error.contains(part), "{error}: expected {part:?}");
        }
    }

    #[test]
    fn the_conversation_is_limited() {
        let lowered = conversation(&question(50), 64 * 1024).unwrap();
        assert_eq!(
            (lowered.messages.len(), lowered.typing.as_deref()),
            (50, Some("how long"))
        );
        assert_eq!(
            &*conversation(&question(51), 64 * 1024).unwrap_err().code,
            "oversize"
        );
        assert_eq!(&*conversation(&question(50), 100).unwrap_err().code, "oversize");
    }
}
