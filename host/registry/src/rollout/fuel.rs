use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Parts into which each doubling is divided, as a power of two: 16.
const PART_BITS: u32 = 4;

/// Fuel of many decisions in logarithmic buckets. A quantile is never below the true one, and at most 1/16 (6.25 %)
/// above it; up to 31 it is exact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fuel(BTreeMap<u16, u64>);

impl Fuel {
    pub(super) fn add(&mut self, fuel: u64) {
        *self.0.entry(bucket(fuel)).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The least value that at least 99 of 100 do not exceed.
    pub(super) fn p99(&self) -> Option<u64> {
        let count = u128::from(self.count());
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, n)| {
            seen += u128::from(*n);
            (seen * 100 >= count * 99).then(|| highest(*bucket))
        })
    }
}

/// Up to 31 a bucket each; then 16 for each doubling.
fn bucket(value: u64) -> u16 {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(PART_BITS + 1);
    ((shift << PART_BITS) + (value >> shift) as u32) as u16
}

/// The highest value of a bucket.
fn highest(bucket: u16) -> u64 {
    let bucket = u32::from(bucket);
    let shift = (bucket >> PART_BITS).saturating_sub(1);
    let lead = u128::from(bucket - (shift << PART_BITS));
    let next = (lead + 1) << shift.min(u64::BITS);
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other() {
        for value in 0..32 {
            assert_eq!(highest(bucket(value)), value);
        }
        assert_eq!(highest(bucket(32)), 33);
        assert_eq!(highest(bucket(u64::MAX)), u64::MAX);
        let last = bucket(u64::MAX);
        for n in 0..last {
            assert_eq!(bucket(highest(n)), n);
            assert_eq!(bucket(highest(n) + 1), n + 1);
        }
    }

    proptest! {
        #[test]
        fn the_error_is_bounded(mut values in proptest::collection::vec(0..10_000_000_000u64, 1..300)) {
            let mut fuel = Fuel::default();
            values.iter().for_each(|value| fuel.add(*value));
            values.sort_unstable();
            let exact = values[(values.len() * 99).div_ceil(100) - 1];
            let found = fuel.p99().unwrap();
            prop_assert!(found >= exact && found - exact <= exact / 16, "{found} for {exact}");
        }

        #[test]
        fn merging_is_adding_all(a in proptest::collection::vec(any::<u64>(), 0..50), b in proptest::collection::vec(any::<u64>(), 0..50)) {
            let of = |values: &[u64]| {
                let mut fuel = Fuel::default();
                values.iter().for_each(|value| fuel.add(*value));
                fuel
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
