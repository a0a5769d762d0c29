//! What is seen to of all tenants again and again.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::platform::Shared;
use crate::tenant::Tenant;

/// Goes round the tenants, one after the other: at once, and again after each pause, until the platform is gone.
pub(crate) fn go_round<F>(
    shared: Weak<Shared>,
    every: Duration,
    see_to: impl Fn(Tenant) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(shared) = shared.upgrade() else { return };
            for id in shared.directory.tenants.ids() {
                // Removed meanwhile.
                let Some(tenant) = shared.directory.tenants.get(&id) else {
                    continue;
                };
                see_to(tenant).await;
            }
        }
    });
}
