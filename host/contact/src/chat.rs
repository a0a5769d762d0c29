//! What only a written conversation has: messages, who has read how far, what waits for an answer, and its flow.
//!
//! All of it follows from the journal, so a conversation outlives the process: no socket belongs to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jackfield_types::{ChatEntryId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::decision::{
    Author, ChatAction, ChatAnswer, ChatEvent, ChatSurveyQuestion, Choice, Provenance, QueueExit,
};
use crate::effect::AskId;

/// Who reads and writes, apart from plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The customer.
    Customer,
    /// The agent.
    Agent,
}

/// What a flow answered to `Started` before the conversation began, and the visitor was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The answer.
    pub answer: ChatAnswer,
    /// Who gave it.
    pub by: Provenance,
}

/// The written part of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The entry through which the customer came.
    pub entry: ChatEntryId,
    /// The number of the latest message; 0 before the first.
    pub messages: u32,
    /// When it came; before the first, when the conversation began.
    pub latest_at: Timestamp,
    /// The number of the last message that the customer has read.
    pub customer_read: u32,
    /// The number of the last message that an agent has read.
    pub agent_read: u32,
    /// What the customer waits for, when for anything.
    pub unanswered: Option<Unanswered>,
    /// Whether an agent has written already.
    #[serde(skip)]
    pub(crate) answered: bool,
    /// Whether the customer has.
    #[serde(skip)]
    pub(crate) asked: bool,
    /// Ids that senders gave their latest messages, with the message's number.
    #[serde(skip)]
    pub(crate) client_ids: VecDeque<(Side, Arc<str>, u32)>,
    #[serde(skip)]
    pub(crate) flow: ChatFlow,
}

/// The customer waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Since then: the oldest message without an answer, or being put into a queue.
    pub since: Timestamp,
    /// How many of the entry's steps have been taken.
    pub steps: u8,
}

/// The flow's side of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ChatFlow {
    /// Whether a flow answers; false after its failure.
    pub(crate) alive: bool,
    pub(crate) state: Vec<u8>,
    /// Which version wrote the state.
    pub(crate) by: Option<Provenance>,
    /// What it has to be told, in order. The first may be being asked about.
    pub(crate) owed: VecDeque<ChatEvent>,
    pub(crate) awaits: Option<Awaits>,
    /// Its named timers, and when they run out.
    pub(crate) timers: BTreeMap<Arc<str>, Timestamp>,
    /// What follows once it has shown for a while that it is writing.
    pub(crate) later: VecDeque<ChatAction>,
    pub(crate) later_at: Timestamp,
    /// The choices of its latest message that offered any.
    pub(crate) choices: Vec<Choice>,
    /// Not journaled: after a restart it is asked again.
    pub(crate) asked: Option<(AskId, ChatEvent)>,
    /// Not journaled. Steps without any wait between them.
    pub(crate) steps_at_once: u32,
}

/// What the flow waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Awaits {
    pub(crate) until: Timestamp,
    /// The question, when the customer was asked one; else any message will do.
    pub(crate) question: Option<ChatSurveyQuestion>,
}

/// How long a survey question waits for its answer.
const SURVEY_MS: u64 = 10 * 60 * 1_000;

impl Chat {
    pub(crate) fn new(entry: ChatEntryId, at: Timestamp) -> Self {
        Self {
            entry,
            messages: 0,
            latest_at: at,
            customer_read: 0,
            agent_read: 0,
            unanswered: None,
            answered: false,
            asked: false,
            client_ids: VecDeque::new(),
            flow: ChatFlow {
                alive: true,
                ..ChatFlow::default()
            },
        }
    }

    /// Which version of its flow wrote the state with which the conversation goes on; none when there is no state.
    pub fn written_by(&self) -> Option<&Provenance> {
        self.flow.by.as_ref().filter(|_| !self.flow.state.is_empty())
    }

    /// The number of the message to which a side gave this id, as far as it is remembered
    /// ([`limits::MAX_CLIENT_IDS`]).
    pub fn number_of(&self, side: Side, client_id: &str) -> Option<u32> {
        self.client_ids
            .iter()
            .rfind(|(by, id, _)| *by == side && &**id == client_id)
            .map(|(.., number)| *number)
    }

    pub(crate) fn remember(&mut self, author: &Author, client_id: &Arc<str>, number: u32) {
        let side = match author {
            Author::Customer => Side::Customer,
            Author::Agent(_) => Side::Agent,
            Author::Bot | Author::System => return,
        };
        let own = |(by, ..): &&(Side, Arc<str>, u32)| *by == side;
        if self.client_ids.iter().filter(own).count() >= limits::MAX_CLIENT_IDS
            && let Some(oldest) = self.client_ids.iter().position(|(by, ..)| *by == side)
        {
            self.client_ids.remove(oldest);
        }
        self.client_ids.push_back((side, client_id.clone(), number));
    }
}

impl ChatFlow {
    /// Has the flow told of something. What is too much it finds among the messages.
    pub(crate) fn owe(&mut self, event: ChatEvent) {
        let alike = |owed: &&ChatEvent| owed.is_journaled() == event.is_journaled();
        if self.alive && self.owed.iter().filter(alike).count() < limits::MAX_OWED_EVENTS {
            self.owed.push_back(event);
        }
    }

    /// The flow has been told.
    pub(crate) fn told(&mut self, event: &ChatEvent) {
        if let Some(place) = self.owed.iter().position(|owed| owed.is_named(event)) {
            self.owed.remove(place);
        }
        match event {
            ChatEvent::Timer(name) => {
                self.timers.remove(name);
            }
            ChatEvent::Received { .. }
            | ChatEvent::Chosen(_)
            | ChatEvent::NoReply
            | ChatEvent::SurveyAnswered { .. } => self.awaits = None,
            _ => {}
        }
    }

    /// What the flow wants from now on. What is beyond the first `Typing` comes later. `waits` says whether it may wait
    /// for the customer.
    pub(crate) fn wants(&mut self, actions: &[ChatAction], at: Timestamp, waits: bool) {
        let (now, later) = until_typing(actions);
        self.later = later.iter().cloned().collect();
        for action in now {
            match action {
                ChatAction::Typing(ms) => self.later_at = at + *ms,
                ChatAction::SetTimer(name, ms) if self.has_room_for(name) => {
                    self.timers.insert(name.clone(), at + *ms);
                }
                ChatAction::AwaitReply(ms) if waits => {
                    self.awaits = Some(Awaits {
                        until: at + *ms,
                        question: None,
                    });
                }
                ChatAction::AskSurvey(question) if waits => {
                    self.awaits = Some(Awaits {
                        until: at + SURVEY_MS,
                        question: Some(question.clone()),
                    });
                }
                _ => {}
            }
        }
    }

    pub(crate) fn has_room_for(&self, timer: &str) -> bool {
        self.timers.contains_key(timer) || self.timers.len() < limits::MAX_FLOW_TIMERS
    }

    /// The flow has no place in the conversation any longer.
    pub(crate) fn die(&mut self) {
        *self = Self {
            choices: std::mem::take(&mut self.choices),
            ..Self::default()
        };
    }
}

/// What is carried out at once, the `Typing` that ends it included, and what comes later.
pub(crate) fn until_typing(actions: &[ChatAction]) -> (&[ChatAction], &[ChatAction]) {
    let typing = |action: &ChatAction| matches!(action, ChatAction::Typing(_));
    let end = actions
        .iter()
        .position(typing)
        .map_or(actions.len(), |index| index + 1);
    actions.split_at(end)
}

impl ChatSurveyQuestion {
    /// The answer that a message gives, when it is one: a number within the range, in ASCII or full-width digits.
    pub(crate) fn answer_in(&self, text: &str) -> Option<u8> {
        let digits: String = text
            .trim()
            .chars()
            .map(|c| match c {
                '０'..='９' => char::from(b'0' + (c as u32 - '０' as u32) as u8),
                c => c,
            })
            .collect();
        let value = digits.parse().ok()?;
        (self.lowest..=self.highest).contains(&value).then_some(value)
    }
}

impl ChatEvent {
    /// The same without what stands elsewhere in the journal.
    pub(crate) fn named(&self) -> Self {
        let mut named = self.clone();
        if let Self::Received { message, attachments } = &mut named {
            message.text = "".into();
            attachments.clear();
        }
        named
    }

    /// Whether it follows from the journal; the others come again by themselves after a restart.
    pub(crate) const fn is_journaled(&self) -> bool {
        !matches!(
            self,
            Self::QueueProgress(_)
                | Self::QueueLeft(QueueExit::UnknownQueue | QueueExit::Full)
                | Self::Unanswered { .. }
                | Self::Timer(_)
        )
    }

    fn is_named(&self, named: &Self) -> bool {
        self.named() == *named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_within_the_range() {
        let question = ChatSurveyQuestion {
            id: "csat".into(),
            text: "how was it".into(),
            lowest: 1,
            highest: 10,
        };
        for (text, answer) in [
            ("5", Some(5)),
            (" 10 ", Some(10)),
            ("９", Some(9)),
            ("0", None),
            ("11", None),
            ("five", None),
            ("", None),
            ("5 stars", None),
        ] {
            assert_eq!(question.answer_in(text), answer, "{text:?}");
        }
    }

    #[test]
    fn what_comes_after_typing_comes_later() {
        let actions = [
            ChatAction::Typing(500),
            ChatAction::AwaitReply(1_000),
            ChatAction::Typing(1),
        ];
        assert_eq!(until_typing(&actions), actions.split_at(1));
        assert_eq!(until_typing(&actions[1..2]), (&actions[1..2], &[][..]));
    }

    #[test]
    fn ids_of_the_other_side_are_not_forgotten_for_ones_own() {
        let id = ChatEntryId::new("web").unwrap();
        let mut chat = Chat::new(id, Timestamp(1));
        chat.remember(
            &Author::Agent(jackfield_types::AgentId::new("a").unwrap()),
            &"x".into(),
            1,
        );
        for number in 0..limits::MAX_CLIENT_IDS as u32 + 1 {
            chat.remember(&Author::Customer, &number.to_string().into(), number + 2);
        }
        assert_eq!(chat.number_of(Side::Agent, "x"), Some(1));
        assert_eq!(chat.number_of(Side::Customer, "0"), None);
        assert_eq!(chat.number_of(Side::Customer, "1"), Some(3));
        assert_eq!(chat.number_of(Side::Customer, "x"), None);
    }
}
