//! The customer behind the interaction, as far as the binding's grants show them.

pub use crate::bindings::host::cx::{
    chat::types::{Author, Message},
    profile::customers::{Customer, PastInteraction},
    scoring::scores::{Evaluation, PhaseEmotion, Survey},
};
use crate::{
    DAY_MS, Error, Timestamp,
    imports::{customers, messages as chat, scores},
};

impl Customer {
    /// An attribute of the profile, for example `relationship.since`.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.key == key);
        found.map(|attribute| attribute.value.as_str())
    }
}

/// The midnight (UTC) with which a date, `YYYY-MM-DD`, begins; none for another text or a day before 1970.
pub fn midnight(date: &str) -> Option<Timestamp> {
    let mut parts = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the day of a leap year is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * DAY_MS)
}

/// The customer; none when the caller is unknown (number withheld).
///
/// # Errors
/// `not-granted`.
pub fn current() -> Result<Option<Customer>, Error> {
    customers::current()
}

/// A customer with the past, as much of it as the host tells: 50 interactions and 50 survey answers, the newest first.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub customer: Customer,
    /// Finished interactions.
    pub history: Vec<PastInteraction>,
    /// Survey answers.
    pub surveys: Vec<Survey>,
}

/// The customer with the past; none when the caller is unknown (number withheld). Not for routing and outbound rules.
///
/// # Errors
/// `not-granted`.
pub fn known() -> Result<Option<Known>, Error> {
    let Some(customer) = current()? else {
        return Ok(None);
    };
    Ok(Some(Known {
        customer,
        history: history(50)?,
        surveys: surveys(50)?,
    }))
}

/// Finished interactions of the customer, newest first, at most `limit` (1 to 50).
///
/// # Errors
/// `not-granted`.
pub fn history(limit: u32) -> Result<Vec<PastInteraction>, Error> {
    customers::history(limit)
}

/// Survey answers of the customer, newest first, at most `limit` (1 to 50). Not for routing and outbound rules.
///
/// # Errors
/// `not-granted`.
pub fn surveys(limit: u32) -> Result<Vec<Survey>, Error> {
    scores::surveys(limit)
}

/// Evaluations of the customer's interactions, newest first, at most `limit` (1 to 50). Not for routing and outbound
/// rules.
///
/// # Errors
/// `not-granted`.
pub fn evaluations(limit: u32) -> Result<Vec<Evaluation>, Error> {
    scores::evaluations(limit)
}

/// Messages of the interaction at hand with a number above `after`, oldest first, at most `limit` (1 to 200). For
/// chat flows, taggers, scorecards and agent assist.
///
/// # Errors
/// `not-granted`.
pub fn messages(after: u32, limit: u32) -> Result<Vec<Message>, Error> {
    chat::list(after, limit)
}

/// What the customer wrote in the interaction at hand, in lower case, a message a line; of its first 200 messages. For
/// those who may ask [`messages`].
///
/// # Errors
/// `not-granted`.
pub fn wrote() -> Result<String, Error> {
    let mut text = String::new();
    for message in messages(0, 200)? {
        if message.author == Author::Customer {
            text.push_str(&message.text.to_lowercase());
            text.push('\n');
        }
    }
    Ok(text)
}

/// Whether a word is in a text that is in lower case, such as [`wrote`] gives: one with ASCII letters or digits stands
/// alone, another, such as a Chinese one, anywhere. An empty word is in none.
pub fn has_word(text: &str, word: &str) -> bool {
    let word = word.to_lowercase();
    if word.is_empty() {
        return false;
    }
    let alone = word.chars().any(|c| c.is_ascii_alphanumeric());
    text.match_indices(&word).any(|(at, found)| {
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        !alone || !(joins(text[..at].chars().next_back()) || joins(text[at + found.len()..].chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_alone_where_a_script_parts_them() {
        for (text, word, has) in [
            ("order a sim, please", "SIM", true),
            ("similar orders", "sim", false),
            ("a similar sim", "sim", true),
            ("我要投诉你们", "投诉", true),
            ("anything", "", false),
        ] {
            assert_eq!(has_word(text, word), has, "{word} in {text}");
        }
    }

    #[test]
    fn dates_begin_at_midnight() {
        for (date, days) in [
            ("1970-01-01", Some(0)),
            ("1970-03-01", Some(59)),
            ("2000-02-29", Some(11_016)),
            ("2024-12-31", Some(20_088)),
            ("1969-12-31", None),
            ("2024-13-01", None),
            ("2024-01", None),
            ("today", None),
        ] {
            assert_eq!(midnight(date), days.map(|days| days * DAY_MS), "{date}");
        }
    }
}
