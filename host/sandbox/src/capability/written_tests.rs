//! What can be asked in written conversations: the conversation, its messages, the knowledge base.

use std::sync::Arc;

use jackfield_contact::decision::{
    Author, ChatEvent, ChatInfo, ChatQuestion, KnowledgeEntry, KnowledgeHit, KnowledgeKind, KnowledgeQuery,
    Message, Question,
};
use jackfield_types::{Channel, ChatEntryId, Timestamp};

use super::tests::{code, interaction, state};
use crate::{
    NoReads, ReadError, Reads,
    bindings::cx::{
        chat::{chats, messages},
        knowledge::entries::{self, EntryKind, Query},
    },
};

struct Shelf;

impl Reads for Shelf {
    fn messages(&self, after: u32, _limit: usize) -> Result<Vec<Message>, ReadError> {
        let message = |number| Message {
            number,
            at: Timestamp(1),
            author: Author::Customer,
            text: "hi".into(),
        };
        // One more than was asked for.
        Ok((after + 1..=after + 3).map(message).collect())
    }

    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        assert_eq!((query.kind, query.limit), (Some(KnowledgeKind::Article), 2));
        let hit = KnowledgeHit {
            id: "refunds".into(),
            kind: KnowledgeKind::Article,
            title: "Refunds".into(),
            language: "en".into(),
            snippet: query.text.clone(),
            score: 1.5,
        };
        Ok(vec![hit; 3])
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        Ok((id == "refunds").then(|| KnowledgeEntry {
            id: id.into(),
            kind: KnowledgeKind::ReplyTemplate,
            title: "Refunds".into(),
            language: "en".into(),
            body: "Three days.".into(),
            updated_at: Timestamp(2),
        }))
    }
}

fn chat(channel: Channel) -> Question {
    Question::Chat(Box::new(ChatQuestion {
        state: vec![],
        event: ChatEvent::Started,
        chat: ChatInfo {
            interaction: interaction(),
            channel,
            entry: ChatEntryId::new("website").unwrap(),
            address: "visitor-1".into(),
            started_at: Timestamp(1),
            language: "en".into(),
            attributes: vec![],
        },
    }))
}

fn query(text: &str, limit: u32) -> Query {
    Query {
        text: text.into(),
        language: None,
        kind: Some(EntryKind::Article),
        limit,
    }
}

#[test]
fn the_conversation_and_its_messages_can_be_asked_about() {
    let mut state = state(chat(Channel::Social), Arc::new(Shelf));
    let info = chats::Host::current(&mut state).unwrap();
    assert_eq!(
        (info.entry.as_str(), info.address.as_str()),
        ("website", "visitor-1")
    );
    assert_eq!(code(chats::Host::queue(&mut state, "x".into())), "unknown-queue");
    let found = messages::Host::list(&mut state, 7, 2).unwrap();
    let numbers: Vec<_> = found.iter().map(|message| message.number).collect();
    assert_eq!(numbers, [8, 9]);
    assert_eq!(code(messages::Host::list(&mut state, 0, 201)), "bad-limit");
}

#[test]
fn a_host_that_keeps_no_messages_says_so() {
    let mut state = state(chat(Channel::Chat), Arc::new(NoReads));
    assert_eq!(code(messages::Host::list(&mut state, 0, 1)), "unavailable");
}

#[test]
fn the_knowledge_base_is_searched_within_limits() {
    let mut state = state(chat(Channel::Chat), Arc::new(Shelf));
    let found = entries::Host::search(&mut state, query("refund", 2)).unwrap();
    assert_eq!((found.len(), found[0].snippet.as_str()), (2, "refund"));
    assert_eq!(code(entries::Host::search(&mut state, query("", 2))), "bad-query");
    let long = "x".repeat(513);
    assert_eq!(
        code(entries::Host::search(&mut state, query(&long, 2))),
        "bad-query"
    );
    for limit in [0, 21] {
        assert_eq!(
            code(entries::Host::search(&mut state, query("a", limit))),
            "bad-limit"
        );
    }
    assert_eq!(
        entries::Host::get(&mut state, "refunds".into()).unwrap().body,
        "Three days."
    );
    assert_eq!(
        code(entries::Host::get(&mut state, "rumours".into())),
        "unknown-entry"
    );
}
