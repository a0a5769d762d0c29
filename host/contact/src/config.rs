//! What an administrator configures, with its checks.

mod chat_entry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_types::{AgentId, Channel, E164, NAME_EXPECTED, QueueId, SkillId, is_name, limits};
use serde::{Deserialize, Serialize};

pub use chat_entry::{ChatEntryConfig, UnansweredAction, UnansweredStep};

/// A setting that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidConfig {
    /// The field, as spelled in JSON.
    pub field: &'static str,
    /// What is wrong and what was expected.
    pub problem: String,
}

fn check(ok: bool, field: &'static str, problem: impl FnOnce() -> String) -> Result<(), InvalidConfig> {
    if ok {
        Ok(())
    } else {
        Err(InvalidConfig {
            field,
            problem: problem(),
        })
    }
}

fn check_name(name: &str) -> Result<(), InvalidConfig> {
    check(is_name(name), "name", || NAME_EXPECTED.into())
}

fn check_language(language: &str) -> Result<(), InvalidConfig> {
    let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    check(
        (2..=35).contains(&language.len()) && language.chars().all(tag),
        "language",
        || "expected a BCP 47 tag, for example zh-CN or en".into(),
    )
}

fn check_range(field: &'static str, value: u64, lowest: u64, highest: u64) -> Result<(), InvalidConfig> {
    check((lowest..=highest).contains(&value), field, || {
        format!("{value} is out of range: expected {lowest} to {highest}")
    })
}

/// A telephone number that customers call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberConfig {
    /// The number; unique in the whole deployment.
    pub number: E164,
    /// For people, 1 to 128 bytes.
    pub name: Arc<str>,
    /// BCP 47, for example `zh-CN`; flows speak it first.
    pub language: Arc<str>,
    /// Where a caller goes when no flow is bound or the flow fails. Must exist.
    pub default_queue: QueueId,
}

impl NumberConfig {
    /// Checks the values that do not depend on other settings.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        check_name(&self.name)?;
        check_language(&self.language)
    }
}

/// A queue of waiting work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// The queue.
    pub id: QueueId,
    /// For people, 1 to 128 bytes.
    pub name: Arc<str>,
    /// Callers who may wait at once, 1 to 10,000. More go to `overflow`, else back to the flow.
    pub max_waiting: u32,
    /// Longest wait in milliseconds, 1,000 to 86,400,000; then `overflow`, else back to the flow.
    pub max_wait_ms: u64,
    /// Where work goes that can't or shouldn't wait here. Must exist and differ from the queue.
    pub overflow: Option<QueueId>,
    /// How long an agent's phone rings, or written work is on offer, before the next agent is tried, 1,000 to 120,000 ms.
    pub offer_timeout_ms: u64,
    /// After-call work of the agent, 0 to 3,600,000 ms; the agent can end it earlier.
    pub wrap_up_ms: u64,
    /// How often the flow is told where the caller stands, 1,000 to 600,000 ms.
    pub progress_every_ms: u64,
    /// Whether conversations are recorded from the agent's answer.
    pub record: bool,
}

impl QueueConfig {
    /// A queue with the usual settings.
    pub fn new(id: QueueId, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            max_waiting: 200,
            max_wait_ms: 10 * 60 * 1_000,
            overflow: None,
            offer_timeout_ms: 15_000,
            wrap_up_ms: 30_000,
            progress_every_ms: 20_000,
            record: true,
        }
    }

    /// Checks the values that do not depend on other settings.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        check_name(&self.name)?;
        check_range("max_waiting", self.max_waiting.into(), 1, 10_000)?;
        check_range("max_wait_ms", self.max_wait_ms, 1_000, 86_400_000)?;
        check_range("offer_timeout_ms", self.offer_timeout_ms, 1_000, 120_000)?;
        check_range("wrap_up_ms", self.wrap_up_ms, 0, 3_600_000)?;
        check_range("progress_every_ms", self.progress_every_ms, 1_000, 600_000)?;
        check(self.overflow.as_ref() != Some(&self.id), "overflow", || {
            "a queue can't overflow into itself".into()
        })
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// The agent.
    pub id: AgentId,
    /// For people, 1 to 128 bytes.
    pub name: Arc<str>,
    /// Level 1 to 10 of each skill, at most 64 skills.
    pub skills: BTreeMap<SkillId, u8>,
    /// Queues that the agent serves. Must exist.
    pub queues: BTreeSet<QueueId>,
    /// Pieces of work at once, by channel. A channel that is missing is not served. Voice is at most 1.
    pub capacity: BTreeMap<Channel, u16>,
    /// Whether a call and written conversations may be in hand together. If not, who has a call is offered no
    /// conversation, and who has a conversation no call.
    #[serde(default)]
    pub blended: bool,
}

impl AgentConfig {
    /// Checks the values that do not depend on other settings.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        check_name(&self.name)?;
        check(self.skills.len() <= limits::MAX_QUEUE_SKILLS, "skills", || {
            format!(
                "{} skills: expected at most {}",
                self.skills.len(),
                limits::MAX_QUEUE_SKILLS
            )
        })?;
        for (skill, level) in &self.skills {
            check((1..=limits::MAX_SKILL_LEVEL).contains(level), "skills", || {
                format!(
                    "level {level} of {skill} is out of range: expected 1 to {}",
                    limits::MAX_SKILL_LEVEL
                )
            })?;
        }
        for (channel, &capacity) in &self.capacity {
            let highest = if *channel == Channel::Voice { 1 } else { 50 };
            check_range("capacity", capacity.into(), 0, highest)?;
        }
        Ok(())
    }

    /// How much the agent can have at once on a channel.
    pub fn capacity(&self, channel: Channel) -> u16 {
        self.capacity.get(&channel).copied().unwrap_or(0)
    }
}
