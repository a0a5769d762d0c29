//! Rolling a new version out: how far it is, what it must keep to, and whether it does.
//!
//! Pure: time is an argument, nothing is read or written. Whoever runs a rollout counts what the candidate and the
//! version beside it do ([`Window`], [`Observed`]), and asks [`judge`] whether to wait, to go on, or to go back.

mod canary;
mod estimate;
mod fuel;
mod gates;
mod judge;
mod observed;
mod steps;
#[cfg(test)]
mod tests;
mod window;

use serde::{Deserialize, Serialize};

pub use canary::in_canary;
pub(crate) use canary::in_share;
pub use estimate::{Estimate, estimate};
pub use gates::{GateChanges, Gates};
pub use judge::{MIN_FAILURES, MIN_FUEL_DECISIONS, Verdict, judge, too_little_compared};
pub use observed::Observed;
pub use steps::{Step, check_steps, steps_after};
pub use window::{SLICES, Slice, Window};

/// How far a version is at one extension point. A version that is uploaded is verified; a rollout begins after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// It answered recorded questions. Each rollout begins with it, with the report as its evidence, and goes on at once.
    Replayed,
    /// It is asked what the active version is asked, and its answers have no effect.
    Shadow,
    /// It decides for some interactions.
    Canary {
        /// How many, 1 to 99 per cent.
        percent: u8,
    },
    /// It decides.
    Active,
    /// It was taken back.
    RolledBack,
}
