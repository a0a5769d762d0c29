//! Runs plugins: wasmtime, limits, one module per plugin kind and per host capability (floor 2).
//!
//! ```no_run
//! # use std::{path::PathBuf, sync::Arc};
//! # use jackfield_contact::decision::Question;
//! # use jackfield_sandbox::{Env, NoReads, Sandbox, SandboxOptions};
//! # use jackfield_types::{Grants, Timestamp};
//! # fn example(wasm: Vec<u8>, question: Arc<Question>, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::new(SandboxOptions::new(PathBuf::from("cache"), [7; 32]))?;
//! let plugin = sandbox.load(&wasm)?;
//! let env = Env {
//!     now,
//!     config: "{}".into(),
//!     reads: Arc::new(NoReads),
//!     grants: Grants::ALL,
//!     budget: None,
//! };
//! let decision = plugin.decide(question, env); // on a blocking thread
//! # Ok(()) }
//! ```
//!
//! Every decision gets a fresh instance of the component, so nothing of one decision is seen by the next, and a trap
//! ends with its own instance. Plugins that ask for it (`reuse-instances`, for languages that begin slowly) may be answered
//! by an instance that has answered the same tenant before. Generated WIT types never leave this crate: questions and answers are those of
//! [`jackfield_contact::decision`].

mod answer;
mod artifact;
mod bindings;
mod capability;
mod compile;
mod contract;
mod engine;
mod env;
mod error;
mod fault;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod kind;
mod lower;
mod manifest;
mod meter;
mod plugin;
mod profile;
mod projection;
mod record;
mod sandbox;
mod state;
mod warm;
mod wasi;

pub(crate) use jackfield_types::ceilings;

pub use compile::{CompileLimit, CompileLimits, CompilerCommand, compile_process};
pub use env::{Decision, Env, LogLevel, LogLine, NoReads, ReadError, Reads, Receipt};
pub use error::{InvalidComponent, LoadError, SandboxError};
pub use jackfield_types::ceilings::{Ceilings, RequestedLimits};
pub use manifest::{CapabilityRequest, Manifest, PiiClass, ProjectedField, Provenance};
pub use plugin::Plugin;
pub use profile::FuelProfile;
pub use projection::Projection;
pub use record::{DecidedBy, DecisionRecord, ENGINE, Read, Recording, Replayed, recorded_reads};
pub use sandbox::{Sandbox, SandboxOptions};
