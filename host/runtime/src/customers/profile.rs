//! What is known of a customer.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::decision::{Consent, Customer};
use jackfield_types::{AgentId, AttributeId, Channel, CustomerId, Timestamp, is_name, limits};
use serde::{Deserialize, Serialize};

use super::{Address, CustomerError};
use crate::tags::HeldTag;

/// What an attribute of a customer holds. A date is the text `YYYY-MM-DD`, a choice the text of its option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A text, a date or a choice.
    Text(Arc<str>),
}

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// How a customer wants to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preferences {
    /// On which channel.
    pub channel: Option<Channel>,
    /// When, in the customer's own time; empty: at any time.
    pub hours: Vec<Hours>,
    /// Where the customer's time is told: an IANA name.
    pub zone: Option<Arc<str>>,
}

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// 1 (Monday) to 7.
    pub days: Vec<u8>,
    /// `HH:MM`, the first minute.
    pub from: Arc<str>,
    /// `HH:MM`, the first minute after.
    pub to: Arc<str>,
}

/// What binds a customer to the firm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Relationship {
    /// Products and contracts.
    pub products: Vec<Product>,
    /// Who looks after the customer.
    pub account_manager: Option<AgentId>,
    /// Since when it is a customer: `YYYY-MM-DD`.
    pub since: Option<Arc<str>>,
}

/// A product or contract of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What, 1 to 128 bytes.
    pub name: Arc<str>,
    /// From then on: `YYYY-MM-DD`.
    pub since: Option<Arc<str>>,
    /// Until then: `YYYY-MM-DD`.
    pub until: Option<Arc<str>>,
}

/// Another customer of the same household or firm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Who.
    pub to: CustomerId,
    /// As what: `household`, `firm`, `guardian`…; 1 to 64 bytes.
    pub kind: Arc<str>,
}

/// What a customer last said to being contacted for a purpose. All that was ever said is in the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// For what: `sales`, `survey`…; 1 to 64 bytes.
    pub purpose: Arc<str>,
    /// On which channel; `None`: on all of which nothing was said apart.
    pub channel: Option<Channel>,
    /// Given, or refused or withdrawn.
    pub granted: bool,
    /// Where it was said: `call`, `web-form`, `contract`…; 1 to 64 bytes.
    pub source: Arc<str>,
    /// What shows it: the id of a recording, a form, a message; at most 2,048 bytes.
    pub proof: Option<Arc<str>>,
    /// When it was said; never in the future, since nobody has consented before having done so.
    pub from: Timestamp,
    /// When it ends; `None`: when it is withdrawn.
    pub expires_at: Option<Timestamp>,
}

/// What is sealed of one customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Personal {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) language: Option<Arc<str>>,
    pub(crate) identities: Vec<Address>,
    pub(crate) attributes: BTreeMap<AttributeId, AttributeValue>,
    pub(crate) tags: Vec<HeldTag>,
    pub(crate) preferences: Preferences,
    pub(crate) relationship: Relationship,
    pub(crate) links: Vec<Link>,
    pub(crate) consents: Vec<ConsentRecord>,
}

/// A customer, with what was merged into it.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerRow {
    /// What plugins may see: the attributes that are not sensitive.
    pub customer: Customer,
    /// When the customer was last in touch.
    pub last_seen_at: Timestamp,
    /// Interactions so far.
    pub interactions: u64,
    /// The agent of the last conversation.
    pub last_agent: Option<AgentId>,
    /// Its addresses.
    pub identities: Vec<Address>,
    /// Its tags with where they come from, those that have ended included until they are swept away.
    pub tags: Vec<HeldTag>,
    /// All attributes, sensitive ones included.
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// How the customer wants to be reached.
    pub preferences: Preferences,
    /// What binds it to the firm.
    pub relationship: Relationship,
    /// Household and firm.
    pub links: Vec<Link>,
    /// What it last said to being contacted.
    pub consents: Vec<ConsentRecord>,
    /// The customers that were merged into this one.
    pub merged: Vec<CustomerId>,
}

impl CustomerRow {
    /// What the customer says to being contacted for a purpose on a channel: what was said last of that channel, and only
    /// where nothing was, of all. What has expired says nothing any more.
    pub fn consent(&self, purpose: &str, channel: Channel, now: Timestamp) -> Consent {
        let said = |of: Option<Channel>| {
            self.consents
                .iter()
                .filter(|said| &*said.purpose == purpose && said.channel == of && said.from <= now)
                .max_by_key(|said| said.from)
        };
        let last = said(Some(channel)).or_else(|| said(None));
        match last.filter(|said| said.expires_at.is_none_or(|at| at > now)) {
            None => Consent::Unknown,
            Some(said) if said.granted => Consent::Given,
            Some(_) => Consent::Refused,
        }
    }
}

/// What is to be changed of a customer. A field that is left out stays; `Some(None)` takes away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfilePatch {
    /// The name.
    pub name: Option<Option<Arc<str>>>,
    /// The preferred language (BCP 47).
    pub language: Option<Option<Arc<str>>>,
    /// Attributes by id.
    pub attributes: BTreeMap<AttributeId, Option<AttributeValue>>,
    /// The preferences, whole.
    pub preferences: Option<Preferences>,
    /// The relationship, whole.
    pub relationship: Option<Relationship>,
}

impl ProfilePatch {
    /// What it changes, for the journal: names of fields, nothing of their content.
    pub(crate) fn fields(&self) -> Vec<Arc<str>> {
        let own = [
            ("name", self.name.is_some()),
            ("language", self.language.is_some()),
            ("preferences", self.preferences.is_some()),
            ("relationship", self.relationship.is_some()),
        ];
        own.into_iter()
            .filter(|(_, is)| *is)
            .map(|(field, _)| field.into())
            .chain(
                self.attributes
                    .keys()
                    .map(|key| format!("attributes.{key}").into()),
            )
            .collect()
    }

    /// Checks what needs no definitions.
    pub(crate) fn check(&self) -> Result<(), CustomerError> {
        if let Some(Some(name)) = &self.name
            && !is_name(name)
        {
            return Err(CustomerError::invalid("name", jackfield_types::NAME_EXPECTED));
        }
        if let Some(Some(language)) = &self.language {
            check_language(language)?;
        }
        if let Some(preferences) = &self.preferences {
            preferences.check()?;
        }
        self.relationship.as_ref().map_or(Ok(()), Relationship::check)
    }

    pub(crate) fn apply(self, personal: &mut Personal) {
        if let Some(name) = self.name {
            personal.name = name;
        }
        if let Some(language) = self.language {
            personal.language = language;
        }
        if let Some(preferences) = self.preferences {
            personal.preferences = preferences;
        }
        if let Some(relationship) = self.relationship {
            personal.relationship = relationship;
        }
        for (key, value) in self.attributes {
            match value {
                Some(value) => personal.attributes.insert(key, value),
                None => personal.attributes.remove(&key),
            };
        }
    }
}

impl Preferences {
    fn check(&self) -> Result<(), CustomerError> {
        let at_most = |field: &str, found: usize, most: usize| {
            if found > most {
                let problem = format!("{found}: expected at most {most}");
                return Err(CustomerError::invalid(field, problem));
            }
            Ok(())
        };
        at_most("preferences.hours", self.hours.len(), 14)?;
        for hours in &self.hours {
            at_most("preferences.hours.days", hours.days.len(), 7)?;
            let fits = !hours.days.is_empty()
                && hours.days.iter().all(|day| (1..=7).contains(day))
                && is_minute(&hours.from)
                && is_minute(&hours.to)
                && hours.from < hours.to;
            if !fits {
                return Err(CustomerError::invalid(
                    "preferences.hours",
                    "expected days from 1 (Monday) to 7, and from and to as HH:MM, from before to",
                ));
            }
        }
        match &self.zone {
            Some(zone) if jiff::tz::TimeZone::get(zone).is_err() => Err(CustomerError::invalid(
                "preferences.zone",
                format!("{zone:.64?}: expected an IANA name, for example Asia/Shanghai"),
            )),
            _ => Ok(()),
        }
    }
}

impl Relationship {
    /// What plugins see of it, beside the tenant's own attributes, whose ids hold no dot.
    pub(crate) fn facts(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let names: Vec<&str> = self.products.iter().map(|product| &*product.name).collect();
        let until = self
            .products
            .iter()
            .filter_map(|product| product.until.as_deref())
            .min();
        let facts = [
            ("relationship.since", self.since.as_deref().map(str::to_owned)),
            (
                "relationship.products",
                (!names.is_empty()).then(|| names.join("; ")),
            ),
            ("relationship.until", until.map(str::to_owned)),
            (
                "relationship.manager",
                self.account_manager.as_ref().map(ToString::to_string),
            ),
        ];
        facts
            .into_iter()
            .filter_map(|(key, value)| Some((key.into(), value?.into())))
            .collect()
    }

    fn check(&self) -> Result<(), CustomerError> {
        if self.products.len() > limits::MAX_PROFILE_ITEMS {
            return Err(CustomerError::TooMany {
                what: "relationship.products",
                most: limits::MAX_PROFILE_ITEMS,
            });
        }
        let dates = |dates: [&Option<Arc<str>>; 2], field: &str| {
            if dates.into_iter().flatten().all(|date| is_date(date)) {
                return Ok(());
            }
            Err(CustomerError::invalid(field, DATE_EXPECTED))
        };
        for product in &self.products {
            if !is_name(&product.name) {
                return Err(CustomerError::invalid(
                    "relationship.products.name",
                    jackfield_types::NAME_EXPECTED,
                ));
            }
            dates([&product.since, &product.until], "relationship.products")?;
        }
        dates([&self.since, &None], "relationship.since")
    }
}

pub(crate) const DATE_EXPECTED: &str = "expected a date as YYYY-MM-DD";

pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_minute(text: &str) -> bool {
    text.len() == 5 && (text == "24:00" || text.parse::<jiff::civil::Time>().is_ok())
}

fn check_language(text: &str) -> Result<(), CustomerError> {
    let fits = (2..=35).contains(&text.len())
        && text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if fits {
        return Ok(());
    }
    Err(CustomerError::invalid(
        "language",
        "expected BCP 47, for example zh-CN",
    ))
}

/// A code: 1 to 64 bytes, for people and rules.
pub(crate) fn check_code(field: &'static str, text: &str) -> Result<(), CustomerError> {
    if is_name(text) && text.len() <= limits::MAX_CODE_BYTES {
        return Ok(());
    }
    Err(CustomerError::invalid(
        field,
        "expected 1 to 64 bytes without control characters",
    ))
}

/// A text of people.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), CustomerError> {
    let fits = !text.trim().is_empty()
        && text.len() <= limits::MAX_TEXT_BYTES
        && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    if fits {
        return Ok(());
    }
    Err(CustomerError::invalid(
        field,
        format!("expected 1 to {} bytes of text", limits::MAX_TEXT_BYTES),
    ))
}
