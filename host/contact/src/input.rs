//! What comes into the core.

use std::sync::Arc;

use jackfield_types::{
    AgentId, AttachmentId, ChatEntryId, CustomerId, Digest, E164, ExtensionPoint, InteractionId, LegId,
    PluginId, QueueId, Version,
};

use crate::chat::{Greeting, Side};
use crate::config::{AgentConfig, ChatEntryConfig, NumberConfig, QueueConfig};
use crate::decision::{Answer, Delivery, Failure, OutboundChecked, Provenance, ReceivedAttachment};
use crate::effect::AskId;
use crate::event::BindingNote;
use crate::interaction::Outgoing;
use crate::leg::{LegEvent, Recording};

/// One thing that happened or is wanted. The time comes beside it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An administrator sets a queue.
    SetQueue(QueueConfig),
    /// An administrator removes a queue: refused while something refers to it or waits in it.
    RemoveQueue(QueueId),
    /// An administrator sets a number.
    SetNumber(NumberConfig),
    /// An administrator removes a number.
    RemoveNumber(E164),
    /// An administrator sets a chat entry.
    SetChatEntry(ChatEntryConfig),
    /// An administrator removes a chat entry: refused while conversations that came through it go on.
    RemoveChatEntry(ChatEntryId),
    /// An administrator sets an agent.
    SetAgent(AgentConfig),
    /// An administrator removes an agent: refused while the agent has work.
    RemoveAgent(AgentId),
    /// An agent, or a supervisor for an agent, wants a state. While the agent has work it is kept for afterwards.
    RequestState {
        /// The agent.
        agent: AgentId,
        /// The state wanted.
        wanted: WantedState,
    },
    /// The agent's phone has registered, or is no longer registered.
    Phone {
        /// The agent.
        agent: AgentId,
        /// Whether it can be called.
        registered: bool,
    },
    /// A call came in to one of the tenant's numbers.
    CallArrived {
        /// A new id.
        interaction: InteractionId,
        /// The caller as the network gave it, E.164 where possible.
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
    /// An agent calls a customer: the agent's phone is rung first, then the customer's. Whether the attempt may be made has
    /// been asked before.
    AgentCalls {
        /// A new id.
        interaction: InteractionId,
        /// Whom, E.164.
        callee: E164,
        /// The tenant's number that the customer sees.
        number: E164,
        /// Who that is, when known.
        customer: Option<CustomerId>,
        /// Who calls, and what for.
        outgoing: Outgoing,
    },
    /// A customer begins a written conversation. One who has a conversation going on at the entry goes on with that, unless
    /// this one is to be another.
    ChatStarted {
        /// A new id.
        interaction: InteractionId,
        /// Where.
        entry: ChatEntryId,
        /// The customer's address on the channel.
        address: Arc<str>,
        /// Whether it is another beside one that goes on, as two mails are about two things.
        anew: bool,
        /// What is known of it from the beginning, set as attributes.
        attributes: Vec<(Arc<str>, Arc<str>)>,
        /// What the customer is called, when known.
        name: Option<Arc<str>>,
        /// Who that is, when known.
        customer: Option<CustomerId>,
        /// The agent of the customer's last conversation, when known.
        last_agent: Option<AgentId>,
        /// What the customer was shown before; the flow is not asked for it again.
        greeting: Option<Box<Greeting>>,
    },
    /// The customer writes.
    CustomerWrites {
        /// The conversation.
        interaction: InteractionId,
        /// What.
        message: Draft,
    },
    /// The agent who has the conversation writes.
    AgentWrites {
        /// The conversation.
        interaction: InteractionId,
        /// The agent.
        agent: AgentId,
        /// What.
        message: Draft,
    },
    /// A template that was asked for is filled in. The customer gets it, unless an answer came first.
    TemplateFilled {
        /// The conversation.
        interaction: InteractionId,
        /// 1 to 8,192 bytes.
        text: Arc<str>,
    },
    /// One side has read the messages up to a number.
    MessagesRead {
        /// The conversation.
        interaction: InteractionId,
        /// Which side.
        by: Side,
        /// The number of the last message read; lower than before says nothing new.
        up_to: u32,
    },
    /// A message to the customer has come further on its way through a channel, or has failed; it is journaled, also when
    /// the conversation is over.
    MessageDelivery {
        /// The conversation.
        interaction: InteractionId,
        /// The message's number.
        number: u32,
        /// How far.
        delivery: Delivery,
        /// Requests that were made; none when it is the provider who tells.
        attempts: Option<u32>,
        /// Why it has failed: a stable code.
        reason: Option<Arc<str>>,
        /// What the provider said about that, without addresses; at most 256 bytes.
        words: Option<Arc<str>>,
        /// The provider's id of the message.
        provider_id: Option<Arc<str>>,
    },
    /// What came with a message and lay with a provider is kept, or will not be; it is journaled, also when the conversation
    /// is over.
    AttachmentFetched {
        /// The conversation.
        interaction: InteractionId,
        /// The message's number.
        number: u32,
        /// Which of the message's attachments, from 0.
        index: u32,
        /// Under which it is kept, or a stable code that says why it is not.
        outcome: Result<AttachmentId, Arc<str>>,
    },
    /// The customer opened an attachment by the link to it; it is journaled, also when the conversation is over.
    AttachmentOpened {
        /// The conversation.
        interaction: InteractionId,
        /// The message's number.
        number: u32,
        /// Which.
        attachment: AttachmentId,
    },
    /// An agent takes the written conversation that is on offer.
    AcceptOffer {
        /// The conversation.
        interaction: InteractionId,
        /// The agent, who must be the one to whom it is offered.
        agent: AgentId,
    },
    /// An agent declines the written conversation that is on offer.
    DeclineOffer {
        /// The conversation.
        interaction: InteractionId,
        /// The agent, who must be the one to whom it is offered.
        agent: AgentId,
    },
    /// The agent's part in a written conversation is over; the flow may ask a survey.
    LeaveChat {
        /// The conversation.
        interaction: InteractionId,
        /// The agent, who must be the one who has it.
        agent: AgentId,
    },
    /// The customer closes a written conversation.
    CustomerLeaves(InteractionId),
    /// Something happened on a leg.
    Leg {
        /// The leg.
        leg: LegId,
        /// What.
        event: LegEvent,
    },
    /// A finished recording is in the blob store.
    RecordingStored {
        /// The interaction.
        interaction: InteractionId,
        /// The blob.
        digest: Digest,
        /// What was recorded.
        recording: Recording,
    },
    /// A recording could not be made, or was lost.
    RecordingFailed {
        /// The interaction.
        interaction: InteractionId,
        /// What, and what to do.
        problem: Arc<str>,
    },
    /// An agent or supervisor sends a talking customer to a queue.
    TransferToQueue {
        /// The interaction.
        interaction: InteractionId,
        /// Where to.
        queue: QueueId,
    },
    /// A supervisor or agent ends an interaction.
    EndInteraction(InteractionId),
    /// The answer to an `Ask` effect.
    Decided {
        /// Which.
        ask: AskId,
        /// The valid answer and who gave it, or why there is none.
        outcome: Result<(Answer, Provenance), Failure>,
        /// Set when the bound version failed and the last good one was asked.
        failed_before: Option<Failure>,
    },
    /// Another version or configuration is bound: waiting work is looked at again.
    BindingChanged(ExtensionPoint),
    /// Something happened to a binding; it is journaled for whoever watches.
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
    /// Records of plugin decisions were erased; it is journaled for whoever has to show it.
    DecisionsErased {
        /// Those that concerned this customer.
        customer: CustomerId,
        /// How many.
        records: u64,
        /// Who asked for it.
        by: Arc<str>,
    },
    /// An outbound attempt was judged; it is journaled.
    OutboundChecked(Box<OutboundChecked>),
    /// A time that `Centre::next_timeout` named has come.
    Timeout,
    /// The journal has been read to its end after a start: what was live is orphaned.
    Restarted,
}

/// A message as its sender hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// At most 8,192 bytes; empty only when a choice is picked or something is attached.
    pub text: Arc<str>,
    /// The id of a choice that the customer picked.
    pub choice: Option<Arc<str>>,
    /// What comes with it, at most 16.
    pub attachments: Vec<ReceivedAttachment>,
    /// An id that the sender gives it, 1 to 64 bytes: a message of the same side with the same id counts once.
    pub client_id: Option<Arc<str>>,
    /// Whether there was more of it.
    pub cut: bool,
}

/// A state that an agent can ask for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedState {
    /// Ready for work.
    Available,
    /// On a break; the reason is shown to supervisors.
    Break(Arc<str>),
    /// Signed out.
    Offline,
}

/// A wish that can't be fulfilled. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejected {
    /// A stable code: `unknown-queue`, `unknown-agent`, `unknown-number`, `unknown-chat-entry`, `unknown-interaction`,
    /// `invalid-config`, `invalid-message`, `in-use`, `wrong-state`, `too-many`, `queue-full`.
    pub code: &'static str,
    /// The field that was wrong, when one was.
    pub field: Option<&'static str>,
    /// What happened, to which thing, what to do now.
    pub message: String,
}

impl Rejected {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            message: message.into(),
        }
    }
}

impl From<crate::config::InvalidConfig> for Rejected {
    fn from(error: crate::config::InvalidConfig) -> Self {
        Self {
            code: "invalid-config",
            field: Some(error.field),
            message: error.to_string(),
        }
    }
}
