use std::collections::VecDeque;

use jackfield_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::observed::Observed;

/// Time slices of a window.
pub const SLICES: u64 = 30;

/// A slice of a window, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// Its number, counted from the epoch in slices of this length.
    pub number: u64,
    /// What was seen in it.
    pub seen: Observed,
}

/// What was observed of late. Time is cut into slices of a thirtieth of the window; what is older than 30 of them is
/// forgotten as a whole. So what is seen reaches back 29 to 30 thirtieths of the window.
///
/// When the clock steps back, the newest slice takes what comes until time has caught up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    slice_ms: u64,
    /// The number of the newest slice, counted from the epoch.
    newest: u64,
    current: Observed,
    /// Earlier slices in which something was seen, oldest first; at most 29.
    past: VecDeque<(u64, Observed)>,
    /// The oldest slice that may have changed since it was kept.
    #[serde(default)]
    kept_before: u64,
}

impl Window {
    /// An empty window that reaches back so many milliseconds.
    pub fn new(window_ms: u64) -> Self {
        Self {
            slice_ms: (window_ms / SLICES).max(1),
            newest: 0,
            current: Observed::default(),
            past: VecDeque::new(),
            kept_before: 0,
        }
    }

    /// A window out of slices that were kept, in any order. A slice of another length is none.
    pub fn of_slices(window_ms: u64, slices: impl IntoIterator<Item = Slice>) -> Self {
        let mut window = Self::new(window_ms);
        let mut slices: Vec<_> = slices
            .into_iter()
            .filter(|slice| slice.length_ms == window.slice_ms)
            .collect();
        slices.sort_by_key(|slice| slice.number);
        for slice in slices {
            window.at(Timestamp(slice.number.saturating_mul(window.slice_ms)));
            window.current.merge(&slice.seen);
        }
        window.kept_before = window.newest;
        window
    }

    /// The slices that may have changed since [`Window::kept`], oldest first.
    pub fn changed(&self) -> impl Iterator<Item = Slice> {
        let past = self.past.iter().map(|(number, seen)| (*number, seen));
        past.chain([(self.newest, &self.current)])
            .filter(|(number, seen)| *number >= self.kept_before && **seen != Observed::default())
            .map(|(number, seen)| Slice {
                length_ms: self.slice_ms,
                number,
                seen: seen.clone(),
            })
    }

    /// Notes that all slices up to this one are kept; it alone may change.
    pub fn kept(&mut self, newest: u64) {
        self.kept_before = self.kept_before.max(newest);
    }

    /// Where to count what happens now.
    pub fn at(&mut self, now: Timestamp) -> &mut Observed {
        let slice = now.0 / self.slice_ms;
        if slice > self.newest {
            let done = std::mem::take(&mut self.current);
            if done != Observed::default() {
                self.past.push_back((self.newest, done));
            }
            self.newest = slice;
            while self.past.front().is_some_and(|(old, _)| is_over(*old, slice)) {
                self.past.pop_front();
            }
        }
        &mut self.current
    }

    /// All that was seen within the window that ends now.
    pub fn observed(&self, now: Timestamp) -> Observed {
        let slice = (now.0 / self.slice_ms).max(self.newest);
        let mut sum = Observed::default();
        let slices = self.past.iter().map(|(at, seen)| (*at, seen));
        for (at, seen) in slices.chain([(self.newest, &self.current)]) {
            if !is_over(at, slice) {
                sum.merge(seen);
            }
        }
        sum
    }
}

const fn is_over(slice: u64, newest: u64) -> bool {
    newest.saturating_sub(slice) >= SLICES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_forgotten() {
        let mut window = Window::new(30_000);
        let count = |window: &Window, now| window.observed(Timestamp(now)).decisions;
        window.at(Timestamp(1_000_000)).decision(1, None, false);
        window.at(Timestamp(1_000_999)).decision(1, None, false);
        window.at(Timestamp(1_001_000)).decision(1, None, false);
        assert_eq!(count(&window, 1_001_000), 3);
        assert_eq!(count(&window, 1_029_999), 3);
        assert_eq!(count(&window, 1_030_000), 1);
        assert_eq!(count(&window, 1_031_000), 0);
        window.at(Timestamp(1_030_500)).abandoned();
        assert_eq!((count(&window, 1_030_500), window.past.len()), (1, 1));
        window.at(Timestamp(9_000_000));
        assert!(window.past.is_empty());
    }

    #[test]
    fn kept_slices_make_the_same_window() {
        let mut window = Window::new(30_000);
        let mut kept = std::collections::BTreeMap::new();
        for second in 0..70u64 {
            window
                .at(Timestamp(1_000_000 + second * 1_000))
                .decision(second, None, false);
            if second % 7 != 0 {
                continue;
            }
            let mut newest = 0;
            for slice in window.changed() {
                newest = slice.number;
                kept.insert(slice.number % SLICES, slice);
            }
            window.kept(newest);
        }
        for slice in window.changed() {
            assert!(slice.number > 1_060, "what was kept is not kept again");
            kept.insert(slice.number % SLICES, slice);
        }
        let again = Window::of_slices(30_000, kept.into_values());
        for now in [1_069_999, 1_080_000, 1_200_000] {
            assert_eq!(again.observed(Timestamp(now)), window.observed(Timestamp(now)));
        }
        assert_eq!(again.observed(Timestamp(1_069_999)).decisions, 30);
        let other = Window::of_slices(60_000, window.changed());
        assert_eq!(other.observed(Timestamp(1_069_999)), Observed::default());
    }

    #[test]
    fn a_clock_that_steps_back_loses_nothing() {
        let mut window = Window::new(60_000);
        window.at(Timestamp(500_000)).abandoned();
        window.at(Timestamp(100_000)).abandoned();
        assert_eq!(window.observed(Timestamp(100_000)).abandoned, 2);
        assert_eq!(window.observed(Timestamp(500_000)).abandoned, 2);
        assert_eq!(window.observed(Timestamp(560_000)).abandoned, 0);
    }
}
