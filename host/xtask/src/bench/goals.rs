//! What is to be reached on a machine with two cores.

use std::str::FromStr;

use super::{Figure, shown};

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Goals of what criterion measures, in nanoseconds a run or elements a second. Other benches print theirs.
const GOALS: [(&str, Goal); 2] = [
    ("sandbox/routing-10-agents/fresh", Goal::AtMost(10_000.0)),
    ("store/commit-64-producers/sled", Goal::AtLeast(15_000.0)),
];

/// Which is to be set beside which, and how many times dearer the second should at least be.
const COMPARISONS: [(&str, &str, Option<f64>); 2] = [
    (
        "sandbox/routing-10-agents/fresh",
        "sandbox/routing-10-agents/webhook",
        Some(12.0),
    ),
    (
        "sandbox/routing-10-agents/native",
        "sandbox/routing-10-agents/fresh",
        None,
    ),
];

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

/// Figures set beside one another, where both have been measured.
pub(super) fn comparisons(figures: &[Figure]) -> Vec<String> {
    let value = |name: &str| {
        figures
            .iter()
            .find(|figure| figure.name == name)
            .map(|figure| figure.value)
    };
    COMPARISONS
        .iter()
        .filter_map(|(one, other, goal)| {
            let ratio = value(other)? / value(one)?;
            let goal = goal.map_or(String::new(), |goal| format!(" (goal: at least {goal:.0} times)"));
            Some(format!("{other} takes {ratio:.1} times as long as {one}{goal}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure {
            name: name.to_owned(),
            value,
            unit: "ns".to_owned(),
            goal: of(name),
        }
    }

    #[test]
    fn above_one_is_better_than_the_goal() {
        let slow = figure("sandbox/routing-10-agents/fresh", 20_000.0);
        let goal = slow.goal.unwrap();
        assert_eq!(
            (goal.ratio(slow.value), goal.shown("ns").as_str()),
            (0.5, "<= 10.00 us")
        );
        assert_eq!(">= 300000".parse::<Goal>().unwrap().ratio(600_000.0), 2.0);
        assert!(of("store/lookup").is_none());
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let fresh = figure("sandbox/routing-10-agents/fresh", 10.0);
        assert!(comparisons(std::slice::from_ref(&fresh)).is_empty());
        let lines = comparisons(&[fresh, figure("sandbox/routing-10-agents/webhook", 150.0)]);
        assert!(lines.len() == 1 && lines[0].contains("15.0 times"), "{lines:?}");
    }
}
