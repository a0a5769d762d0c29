//! Whether a record tells of somebody by an address: wherever a plugin was told it, read it, or wrote it down.
//!
//! What is known to be about a customer is found by its ids. That is not all: a connector is told of a customer by the
//! address in a provider's request, a call before its customer was known by the number, and what plugins keep and write
//! has the form that they give it. So all texts and bytes of a record are searched, for numbers in all their common
//! spellings ([`Spellings`]). A number without its country may be somebody else's in another country: it goes all the same,
//! since who asks for erasure is owed more than a record.

use jackfield_contact::decision::{Answer, ConnectorAnswer, ConnectorQuestion, Question};
use jackfield_sandbox::{DecisionRecord, Read};
use jackfield_types::{CustomerId, E164};
use serde::Serialize;

use super::spelling::Spellings;

/// Shorter addresses are looked for where an address stands alone; in texts they would be found by chance.
const SHORTEST: usize = 6;

/// How somebody is called in records and kept answers.
#[derive(Debug, Clone, Default)]
pub struct Names {
    whole: Vec<String>,
    numbers: Vec<Spellings>,
}

impl Names {
    /// Of a customer: its ids and addresses, and what stands behind the scheme of these.
    pub fn of<'a>(ids: impl IntoIterator<Item = &'a CustomerId>) -> Self {
        let mut names = Self::default();
        for id in ids.into_iter().map(CustomerId::as_str) {
            names.whole.push(id.to_owned());
            let Some((_, address)) = id.split_once(':') else {
                continue;
            };
            match E164::new(address) {
                Ok(number) => names.numbers.push(Spellings::of(&number)),
                Err(_) if address.len() >= SHORTEST => names.whole.push(address.to_owned()),
                Err(_) => {}
            }
        }
        names
    }

    /// Ids that providers gave messages of somebody.
    pub(super) fn of_messages(ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            whole: ids.into_iter().filter(|id| id.len() >= SHORTEST).collect(),
            numbers: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.numbers.is_empty()
    }

    /// Whether a record mentions one of them.
    pub(super) fn are_in(&self, record: &DecisionRecord) -> bool {
        let DecisionRecord {
            question,
            reads,
            result,
            log,
            by,
            ..
        } = record;
        self.are_in_json(question)
            || self.are_in_json(reads)
            || self.are_in_json(result)
            || self.are_in_json(log)
            || self.are_in_text(&by.config)
            || bytes_of(record).into_iter().any(|bytes| self.are_in_bytes(bytes))
    }

    fn are_in_json(&self, value: &impl Serialize) -> bool {
        serde_json::to_string(value).is_ok_and(|text| self.are_in_text(&text))
    }

    fn are_in_bytes(&self, bytes: &[u8]) -> bool {
        self.are_in_text(&String::from_utf8_lossy(bytes))
    }

    /// Whether a text mentions one of them.
    pub fn are_in_text(&self, text: &str) -> bool {
        self.whole.iter().any(|name| is_in(name, text))
            || self.numbers.iter().any(|number| number.are_in(text))
    }
}

/// Whether a name stands in a text as a whole: longer numbers and words that have it in them are others.
fn is_in(name: &str, text: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let goes_on = |c: char| {
        if is_number {
            c.is_ascii_digit()
        } else {
            c.is_alphanumeric()
        }
    };
    text.match_indices(name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

/// What is kept as bytes, which JSON shows as numbers.
fn bytes_of(record: &DecisionRecord) -> Vec<&[u8]> {
    let mut all: Vec<&[u8]> = Vec::new();
    match &*record.question {
        Question::Flow(flow) => all.push(&flow.state),
        Question::Chat(chat) => all.push(&chat.state),
        Question::Connector(asked) => match &**asked {
            ConnectorQuestion::Receive(webhook) => all.push(&webhook.body),
            ConnectorQuestion::Conclude(response) => all.push(&response.body),
            ConnectorQuestion::Render(_) => {}
        },
        _ => {}
    }
    match &record.result {
        Ok(Answer::Flow(flow)) => all.push(&flow.state),
        Ok(Answer::Chat(chat)) => all.push(&chat.state),
        Ok(Answer::Connector(answer)) => match &**answer {
            ConnectorAnswer::Received(received) => {
                all.extend(received.reply.iter().map(|reply| reply.body.as_slice()));
            }
            ConnectorAnswer::Rendered(request) => all.push(&request.body),
            ConnectorAnswer::Concluded(_) => {}
        },
        _ => {}
    }
    for read in &record.reads {
        if let Read::KvGet(_, Ok(Some(value))) = read {
            all.push(value);
        }
    }
    for (key, value) in &record.kv_writes {
        all.push(key.as_bytes());
        all.extend(value.as_deref());
    }
    all
}

/// Ids by which later records of a connector tell of the same messages, and nothing else of whose they are.
pub(super) fn message_ids(record: &DecisionRecord) -> Vec<String> {
    let mut ids = Vec::new();
    if let Question::Connector(asked) = &*record.question {
        match &**asked {
            ConnectorQuestion::Render(message) => ids.push(message.id.to_string()),
            ConnectorQuestion::Conclude(response) => ids.push(response.message.to_string()),
            ConnectorQuestion::Receive(_) => {}
        }
    }
    if let Ok(Answer::Connector(answer)) = &record.result {
        match &**answer {
            ConnectorAnswer::Received(received) => {
                ids.extend(received.messages.iter().map(|message| message.id.to_string()));
            }
            ConnectorAnswer::Concluded(jackfield_contact::decision::Conclusion::Accepted(id)) => {
                ids.push(id.to_string());
            }
            ConnectorAnswer::Rendered(_) | ConnectorAnswer::Concluded(_) => {}
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whole_and_however_it_is_written() {
        let names = Names::of([&"tel:+8613800138000".parse().unwrap()]);
        for text in [
            "tel:+8613800138000",
            "From=%2B8613800138000&To=1",
            "call 8613800138000!",
            "\"+8613800138000\"",
            "number 138 0013 8000, at home",
            "0086-138-0013-8000",
        ] {
            assert!(names.are_in_text(text), "{text}");
        }
        for text in ["+18613800138000", "86138001380001", "8613800138", "tel:+86"] {
            assert!(!names.are_in_text(text), "{text}");
        }
        let names = Names::of([&"wechat:oABc-12_x".parse().unwrap()]);
        assert!(names.are_in_text("<FromUserName><![CDATA[oABc-12_x]]>"));
        assert!(!names.are_in_text("oABc-12_xy"));
        // A short address alone would be found everywhere.
        let names = Names::of([&"sip:100".parse().unwrap()]);
        assert!(names.are_in_text("sip:100") && !names.are_in_text("100 of them"));
    }
}
