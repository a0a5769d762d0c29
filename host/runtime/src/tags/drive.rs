//! Drives a run from batch to batch until it is through or somebody says otherwise.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_store::Scan;
use jackfield_types::{CustomerId, OpContext, limits};
use tokio::sync::mpsc;

use super::due::point;
use super::run::{TagRun, TagRunState};
use super::run_ask::{Held, Tagger, ask};
use super::run_work::{Item, RunBatch, RunStep};
use crate::clock;
use crate::customers::{CUSTOMERS, CustomerError};
use crate::tenant::{Inner, Tenant};

/// Tries of one batch that the generators can't be asked about; then the run is paused.
const MAX_TRIES: u32 = 6;
/// Parts that wait for the loop; the next is being asked about.
const PARTS_AHEAD: usize = 1;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Customers that were asked about, and whether no more follow.
struct Part {
    items: Arc<[Item]>,
    last: bool,
}

/// On a task of its own. Two that drive the same run do it no harm: what does not begin where the run stands is not done.
pub(super) fn spawn(tenant: &Tenant, run: TagRun) {
    let weak: Weak<Inner> = Arc::downgrade(&tenant.inner);
    tokio::spawn(async move {
        let Some(inner) = weak.upgrade() else { return };
        let (tenant, id) = (Tenant { inner }, run.id.clone());
        if let Err(error) = drive(&tenant, run).await {
            // It stands where it stood; the next start goes on.
            tracing::warn!(tenant = %tenant.id(), run = %id, %error, "a run of tags is interrupted");
        }
    });
}

async fn drive(tenant: &Tenant, run: TagRun) -> Result<(), CustomerError> {
    let ctx = OpContext::system(tenant.id().clone(), "tags");
    // What follows is asked about while the loop changes these.
    let (asked, parts) = mpsc::channel(PARTS_AHEAD);
    let (asked, committed) = tokio::join!(
        ask_all(tenant, &ctx, &run, asked),
        commit_all(tenant, &ctx, run.clone(), parts)
    );
    asked.and(committed)
}

/// Asks about one part after the other, until all are asked about or nobody wants more.
async fn ask_all(
    tenant: &Tenant,
    ctx: &OpContext,
    run: &TagRun,
    parts: mpsc::Sender<Part>,
) -> Result<(), CustomerError> {
    let mut after = run.after.clone();
    while let Some(part) = part(tenant, ctx, run, after).await? {
        let last = part.last;
        after = part.items.last().map(|item| item.customer.clone());
        if parts.send(part).await.is_err() || last {
            break;
        }
    }
    Ok(())
}

/// Hands parts to the loop for as long as the run goes on.
async fn commit_all(
    tenant: &Tenant,
    ctx: &OpContext,
    mut run: TagRun,
    mut parts: mpsc::Receiver<Part>,
) -> Result<(), CustomerError> {
    while let Some(part) = parts.recv().await {
        run = commit(tenant, ctx, &run, &part).await?;
        let after = part.items.last().map(|item| &item.customer);
        if run.state != TagRunState::Running || run.after.as_ref() != after {
            break;
        }
    }
    Ok(())
}

/// The next customers, asked about; `None` when the run was paused meanwhile.
async fn part(
    tenant: &Tenant,
    ctx: &OpContext,
    run: &TagRun,
    after: Option<CustomerId>,
) -> Result<Option<Part>, CustomerError> {
    let (mut tries, mut pause) = (0, FIRST_PAUSE);
    loop {
        let after = after.as_ref().map(|id| id.as_str().as_bytes().to_vec());
        let scan = Scan::all().after(after).limit(limits::MAX_TAG_BATCH);
        let began = tenant.inner.customers.recent.moment();
        let page = tenant.store().scan(ctx, CUSTOMERS, scan).await?;
        let last = page.next.is_none();
        let taggers = tenant.taggers();
        let asked = if taggers.is_empty() {
            Err(Held("no tag generator is bound".into()))
        } else {
            ask(tenant, &taggers, page.rows, (began, clock::now())).await
        };
        let Held(problem) = match asked {
            Ok(items) => return Ok(Some(Part { items, last })),
            Err(held) => held,
        };
        tries += 1;
        if tries >= MAX_TRIES {
            let step = RunStep::Move {
                id: run.id.clone(),
                state: TagRunState::Paused,
                problem: Some(problem),
            };
            match tenant.run_step(ctx, step).await {
                // Ended or removed meanwhile.
                Ok(_) | Err(CustomerError::Conflict(_) | CustomerError::Unknown { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Hands the answers to the loop, as many commits as it takes.
async fn commit(
    tenant: &Tenant,
    ctx: &OpContext,
    run: &TagRun,
    part: &Part,
) -> Result<TagRun, CustomerError> {
    let mut from = run.after.clone();
    let mut at = 0;
    loop {
        let batch = RunBatch {
            run: run.id.clone(),
            from: from.clone(),
            items: part.items.clone(),
            at,
            last: part.last,
        };
        let now = tenant.run_step(ctx, RunStep::Batch(batch)).await?;
        let done = part
            .items
            .iter()
            .position(|item| Some(&item.customer) == now.after.as_ref());
        match done {
            Some(done)
                if done + 1 < part.items.len() && now.state == TagRunState::Running && now.after != from =>
            {
                at = done + 1;
                from = now.after;
            }
            _ => return Ok(now),
        }
    }
}

impl Tenant {
    /// The tag generators that are bound, in their order.
    fn taggers(&self) -> Arc<[Tagger]> {
        let registry = &self.inner.shared.registry;
        let places = 1..=limits::MAX_TAGGERS;
        places
            .filter_map(|place| {
                let point = point(place);
                let bound = registry.bound(self.id(), &point)?;
                Some(Tagger { place, point, bound })
            })
            .collect()
    }
}
