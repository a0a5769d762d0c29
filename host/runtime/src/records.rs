//! Recorded decisions: kept beside the journal, for explanation and replay.
//!
//! A record never slows a decision: it goes into a bounded queue, and what does not fit is counted and lost. A crash
//! loses what was in the queue, at most some hundred milliseconds; the journal knows of each decision all the same.

mod erase;
mod mentions;
mod segment;
mod spelling;
mod sweep;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jackfield_sandbox::DecisionRecord;
use jackfield_store::{Scan, Store, Tx};
use jackfield_types::{DecisionId, ExtensionPoint, OpContext, TenantId, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::{Builder, Uuid};

pub use self::erase::Erased;
pub use self::mentions::Names;
use self::segment::{DECISIONS, POINTS, Place, Segment, after, decode, key, last_id, segments};
pub(crate) use self::sweep::keep_swept;
use crate::metrics::{Metrics, add};
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// Records that wait to be written; more are lost.
const QUEUE: usize = 8_192;
/// Records that are taken out of the queue at once.
const MAX_RECORDS: usize = 2_048;
/// How long records gather, so that a row holds more than one.
const GATHER: Duration = Duration::from_millis(10);
/// Bytes of one transaction, below the store's limit.
const MAX_BYTES: usize = 900 * 1024;
/// Rows of one transaction, each with another beside it.
const MAX_ROWS: usize = 300;
/// Rows read at once; each has up to 64 KiB.
const READ_ROWS: usize = 16;

enum Message {
    Keep(TenantId, Arc<DecisionRecord>),
    Flush(oneshot::Sender<()>),
}

/// Takes records in. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    /// Somebody waits for what is in the queue.
    hurry: Arc<Notify>,
    ids: Arc<Ids>,
}

impl Recorder {
    /// Starts the task that writes; it ends when the last clone is gone.
    pub fn start(store: Store, metrics: Arc<Metrics>) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let hurry = Arc::new(Notify::new());
        tokio::spawn(write_all(store, metrics, messages, hurry.clone()));
        Self {
            queue,
            hurry,
            ids: Arc::default(),
        }
    }

    /// The id of a record that is about to be made.
    pub fn id(&self) -> DecisionId {
        self.ids.next(clock::now())
    }

    /// Keeps a record, unless the queue is full; false when it was. What fits into no row does not wait in memory for
    /// one: it is cut at once.
    pub fn keep(&self, tenant: &TenantId, mut record: Arc<DecisionRecord>) -> bool {
        if record.is_too_large() {
            record = Arc::new(record.cut());
        }
        self.queue.try_send(Message::Keep(tenant.clone(), record)).is_ok()
    }

    /// Waits until what was kept before is written.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            self.hurry.notify_one();
            let _ = written.await;
        }
    }
}

/// UUIDs of version 7 without a random number for each: what tells those of one millisecond apart counts up, from a
/// random number of this process.
struct Ids {
    of_process: [u8; 2],
    next: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        let [.., a, b, c, d, e, f, g, h] = *Uuid::now_v7().as_bytes();
        let [.., y, z] = *Uuid::now_v7().as_bytes();
        // The two highest bits are the variant's; the third leaves room to count.
        let start = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 3;
        Self {
            of_process: [y, z],
            next: AtomicU64::new(start),
        }
    }
}

impl Ids {
    fn next(&self, now: Timestamp) -> DecisionId {
        let ([y, z], number) = (self.of_process, self.next.fetch_add(1, Relaxed));
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        let random = [y, z, a, b, c, d, e, f, g, h];
        DecisionId::from_uuid(Builder::from_unix_timestamp_millis(now.0, &random).into_uuid())
    }
}

async fn write_all(
    store: Store,
    metrics: Arc<Metrics>,
    mut messages: mpsc::Receiver<Message>,
    hurry: Arc<Notify>,
) {
    let mut batch = Vec::new();
    while messages.recv_many(&mut batch, MAX_RECORDS).await > 0 {
        let full = batch.len() == MAX_RECORDS;
        let mut waiting = Vec::new();
        let mut by_tenant: BTreeMap<TenantId, Vec<Arc<DecisionRecord>>> = BTreeMap::new();
        for message in batch.drain(..) {
            match message {
                Message::Keep(tenant, record) => by_tenant.entry(tenant).or_default().push(record),
                Message::Flush(done) => waiting.push(done),
            }
        }
        for (tenant, records) in by_tenant {
            let all = records.len();
            let kept = write(&store, &tenant, records).await;
            add(&metrics.records, kept as u64);
            add(&metrics.records_lost, (all - kept) as u64);
        }
        for done in waiting {
            let _ = done.send(());
        }
        if !full {
            // Nobody waits for records as a rule; together they cost less.
            let _ = tokio::time::timeout(GATHER, hurry.notified()).await;
        }
    }
}

/// Writes records of one tenant; how many were kept.
async fn write(store: &Store, tenant: &TenantId, mut records: Vec<Arc<DecisionRecord>>) -> usize {
    let ctx = OpContext::system(tenant.clone(), "recorder");
    records.sort_by(|a, b| by_point(a, b).then_with(|| a.id.cmp(&b.id)));
    let (mut tx, mut bytes, mut in_tx, mut kept) = (Tx::new(), 0, 0, 0);
    for of_point in records.chunk_by(|a, b| by_point(a, b).is_eq()) {
        let Some(point) = of_point.first().map(|record| &record.by.point) else {
            continue;
        };
        for segment in segments(of_point.iter().map(|record| &**record)) {
            if bytes + segment.bytes.len() > MAX_BYTES || tx.puts.len() >= 2 * MAX_ROWS {
                kept += commit(store, &ctx, std::mem::take(&mut tx), in_tx).await;
                (bytes, in_tx) = (0, 0);
            }
            bytes += segment.bytes.len();
            in_tx += segment.records;
            tx = put(tx, point, segment);
        }
    }
    kept + commit(store, &ctx, tx, in_tx).await
}

/// Most that come together were decided by one binding.
fn by_point(a: &DecisionRecord, b: &DecisionRecord) -> Ordering {
    if Arc::ptr_eq(&a.by, &b.by) {
        return Ordering::Equal;
    }
    a.by.point.cmp(&b.by.point)
}

fn put(tx: Tx, point: &ExtensionPoint, segment: Segment) -> Tx {
    let place = segment.place(point);
    tx.put(DECISIONS, key(point, segment.last), segment.bytes).put(
        POINTS,
        segment.last.as_bytes().as_slice(),
        place,
    )
}

async fn commit(store: &Store, ctx: &OpContext, tx: Tx, records: usize) -> usize {
    if records == 0 {
        return 0;
    }
    match store.commit(ctx, tx).await {
        Ok(_) => records,
        Err(error) => {
            tracing::warn!(tenant = %ctx.tenant, %error, records, "decision records are lost");
            0
        }
    }
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
        find(&self.inner.shared.store, ctx, id).await
    }

    /// Recorded decisions of a point, newest first.
    pub async fn decisions(
        &self,
        ctx: &OpContext,
        query: &RecordQuery,
    ) -> Result<Vec<DecisionRecord>, SubmitError> {
        self.inner.shared.recorder.flush().await;
        list(&self.inner.shared.store, ctx, query).await
    }
}

async fn find(store: &Store, ctx: &OpContext, id: DecisionId) -> Result<Option<DecisionRecord>, SubmitError> {
    let places = Scan::range(id.as_bytes().as_slice(), after(id).as_bytes().as_slice());
    let mut cursor = None;
    loop {
        let page = store.scan(ctx, POINTS, places.clone().after(cursor)).await?;
        for row in &page.rows {
            let may_hold = |place: &Place| match place.first {
                Some(first) => first <= id,
                None => row.key == id.as_bytes(),
            };
            let Some(place) = Place::read(row).filter(may_hold) else {
                continue;
            };
            // It may have been removed meanwhile.
            let Some(records) = store.get(ctx, DECISIONS, &place.key).await? else {
                continue;
            };
            let found = decode(&records.value)?.into_iter().find(|record| record.id == id);
            if found.is_some() {
                return Ok(found);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

async fn list(
    store: &Store,
    ctx: &OpContext,
    query: &RecordQuery,
) -> Result<Vec<DecisionRecord>, SubmitError> {
    let (from, to) = (
        DecisionId::lowest_at(query.since),
        DecisionId::lowest_at(query.until),
    );
    let rows = Scan::range(key(&query.point, from), key(&query.point, after(to)))
        .reverse()
        .limit(READ_ROWS);
    let (mut found, mut cursor) = (Vec::<DecisionRecord>::new(), None);
    loop {
        let page = store.scan(ctx, DECISIONS, rows.clone().after(cursor)).await?;
        for row in &page.rows {
            // Rows may overlap, so there may be newer records in a row that ends earlier, until it ends before all.
            let oldest = found.get(query.limit.wrapping_sub(1)).map(|record| record.id);
            if oldest.is_some_and(|oldest| last_id(&row.key) < Some(oldest)) {
                return Ok(found);
            }
            let wanted = |record: &DecisionRecord| (from..to).contains(&record.id);
            found.extend(decode(&row.value)?.into_iter().filter(wanted));
            if found.len() >= query.limit {
                found.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
                found.truncate(query.limit);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            found.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
            return Ok(found);
        }
    }
}

/// For tests of what is stored.
#[cfg(test)]
pub(crate) async fn decisions_of(
    store: &Store,
    ctx: &OpContext,
    point: &ExtensionPoint,
    since: u64,
    until: u64,
    limit: usize,
) -> Result<Vec<DecisionRecord>, SubmitError> {
    let query = RecordQuery {
        point: point.clone(),
        since: Timestamp(since),
        until: Timestamp(until),
        limit,
    };
    list(store, ctx, &query).await
}

#[cfg(test)]
mod tests;
