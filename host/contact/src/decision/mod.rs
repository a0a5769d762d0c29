//! Questions to plugins and their answers, in the core's own words.
//!
//! A plugin decision is an effect ("ask") whose answer comes back as an input ("decided"), so live running,
//! replay and simulation share one path.

pub mod compare;
mod customer;
mod flow;
mod outbound;
mod routing;
mod scorecard;
mod tags;

use std::sync::Arc;

use jackfield_types::{DecisionId, Digest, PluginId, PluginKind, Version};
use serde::{Deserialize, Serialize};

pub use customer::{
    Customer, Emotion, EvaluationRecord, PastInteraction, Phase, PhaseEmotion, SurveyRecord, Tag,
};
pub use flow::{
    CallInfo, Enqueue, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Gather, Need, QueueExit,
    QueueProgress, QueueStatus, SurveyQuestion,
};
pub use outbound::{Attempt, Consent, LocalTime, Outcome, PastAttempt, Ruling, Verdict};
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
    /// `overloaded`, `unavailable`, `quota`.
    pub code: Arc<str>,
    /// What happened, for people.
    pub message: Arc<str>,
}
