//! What is to be reached on a machine with two cores.

use std::str::FromStr;

use super::shown;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Goals of what criterion measures, in nanoseconds a run or elements a second. Other benches print theirs.
const GOALS: [(&str, Goal); 1] = [("store/commit-64-producers/sled", Goal::AtLeast(15_000.0))];

/// The goal of a figure by criterion, if it has one.
pub(super) fn of(name: &str) -> Option<Goal> {
    GOALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, goal)| *goal)
}

impl FromStr for Goal {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("<=") {
            Some(most) => most.trim().parse().map(Self::AtMost),
            None => text.trim_start_matches(">=").trim().parse().map(Self::AtLeast),
        }
    }
}

impl Goal {
    /// Above 1 is better than the goal.
    pub(super) fn ratio(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(least) => value / least,
            Self::AtMost(most) => most / value,
        }
    }

    pub(super) fn shown(self, unit: &str) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {}", shown(least, unit)),
            Self::AtMost(most) => format!("<= {}", shown(most, unit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_one_is_better_than_the_goal() {
        let goal: Goal = "<= 10000".parse().unwrap();
        assert_eq!(
            (goal.ratio(20_000.0), goal.shown("ns").as_str()),
            (0.5, "<= 10.00 us")
        );
        assert_eq!(">= 300000".parse::<Goal>().unwrap().ratio(600_000.0), 2.0);
        assert!(of("store/commit-64-producers/sled").is_some() && of("store/lookup").is_none());
    }
}
