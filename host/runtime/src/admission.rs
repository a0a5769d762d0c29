//! Who decides next: fair turns among tenants, so that a tenant that floods delays itself.
//!
//! There are as many turns at once as keep the processors busy. Who finds none waits; a turn that becomes free goes to
//! the tenants that wait one after the other, whatever the length of their queues. Decisions that a customer waits
//! for (routing, flows, outbound rules) have turns of their own, apart from those after the call (tags, scorecards),
//! which may take a second each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_types::{PluginKind, TenantId};
use tokio::sync::oneshot;

/// Turns at once for each processor, in the lane of the customers who wait.
const TURNS_PER_PROCESSOR: usize = 2;
/// Decisions of one tenant that may wait in one lane; more fail as `overloaded`.
const MAX_WAITING: usize = 1_000;

/// The turns of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission {
    waited_for: Arc<Lane>,
    after_call: Arc<Lane>,
}

struct Lane(Mutex<State>);

struct State {
    free: usize,
    waiting: BTreeMap<TenantId, VecDeque<oneshot::Sender<Turn>>>,
    /// Tenants with somebody waiting, the next one first.
    order: VecDeque<TenantId>,
}

/// A turn to decide; goes to the next who waits when it is dropped.
pub(crate) struct Turn(Option<Arc<Lane>>);

impl Admission {
    pub(crate) fn new(processors: usize) -> Self {
        let lane = |free| {
            Arc::new(Lane(Mutex::new(State {
                free,
                waiting: BTreeMap::new(),
                order: VecDeque::new(),
            })))
        };
        Self {
            waited_for: lane(processors.max(1) * TURNS_PER_PROCESSOR),
            after_call: lane(processors.div_ceil(2).max(1)),
        }
    }

    /// Waits for a turn; `None` when too many of the tenant's decisions wait already.
    pub(crate) async fn turn(&self, tenant: &TenantId, kind: PluginKind) -> Option<Turn> {
        let lane = match kind {
            PluginKind::TagGenerator | PluginKind::QaScorecard => &self.after_call,
            _ => &self.waited_for,
        };
        let mine = {
            let mut state = lane.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn(Some(lane.clone())));
            }
            let queue = state.waiting.entry(tenant.clone()).or_default();
            if queue.len() >= MAX_WAITING {
                return None;
            }
            let (sender, mine) = oneshot::channel();
            queue.push_back(sender);
            if queue.len() == 1 {
                state.order.push_back(tenant.clone());
            }
            mine
        };
        // The lane outlives whoever waits.
        mine.await.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(lane) = self.0.take() else { return };
        let next = {
            let mut state = lane.0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = state.next();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(next) = next {
            // Whoever does not want it any more drops it, and so passes it on.
            let _ = next.send(Turn(Some(lane)));
        }
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(tenant) = self.order.pop_front() {
            let Some(queue) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            let next = loop {
                match queue.pop_front() {
                    Some(sender) if sender.is_closed() => {}
                    found => break found,
                }
            };
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.order.push_back(tenant);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).unwrap()
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
            .get(&tenant(id))
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
                .get(&tenant("one"))
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
}
