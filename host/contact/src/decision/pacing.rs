use std::sync::Arc;

use jackfield_types::{CampaignId, Timestamp};
use serde::{Deserialize, Serialize};

/// A campaign as it stands at the decision's moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacingQuestion {
    /// The campaign.
    pub campaign: CampaignId,
    /// Agents who are free for it now and not promised to a call.
    pub free: u32,
    /// Its agents who aren't free, longest elapsed first; at most 500.
    pub busy: Vec<BusyAgent>,
    /// Attempts under way that nobody has answered yet.
    pub ringing: u32,
    /// Customers who have answered and wait for an agent now.
    pub waiting: u32,
    /// Calls that may still be launched as far as lines go.
    pub lines: u32,
    /// Numbers that may be called now.
    pub callable: u32,
    /// The latest figures.
    pub recent: RecentAttempts,
    /// The limit of abandoned calls, and how it stands.
    pub compliance: Compliance,
}

/// An agent who isn't free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyAgent {
    /// What the agent is doing.
    pub activity: Activity,
    /// Milliseconds since it began.
    pub elapsed_ms: u64,
}

/// What an agent who isn't free is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Talking, hold included.
    Talking,
    /// After-call work.
    WrappingUp,
}

/// What was counted and measured of a campaign's finished attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecentAttempts {
    /// Milliseconds that the figures cover.
    pub period_ms: u64,
    /// Attempts that ended.
    pub attempts: u32,
    /// Those that a person answered.
    pub answered: u32,
    /// Mean milliseconds from the launch to the answer.
    pub mean_ring_ms: u64,
    /// Mean milliseconds of talk.
    pub mean_talk_ms: u64,
    /// Mean milliseconds of after-call work.
    pub mean_wrap_up_ms: u64,
}

/// How a campaign's limit of abandoned calls stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compliance {
    /// Attempts that a person answered.
    pub answered: u32,
    /// Those for whom no agent was there in time.
    pub abandoned: u32,
    /// The highest allowed share in parts per million.
    pub allowed_ppm: u32,
}

/// The answer of a pacing strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Calls to launch now; at most the lines and the callable numbers of the question.
    pub launch: u32,
    /// A stable code.
    pub reason: Arc<str>,
    /// The same for people.
    pub detail: Arc<str>,
    /// Ask again then, even if nothing changes.
    pub look_again_at: Option<Timestamp>,
}
