//! Recorded decisions: kept beside the journal, for explanation and replay.
//!
//! A record never slows a decision: it goes into a bounded queue, and what does not fit is counted and lost. A crash
//! loses what was in the queue, at most some hundred milliseconds; the journal knows of each decision all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jackfield_sandbox::DecisionRecord;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::{DecisionId, ExtensionPoint, OpContext, TenantId, Timestamp, limits};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::{Metrics, add};
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// By point and id.
const DECISIONS: Space = Space::new("decisions");
/// The point of each id.
const POINTS: Space = Space::new("decision-points");
/// Records that wait to be written; more are lost.
const QUEUE: usize = 8_192;
/// Records of one transaction; each has two rows.
const MAX_RECORDS: usize = 300;
/// Bytes of one transaction, below the store's limit.
const MAX_BYTES: usize = 900 * 1024;
/// Pause after which the oldest records are looked at again.
const SWEEP: Duration = Duration::from_secs(600);

enum Message {
    Keep(TenantId, Box<DecisionRecord>),
    Flush(oneshot::Sender<()>),
}

/// Takes records in. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
}

impl Recorder {
    /// Starts the task that writes; it ends when the last clone is gone.
    pub fn start(store: Store, metrics: Arc<Metrics>) -> Self {
        let (queue, mut messages) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while messages.recv_many(&mut batch, MAX_RECORDS).await > 0 {
                let mut waiting = Vec::new();
                let mut by_tenant: BTreeMap<TenantId, Vec<Box<DecisionRecord>>> = BTreeMap::new();
                for message in batch.drain(..) {
                    match message {
                        Message::Keep(tenant, record) => by_tenant.entry(tenant).or_default().push(record),
                        Message::Flush(done) => waiting.push(done),
                    }
                }
                for (tenant, records) in by_tenant {
                    let kept = write(&store, &tenant, &records).await;
                    add(&metrics.records, kept as u64);
                    add(&metrics.records_lost, (records.len() - kept) as u64);
                }
                for done in waiting {
                    let _ = done.send(());
                }
            }
        });
        Self { queue }
    }

    /// Keeps a record, unless the queue is full; false when it was.
    pub fn keep(&self, tenant: &TenantId, record: DecisionRecord) -> bool {
        let message = Message::Keep(tenant.clone(), Box::new(record));
        self.queue.try_send(message).is_ok()
    }

    /// Waits until what was kept before is written.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}

/// Writes records of one tenant; how many were kept.
async fn write(store: &Store, tenant: &TenantId, records: &[Box<DecisionRecord>]) -> usize {
    let ctx = OpContext::system(tenant.clone(), "recorder");
    let (mut tx, mut bytes, mut in_tx, mut kept) = (Tx::new(), 0, 0, 0);
    for record in records {
        let Some(row) = encode(record) else { continue };
        if bytes + row.len() > MAX_BYTES {
            kept += commit(store, &ctx, std::mem::take(&mut tx), in_tx).await;
            (bytes, in_tx) = (0, 0);
        }
        bytes += row.len();
        in_tx += 1;
        tx = tx.put(DECISIONS, key(&record.point, record.id), row).put(
            POINTS,
            record.id.as_bytes().as_slice(),
            record.point.to_string(),
        );
    }
    kept + commit(store, &ctx, tx, in_tx).await
}

async fn commit(store: &Store, ctx: &OpContext, tx: Tx, records: usize) -> usize {
    match store.commit(ctx, tx).await {
        Ok(_) => records,
        Err(error) => {
            tracing::warn!(tenant = %ctx.tenant, %error, records, "decision records are lost");
            0
        }
    }
}

fn key(point: &ExtensionPoint, id: DecisionId) -> Vec<u8> {
    let mut key = format!("{point} ").into_bytes();
    key.extend_from_slice(id.as_bytes());
    key
}

/// A row, at most as large as the store takes: a record that is too large is kept without reads and log, as one that
/// can be explained in part and not replayed. None when even that does not fit.
fn encode(record: &DecisionRecord) -> Option<Vec<u8>> {
    let row = rmp_serde::to_vec_named(record).ok()?;
    if row.len() <= limits::MAX_VALUE_BYTES {
        return Some(row);
    }
    let mut part = record.clone();
    (part.reads, part.log, part.complete) = (Vec::new(), Vec::new(), false);
    let row = rmp_serde::to_vec_named(&part).ok()?;
    (row.len() <= limits::MAX_VALUE_BYTES).then_some(row)
}

/// Which records.
#[derive(Debug, Clone)]
pub struct RecordQuery {
    /// Where the plugin was bound.
    pub point: ExtensionPoint,
    /// From this moment on.
    pub since: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
    /// At most so many, 1 to 10,000; the newest.
    pub limit: usize,
}

impl Tenant {
    /// One recorded decision; `None` when there is no such record (any longer).
    pub async fn decision(
        &self,
        ctx: &OpContext,
        id: DecisionId,
    ) -> Result<Option<DecisionRecord>, SubmitError> {
        self.inner.shared.recorder.flush().await;
        let store = &self.inner.shared.store;
        let Some(point) = store.get(ctx, POINTS, id.as_bytes()).await? else {
            return Ok(None);
        };
        let point = String::from_utf8_lossy(&point.value).parse::<ExtensionPoint>();
        let point = point.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        let row = store.get(ctx, DECISIONS, &key(&point, id)).await?;
        row.map(|row| decode(&row.value)).transpose()
    }

    /// Recorded decisions of a point, newest first.
    pub async fn decisions(
        &self,
        ctx: &OpContext,
        query: &RecordQuery,
    ) -> Result<Vec<DecisionRecord>, SubmitError> {
        self.inner.shared.recorder.flush().await;
        let (from, to) = (
            DecisionId::lowest_at(query.since),
            DecisionId::lowest_at(query.until),
        );
        let scan = Scan::range(key(&query.point, from), key(&query.point, to)).reverse();
        let (mut found, mut cursor) = (Vec::new(), None);
        while found.len() < query.limit {
            let left = query.limit - found.len();
            let page = scan.clone().limit(left.min(limits::MAX_PAGE)).after(cursor);
            let page = self.inner.shared.store.scan(ctx, DECISIONS, page).await?;
            for row in &page.rows {
                found.push(decode(&row.value)?);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Removes what is older than the time to keep. Answers how many.
    async fn sweep(&self, before: Timestamp) -> Result<usize, SubmitError> {
        let ctx = OpContext::system(self.id().clone(), "recorder");
        let store = &self.inner.shared.store;
        let mut removed = 0;
        loop {
            let old = Scan::range(
                [0; 16].as_slice(),
                DecisionId::lowest_at(before).as_bytes().as_slice(),
            );
            let page = store.scan(&ctx, POINTS, old.limit(MAX_RECORDS)).await?;
            if page.rows.is_empty() {
                return Ok(removed);
            }
            removed += page.rows.len();
            let tx = page.rows.into_iter().fold(Tx::new(), |tx, row| {
                let mut key = row.value;
                key.push(b' ');
                key.extend_from_slice(&row.key);
                tx.delete(DECISIONS, key).delete(POINTS, row.key)
            });
            store.commit(&ctx, tx).await?;
        }
    }
}

/// Removes old records of a tenant from time to time, until the tenant's loop is gone.
pub(crate) fn keep_swept(tenant: Tenant) {
    let weak = Arc::downgrade(&tenant.inner);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            let Some(inner) = weak.upgrade() else { return };
            let tenant = Tenant { inner };
            let before = Timestamp(clock::now().0.saturating_sub(limits::DECISION_RECORDS_KEPT_MS));
            if let Err(error) = tenant.sweep(before).await {
                tracing::warn!(tenant = %tenant.id(), %error, "old decision records are removed later");
            }
        }
    });
}

fn decode(row: &[u8]) -> Result<DecisionRecord, SubmitError> {
    rmp_serde::from_slice(row)
        .map_err(|error| SubmitError::Unavailable(format!("a decision record can't be read: {error}")))
}
