//! Who decides next: fair turns among tenants, so that a tenant that floods delays itself.
//!
//! There are as many turns at once as keep the processors busy. Who finds none waits; the turns that become free go to
//! the tenants that wait in proportion to their weights, whatever the length of their queues: each turn moves its tenant
//! on by a step that is the shorter the larger the weight, and who has come least far is next (stride scheduling). One
//! that begins to wait begins where the others are, so nobody saves turns up and nobody is left out. Decisions that a customer waits
//! for (routing, flows, outbound rules) have turns of their own, apart from those after the call (tags, scorecards),
//! which may take a second each.
//!
//! What nobody waits for, replays and whole-base runs of tags, decides among those that a customer waits for, a thousandth of
//! a second at a time, by a thirty-second of its tenant's weight, and never with more than half of the turns. So it uses what
//! is idle, and delays nobody.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU8;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_types::{PluginKind, TenantId};
use tokio::sync::oneshot;

/// Turns at once for each processor, in the lane of the customers who wait.
const TURNS_PER_PROCESSOR: usize = 2;
/// Decisions of one tenant that may wait in one lane; more fail as `overloaded`.
const MAX_WAITING: usize = 1_000;

/// How far a turn moves a tenant of weight 1. So large that weights divide it well, and so small that it takes longer than
/// any process lives to come to the end.
const STEP: u64 = 1 << 20;
/// How much further a turn moves a tenant for what nobody waits for.
const IDLE_STEPS: u64 = 32;

/// The turns of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission {
    waited_for: Arc<Lane>,
    after_call: Arc<Lane>,
}

struct Lane(Mutex<State>);

#[derive(Default)]
struct State {
    free: usize,
    /// Turns that what nobody waits for may have at once, and those that it has.
    most_idle: usize,
    idle: usize,
    waiting: BTreeMap<Who, VecDeque<oneshot::Sender<Turn>>>,
    /// Tenants with somebody waiting, by how far they have come and, among equals, since when; the next one first.
    order: BTreeMap<(u64, u64), Who>,
    /// How far the tenant that had the last turn had come.
    reached: u64,
    /// Places in `order` that were given so far.
    placed: u64,
    /// Weights that are not 1.
    weights: BTreeMap<TenantId, NonZeroU8>,
}

/// Who waits: a tenant for what is live, or for what nobody waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    tenant: TenantId,
    idle: bool,
}

/// A turn to decide; goes to the next who waits when it is dropped.
pub(crate) struct Turn {
    lane: Option<Arc<Lane>>,
    idle: bool,
}

impl Turn {
    fn new(lane: Arc<Lane>, idle: bool) -> Self {
        Self {
            lane: Some(lane),
            idle,
        }
    }
}

impl Admission {
    pub(crate) fn new(processors: usize) -> Self {
        let lane = |free| {
            Arc::new(Lane(Mutex::new(State {
                free,
                most_idle: (free / 2).max(1),
                ..State::default()
            })))
        };
        Self {
            waited_for: lane(processors.max(1) * TURNS_PER_PROCESSOR),
            after_call: lane(processors.div_ceil(2).max(1)),
        }
    }

    /// Sets how many turns a tenant has for each one of a tenant of weight 1, when both wait; from its next turn on.
    pub(crate) fn set_weight(&self, tenant: &TenantId, weight: NonZeroU8) {
        for lane in [&self.waited_for, &self.after_call] {
            let mut state = lane.state();
            if weight == NonZeroU8::MIN {
                state.weights.remove(tenant);
            } else {
                state.weights.insert(tenant.clone(), weight);
            }
        }
    }

    /// Waits for a turn; `None` when too many of the tenant's decisions wait already.
    pub(crate) async fn turn(&self, tenant: &TenantId, kind: PluginKind) -> Option<Turn> {
        let lane = match kind {
            PluginKind::TagGenerator | PluginKind::QaScorecard => &self.after_call,
            _ => &self.waited_for,
        };
        let who = Who {
            tenant: tenant.clone(),
            idle: false,
        };
        wait(lane, who).await
    }

    /// Waits for a turn of what nobody waits for, which is to be given back within about a millisecond; `None` when too many of the
    /// tenant wait already.
    pub(crate) async fn idle_turn(&self, tenant: &TenantId) -> Option<Turn> {
        let who = Who {
            tenant: tenant.clone(),
            idle: true,
        };
        wait(&self.waited_for, who).await
    }
}

async fn wait(lane: &Arc<Lane>, who: Who) -> Option<Turn> {
    let mine = {
        let mut state = lane.state();
        if state.free > 0 && state.may_have(&who) {
            state.free -= 1;
            state.idle += usize::from(who.idle);
            return Some(Turn::new(lane.clone(), who.idle));
        }
        let queue = state.waiting.entry(who.clone()).or_default();
        if queue.len() >= MAX_WAITING {
            return None;
        }
        let (sender, mine) = oneshot::channel();
        queue.push_back(sender);
        if queue.len() == 1 {
            let from = state.reached;
            state.place(who, from);
        }
        mine
    };
    // The lane outlives whoever waits.
    mine.await.ok()
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        let next = {
            let mut state = lane.state();
            state.idle -= usize::from(self.idle);
            let next = state.next();
            match &next {
                Some((who, _)) => state.idle += usize::from(who.idle),
                None => state.free += 1,
            }
            next
        };
        if let Some((who, next)) = next {
            // Whoever does not want it any more drops it, and so passes it on.
            let _ = next.send(Turn::new(lane, who.idle));
        }
    }
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is room for one more that nobody waits for, when it is one.
    const fn may_have(&self, who: &Who) -> bool {
        !who.idle || self.idle < self.most_idle
    }

    /// Puts a tenant a step of its own behind `from`.
    fn place(&mut self, who: Who, from: u64) {
        let weight = self
            .weights
            .get(&who.tenant)
            .map_or(1, |weight| u64::from(weight.get()));
        let step = STEP / weight * if who.idle { IDLE_STEPS } else { 1 };
        self.placed += 1;
        self.order.insert((from.saturating_add(step), self.placed), who);
    }

    fn next(&mut self) -> Option<(Who, oneshot::Sender<Turn>)> {
        loop {
            let may_have = |(_, who): &(&(u64, u64), &Who)| self.may_have(who);
            let place = *self.order.iter().find(may_have)?.0;
            let who = self.order.remove(&place)?;
            // One that nobody waits for and that was passed over has saved nothing up.
            let reached = place.0.max(self.reached);
            let Some(queue) = self.waiting.get_mut(&who) else {
                continue;
            };
            let next = loop {
                match queue.pop_front() {
                    Some(sender) if sender.is_closed() => {}
                    found => break found,
                }
            };
            if queue.is_empty() {
                self.waiting.remove(&who);
            } else {
                self.place(who.clone(), reached);
            }
            if let Some(next) = next {
                self.reached = reached;
                return Some((who, next));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).unwrap()
    }

    fn live(id: &str) -> Who {
        Who {
            tenant: tenant(id),
            idle: false,
        }
    }

    async fn waiting(
        admission: &Admission,
        id: &str,
        n: usize,
    ) -> tokio::sync::mpsc::UnboundedReceiver<Turn> {
        let (sender, got) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..n {
            let (admission, id, sender) = (admission.clone(), tenant(id), sender.clone());
            tokio::spawn(async move {
                if let Some(turn) = admission.turn(&id, PluginKind::RoutingStrategy).await {
                    let _ = sender.send(turn);
                }
            });
        }
        while admission
            .waited_for
            .0
            .lock()
            .unwrap()
            .waiting
            .get(&live(id))
            .map(VecDeque::len)
            != Some(n)
        {
            tokio::task::yield_now().await;
        }
        got
    }

    #[tokio::test]
    async fn a_tenant_that_floods_does_not_delay_another() {
        let admission = Admission::new(1);
        let kind = PluginKind::RoutingStrategy;
        let held = [
            admission.turn(&tenant("flood"), kind).await.unwrap(),
            admission.turn(&tenant("flood"), kind).await.unwrap(),
        ];
        let mut flood = waiting(&admission, "flood", 500).await;
        let mut calm = waiting(&admission, "calm", 1).await;
        drop(held);
        assert!(flood.recv().await.is_some());
        // The second turn that became free is already the other tenant's.
        assert!(
            tokio::time::timeout(Duration::from_secs(5), calm.recv())
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn who_gave_up_waiting_is_passed_over() {
        let admission = Admission::new(1);
        let kind = PluginKind::OutboundRule;
        let held = admission.turn(&tenant("one"), kind).await;
        let also = admission.turn(&tenant("one"), kind).await;
        {
            let (one, none) = (tenant("one"), std::future::ready(()));
            let gives_up = admission.turn(&one, kind);
            tokio::select! { biased; _ = gives_up => panic!("there is no turn"), () = none => {} }
        }
        drop((held, also));
        let state = |admission: &Admission| admission.waited_for.0.lock().unwrap().free;
        assert_eq!(state(&admission), 2);
    }

    #[tokio::test]
    async fn after_the_call_has_turns_of_its_own_and_too_many_are_refused() {
        let admission = Admission::new(1);
        let held = admission.turn(&tenant("one"), PluginKind::QaScorecard).await;
        assert!(held.is_some());
        assert!(
            admission
                .turn(&tenant("one"), PluginKind::VoiceFlow)
                .await
                .is_some()
        );
        let more: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let admission = admission.clone();
                tokio::spawn(async move { admission.turn(&tenant("one"), PluginKind::TagGenerator).await })
            })
            .collect();
        loop {
            let waiting = admission
                .after_call
                .0
                .lock()
                .unwrap()
                .waiting
                .get(&live("one"))
                .map(VecDeque::len);
            if waiting == Some(MAX_WAITING) {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(
            admission
                .turn(&tenant("one"), PluginKind::TagGenerator)
                .await
                .is_none()
        );
        more.iter().for_each(tokio::task::JoinHandle::abort);
    }

    /// Who has the next turns, while these tenants have so many decisions waiting.
    async fn order(admission: &Admission, waiting_for: &[(&str, usize)], turns: usize) -> Vec<String> {
        let held = [
            admission
                .turn(&tenant("holder"), PluginKind::RoutingStrategy)
                .await,
            admission
                .turn(&tenant("holder"), PluginKind::RoutingStrategy)
                .await,
        ];
        let (sender, mut got) = tokio::sync::mpsc::unbounded_channel();
        for (id, n) in waiting_for {
            let mut mine = waiting(admission, id, *n).await;
            let (id, sender) = ((*id).to_owned(), sender.clone());
            tokio::spawn(async move {
                while let Some(turn) = mine.recv().await {
                    let _ = sender.send((id.clone(), turn));
                }
            });
        }
        let [one, other] = held;
        // One turn at a time goes round.
        std::mem::forget(other);
        drop(one);
        let mut order = Vec::new();
        while order.len() < turns {
            let next = tokio::time::timeout(Duration::from_secs(5), got.recv());
            let (id, turn) = next.await.unwrap().unwrap();
            order.push(id);
            drop(turn);
        }
        order
    }

    fn share(order: &[String], id: &str) -> usize {
        order.iter().filter(|had| *had == id).count()
    }

    #[tokio::test]
    async fn weight_three_has_three_of_four_turns_and_nobody_waits_long() {
        let admission = Admission::new(1);
        admission.set_weight(&tenant("heavy"), NonZeroU8::new(3).unwrap());
        let order = order(&admission, &[("light", 300), ("heavy", 300)], 200).await;
        assert_eq!(share(&order, "heavy"), 150);
        for four in order.chunks(4) {
            assert_eq!(share(four, "light"), 1, "{four:?}");
        }
    }

    #[tokio::test]
    async fn turns_go_by_weight_among_many_and_the_lightest_is_not_left_out() {
        let admission = Admission::new(1);
        admission.set_weight(&tenant("hundred"), NonZeroU8::new(100).unwrap());
        admission.set_weight(&tenant("ten"), NonZeroU8::new(10).unwrap());
        let flood = [("one", 50), ("ten", 200), ("hundred", 900)];
        let order = order(&admission, &flood, 888).await;
        assert_eq!(
            ["one", "ten", "hundred"].map(|id| share(&order, id)),
            [8, 80, 800]
        );
        for window in order.chunks(111) {
            assert!(share(window, "one") == 1, "once in 111 turns");
        }
    }

    #[tokio::test]
    async fn who_has_not_waited_has_nothing_saved_up_and_a_weight_can_be_taken_back() {
        let admission = Admission::new(1);
        for weight in [5, 1] {
            admission.set_weight(&tenant("late"), NonZeroU8::new(weight).unwrap());
        }
        assert!(admission.waited_for.state().weights.is_empty());
        let alone = order(&admission, &[("early", 100)], 100).await;
        assert_eq!(share(&alone, "early"), 100);
        // The turn that `order` keeps.
        admission.waited_for.state().free = TURNS_PER_PROCESSOR;
        let both = order(&admission, &[("early", 100), ("late", 100)], 100).await;
        assert_eq!((share(&both, "early"), share(&both, "late")), (50, 50));
    }

    /// Replays of many tenants, without end, each giving its turn back at once.
    fn replaying(admission: &Admission, tenants: usize) -> Vec<tokio::task::JoinHandle<()>> {
        (0..tenants)
            .map(|n| {
                let (admission, id) = (admission.clone(), tenant(&format!("r{n}")));
                tokio::spawn(async move {
                    while let Some(turn) = admission.idle_turn(&id).await {
                        tokio::task::yield_now().await;
                        drop(turn);
                    }
                })
            })
            .collect()
    }

    #[tokio::test]
    async fn replays_leave_half_of_the_turns_and_find_their_own_when_nobody_waits() {
        let admission = Admission::new(2);
        let one = [
            admission.idle_turn(&tenant("one")).await.unwrap(),
            admission.idle_turn(&tenant("other")).await.unwrap(),
        ];
        let id = tenant("third");
        let mut third = Box::pin(admission.idle_turn(&id));
        tokio::select! { biased; _ = &mut third => panic!("more than half"), () = std::future::ready(()) => {} }
        // Live ones do not wait: of the tenant that replays, and of another.
        let kind = PluginKind::RoutingStrategy;
        let live = [
            admission.turn(&tenant("one"), kind).await.unwrap(),
            admission.turn(&tenant("calm"), kind).await.unwrap(),
        ];
        // What becomes free of the live ones is not a replay's, and the other way round it is.
        drop(live);
        tokio::select! { biased; _ = &mut third => panic!("more than half"), () = std::future::ready(()) => {} }
        drop(one);
        assert!(third.await.is_some());
        assert_eq!(admission.waited_for.state().free, 4);
        assert_eq!(admission.waited_for.state().idle, 0);
    }

    #[tokio::test]
    async fn a_flood_of_replays_and_live_decisions_shares_by_weight() {
        let admission = Admission::new(1);
        let replays = replaying(&admission, 3);
        let order = order(&admission, &[("live", 320)], 320).await;
        assert_eq!(share(&order, "live"), 320);
        replays.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
