//! Parts of a customer's profile, as requests and answers have them.

use jackfield_runtime::{ConsentRecord, Hours, Link, Preferences, Product, Relationship};
use jackfield_types::{AgentId, Channel, InvalidId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a customer wants to be reached.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesBody {
    /// `voice`, `chat`, `sms`, `email` or `social`.
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// When, in the customer's own time, at most 14; empty: at any time.
    #[serde(default)]
    pub hours: Vec<HoursBody>,
    /// Where the customer's time is told: an IANA name.
    pub zone: Option<String>,
}

/// Hours of some days of the week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursBody {
    /// 1 (Monday) to 7.
    pub days: Vec<u8>,
    /// `HH:MM`, the first minute.
    pub from: String,
    /// `HH:MM`, the first minute after; at most `24:00`.
    pub to: String,
}

/// What binds a customer to the firm.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationshipBody {
    /// Products and contracts, at most 100.
    #[serde(default)]
    pub products: Vec<ProductBody>,
    /// The agent who looks after the customer.
    pub account_manager: Option<String>,
    /// Since when it is a customer: `YYYY-MM-DD`.
    pub since: Option<String>,
}

/// A product or contract.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductBody {
    /// What, 1 to 128 bytes.
    pub name: String,
    /// From then on: `YYYY-MM-DD`.
    pub since: Option<String>,
    /// Until then: `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// Another customer of the same household or firm.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// Who.
    pub customer: String,
    /// As what, for example `household`.
    pub kind: String,
}

/// What a customer said to being contacted for a purpose.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConsentView {
    /// For what.
    pub purpose: String,
    /// On which channel; null: on all of which nothing was said apart.
    pub channel: Option<String>,
    /// Given, or refused or withdrawn.
    pub granted: bool,
    /// Where it was said.
    pub source: String,
    /// What shows it.
    pub proof: Option<String>,
    /// When it was said.
    pub from: u64,
    /// When it ends; null: when it is withdrawn.
    pub expires_at: Option<u64>,
}

impl From<PreferencesBody> for Preferences {
    fn from(body: PreferencesBody) -> Self {
        let hours = body.hours.into_iter().map(|hours| Hours {
            days: hours.days,
            from: hours.from.into(),
            to: hours.to.into(),
        });
        Self {
            channel: body.channel,
            hours: hours.collect(),
            zone: body.zone.map(Into::into),
        }
    }
}

impl From<Preferences> for PreferencesBody {
    fn from(preferences: Preferences) -> Self {
        let hours = preferences.hours.into_iter().map(|hours| HoursBody {
            days: hours.days,
            from: hours.from.to_string(),
            to: hours.to.to_string(),
        });
        Self {
            channel: preferences.channel,
            hours: hours.collect(),
            zone: preferences.zone.map(|zone| zone.to_string()),
        }
    }
}

impl TryFrom<RelationshipBody> for Relationship {
    type Error = InvalidId;
    fn try_from(body: RelationshipBody) -> Result<Self, InvalidId> {
        let products = body.products.into_iter().map(|product| Product {
            name: product.name.into(),
            since: product.since.map(Into::into),
            until: product.until.map(Into::into),
        });
        Ok(Self {
            products: products.collect(),
            account_manager: body.account_manager.as_deref().map(AgentId::new).transpose()?,
            since: body.since.map(Into::into),
        })
    }
}

impl From<Relationship> for RelationshipBody {
    fn from(relationship: Relationship) -> Self {
        let text = |text: std::sync::Arc<str>| text.to_string();
        let products = relationship.products.into_iter().map(|product| ProductBody {
            name: product.name.to_string(),
            since: product.since.map(text),
            until: product.until.map(text),
        });
        Self {
            products: products.collect(),
            account_manager: relationship.account_manager.as_ref().map(ToString::to_string),
            since: relationship.since.map(text),
        }
    }
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        Self {
            customer: link.to.to_string(),
            kind: link.kind.to_string(),
        }
    }
}

impl From<ConsentRecord> for ConsentView {
    fn from(consent: ConsentRecord) -> Self {
        Self {
            purpose: consent.purpose.to_string(),
            channel: consent.channel.map(|channel| channel.as_str().to_owned()),
            granted: consent.granted,
            source: consent.source.to_string(),
            proof: consent.proof.map(|proof| proof.to_string()),
            from: consent.from.0,
            expires_at: consent.expires_at.map(|at| at.0),
        }
    }
}
