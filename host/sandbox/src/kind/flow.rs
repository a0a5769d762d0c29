//! What the answers of call flows and of chat flows share.

use std::fmt;

use jackfield_contact::decision::{Enqueue, Failure};
use jackfield_types::limits::{MAX_FLOW_ACTIONS, MAX_FLOW_STATE_BYTES};

use crate::{
    answer::{Checker, invalid},
    bindings::cx::types::types::Need,
};

/// The actions of a step, each checked by `check_one`; one that waits is the last.
pub(super) fn actions<Found, Action>(
    check: &mut Checker,
    state: &[u8],
    found: Vec<Found>,
    check_one: impl Fn(&mut Checker, fmt::Arguments<'_>, Found) -> Result<Action, Failure>,
    waits: impl Fn(&Action) -> bool,
) -> Result<Vec<Action>, Failure> {
    check.list("state", state, MAX_FLOW_STATE_BYTES)?;
    check.list("actions", &found, MAX_FLOW_ACTIONS)?;
    let last = found.len().saturating_sub(1);
    let mut actions = Vec::with_capacity(found.len());
    for (n, found) in found.into_iter().enumerate() {
        let at = format_args!("actions[{n}]");
        let action = check_one(check, at, found)?;
        if n < last && waits(&action) {
            return Err(invalid(at, "an action that waits", "it only as the last action"));
        }
        actions.push(action);
    }
    Ok(actions)
}

pub(super) fn enqueue(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    queue: String,
    needs: &[Need],
    priority: i32,
) -> Result<Enqueue, Failure> {
    Ok(Enqueue {
        needs: check.needs(format_args!("{at}.needs"), needs)?,
        queue: check.name(format_args!("{at}.queue"), queue)?,
        priority: check.number(format_args!("{at}.priority"), priority, -100..=100)?,
    })
}
