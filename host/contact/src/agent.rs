//! An agent and what the agent is doing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_types::{Channel, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::AgentConfig;
use crate::input::WantedState;

/// What an agent is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// Signed out.
    Offline,
    /// Ready for work.
    Available,
    /// Held for an offer; the phone is being called.
    Reserved,
    /// Talking with a customer.
    Talking,
    /// Has put the customer on hold.
    Hold,
    /// After-call work, until this moment at the latest.
    WrapUp {
        /// When it ends by itself.
        until: Timestamp,
    },
    /// On a break, or taken out of routing after a missed or failed offer.
    Break {
        /// The reason; the host uses `missed-offer` and `phone-unreachable`.
        reason: Arc<str>,
    },
}

impl AgentState {
    /// A word for it, as in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Talking => "talking",
            Self::Hold => "hold",
            Self::WrapUp { .. } => "wrap-up",
            Self::Break { .. } => "break",
        }
    }

    /// As it stands behind "is" in a sentence.
    pub const fn as_said(&self) -> &'static str {
        match self {
            Self::Offline => "signed out",
            Self::Available => "available",
            Self::Reserved => "being called",
            Self::Talking => "talking with a customer",
            Self::Hold => "talking with a customer, who is on hold",
            Self::WrapUp { .. } => "in wrap-up",
            Self::Break { .. } => "on a break",
        }
    }

    /// Neither signed out nor on a break.
    pub const fn is_at_work(&self) -> bool {
        !matches!(self, Self::Offline | Self::Break { .. })
    }

    /// Whether the agent has a call in hand.
    pub const fn has_call(&self) -> bool {
        matches!(self, Self::Reserved | Self::Talking | Self::Hold)
    }
}

impl From<WantedState> for AgentState {
    fn from(wanted: WantedState) -> Self {
        match wanted {
            WantedState::Available => Self::Available,
            WantedState::Break(reason) => Self::Break { reason },
            WantedState::Offline => Self::Offline,
        }
    }
}

/// An agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The settings.
    pub config: AgentConfig,
    /// What the agent is doing.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
    /// The interaction in hand, wrap-up included.
    pub interaction: Option<InteractionId>,
    /// Written conversations in hand or on offer, with their channels.
    pub chats: BTreeMap<InteractionId, Channel>,
    /// When the agent was last given a written conversation, or let one go.
    pub chatted_at: Timestamp,
    /// What the agent wants to be when the work in hand is done.
    pub wanted: Option<WantedState>,
    /// Whether the agent's phone can be called. Not journaled: phones register again after a restart.
    pub phone: bool,
}

impl Agent {
    pub(crate) fn new(config: AgentConfig, at: Timestamp) -> Self {
        Self {
            config,
            state: AgentState::Offline,
            since: at,
            interaction: None,
            chats: BTreeMap::new(),
            chatted_at: at,
            wanted: None,
            phone: false,
        }
    }

    /// Pieces of work of a channel in hand or on offer.
    pub fn load(&self, channel: Channel) -> u16 {
        if channel == Channel::Voice {
            return self.state.has_call().into();
        }
        let own = self.chats.values().filter(|of| **of == channel);
        u16::try_from(own.count()).unwrap_or(u16::MAX)
    }

    /// Whether work of a channel can be offered now.
    pub fn is_free_for(&self, channel: Channel) -> bool {
        let room = self.config.capacity(channel) > self.load(channel);
        let blended = self.config.blended;
        match (&self.state, channel) {
            (AgentState::Available, Channel::Voice) => {
                room && self.phone && (blended || self.chats.is_empty())
            }
            (_, Channel::Voice) | (AgentState::Offline | AgentState::Break { .. }, _) => false,
            (AgentState::Available, _) => room,
            (_, _) => room && blended,
        }
    }

    /// Since when the agent has had nothing new to do on a channel.
    pub(crate) fn idle_since(&self, channel: Channel) -> Timestamp {
        if channel.is_written() {
            self.since.max(self.chatted_at)
        } else {
            self.since
        }
    }
}
