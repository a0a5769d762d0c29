use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use jackfield_contact::decision::Question;
use jackfield_types::{Capability, Digest, limits::MAX_PLUGIN_LOG_BYTES};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    Ceilings, Env, LogLevel, LogLine, ReadError, bindings::cx::types::types::Error,
    capability::outcomes::Outcomes, ceilings::WALL_FACTOR, fault::cut, meter::Meter, wasi::Machine,
};

/// The data of one decision's store: what the host capabilities see and write.
pub(crate) struct State {
    pub(crate) env: Env,
    pub(crate) question: Arc<Question>,
    pub(crate) meter: Meter,
    pub(crate) log: Vec<LogLine>,
    pub(crate) log_bytes: usize,
    /// The line that the plugin is appending to.
    pub(crate) log_line: Vec<u8>,
    pub(crate) kv_writes: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) machine: Machine,
    pub(crate) outcomes: Option<Outcomes>,
    /// Whether something could not be read that may be read later.
    unread: AtomicBool,
    stop: Stop,
}

/// What a line costs beside its text, so that a flood of empty lines ends too.
const LINE_BYTES: usize = 32;
/// Until here time is counted by the wall clock: nearly every decision is over by then, and asking for the thread's
/// processor time is a system call.
const WALL_ONLY_MS: u64 = 2;

/// When the kill switch falls.
struct Stop {
    /// Milliseconds of this thread's processor time when [`WALL_ONLY_MS`] were over.
    cpu_ms: Option<u64>,
    wall_ms: u64,
    allowed_ms: u64,
}

impl Stop {
    fn new(ceilings: &Ceilings) -> Self {
        Self {
            cpu_ms: None,
            wall_ms: ceilings.wall_ms,
            allowed_ms: ceilings.wall_ms.min(WALL_ONLY_MS),
        }
    }
}

impl State {
    pub(crate) fn new(plugin: Digest, question: Arc<Question>, env: Env, ceilings: &Ceilings) -> Self {
        Self {
            env,
            question,
            meter: Meter::new(ceilings.memory_bytes),
            log: Vec::new(),
            log_bytes: 0,
            log_line: Vec::new(),
            kv_writes: Vec::new(),
            machine: Machine::new(plugin),
            outcomes: None,
            unread: AtomicBool::new(false),
            stop: Stop::new(ceilings),
        }
    }

    /// For the next decision of the same instance: only what belongs to its memory stays.
    pub(crate) fn renew(&mut self, question: Arc<Question>, env: Env, ceilings: &Ceilings) {
        self.env = env;
        self.question = question;
        self.meter.limit_to(ceilings.memory_bytes);
        self.log = Vec::new();
        self.log_bytes = 0;
        self.log_line = Vec::new();
        self.kv_writes = Vec::new();
        self.machine.renew();
        self.outcomes = None;
        self.unread = AtomicBool::new(false);
        self.stop = Stop::new(ceilings);
    }

    /// Keeps a line of the plugin's log as far as there is room; the rest of the log is dropped.
    pub(crate) fn keep_line(&mut self, level: LogLevel, message: String) {
        let room = MAX_PLUGIN_LOG_BYTES.saturating_sub(self.log_bytes + LINE_BYTES);
        if room == 0 {
            return;
        }
        let message = if message.len() > room {
            cut(&message, room).to_owned()
        } else {
            message
        };
        self.log_bytes += LINE_BYTES + message.len();
        self.log.push(LogLine { level, message });
    }

    /// Whether the plugin has a capability.
    pub(crate) fn granted(&self, capability: Capability) -> Result<(), ReadError> {
        if self.env.grants.contains(capability) {
            Ok(())
        } else {
            Err(ReadError::not_granted(capability))
        }
    }

    /// What the plugin is told of something that it reads.
    pub(crate) fn told<T>(&self, read: Result<T, ReadError>) -> Result<T, Error> {
        if read.as_ref().is_err_and(ReadError::is_of_the_moment) {
            self.unread.store(true, Relaxed);
        }
        read.map_err(Error::from)
    }

    /// Whether something could not be read that may be read later.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// Milliseconds until [`State::more_time`] is to be asked first.
    pub(crate) const fn first_time(&self) -> u64 {
        self.stop.allowed_ms
    }

    /// Asked when the wall time allowed so far is over: how many more milliseconds the decision gets, of processor
    /// time, since the machine may have kept this thread waiting. `None`: it has had its time.
    pub(crate) fn more_time(&mut self) -> Option<u64> {
        let stop = &mut self.stop;
        let cpu_ms = cpu_ms();
        let used = match stop.cpu_ms {
            Some(before) => WALL_ONLY_MS + cpu_ms.saturating_sub(before),
            None => {
                stop.cpu_ms = Some(cpu_ms);
                WALL_ONLY_MS
            }
        };
        let missing = stop.wall_ms.saturating_sub(used);
        let room = (stop.wall_ms * WALL_FACTOR).saturating_sub(stop.allowed_ms);
        let more = missing.min(room);
        stop.allowed_ms += more;
        (more > 0).then_some(more)
    }
}

fn cpu_ms() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec as u64)
        .saturating_mul(1_000)
        .saturating_add(time.tv_nsec as u64 / 1_000_000)
}
