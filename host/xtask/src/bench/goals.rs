//! What is to be reached on a machine with two cores.

use super::{Figure, shown};

/// A goal for the figures whose name begins with this.
pub(super) struct Goal {
    name: &'static str,
    /// In the figure's unit.
    value: f64,
    more_is_better: bool,
}

const GOALS: [Goal; 5] = [
    at_most("sandbox/routing-10-agents/fresh", 10_000.0),
    at_least("contact/events", 300_000.0),
    at_least("store/commit-64-producers/sled", 15_000.0),
    at_least("voice/concurrent-calls", 300.0),
    at_most("voice/latest-frame", 40.0),
];

/// How many times cheaper the first is than the second should be.
const COMPARISONS: [(&str, &str, Option<f64>); 2] = [
    (
        "sandbox/routing-10-agents/fresh",
        "sandbox/routing-10-agents/webhook",
        Some(12.0),
    ),
    (
        "sandbox/routing-10-agents/fresh",
        "sandbox/routing-10-agents/native",
        None,
    ),
];

const fn at_most(name: &'static str, value: f64) -> Goal {
    Goal {
        name,
        value,
        more_is_better: false,
    }
}

const fn at_least(name: &'static str, value: f64) -> Goal {
    Goal {
        name,
        value,
        more_is_better: true,
    }
}

/// The figure's goal, if it has one.
pub(super) fn of(figure: &Figure) -> Option<&'static Goal> {
    GOALS.iter().find(|goal| figure.name.starts_with(goal.name))
}

impl Goal {
    /// Above 1 is better than the goal.
    pub(super) fn ratio(&self, value: f64) -> f64 {
        if self.more_is_better {
            value / self.value
        } else {
            self.value / value
        }
    }

    pub(super) fn shown(&self, unit: &str) -> String {
        format!(
            "{} {}",
            if self.more_is_better { ">=" } else { "<=" },
            shown(self.value, unit)
        )
    }
}

/// Figures set beside one another, where both have been measured.
pub(super) fn comparisons(figures: &[Figure]) -> Vec<String> {
    let value = |name: &str| {
        figures
            .iter()
            .find(|figure| figure.name.starts_with(name))
            .map(|figure| figure.value)
    };
    COMPARISONS
        .iter()
        .filter_map(|(one, other, goal)| {
            let ratio = value(other)? / value(one)?;
            let goal = goal.map_or(String::new(), |goal| format!(" (goal: at least {goal:.0} times)"));
            Some(format!("{other} takes {ratio:.2} times as long as {one}{goal}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64, unit: &str) -> Figure {
        Figure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        }
    }

    #[test]
    fn above_one_is_better_than_the_goal() {
        let slow = figure("sandbox/routing-10-agents/fresh", 20_000.0, "ns");
        let goal = of(&slow).unwrap();
        assert_eq!(
            (goal.ratio(slow.value), goal.shown("ns").as_str()),
            (0.5, "<= 10.00 us")
        );
        let many = figure("contact/events", 600_000.0, "/s");
        assert_eq!(of(&many).unwrap().ratio(many.value), 2.0);
        assert!(of(&figure("store/lookup", 1.0, "ns")).is_none());
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let fresh = figure("sandbox/routing-10-agents/fresh", 10.0, "ns");
        let webhook = figure("sandbox/routing-10-agents/webhook", 150.0, "ns");
        assert!(comparisons(std::slice::from_ref(&fresh)).is_empty());
        let lines = comparisons(&[fresh, webhook]);
        assert!(lines.len() == 1 && lines[0].contains("15.00 times"), "{lines:?}");
    }
}
