//! What journal entries and rows of interactions hold of a person: it is sealed under the customer's key, and a word that
//! says nothing stands in its place. When the key is gone, that word is what is read: so what happened stays countable, and
//! a centre is rebuilt from it, while nobody can tell of whom it was.
//!
//! A line of JSON with the customer's id as `sealed`, then the sealed values by their place in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jackfield_store::{Error as StoreError, Store};
use jackfield_types::{CustomerId, OpContext};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::CUSTOMERS;
use super::keys::{DataKey, Keys};
use super::row::{no_chance, wrapped_in};

/// Under which the line names the customer.
const SEALED: &str = "sealed";
/// What the sealed part is bound to.
const WHAT: &str = "personal";
/// In the place of a text.
const ERASED: &str = "erased";

/// What an event holds of a person, by its type: where, and what is read when the customer is erased. An event that is new
/// and holds something of a person has a row here.
fn personal_of_event(event: &str) -> Vec<(&'static str, Value)> {
    match event {
        "interaction-started" => vec![("/caller", json!(ERASED)), ("/caller_name", Value::Null)],
        "attribute-set" => vec![("/value", json!(ERASED))],
        "digits-entered" => vec![("/digits", json!(""))],
        "flow-decided" => vec![("/on", json!("ended")), ("/actions", json!([]))],
        "evaluated" => vec![("/evaluation", json!({"items": [], "emotions": []}))],
        "tagged" => vec![("/changes", json!([]))],
        "message-sent" => vec![
            ("/message/text", json!(ERASED)),
            ("/choice", Value::Null),
            ("/attachments", json!([])),
        ],
        "chat-decided" => vec![("/state", json!("")), ("/actions", json!([]))],
        "message-delivery" => vec![("/words", Value::Null)],
        // Of no country, so it is nobody's.
        "outbound-checked" => vec![("/check/number", json!("+9990000000"))],
        _ => Vec::new(),
    }
}

/// The same of an interaction's row.
fn personal_of_interaction() -> Vec<(&'static str, Value)> {
    vec![
        ("/caller", json!(ERASED)),
        ("/caller_name", Value::Null),
        ("/attributes", json!([])),
    ]
}

/// The same of a message's row.
fn personal_of_message() -> Vec<(&'static str, Value)> {
    vec![
        ("/text", json!(ERASED)),
        ("/choice", Value::Null),
        ("/attachments", json!([])),
    ]
}

/// A journal entry, of this customer if it is of any.
pub(crate) fn seal_event(
    event: &impl Serialize,
    customer: Option<(&CustomerId, &DataKey)>,
) -> Result<Vec<u8>, StoreError> {
    sealed_row(event, customer, |value| {
        value["type"].as_str().map_or_else(Vec::new, personal_of_event)
    })
}

/// The row of an interaction.
pub(crate) fn seal_interaction(
    row: &impl Serialize,
    customer: Option<(&CustomerId, &DataKey)>,
) -> Result<Vec<u8>, StoreError> {
    sealed_row(row, customer, |_| personal_of_interaction())
}

/// The row of a message.
pub(crate) fn seal_message(
    row: &impl Serialize,
    customer: Option<(&CustomerId, &DataKey)>,
) -> Result<Vec<u8>, StoreError> {
    sealed_row(row, customer, |_| personal_of_message())
}

/// A row of something else, with what it holds of this customer.
pub(crate) fn seal_row(
    row: &impl Serialize,
    personal: Vec<(&'static str, Value)>,
    customer: (&CustomerId, &DataKey),
) -> Result<Vec<u8>, StoreError> {
    seal(serde_json::to_value(row).map_err(broken)?, personal, customer)
}

/// Under whose key a row is sealed; `None` of one that is in the open.
pub(crate) fn sealed_for(row: &[u8]) -> Option<CustomerId> {
    let line = row.get(..row.iter().position(|byte| *byte == b'\n')?)?;
    let value: Value = serde_json::from_slice(line).ok()?;
    CustomerId::new(value[SEALED].as_str()?).ok()
}

fn sealed_row(
    row: &impl Serialize,
    customer: Option<(&CustomerId, &DataKey)>,
    personal: impl FnOnce(&Value) -> Vec<(&'static str, Value)>,
) -> Result<Vec<u8>, StoreError> {
    let Some(customer) = customer else {
        return plain(row);
    };
    let value = serde_json::to_value(row).map_err(broken)?;
    let personal = personal(&value);
    seal(value, personal, customer)
}

/// The row of an interaction whose customer is erased.
pub(crate) fn blank_interaction(row: &[u8]) -> Result<Vec<u8>, StoreError> {
    let line = row.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut value: Value = serde_json::from_slice(line).map_err(broken)?;
    for (place, blank) in personal_of_interaction() {
        if let Some(found) = value.pointer_mut(place) {
            *found = blank;
        }
    }
    plain(&value)
}

fn seal(
    mut value: Value,
    personal: Vec<(&'static str, Value)>,
    (customer, key): (&CustomerId, &DataKey),
) -> Result<Vec<u8>, StoreError> {
    let mut taken = BTreeMap::new();
    for (place, blank) in personal {
        if let Some(found) = value.pointer_mut(place).filter(|found| **found != blank) {
            taken.insert(place, std::mem::replace(found, blank));
        }
    }
    if taken.is_empty() {
        return plain(&value);
    }
    if let Some(fields) = value.as_object_mut() {
        fields.insert(SEALED.into(), json!(customer));
    }
    let mut bytes = plain(&value)?;
    bytes.push(b'\n');
    bytes.extend(key.seal(WHAT, &plain(&taken)?).map_err(|_| no_chance())?);
    Ok(bytes)
}

fn plain(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(broken)
}

fn broken(error: serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        what: format!("a stored record can't be read: {error}"),
    }
}

/// Opens what was sealed, for one run over records; each customer's key is looked for once.
pub(crate) struct Opener<'a> {
    store: &'a Store,
    ctx: &'a OpContext,
    keys: &'a Keys,
    known: HashMap<CustomerId, Option<Arc<DataKey>>>,
}

/// Customers whose keys one run remembers; all are forgotten for one more.
const MAX_KNOWN: usize = 10_000;

impl<'a> Opener<'a> {
    pub(crate) fn new(store: &'a Store, ctx: &'a OpContext, keys: &'a Keys) -> Self {
        Self {
            store,
            ctx,
            keys,
            known: HashMap::new(),
        }
    }

    /// A record as it was before it was sealed; as it is told of an erased customer, when the key is gone.
    pub(crate) async fn open<T: DeserializeOwned>(&mut self, bytes: &[u8]) -> Result<T, StoreError> {
        let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else {
            return serde_json::from_slice(bytes).map_err(broken);
        };
        let (line, sealed) = (&bytes[..at], &bytes[at + 1..]);
        let mut value: Value = serde_json::from_slice(line).map_err(broken)?;
        let customer = value[SEALED].as_str().and_then(|id| CustomerId::new(id).ok());
        if let Some(customer) = customer
            && let Some(key) = self.key(&customer).await?
            && let Ok(text) = key.open(WHAT, sealed)
        {
            let taken: BTreeMap<String, Value> = serde_json::from_slice(&text).map_err(broken)?;
            for (place, found) in taken {
                if let Some(blank) = value.pointer_mut(&place) {
                    *blank = found;
                }
            }
        }
        serde_json::from_value(value).map_err(broken)
    }

    /// Whether a customer's key is there: the customer is not erased.
    pub(crate) async fn knows(&mut self, customer: &CustomerId) -> Result<bool, StoreError> {
        Ok(self.key(customer).await?.is_some())
    }

    /// A customer's key; `None` when the customer is erased.
    pub(crate) async fn key(&mut self, customer: &CustomerId) -> Result<Option<Arc<DataKey>>, StoreError> {
        if let Some(known) = self.known.get(customer) {
            return Ok(known.clone());
        }
        let row = self
            .store
            .get(self.ctx, CUSTOMERS, customer.as_str().as_bytes())
            .await?;
        let key = row
            .as_ref()
            .and_then(|row| wrapped_in(&row.value))
            .and_then(|wrapped| self.keys.open(customer, wrapped).ok());
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(customer.clone(), key.clone());
        Ok(key)
    }
}
