use std::sync::{Arc, atomic::Ordering};

use jackfield_contact::leg::{ActionId, Cause, LegEvent};
use jackfield_types::{AgentId, LegId, TenantId};
use tokio::time::Instant;

use super::{Leg, new_origin, report, supervise};
use crate::{
    media::{Direction, sdp},
    sip::Outgoing,
    voice::{Shared, now},
};

/// Calls an agent's phone.
pub(super) fn dial(
    shared: &Arc<Shared>,
    tenant: &TenantId,
    id: LegId,
    action: ActionId,
    agent: AgentId,
    caller: Arc<str>,
) {
    if let Err(cause) = try_dial(shared, tenant, id, action, &agent, &caller) {
        tracing::debug!(leg = %id, %tenant, %agent, ?cause, "phone not called");
        let (shared, tenant) = (shared.clone(), tenant.clone());
        tokio::spawn(async move {
            report(
                &shared,
                &tenant,
                id,
                LegEvent::Ended {
                    cause,
                    sip_status: None,
                },
            )
            .await;
        });
    }
}

fn try_dial(
    shared: &Arc<Shared>,
    tenant: &TenantId,
    id: LegId,
    action: ActionId,
    agent: &AgentId,
    caller: &str,
) -> Result<(), Cause> {
    let mail = shared.legs.insert(tenant, id).ok_or(Cause::Overloaded)?;
    let give_back = |cause| {
        shared.legs.remove(id);
        cause
    };
    let phone = shared
        .registrar
        .phone(tenant, agent, now())
        .ok_or_else(|| give_back(Cause::Unreachable))?;
    let media = shared.engine.open(id).map_err(|error| {
        tracing::warn!(leg = %id, %error, "phone not called");
        give_back(Cause::Overloaded)
    })?;
    let local = (media.addr, new_origin());
    let outgoing = Outgoing {
        uri: phone.contact,
        destination: phone.source,
        transport: phone.transport,
        from_user: caller.to_owned(),
        from_name: None,
        sdp: sdp::offer(local.0, local.1, Direction::SendRecv),
        credential: None,
    };
    let call = shared.endpoint.invite(outgoing).map_err(|error| {
        tracing::warn!(leg = %id, %error, "phone not called");
        shared.engine.close(id);
        give_back(Cause::Unreachable)
    })?;
    shared.counters.calls_out.fetch_add(1, Ordering::Relaxed);
    let mut leg = Leg::new(shared, tenant.clone(), id, call, mail, local);
    leg.done.insert(action);
    leg.ring_until = Some(Instant::now() + shared.options.max_ring);
    supervise(leg);
    Ok(())
}
