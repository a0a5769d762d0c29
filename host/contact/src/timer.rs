//! Timers as data: the shell asks for the next time and says when it has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_types::{AgentId, InteractionId, QueueId, Timestamp};

use crate::effect::AskId;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    OfferTimeout(InteractionId),
    MaxWait(InteractionId),
    Progress(InteractionId),
    Keypad(InteractionId),
    Flow(InteractionId, Arc<str>),
    /// A chat flow waits for the customer.
    Reply(InteractionId),
    /// A chat flow shows that it is writing.
    Typing(InteractionId),
    /// The customer of a written conversation waits for an answer.
    Unanswered(InteractionId),
    /// Nobody writes.
    Idle(InteractionId),
    WrapUp(AgentId),
    LookAgain(QueueId),
    AskDeadline(AskId),
    RetryAfterCall(InteractionId),
    RecordingDue(InteractionId),
}

/// Armed timers, one per key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timers {
    by_time: BTreeMap<(Timestamp, TimerKey), ()>,
    by_key: BTreeMap<TimerKey, Timestamp>,
}

impl Timers {
    pub(crate) fn arm(&mut self, key: TimerKey, at: Timestamp) {
        self.disarm(&key);
        self.by_time.insert((at, key.clone()), ());
        self.by_key.insert(key, at);
    }

    /// Arms a timer, unless it runs out earlier already.
    pub(crate) fn arm_at_latest(&mut self, key: TimerKey, at: Timestamp) {
        if self.by_key.get(&key).is_none_or(|armed| *armed > at) {
            self.arm(key, at);
        }
    }

    pub(crate) fn disarm(&mut self, key: &TimerKey) {
        if let Some((key, at)) = self.by_key.remove_entry(key) {
            self.by_time.remove(&(at, key));
        }
    }

    fn flow_timers(&self, interaction: InteractionId) -> impl Iterator<Item = &TimerKey> {
        let first = TimerKey::Flow(interaction, "".into());
        let own = move |key: &&TimerKey| matches!(key, TimerKey::Flow(id, _) if *id == interaction);
        self.by_key.range(first..).map(|(key, _)| key).take_while(own)
    }

    /// How many timers of a call's flow are still to run out.
    pub(crate) fn count_flow(&self, interaction: InteractionId) -> usize {
        self.flow_timers(interaction).count()
    }

    pub(crate) fn is_armed(&self, key: &TimerKey) -> bool {
        self.by_key.contains_key(key)
    }

    /// Disarms all named timers of a call's flow.
    pub(crate) fn disarm_flow(&mut self, interaction: InteractionId) {
        let keys: Vec<_> = self.flow_timers(interaction).cloned().collect();
        keys.iter().for_each(|key| self.disarm(key));
    }

    #[cfg(test)]
    pub(crate) fn due(&self, key: &TimerKey) -> Option<Timestamp> {
        self.by_key.get(key).copied()
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &TimerKey> {
        debug_assert_eq!(self.by_key.len(), self.by_time.len());
        self.by_key.keys()
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first_key_value().map(|((at, _), ())| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        let ((_, key), ()) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_timer_per_key_and_due_in_order() {
        let id = InteractionId::from_uuid(Default::default());
        let mut timers = Timers::default();
        timers.arm(TimerKey::MaxWait(id), Timestamp(50));
        timers.arm(TimerKey::Keypad(id), Timestamp(20));
        timers.arm(TimerKey::MaxWait(id), Timestamp(10));
        timers.arm(TimerKey::Flow(id, "a".into()), Timestamp(5));
        timers.disarm_flow(id);
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.pop_due(Timestamp(9)), None);
        assert_eq!(timers.pop_due(Timestamp(30)), Some(TimerKey::MaxWait(id)));
        assert_eq!(timers.pop_due(Timestamp(30)), Some(TimerKey::Keypad(id)));
        assert_eq!(timers.pop_due(Timestamp(30)), None);
    }
}
