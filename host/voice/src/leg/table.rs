use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jackfield_contact::leg::{ActionId, Cause, LegCommand};
use jackfield_types::{
    LegId, TenantId,
    limits::{MAX_ENDED_LEGS, MAX_LEG_ORDERS, MAX_LEGS},
};
use tokio::sync::{Notify, mpsc};

use crate::media::MediaEvent;

/// Media events that wait for one leg. Digits beyond [`DIGITS`] are dropped; the rest is kept for what must not be
/// lost, of which there is at most one for each order.
const MEDIA_EVENTS: usize = 2 * MAX_LEG_ORDERS;
const DIGITS: usize = MAX_LEG_ORDERS;

/// Callers may take so many times the places of their tenant that are free, so that those of other tenants find some: 9 are nine
/// tenths of all for a tenant alone.
const OF_FREE: usize = 9;

/// The legs that live, and those that did.
pub(crate) struct LegTable {
    places: usize,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    live: HashMap<LegId, Inbox>,
    by_tenant: HashMap<TenantId, usize>,
    ended: HashSet<LegId>,
    ended_in_order: VecDeque<LegId>,
    closing: bool,
}

struct Inbox {
    tenant: TenantId,
    /// `None` when there were too many: the leg sees its orders end, and ends.
    orders: Option<mpsc::Sender<(ActionId, LegCommand)>>,
    media: mpsc::Sender<MediaEvent>,
}

/// What a leg is told.
pub(super) struct Mail {
    pub(super) orders: mpsc::Receiver<(ActionId, LegCommand)>,
    pub(super) media: mpsc::Receiver<MediaEvent>,
}

/// What became of an order.
pub(super) enum Sent {
    Taken,
    /// The leg has ended, or is ending.
    Gone,
    /// There is no such leg yet.
    Unknown(LegCommand),
}

impl State {
    fn insert(&mut self, places: usize, tenant: &TenantId, leg: LegId) -> Option<Mail> {
        if self.closing || self.live.len() >= places || self.live.contains_key(&leg) {
            return None;
        }
        *self.by_tenant.entry(tenant.clone()).or_default() += 1;
        let (orders, order_receiver) = mpsc::channel(MAX_LEG_ORDERS);
        let (media, media_receiver) = mpsc::channel(MEDIA_EVENTS);
        self.live.insert(
            leg,
            Inbox {
                tenant: tenant.clone(),
                orders: Some(orders),
                media,
            },
        );
        Some(Mail {
            orders: order_receiver,
            media: media_receiver,
        })
    }
}

impl LegTable {
    /// For so many legs at once, [`MAX_LEGS`] at most.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places: places.min(MAX_LEGS),
            state: Mutex::default(),
            idle: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a place for a caller, unless its tenant has too large a part of all.
    pub(super) fn insert_caller(&self, tenant: &TenantId, leg: LegId) -> Option<Mail> {
        let mut state = self.state();
        let had = state.by_tenant.get(tenant).copied().unwrap_or(0);
        let free = self.places.saturating_sub(state.live.len());
        (had <= OF_FREE * free).then(|| state.insert(self.places, tenant, leg))?
    }

    /// Makes a place for a leg; `None` when there is none, or the leg has one.
    pub(super) fn insert(&self, tenant: &TenantId, leg: LegId) -> Option<Mail> {
        self.state().insert(self.places, tenant, leg)
    }

    pub(super) fn remove(&self, leg: LegId) {
        let mut state = self.state();
        let removed = state.live.remove(&leg);
        if let Some(inbox) = &removed
            && let Some(had) = state.by_tenant.get_mut(&inbox.tenant)
        {
            *had -= 1;
            if *had == 0 {
                state.by_tenant.remove(&inbox.tenant);
            }
        }
        if removed.is_some() && state.ended.insert(leg) {
            state.ended_in_order.push_back(leg);
            if state.ended_in_order.len() > MAX_ENDED_LEGS
                && let Some(oldest) = state.ended_in_order.pop_front()
            {
                state.ended.remove(&oldest);
            }
        }
        if state.live.is_empty() {
            self.idle.notify_waiters();
        }
    }

    pub(super) fn order(&self, tenant: &TenantId, leg: LegId, action: ActionId, command: LegCommand) -> Sent {
        let mut state = self.state();
        if let Some(inbox) = state.live.get_mut(&leg) {
            if inbox.tenant != *tenant {
                tracing::error!(%leg, %tenant, "order to another tenant's leg");
                return Sent::Gone;
            }
            return match inbox
                .orders
                .as_ref()
                .map(|orders| orders.try_send((action, command)))
            {
                Some(Ok(())) => Sent::Taken,
                Some(Err(mpsc::error::TrySendError::Full(_))) => {
                    tracing::error!(%leg, limit = MAX_LEG_ORDERS, "too many orders wait for the leg: it is ended");
                    inbox.orders = None;
                    Sent::Gone
                }
                Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Sent::Gone,
            };
        }
        if state.ended.contains(&leg) {
            Sent::Gone
        } else {
            Sent::Unknown(command)
        }
    }

    /// Hands a leg what its media report. Never blocks: called on media threads.
    pub(crate) fn media(&self, leg: LegId, event: MediaEvent) {
        let sender = self.state().live.get(&leg).map(|inbox| inbox.media.clone());
        let Some(sender) = sender else { return };
        let is_digit = matches!(event, MediaEvent::Digit(_));
        if is_digit && sender.capacity() <= MEDIA_EVENTS - DIGITS {
            tracing::warn!(%leg, "digit dropped: too many wait");
        } else if let Err(error) = sender.try_send(event) {
            tracing::error!(%leg, %error, "media event lost");
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.state().live.len()
    }

    /// Takes no more legs and hangs up those that live.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closing = true;
        for inbox in state.live.values_mut() {
            let hang_up = LegCommand::HangUp {
                cause: Cause::Overloaded,
            };
            if let Some(orders) = inbox.orders.take() {
                orders.try_send((ActionId::MAX, hang_up)).ok();
            }
        }
    }

    /// Resolves when no leg lives.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            if self.len() == 0 {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use jackfield_types::InteractionId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn callers_of_one_tenant_leave_places_for_those_of_others() {
        let table = LegTable::new(100);
        let tenant = |name: &str| TenantId::new(name).unwrap();
        let leg = |n: u128| LegId::customer(InteractionId::from_uuid(Uuid::from_u128(n)));
        let of = |name: &str, from: u128| {
            let taken =
                (from..from + 200).take_while(|n| table.insert_caller(&tenant(name), leg(*n)).is_some());
            taken.count()
        };
        assert_eq!(of("acme", 0), 91);
        assert_eq!(of("other", 1_000), 9);
        assert!(table.insert(&tenant("acme"), leg(2_000)).is_none());
        for n in 0..91 {
            table.remove(leg(n));
        }
        assert_eq!(of("acme", 3_000), 82, "what was given back can be taken again");
    }
}
