use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kinds of plugin that this host runs; each is a WIT world of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Next call actions for each call event.
    VoiceFlow,
    /// Next actions of a written conversation for each of its events.
    ChatFlow,
    /// Which waiting work goes to which agent.
    RoutingStrategy,
    /// May this attempt be made now, on this channel, for this purpose.
    OutboundRule,
    /// How many calls a campaign launches now.
    PacingStrategy,
    /// Tags to add, refresh or expire for a customer.
    TagGenerator,
    /// Evaluation of a finished interaction.
    QaScorecard,
    /// Between a provider's HTTP interface and messages.
    ChannelConnector,
    /// Suggestions to the agent during a conversation.
    AgentAssist,
}

impl PluginKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::VoiceFlow,
        Self::ChatFlow,
        Self::RoutingStrategy,
        Self::OutboundRule,
        Self::PacingStrategy,
        Self::TagGenerator,
        Self::QaScorecard,
        Self::ChannelConnector,
        Self::AgentAssist,
    ];

    /// The name of the world, as in `cx:voice-flow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceFlow => "voice-flow",
            Self::ChatFlow => "chat-flow",
            Self::RoutingStrategy => "routing-strategy",
            Self::OutboundRule => "outbound-rule",
            Self::PacingStrategy => "pacing-strategy",
            Self::TagGenerator => "tag-generator",
            Self::QaScorecard => "qa-scorecard",
            Self::ChannelConnector => "channel-connector",
            Self::AgentAssist => "agent-assist",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The article before a word: `an agent-assist`, `a voice-flow`.
pub fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}

/// A text that names no plugin kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown plugin kind {0:?}: expected voice-flow, chat-flow, routing-strategy, outbound-rule, pacing-strategy, \
     tag-generator, qa-scorecard, channel-connector or agent-assist"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_the_error_lists_it() {
        let error = "fax-flow".parse::<PluginKind>().unwrap_err().to_string();
        for kind in PluginKind::ALL {
            assert_eq!(kind.as_str().parse::<PluginKind>().unwrap(), kind);
            assert!(error.contains(kind.as_str()), "{error}");
        }
    }

    #[test]
    fn a_kind_has_its_article() {
        for (kind, article_of) in [
            (PluginKind::AgentAssist, "an"),
            (PluginKind::OutboundRule, "an"),
            (PluginKind::VoiceFlow, "a"),
            (PluginKind::QaScorecard, "a"),
        ] {
            assert_eq!(article(kind.as_str()), article_of, "{kind}");
        }
    }
}
