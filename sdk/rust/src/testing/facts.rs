//! Facts to test with, each in one line; what a test is about is set with `..`, as in
//! `Occasion { abandoned: true, ..occasion("now", &[]) }`.

use std::ops::RangeInclusive;

use crate::{
    Attribute, Channel, DAY_MS, Tag, Timestamp,
    customer::{Author, Customer, Message, PastInteraction, Survey},
    tag_generator::{Occasion, TagChange},
};

/// When these facts are told: the midnight (UTC) that begins 2024-10-04, the day 20,000 after 1970.
pub const NOW: Timestamp = 20_000 * DAY_MS;

/// What gives rise to a tag generator's question: a call of a minute that ended [`NOW`], of which the customer waited
/// 10 s and talked 40 s. With an empty `id` it is none, and the attribute `occasion` names what it is.
pub fn occasion(id: &str, attributes: &[(&str, &str)]) -> Occasion {
    Occasion {
        id: id.to_owned(),
        channel: Channel::Voice,
        started_at: NOW - 60_000,
        ended_at: NOW,
        abandoned: false,
        waited: 10_000,
        talked: 40_000,
        attributes: self::attributes(attributes),
        score: None,
    }
}

/// A customer known for so many days, with attributes and with tags held at a confidence of 50.
pub fn customer(days: u64, attributes: &[(&str, &str)], tags: &[&str]) -> Customer {
    let tag = |name: &&str| Tag {
        name: (*name).to_owned(),
        confidence: 50,
        reason: String::new(),
        expires_at: None,
    };
    Customer {
        id: "ada".to_owned(),
        name: None,
        language: None,
        first_seen_at: NOW - days * DAY_MS,
        attributes: self::attributes(attributes),
        tags: tags.iter().map(tag).collect(),
    }
}

/// A call of a minute so many days ago, answered, worth `value` in the currency's minor unit.
pub fn past(days: u64, value: u64) -> PastInteraction {
    PastInteraction {
        id: format!("{days} days ago"),
        channel: Channel::Voice,
        started_at: NOW - days * DAY_MS,
        length: 60_000,
        queue: None,
        agent: None,
        talked: 50_000,
        abandoned: false,
        value,
    }
}

/// A customer's answer to a survey's question, given a day ago.
pub fn survey(question: &str, value: u8, scale: RangeInclusive<u8>) -> Survey {
    Survey {
        interaction: String::new(),
        at: NOW - DAY_MS,
        question: question.to_owned(),
        value,
        lowest: *scale.start(),
        highest: *scale.end(),
    }
}

/// What was written in the conversation at hand, numbered from 1.
pub fn messages(texts: &[(Author, &str)]) -> Vec<Message> {
    let message = |(number, (author, text)): (u32, &(Author, &str))| Message {
        number,
        at: NOW,
        author: *author,
        agent: None,
        text: (*text).to_owned(),
    };
    (1..).zip(texts).map(message).collect()
}

/// Attributes by key.
pub fn attributes(attributes: &[(&str, &str)]) -> Vec<Attribute> {
    let attribute = |(key, value): &(&str, &str)| Attribute {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    attributes.iter().map(attribute).collect()
}

/// A tag generator's changes in short: `+NAME` is added, `=NAME` refreshed, `-NAME` ended.
pub fn names(changes: &[TagChange]) -> Vec<String> {
    let name = |change: &TagChange| match change {
        TagChange::Add(tag) => format!("+{}", tag.name),
        TagChange::Refresh(tag) => format!("={}", tag.name),
        TagChange::Expire(name) => format!("-{name}"),
    };
    changes.iter().map(name).collect()
}
