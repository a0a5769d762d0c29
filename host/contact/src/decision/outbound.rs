use std::sync::Arc;

use jackfield_types::{Channel, E164, Timestamp};
use serde::{Deserialize, Serialize};

/// An outbound attempt to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The number.
    pub number: E164,
    /// The channel.
    pub channel: Channel,
    /// The purpose, an open set: `sales`, `arrears`, `survey`, `requested-callback`, `service`…
    pub purpose: Arc<str>,
    /// ISO 3166-1 alpha-2, with a subdivision where one matters.
    pub jurisdiction: Arc<str>,
    /// The moment in every time zone that the number may be in; empty when unknown.
    pub local_times: Vec<LocalTime>,
    /// Consent for this purpose on this channel.
    pub consent: Consent,
    /// Earlier attempts, newest first.
    pub attempts: Vec<PastAttempt>,
}

/// A moment in one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    /// IANA name.
    pub zone: Arc<str>,
    /// Minutes from UTC, east positive.
    pub utc_offset: i32,
    /// `YYYY-MM-DD`.
    pub date: Arc<str>,
    /// 1 Monday to 7 Sunday.
    pub weekday: u8,
    /// Minutes since local midnight.
    pub minute: u16,
    /// Whether that date is a holiday.
    pub holiday: bool,
}

/// What the customer said about being contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Nothing is recorded.
    Unknown,
    /// Given, and not expired.
    Given,
    /// Refused or withdrawn.
    Refused,
}

/// An earlier attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastAttempt {
    /// When.
    pub at: Timestamp,
    /// On which channel.
    pub channel: Channel,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nobody answered, or busy.
    Unanswered,
    /// A conversation took place.
    Conversation,
    /// Somebody answered, and no agent was there in time.
    Abandoned,
    /// The number does not work.
    Failed,
}

/// The answer of an outbound rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The answer.
    pub verdict: Verdict,
    /// A stable code, for example `quiet-hours`.
    pub reason: Arc<str>,
    /// The next moment at which it would be allowed, when there is one.
    pub next_permitted_at: Option<Timestamp>,
}

/// May the attempt be made?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Now.
    Allow,
    /// Not before this moment.
    Defer(Timestamp),
    /// On that channel instead.
    Substitute(Channel),
    /// Not at all.
    Deny,
}
