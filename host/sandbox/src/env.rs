use std::sync::Arc;

use jackfield_contact::decision::{
    AgentOutcomes, Answer, Customer, EvaluationRecord, Failure, KnowledgeEntry, KnowledgeHit, KnowledgeQuery,
    Message, PastInteraction, QueueStatus, SurveyRecord, Tag,
};
use jackfield_types::{AgentId, Capability, Grants, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Ceilings;

/// What surrounds one decision.
#[derive(Clone)]
pub struct Env {
    /// The decision's moment; the plugin's clock stands still at it.
    pub now: Timestamp,
    /// The configuration of the binding as one JSON text; `{}` when none was set.
    pub config: Arc<str>,
    /// What the plugin may ask. It sees of it what its manifest's projection names.
    pub reads: Arc<dyn Reads>,
    /// What tenant and platform grant; of it a plugin has what its manifest asks for. The rest answers `not-granted`.
    pub grants: Grants,
    /// What the operator lowered for the tenant, [`Ceilings::NONE`] elsewhere; `None`: nothing. In force is the lowest of
    /// this, of [`Plugin::ceilings`](crate::Plugin::ceilings) and so of the manifest's `limits`.
    pub budget: Option<Ceilings>,
}

/// What a plugin may ask about the customer and the tenant while it decides, bound to one tenant, one binding and one
/// interaction. Called on the thread of the decision, and within its time.
///
/// Every method answers "nothing is known" unless it is written otherwise. The plugin gets an error as a value; it
/// never traps. What was not granted ([`Env::grants`]) is not asked for here.
pub trait Reads: Send + Sync {
    /// The customer of the interaction at hand; none when the caller is unknown.
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        Ok(None)
    }

    /// Finished interactions of that customer, newest first, at most `limit` (1 to 50).
    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        let _ = limit;
        Ok(Vec::new())
    }

    /// Survey answers of that customer, newest first, at most `limit` (1 to 50).
    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        let _ = limit;
        Ok(Vec::new())
    }

    /// Evaluations of that customer's interactions, newest first, at most `limit` (1 to 50).
    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        let _ = limit;
        Ok(Vec::new())
    }

    /// Messages of the written conversation at hand with a number above `after`, oldest first, at most `limit` (1 to
    /// 200). A host that keeps none says so.
    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        let _ = (after, limit);
        Err(ReadError {
            code: "unavailable".into(),
            message: "this host keeps no written messages".into(),
            retryable: false,
        })
    }

    /// Entries of the tenant's knowledge base, best first, at most `query.limit`.
    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        let _ = query;
        Ok(Vec::new())
    }

    /// An entry of the tenant's knowledge base; none when there is none of that id. The id is as the plugin gave it.
    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        let _ = id;
        Ok(None)
    }

    /// How a queue of the tenant stands; none when there is no such queue. The id is as the plugin gave it.
    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        let _ = id;
        Ok(None)
    }

    /// The value of a key of this binding, as it was before this decision.
    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let _ = key;
        Ok(None)
    }

    /// Tags of the customer of a piece of waiting work, expired ones included; for routing strategies.
    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        let _ = interaction;
        Ok(Vec::new())
    }

    /// How conversations of these agents about these reasons went, those that there are; for routing strategies.
    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        let _ = (agents, reasons);
        Ok(Vec::new())
    }
}

/// Knows nothing about anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReads;

impl Reads for NoReads {}

/// A question of a plugin that was not answered; the plugin gets it as a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ReadError {
    /// A stable code, at most 64 bytes, for example `not-granted`.
    pub code: Arc<str>,
    /// What happened and what to do, for people.
    pub message: Arc<str>,
    /// Whether the same question may be answered later.
    pub retryable: bool,
}

impl ReadError {
    /// The manifest, the tenant or the platform does not grant it.
    pub(crate) fn not_granted(what: Capability) -> Self {
        Self {
            code: "not-granted".into(),
            message: format!("{what} is not granted to this plugin: the tenant's administrator can grant it")
                .into(),
            retryable: false,
        }
    }

    /// The manifest's projection does not name it.
    pub(crate) fn not_projected(what: &str) -> Self {
        Self {
            code: "not-projected".into(),
            message: format!("the manifest's projection does not name {what}: add it to see it").into(),
            retryable: false,
        }
    }

    /// It cannot be read now; it may be later.
    pub fn unavailable(why: &str) -> Self {
        Self {
            code: Self::UNAVAILABLE.into(),
            message: why.into(),
            retryable: true,
        }
    }

    /// The code of what cannot be read.
    pub(crate) const UNAVAILABLE: &str = "unavailable";

    /// Whether it cannot be read now and may be later.
    pub(crate) fn is_of_the_moment(&self) -> bool {
        self.retryable && &*self.code == Self::UNAVAILABLE
    }
}

/// What came of one question to a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The checked answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// What it cost.
    pub receipt: Receipt,
    /// What the plugin wrote for its author; kept on failure too.
    pub log: Vec<LogLine>,
    /// Keys that the plugin set (`Some`) or took away (`None`), each once, in the order of the first writing. To be
    /// committed together with the answer; empty on failure.
    pub kv_writes: Vec<(String, Option<Vec<u8>>)>,
}

/// What a decision cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Fuel used. After a trap, a time-out or any other stop: the whole reservation.
    pub fuel: u64,
    /// Highest sum of the bytes of all memories.
    pub peak_memory_bytes: u64,
    /// Wall time in microseconds, instantiation and conversions included.
    pub wall_us: u64,
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}

/// How much a line of a plugin's log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the author while developing.
    Debug,
    /// Something worth knowing.
    Info,
    /// Something unexpected that was dealt with.
    Warn,
    /// Something that went wrong.
    Error,
}

impl LogLevel {
    /// The name used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
