use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use jackfield_contact::decision::{Answer, Question};
use jackfield_types::{Digest, Grants, PluginKind};
use wasmtime::{Store, UpdateDeadline, component::InstancePre};

use crate::{
    Ceilings, Decision, Env, Manifest, Projection, Reads, Receipt, Sandbox,
    ceilings::MAX_HOST_CALL_BYTES,
    fault::{Fault, failure},
    kind::Exports,
    projection::Projected,
    state::State,
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
        let exports = Exports::new(manifest.kind, &pre)?;
        let projection = Projection::of(&manifest.projection).map_err(wasmtime::Error::msg)?;
        Ok(Self {
            sandbox,
            requires: manifest.requires(),
            ceilings: Ceilings::of(manifest.kind).limited(&manifest.limits),
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

    /// The ceilings of its kind, lowered to what its manifest asks for.
    pub fn ceilings(&self) -> Ceilings {
        self.0.ceilings
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
    /// Every decision runs in an instance of its own. Whatever the plugin does, the result is a value: a
    /// [`Failure`](jackfield_contact::decision::Failure) has one of the codes `trap`, `fuel`, `timeout`, `memory`,
    /// `oversize`, `invalid-answer`, `plugin-error`, `overloaded` or `unavailable`.
    pub fn decide(&self, question: Arc<Question>, env: Env) -> Decision {
        let started = Instant::now();
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
        let state = State::new(plugin.digest, question.clone(), env, &ceilings);
        let mut store = Store::new(&plugin.sandbox.0.engine, state);
        let (result, stopped) = match plugin.run(&mut store, &question, &ceilings) {
            Ok(answer) => (Ok(answer), false),
            Err(fault) => {
                let (failure, stopped) = fault.classify(&store);
                (Err(failure), stopped)
            }
        };
        let left = if stopped { 0 } else { store.get_fuel().unwrap_or(0) };
        let mut state = store.into_data();
        let receipt = Receipt {
            fuel: ceilings.fuel.saturating_sub(left),
            peak_memory_bytes: state.meter.memory() as u64,
            wall_us: micros(started),
        };
        let log = state.take_log();
        let kv_writes = if result.is_ok() {
            state.kv_writes
        } else {
            Vec::new()
        };
        Decision {
            result,
            receipt,
            log,
            kv_writes,
        }
    }
}

impl Loaded {
    pub(crate) fn run(
        &self,
        store: &mut Store<State>,
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
        let instance = self.pre.instantiate(&mut *store).map_err(Fault::Start)?;
        self.exports.ask(store, &instance, question, ceilings)
    }
}

fn micros(since: Instant) -> u64 {
    since.elapsed().as_micros() as u64
}
