//! Journal, tables and blobs behind one tenant-scoped handle (floor 2).
//!
//! [`Store`] is the handle. Every call takes an [`OpContext`](jackfield_types::OpContext) and reaches
//! the rows of its tenant only; what stands above tenants is kept under
//! [`TenantId::platform`](jackfield_types::TenantId::platform). `Ok` from a commit means durable, and
//! nothing is ever read that is not durable yet.

#![forbid(unsafe_code)]

mod blobs;
mod committer;
mod convert;
mod error;
mod export;
#[cfg(feature = "faults")]
mod faults;
mod kv;
mod layout;
mod plan;
mod store;
mod tx;
mod view;

pub use blobs::Blobs;
pub use error::Error;
#[cfg(feature = "faults")]
pub use faults::FaultyDisk;
pub use store::{Engine, Page, Row, Scan, Store, Versioned};
pub use tx::{Append, Check, Fence, Space, Tx};
