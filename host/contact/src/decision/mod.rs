//! Questions to plugins and their answers, in the core's own words.
//!
//! A plugin decision is an effect ("ask") whose answer comes back as an input ("decided"), so live running,
//! replay and simulation share one path.

mod assist;
mod chain;
mod chat;
pub mod compare;
mod connector;
mod customer;
mod flow;
mod knowledge;
mod outbound;
mod outcomes;
mod pacing;
mod routing;
mod scorecard;
mod tags;

use std::sync::Arc;

use jackfield_types::{DecisionId, Digest, InteractionId, PluginId, PluginKind, Version};
use serde::{Deserialize, Serialize};

pub use assist::{Advice, AssistQuestion, AssistTrigger, Suggestion};
pub use chain::{AskedRule, OutboundChecked, RuleOutcome, ruling_of};
pub use chat::{
    Author, ChatAction, ChatAnswer, ChatEvent, ChatInfo, ChatMessage, ChatQuestion, ChatSurveyQuestion,
    Choice, Message, ReceivedAttachment,
};
pub use connector::{
    Conclusion, ConnectorAnswer, ConnectorQuestion, Delivery, FieldValue, IncomingMessage, LinkedAttachment,
    Method, OutgoingMessage, ProviderRequest, ProviderResponse, Receipt, Received, Reply, Webhook,
};
pub use customer::{
    Customer, Emotion, EvaluationRecord, PastInteraction, Phase, PhaseEmotion, SurveyRecord, Tag,
};
pub use flow::{
    CallInfo, Enqueue, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Gather, Need, QueueExit,
    QueueProgress, QueueStatus, SurveyQuestion,
};
pub use knowledge::{KnowledgeEntry, KnowledgeHit, KnowledgeKind, KnowledgeQuery};
pub use outbound::{Attempt, Consent, LocalTime, Outcome, PastAttempt, Ruling, Verdict};
pub use outcomes::{AgentOutcomes, Tally, call_type};
pub use pacing::{Activity, BusyAgent, Compliance, Pace, PacingQuestion, RecentAttempts};
pub use routing::{Assignment, Plan, RoutingAgent, RoutingQuestion, RoutingWork};
pub use scorecard::{
    Evaluation, Evidence, Item, ItemResult, ScorecardQuestion, ScoredEmotion, Segment, SegmentKind,
    SurveyAnswer,
};
pub use tags::{TagChange, TagQuestion};

/// A question to a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// To a voice flow.
    Flow(Box<FlowQuestion>),
    /// To a routing strategy.
    Routing(Box<RoutingQuestion>),
    /// To an outbound rule.
    Outbound(Box<Attempt>),
    /// To a tag generator.
    Tags(Box<TagQuestion>),
    /// To a scorecard.
    Scorecard(Box<ScorecardQuestion>),
    /// To a chat flow.
    Chat(Box<ChatQuestion>),
    /// To a pacing strategy.
    Pacing(Box<PacingQuestion>),
    /// To a channel connector.
    Connector(Box<ConnectorQuestion>),
    /// To an agent assist.
    Assist(Box<AssistQuestion>),
}

impl Question {
    /// The kind of plugin that can answer.
    pub const fn kind(&self) -> PluginKind {
        match self {
            Self::Flow(_) => PluginKind::VoiceFlow,
            Self::Routing(_) => PluginKind::RoutingStrategy,
            Self::Outbound(_) => PluginKind::OutboundRule,
            Self::Tags(_) => PluginKind::TagGenerator,
            Self::Scorecard(_) => PluginKind::QaScorecard,
            Self::Chat(_) => PluginKind::ChatFlow,
            Self::Pacing(_) => PluginKind::PacingStrategy,
            Self::Connector(_) => PluginKind::ChannelConnector,
            Self::Assist(_) => PluginKind::AgentAssist,
        }
    }

    /// The one interaction that the question is about, if it is about one.
    pub const fn interaction(&self) -> Option<InteractionId> {
        match self {
            Self::Flow(question) => Some(question.call.interaction),
            Self::Chat(question) => Some(question.chat.interaction),
            Self::Tags(question) => question.interaction,
            Self::Scorecard(question) => Some(question.interaction),
            Self::Assist(question) => Some(question.interaction),
            Self::Routing(_) | Self::Outbound(_) | Self::Pacing(_) | Self::Connector(_) => None,
        }
    }
}

/// A plugin's valid answer. Its variant always fits the question's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Of a voice flow.
    Flow(FlowAnswer),
    /// Of a routing strategy.
    Routing(Plan),
    /// Of a routing strategy and of a candidate beside it, each for its share of the work.
    SplitRouting(Vec<(Plan, Provenance)>),
    /// Of an outbound rule.
    Outbound(Ruling),
    /// Of a tag generator.
    Tags(Vec<TagChange>),
    /// Of a scorecard.
    Scorecard(Evaluation),
    /// Of a chat flow.
    Chat(ChatAnswer),
    /// Of a pacing strategy.
    Pacing(Pace),
    /// Of a channel connector.
    Connector(Box<ConnectorAnswer>),
    /// Of an agent assist, best first.
    Assist(Vec<Suggestion>),
}

/// Which version of which plugin stood behind a decision, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// The digest of its component.
    pub digest: Digest,
    /// Fuel used.
    pub fuel: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// The record of the decision, when one was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
}

/// Why no plugin answered, in the words of the fail policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code: `no-binding`, `trap`, `fuel`, `timeout`, `memory`, `oversize`, `invalid-answer`, `plugin-error`,
    /// `overloaded`, `breaker-open`, `unavailable`, `quota`.
    pub code: Arc<str>,
    /// What happened, for people.
    pub message: Arc<str>,
}
