//! A queue and the work that waits in it.

use std::collections::BTreeSet;

use jackfield_types::{InteractionId, Timestamp};

use crate::config::QueueConfig;
use crate::effect::AskId;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The settings.
    pub config: QueueConfig,
    /// Waiting work, longest waiting first; work that is being offered included.
    pub waiting: BTreeSet<(Timestamp, InteractionId)>,
    /// Mean time from connection to the end of wrap-up, a moving average over about 20 calls. Not journaled.
    pub mean_handle_ms: Option<u64>,
    pub(crate) asked: Option<AskId>,
}

impl Queue {
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self {
            config,
            waiting: BTreeSet::new(),
            mean_handle_ms: None,
            asked: None,
        }
    }

    /// How many wait.
    pub fn len(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn learn_handle_time(&mut self, handled_ms: u64) {
        self.mean_handle_ms = Some(
            self.mean_handle_ms
                .map_or(handled_ms, |mean| (mean * 19 + handled_ms) / 20),
        );
    }

    /// Expected wait of the work at `position` (1 is next) with so many agents signed in: the agents' handle times
    /// end evenly spread, so one becomes free every mean ÷ agents. `None` while nothing is known.
    pub fn expected_wait_ms(&self, position: u32, signed_in: u32) -> Option<u64> {
        let mean = self.mean_handle_ms?;
        (signed_in > 0).then(|| mean.saturating_mul(position.into()) / u64::from(signed_in))
    }
}
