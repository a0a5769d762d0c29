//! What is journaled: facts that rebuild the state, feed reports and tell the story of an interaction.

mod types;

use std::sync::Arc;

use jackfield_types::{
    AgentId, AttachmentId, CaseId, Channel, ChatEntryId, ConnectorId, CustomerId, Digest, E164,
    ExtensionPoint, InteractionId, OfferId, PluginId, PluginKind, QueueId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

use crate::agent::AgentState;
use crate::case::{AssistanceStep, CaseChange};
use crate::chat::Side;
use crate::config::{AgentConfig, ChatEntryConfig, NumberConfig, QueueConfig, UnansweredAction};
use crate::decision::{
    ChatAction, ChatEvent, Choice, Delivery, Evaluation, Failure, FlowAction, FlowEvent, Message, Need,
    OutboundChecked, Provenance, ReceivedAttachment, SurveyAnswer, TagChange,
};
use crate::input::WantedState;
use crate::interaction::Outgoing;
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
    /// A chat entry was set.
    ChatEntrySet {
        /// Its settings.
        config: ChatEntryConfig,
    },
    /// A chat entry was removed.
    ChatEntryRemoved {
        /// Which.
        entry: ChatEntryId,
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
    /// A customer got in touch, or an agent calls one.
    InteractionStarted {
        /// The interaction.
        interaction: InteractionId,
        /// On which channel.
        channel: Channel,
        /// The caller as the network gave it; the customer's address on a written channel.
        caller: Arc<str>,
        /// The caller's display name.
        caller_name: Option<Arc<str>>,
        /// The tenant's number: that was called, or that an agent calls with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<E164>,
        /// The chat entry through which the customer came, on a written channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<ChatEntryId>,
        /// Who that is, when known.
        customer: Option<CustomerId>,
        /// The agent of the customer's last conversation, when known.
        last_agent: Option<AgentId>,
        /// When an agent calls: who, and what for. The agent's phone is called now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outgoing: Option<Box<Outgoing>>,
    },
    /// An agent who calls a customer has picked up: the customer's phone is called now.
    CustomerDialled {
        /// The interaction.
        interaction: InteractionId,
        /// Who calls.
        agent: AgentId,
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
    /// Somebody wrote in a conversation.
    MessageSent {
        /// The interaction.
        interaction: InteractionId,
        /// The message.
        message: Message,
        /// The choice that the customer picked with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<Arc<str>>,
        /// What came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<ReceivedAttachment>,
        /// What the customer may pick in answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<Choice>,
        /// The id that its sender gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<Arc<str>>,
        /// Whether there was more of it than a message, or one request of a provider, can hold.
        #[serde(default, skip_serializing_if = "is_false")]
        cut: bool,
        /// Of an agent's message: how long the customer had waited for an answer, in milliseconds. None when there was
        /// nothing to answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response_ms: Option<u64>,
        /// Whether it is the first that an agent writes in the conversation.
        #[serde(default, skip_serializing_if = "is_false")]
        first_response: bool,
    },
    /// One side has read the messages up to this number.
    MessagesRead {
        /// The interaction.
        interaction: InteractionId,
        /// Which side.
        by: Side,
        /// The number of the last message read.
        up_to: u32,
    },
    /// A message to the customer has come further on its way through a channel, or has failed.
    MessageDelivery {
        /// The interaction.
        interaction: InteractionId,
        /// The message's number.
        number: u32,
        /// How far.
        delivery: Delivery,
        /// Requests that were made; none when it is the provider who tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
        /// Why it has failed: a stable code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Arc<str>>,
        /// What the provider said about that, without addresses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Arc<str>>,
        /// The provider's id of the message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_id: Option<Arc<str>>,
    },
    /// What came with a message and lay with a provider is kept, or will not be.
    AttachmentFetched {
        /// The interaction.
        interaction: InteractionId,
        /// The message's number.
        number: u32,
        /// Which of the message's attachments, from 0.
        index: u32,
        /// Under which it is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attachment: Option<AttachmentId>,
        /// Why it is not: a stable code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<Arc<str>>,
    },
    /// The customer opened an attachment by the link to it, for the first time.
    AttachmentOpened {
        /// The interaction.
        interaction: InteractionId,
        /// The number of the message that it came with.
        number: u32,
        /// Which.
        attachment: AttachmentId,
    },
    /// A message of the customer stays without an answer: a step of the chat entry was taken.
    Unanswered {
        /// The interaction.
        interaction: InteractionId,
        /// Who has the conversation, when anybody.
        agent: Option<AgentId>,
        /// How long the customer has waited, in milliseconds.
        waited_ms: u64,
        /// What was done.
        action: UnansweredAction,
    },
    /// A chat flow decided on an event.
    ChatDecided {
        /// The interaction.
        interaction: InteractionId,
        /// On what. The text of a message stands in its own event.
        on: ChatEvent,
        /// What the flow wants to remember, in base64.
        #[serde(with = "crate::base64")]
        state: Vec<u8>,
        /// What it wants.
        actions: Vec<ChatAction>,
        /// Who decided.
        by: Provenance,
    },
    /// A chat flow has shown for a while that it is writing, and goes on with what it wanted next.
    ChatContinued {
        /// The interaction.
        interaction: InteractionId,
    },
    /// A chat flow failed on an event, and is not told of it again.
    ChatSkipped {
        /// The interaction.
        interaction: InteractionId,
        /// Which.
        on: ChatEvent,
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
        /// What is done instead: `last-good-version`, `default-queue`, `stay-in-queue`, `hang-up`, `close`, `skip-event`,
        /// `longest-idle`, `retry`, `give-up`, `ignore`.
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
    /// The process that held the call's sockets died. What follows of the call was true at that moment.
    CutOff {
        /// The interaction.
        interaction: InteractionId,
        /// The last moment of which it is known that the call was there.
        last_at: Timestamp,
    },
    /// The process that held the call's sockets died, and with it the call.
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
    /// Something was changed about a customer by somebody; what it says is in the customer's timeline, not here.
    CustomerChanged {
        /// The customer.
        customer: CustomerId,
        /// What.
        change: CustomerChange,
        /// Who asked for it.
        by: Arc<str>,
    },
    /// Something happened with a case; what people wrote of it is in the case, not here.
    CaseChanged {
        /// The case.
        case: CaseId,
        /// The number by which people call it.
        number: u64,
        /// Whose it is.
        customer: CustomerId,
        /// The interaction that it has to do with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interaction: Option<InteractionId>,
        /// What.
        change: CaseChange,
        /// Who asked for it; `system:cases` when a moment had come.
        by: Arc<str>,
    },
    /// Something happened with a link for remote assistance.
    AssistanceChanged {
        /// In which interaction it was given.
        interaction: InteractionId,
        /// The link, by its code.
        assistance: Arc<str>,
        /// What.
        step: AssistanceStep,
        /// Who: `user:ID`, or `customer`.
        by: Arc<str>,
        /// The channel through which it goes to the customer of a call, when it was made so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        through: Option<ConnectorId>,
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

fn is_false(flag: &bool) -> bool {
    !flag
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

/// What was changed about a customer. Holds nothing personal, so it may stay when the customer is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustomerChange {
    /// Was made, by hand.
    Made,
    /// Was changed in these fields.
    Updated(Vec<Arc<str>>),
    /// Got an address of this scheme.
    IdentityAdded(Arc<str>),
    /// Lost an address of this scheme.
    IdentityRemoved(Arc<str>),
    /// Another customer was merged into this one: its addresses and everything that was and will be known through them
    /// counts for this one, and stays where it is, so that the merge can be taken back.
    Merged {
        /// Who.
        from: CustomerId,
        /// How many addresses came with it.
        identities: u64,
        /// How many interactions came with it.
        interactions: u64,
    },
    /// Another customer is one of its own again.
    Unmerged(CustomerId),
    /// A note was written.
    Noted,
    /// Consent was given or refused.
    Consent {
        /// For what.
        purpose: Arc<str>,
        /// On which channel; `None`: on all.
        channel: Option<Channel>,
        /// Given, or refused or withdrawn.
        granted: bool,
    },
    /// The customer wants to buy something.
    Intent,
    /// Is linked to another customer.
    Linked {
        /// To whom.
        to: CustomerId,
        /// As what, for example `household`.
        kind: Arc<str>,
    },
    /// Is no longer linked to another customer.
    Unlinked(CustomerId),
    /// Customers were imported; the customer is the first of them.
    Imported {
        /// By which import.
        import: Arc<str>,
        /// How many were made.
        made: u64,
        /// How many were known and are changed.
        changed: u64,
    },
    /// Tags were set or taken away otherwise than by the decision after an interaction.
    Tagged {
        /// What gave rise to it: `manual`, `expiry`, `profile`, `intent`, `consent`, `interaction`.
        occasion: Arc<str>,
        /// How many.
        changed: u32,
    },
    /// Customers were tagged anew in bulk; the customer is the first of them.
    Retagged {
        /// By which run.
        run: Arc<str>,
        /// How many were looked at.
        customers: u64,
        /// Of how many something was changed.
        changed: u64,
    },
    /// Was erased, with what only its key could read.
    Erased,
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
    /// The process died, and the next one found it cut off.
    Restart,
}

/// Where a customer gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbandonStage {
    /// In the flow, before the queue.
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
            | Self::ChatEntrySet { .. }
            | Self::ChatEntryRemoved { .. }
            | Self::AgentSet { .. }
            | Self::AgentRemoved { .. }
            | Self::AgentStateRequested { .. }
            | Self::OutboundChecked { .. }
            | Self::DecisionsErased { .. }
            | Self::CustomerChanged { .. }
            | Self::BindingNoted { .. } => None,
            Self::AgentStateChanged { interaction, .. }
            | Self::DecisionFailed { interaction, .. }
            | Self::CaseChanged { interaction, .. } => *interaction,
            Self::InteractionStarted { interaction, .. }
            | Self::CustomerDialled { interaction, .. }
            | Self::FlowDecided { interaction, .. }
            | Self::MessageSent { interaction, .. }
            | Self::MessagesRead { interaction, .. }
            | Self::MessageDelivery { interaction, .. }
            | Self::AttachmentFetched { interaction, .. }
            | Self::AttachmentOpened { interaction, .. }
            | Self::Unanswered { interaction, .. }
            | Self::ChatDecided { interaction, .. }
            | Self::ChatContinued { interaction }
            | Self::ChatSkipped { interaction, .. }
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
            | Self::CutOff { interaction, .. }
            | Self::Orphaned { interaction }
            | Self::Evaluated { interaction, .. }
            | Self::Tagged { interaction, .. }
            | Self::AssistanceChanged { interaction, .. }
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
