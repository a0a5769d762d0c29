use serde::Serialize;

use super::{Gates, MIN_FUEL_DECISIONS, Observed, Stage};

/// When a stage can be passed if as much goes on coming as in the time that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// In so many milliseconds, when no gate is violated.
    InMs(u64),
    /// Never: a window holds less than the gates ask for.
    Never {
        /// The window that would hold enough, in milliseconds; `None` where nothing has come at all.
        window_ms: Option<u64>,
    },
}

/// Estimates when enough will have been seen of a stage; `None` where nothing is to be seen, or before a quarter of the
/// window was watched.
pub fn estimate(
    stage: Stage,
    gates: &Gates,
    candidate: &Observed,
    control: &Observed,
    watched_ms: u64,
) -> Option<Estimate> {
    let (decisions, interactions) = (u64::from(gates.min_decisions), u64::from(gates.min_interactions));
    let fuel = [candidate, control].map(|side| (side.fuel_decisions(), MIN_FUEL_DECISIONS));
    let wanted = match stage {
        Stage::Shadow => vec![(candidate.comparisons(), decisions)],
        Stage::Canary { .. } => vec![
            (candidate.decisions, decisions),
            (candidate.interactions(), interactions),
            (control.interactions(), interactions),
        ],
        Stage::Replayed | Stage::Active | Stage::RolledBack => return None,
    };
    let missing = |(seen, least): &(u64, u64)| seen < least;
    let wanted: Vec<_> = wanted.into_iter().chain(fuel).filter(missing).collect();
    let window_ms = gates.window_ms;
    if !wanted.is_empty() && watched_ms < window_ms / 4 {
        return None;
    }
    let span = watched_ms.min(window_ms);
    let mut needed = span;
    for (seen, least) in wanted {
        if seen == 0 {
            return Some(Estimate::Never { window_ms: None });
        }
        let enough = u128::from(least) * u128::from(span) / u128::from(seen);
        needed = needed.max(u64::try_from(enough).unwrap_or(u64::MAX));
    }
    Some(if needed > window_ms {
        Estimate::Never {
            window_ms: Some(needed),
        }
    } else {
        Estimate::InMs((needed - span).max(window_ms.saturating_sub(watched_ms)))
    })
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::compare::Grade;

    use super::*;

    fn seen(compared: u64) -> Observed {
        let mut seen = Observed::default();
        for _ in 0..compared {
            seen.decision(1_000, None, false);
            seen.compared(Grade::Identical);
        }
        seen
    }

    fn in_shadow(compared: u64, watched_ms: u64) -> Option<Estimate> {
        let gates = Gates {
            window_ms: 100_000,
            min_decisions: 50,
            ..Gates::default()
        };
        estimate(
            Stage::Shadow,
            &gates,
            &seen(compared),
            &seen(compared),
            watched_ms,
        )
    }

    #[test]
    fn a_rate_tells_when_and_whether() {
        use Estimate::{InMs, Never};
        assert_eq!(in_shadow(5, 10_000), None, "too early to tell");
        assert_eq!(
            in_shadow(25, 40_000),
            Some(InMs(60_000)),
            "the window is the longer"
        );
        assert_eq!(
            in_shadow(30, 50_000),
            Some(InMs(50_000)),
            "at 60 in a window, 50 are there sooner"
        );
        assert_eq!(in_shadow(50, 100_000), Some(InMs(0)));
        assert_eq!(
            in_shadow(49, 100_000),
            Some(Never {
                window_ms: Some(102_040)
            })
        );
        assert_eq!(
            in_shadow(10, 400_000),
            Some(Never {
                window_ms: Some(500_000)
            })
        );
        assert_eq!(in_shadow(0, 400_000), Some(Never { window_ms: None }));
    }

    #[test]
    fn a_canary_waits_for_the_rarest() {
        let gates = Gates {
            window_ms: 100_000,
            ..Gates::default()
        };
        let (mut candidate, mut control) = (seen(60), seen(60));
        (0..30).for_each(|_| control.answered(1, &gates));
        (0..10).for_each(|_| candidate.answered(1, &gates));
        let canary = Stage::Canary { percent: 5 };
        assert_eq!(
            estimate(canary, &gates, &candidate, &control, 100_000),
            Some(Estimate::Never {
                window_ms: Some(300_000)
            })
        );
        assert_eq!(
            estimate(Stage::Active, &gates, &candidate, &control, 100_000),
            None
        );
    }
}
