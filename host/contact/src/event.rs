//! What is journaled: facts that rebuild the state, feed reports and tell the story of an interaction.

use std::sync::Arc;

use jackfield_types::{
    AgentId, Channel, CustomerId, Digest, E164, ExtensionPoint, InteractionId, OfferId, PluginId, PluginKind,
    QueueId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

use crate::agent::AgentState;
use crate::config::{AgentConfig, NumberConfig, QueueConfig};
use crate::decision::{
    Evaluation, Failure, FlowAction, FlowEvent, Need, OutboundChecked, Provenance, SurveyAnswer, TagChange,
};
use crate::input::WantedState;
use crate::leg::{Cause, Speech};

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A queue was set.
    QueueSet {
        /// Its settings.
        config: QueueConfig,
    },
    /// A queue was removed.
    QueueRemoved {
        /// Which.
        queue: QueueId,
    },
    /// A number was set.
    NumberSet {
        /// Its settings.
        config: NumberConfig,
    },
    /// A number was removed.
    NumberRemoved {
        /// Which.
        number: E164,
    },
    /// An agent was set.
    AgentSet {
        /// The settings.
        config: AgentConfig,
    },
    /// An agent was removed.
    AgentRemoved {
        /// Who.
        agent: AgentId,
    },
    /// An agent with work in hand wants a state afterwards.
    AgentStateRequested {
        /// Who.
        agent: AgentId,
        /// What.
        wanted: WantedState,
    },
    /// An agent is now in this state.
    AgentStateChanged {
        /// Who.
        agent: AgentId,
        /// The new state.
        state: AgentState,
        /// The interaction that it has to do with.
        interaction: Option<InteractionId>,
    },
    /// A customer got in touch.
    InteractionStarted {
        /// The interaction.
        interaction: InteractionId,
        /// On which channel.
        channel: Channel,
        /// The caller as the network gave it.
        caller: Arc<str>,
        /// The caller's display name.
        caller_name: Option<Arc<str>>,
        /// The number called.
        number: E164,
        /// Who that is, when known.
        customer: Option<CustomerId>,
        /// The agent of the customer's last conversation, when known.
        last_agent: Option<AgentId>,
    },
    /// A flow decided on an event.
    FlowDecided {
        /// The interaction.
        interaction: InteractionId,
        /// On what.
        on: FlowEvent,
        /// What it wants.
        actions: Vec<FlowAction>,
        /// Who decided.
        by: Provenance,
    },
    /// A plugin gave no valid answer, and the kind's fail policy was followed.
    DecisionFailed {
        /// The interaction, when the decision was about one.
        interaction: Option<InteractionId>,
        /// The queue, for routing.
        queue: Option<QueueId>,
        /// The plugin's kind.
        kind: PluginKind,
        /// Why.
        failure: Failure,
        /// What is done instead: `last-good-version`, `default-queue`, `stay-in-queue`, `hang-up`, `longest-idle`, `retry`, `give-up`, `ignore`.
        fallback: Arc<str>,
    },
    /// A prompt could not be played; the call goes on.
    PromptFailed {
        /// The interaction.
        interaction: InteractionId,
        /// What, and what to do.
        problem: Arc<str>,
    },
    /// The caller entered digits.
    DigitsEntered {
        /// The interaction.
        interaction: InteractionId,
        /// The digits.
        digits: Arc<str>,
    },
    /// An attribute was set.
    AttributeSet {
        /// The interaction.
        interaction: InteractionId,
        /// The name.
        key: Arc<str>,
        /// The text.
        value: Arc<str>,
    },
    /// The interaction waits in a queue.
    Queued {
        /// The interaction.
        interaction: InteractionId,
        /// Where.
        queue: QueueId,
        /// Skills asked for.
        needs: Vec<Need>,
        /// Higher goes first.
        priority: i32,
    },
    /// The interaction left a queue without an agent.
    LeftQueue {
        /// The interaction.
        interaction: InteractionId,
        /// Which.
        queue: QueueId,
        /// Why.
        reason: LeftReason,
    },
    /// An agent is offered the interaction; the agent's phone is called.
    Offered {
        /// The interaction.
        interaction: InteractionId,
        /// The offer.
        offer: OfferId,
        /// The queue.
        queue: QueueId,
        /// To whom.
        agent: AgentId,
        /// The strategy that decided; none: the built-in longest-idle rule.
        by: Option<Provenance>,
    },
    /// The agent's phone rings.
    OfferRinging {
        /// The interaction.
        interaction: InteractionId,
        /// The offer.
        offer: OfferId,
        /// Whose.
        agent: AgentId,
    },
    /// An offer came to nothing.
    OfferFailed {
        /// The interaction.
        interaction: InteractionId,
        /// The offer.
        offer: OfferId,
        /// Whose.
        agent: AgentId,
        /// Why.
        reason: OfferFailure,
    },
    /// Customer and agent talk.
    Connected {
        /// The interaction.
        interaction: InteractionId,
        /// The offer that was taken.
        offer: OfferId,
        /// With whom.
        agent: AgentId,
        /// Milliseconds waited in the queue.
        waited_ms: u64,
    },
    /// The agent put the customer on hold.
    Held {
        /// The interaction.
        interaction: InteractionId,
        /// Who.
        agent: AgentId,
    },
    /// The agent took the customer back.
    Resumed {
        /// The interaction.
        interaction: InteractionId,
        /// Who.
        agent: AgentId,
    },
    /// The agent's part in the conversation is over.
    AgentLeft {
        /// The interaction.
        interaction: InteractionId,
        /// Who.
        agent: AgentId,
        /// Milliseconds connected, hold included.
        talked_ms: u64,
        /// Where the agent sent the customer, when it was a transfer.
        transferred_to: Option<QueueId>,
    },
    /// A survey question was answered.
    SurveyAnswered {
        /// The interaction.
        interaction: InteractionId,
        /// Question and answer.
        answer: SurveyAnswer,
    },
    /// The recording began.
    RecordingStarted {
        /// The interaction.
        interaction: InteractionId,
    },
    /// A recording is stored.
    RecordingStored {
        /// The interaction.
        interaction: InteractionId,
        /// The blob: WAV, customer left, agent right.
        digest: Digest,
        /// Its beginning.
        started_at: Timestamp,
        /// Its length.
        length_ms: u64,
        /// What was heard.
        speech: Speech,
    },
    /// A recording could not be made, or was lost; the interaction goes on without.
    RecordingFailed {
        /// The interaction.
        interaction: InteractionId,
        /// What, and what to do.
        problem: Arc<str>,
    },
    /// The customer's part is over.
    InteractionEnded {
        /// The interaction.
        interaction: InteractionId,
        /// Who ended it.
        by: EndedBy,
        /// Why.
        cause: Cause,
        /// Where the customer gave up, when before any agent answered.
        abandoned: Option<AbandonStage>,
    },
    /// The process that held the call's sockets died.
    Orphaned {
        /// The interaction.
        interaction: InteractionId,
    },
    /// A scorecard evaluated the interaction.
    Evaluated {
        /// The interaction.
        interaction: InteractionId,
        /// The evaluation.
        evaluation: Evaluation,
        /// Weighted score, 0 to 100.
        score: Option<f64>,
        /// The same over critical items.
        critical_score: Option<f64>,
        /// Who evaluated.
        by: Provenance,
    },
    /// A tagger changed the customer's tags.
    Tagged {
        /// The interaction.
        interaction: InteractionId,
        /// The customer.
        customer: CustomerId,
        /// The changes.
        changes: Vec<TagChange>,
        /// Who decided.
        by: Provenance,
    },
    /// Something happened to a binding: its breaker, or its rollout.
    BindingNoted {
        /// Where.
        point: ExtensionPoint,
        /// The plugin.
        plugin: PluginId,
        /// The version that it is about.
        version: Version,
        /// What.
        note: BindingNote,
    },
    /// Records of plugin decisions were erased.
    DecisionsErased {
        /// Those that concerned this customer.
        customer: CustomerId,
        /// How many.
        records: u64,
        /// Who asked for it.
        by: Arc<str>,
    },
    /// An outbound attempt was judged.
    OutboundChecked {
        /// The attempt, the answer, and every rule that was asked.
        check: Box<OutboundChecked>,
    },
    /// Nothing more will happen to the interaction.
    Closed {
        /// The interaction.
        interaction: InteractionId,
    },
}

/// What happened to a binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindingNote {
    /// The version failed again and again and is not asked for a while; the fail policy of its kind holds.
    BreakerOpened {
        /// For how many milliseconds.
        for_ms: u64,
        /// The latest failure.
        failure: Failure,
    },
    /// The version works again.
    BreakerClosed,
    /// Its rollout went to another stage.
    RolloutMoved {
        /// `shadow`, `canary 5 %`, `active`, `rolled-back`.
        to: Arc<str>,
        /// Who: `user:ID`, or `system:gates` when a gate was violated.
        by: Arc<str>,
        /// Why, for people.
        why: Arc<str>,
        /// What had been seen, as one JSON text of at most 4 KiB.
        evidence: Arc<str>,
    },
}

/// Why work left a queue without an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftReason {
    /// The customer hung up.
    Abandoned,
    /// Sent to the overflow queue.
    Overflow(QueueId),
    /// The longest wait, or the highest number of offers, was reached.
    MaxWait,
    /// The flow put it into another queue, or ended it.
    Flow,
    /// The process died.
    Orphaned,
}

/// Why an offer came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferFailure {
    /// The agent refused, or the phone was busy.
    Declined,
    /// The phone rang too long (a missed call).
    NoAnswer,
    /// The phone could not be reached.
    Unreachable,
    /// The customer hung up or the flow ended the call.
    CustomerLeft,
    /// The process died.
    Orphaned,
}

/// Who ended an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// The customer hung up.
    Customer,
    /// The agent hung up, and nothing was left to do.
    Agent,
    /// The flow.
    Flow,
    /// A supervisor, or the platform.
    System,
}

/// Where a customer gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbandonStage {
    /// In the flow.
    Ivr,
    /// Waiting in a queue.
    Queue,
    /// While an agent's phone rang.
    Ringing,
}

impl Event {
    /// The interaction that the fact is about.
    pub fn interaction(&self) -> Option<InteractionId> {
        match self {
            Self::QueueSet { .. }
            | Self::QueueRemoved { .. }
            | Self::NumberSet { .. }
            | Self::NumberRemoved { .. }
            | Self::AgentSet { .. }
            | Self::AgentRemoved { .. }
            | Self::AgentStateRequested { .. }
            | Self::OutboundChecked { .. }
            | Self::DecisionsErased { .. }
            | Self::BindingNoted { .. } => None,
            Self::AgentStateChanged { interaction, .. } | Self::DecisionFailed { interaction, .. } => {
                *interaction
            }
            Self::InteractionStarted { interaction, .. }
            | Self::FlowDecided { interaction, .. }
            | Self::PromptFailed { interaction, .. }
            | Self::DigitsEntered { interaction, .. }
            | Self::AttributeSet { interaction, .. }
            | Self::Queued { interaction, .. }
            | Self::LeftQueue { interaction, .. }
            | Self::Offered { interaction, .. }
            | Self::OfferRinging { interaction, .. }
            | Self::OfferFailed { interaction, .. }
            | Self::Connected { interaction, .. }
            | Self::Held { interaction, .. }
            | Self::Resumed { interaction, .. }
            | Self::AgentLeft { interaction, .. }
            | Self::SurveyAnswered { interaction, .. }
            | Self::RecordingStarted { interaction }
            | Self::RecordingStored { interaction, .. }
            | Self::RecordingFailed { interaction, .. }
            | Self::InteractionEnded { interaction, .. }
            | Self::Orphaned { interaction }
            | Self::Evaluated { interaction, .. }
            | Self::Tagged { interaction, .. }
            | Self::Closed { interaction } => Some(*interaction),
        }
    }
}

/// A fact with its time, as journaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it became true.
    pub at: Timestamp,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}
