use std::{net::SocketAddr, sync::Arc};

use jackfield_contact::leg::LegEvent;
use jackfield_types::{AgentId, LegId, TenantId, Timestamp};

/// What the voice side reports.
#[derive(Debug, Clone, PartialEq)]
pub enum VoiceEvent {
    /// A call to a tenant's number. It has been answered with 100 and waits for `Answer` or `HangUp`.
    Incoming {
        /// Whose number was dialled.
        tenant: TenantId,
        /// The customer's leg of a new interaction.
        leg: LegId,
        /// Who calls: the user part of From, for example `+8613800138000`; `anonymous` when there is none.
        from: Arc<str>,
        /// The display name of From, when there is one, cut to [`MAX_TEXT_BYTES`](jackfield_types::limits::MAX_TEXT_BYTES).
        from_name: Option<Arc<str>>,
        /// The number as dialled.
        to: Arc<str>,
        /// When the INVITE came.
        at: Timestamp,
    },
    /// Something happened on a leg.
    Leg {
        /// The leg's tenant.
        tenant: TenantId,
        /// The leg.
        leg: LegId,
        /// When.
        at: Timestamp,
        /// What.
        event: LegEvent,
    },
    /// An agent's phone registered, or did so again.
    PhoneRegistered {
        /// The agent's tenant.
        tenant: TenantId,
        /// The agent.
        agent: AgentId,
        /// When.
        at: Timestamp,
        /// Until when, unless it registers again.
        expires_at: Timestamp,
    },
    /// An agent's phone unregistered, or its registration expired.
    PhoneUnregistered {
        /// The agent's tenant.
        tenant: TenantId,
        /// The agent.
        agent: AgentId,
        /// When.
        at: Timestamp,
    },
}

/// A registered phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredPhone {
    /// Whose it is.
    pub agent: AgentId,
    /// Where its registration came from, which is where calls are sent.
    pub source: SocketAddr,
    /// Until when it is registered.
    pub expires_at: Timestamp,
}

/// Figures of the voice side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VoiceStats {
    /// Legs that live now.
    pub legs: usize,
    /// SIP dialogs that live now; those of calls that have ended are waiting for the answer to their BYE.
    pub dialogs: usize,
    /// Phones registered now.
    pub phones: usize,
    /// Calls that came in since the start.
    pub calls_in: u64,
    /// Calls placed to phones since the start.
    pub calls_out: u64,
    /// Calls refused since the start, because a limit was reached or nothing could be negotiated.
    pub refused: u64,
    /// SIP transactions that are under way.
    pub transactions: usize,
    /// Figures of the media side.
    pub media: crate::media::Stats,
}
