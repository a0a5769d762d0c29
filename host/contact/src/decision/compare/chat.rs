//! Steps of chat flows: actions in their order, since a customer reads them in it.

use super::{Differences, Grade};
use crate::decision::{ChatAction, ChatAnswer, ChatEvent, ChatQuestion};

pub(super) fn compare(
    found: &mut Differences,
    question: &ChatQuestion,
    before: &ChatAnswer,
    after: &ChatAnswer,
) {
    found.field(Grade::Cosmetic, "/chat/state", &before.state, &after.state);
    let ends = |answer: &ChatAnswer| answer.actions.contains(&ChatAction::End);
    let silent = question.event == ChatEvent::Started && after.actions.is_empty();
    let loses = (ends(after) && !ends(before)) || (silent && !before.actions.is_empty());
    if loses && question.event != ChatEvent::Ended {
        found.note(Grade::Forbidden, "/chat/actions", &before.actions, &after.actions);
        return;
    }
    found.places("/chat/actions", &before.actions, &after.actions, |was, is| {
        let same = |(was, is)| without_words(was) == without_words(is);
        if was.zip(is).is_some_and(same) {
            Grade::Cosmetic
        } else {
            Grade::Material
        }
    });
}

/// The action without what people read and nothing else depends on.
fn without_words(action: &ChatAction) -> ChatAction {
    let mut action = action.clone();
    match &mut action {
        ChatAction::Send(message) => {
            message.text = "".into();
            for choice in &mut message.choices {
                choice.label = "".into();
            }
        }
        ChatAction::AskSurvey(question) => question.text = "".into(),
        _ => {}
    }
    action
}

#[cfg(test)]
mod tests {
    use jackfield_types::{Channel, ChatEntryId, Timestamp};

    use super::*;
    use crate::decision::{ChatInfo, ChatMessage, Choice};

    fn grade(event: ChatEvent, before: &[ChatAction], after: &[ChatAction]) -> Grade {
        let question = ChatQuestion {
            state: vec![],
            event,
            chat: ChatInfo {
                interaction: "0198f000-0000-7000-8000-000000000001".parse().unwrap(),
                channel: Channel::Chat,
                entry: ChatEntryId::new("website").unwrap(),
                address: "v".into(),
                started_at: Timestamp(1),
                language: "en".into(),
                attributes: vec![],
            },
        };
        let answer = |actions: &[ChatAction]| ChatAnswer {
            state: vec![],
            actions: actions.to_vec(),
        };
        let mut found = Differences::default();
        compare(&mut found, &question, &answer(before), &answer(after));
        found.done().grade
    }

    fn send(text: &str, choice: &str) -> ChatAction {
        ChatAction::Send(ChatMessage {
            text: text.into(),
            choices: vec![Choice {
                id: choice.into(),
                label: text.into(),
            }],
        })
    }

    #[test]
    fn words_are_cosmetic_choices_are_not_and_a_lost_customer_is_forbidden() {
        let hello = [send("Hello", "1")];
        for (event, after, expected) in [
            (ChatEvent::NoReply, vec![send("Hello", "1")], Grade::Identical),
            (ChatEvent::NoReply, vec![send("Hi", "1")], Grade::Cosmetic),
            (ChatEvent::NoReply, vec![send("Hello", "2")], Grade::Material),
            (ChatEvent::NoReply, vec![], Grade::Material),
            (
                ChatEvent::NoReply,
                vec![send("Hello", "1"), ChatAction::End],
                Grade::Forbidden,
            ),
            (ChatEvent::Started, vec![], Grade::Forbidden),
            (ChatEvent::Ended, vec![ChatAction::End], Grade::Material),
        ] {
            assert_eq!(grade(event, &hello, &after), expected, "{after:?}");
        }
    }
}
