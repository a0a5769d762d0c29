use jackfield_contact::decision::compare::Grade;
use serde::{Deserialize, Serialize};

use super::{fuel::Fuel, gates::Gates};

/// What one side of a rollout, the candidate or the version beside it, was seen to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// Questions that it answered or failed at. Those that failed by the host's fault are not among them.
    pub decisions: u64,
    /// Failures of a kind that no sound plugin has: `trap`, `fuel`, `timeout`, `memory`, `oversize`, `invalid-answer`.
    pub traps: u64,
    /// Errors that it answered with (`plugin-error`), and failures with codes that are not known here.
    pub errors: u64,
    /// Failures of the host: `no-binding`, `overloaded`, `unavailable`, `quota`. They say nothing about the plugin.
    pub host_failures: u64,
    /// Decisions, of `decisions`, that something else had to make, or nothing made: every failure is one.
    pub fallbacks: u64,
    /// Compared answers that were equal.
    pub identical: u64,
    /// Compared answers that differed in nothing that has an effect.
    pub cosmetic: u64,
    /// Compared answers with another effect.
    pub material: u64,
    /// Compared answers with an effect that is forbidden.
    pub forbidden: u64,
    /// Answers that could not be compared, because the candidate read what was not recorded.
    pub unreplayable: u64,
    /// Interactions that agents answered.
    pub answered: u64,
    /// Those of them that were answered in time.
    pub answered_in_time: u64,
    /// Interactions whose customer gave up before an agent answered.
    pub abandoned: u64,
    /// Fuel of each decision that was answered.
    fuel: Fuel,
}

impl Observed {
    /// Counts a decision: its fuel, the code of its failure, and whether something else had to decide.
    pub fn decision(&mut self, fuel: u64, failed: Option<&str>, fell_back: bool) {
        match failed {
            Some("no-binding" | "overloaded" | "unavailable" | "host-busy" | "quota") => {
                self.host_failures += 1;
                return;
            }
            Some("trap" | "fuel" | "timeout" | "memory" | "oversize" | "invalid-answer") => self.traps += 1,
            Some(_) => self.errors += 1,
            None => self.fuel.add(fuel),
        }
        self.decisions += 1;
        self.fallbacks += u64::from(fell_back || failed.is_some());
    }

    /// Counts a compared answer.
    pub fn compared(&mut self, grade: Grade) {
        match grade {
            Grade::Identical => self.identical += 1,
            Grade::Cosmetic => self.cosmetic += 1,
            Grade::Material => self.material += 1,
            Grade::Forbidden => self.forbidden += 1,
        }
    }

    /// Counts an answer that could not be compared.
    pub fn unreplayable(&mut self) {
        self.unreplayable += 1;
    }

    /// Counts an interaction that an agent answered after a wait of so many milliseconds.
    pub fn answered(&mut self, waited_ms: u64, gates: &Gates) {
        self.answered += 1;
        self.answered_in_time += u64::from(waited_ms <= gates.service_level_ms);
    }

    /// Counts an interaction whose customer gave up.
    pub fn abandoned(&mut self) {
        self.abandoned += 1;
    }

    /// Adds what was observed at another time or place.
    pub fn merge(&mut self, other: &Self) {
        self.decisions += other.decisions;
        self.traps += other.traps;
        self.errors += other.errors;
        self.host_failures += other.host_failures;
        self.fallbacks += other.fallbacks;
        self.identical += other.identical;
        self.cosmetic += other.cosmetic;
        self.material += other.material;
        self.forbidden += other.forbidden;
        self.unreplayable += other.unreplayable;
        self.answered += other.answered;
        self.answered_in_time += other.answered_in_time;
        self.abandoned += other.abandoned;
        self.fuel.merge(&other.fuel);
    }

    /// Answers that were compared, whatever came of it.
    pub const fn comparisons(&self) -> u64 {
        self.identical + self.cosmetic + self.material + self.forbidden
    }

    /// Interactions that were answered or abandoned. Those that still wait are not among them.
    pub const fn interactions(&self) -> u64 {
        self.answered + self.abandoned
    }

    /// Decisions whose fuel is known: those that were answered.
    pub fn fuel_decisions(&self) -> u64 {
        self.fuel.count()
    }

    /// The fuel that 99 of 100 answered decisions did not exceed; never below the true figure, and at most 6.25 % above
    /// it. `None` before the first.
    pub fn fuel_p99(&self) -> Option<u64> {
        self.fuel.p99()
    }

    /// Answered in time ÷ (answered + abandoned), in per cent. `None` before the first.
    pub fn service_level(&self) -> Option<f64> {
        percent(self.answered_in_time, self.interactions())
    }

    /// Failures that no sound plugin has, in per cent of the decisions. `None` before the first.
    pub fn trap_percent(&self) -> Option<f64> {
        percent(self.traps, self.decisions)
    }

    /// Decisions that something else had to make, or nothing made, in per cent. `None` before the first.
    pub fn fallback_percent(&self) -> Option<f64> {
        percent(self.fallbacks, self.decisions)
    }

    /// Answers that differed materially or worse, in per cent of those compared. `None` before the first.
    pub fn material_percent(&self) -> Option<f64> {
        percent(self.material + self.forbidden, self.comparisons())
    }

    /// Answers that could not be compared, in per cent of those that were to be. `None` before the first.
    pub fn unreplayable_percent(&self) -> Option<f64> {
        percent(self.unreplayable, self.comparisons() + self.unreplayable)
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_fall_into_classes() {
        let mut seen = Observed::default();
        for code in ["trap", "fuel", "timeout", "memory", "oversize", "invalid-answer"] {
            seen.decision(7, Some(code), true);
        }
        seen.decision(7, Some("plugin-error"), false);
        seen.decision(0, Some("overloaded"), true);
        seen.decision(0, Some("quota"), false);
        seen.decision(100, None, false);
        seen.decision(100, None, true);
        assert_eq!((seen.decisions, seen.traps, seen.errors), (9, 6, 1));
        assert_eq!((seen.host_failures, seen.fallbacks), (2, 8));
        assert_eq!((seen.fuel_decisions(), seen.fuel_p99()), (2, Some(103)));
    }

    #[test]
    fn service_level_counts_who_gave_up() {
        let gates = Gates::default();
        let mut seen = Observed::default();
        assert_eq!(seen.service_level(), None);
        (0..860).for_each(|_| seen.answered(20_000, &gates));
        (0..140).for_each(|_| seen.answered(20_001, &gates));
        (0..60).for_each(|_| seen.abandoned());
        let level = seen.service_level().unwrap();
        assert!((level - 81.132).abs() < 0.001, "{level}");
    }

    #[test]
    fn merging_adds_every_counter() {
        let mut one = Observed::default();
        one.decision(1, None, false);
        one.decision(1, Some("trap"), true);
        one.decision(1, Some("plugin-error"), true);
        one.decision(1, Some("overloaded"), true);
        for grade in [
            Grade::Identical,
            Grade::Cosmetic,
            Grade::Material,
            Grade::Forbidden,
        ] {
            one.compared(grade);
        }
        one.unreplayable();
        one.answered(1, &Gates::default());
        one.abandoned();
        let mut two = one.clone();
        two.merge(&one);
        let (one, two) = (
            serde_json::to_value(&one).unwrap(),
            serde_json::to_value(&two).unwrap(),
        );
        for (field, count) in one.as_object().unwrap() {
            match count.as_u64() {
                Some(count) => assert!(count > 0 && two[field] == count * 2, "{field}"),
                None => assert_eq!(two[field]["1"], 2),
            }
        }
    }
}
