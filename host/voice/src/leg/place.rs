use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use jackfield_contact::leg::{ActionId, Cause, LegEvent};
use jackfield_types::{AgentId, LegId, TenantId};
use tokio::time::Instant;

use super::{Leg, new_origin, report, supervise};
use crate::{
    media::{Direction, sdp},
    sip::Outgoing,
    softphone::Transport,
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
    let placed = to_phone(shared, tenant, &agent, &caller);
    tell(
        shared,
        tenant,
        id,
        placed.and_then(|to| place(shared, tenant, id, action, to)),
    );
}

/// Calls a number through the trunk.
pub(super) fn dial_number(
    shared: &Arc<Shared>,
    tenant: &TenantId,
    id: LegId,
    action: ActionId,
    number: &str,
    caller: &str,
) {
    let placed = through_trunk(shared, number, caller);
    tell(
        shared,
        tenant,
        id,
        placed.and_then(|to| place(shared, tenant, id, action, to)),
    );
}

/// Where a call goes, and what stands in From.
struct To {
    uri: String,
    destination: SocketAddr,
    transport: Transport,
    caller: String,
}

fn to_phone(shared: &Shared, tenant: &TenantId, agent: &AgentId, caller: &str) -> Result<To, Cause> {
    let phone = shared.registrar.phone(tenant, agent, now());
    let phone = phone.ok_or(Cause::Unreachable)?;
    Ok(To {
        uri: phone.contact,
        destination: phone.source,
        transport: phone.transport,
        caller: caller.to_owned(),
    })
}

fn through_trunk(shared: &Shared, number: &str, caller: &str) -> Result<To, Cause> {
    let trunk = shared.options.trunk.ok_or(Cause::Unreachable)?;
    Ok(To {
        uri: format!("sip:{number}@{}", trunk.addr),
        destination: trunk.addr,
        transport: trunk.transport,
        caller: caller.to_owned(),
    })
}

/// Reports the end of a leg that was not called.
fn tell(shared: &Arc<Shared>, tenant: &TenantId, id: LegId, placed: Result<(), Cause>) {
    let Err(cause) = placed else { return };
    tracing::debug!(leg = %id, %tenant, ?cause, "not called");
    let (shared, tenant) = (shared.clone(), tenant.clone());
    tokio::spawn(async move {
        let sip_status = None;
        report(&shared, &tenant, id, LegEvent::Ended { cause, sip_status }).await;
    });
}

fn place(shared: &Arc<Shared>, tenant: &TenantId, id: LegId, action: ActionId, to: To) -> Result<(), Cause> {
    let mail = shared.legs.insert(tenant, id).ok_or(Cause::Overloaded)?;
    let give_back = |cause| {
        shared.legs.remove(id);
        cause
    };
    let media = shared.engine.open(id).map_err(|error| {
        tracing::warn!(leg = %id, %error, "not called");
        give_back(Cause::Overloaded)
    })?;
    let local = (media.addr, new_origin());
    let outgoing = Outgoing {
        uri: to.uri,
        destination: to.destination,
        transport: to.transport,
        from_user: to.caller,
        from_name: None,
        sdp: sdp::offer(local.0, local.1, Direction::SendRecv),
        credential: None,
    };
    let call = shared.endpoint.invite(outgoing).map_err(|error| {
        tracing::warn!(leg = %id, %error, "not called");
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
