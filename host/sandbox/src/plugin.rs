use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use jackfield_contact::decision::{Answer, Question};
use jackfield_types::{Digest, Grants, PluginKind, TenantId};
use wasmtime::{
    Store, UpdateDeadline,
    component::{Instance, InstancePre},
};

use crate::{
    Ceilings, Decision, Env, Manifest, Projection, Reads, Receipt, Sandbox,
    ceilings::MAX_HOST_CALL_BYTES,
    fault::{Fault, failure},
    kind::Exports,
    projection::Projected,
    state::State,
    warm::Warm,
};

/// How long a decision waits for a place in the pool before it fails with `overloaded`.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A plugin that is ready to run. Cheap to clone; may decide on several threads at once.
#[derive(Clone)]
pub struct Plugin(pub(crate) Arc<Loaded>);

pub(crate) struct Loaded {
    pub(crate) sandbox: Sandbox,
    pub(crate) manifest: Manifest,
    pub(crate) requires: Grants,
    pub(crate) ceilings: Ceilings,
    has_run_time: bool,
    projection: Arc<Projection>,
    pub(crate) digest: Digest,
    pre: InstancePre<State>,
    exports: Exports,
}

impl Loaded {
    pub(crate) fn new(
        sandbox: Sandbox,
        manifest: Manifest,
        digest: Digest,
        pre: InstancePre<State>,
    ) -> wasmtime::Result<Self> {
        let mut ceilings = Ceilings::of(manifest.kind);
        let ty = pre.component().component_type();
        let has_run_time = ty
            .imports(&sandbox.0.engine)
            .any(|(name, _)| name.starts_with("wasi:"));
        if has_run_time {
            ceilings = ceilings.with_run_time();
        }
        ceilings.wall_ms = ceilings.wall_ms.saturating_mul(sandbox.0.patience);
        let exports = Exports::new(manifest.kind, &pre)?;
        let projection = Projection::of(&manifest.projection).map_err(wasmtime::Error::msg)?;
        Ok(Self {
            sandbox,
            requires: manifest.requires(),
            ceilings: ceilings.limited(&manifest.limits),
            has_run_time,
            projection: Arc::new(projection),
            manifest,
            digest,
            pre,
            exports,
        })
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("manifest", self.manifest())
            .field("digest", &self.0.digest)
            .finish()
    }
}

impl Plugin {
    /// What the plugin says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The SHA-256 of the component.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Which questions it answers.
    pub fn kind(&self) -> PluginKind {
        self.0.manifest.kind
    }

    /// What a decision may use at most: the ceilings of its kind, or those for dynamic languages, lowered to what its
    /// manifest asks for.
    pub fn ceilings(&self) -> Ceilings {
        self.0.ceilings
    }

    /// Whether it brings the run time of a dynamic language with it, and so has higher ceilings than its kind.
    pub fn has_run_time(&self) -> bool {
        self.0.has_run_time
    }

    /// Which fields of customers' data it sees.
    pub fn projection(&self) -> &Projection {
        &self.0.projection
    }

    /// What is read, as far as the plugin sees it.
    pub fn projected(&self, reads: Arc<dyn Reads>) -> Arc<dyn Reads> {
        let projection = &self.0.projection;
        if projection.is_all() {
            return reads;
        }
        Arc::new(Projected {
            inner: reads,
            projection: projection.clone(),
        })
    }

    /// Asks the plugin. Runs on the calling thread until the plugin answers or is stopped by its ceilings
    /// ([`Plugin::ceilings`], lowered by `env.budget`), so call it on a thread that may block.
    ///
    /// The decision runs in an instance of its own. Whatever the plugin does, the result is a value: a
    /// [`Failure`](jackfield_contact::decision::Failure) has one of the codes `trap`, `fuel`, `timeout`, `memory`,
    /// `oversize`, `invalid-answer`, `plugin-error`, `host-busy`, `overloaded` or `unavailable`.
    pub fn decide(&self, question: Arc<Question>, env: Env) -> Decision {
        self.decide_in(None, question, env)
    }

    /// The same for a decision of a tenant: where the manifest says so, an instance that has answered this tenant before
    /// may answer again. One that failed never does, and no other tenant ever meets it.
    pub fn decide_for(&self, tenant: &TenantId, question: Arc<Question>, env: Env) -> Decision {
        self.decide_in(Some(tenant), question, env)
    }

    fn decide_in(&self, tenant: Option<&TenantId>, question: Arc<Question>, env: Env) -> Decision {
        let started = Moment::now();
        let plugin = &*self.0;
        let Some(_place) = plugin.sandbox.0.places.take(PATIENCE) else {
            let message = format_args!("no place in the plugin pool for {PATIENCE:?}");
            let receipt = Receipt {
                wall_us: micros(started),
                ..Receipt::default()
            };
            return Decision {
                result: Err(failure("overloaded", message)),
                receipt,
                log: vec![],
                kv_writes: vec![],
            };
        };
        let ceilings = plugin.ceilings.lowered(env.budget);
        let grants = env.grants.and(plugin.requires);
        let reads = self.projected(env.reads);
        let env = Env { grants, reads, ..env };
        let tenant = tenant.filter(|_| plugin.manifest.reuse_instances);
        let warm = tenant.and_then(|tenant| plugin.sandbox.0.warm.take(plugin.digest, tenant));
        let warm = warm.map(|mut warm| {
            warm.store
                .data_mut()
                .renew(question.clone(), env.clone(), &ceilings);
            warm
        });
        let (mut store, begun) = match warm {
            Some(warm) => warm.apart(),
            None => {
                let state = State::new(plugin.digest, question.clone(), env, &ceilings);
                (Store::new(&plugin.sandbox.0.engine, state), None)
            }
        };
        let mut instance = begun.as_ref().map(|(instance, _)| *instance);
        let (result, stopped) = match plugin.run(&mut store, &mut instance, &question, &ceilings) {
            Ok(answer) => (Ok(answer), false),
            Err(fault) => {
                let (failure, stopped) = fault.classify(&store);
                (Err(failure), stopped)
            }
        };
        let left = if stopped { 0 } else { store.get_fuel().unwrap_or(0) };
        let state = store.data_mut();
        let receipt = Receipt {
            fuel: ceilings.fuel.saturating_sub(left),
            peak_memory_bytes: state.meter.memory() as u64,
            wall_us: micros(started),
        };
        let kv_writes = std::mem::take(&mut state.kv_writes);
        let decision = Decision {
            kv_writes: if result.is_ok() { kv_writes } else { Vec::new() },
            result,
            receipt,
            log: state.take_log(),
        };
        if let (Ok(_), Some(tenant), Some(instance)) = (&decision.result, tenant, instance) {
            let decisions = begun.map_or(0, |(_, decisions)| decisions) + 1;
            let warm = Warm::new(plugin.digest, tenant.clone(), decisions, store, instance);
            plugin.sandbox.0.warm.keep(warm, &question, &ceilings);
        }
        decision
    }
}

impl Loaded {
    pub(crate) fn run(
        &self,
        store: &mut Store<State>,
        instance: &mut Option<Instance>,
        question: &Question,
        ceilings: &Ceilings,
    ) -> Result<Answer, Fault> {
        store.limiter(|state| &mut state.meter);
        store.set_fuel(ceilings.fuel)?;
        store.set_hostcall_fuel(MAX_HOST_CALL_BYTES);
        // One tick more, since the present one has partly passed.
        store.set_epoch_deadline(store.data().first_time() + 1);
        store.epoch_deadline_callback(|mut store| {
            Ok(store
                .data_mut()
                .more_time()
                .map_or(UpdateDeadline::Interrupt, UpdateDeadline::Continue))
        });
        let instance = match instance {
            Some(instance) => instance,
            None => instance.insert(self.pre.instantiate(&mut *store).map_err(Fault::Start)?),
        };
        self.exports.ask(store, instance, question, ceilings)
    }
}

fn micros(since: Moment) -> u64 {
    since.elapsed().as_micros() as u64
}
