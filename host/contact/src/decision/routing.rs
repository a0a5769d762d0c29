use std::sync::Arc;

use jackfield_types::{AgentId, Channel, InteractionId, QueueId, SkillId, Timestamp};
use serde::{Deserialize, Serialize};

/// A queue as it stands at the decision's moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingQuestion {
    /// The queue.
    pub queue: QueueId,
    /// The queue's skill table: bit n of the bit sets is entry n.
    pub skills: Vec<SkillId>,
    /// Waiting work, longest waiting first; at most 200.
    pub work: Vec<RoutingWork>,
    /// Free agents, longest idle first; at most 500.
    pub agents: Vec<RoutingAgent>,
}

/// One piece of waiting work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingWork {
    /// The interaction that waits.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// Skills asked for, as bits over the skill table.
    pub needs: u64,
    /// Skill table index and lowest level, for each skill asked for.
    pub levels: Vec<(u8, u8)>,
    /// Milliseconds waited in this queue.
    pub waiting_ms: u64,
    /// Higher goes first.
    pub priority: i32,
    /// Index of the agent of the customer's last conversation, when in this snapshot.
    pub last_agent: Option<u32>,
    /// Attributes of the interaction.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// One free agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingAgent {
    /// The agent.
    pub agent: AgentId,
    /// Skills, as bits over the skill table.
    pub skills: u64,
    /// Levels 0 to 10 in the order of the skill table.
    #[serde(with = "serde_bytes")]
    pub levels: Vec<u8>,
    /// Milliseconds since the agent became available.
    pub idle_ms: u64,
    /// Pieces of work that the agent has on this channel.
    pub load: u16,
    /// Pieces of work that the agent can have at once on this channel.
    pub capacity: u16,
}

/// Who is offered what; indices point into the question's lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Offers to make.
    pub assignments: Vec<Assignment>,
    /// Work to be sent to the overflow queue.
    pub overflows: Vec<u32>,
    /// Ask again then, even if nothing changes.
    pub look_again_at: Option<Timestamp>,
}

/// Offer this work to this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Index into the work.
    pub work: u32,
    /// Index into the agents.
    pub agent: u32,
}
