//! Compiling where it can do no harm: in a process of its own, with limits that the system enforces. Validation goes
//! along, since a component can be a bomb for that as well. The process gets the component on its standard input and
//! answers on its standard output with the compiled code, or with why there is none as JSON; all three streams are
//! memory files, so that neither side waits for the other's reading.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use jackfield_types::limits::{
    COMPILE_CPU_S_PER_MIB, COMPILE_MS_PER_MIB, MAX_ARTIFACT_BYTES, MAX_COMPILE_CPU_S,
    MAX_COMPILE_MEMORY_BYTES, MAX_COMPILE_MS, MAX_COMPILER_WAIT_MS, MAX_COMPILERS, MAX_COMPONENT_BYTES,
    MAX_TEXT_BYTES,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{MemfdFlags, memfd_create},
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, nice, pidfd_open, set_parent_process_death_signal,
        setrlimit,
    },
    time::Timespec,
};
use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use crate::{
    LoadError, contract,
    engine::{self, Places},
    fault::cut,
};

/// What the process exits with when it has put a [`LoadError`] on its standard output.
const REFUSED: u8 = 3;
/// Threads of one compiler; each has its own arena of memory, which counts as address space.
const THREADS: &str = "2";
/// KiB of address space that the allocator takes at once. It takes the first before the process limits itself, so what is left of
/// that is not limited.
const RESERVED_KIB: &str = "32768";
/// How far behind everything that serves customers a compiler stands, 0 to 19.
const NICENESS: i32 = 10;

/// What checking and compiling one component may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Seconds of processor time, over all threads.
    pub cpu_s: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of compiled code.
    pub artifact_bytes: u64,
    /// Milliseconds from start to end; the parent looks to that.
    pub wall_ms: u64,
}

impl CompileLimits {
    /// Those of [`jackfield_types::limits`] for a component of so many bytes.
    pub const fn of(bytes: usize) -> Self {
        let mib = bytes as u64 >> 20;
        Self {
            cpu_s: MAX_COMPILE_CPU_S + mib * COMPILE_CPU_S_PER_MIB,
            memory_bytes: MAX_COMPILE_MEMORY_BYTES,
            artifact_bytes: MAX_ARTIFACT_BYTES,
            wall_ms: MAX_COMPILE_MS + mib * COMPILE_MS_PER_MIB,
        }
    }
}

impl Default for CompileLimits {
    /// Those for a small component.
    fn default() -> Self {
        Self::of(0)
    }
}

/// Which limit a component ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompileLimit {
    /// Seconds of processor time.
    Cpu(u64),
    /// Bytes of memory.
    Memory(u64),
    /// Bytes of compiled code.
    Artifact(u64),
    /// Milliseconds.
    Wall(u64),
    /// The stack: something in the component is nested too deeply.
    Stack,
}

impl fmt::Display for CompileLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(seconds) => write!(f, "more than {seconds} s of processor time (cpu)"),
            Self::Memory(bytes) => write!(f, "more than {} MiB of memory (memory)", bytes >> 20),
            Self::Artifact(bytes) => write!(f, "more than {} MiB of compiled code (artifact)", bytes >> 20),
            // Whoever has had its processor time is refused for that; so the machine was slow.
            Self::Wall(ms) => {
                return write!(
                    f,
                    "more than {ms} ms (wall): the host is busy, try again when it is less so"
                );
            }
            Self::Stack => f.write_str("more than the whole stack (stack)"),
        }?;
        f.write_str(": make it smaller, or split large functions")
    }
}

/// How the compiler process is started: a program whose `main` hands over to [`compile_process`].
#[derive(Debug, Clone)]
pub struct CompilerCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Option<CompileLimits>,
    patience: u64,
}

impl CompilerCommand {
    /// Starts `program` with `arguments`, to which [`CompileLimits`] are added as three numbers: `cpu_s`,
    /// `memory_bytes`, `artifact_bytes`. The program gets an empty environment and must be of the same build as this
    /// one: its code is trusted as the compiler's.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits: None,
            patience: 1,
        }
    }

    /// Waits so many times longer for the process, where no request does; processor time stays as limited as it is.
    #[must_use]
    pub fn patient(self, times: u64) -> Self {
        Self {
            patience: times,
            ..self
        }
    }

    /// With other limits than [`CompileLimits::of`] the component's size.
    #[must_use]
    pub fn limited(self, limits: CompileLimits) -> Self {
        Self {
            limits: Some(limits),
            ..self
        }
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let failed = |error: io::Error| LoadError::Compiler(format!("{}: {error}", self.program.display()));
        let mut limits = self.limits.unwrap_or(CompileLimits::of(wasm.len()));
        limits.wall_ms = limits.wall_ms.saturating_mul(self.patience);
        let ended = self.run(wasm, limits).map_err(failed)?;
        match (ended.status.code(), ended.in_time) {
            (_, false) => Err(LoadError::Limit(CompileLimit::Wall(limits.wall_ms))),
            (Some(0), _) => Ok(ended.output),
            (Some(code), _) if code == i32::from(REFUSED) => Err(serde_json::from_slice(&ended.output)
                .unwrap_or_else(|error| LoadError::Compiler(error.to_string()))),
            _ => Err(died(limits, ended.status, &ended.complaint)),
        }
    }

    fn run(&self, wasm: &[u8], limits: CompileLimits) -> io::Result<Ended> {
        let mut input = memory_file("component")?;
        input.write_all(wasm)?;
        input.rewind()?;
        let (mut output, mut complaints) = (memory_file("compiled")?, memory_file("complaints")?);
        let CompileLimits {
            cpu_s,
            memory_bytes,
            artifact_bytes,
            wall_ms,
        } = limits;
        let began = Instant::now();
        let mut child = Command::new(&self.program)
            .arg0("jackfield")
            .args(&self.arguments)
            .args([cpu_s, memory_bytes, artifact_bytes].map(|limit| limit.to_string()))
            .env_clear()
            .env("RAYON_NUM_THREADS", THREADS)
            .env("MALLOC_ARENA_MAX", THREADS)
            .env("MIMALLOC_ARENA_RESERVE", RESERVED_KIB)
            .current_dir("/")
            .stdin(Stdio::from(input))
            .stdout(output.try_clone()?)
            .stderr(complaints.try_clone()?)
            .spawn()?;
        let in_time = until_ended(&child, began + Duration::from_millis(wall_ms));
        if !matches!(in_time, Ok(true)) {
            child.kill()?;
        }
        let status = child.wait()?;
        let mut ended = Ended {
            status,
            in_time: in_time?,
            output: Vec::new(),
            complaint: String::new(),
        };
        output.rewind()?;
        output.read_to_end(&mut ended.output)?;
        let mut complaint = Vec::new();
        complaints.rewind()?;
        complaints
            .take(MAX_TEXT_BYTES as u64)
            .read_to_end(&mut complaint)?;
        ended.complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
        Ok(ended)
    }
}

/// Why a process died that said nothing.
fn died(limits: CompileLimits, status: ExitStatus, complaint: &str) -> LoadError {
    let says = |texts: &[&str]| texts.iter().any(|text| complaint.contains(text));
    let signal = status.signal().and_then(Signal::from_named_raw);
    LoadError::Limit(match signal {
        Some(Signal::XCPU) => CompileLimit::Cpu(limits.cpu_s),
        Some(Signal::XFSZ) => CompileLimit::Artifact(limits.artifact_bytes),
        _ if says(&["overflowed its stack"]) => CompileLimit::Stack,
        _ if says(&[
            "memory allocation of",
            "out of memory",
            "os error 12",
            "os error 11",
        ]) =>
        {
            CompileLimit::Memory(limits.memory_bytes)
        }
        // Not by this process, so by the system, which had no memory left.
        Some(Signal::KILL) => CompileLimit::Memory(limits.memory_bytes),
        _ => {
            let last = complaint.lines().last().unwrap_or_default();
            return LoadError::Compile(format!("the compiler gave up ({status}): {}", cut(last, 512)));
        }
    })
}

struct Ended {
    status: ExitStatus,
    in_time: bool,
    output: Vec<u8>,
    complaint: String,
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

/// Waits for a process; false when it is still there at the deadline.
fn until_ended(child: &Child, deadline: Instant) -> io::Result<bool> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let id = id.ok_or_else(|| io::Error::other("no process id"))?;
    let process: OwnedFd = pidfd_open(id, PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(
            &mut [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)],
            Some(&left),
        ) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Compiles, here or in a process, a few at once.
pub(crate) struct Compiler {
    command: Option<CompilerCommand>,
    places: Places,
}

impl Compiler {
    pub(crate) const fn new(command: Option<CompilerCommand>) -> Self {
        Self {
            command,
            places: Places::new(MAX_COMPILERS),
        }
    }

    /// Inspects and compiles a component for `engine`.
    pub(crate) fn compile(&self, engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let place = self.places.take(Duration::from_millis(MAX_COMPILER_WAIT_MS));
        let _place = place.ok_or(LoadError::Busy)?;
        match &self.command {
            Some(command) => command.compile(wasm),
            None => compile(engine, wasm),
        }
    }
}

fn compile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    contract::inspect(wasm)?;
    engine
        .precompile_component(wasm)
        .map_err(|error| LoadError::Compile(format!("{error:#}")))
}

/// All that the compiler process does: limits itself, then reads a component from standard input and writes its
/// compiled form to standard output. Of `limits`, `wall_ms` is the parent's business.
pub fn compile_process(limits: CompileLimits) -> ExitCode {
    match limit(limits).and_then(|()| answer()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// From here on the system sees to it that nothing is exceeded.
fn limit(limits: CompileLimits) -> io::Result<()> {
    let hard = |most: u64, at: u64| Rlimit {
        current: Some(most),
        maximum: Some(at),
    };
    let CompileLimits {
        cpu_s,
        memory_bytes,
        artifact_bytes,
        ..
    } = limits;
    setrlimit(Resource::Core, hard(0, 0))?;
    // At the first limit the process is told by a signal of its own, at the second it is killed.
    setrlimit(Resource::Cpu, hard(cpu_s, cpu_s.saturating_add(1)))?;
    setrlimit(Resource::As, hard(memory_bytes, memory_bytes))?;
    setrlimit(Resource::Fsize, hard(artifact_bytes, artifact_bytes))?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Who serves comes first; where that cannot be had, the limits hold all the same.
    let _ = nice(NICENESS);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

fn answer() -> io::Result<ExitCode> {
    let mut wasm = Vec::new();
    let most = MAX_COMPONENT_BYTES as u64 + 1;
    io::stdin().lock().take(most).read_to_end(&mut wasm)?;
    let compiled = engine::compiler()
        .map_err(|error| LoadError::Compiler(format!("{error:#}")))
        .and_then(|engine| compile(&engine, &wasm));
    let mut out = io::stdout().lock();
    let code = match compiled {
        Ok(compiled) => {
            out.write_all(&compiled)?;
            ExitCode::SUCCESS
        }
        Err(error) => {
            out.write_all(&serde_json::to_vec(&error)?)?;
            ExitCode::from(REFUSED)
        }
    };
    out.flush()?;
    Ok(code)
}
