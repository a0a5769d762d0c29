use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of the process since its start. Nothing here names a tenant.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) inputs: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) commit_retries: AtomicU64,
    pub(crate) interactions: AtomicU64,
    pub(crate) abandoned: AtomicU64,
    pub(crate) decisions: AtomicU64,
    pub(crate) decisions_failed: AtomicU64,
    pub(crate) fuel: AtomicU64,
    pub(crate) decision_us: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) records_lost: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricsSnapshot {
    /// Inputs handled.
    pub inputs: u64,
    /// Inputs that the core refused.
    pub rejected: u64,
    /// Events journaled.
    pub events: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Commits that had to be tried again.
    pub commit_retries: u64,
    /// Interactions begun.
    pub interactions: u64,
    /// Interactions abandoned before an agent answered.
    pub abandoned: u64,
    /// Plugin decisions.
    pub decisions: u64,
    /// Plugin decisions that failed.
    pub decisions_failed: u64,
    /// Fuel used by plugins.
    pub fuel: u64,
    /// Wall time of plugin decisions in microseconds.
    pub decision_us: u64,
    /// Decisions recorded.
    pub records: u64,
    /// Decisions that could not be recorded, because too many waited to be written or the store refused.
    pub records_lost: u64,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot {
            inputs: self.inputs.load(Relaxed),
            rejected: self.rejected.load(Relaxed),
            events: self.events.load(Relaxed),
            commits: self.commits.load(Relaxed),
            commit_retries: self.commit_retries.load(Relaxed),
            interactions: self.interactions.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            decisions: self.decisions.load(Relaxed),
            decisions_failed: self.decisions_failed.load(Relaxed),
            fuel: self.fuel.load(Relaxed),
            decision_us: self.decision_us.load(Relaxed),
            records: self.records.load(Relaxed),
            records_lost: self.records_lost.load(Relaxed),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}
