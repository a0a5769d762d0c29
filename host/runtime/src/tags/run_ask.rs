//! Asking the tag generators about customers in bulk: a page of rows is asked about on as many threads as there are
//! processors, as far as these are idle.
//!
//! Of these decisions those that failed are recorded, and of the others what the binding samples, one in a hundred at most:
//! what a run did is in its receipts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jackfield_contact::decision::{
    Answer, Customer, EvaluationRecord, PastInteraction, Question, SurveyRecord, TagQuestion,
};
use jackfield_registry::Bound;
use jackfield_sandbox::{ReadError, Reads};
use jackfield_store::Row;
use jackfield_types::{Channel, CustomerId, ExtensionPoint, OpContext, PluginKind, Timestamp};

use super::apply::Rules;
use super::held::TagSource;
use super::run_work::{Answered, Applying, Item};
use crate::breaker::{Gate, of_host};
use crate::clock;
use crate::customers::{CustomerRow, Ledger, Moment, Record};
use crate::decide::{Asking, account, check_keys};
use crate::idle::Turns;
use crate::reads::TenantReads;
use crate::tenant::Tenant;

/// Of so many decisions at most one is recorded that did not fail.
const RECORDED_OF: u128 = 100;

/// A generator, at its place.
pub(super) struct Tagger {
    pub(super) place: u8,
    pub(super) point: ExtensionPoint,
    pub(super) bound: Arc<Bound>,
}

/// Why nobody can be asked now.
pub(super) struct Held(pub(super) Arc<str>);

/// Answers about the customers of these rows, in their order. `began`: before the rows were read.
pub(super) async fn ask(
    tenant: &Tenant,
    taggers: &Arc<[Tagger]>,
    rows: Vec<Row>,
    (began, now): (Moment, Timestamp),
) -> Result<Arc<[Item]>, Held> {
    let (rows, next): (Arc<[Row]>, _) = (rows.into(), Arc::new(AtomicUsize::new(0)));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (tenant, taggers) = (tenant.clone(), taggers.clone());
            let (rows, next, turns) = (rows.clone(), next.clone(), Turns::of(&tenant));
            tokio::task::spawn_blocking(move || {
                let mine = std::iter::from_fn(|| {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    Some((at, rows.get(at)?))
                });
                turns.each(mine, |(at, row)| {
                    Ok((at, about(&tenant, &taggers, row, (began, now))?))
                })
            })
        })
        .collect();
    let mut items = Vec::with_capacity(rows.len());
    for worker in workers {
        let done = worker.await;
        let done = done.map_err(|error| Held(format!("decisions did not run: {error}").into()))?;
        items.extend(done.into_iter().collect::<Result<Vec<_>, Held>>()?);
    }
    if items.len() < rows.len() {
        return Err(Held("too many decisions of this tenant wait already".into()));
    }
    items.sort_unstable_by_key(|(at, _)| *at);
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

fn held(error: impl std::fmt::Display) -> Held {
    Held(error.to_string().into())
}

/// On a blocking thread.
fn about(
    tenant: &Tenant,
    taggers: &[Tagger],
    row: &Row,
    (began, now): (Moment, Timestamp),
) -> Result<Item, Held> {
    let record = Record::decode(&tenant.inner.customers.keys, &row.value).map_err(held)?;
    let mut item = Item {
        customer: record.head.id.clone(),
        asked: record.head.merged_into.is_none(),
        answers: Vec::new(),
        ahead: None,
        bytes: row.value.len() + 512,
    };
    if !item.asked {
        return Ok(item);
    }
    let ctx = OpContext::system(tenant.id().clone(), "tags");
    let state = &tenant.inner.customers;
    let handle = tokio::runtime::Handle::current();
    let mut ledger = Ledger::new(tenant.store(), &ctx, &state.keys);
    ledger.know(record.clone());
    let found = if record.head.merged.is_empty() {
        tenant.shown(vec![record])
    } else {
        handle
            .block_on(tenant.customer(&ctx, &item.customer))
            .map_err(held)?
    };
    let Some(found) = found else {
        item.asked = false;
        return Ok(item);
    };
    let found = Arc::new(found);
    for tagger in taggers {
        item.answers
            .push(one(tenant, tagger, &item.customer, &found, now)?);
    }
    let applying = Applying::of(
        ledger,
        Rules::new(state, now),
        &item.customer,
        &item.answers,
        began,
    );
    item.ahead = handle.block_on(applying).map_err(held)?;
    Ok(item)
}

fn one(
    tenant: &Tenant,
    Tagger { place, point, bound }: &Tagger,
    customer: &CustomerId,
    found: &Arc<CustomerRow>,
    now: Timestamp,
) -> Result<Answered, Held> {
    let shared = &tenant.inner.shared;
    tenant
        .inner
        .meter
        .admit(&bound.record, now)
        .map_err(|failure| Held(failure.message))?;
    let digest = bound.record.digest;
    if let Gate::Open(_) = tenant.inner.breakers.enter(point, digest, clock::now()) {
        return Err(Held(
            format!(
                "{} {} failed again and again; it is asked again later",
                bound.record.plugin, bound.record.version
            )
            .into(),
        ));
    }
    let channel = found.preferences.channel.unwrap_or(Channel::Voice);
    let question = Arc::new(Question::Tags(Box::new(TagQuestion::about(
        "run",
        channel,
        now,
        Vec::new(),
    ))));
    let reads = KnownCustomer {
        customer: found.clone(),
        rest: TenantReads::new(tenant.clone(), point.clone(), None, Some(customer.clone()), now).patient(),
        now,
    };
    let asking = Asking {
        tenant,
        now,
        point,
        customer: Some(customer.clone()),
    };
    let (recording, given, env) = asking.surroundings(bound, PluginKind::TagGenerator, Arc::new(reads));
    let mut decision = bound.plugin.decide_for(tenant.id(), question.clone(), env);
    account(shared, tenant, point, PluginKind::TagGenerator, bound, &decision);
    let code = decision.result.as_ref().err().map(|failure| failure.code.clone());
    let change = tenant
        .inner
        .breakers
        .leave(point, digest, code.as_deref(), clock::now());
    asking.note_breaker(bound, change, decision.result.as_ref().err());
    if let Some(code) = &code
        && of_host(code)
    {
        return Err(Held(code.clone()));
    }
    let (fuel, wall_us) = (decision.receipt.fuel, decision.receipt.wall_us);
    let kv_writes = std::mem::take(&mut decision.kv_writes);
    if !kv_writes.is_empty() {
        let handle = tokio::runtime::Handle::current();
        let checked = handle.block_on(check_keys(tenant, point, &kv_writes));
        checked.map_err(|failure| Held(failure.message))?;
    }
    let id = shared.recorder.id();
    let sampled =
        u128::from_be_bytes(*id.as_bytes()).is_multiple_of(RECORDED_OF) && bound.record.samples(None, id);
    let changes = match &decision.result {
        Ok(Answer::Tags(changes)) => Ok(changes.clone()),
        Ok(_) => Ok(Vec::new()),
        Err(failure) => Err(failure.code.clone()),
    };
    let mut kept = None;
    if sampled || changes.is_err() {
        decision.kv_writes.clone_from(&kv_writes);
        let record = Arc::new(asking.record(question, bound, given, recording.take(), decision));
        let id = record.id;
        kept = asking.keep(&record).then_some(id);
    }
    Ok(Answered {
        changes,
        source: TagSource::Plugin {
            plugin: bound.record.plugin.clone(),
            version: bound.record.version.clone(),
            decision: kept,
        },
        place: *place,
        kv_writes,
        fuel,
        wall_us,
    })
}

/// Reads of a customer that is in memory already.
struct KnownCustomer {
    customer: Arc<CustomerRow>,
    rest: TenantReads,
    now: Timestamp,
}

impl KnownCustomer {
    /// Nothing is kept of conversations with somebody who never had one.
    fn of<T>(
        &self,
        read: impl FnOnce(&TenantReads) -> Result<Vec<T>, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        match self.customer.interactions {
            0 => Ok(Vec::new()),
            _ => read(&self.rest),
        }
    }
}

impl Reads for KnownCustomer {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        self.rest.seen(&self.customer, self.now).map(Some)
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.of(|reads| reads.history(limit))
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.of(|reads| reads.surveys(limit))
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.of(|reads| reads.evaluations(limit))
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.rest.kv_get(key)
    }
}
