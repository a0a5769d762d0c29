use jackfield_plugin::{
    Channel,
    agent_assist::{Advice, Author, Conversation, Message, NextAction, Suggestion, Trigger},
    knowledge::{Entry, EntryKind},
    testing::Host,
};

use super::KnowledgeAssist;

fn entry(id: &str, kind: EntryKind, title: &str, body: &str) -> Entry {
    Entry {
        id: id.to_owned(),
        kind,
        title: title.to_owned(),
        language: "en".to_owned(),
        body: body.to_owned(),
        updated_at: 0,
    }
}

fn suggest(config: &str, texts: &[(Author, &str)], typing: Option<&str>) -> Vec<Suggestion> {
    let messages = (5..).zip(texts).map(|(number, (author, text))| Message {
        number,
        at: 0,
        author: *author,
        agent: None,
        text: (*text).to_owned(),
    });
    let mut host = Host {
        knowledge: vec![
            entry(
                "refunds",
                EntryKind::Article,
                "Refunds",
                "A refund takes three days.",
            ),
            entry(
                "refund-reply",
                EntryKind::ReplyTemplate,
                "Refund days",
                "Your refund will be there in 3 days.",
            ),
            entry("parking", EntryKind::Article, "Parking", "Behind the house."),
        ],
        ..Host::new().with_config(config)
    };
    host.suggest::<KnowledgeAssist>(Conversation {
        id: "1".to_owned(),
        channel: Channel::Chat,
        agent: "anna".to_owned(),
        queue: None,
        language: "en".to_owned(),
        trigger: Trigger::CustomerMessage,
        messages: messages.collect(),
        typing: typing.map(str::to_owned),
        attributes: Vec::new(),
    })
    .unwrap()
}

#[test]
fn the_last_words_of_the_customer_are_looked_up() {
    let said = [
        (Author::Customer, "parking"),
        (Author::Customer, "refund days"),
        (Author::Agent, "one moment"),
    ];
    let found = suggest("{}", &said, None);
    assert_eq!(found.len(), 2, "{found:?}");
    let advice: Vec<_> = found.iter().map(|suggestion| suggestion.advice.clone()).collect();
    assert!(advice.contains(&Advice::Knowledge("refunds".to_owned())));
    assert!(advice.contains(&Advice::Reply("Your refund will be there in 3 days.".to_owned())));
    assert_eq!((found[0].confidence, found[0].about), (80, Some(6)));
    assert_eq!(suggest(r#"{"limit": 1}"#, &said, None).len(), 1);
}

#[test]
fn what_is_being_typed_comes_first() {
    let found = suggest("{}", &[(Author::Customer, "refund")], Some("parking near"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].advice, Advice::Knowledge("parking".to_owned()));
    assert_eq!(found[0].about, None);
}

#[test]
fn nothing_said_means_nothing_suggested() {
    assert_eq!(suggest("{}", &[], None), []);
    assert_eq!(suggest("{}", &[(Author::Agent, "parking")], Some("  ")), []);
    assert_eq!(suggest("{}", &[(Author::Customer, " ")], None), []);
    let long = "停车".repeat(300);
    assert_eq!(suggest("{}", &[(Author::Customer, &long)], None), []);
}

#[test]
fn an_upset_customer_is_seen() {
    let said = [(Author::Customer, "我要投诉！")];
    assert!(matches!(suggest("{}", &said, None)[0].advice, Advice::Hint(_)));
    let next = NextAction {
        code: "transfer".to_owned(),
        argument: "leads".to_owned(),
    };
    assert_eq!(
        suggest(r#"{"escalate-to": "leads"}"#, &said, None)[0].advice,
        Advice::Next(next)
    );
    assert_eq!(suggest(r#"{"upset-words": ["grr"]}"#, &said, None), []);
}
