//! Instances that have answered and may answer again: only for plugins that ask for it, and only for the tenant for
//! which they have answered before.

use std::sync::{Arc, Mutex, PoisonError};

use jackfield_contact::decision::Question;
use jackfield_types::{Digest, TenantId};
use wasmtime::{Store, component::Instance};

use crate::{Ceilings, Env, NoReads, state::State};

/// Instances that are kept, over all plugins and tenants; one more sends the one away that has waited longest.
pub(crate) const MAX_WARM: u32 = 16;
/// Decisions of one instance; then it has done its work.
const MAX_DECISIONS: u32 = 1_000;

/// An instance between two decisions.
pub(crate) struct Warm {
    plugin: Digest,
    tenant: TenantId,
    decisions: u32,
    pub(crate) store: Store<State>,
    instance: Instance,
}

/// All that are kept, the longest waiting first.
#[derive(Default)]
pub(crate) struct WarmPool(Mutex<Vec<Warm>>);

impl Warm {
    /// `decisions`: how many it has answered.
    pub(crate) const fn new(
        plugin: Digest,
        tenant: TenantId,
        decisions: u32,
        store: Store<State>,
        instance: Instance,
    ) -> Self {
        Self {
            plugin,
            tenant,
            decisions,
            store,
            instance,
        }
    }

    /// Store, and instance with the decisions that it has answered.
    pub(crate) fn apart(self) -> (Store<State>, Option<(Instance, u32)>) {
        (self.store, Some((self.instance, self.decisions)))
    }
}

impl WarmPool {
    /// An instance of this plugin that has served this tenant and nobody else.
    pub(crate) fn take(&self, plugin: Digest, tenant: &TenantId) -> Option<Warm> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept
            .iter()
            .rposition(|warm| warm.plugin == plugin && warm.tenant == *tenant)?;
        Some(kept.remove(place))
    }

    /// Keeps an instance that answered well. What it could still read of the tenant goes now.
    pub(crate) fn keep(&self, mut warm: Warm, question: &Arc<Question>, ceilings: &Ceilings) {
        // One that has grown much would soon meet its ceiling.
        let grown = warm.store.data().meter.memory() > ceilings.memory_bytes / 8 * 7;
        if warm.decisions >= MAX_DECISIONS || grown {
            return;
        }
        let state = warm.store.data_mut();
        let nobody = Env {
            config: "{}".into(),
            reads: Arc::new(NoReads),
            ..state.env.clone()
        };
        state.renew(question.clone(), nobody, ceilings);
        let oldest = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(warm);
            (kept.len() > MAX_WARM as usize).then(|| kept.remove(0))
        };
        drop(oldest);
    }
}
