use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Upper bounds of the classes of [`Stats::lateness`], in milliseconds; the last class has none.
pub const LATENESS_MS: [u64; 7] = [1, 2, 5, 10, 20, 40, u64::MAX];

/// Figures of an engine since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Legs open now.
    pub legs: usize,
    /// Packets received, also those dropped.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Packets dropped: malformed, from a stranger, or of an unknown kind.
    pub packets_dropped: u64,
    /// Ticks of interactions by how late they were: see [`LATENESS_MS`].
    pub lateness: [u64; LATENESS_MS.len()],
    /// The latest tick since the last look, in microseconds.
    pub latest_us: u64,
}

/// What one worker counts; read by others at any time.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) legs: AtomicUsize,
    pub(crate) packets_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
    pub(crate) packets_dropped: AtomicU64,
    lateness: [AtomicU64; LATENESS_MS.len()],
    latest_us: AtomicU64,
}

impl Counters {
    pub(crate) fn late(&self, us: u64) {
        let class = LATENESS_MS
            .iter()
            .position(|ms| us / 1_000 < *ms)
            .unwrap_or(LATENESS_MS.len() - 1);
        self.lateness[class].fetch_add(1, Ordering::Relaxed);
        self.latest_us.fetch_max(us, Ordering::Relaxed);
    }

    /// Adds this worker's figures to those of others.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.legs += self.legs.load(Ordering::Relaxed);
        stats.packets_in += self.packets_in.load(Ordering::Relaxed);
        stats.packets_out += self.packets_out.load(Ordering::Relaxed);
        stats.packets_dropped += self.packets_dropped.load(Ordering::Relaxed);
        for (sum, class) in stats.lateness.iter_mut().zip(&self.lateness) {
            *sum += class.load(Ordering::Relaxed);
        }
        stats.latest_us = stats.latest_us.max(self.latest_us.swap(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_counted_by_class() {
        let (counters, mut stats) = (Counters::default(), Stats::default());
        for us in [0, 999, 1_000, 39_999, 40_000, 90_000_000] {
            counters.late(us);
        }
        counters.add_to(&mut stats);
        assert_eq!(stats.lateness, [2, 1, 0, 0, 0, 1, 2]);
        assert_eq!(stats.latest_us, 90_000_000);
    }
}
