//! `jackfield compile-plugin`: the process in which a server checks and compiles a component. Not for people.

use std::process::ExitCode;

use jackfield_sandbox::{CompileLimits, CompilerCommand};

/// What the server passes on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of processor time.
    cpu_s: u64,
    /// Bytes of address space.
    memory_bytes: u64,
    /// Bytes of compiled code.
    artifact_bytes: u64,
}

/// Reads a component from standard input and writes its compiled form to standard output.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    jackfield_sandbox::compile_process(CompileLimits {
        cpu_s: arguments.cpu_s,
        memory_bytes: arguments.memory_bytes,
        artifact_bytes: arguments.artifact_bytes,
        ..CompileLimits::default()
    })
}

/// This binary as compiler: the very file that runs, even when another one lies at its path by now.
pub(crate) fn command() -> CompilerCommand {
    CompilerCommand::new("/proc/self/exe", ["compile-plugin"])
}
