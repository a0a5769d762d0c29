//! Tags: what they are called and may do ([`definition`]), who gave one to a customer ([`held`]), and how they change.
//!
//! A tag stands in the customer's sealed profile. People and plugins change it through the tenant's loop; every change is
//! in the customer's timeline. What somebody set by hand no plugin touches.

mod apply;
mod definition;
mod drive;
mod due;
mod expiry;
mod held;
mod run;
mod run_ask;
mod run_work;
mod schedule;
mod work;

pub use definition::{TagColour, TagDefinition, TagKind, TagTitles, UndefinedTags};
pub use held::{HeldTag, TagSource};
pub use run::{TagCounts, TagReceipt, TagRun, TagRunState};
pub use schedule::TagSchedule;
pub use work::ManualTag;

pub(crate) use apply::{Rules, Told, apply_and_tell};
pub(crate) use definition::TagLibrary;
pub(crate) use definition::check_tag_name;
pub(crate) use due::{DUE, Facts, Occasion, ask_later, keep_asked};
pub(crate) use expiry::keep_expired;
pub(crate) use held::{earliest_end, with};
pub(crate) use run_work::{RunStep, carry_out as carry_out_run};
pub(crate) use work::{TagWork, carry_out};

/// What names of tags begin with that say in which segments a customer is; nobody sets such a tag.
pub(crate) const SEGMENT_PREFIX: &str = "segment:";
