//! Waiting in a queue: entering, progress, the longest wait, overflow, leaving.

use jackfield_types::{InteractionId, QueueId};

use super::Step;
use crate::decision::{ChatEvent, Enqueue, FlowEvent, Need, QueueExit, QueueProgress};
use crate::event::{Event, LeftReason};
use crate::interaction::Stage;
use crate::leg::Prompt;
use crate::timer::TimerKey;

/// So often work may overflow on between two agents; then it goes back to its flow, so that queues that point at
/// each other lose nobody.
const MAX_OVERFLOW_HOPS: u8 = 5;

impl Step<'_> {
    /// The flow wants the caller in a queue.
    pub(super) fn enqueue(&mut self, id: InteractionId, wanted: &Enqueue, prompts: Vec<Prompt>) {
        let Some(it) = self.live(id) else { return };
        if matches!(it.stage, Stage::Offered { .. }) {
            return;
        }
        let found = QueueId::new(&wanted.queue)
            .ok()
            .filter(|queue| self.centre.queues.contains_key(queue));
        let Some(queue) = found else {
            return self.queue_gave_back_from(id, QueueExit::UnknownQueue);
        };
        let Some(queue) = self.with_room(queue) else {
            return self.queue_gave_back_from(id, QueueExit::Full);
        };
        self.abort_input(id);
        self.leave_queue(id, LeftReason::Flow);
        self.place_in_queue(id, queue, wanted.needs.clone(), wanted.priority);
        self.play_waiting(id, prompts);
    }

    fn queue_gave_back_from(&mut self, id: InteractionId, exit: QueueExit) {
        if self.live(id).is_some_and(|it| it.stage == Stage::Flow) {
            self.queue_gave_back(id, exit);
        } else {
            self.tell_flow(id, FlowEvent::QueueLeft(exit));
        }
    }

    /// The queue itself, or the first one down its overflows that has room.
    fn with_room(&self, mut queue: QueueId) -> Option<QueueId> {
        for _ in 0..=MAX_OVERFLOW_HOPS {
            let entry = self.centre.queues.get(&queue)?;
            if entry.len() < entry.config.max_waiting {
                return Some(queue);
            }
            queue = entry.config.overflow.clone()?;
        }
        None
    }

    /// The fail policy's place: the default queue of the number or chat entry, even when it is full.
    pub(super) fn enqueue_default(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let number = it
            .number
            .as_ref()
            .and_then(|number| self.centre.numbers.get(number));
        let of_number = number.map(|number| number.default_queue.clone());
        let configured = of_number.or_else(|| self.entry_of(it).map(|entry| entry.default_queue.clone()));
        let queue = configured.or_else(|| self.centre.queues.keys().next().cloned());
        match queue {
            Some(queue) => {
                self.place_in_queue(id, queue, Vec::new(), 0);
                self.play_waiting(id, Vec::new());
            }
            // The number and every queue were removed during the call.
            None => self.finish(id, crate::event::EndedBy::System, crate::leg::Cause::Normal),
        }
    }

    pub(super) fn place_in_queue(
        &mut self,
        id: InteractionId,
        queue: QueueId,
        needs: Vec<Need>,
        priority: i32,
    ) {
        let Some(entry) = self.centre.queues.get(&queue) else {
            return;
        };
        let (max_wait_ms, progress_ms) = (entry.config.max_wait_ms, entry.config.progress_every_ms);
        self.disarm(&TimerKey::Reply(id));
        self.arm(TimerKey::MaxWait(id), max_wait_ms);
        self.arm(TimerKey::Progress(id), progress_ms);
        self.centre.dirty.insert(queue.clone());
        let now = self.now;
        if let Some(until) = self.live(id).and_then(|it| it.passed_over_until(now)) {
            self.look_again(queue.clone(), until.since(now));
        }
        self.record(Event::Queued {
            interaction: id,
            queue,
            needs,
            priority,
        });
        self.arm_unanswered(id);
    }

    pub(super) fn leave_queue(&mut self, id: InteractionId, reason: LeftReason) {
        let Some(queue) = self
            .live(id)
            .and_then(|it| it.work())
            .map(|work| work.queue.clone())
        else {
            return;
        };
        self.disarm(&TimerKey::MaxWait(id));
        self.disarm(&TimerKey::Progress(id));
        self.record(Event::LeftQueue {
            interaction: id,
            queue,
            reason,
        });
    }

    pub(super) fn tell_progress(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let Some(work) = it.work() else { return };
        let Some(queue) = self.centre.queues.get(&work.queue) else {
            return;
        };
        let ahead = queue.waiting.range(..&(work.since, id)).count();
        let position = ahead as u32 + 1;
        let progress = QueueProgress {
            queue: work.queue.clone(),
            position,
            waited_ms: self.now.since(work.since),
            expected_wait_ms: self.centre.expected_wait_ms(queue, it.channel, position),
        };
        let ringing = matches!(it.stage, Stage::Offered { .. });
        let written = it.chat.is_some();
        let again_ms = queue.config.progress_every_ms;
        self.arm(TimerKey::Progress(id), again_ms);
        if ringing {
            return;
        }
        if written {
            self.tell_chat(id, ChatEvent::QueueProgress(progress));
        } else {
            self.tell_flow(id, FlowEvent::QueueProgress(progress));
        }
    }

    pub(super) fn waited_too_long(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        if matches!(it.stage, Stage::Offered { .. }) {
            // A phone is ringing for this customer: let the offer come to its end first.
            return self.arm(TimerKey::MaxWait(id), 1_000);
        }
        if it.work().is_some() && !self.overflow(id) {
            self.leave_queue(id, LeftReason::MaxWait);
            self.queue_gave_back(id, QueueExit::MaxWait);
        }
    }

    /// Moves work to its queue's overflow queue. False when there is none with room.
    pub(super) fn overflow(&mut self, id: InteractionId) -> bool {
        let Some(it) = self.live(id) else { return false };
        let Stage::Queued(work) = it.stage.clone() else {
            return false;
        };
        if it.live.overflow_hops >= MAX_OVERFLOW_HOPS {
            return false;
        }
        let target = self
            .centre
            .queues
            .get(&work.queue)
            .and_then(|queue| queue.config.overflow.clone());
        let target = target.and_then(|queue| self.with_room(queue));
        let Some(target) = target.filter(|queue| *queue != work.queue) else {
            return false;
        };
        if let Some(it) = self.live(id) {
            it.live.overflow_hops += 1;
        }
        self.leave_queue(id, LeftReason::Overflow(target.clone()));
        self.place_in_queue(id, target, work.needs, work.priority);
        true
    }
}
