//! The expression of a segment: JSON in, checked, with the path of what is wrong.
//!
//! An object is one condition, or conditions joined: `{"all": […]}`, `{"any": […]}`, `{"not": …}`.
//!
//! | condition | and beside it |
//! |---|---|
//! | `"tag": NAME` | `min_confidence` (0 to 100), `set_within_days` |
//! | `"attribute": ID` | tests |
//! | `"field": NAME` | tests |
//! | `"event": KIND` of the timeline | `within_days` (30), `at_least` (1), `channel` of an interaction, `product` of an intent |
//! | `"consent": PURPOSE` | `channel`; `is`: `given`, `refused` or `unknown` |
//!
//! Tests: `is` (a value or a list of them), `at_least`, `at_most` (numbers), `from`, `until` (dates, inclusive), `exists`. All
//! that are given must hold; of what is not known none does but `"exists": false`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jackfield_contact::decision::Consent;
use jackfield_types::{AttributeId, Channel, limits};
use serde_json::{Map, Value};

use crate::customers::{AttributeValue, CustomerError, Definitions, Happened, is_date};

const CONDITIONS: &str = "all, any, not, tag, attribute, field, event or consent";
/// Days that an event may lie back at most.
const MAX_DAYS: u64 = 3_650;
/// Events of a customer that one condition can ask for.
const MAX_EVENTS: u64 = 100;

/// A checked expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    pub(super) root: Node,
    pub(super) events: Vec<EventTest>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Tag {
        name: Arc<str>,
        min_confidence: u8,
        set_within_days: Option<u64>,
    },
    Attribute(AttributeId, Tests),
    Field(Field, Tests),
    /// Index into the events.
    Event(usize),
    Consent {
        purpose: Arc<str>,
        channel: Channel,
        is: Consent,
    },
}

/// Something that happened, often enough.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventTest {
    pub(super) kind: Arc<str>,
    pub(super) within_days: u64,
    pub(super) at_least: u64,
    pub(super) channel: Option<Channel>,
    pub(super) product: Option<Arc<str>>,
}

/// What is known of every customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Language,
    Channel,
    AccountManager,
    LastAgent,
    Product,
    Interactions,
    Products,
    DaysSinceFirstContact,
    DaysSinceLastContact,
    TenureDays,
}

impl Field {
    const ALL: [(&'static str, Self); 10] = [
        ("language", Self::Language),
        ("channel", Self::Channel),
        ("account_manager", Self::AccountManager),
        ("last_agent", Self::LastAgent),
        ("product", Self::Product),
        ("interactions", Self::Interactions),
        ("products", Self::Products),
        ("days_since_first_contact", Self::DaysSinceFirstContact),
        ("days_since_last_contact", Self::DaysSinceLastContact),
        ("tenure_days", Self::TenureDays),
    ];
}

/// What must hold of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tests {
    pub(super) is: Option<Vec<AttributeValue>>,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
    pub(super) from: Option<Arc<str>>,
    pub(super) until: Option<Arc<str>>,
    pub(super) exists: Option<bool>,
}

const TESTS: &[&str] = &["is", "at_least", "at_most", "from", "until", "exists"];

struct Parser<'a> {
    definitions: &'a Definitions,
    conditions: usize,
    events: Vec<EventTest>,
}

impl Expression {
    /// Reads an expression. Attributes must be defined, and not be sensitive: who is in a segment is seen by people and
    /// plugins who may not see those.
    pub(crate) fn parse(value: &Value, definitions: &Definitions) -> Result<Self, CustomerError> {
        let mut parser = Parser {
            definitions,
            conditions: 0,
            events: Vec::new(),
        };
        let root = parser.node(value, "expression", 1)?;
        Ok(Self {
            root,
            events: parser.events,
        })
    }
}

impl Expression {
    /// The tags that it asks for.
    pub(super) fn tags(&self) -> BTreeSet<Arc<str>> {
        let mut tags = BTreeSet::new();
        self.root.add_tags(&mut tags);
        tags
    }
}

impl Node {
    fn add_tags(&self, tags: &mut BTreeSet<Arc<str>>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.add_tags(tags)),
            Self::Not(part) => part.add_tags(tags),
            Self::Tag { name, .. } => {
                tags.insert(name.clone());
            }
            Self::Attribute(..) | Self::Field(..) | Self::Event(_) | Self::Consent { .. } => {}
        }
    }
}

fn wrong<T>(path: &str, problem: impl Into<String>) -> Result<T, CustomerError> {
    Err(CustomerError::invalid(path, problem))
}

impl Parser<'_> {
    fn node(&mut self, value: &Value, path: &str, depth: usize) -> Result<Node, CustomerError> {
        if depth > limits::MAX_SEGMENT_DEPTH {
            let most = limits::MAX_SEGMENT_DEPTH;
            return wrong(path, format!("nested deeper than {most}: expected fewer levels"));
        }
        self.conditions += 1;
        if self.conditions > limits::MAX_SEGMENT_CONDITIONS {
            let most = limits::MAX_SEGMENT_CONDITIONS;
            return wrong(path, format!("one condition too many: expected at most {most}"));
        }
        let Value::Object(object) = value else {
            return wrong(path, format!("expected an object with {CONDITIONS}"));
        };
        let heads = [
            "all",
            "any",
            "not",
            "tag",
            "attribute",
            "field",
            "event",
            "consent",
        ];
        let mut found = heads.into_iter().filter(|head| object.contains_key(*head));
        let (Some(head), None) = (found.next(), found.next()) else {
            return wrong(path, format!("expected exactly one of {CONDITIONS}"));
        };
        let given = &object[head];
        let at = format!("{path}.{head}");
        let allow = |more: &[&str]| only(object, head, more, path);
        Ok(match head {
            "all" | "any" => {
                allow(&[])?;
                let Value::Array(parts) = given else {
                    return wrong(&at, "expected a list of conditions");
                };
                if parts.is_empty() {
                    return wrong(&at, "expected a condition at least");
                }
                let parts = parts
                    .iter()
                    .enumerate()
                    .map(|(n, part)| self.node(part, &format!("{at}[{n}]"), depth + 1))
                    .collect::<Result<_, _>>()?;
                if head == "all" {
                    Node::All(parts)
                } else {
                    Node::Any(parts)
                }
            }
            "not" => {
                allow(&[])?;
                Node::Not(Box::new(self.node(given, &at, depth + 1)?))
            }
            "tag" => {
                allow(&["min_confidence", "set_within_days"])?;
                let name = text(given, &at)?;
                if crate::tags::check_tag_name(&name).is_err() {
                    return wrong(&at, "expected the name of a tag, 1 to 64 bytes");
                }
                Node::Tag {
                    name,
                    min_confidence: whole(object, "min_confidence", path, 0, 100)?.unwrap_or(0) as u8,
                    set_within_days: whole(object, "set_within_days", path, 1, MAX_DAYS)?,
                }
            }
            "attribute" => {
                allow(TESTS)?;
                let id = text(given, &at)?;
                let known = AttributeId::new(&id).ok();
                let definition = known.and_then(|id| self.definitions.get(&id));
                let Some(definition) = definition else {
                    return wrong(&at, format!("there is no attribute {id:.64?}; define it first"));
                };
                if !definition.is_open() {
                    return wrong(
                        &at,
                        format!("attribute {id} is sensitive; segments can't ask for it"),
                    );
                }
                let tests = self.tests(object, path)?;
                for (n, value) in tests.is.iter().flatten().enumerate() {
                    let accepted = definition.accept(value.clone());
                    accepted.or_else(|error| wrong(&format!("{path}.is[{n}]"), error.to_string()))?;
                }
                Node::Attribute(definition.id.clone(), tests)
            }
            "field" => {
                allow(TESTS)?;
                let name = text(given, &at)?;
                let known = Field::ALL.into_iter().find(|(known, _)| **known == *name);
                let Some((_, field)) = known else {
                    let names: Vec<_> = Field::ALL.iter().map(|(name, _)| *name).collect();
                    return wrong(&at, format!("expected one of {}", names.join(", ")));
                };
                Node::Field(field, self.tests(object, path)?)
            }
            "event" => {
                allow(&["within_days", "at_least", "channel", "product"])?;
                let kind = text(given, &at)?;
                if !Happened::KINDS.contains(&&*kind) {
                    return wrong(&at, format!("expected one of {}", Happened::KINDS.join(", ")));
                }
                let channel = self.channel(object, path)?;
                if channel.is_some() && &*kind != "interaction" {
                    return wrong(&format!("{path}.channel"), "only interactions have a channel");
                }
                let product = object
                    .get("product")
                    .map(|value| text(value, &format!("{path}.product")))
                    .transpose()?;
                if product.is_some() && &*kind != "intent" {
                    return wrong(&format!("{path}.product"), "only intents have a product");
                }
                self.events.push(EventTest {
                    kind,
                    within_days: whole(object, "within_days", path, 1, MAX_DAYS)?.unwrap_or(30),
                    at_least: whole(object, "at_least", path, 1, MAX_EVENTS)?.unwrap_or(1),
                    channel,
                    product,
                });
                Node::Event(self.events.len() - 1)
            }
            _ => {
                allow(&["channel", "is"])?;
                let is = match object.get("is").map(Value::as_str) {
                    None | Some(Some("given")) => Consent::Given,
                    Some(Some("refused")) => Consent::Refused,
                    Some(Some("unknown")) => Consent::Unknown,
                    Some(_) => {
                        return wrong(&format!("{path}.is"), "expected given, refused or unknown");
                    }
                };
                Node::Consent {
                    purpose: text(given, &at)?,
                    channel: self.channel(object, path)?.unwrap_or(Channel::Voice),
                    is,
                }
            }
        })
    }

    fn channel(&self, object: &Map<String, Value>, path: &str) -> Result<Option<Channel>, CustomerError> {
        let Some(value) = object.get("channel") else {
            return Ok(None);
        };
        match serde_json::from_value(value.clone()) {
            Ok(channel) => Ok(Some(channel)),
            Err(_) => wrong(
                &format!("{path}.channel"),
                "expected voice, chat, sms, email or social",
            ),
        }
    }

    fn tests(&self, object: &Map<String, Value>, path: &str) -> Result<Tests, CustomerError> {
        let number = |key: &str| match object.get(key) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => wrong(&format!("{path}.{key}"), "expected a number"),
            },
        };
        let date = |key: &str| match object.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if is_date(text) => Ok(Some(text.as_str().into())),
            Some(_) => wrong(&format!("{path}.{key}"), "expected a date as YYYY-MM-DD"),
        };
        let is = match object.get("is") {
            None => None,
            Some(Value::Array(values))
                if values.is_empty() || values.len() > limits::MAX_ATTRIBUTE_OPTIONS =>
            {
                let most = limits::MAX_ATTRIBUTE_OPTIONS;
                return wrong(&format!("{path}.is"), format!("expected 1 to {most} values"));
            }
            Some(Value::Array(values)) => Some(values.iter().collect()),
            Some(value) => Some(vec![value]),
        };
        let is = is.map(|values: Vec<&Value>| {
            let value = |value: &Value| match value {
                Value::Bool(value) => Ok(AttributeValue::Bool(*value)),
                Value::Number(value) => Ok(AttributeValue::Number(value.as_f64().unwrap_or_default())),
                Value::String(value) => Ok(AttributeValue::Text(value.as_str().into())),
                _ => wrong(&format!("{path}.is"), "expected a text, a number, true or false"),
            };
            values.into_iter().map(value).collect::<Result<Vec<_>, _>>()
        });
        let exists = match object.get("exists") {
            None => None,
            Some(Value::Bool(exists)) => Some(*exists),
            Some(_) => return wrong(&format!("{path}.exists"), "expected true or false"),
        };
        let tests = Tests {
            is: is.transpose()?,
            at_least: number("at_least")?,
            at_most: number("at_most")?,
            from: date("from")?,
            until: date("until")?,
            exists,
        };
        if tests == Tests::default() {
            return wrong(path, format!("expected a test: {}", TESTS.join(", ")));
        }
        Ok(tests)
    }
}

/// Refuses what does not belong to a condition.
fn only(object: &Map<String, Value>, head: &str, more: &[&str], path: &str) -> Result<(), CustomerError> {
    match object
        .keys()
        .find(|key| *key != head && !more.contains(&key.as_str()))
    {
        None => Ok(()),
        Some(key) if more.is_empty() => wrong(
            &format!("{path}.{key:.64}"),
            format!("nothing stands beside {head}"),
        ),
        Some(key) => wrong(
            &format!("{path}.{key:.64}"),
            format!("beside {head} expected {}", more.join(", ")),
        ),
    }
}

fn text(value: &Value, path: &str) -> Result<Arc<str>, CustomerError> {
    match value.as_str() {
        Some(text) if !text.is_empty() && text.len() <= limits::MAX_CUSTOMER_ID_BYTES => Ok(text.into()),
        _ => wrong(path, "expected a text of 1 to 128 bytes"),
    }
}

fn whole(
    object: &Map<String, Value>,
    key: &str,
    path: &str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, CustomerError> {
    let Some(value) = object.get(key) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => wrong(
            &format!("{path}.{key}"),
            format!("expected a whole number from {least} to {most}"),
        ),
    }
}
