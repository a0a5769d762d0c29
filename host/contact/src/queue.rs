//! A queue and the work that waits in it.

use std::collections::{BTreeMap, BTreeSet};

use jackfield_types::{Channel, InteractionId, Timestamp};

use crate::config::QueueConfig;
use crate::effect::AskId;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The settings.
    pub config: QueueConfig,
    /// Waiting work, longest waiting first; work that is being offered included.
    pub waiting: BTreeSet<(Timestamp, InteractionId)>,
    /// Mean time that agents had a piece of work, from connection to the end of wrap-up, by channel: a moving average
    /// over about 20 of them. Not journaled.
    pub mean_handle_ms: BTreeMap<Channel, u64>,
    /// How many of them are written.
    pub(crate) written: u32,
    /// Questions under way, one per channel at most.
    pub(crate) asked: BTreeMap<Channel, AskId>,
}

impl Queue {
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self {
            config,
            waiting: BTreeSet::new(),
            mean_handle_ms: BTreeMap::new(),
            written: 0,
            asked: BTreeMap::new(),
        }
    }

    pub(crate) fn enter(&mut self, since: Timestamp, id: InteractionId, channel: Channel) {
        if self.waiting.insert((since, id)) && channel.is_written() {
            self.written += 1;
        }
    }

    pub(crate) fn leave(&mut self, since: Timestamp, id: InteractionId, channel: Channel) {
        if self.waiting.remove(&(since, id)) && channel.is_written() {
            self.written -= 1;
        }
    }

    /// Whether work of a channel may wait here.
    pub(crate) fn may_have(&self, channel: Channel) -> bool {
        if channel.is_written() {
            self.written > 0
        } else {
            self.len() > self.written
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

    pub(crate) fn learn_handle_time(&mut self, channel: Channel, handled_ms: u64) {
        let mean = self.mean_handle_ms.entry(channel).or_insert(handled_ms);
        *mean = (*mean * 19 + handled_ms) / 20;
    }

    /// Expected wait of the work at `position` (1 is next) where so many pieces can be in hand at once: they end evenly
    /// spread, so a place becomes free every mean ÷ places. `None` while nothing is known.
    pub fn expected_wait_ms(&self, channel: Channel, position: u32, places: u32) -> Option<u64> {
        let mean = self.mean_handle_ms.get(&channel)?;
        (places > 0).then(|| mean.saturating_mul(position.into()) / u64::from(places))
    }
}
