//! Whatever happens, in whatever order: what must always be true of a centre is checked after every step.

mod answers;
mod invariants;
mod play;
mod step;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_lost_whatever_happens(steps in proptest::collection::vec(step::step(), 1..200)) {
        let mut play = play::Play::new();
        for step in &steps {
            play.take(step);
        }
        play.finish();
    }
}
