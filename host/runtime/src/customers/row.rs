//! A customer as stored: a line of what is not personal, the customer's key under the tenant's, and the sealed rest.

use std::io::{self, Write};
use std::sync::Arc;

use jackfield_store::Error as StoreError;
use jackfield_types::{AgentId, CustomerId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::keys::{DataKey, Keys, NotOpened, WRAPPED};
use super::profile::Personal;

/// What the sealed part of a row is bound to.
const PROFILE: &str = "profile";

/// Room for most profiles at once.
const USUAL_BYTES: usize = 1_024;

/// What a row says in the open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) id: CustomerId,
    pub(crate) first_seen_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) interactions: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_agent: Option<AgentId>,
    /// The customer that this one counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) merged_into: Option<CustomerId>,
    /// The customers that count for this one; theirs may have some too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) merged: Vec<CustomerId>,
    /// When the first of its tags ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags_until: Option<Timestamp>,
}

/// A customer as read.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) head: Head,
    pub(crate) personal: Personal,
    pub(crate) key: Arc<DataKey>,
    wrapped: Vec<u8>,
}

impl Record {
    pub(crate) fn new(keys: &Keys, id: CustomerId, at: Timestamp) -> Result<Self, NotOpened> {
        let (key, wrapped) = keys.make(&id)?;
        Ok(Self {
            head: Head {
                id,
                first_seen_at: at,
                last_seen_at: at,
                interactions: 0,
                last_agent: None,
                merged_into: None,
                merged: Vec::new(),
                tags_until: None,
            },
            personal: Personal::default(),
            key,
            wrapped,
        })
    }

    pub(crate) fn decode(keys: &Keys, row: &[u8]) -> Result<Self, StoreError> {
        let broken = |what: &dyn std::fmt::Display| corrupt(&format!("a customer's row: {what}"));
        let line = row.iter().position(|byte| *byte == b'\n');
        let line = line.ok_or_else(|| broken(&"it is cut"))?;
        let head: Head = serde_json::from_slice(&row[..line]).map_err(|error| broken(&error))?;
        let (wrapped, sealed) = row[line + 1..]
            .split_at_checked(WRAPPED)
            .ok_or_else(|| broken(&"it is cut"))?;
        let unreadable = |_: NotOpened| broken(&"the tenant's key does not open it");
        let key = keys.open(&head.id, wrapped).map_err(unreadable)?;
        let text = key.open(PROFILE, sealed).map_err(unreadable)?;
        Ok(Self {
            personal: serde_json::from_slice(&text).map_err(|error| broken(&error))?,
            head,
            key,
            wrapped: wrapped.to_vec(),
        })
    }

    /// The row; `None` when it would be too long.
    pub(crate) fn encode(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.head.tags_until = crate::tags::earliest_end(&self.personal.tags);
        let failed = |error: serde_json::Error| corrupt(&error.to_string());
        let mut text = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut text, &self.personal).map_err(failed)?;
        if text.len() > limits::MAX_PROFILE_BYTES {
            return Ok(None);
        }
        let mut row = Vec::with_capacity(USUAL_BYTES + text.len());
        serde_json::to_writer(&mut row, &self.head).map_err(failed)?;
        row.push(b'\n');
        row.extend_from_slice(&self.wrapped);
        let sealed = self.key.seal(PROFILE, &text);
        row.extend(sealed.map_err(|_| no_chance())?);
        Ok(Some(row))
    }

    /// Whether it fits into a row.
    pub(crate) fn fits(&self) -> bool {
        self.size() <= limits::MAX_PROFILE_BYTES
    }

    /// Bytes of what is sealed of it.
    pub(crate) fn size(&self) -> usize {
        let mut counted = Counted(0);
        serde_json::to_writer(&mut counted, &self.personal).map_or(usize::MAX, |()| counted.0)
    }
}

/// Counts what is written, and keeps nothing of it.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The wrapped key out of a row.
pub(crate) fn wrapped_in(row: &[u8]) -> Option<&[u8]> {
    let line = row.iter().position(|byte| *byte == b'\n')?;
    row.get(line + 1..line + 1 + WRAPPED)
}

/// When the first tag of a row ends, as the row says in the open.
pub(crate) fn tags_end_at(row: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Ends {
        tags_until: Option<Timestamp>,
    }
    let line = row.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<Ends>(line).ok()?.tags_until
}

/// The system gives no random numbers.
pub(crate) fn no_chance() -> StoreError {
    StoreError::Unavailable {
        what: "no random numbers".into(),
    }
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt { what: what.into() }
}
