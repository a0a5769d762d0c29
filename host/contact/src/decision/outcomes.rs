use std::sync::Arc;

use jackfield_types::{AgentId, QueueId, limits::MAX_OUTCOMES};
use serde::{Deserialize, Serialize};

/// What an interaction is about: its attribute `call-type`, or else the queue that it waits or last waited in; empty when
/// there is neither.
pub fn call_type(attributes: &[(Arc<str>, Arc<str>)], queue: Option<&QueueId>) -> Arc<str> {
    let named = attributes.iter().find(|(key, _)| &**key == "call-type");
    match named {
        Some((_, call_type)) => call_type.clone(),
        None => queue.map_or("", QueueId::as_str).into(),
    }
}

/// How one agent's conversations about one thing went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOutcomes {
    /// The agent.
    pub agent: AgentId,
    /// What they were about, see [`call_type`].
    pub reason: Arc<str>,
    /// Survey answers.
    #[serde(default)]
    pub survey: Tally,
    /// Evaluations by a scorecard.
    #[serde(default)]
    pub evaluation: Tally,
}

/// Outcomes, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many, at most 256.
    pub count: u32,
    /// Their points together, 0 to 100 each.
    pub total: u32,
}

impl Tally {
    /// One more, of at most 100 points. At the most that are counted old ones fade: both numbers are halved.
    pub fn add(&mut self, points: u8) {
        self.count += 1;
        self.total += u32::from(points.min(100));
        if self.count >= MAX_OUTCOMES {
            self.count /= 2;
            self.total /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_outcomes_fade_and_the_mean_stays() {
        let mut tally = Tally::default();
        for _ in 0..MAX_OUTCOMES - 1 {
            tally.add(80);
        }
        assert_eq!((tally.count, tally.total), (255, 20_400));
        tally.add(80);
        assert_eq!((tally.count, tally.total), (128, 10_240));
        for _ in 0..10_000 {
            tally.add(20);
        }
        assert!(tally.count < MAX_OUTCOMES);
        assert_eq!(tally.total / tally.count, 20);
    }

    #[test]
    fn a_conversation_is_about_its_call_type_or_else_its_queue() {
        let queue = QueueId::new("support").unwrap();
        let attributes = [("call-type".into(), "refund".into())];
        assert_eq!(&*call_type(&attributes, Some(&queue)), "refund");
        assert_eq!(&*call_type(&[], Some(&queue)), "support");
        assert_eq!(&*call_type(&[], None), "");
    }
}
