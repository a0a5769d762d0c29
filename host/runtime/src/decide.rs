//! Asks plugins: fair admission, blocking threads, the last good version, and what a decision leaves behind.

use std::sync::Arc;

use jackfield_contact::decision::{Answer, Failure, Provenance, Question};
use jackfield_contact::effect::AskId;
use jackfield_registry::Bound;
use jackfield_sandbox::{Decision, Env, LogLevel};
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CustomerId, ExtensionPoint, OpContext, PluginKind, Timestamp};
use tokio::sync::Semaphore;

use crate::centre_loop::{Decided, Report};
use crate::metrics::add;
use crate::platform::Shared;
use crate::reads::TenantReads;
use crate::tenant::Tenant;

pub(crate) const KV: Space = Space::new("plugin-kv");
/// Decisions of one tenant at once; more wait in turn, so that a flood delays only its own tenant.
const MAX_AT_ONCE: usize = 16;
/// Bytes of an answer as JSON, since it becomes one event; the store takes 64 KiB.
const MAX_ANSWER_BYTES: usize = 48 * 1024;
/// Keys of one binding.
const MAX_KEYS: usize = 1_000;

/// The row of a binding's key.
pub(crate) fn kv_key(point: &ExtensionPoint, key: &str) -> Vec<u8> {
    format!("{point} {key}").into_bytes()
}

pub(crate) struct Decider {
    tenant: Tenant,
    admission: Arc<Semaphore>,
}

impl Decider {
    pub(crate) fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            admission: Arc::new(Semaphore::new(MAX_AT_ONCE)),
        }
    }

    /// Asks what is bound at a point; the answer comes as a report. Answers at once when nothing is bound.
    pub(crate) fn ask(
        &self,
        now: Timestamp,
        ask: AskId,
        point: ExtensionPoint,
        question: Question,
        customer: Option<CustomerId>,
    ) -> Option<Report> {
        let tenant = self.tenant.clone();
        let Some(bound) = tenant.inner.shared.registry.bound(tenant.id(), &point) else {
            let message = format!("nothing is bound at {point}").into();
            let outcome = Err(Failure {
                code: "no-binding".into(),
                message,
            });
            return Some(Report::Decided(Decided {
                ask,
                outcome,
                failed_before: None,
                point,
                kv_writes: Vec::new(),
            }));
        };
        let admission = self.admission.clone();
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _turn = admission.acquire_owned().await;
            let decided = decide(&tenant, now, point, question.into(), customer, bound).await;
            tenant.report(Report::Decided(Decided { ask, ..decided }));
        });
        None
    }
}

/// One question, asked of the bound version and, where the kind's fail policy says so, of the one before.
async fn decide(
    tenant: &Tenant,
    now: Timestamp,
    point: ExtensionPoint,
    question: Arc<Question>,
    customer: Option<CustomerId>,
    bound: Arc<Bound>,
) -> Decided {
    let ask = AskId(0);
    let (outcome, kv_writes) =
        ask_version(tenant, now, &point, question.clone(), customer.clone(), &bound).await;
    let Err(failure) = outcome else {
        return Decided {
            ask,
            outcome,
            failed_before: None,
            point,
            kv_writes,
        };
    };
    let Some(last_good) = bound
        .previous
        .as_ref()
        .filter(|previous| may_stand_in(&question, &bound, previous))
    else {
        return Decided {
            ask,
            outcome: Err(failure),
            failed_before: None,
            point,
            kv_writes,
        };
    };
    let (outcome, kv_writes) = ask_version(tenant, now, &point, question, customer, last_good).await;
    match outcome {
        Ok(answer) => Decided {
            ask,
            outcome: Ok(answer),
            failed_before: Some(failure),
            point,
            kv_writes,
        },
        Err(_) => Decided {
            ask,
            outcome: Err(failure),
            failed_before: None,
            point,
            kv_writes: Vec::new(),
        },
    }
}

/// Whether the version before may answer for one that failed: routing always; a flow when it understands the state.
fn may_stand_in(question: &Question, bound: &Bound, previous: &Bound) -> bool {
    let schema = |bound: &Bound| (bound.record.plugin.clone(), bound.plugin.manifest().state_schema);
    match question {
        Question::Routing(_) => true,
        Question::Flow(flow) => flow.state.is_empty() || schema(bound) == schema(previous),
        Question::Outbound(_) | Question::Tags(_) | Question::Scorecard(_) => false,
    }
}

type KvWrites = Vec<(String, Option<Vec<u8>>)>;

async fn ask_version(
    tenant: &Tenant,
    now: Timestamp,
    point: &ExtensionPoint,
    question: Arc<Question>,
    customer: Option<CustomerId>,
    bound: &Arc<Bound>,
) -> (Result<(Answer, Provenance), Failure>, KvWrites) {
    let kind = question.kind();
    let reads = TenantReads::new(tenant.clone(), point.clone(), customer, now);
    let env = Env {
        now,
        config: bound.config.clone(),
        reads: Arc::new(reads),
        budget: None,
    };
    let plugin = bound.plugin.clone();
    let decision = tokio::task::spawn_blocking(move || plugin.decide(question, env)).await;
    let decision = match decision {
        Ok(decision) => decision,
        Err(error) => {
            return (
                Err(failure(
                    "unavailable",
                    &format!("the decision did not run: {error}"),
                )),
                Vec::new(),
            );
        }
    };
    account(&tenant.inner.shared, tenant, point, kind, bound, &decision);
    let Decision {
        result,
        receipt,
        kv_writes,
        ..
    } = decision;
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => return (Err(failure), Vec::new()),
    };
    let size = serde_json::to_vec(&answer).map_or(usize::MAX, |json| json.len());
    if size > MAX_ANSWER_BYTES {
        let message = format!("the answer has {size} bytes: expected at most {MAX_ANSWER_BYTES}");
        return (Err(failure("oversize", &message)), Vec::new());
    }
    if let Err(failure) = check_keys(tenant, point, &kv_writes).await {
        return (Err(failure), Vec::new());
    }
    let by = Provenance {
        plugin: bound.record.plugin.clone(),
        version: bound.record.version.clone(),
        digest: bound.record.digest,
        fuel: receipt.fuel,
        wall_us: receipt.wall_us,
    };
    (Ok((answer, by)), kv_writes)
}

async fn check_keys(tenant: &Tenant, point: &ExtensionPoint, writes: &KvWrites) -> Result<(), Failure> {
    let new = writes.iter().filter(|(_, value)| value.is_some()).count();
    if new == 0 {
        return Ok(());
    }
    let ctx = OpContext::system(tenant.id().clone(), "runtime");
    let scan = Scan::prefix(format!("{point} ")).limit(MAX_KEYS);
    let page = tenant.inner.shared.store.scan(&ctx, KV, scan).await;
    let page = page.map_err(|error| failure("unavailable", &error.to_string()))?;
    let known = |key: &str| page.rows.iter().any(|row| row.key == kv_key(point, key));
    let added = writes
        .iter()
        .filter(|(key, value)| value.is_some() && !known(key))
        .count();
    if added > 0 && page.rows.len() + added > MAX_KEYS {
        return Err(failure(
            "oversize",
            &format!("key-value: a binding keeps {MAX_KEYS} keys at most"),
        ));
    }
    Ok(())
}

/// Counters and the plugin's log.
fn account(
    shared: &Shared,
    tenant: &Tenant,
    point: &ExtensionPoint,
    kind: PluginKind,
    bound: &Bound,
    decision: &Decision,
) {
    add(&shared.metrics.decisions, 1);
    add(&shared.metrics.fuel, decision.receipt.fuel);
    add(&shared.metrics.decision_us, decision.receipt.wall_us);
    let record = &bound.record;
    if let Err(failure) = &decision.result {
        add(&shared.metrics.decisions_failed, 1);
        tracing::warn!(
            tenant = %tenant.id(), %point, %kind, plugin = %record.plugin, version = %record.version,
            code = %failure.code, message = %failure.message, "plugin decision failed"
        );
    }
    for line in &decision.log {
        let (plugin, version, message) = (&record.plugin, &record.version, &line.message);
        match line.level {
            LogLevel::Debug => {
                tracing::debug!(target: "plugin", tenant = %tenant.id(), %plugin, %version, "{message}")
            }
            LogLevel::Info => {
                tracing::info!(target: "plugin", tenant = %tenant.id(), %plugin, %version, "{message}")
            }
            LogLevel::Warn => {
                tracing::warn!(target: "plugin", tenant = %tenant.id(), %plugin, %version, "{message}")
            }
            LogLevel::Error => {
                tracing::error!(target: "plugin", tenant = %tenant.id(), %plugin, %version, "{message}")
            }
        }
    }
}

pub(crate) fn failure(code: &str, message: &str) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
    }
}

/// One decision outside the loop, for questions that no call waits for.
pub(crate) async fn decide_once(
    tenant: &Tenant,
    now: Timestamp,
    point: &ExtensionPoint,
    question: Question,
    customer: Option<CustomerId>,
) -> Result<(Answer, Provenance), Failure> {
    let Some(bound) = tenant.inner.shared.registry.bound(tenant.id(), point) else {
        return Err(failure("no-binding", &format!("nothing is bound at {point}")));
    };
    let (outcome, kv_writes) = ask_version(tenant, now, point, question.into(), customer, &bound).await;
    if outcome.is_ok() && !kv_writes.is_empty() {
        let ctx = OpContext::system(tenant.id().clone(), "runtime");
        let tx = kv_writes
            .into_iter()
            .fold(Tx::new(), |tx, (key, value)| match value {
                Some(value) => tx.put(KV, kv_key(point, &key), value),
                None => tx.delete(KV, kv_key(point, &key)),
            });
        let committed = tenant.inner.shared.store.commit(&ctx, tx).await;
        committed.map_err(|error| failure("unavailable", &error.to_string()))?;
    }
    outcome
}
