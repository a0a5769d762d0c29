use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{E164, QueueId};

/// The kinds of plugin that this host runs; each is a WIT world of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Next call actions for each call event.
    VoiceFlow,
    /// Which waiting work goes to which agent.
    RoutingStrategy,
    /// May this attempt be made now, on this channel, for this purpose.
    OutboundRule,
    /// Tags to add, refresh or expire for a customer.
    TagGenerator,
    /// Evaluation of a finished interaction.
    QaScorecard,
}

impl PluginKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::VoiceFlow,
        Self::RoutingStrategy,
        Self::OutboundRule,
        Self::TagGenerator,
        Self::QaScorecard,
    ];

    /// The name of the world, as in `cx:voice-flow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceFlow => "voice-flow",
            Self::RoutingStrategy => "routing-strategy",
            Self::OutboundRule => "outbound-rule",
            Self::TagGenerator => "tag-generator",
            Self::QaScorecard => "qa-scorecard",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no plugin kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown plugin kind {0:?}: expected voice-flow, routing-strategy, outbound-rule, tag-generator or qa-scorecard"
)]
pub struct UnknownKind(pub String);

impl FromStr for PluginKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.chars().take(64).collect()))
    }
}

/// Where a binding plugs a plugin into a tenant. Written `number:+8675512345678`, `queue:support`,
/// `tenant:outbound-rule`, `tenant:tag-generator` or `tenant:qa-scorecard`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtensionPoint {
    /// The voice flow of a number.
    Number(E164),
    /// The routing strategy of a queue.
    Queue(QueueId),
    /// One plugin of this kind for the whole tenant.
    Tenant(PluginKind),
}

impl ExtensionPoint {
    /// The only kind of plugin that fits here.
    pub const fn kind(&self) -> PluginKind {
        match self {
            Self::Number(_) => PluginKind::VoiceFlow,
            Self::Queue(_) => PluginKind::RoutingStrategy,
            Self::Tenant(kind) => *kind,
        }
    }
}

impl fmt::Display for ExtensionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "number:{number}"),
            Self::Queue(queue) => write!(f, "queue:{queue}"),
            Self::Tenant(kind) => write!(f, "tenant:{kind}"),
        }
    }
}

/// A text that names no extension point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "extension point {0:?} is not valid: expected number:+E.164, queue:ID, \
     tenant:outbound-rule, tenant:tag-generator or tenant:qa-scorecard"
)]
pub struct InvalidPoint(pub String);

impl FromStr for ExtensionPoint {
    type Err = InvalidPoint;
    fn from_str(text: &str) -> Result<Self, InvalidPoint> {
        let point = match text.split_once(':') {
            Some(("number", number)) => E164::new(number).ok().map(Self::Number),
            Some(("queue", queue)) => QueueId::new(queue).ok().map(Self::Queue),
            Some(("tenant", kind)) => match kind.parse() {
                Ok(PluginKind::VoiceFlow | PluginKind::RoutingStrategy) | Err(_) => None,
                Ok(kind) => Some(Self::Tenant(kind)),
            },
            _ => None,
        };
        point.ok_or_else(|| InvalidPoint(text.chars().take(96).collect()))
    }
}

impl Serialize for ExtensionPoint {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExtensionPoint {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_points_round_trip() {
        for text in [
            "number:+8675512345678",
            "queue:support",
            "tenant:outbound-rule",
            "tenant:qa-scorecard",
        ] {
            assert_eq!(text.parse::<ExtensionPoint>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "queue",
            "queue:",
            "number:12",
            "tenant:voice-flow",
            "tenant:x",
            "campaign:a",
        ] {
            assert!(bad.parse::<ExtensionPoint>().is_err(), "{bad}");
        }
    }
}
