//! Asks plugins: fair admission, blocking threads, the last good version, and what a decision leaves behind.

use std::io;
use std::sync::Arc;

use jackfield_contact::Centre;
use jackfield_contact::decision::{Answer, Failure, Provenance, Question};
use jackfield_contact::effect::AskId;
use jackfield_contact::event::BindingNote;
use jackfield_contact::input::Input;
use jackfield_registry::Bound;
use jackfield_sandbox::{Ceilings, Decision, DecisionRecord, Env, LogLevel, Read, Reads, Recording};
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CustomerId, ExtensionPoint, Grants, InteractionId, OpContext, PluginKind, Timestamp};

use crate::breaker::{Change, Gate};
use crate::centre_loop::{Decided, Report};
use crate::clock;
use crate::flows::Flows;
use crate::metrics::add;
use crate::narrower::narrower;
use crate::platform::Shared;
use crate::reads::TenantReads;
use crate::tenant::Tenant;

pub(crate) const KV: Space = Space::new("plugin-kv");
/// Bytes of an answer as JSON, since it becomes one event; the store takes 64 KiB.
const MAX_ANSWER_BYTES: usize = 48 * 1024;
/// Keys of one binding.
const MAX_KEYS: usize = 1_000;

/// Counts what is written, up to what an answer may have.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        if self.0 > MAX_ANSWER_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The row of a binding's key.
pub(crate) fn kv_key(point: &ExtensionPoint, key: &str) -> Vec<u8> {
    format!("{point} {key}").into_bytes()
}

pub(crate) struct Decider {
    tenant: Tenant,
    flows: Arc<Flows>,
}

impl Decider {
    /// Nothing more will be asked about an interaction.
    pub(crate) fn over(&self, interaction: InteractionId) {
        self.flows.over(interaction);
    }

    /// Goes on with the conversations of a centre that was rebuilt.
    pub(crate) fn new(tenant: Tenant, centre: &Centre) -> Self {
        Self {
            tenant,
            flows: Arc::new(Flows::of(centre)),
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
        let registry = &tenant.inner.shared.registry;
        let point = narrower(point, &question, |point| {
            registry.bound(tenant.id(), point).is_some()
        });
        let Some(bound) = registry.bound(tenant.id(), &point) else {
            let failure = failure("no-binding", &format!("nothing is bound at {point}"));
            return Some(Report::Decided(Decided::failed(ask, point, failure)));
        };
        let flows = self.flows.clone();
        tokio::spawn(async move {
            let decision = Asking {
                tenant: &tenant,
                now,
                point: &point,
                customer,
            };
            let decided = decision.decide(question.into(), bound, &flows).await;
            tenant.report(Report::Decided(Decided {
                ask,
                outcome: decided.outcome,
                failed_before: decided.failed_before,
                point,
                kv_writes: decided.kv_writes,
            }));
        });
        None
    }
}

/// A decision that is being made.
pub(crate) struct Asking<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) now: Timestamp,
    pub(crate) point: &'a ExtensionPoint,
    pub(crate) customer: Option<CustomerId>,
}

/// What came of asking one version, or two.
pub(crate) struct Outcome {
    pub(crate) outcome: Result<(Answer, Provenance), Failure>,
    /// Set when the version failed and another answered in its place.
    pub(crate) failed_before: Option<Failure>,
    pub(crate) kv_writes: KvWrites,
    /// What was recorded of the version that was asked first.
    pub(crate) record: Option<Arc<DecisionRecord>>,
}

impl Outcome {
    fn failed(failure: Failure) -> Self {
        Self {
            outcome: Err(failure),
            failed_before: None,
            kv_writes: Vec::new(),
            record: None,
        }
    }
}

impl Asking<'_> {
    async fn decide(&self, question: Arc<Question>, bound: Arc<Bound>, flows: &Flows) -> Outcome {
        match &bound.candidate {
            Some(candidate) => self.beside(question, &bound, candidate, flows).await,
            None => self.by(question, &bound, bound.previous.as_ref(), flows).await,
        }
    }

    /// Asks a version and, where the kind's fail policy says so, another in its place.
    pub(crate) async fn by(
        &self,
        question: Arc<Question>,
        version: &Arc<Bound>,
        stand_in: Option<&Arc<Bound>>,
        flows: &Flows,
    ) -> Outcome {
        let (question, version) = match flows.version_for(self, question, version).await {
            Ok(found) => found,
            Err(failure) => return Outcome::failed(failure),
        };
        let mut asked = self.version(question.clone(), &version).await;
        if asked
            .outcome
            .as_ref()
            .is_err_and(|failure| &*failure.code == "host-busy")
            && is_asked_again(&question)
        {
            // What kept the host busy may be that this is the first search since its start.
            self.tenant.be_ready_to_search().await;
            asked = self.version(question.clone(), &version).await;
        }
        let Err(failure) = &asked.outcome else {
            flows.answered(&question, &version);
            return asked;
        };
        let failure = failure.clone();
        // A quota is the tenant's, not the version's.
        let stand_in = stand_in.filter(|_| &*failure.code != "quota");
        let Some(stand_in) = stand_in.filter(|other| may_stand_in(&question, &version, other)) else {
            return asked;
        };
        let second = self.version(question.clone(), stand_in).await;
        if second.outcome.is_err() {
            return asked;
        }
        flows.answered(&question, stand_in);
        Outcome {
            failed_before: Some(failure),
            record: asked.record,
            ..second
        }
    }
}

/// Whether the version before may answer for one that failed: routing always, as a connector, for which a provider
/// waits; a flow when it understands the state. The others fail closed, are asked again, or are not waited for.
fn may_stand_in(question: &Question, bound: &Bound, previous: &Bound) -> bool {
    let schema = |bound: &Bound| (bound.record.plugin.clone(), bound.plugin.manifest().state_schema);
    match question {
        Question::Routing(_) | Question::Connector(_) => true,
        Question::Chat(chat) => chat.state.is_empty() || schema(bound) == schema(previous),
        Question::Flow(flow) => flow.state.is_empty() || schema(bound) == schema(previous),
        Question::Outbound(_)
        | Question::Pacing(_)
        | Question::Tags(_)
        | Question::Scorecard(_)
        | Question::Assist(_) => false,
    }
}

/// Whether a version is asked once more when the host was too busy for what it reads: where the failure would change what
/// a customer or an agent meets. Routing and connectors have a stand-in, tags and scorecards are asked again later anyway.
fn is_asked_again(question: &Question) -> bool {
    matches!(
        question,
        Question::Flow(_) | Question::Chat(_) | Question::Assist(_) | Question::Outbound(_)
    )
}

/// What tenant and platform allow a decision.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) grants: Grants,
    pub(crate) budget: Option<Ceilings>,
}

pub(crate) type KvWrites = Vec<(String, Option<Vec<u8>>)>;

impl Asking<'_> {
    /// What a decision of this version meets: what it reads is recorded.
    pub(crate) fn surroundings(
        &self,
        bound: &Bound,
        kind: PluginKind,
        reads: Arc<dyn Reads>,
    ) -> (Arc<Recording>, Given, Env) {
        // Projected here too, so that the record holds no more than the plugin saw.
        let recording = Arc::new(Recording::new(bound.plugin.projected(reads)));
        let given = Given {
            grants: bound.granted.now(),
            budget: self.tenant.inner.ceilings.of(kind),
        };
        let env = Env {
            now: self.now,
            config: bound.by.config.clone(),
            reads: recording.clone(),
            grants: given.grants,
            budget: given.budget,
        };
        (recording, given, env)
    }

    /// Asks one version, in its turn and unless its breaker is open.
    pub(crate) async fn version(&self, question: Arc<Question>, bound: &Arc<Bound>) -> Outcome {
        let Self {
            tenant, now, point, ..
        } = *self;
        let shared = &tenant.inner.shared;
        let digest = bound.record.digest;
        if let Err(refused) = tenant.inner.meter.admit(&bound.record, clock::now()) {
            return Outcome::failed(refused);
        }
        let Some(_turn) = shared.admission.turn(tenant.id(), question.kind()).await else {
            let message = "too many decisions of this tenant wait already";
            return Outcome::failed(failure("overloaded", message));
        };
        // By the clock: what an outbound check is about may be another moment.
        let asked_at = clock::now();
        if let Gate::Open(until) = tenant.inner.breakers.enter(point, digest, asked_at) {
            let (plugin, version) = (&bound.record.plugin, &bound.record.version);
            let wait = until.since(asked_at);
            let message =
                format!("{plugin} {version} failed again and again; it is asked again in {wait} ms");
            return Outcome::failed(failure("breaker-open", &message));
        }
        let reads = TenantReads::new(
            tenant.clone(),
            point.clone(),
            question.interaction(),
            self.customer.clone(),
            now,
        );
        let (recording, given, env) = self.surroundings(bound, question.kind(), Arc::new(reads));
        let (plugin, asked, whose) = (bound.plugin.clone(), question.clone(), tenant.id().clone());
        let decision = tokio::task::spawn_blocking(move || plugin.decide_for(&whose, asked, env)).await;
        let decision = match decision {
            Ok(decision) => decision,
            Err(error) => {
                let failed = Some("unavailable");
                tenant.inner.breakers.leave(point, digest, failed, now);
                let message = format!("the decision did not run: {error}");
                return Outcome::failed(failure("unavailable", &message));
            }
        };
        let (kind, interaction) = (question.kind(), question.interaction());
        account(shared, tenant, point, kind, bound, &decision);
        let record = Arc::new(self.record(question, bound, given, recording.take(), decision));
        let sampled = record.result.is_err() || bound.record.samples(interaction, record.id);
        let kept = sampled && self.keep(&record);
        let outcome = self.checked(bound, &record, kept).await;
        let failed = outcome.as_ref().err();
        if failed.is_some() && !sampled {
            self.keep(&record);
        }
        let change =
            tenant
                .inner
                .breakers
                .leave(point, digest, failed.map(|failure| &*failure.code), clock::now());
        self.note_breaker(bound, change, failed);
        Outcome {
            kv_writes: if outcome.is_ok() {
                record.kv_writes.clone()
            } else {
                Vec::new()
            },
            outcome,
            failed_before: None,
            record: Some(record),
        }
    }

    /// Keeps a record, but of what a customer has not sent: nobody is to find that afterwards.
    pub(crate) fn keep(&self, record: &Arc<DecisionRecord>) -> bool {
        if matches!(&*record.question, Question::Assist(asked) if asked.typing.is_some()) {
            return false;
        }
        let shared = &self.tenant.inner.shared;
        let kept = shared.recorder.keep(self.tenant.id(), record.clone());
        if !kept {
            add(&shared.metrics.records_lost, 1);
        }
        kept
    }

    /// What the host asks of an answer beyond the contract: that it can be journaled, and that its keys have room.
    async fn checked(
        &self,
        bound: &Bound,
        record: &DecisionRecord,
        kept: bool,
    ) -> Result<(Answer, Provenance), Failure> {
        let answer = record.result.clone()?;
        let mut size = Size(0);
        let written = match &answer {
            // A caller's flow state is not journaled.
            Answer::Flow(answer) => serde_json::to_writer(&mut size, &answer.actions),
            Answer::Chat(answer) => {
                // In base64.
                size.0 = answer.state.len().div_ceil(3) * 4;
                serde_json::to_writer(&mut size, &answer.actions)
            }
            // What it says becomes messages, each an event, or a request.
            Answer::Connector(_) => Ok(()),
            other => serde_json::to_writer(&mut size, other),
        };
        if written.is_err() || size.0 > MAX_ANSWER_BYTES {
            let message = format!(
                "the answer has {} bytes or more: expected at most {MAX_ANSWER_BYTES}",
                size.0
            );
            return Err(failure("oversize", &message));
        }
        check_keys(self.tenant, self.point, &record.kv_writes).await?;
        let by = Provenance {
            plugin: bound.record.plugin.clone(),
            version: bound.record.version.clone(),
            digest: bound.record.digest,
            fuel: record.receipt.fuel,
            wall_us: record.receipt.wall_us,
            decision: kept.then_some(record.id),
        };
        Ok((answer, by))
    }

    pub(crate) fn note_breaker(&self, bound: &Bound, change: Change, failed: Option<&Failure>) {
        let note = match (change, failed) {
            (Change::Opened(for_ms), Some(failure)) => BindingNote::BreakerOpened {
                for_ms,
                failure: failure.clone(),
            },
            (Change::Closed, _) => BindingNote::BreakerClosed,
            _ => return,
        };
        self.tenant.report(Report::Input(Input::BindingNoted {
            point: self.point.clone(),
            plugin: bound.record.plugin.clone(),
            version: bound.record.version.clone(),
            note,
        }));
    }

    pub(crate) fn record(
        &self,
        question: Arc<Question>,
        bound: &Bound,
        given: Given,
        reads: Option<Vec<Read>>,
        decision: Decision,
    ) -> DecisionRecord {
        DecisionRecord {
            id: self.tenant.inner.shared.recorder.id(),
            at: self.now,
            by: bound.by.clone(),
            question,
            complete: reads.is_some(),
            reads: reads.unwrap_or_default(),
            result: decision.result,
            kv_writes: decision.kv_writes,
            receipt: decision.receipt,
            log: decision.log,
            grants: given.grants,
            budget: given.budget,
        }
    }
}

pub(crate) async fn check_keys(
    tenant: &Tenant,
    point: &ExtensionPoint,
    writes: &KvWrites,
) -> Result<(), Failure> {
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
pub(crate) fn account(
    shared: &Shared,
    tenant: &Tenant,
    point: &ExtensionPoint,
    kind: PluginKind,
    bound: &Bound,
    decision: &Decision,
) {
    tenant.inner.meter.record(&bound.record, decision, clock::now());
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
    let asking = Asking {
        tenant,
        now,
        point,
        customer,
    };
    let Outcome {
        outcome, kv_writes, ..
    } = asking.decide(question.into(), bound, &Flows::default()).await;
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
