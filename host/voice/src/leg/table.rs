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

/// The legs that live, and those that did.
#[derive(Default)]
pub(crate) struct LegTable {
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    live: HashMap<LegId, Inbox>,
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
    /// The leg has ended.
    Gone,
    /// There is no such leg yet.
    Unknown(LegCommand),
}

impl LegTable {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a place for a leg; `None` when there is none, or the leg has one.
    pub(super) fn insert(&self, tenant: &TenantId, leg: LegId) -> Option<Mail> {
        let mut state = self.state();
        if state.closing || state.live.len() >= MAX_LEGS || state.live.contains_key(&leg) {
            return None;
        }
        let (orders, order_receiver) = mpsc::channel(MAX_LEG_ORDERS);
        let (media, media_receiver) = mpsc::channel(MEDIA_EVENTS);
        state.live.insert(
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

    pub(super) fn remove(&self, leg: LegId) {
        let mut state = self.state();
        if state.live.remove(&leg).is_some() && state.ended.insert(leg) {
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
            if let Some(Err(mpsc::error::TrySendError::Full(_))) = inbox
                .orders
                .as_ref()
                .map(|orders| orders.try_send((action, command)))
            {
                tracing::error!(%leg, limit = MAX_LEG_ORDERS, "too many orders wait for the leg: it is ended");
                inbox.orders = None;
            }
            return Sent::Taken;
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
