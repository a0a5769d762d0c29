use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    CallTypeId, CampaignId, ChatEntryId, ConnectorId, E164, PluginKind, QueueId,
    limits::{MAX_CAMPAIGN_RULES, MAX_TAGGERS},
};

/// Where a binding plugs a plugin into a tenant.
///
/// | written | plugged in there |
/// |---|---|
/// | `number:+8675512345678` | the voice flow of a number |
/// | `chat:ENTRY` | the chat flow of a chat entry |
/// | `queue:ID` | the routing strategy of a queue |
/// | `queue:ID:agent-assist` | what assists agents in conversations of a queue |
/// | `campaign:ID:pacing-strategy` | the pacing of a campaign |
/// | `campaign:ID:outbound-rule:N` | the Nth rule of a campaign, 1 to 16; asked in that order |
/// | `connector:ID` | the channel connector of an account |
/// | `call-type:ID:qa-scorecard` | the scorecard of a call type |
/// | `tenant:KIND` | an outbound rule, tag generator, scorecard or agent assist for the whole tenant |
/// | `tenant:tag-generator:N` | the Nth tag generator, 2 to 8; asked after those before it |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtensionPoint {
    /// The voice flow of a number.
    Number(E164),
    /// The routing strategy of a queue.
    Queue(QueueId),
    /// One plugin of this kind for the whole tenant.
    Tenant(PluginKind),
    /// The chat flow of a chat entry.
    Chat(ChatEntryId),
    /// What assists agents in conversations that come from a queue.
    QueueAssist(QueueId),
    /// The pacing of a campaign.
    CampaignPacing(CampaignId),
    /// A rule of a campaign, by its place in the chain: 1 to 16.
    CampaignRule(CampaignId, u8),
    /// A further tag generator of the tenant, by its place: 2 to 8.
    Tagger(u8),
    /// The channel connector of an account.
    Connector(ConnectorId),
    /// The scorecard of a call type.
    CallTypeScorecard(CallTypeId),
}

impl ExtensionPoint {
    /// The only kind of plugin that fits here.
    pub const fn kind(&self) -> PluginKind {
        match self {
            Self::Number(_) => PluginKind::VoiceFlow,
            Self::Queue(_) => PluginKind::RoutingStrategy,
            Self::Tenant(kind) => *kind,
            Self::Chat(_) => PluginKind::ChatFlow,
            Self::QueueAssist(_) => PluginKind::AgentAssist,
            Self::CampaignPacing(_) => PluginKind::PacingStrategy,
            Self::CampaignRule(..) => PluginKind::OutboundRule,
            Self::Tagger(_) => PluginKind::TagGenerator,
            Self::Connector(_) => PluginKind::ChannelConnector,
            Self::CallTypeScorecard(_) => PluginKind::QaScorecard,
        }
    }
}

impl fmt::Display for ExtensionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "number:{number}"),
            Self::Queue(queue) => write!(f, "queue:{queue}"),
            Self::Tenant(kind) => write!(f, "tenant:{kind}"),
            Self::Chat(entry) => write!(f, "chat:{entry}"),
            Self::QueueAssist(queue) => write!(f, "queue:{queue}:agent-assist"),
            Self::CampaignPacing(campaign) => write!(f, "campaign:{campaign}:pacing-strategy"),
            Self::CampaignRule(campaign, place) => write!(f, "campaign:{campaign}:outbound-rule:{place}"),
            Self::Tagger(place) => write!(f, "tenant:tag-generator:{place}"),
            Self::Connector(connector) => write!(f, "connector:{connector}"),
            Self::CallTypeScorecard(call_type) => write!(f, "call-type:{call_type}:qa-scorecard"),
        }
    }
}

/// A text that names no extension point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "extension point {0:?} is not valid: expected number:+E.164, chat:ENTRY, queue:ID, queue:ID:agent-assist, \
     campaign:ID:pacing-strategy, campaign:ID:outbound-rule:N (1 to {MAX_CAMPAIGN_RULES}), connector:ID, \
     call-type:ID:qa-scorecard, tenant:outbound-rule, tenant:tag-generator, tenant:tag-generator:N (2 to \
     {MAX_TAGGERS}), tenant:qa-scorecard or tenant:agent-assist"
)]
pub struct InvalidPoint(pub String);

impl FromStr for ExtensionPoint {
    type Err = InvalidPoint;
    fn from_str(text: &str) -> Result<Self, InvalidPoint> {
        parse(text).ok_or_else(|| InvalidPoint(text.chars().take(96).collect()))
    }
}

fn parse(text: &str) -> Option<ExtensionPoint> {
    let parts: Vec<&str> = text.split(':').collect();
    Some(match *parts.as_slice() {
        ["number", number] => ExtensionPoint::Number(E164::new(number).ok()?),
        ["chat", entry] => ExtensionPoint::Chat(ChatEntryId::new(entry).ok()?),
        ["queue", queue] => ExtensionPoint::Queue(QueueId::new(queue).ok()?),
        ["queue", queue, "agent-assist"] => ExtensionPoint::QueueAssist(QueueId::new(queue).ok()?),
        ["campaign", campaign, "pacing-strategy"] => {
            ExtensionPoint::CampaignPacing(CampaignId::new(campaign).ok()?)
        }
        ["campaign", campaign, "outbound-rule", place] => {
            let found = place.parse().ok()?;
            // One spelling for each place: no `01`, no `+1`.
            let plain = (1..=MAX_CAMPAIGN_RULES).contains(&found) && found.to_string() == place;
            let campaign = CampaignId::new(campaign).ok()?;
            return plain.then_some(ExtensionPoint::CampaignRule(campaign, found));
        }
        ["tenant", "tag-generator", place] => {
            let found: u8 = place.parse().ok()?;
            let plain = (2..=MAX_TAGGERS).contains(&found) && found.to_string() == place;
            return plain.then_some(ExtensionPoint::Tagger(found));
        }
        ["connector", connector] => ExtensionPoint::Connector(ConnectorId::new(connector).ok()?),
        ["call-type", call_type, "qa-scorecard"] => {
            ExtensionPoint::CallTypeScorecard(CallTypeId::new(call_type).ok()?)
        }
        ["tenant", kind] => match kind.parse().ok()? {
            kind @ (PluginKind::OutboundRule
            | PluginKind::TagGenerator
            | PluginKind::QaScorecard
            | PluginKind::AgentAssist) => ExtensionPoint::Tenant(kind),
            PluginKind::VoiceFlow
            | PluginKind::ChatFlow
            | PluginKind::RoutingStrategy
            | PluginKind::PacingStrategy
            | PluginKind::ChannelConnector => return None,
        },
        _ => return None,
    })
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
    fn extension_points_round_trip_and_know_their_kind() {
        for (text, kind) in [
            ("number:+8675512345678", PluginKind::VoiceFlow),
            ("chat:website", PluginKind::ChatFlow),
            ("queue:support", PluginKind::RoutingStrategy),
            ("queue:support:agent-assist", PluginKind::AgentAssist),
            ("campaign:spring:pacing-strategy", PluginKind::PacingStrategy),
            ("campaign:spring:outbound-rule:1", PluginKind::OutboundRule),
            ("campaign:spring:outbound-rule:16", PluginKind::OutboundRule),
            ("connector:wechat", PluginKind::ChannelConnector),
            ("call-type:complaint:qa-scorecard", PluginKind::QaScorecard),
            ("tenant:outbound-rule", PluginKind::OutboundRule),
            ("tenant:tag-generator", PluginKind::TagGenerator),
            ("tenant:qa-scorecard", PluginKind::QaScorecard),
            ("tenant:agent-assist", PluginKind::AgentAssist),
        ] {
            let point = text.parse::<ExtensionPoint>().unwrap();
            assert_eq!((point.to_string().as_str(), point.kind()), (text, kind));
        }
    }

    #[test]
    fn what_names_no_point_is_refused_with_what_was_expected() {
        for bad in [
            "",
            "queue",
            "queue:",
            "queue:A",
            "queue:a:voice-flow",
            "queue:a:agent-assist:1",
            "number:12",
            "chat:",
            "tenant:voice-flow",
            "tenant:pacing-strategy",
            "tenant:x",
            "campaign:a",
            "campaign:a:outbound-rule",
            "campaign:a:outbound-rule:0",
            "campaign:a:outbound-rule:17",
            "campaign:a:outbound-rule:01",
            "campaign::pacing-strategy",
            "call-type:a",
        ] {
            let error = bad.parse::<ExtensionPoint>().unwrap_err().to_string();
            assert!(
                error.contains("campaign:ID:outbound-rule:N (1 to 16)"),
                "{bad}: {error}"
            );
        }
    }
}
