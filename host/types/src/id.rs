use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::limits::MAX_SLUG_BYTES;

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: expected {expected}")]
pub struct InvalidId {
    /// Which kind of id was wanted, for example `queue id`.
    pub kind: &'static str,
    /// The text as given, cut to 64 characters.
    pub value: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(kind: &'static str, value: &str, expected: &'static str) -> Self {
        Self {
            kind,
            value: value.chars().take(64).collect(),
            expected,
        }
    }
}

const SLUG: &str = "1 to 64 characters out of a-z, 0-9, '-' and '_', beginning with a letter or digit";

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_SLUG_BYTES
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        && !text.starts_with(['-', '_'])
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// A slug chosen by people: 1 to 64 characters out of `a-z`, `0-9`, `-` and `_`,
        /// beginning with a letter or digit. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and wraps a slug.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                if is_slug(text) { Ok(Self(text.into())) } else { Err(InvalidId::new($kind, text, SLUG)) }
            }

            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

slug!(
    /// A tenant: one customer of the operator, isolated from all others.
    TenantId,
    "tenant id"
);
impl TenantId {
    /// What stands above tenants: the list of tenants, the directory of numbers, API keys. No person can
    /// make it, by name or by JSON, since slugs do not begin with `_`.
    pub fn platform() -> Self {
        Self(PLATFORM.into())
    }

    /// Whether this is what stands above tenants.
    pub fn is_platform(&self) -> bool {
        &*self.0 == PLATFORM
    }
}

const PLATFORM: &str = "_platform";

slug!(
    /// An agent of a tenant: a person who takes work.
    AgentId,
    "agent id"
);
slug!(
    /// A queue of a tenant.
    QueueId,
    "queue id"
);
slug!(
    /// A skill of a tenant, for example `en`, `zh` or `billing`.
    SkillId,
    "skill id"
);
slug!(
    /// A chat entry of a tenant: a place where customers begin written conversations.
    ChatEntryId,
    "chat entry id"
);
slug!(
    /// An outbound campaign of a tenant.
    CampaignId,
    "campaign id"
);
slug!(
    /// A connector of a tenant: an account at a provider of messages.
    ConnectorId,
    "connector id"
);
slug!(
    /// A call type of a tenant, as the attribute `call-type` names it.
    CallTypeId,
    "call type id"
);
slug!(
    /// An attribute that a tenant defines for its customers, for example `tier`.
    AttributeId,
    "attribute id"
);
slug!(
    /// An article of a tenant's knowledge base.
    ArticleId,
    "article id"
);
slug!(
    /// A reply template: one of a tenant's shared ones, or of somebody's own.
    TemplateId,
    "template id"
);
slug!(
    /// A bulk import of customers.
    ImportId,
    "import id"
);
slug!(
    /// A segment of a tenant's customers.
    SegmentId,
    "segment id"
);
slug!(
    /// A run of the tag generators over all customers.
    TagRunId,
    "run id"
);
slug!(
    /// A category of a tenant's cases, for example `repair`.
    CategoryId,
    "case category id"
);
slug!(
    /// An outlet of a tenant: a shop, a branch, a workshop, to which cases are handed.
    OutletId,
    "outlet id"
);
slug!(
    /// A plugin, unique within a tenant.
    PluginId,
    "plugin id"
);
slug!(
    /// What a tenant calls a publisher's key that it trusts.
    KeyName,
    "key name"
);
slug!(
    /// A user of a tenant (or of the platform): somebody who holds API keys.
    UserId,
    "user id"
);

/// Reads a UUID; what is none is told what one looks like.
pub(crate) fn uuid<'de, D: Deserializer<'de>>(d: D) -> Result<Uuid, D::Error> {
    Uuid::deserialize(d).map_err(|_| {
        serde::de::Error::custom("expected an id, for example 019b76da-0000-7000-8000-000000000000")
    })
}

/// One customer contact from its first event to its last, on whatever channel.
///
/// A version 7 UUID, so ids sort by the time at which they were made; the 128 bits are also the
/// trace id of the interaction. Made at the edge, never in the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InteractionId(Uuid);

impl<'de> Deserialize<'de> for InteractionId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        uuid(d).map(Self)
    }
}

impl InteractionId {
    /// Wraps a UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a 128-bit number, as used for trace ids.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for InteractionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InteractionId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| InvalidId::new("interaction id", text, "a UUID"))
    }
}

/// Something that came with a message, and whose contents the host keeps. A version 7 UUID, so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AttachmentId(Uuid);

impl<'de> Deserialize<'de> for AttachmentId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        uuid(d).map(Self)
    }
}

impl AttachmentId {
    /// Wraps a UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The lowest id that could have been made at this time or later, as of [`DecisionId::lowest_at`].
    pub const fn lowest_at(at: crate::Timestamp) -> Self {
        Self(DecisionId::lowest_at(at).0)
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AttachmentId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| InvalidId::new("attachment id", text, "a UUID"))
    }
}

/// One recorded plugin decision of a tenant. A version 7 UUID, so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DecisionId(Uuid);

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        uuid(d).map(Self)
    }
}

impl DecisionId {
    /// Wraps a UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The lowest id that could have been made at this time or later; ids have 48 bits for it, and later moments count as
    /// the last of those.
    pub const fn lowest_at(at: crate::Timestamp) -> Self {
        const LAST: u64 = (1 << 48) - 1;
        let millis = if at.0 < LAST { at.0 } else { LAST };
        Self(Uuid::from_u128((millis as u128) << 80))
    }

    /// When the id was made.
    pub const fn made_at(&self) -> crate::Timestamp {
        crate::Timestamp((self.0.as_u128() >> 80) as u64)
    }

    /// The 16 bytes, in whose order ids sort.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads [`DecisionId::as_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DecisionId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| InvalidId::new("decision id", text, "a UUID"))
    }
}

/// One leg (one SIP dialog and its media) of an interaction. The customer's leg has number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// The interaction that the leg belongs to.
    pub interaction: InteractionId,
    /// Counts up from 0 within the interaction.
    pub number: u16,
}

impl LegId {
    /// The leg of the customer, who is always there first.
    pub const fn customer(interaction: InteractionId) -> Self {
        Self {
            interaction,
            number: 0,
        }
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.interaction, self.number)
    }
}

/// One offer of one interaction to one agent: counts up from 1 within the interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferId(pub u16);

/// A customer of a tenant: a version 7 UUID, made at the first contact, that says nothing of the person.
///
/// An address, `scheme:value` such as `tel:+8613800138000`, may stand where a customer is asked for: it means whoever
/// has it. Journals of before customers had ids of their own name them so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// Wraps a UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string().into())
    }

    /// Checks and wraps a UUID, or an address: `scheme:rest`, printable ASCII without spaces, at most 128 bytes.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if let Ok(uuid) = Uuid::parse_str(text)
            && !text.contains(':')
        {
            return Ok(Self::from_uuid(uuid));
        }
        let fits = text.len() <= crate::limits::MAX_CUSTOMER_ID_BYTES
            && text
                .split_once(':')
                .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new(
                "customer id",
                text,
                "a UUID, or an address, scheme:value in at most 128 printable ASCII characters without '/'",
            ))
        }
    }

    /// Whether this is an address, which stands for whoever has it.
    pub fn is_address(&self) -> bool {
        self.0.contains(':')
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CustomerId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for CustomerId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_beyond_all_ids_come_after_them() {
        let at = |millis| DecisionId::lowest_at(crate::Timestamp(millis));
        assert!(at(1 << 48) > at(1 << 47) && at(u64::MAX) == at((1 << 48) - 1));
        assert_eq!(at(1_800_000_000_000).made_at().0, 1_800_000_000_000);
    }

    #[test]
    fn slugs_are_checked_and_the_error_says_what_was_expected() {
        assert_eq!(QueueId::new("vip-zh").unwrap().as_str(), "vip-zh");
        for bad in ["", "-a", "_a", "A", "a b", "a/b", "a.b", "呼叫", &"a".repeat(65)] {
            let error = QueueId::new(bad).unwrap_err();
            assert_eq!(error.kind, "queue id");
            assert!(error.to_string().contains("a-z, 0-9"), "{error}");
        }
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<TenantId>("\"acme\"").is_ok());
        assert!(serde_json::from_str::<TenantId>("\"../acme\"").is_err());
        assert!(serde_json::from_str::<TenantId>(&format!("\"{}\"", TenantId::platform())).is_err());
        assert!(serde_json::from_str::<CustomerId>("\"tel:+4420\"").is_ok());
        assert!(serde_json::from_str::<CustomerId>("\"tel\"").is_err());
        let id = CustomerId::new("019B76DA-0000-7000-8000-000000000000").unwrap();
        assert_eq!(id.as_str(), "019b76da-0000-7000-8000-000000000000");
        assert!(!id.is_address());
    }
}
