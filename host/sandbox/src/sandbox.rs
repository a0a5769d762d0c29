use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use jackfield_types::{Digest, PluginKind};
use wasmtime::{Engine, component::Linker};

use crate::{
    InvalidComponent, LoadError, Manifest, Plugin, SandboxError,
    artifact::Artifacts,
    capability,
    compile::{Compiler, CompilerCommand},
    contract,
    engine::{Places, Ticker, engine},
    fault::bounded,
    plugin::Loaded,
    state::State,
    warm::{MAX_WARM, WarmPool},
    wasi,
};

/// Decisions at once, unless it is said otherwise. Each may reserve address space for its memory, not memory.
const DEFAULT_DECISIONS: u32 = 64;

/// How to set a sandbox up.
#[derive(Clone)]
pub struct SandboxOptions {
    /// Where compiled components are kept; made when it is not there.
    pub cache_dir: PathBuf,
    /// The key (HMAC-SHA256) that authenticates what is kept there. To be kept as secret as the host's own binary is
    /// kept safe: who has it can make the host run machine code.
    pub cache_key: [u8; 32],
    /// Decisions that can run at once; one more waits for a place.
    pub decisions: u32,
    /// The process that checks and compiles components; `None`: this process does it itself, for tests and tools
    /// that load what they trust.
    pub compiler: Option<CompilerCommand>,
    /// Times the time that each kind has ([`Ceilings::wall_ms`](crate::Ceilings)): 1, and more only where answers are
    /// compared on a machine that has other things to do. Fuel stays as limited as it is.
    pub patience: u64,
}

impl SandboxOptions {
    /// Options with 64 decisions at once, which compile in this process.
    pub const fn new(cache_dir: PathBuf, cache_key: [u8; 32]) -> Self {
        Self {
            cache_dir,
            cache_key,
            decisions: DEFAULT_DECISIONS,
            compiler: None,
            patience: 1,
        }
    }
}

/// The engine that runs all plugins of this process. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) places: Places,
    pub(crate) warm: WarmPool,
    artifacts: Artifacts,
    compiler: Compiler,
    pub(crate) patience: u64,
    /// One linker for each kind, with what its world imports.
    linkers: HashMap<PluginKind, Linker<State>>,
    /// Loaded components by digest: one for all tenants that bind it.
    loaded: Mutex<HashMap<Digest, Weak<Loaded>>>,
    _ticker: Ticker,
}

impl Sandbox {
    /// Sets up the engine, its pool and the thread that stops runaway plugins (it ends with the last clone and the
    /// last plugin).
    ///
    /// # Errors
    /// When wasmtime, the cache directory or the thread cannot be had.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let decisions = options.decisions.max(1);
        let engine = engine(decisions.saturating_add(MAX_WARM))?;
        let artifacts =
            Artifacts::open(&options.cache_dir, options.cache_key).map_err(|source| SandboxError::Cache {
                path: options.cache_dir.clone(),
                source,
            })?;
        let mut linkers = HashMap::new();
        for kind in PluginKind::ALL {
            let mut linker = Linker::new(&engine);
            capability::link(kind, &mut linker)
                .map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
            linkers.insert(kind, linker);
        }
        let ticker = Ticker::start(&engine)?;
        Ok(Self(Arc::new(Inner {
            engine,
            places: Places::new(decisions),
            warm: WarmPool::default(),
            artifacts,
            compiler: Compiler::new(options.compiler),
            patience: options.patience,
            linkers,
            loaded: Mutex::default(),
            _ticker: ticker,
        })))
    }

    /// Checks that bytes are a plugin for this host and reads its manifest: at most
    /// [`MAX_COMPONENT_BYTES`](jackfield_types::limits::MAX_COMPONENT_BYTES), a component, with a manifest, exporting
    /// what the world of its kind exports and importing nothing that the world does not import. Compiles nothing.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn inspect(wasm: &[u8]) -> Result<Manifest, InvalidComponent> {
        contract::inspect(wasm).map_err(InvalidComponent::bounded)
    }

    /// Reads the manifest and nothing else: for what is to be known before the full check, which
    /// [`Sandbox::load`] makes.
    ///
    /// # Errors
    /// When the bytes are too many, no component, or without a right manifest.
    pub fn manifest(wasm: &[u8]) -> Result<Manifest, InvalidComponent> {
        contract::manifest(wasm).map_err(InvalidComponent::bounded)
    }

    /// Makes a plugin ready to run: takes its compiled form from the cache, or else inspects and compiles it (tens of
    /// milliseconds to seconds: never call this where a customer waits). Both happen in the compiler process, where
    /// the options name one; a component that costs too much is refused with [`LoadError::Limit`].
    ///
    /// # Errors
    /// When the bytes are not a plugin for this host, or cannot be compiled. A damaged cache is not an error: it is
    /// logged and written anew.
    pub fn load(&self, wasm: &[u8]) -> Result<Plugin, LoadError> {
        let digest = Digest::of(wasm);
        if let Some(loaded) = self.loaded().get(&digest).and_then(Weak::upgrade) {
            return Ok(Plugin(loaded));
        }
        let manifest = Self::manifest(wasm)?;
        let compile = |error: wasmtime::Error| LoadError::Compile(bounded(format_args!("{error:#}")));
        let Inner {
            engine, artifacts, ..
        } = &*self.0;
        let component = match artifacts.cached(engine, &digest) {
            Some(component) => component,
            None => {
                let compiled = self.0.compiler.compile(engine, wasm)?;
                artifacts.keep(engine, &digest, &compiled).map_err(compile)?
            }
        };
        let linker = self.0.linkers.get(&manifest.kind);
        let linker = linker.ok_or_else(|| LoadError::Compile(format!("no linker for {}", manifest.kind)))?;
        let mut linker = linker.clone();
        wasi::link(&mut linker, &component).map_err(compile)?;
        let pre = linker.instantiate_pre(&component).map_err(compile)?;
        let loaded = Loaded::new(self.clone(), manifest, digest, pre).map_err(compile)?;
        let loaded = Arc::new(loaded);
        let mut known = self.loaded();
        known.retain(|_, plugin| plugin.strong_count() > 0);
        known.insert(digest, Arc::downgrade(&loaded));
        Ok(Plugin(loaded))
    }

    /// Whether [`Sandbox::load`] need not compile it, so that whoever waits can be told.
    pub fn has_compiled(&self, wasm: &[u8]) -> bool {
        self.0.artifacts.has(&self.0.engine, &Digest::of(wasm))
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Weak<Loaded>>> {
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
