//! Cases: what was promised to a customer, who sees to it, and by when; and links that help a customer from afar.
//!
//! A case is a row, sealed under its customer's key, with rows that lead to it by number, owner, customer and so on. It is
//! changed in the tenant's loop ([`work`]), as customers are: the row, the journal's entry and the timeline's are one
//! commit, and so is the row that says when something is due next ([`due`]). Such a row goes with the commit that did what
//! was due, so after a kill nothing is done twice and nothing is forgotten.

mod assistance;
mod case;
mod directory;
mod due;
mod handle;
mod notice;
mod read;
pub(crate) mod token;
mod work;

pub use assistance::{Assistance, AssistanceWant, AssistanceWhat};
pub use case::{Case, CaseNote, EscalationStep, HandOver, Outcome, Promise};
pub use directory::{CaseCategory, LinkSettings, Outlet};
pub use handle::{NewCase, StatusChange};
pub use notice::Notice;
pub use read::CaseFilter;

pub(crate) use directory::CaseState;
pub(crate) use due::keep_due;
pub(crate) use notice::NoticeEnd;
pub(crate) use work::{CaseDone, CaseWork, carry_out};

use jackfield_store::Space;
use jackfield_types::TenantId;

/// Cases by id.
pub(crate) const CASES: Space = Space::new("cases");
/// From `number N`, `status S ID`, `customer C ID`, and of those that are not settled `owner O ID`, `category C ID` and
/// `promise T ID`, to the case.
pub(crate) const CASE_INDEX: Space = Space::new("case-index");
/// What is due next of each case, by time.
pub(crate) const CASE_DUE: Space = Space::new("case-due");
/// How many there are.
pub(crate) const CASE_COUNTS: Space = Space::new("case-counts");

/// What a customer opens, of a link for remote assistance with this token.
pub fn assistance_url(base: &str, tenant: &TenantId, token: &str) -> String {
    format!("{base}/assist/{tenant}/{token}")
}
