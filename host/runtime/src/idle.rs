//! What nobody waits for uses processors that are idle: replays, and whole-base runs of tags.

use std::time::{Duration, Instant};

use jackfield_types::TenantId;

use crate::admission::{Admission, Turn};
use crate::tenant::Tenant;

/// How long a thread goes on in one turn; then others may have theirs.
const TURN: Duration = Duration::from_millis(1);

/// A thread's turns among all who decide.
#[derive(Clone)]
pub(crate) struct Turns {
    admission: Admission,
    tenant: TenantId,
    runtime: tokio::runtime::Handle,
}

impl Turns {
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            admission: tenant.inner.shared.admission.clone(),
            tenant: tenant.id().clone(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// On a blocking thread: does one thing after the other, and lets others have their turn in between; stops where it has
    /// none.
    pub(crate) fn each<T, R>(
        &self,
        things: impl IntoIterator<Item = T>,
        mut one: impl FnMut(T) -> R,
    ) -> Vec<R> {
        let mut done = Vec::new();
        let mut turn: Option<(Turn, Instant)> = None;
        for thing in things {
            if turn.as_ref().is_none_or(|(_, since)| since.elapsed() >= TURN) {
                drop(turn.take());
                let Some(next) = self.runtime.block_on(self.admission.idle_turn(&self.tenant)) else {
                    break;
                };
                turn = Some((next, Instant::now()));
            }
            done.push(one(thing));
        }
        done
    }
}
