use std::{
    num::NonZeroUsize,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{
    SandboxError,
    ceilings::{
        MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_MEMORY_BYTES, MAX_STACK_BYTES, MAX_TABLE_ELEMENTS, MAX_TABLES,
    },
};

/// Memory that a slot of the pool keeps for its next instance instead of giving it back to the system: cheaper to
/// clear than to map again.
const KEEP_MEMORY_BYTES: usize = 512 * 1024;
const KEEP_TABLE_BYTES: usize = 64 * 1024;
/// Bytes of wasmtime's own records of one instance. CPython's component is the largest known.
const MAX_INSTANCE_BYTES: usize = 1024 * 1024;
/// Frames of a guest's backtrace, innermost first: what is behind them is not seen.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(128).unwrap();
/// The kill switch looks at the time this often.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// An engine whose pool holds `decisions` at once.
pub(crate) fn engine(decisions: u32) -> Result<Engine, SandboxError> {
    let mut pool = PoolingAllocationConfig::new();
    // A pure component needs 1 to 3 core instances and one memory; those of languages with a run time need more. There
    // is room for the largest at every place, so that who has a place never finds the pool emptied by somebody's large
    // components. It costs address space, not memory.
    pool.total_component_instances(decisions)
        .total_core_instances(decisions.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(decisions.saturating_mul(MAX_MEMORIES))
        .total_tables(decisions.saturating_mul(MAX_TABLES))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_tables_per_module(MAX_TABLES)
        .max_memories_per_module(MAX_MEMORIES)
        .max_core_instance_size(MAX_INSTANCE_BYTES)
        .max_component_instance_size(MAX_INSTANCE_BYTES)
        .max_memory_size(MAX_MEMORY_BYTES)
        .table_elements(MAX_TABLE_ELEMENTS)
        // A slot that held the component's memory before need not be mapped anew, so every slot may stay as its last
        // component left it.
        .max_unused_warm_slots(decisions.saturating_mul(MAX_MEMORIES))
        .linear_memory_keep_resident(KEEP_MEMORY_BYTES)
        .table_keep_resident(KEEP_TABLE_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// An engine that compiles for [`engine`] and runs nothing, so it reserves no pool.
pub(crate) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// All that decides what compiled code looks like.
fn config() -> Config {
    let mut config = Config::new();
    config
        .memory_init_cow(true)
        .max_wasm_stack(MAX_STACK_BYTES)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        .consume_fuel(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_component_model(true);
    config
}

/// The kill switch's clock: a thread of its own, so that no load on other threads stops it. Ends when this is dropped.
pub(crate) struct Ticker {
    _alive: Sender<()>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, SandboxError> {
        let engine = engine.clone();
        let (alive, dropped) = mpsc::channel();
        thread::Builder::new()
            .name("plugin-epoch".to_owned())
            .spawn(move || {
                while dropped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            })
            .map_err(SandboxError::Ticker)?;
        Ok(Self { _alive: alive })
    }
}

/// Places in the pool. Who finds none waits for one.
pub(crate) struct Places {
    line: Mutex<Line>,
    freed: Condvar,
}

struct Line {
    free: u32,
    waiting: u32,
}

/// A place in the pool; free again when dropped.
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) const fn new(free: u32) -> Self {
        Self {
            line: Mutex::new(Line { free, waiting: 0 }),
            freed: Condvar::new(),
        }
    }

    /// A place, waiting at most `patience` for one.
    pub(crate) fn take(&self, patience: Duration) -> Option<Place<'_>> {
        let mut line = self.line();
        if line.free == 0 {
            line.waiting += 1;
            (line, _) = self
                .freed
                .wait_timeout_while(line, patience, |line| line.free == 0)
                .unwrap_or_else(PoisonError::into_inner);
            line.waiting -= 1;
        }
        line.free = line.free.checked_sub(1)?;
        Some(Place(self))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        line.free += 1;
        // Telling nobody costs a system call too.
        if line.waiting > 0 {
            self.0.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_place_waits_for_one_and_no_longer_than_wanted() {
        let places = Places::new(1);
        let first = places.take(Duration::ZERO);
        assert!(first.is_some());
        assert!(places.take(Duration::from_millis(5)).is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| places.take(Duration::from_secs(20)).is_some());
            drop(first);
            assert!(waiting.join().unwrap());
        });
        assert!(places.take(Duration::ZERO).is_some());
    }
}
