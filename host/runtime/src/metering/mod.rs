//! What plugins used, and what they may use: a receipt of every decision, rolled up by hour, and quotas.
//!
//! Receipts are added up in memory and written every ten seconds and at the end, into a row for each hour, extension
//! point and plugin version. **What a kill may lose** is the receipts of the last ten seconds, or of as long as the
//! store refuses; never more than was used is billed. Writing is exactly once: each batch leaves its id in the same
//! transaction, so a batch whose answer was lost is not added twice.
//!
//! What a candidate used in shadow or in a replay is added up apart ([`UsedFor`]), so that an operator may bill it or
//! not. It counts towards no quota: trying a version out must not stop the one that customers wait for.
//!
//! Units: fuel as the sandbox counts it; memory·time is peak memory times wall time of each decision, summed in
//! KiB·µs and told in MiB·ms (1 MiB·ms = 1,024,000 KiB·µs); wall time in µs. Days are UTC days.

mod flush;
mod meter;
mod quota;
mod report;
mod rollup;

pub(crate) use flush::keep_flushing;
pub(crate) use meter::Meter;
pub use quota::{Level, Quota, QuotaExceeded, QuotaState};
pub use report::{UsageError, UsageQuery, UsageRow, UsageStep};
pub use rollup::UsedFor;
pub(crate) use rollup::{Series, Tally};

use jackfield_store::Space;

/// Hourly rows of a tenant; the key begins with the hour.
pub(crate) const USAGE: Space = Space::new("usage");
/// The id of the last batch of a tenant that was written.
pub(crate) const USAGE_WRITTEN: Space = Space::new("usage-written");
/// Quotas by tenant; the platform's rows.
pub(crate) const QUOTAS: Space = Space::new("quotas");

/// Milliseconds of an hour, the length of a bucket.
pub(crate) const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Milliseconds of a UTC day.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
