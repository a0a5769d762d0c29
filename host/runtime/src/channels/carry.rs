//! The task of a channel that carries out what rows of one space say: messages to be sent, attachments to be fetched. It
//! reads what is new, begins what is due, a few at once, and waits for whatever comes next.
//!
//! A row stays until what it says is done, or given up; so a start goes on with what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_store::{Scan, Space};
use jackfield_types::{ConnectorId, InteractionId, OpContext, Timestamp, limits};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Channel, Live};
use crate::clock;
use crate::tenant::{Inner, Tenant};

/// The longest pause between two tries.
const MAX_PAUSE_MS: u64 = 10 * 60 * 1_000;
/// How long the store, or the tenant's inbox, is left alone when it refuses.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// How often rows of other spaces are looked after.
const ASIDE_MS: u64 = 60 * 60 * 1_000;

/// What is carried out.
pub(super) trait Carried: Sized + 'static {
    /// What a row says.
    type Row: DeserializeOwned + Clone + Send + Sync + 'static;
    /// Where the rows are. Their keys begin with the channel and a space, and have the order in which they are begun.
    const SPACE: Space;
    /// What waits, for the log.
    const WHAT: &'static str;
    /// Rows of one channel that wait in memory; further ones wait in the store.
    const MOST: usize;

    /// Who says that there is something new, and where it is told how much waits.
    fn signs(live: &Live) -> (&Notify, &AtomicUsize);

    /// How many may be under way at once.
    fn at_once(channel: &Channel) -> usize;

    /// Not before.
    fn due(row: &Self::Row) -> Timestamp;

    /// Of what only the first is begun; `None`: of nothing.
    fn line(row: &Self::Row) -> Option<InteractionId>;

    /// Tries once and writes down what came of it; answers what is left to do.
    fn run(attempt: Attempt<Self::Row>) -> impl Future<Output = Option<Self::Row>> + Send + 'static;

    /// What else is done for the channel, once an hour.
    fn aside(
        _tenant: &Tenant,
        _ctx: &OpContext,
        _channel: &ConnectorId,
        _now: Timestamp,
    ) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// One try.
pub(super) struct Attempt<R> {
    pub(super) tenant: Tenant,
    pub(super) ctx: OpContext,
    pub(super) channel: Arc<Channel>,
    /// The row's key.
    pub(super) key: Vec<u8>,
    pub(super) row: R,
}

impl<R> Attempt<R> {
    /// When it is tried again after so many tries.
    pub(super) fn again_at(&self, attempts: u32) -> Timestamp {
        let pause = self.channel.settings.retry_ms << attempts.saturating_sub(1).min(20);
        clock::now() + pause.min(MAX_PAUSE_MS)
    }
}

/// Carries out what waits in a channel, until the channel is removed or the tenant's loop has stopped.
pub(super) fn begin<C: Carried>(tenant: &Tenant, channel: &Arc<Channel>) {
    let carrier = Carrier::<C> {
        ctx: OpContext::system(tenant.id().clone(), "channel"),
        tenant: Arc::downgrade(&tenant.inner),
        id: channel.id.clone(),
        live: channel.live.clone(),
        waiting: BTreeMap::new(),
        under_way: BTreeSet::new(),
        tries: JoinSet::new(),
        read_to: None,
    };
    tokio::spawn(carrier.run());
}

struct Carrier<C: Carried> {
    ctx: OpContext,
    tenant: Weak<Inner>,
    id: ConnectorId,
    live: Arc<Live>,
    waiting: BTreeMap<Vec<u8>, C::Row>,
    under_way: BTreeSet<Vec<u8>>,
    tries: JoinSet<(Vec<u8>, Option<C::Row>)>,
    /// The key of the last row that was read.
    read_to: Option<Vec<u8>>,
}

impl<C: Carried> Carrier<C> {
    async fn run(mut self) {
        let mut aside_at = Timestamp::default();
        loop {
            let Some(inner) = self.tenant.upgrade() else {
                return;
            };
            let tenant = Tenant { inner };
            if self.live.removed.load(Ordering::Relaxed) || tenant.inner.inbox.is_closed() {
                return;
            }
            let mut again = None;
            if let Err(error) = self.read(&tenant).await {
                let what = C::WHAT;
                tracing::warn!(tenant = %tenant.id(), channel = %self.id, what, %error, "what waits is read later");
                again = Some(PAUSE);
            }
            let now = clock::now();
            if now.since(aside_at) >= ASIDE_MS {
                aside_at = now;
                C::aside(&tenant, &self.ctx, &self.id, now).await;
            }
            let channel = tenant.inner.channels.get(&self.id);
            if let Some(channel) = channel.filter(|channel| channel.settings.enabled) {
                again = again.or(self.begin_due(&tenant, &channel, now));
            }
            let (woken, count) = C::signs(&self.live);
            count.store(self.waiting.len(), Ordering::Relaxed);
            drop(tenant);
            let again = again.unwrap_or(Duration::from_millis(ASIDE_MS));
            tokio::select! {
                Some(done) = self.tries.join_next() => {
                    if let Ok((key, left)) = done {
                        self.under_way.remove(&key);
                        match left {
                            Some(row) => drop(self.waiting.insert(key, row)),
                            None => drop(self.waiting.remove(&key)),
                        }
                    }
                }
                () = woken.notified() => {}
                () = tokio::time::sleep(again) => {}
            }
        }
    }

    /// Reads what is new, as much as there is room for.
    async fn read(&mut self, tenant: &Tenant) -> Result<(), jackfield_store::Error> {
        while self.waiting.len() < C::MOST {
            let scan = Scan::prefix(format!("{} ", self.id))
                .after(self.read_to.clone())
                .limit(limits::MAX_PAGE);
            let page = tenant.inner.shared.store.scan(&self.ctx, C::SPACE, scan).await?;
            let Some(last) = page.rows.last() else { break };
            self.read_to = Some(last.key.clone());
            for row in page.rows {
                if let Ok(said) = serde_json::from_slice(&row.value) {
                    self.waiting.insert(row.key, said);
                }
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Begins what is due; answers when the next one is.
    fn begin_due(&mut self, tenant: &Tenant, channel: &Arc<Channel>, now: Timestamp) -> Option<Duration> {
        let mut lines: BTreeSet<InteractionId> = BTreeSet::new();
        let mut next: Option<Timestamp> = None;
        for (key, row) in &self.waiting {
            if self.under_way.len() >= C::at_once(channel) {
                return None;
            }
            let is_first = C::line(row).is_none_or(|line| lines.insert(line));
            if !is_first || self.under_way.contains(key) {
                continue;
            }
            let due = C::due(row);
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            self.under_way.insert(key.clone());
            let attempt = Attempt {
                tenant: tenant.clone(),
                ctx: self.ctx.clone(),
                channel: channel.clone(),
                key: key.clone(),
                row: row.clone(),
            };
            let key = key.clone();
            let tried = C::run(attempt);
            self.tries.spawn(async move { (key, tried.await) });
        }
        next.map(|next| Duration::from_millis(next.since(now).max(1)))
    }
}
