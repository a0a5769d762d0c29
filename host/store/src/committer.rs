use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use jackfield_types::{
    TenantId,
    limits::{MAX_BATCH_BYTES, MAX_COMMIT_QUEUE, MAX_TX_OPS},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Error, Tx, layout,
    plan::{self, Load, Plan},
    view::View,
};

/// What the committer is asked to do. The answer is a version or an epoch.
pub(crate) enum Work {
    Commit(TenantId, Tx),
    RaiseFence(u32),
    Load(Vec<Load>),
}

struct Job {
    work: Work,
    reply: oneshot::Sender<Result<u64, Error>>,
}

/// The one writer of a store: a thread that takes all that waits, makes it durable with one sync and then
/// answers. The next batch forms while the sync runs, so there is no timer.
pub(crate) struct Committer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(crate) fn start(view: Arc<View>) -> Result<Self, Error> {
        let last_commit = view
            .get(layout::LAST_COMMIT)?
            .map_or(Ok(0), |bytes| plan::number(&bytes))?;
        let (jobs, queue) = mpsc::channel(MAX_COMMIT_QUEUE);
        let thread = thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || run(&view, queue, last_commit))
            .map_err(|error| Error::unavailable(format!("no thread for the committer: {error}")))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Waits for a place in the queue, and then for the answer.
    pub(crate) async fn submit(&self, work: Work) -> Result<u64, Error> {
        let closed = || Error::unavailable("the committer has stopped");
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(Job { work, reply }).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| {
            Err(Error::Ambiguous {
                what: "the committer has stopped".into(),
            })
        })
    }
}

impl Drop for Committer {
    /// Ends the thread once everything submitted is answered.
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the committer panicked");
        }
    }
}

fn run(view: &View, mut queue: mpsc::Receiver<Job>, mut last_commit: u64) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| queue.blocking_recv()) {
        let mut plan = Plan::new(view, last_commit);
        let mut answers = Vec::new();
        let (mut ops, mut bytes, mut broken) = (0, 0, None);
        let mut job = Some(first);
        while let Some(Job { work, reply }) = job.take() {
            let (more_ops, more_bytes) = work.size();
            if !answers.is_empty() && (ops + more_ops > MAX_TX_OPS || bytes + more_bytes > MAX_BATCH_BYTES) {
                next = Some(Job { work, reply });
                break;
            }
            (ops, bytes) = (ops + more_ops, bytes + more_bytes);
            let outcome = match work {
                Work::Commit(tenant, tx) => plan.add(&tenant, tx),
                Work::RaiseFence(partition) => plan.raise_fence(partition),
                Work::Load(loads) => plan.load(loads),
            };
            if let Err(error @ (Error::Unavailable { .. } | Error::Corrupt { .. })) = &outcome {
                // The engine cannot be read: half a transaction may be in the plan, and none of it is kept.
                broken = Some(error.clone());
            }
            answers.push((reply, outcome));
            job = if broken.is_none() {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        let (batch, commit) = plan.finish();
        // Refusals wait for the sync as well: they may rest on what is in this batch.
        let done = match broken {
            Some(error) => Err(view.fail(error)),
            None if batch.is_empty() => Ok(()),
            None => view.apply(batch).map_err(|error| {
                let ambiguous = Error::Ambiguous {
                    what: error.to_string(),
                };
                view.fail(error);
                ambiguous
            }),
        };
        if done.is_ok() {
            last_commit = commit;
        }
        for (reply, outcome) in answers {
            let outcome = done.clone().and(outcome);
            // A caller that stopped waiting is no error: its transaction stands.
            let _ = reply.send(outcome);
        }
        if let Err(error) = done {
            tracing::error!(%error, "the store has stopped");
            return;
        }
    }
}

impl Work {
    /// Rows at most and bytes, for the size of the batch.
    fn size(&self) -> (usize, usize) {
        match self {
            Self::Commit(_, tx) => (tx.ops() + if tx.idem.is_some() { 5 } else { 0 }, tx.bytes()),
            Self::RaiseFence(_) => (1, 8),
            Self::Load(loads) => (
                loads.len(),
                loads.iter().map(|load| load.key.len() + load.value.len()).sum(),
            ),
        }
    }
}
