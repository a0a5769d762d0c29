use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::id::{self, AgentId, InvalidId, OutletId, QueueId};

/// One case of a tenant: what was promised to a customer, from its opening to its end. A version 7 UUID, so ids sort by the
/// time at which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CaseId(Uuid);

impl CaseId {
    /// Wraps a UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        id::uuid(d).map(Self)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CaseId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| InvalidId::new("case id", text, "a UUID"))
    }
}

/// A case as people name it: its id, or the number that they say on the telephone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRef {
    /// By id.
    Id(CaseId),
    /// By number, from 1.
    Number(u64),
}

impl FromStr for CaseRef {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let number = text.parse().ok().filter(|_| text.len() <= 12).map(Self::Number);
        let case = number.or_else(|| text.parse().ok().map(Self::Id));
        case.ok_or_else(|| {
            InvalidId::new(
                "case",
                text,
                "a case's number, for example 1042, or its id, a UUID",
            )
        })
    }
}

impl<'de> Deserialize<'de> for CaseRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for CaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Who has a case to see to. Its text is `agent:ID`, `queue:ID` or `outlet:ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseOwner {
    /// One person.
    Agent(AgentId),
    /// Whoever serves a queue.
    Queue(QueueId),
    /// A shop, a branch, a workshop.
    Outlet(OutletId),
}

impl fmt::Display for CaseOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => write!(f, "agent:{agent}"),
            Self::Queue(queue) => write!(f, "queue:{queue}"),
            Self::Outlet(outlet) => write!(f, "outlet:{outlet}"),
        }
    }
}

impl FromStr for CaseOwner {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once(':') {
            Some(("agent", id)) => AgentId::new(id).map(Self::Agent),
            Some(("queue", id)) => QueueId::new(id).map(Self::Queue),
            Some(("outlet", id)) => OutletId::new(id).map(Self::Outlet),
            _ => Err(InvalidId::new(
                "owner of a case",
                text,
                "agent:ID, queue:ID or outlet:ID",
            )),
        }
    }
}

impl Serialize for CaseOwner {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseOwner {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_cases_are_read_as_they_are_written() {
        for text in ["agent:anna", "queue:claims", "outlet:west-lake"] {
            assert_eq!(text.parse::<CaseOwner>().unwrap().to_string(), text);
        }
        for bad in ["anna", "agent:", "outlet:West Lake", "team:a", ""] {
            assert!(bad.parse::<CaseOwner>().is_err(), "{bad}");
        }
        assert_eq!("1042".parse(), Ok(CaseRef::Number(1_042)));
        let id = "019b76da-0000-7000-8000-000000000000";
        assert_eq!(id.parse::<CaseRef>().unwrap().to_string(), id);
        for bad in ["", "-1", "1 2", "9999999999999999", "x"] {
            assert!(bad.parse::<CaseRef>().is_err(), "{bad}");
        }
    }
}
