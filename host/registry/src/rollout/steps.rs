use jackfield_types::limits::MAX_ROLLOUT_STEPS;
use serde::{Deserialize, Serialize};

use super::{GateChanges, Gates, Stage};

/// Where a rollout goes by itself, once the gates of the stage before have held for a whole window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A canary of so many per cent, 1 to 99; active when left out.
    #[serde(default)]
    pub percent: Option<u8>,
    /// What it must keep to there; each field that is left out is that of the stage before.
    #[serde(default)]
    pub gates: Option<GateChanges>,
}

impl Step {
    /// The stage that it leads to.
    pub fn stage(&self) -> Stage {
        self.percent
            .map_or(Stage::Active, |percent| Stage::Canary { percent })
    }
}

/// For how many per cent of the interactions a candidate decides at a stage.
fn share(stage: Stage) -> u8 {
    match stage {
        Stage::Canary { percent } => percent,
        Stage::Active => 100,
        Stage::Replayed | Stage::Shadow | Stage::RolledBack => 0,
    }
}

/// Whether steps can follow each other after a stage: each larger than the one before, active at the end alone.
///
/// # Errors
/// What is wrong, with the place of the step, counted from 0.
pub fn check_steps(from: Stage, mut gates: Gates, steps: &[Step]) -> Result<(), String> {
    let (given, most) = (steps.len(), MAX_ROLLOUT_STEPS);
    if given > most {
        return Err(format!("{given}: expected at most {most}"));
    }
    let mut before = share(from);
    for (n, step) in steps.iter().enumerate() {
        if !step.percent.is_none_or(|percent| (1..=99).contains(&percent)) {
            return Err(format!(
                "{n}: percent: expected 1 to 99; a step without it is the active one"
            ));
        }
        let here = share(step.stage());
        if here <= before {
            return Err(format!(
                "{n}: {here} %: expected more than the {before} % of the stage before"
            ));
        }
        if let Some(changes) = step.gates {
            gates = changes.on(gates);
            gates
                .check()
                .map_err(|(field, problem)| format!("{n}: gates: {field}: {problem}"))?;
        }
        before = here;
    }
    Ok(())
}

/// What holds once a stage is reached: its gates, and the steps that are still to come.
pub fn steps_after(stage: Stage, gates: Gates, steps: &[Step]) -> (Gates, Vec<Step>) {
    let reached = share(stage);
    let own = steps.iter().find(|step| step.stage() == stage);
    let to_come = steps.iter().filter(|step| share(step.stage()) > reached);
    (
        own.and_then(|step| step.gates)
            .map_or(gates, |changes| changes.on(gates)),
        to_come.copied().collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(percents: &[Option<u8>]) -> Vec<Step> {
        let step = |percent: &Option<u8>| Step {
            percent: *percent,
            gates: None,
        };
        percents.iter().map(step).collect()
    }

    #[test]
    fn a_ladder_goes_upwards() {
        let canary = |percent| Stage::Canary { percent };
        for (from, ladder) in [
            (Stage::Shadow, steps(&[Some(1), Some(25), None])),
            (Stage::Shadow, steps(&[None])),
            (canary(5), steps(&[Some(6)])),
            (Stage::Shadow, vec![]),
        ] {
            assert_eq!(check_steps(from, Gates::default(), &ladder), Ok(()));
        }
        for (from, ladder) in [
            (Stage::Shadow, steps(&[Some(0)])),
            (Stage::Shadow, steps(&[Some(100)])),
            (Stage::Shadow, steps(&[None, Some(5)])),
            (Stage::Shadow, steps(&[Some(5), Some(5)])),
            (canary(5), steps(&[Some(5)])),
            (Stage::Shadow, steps(&[Some(1); 17])),
        ] {
            assert!(
                check_steps(from, Gates::default(), &ladder).is_err(),
                "{ladder:?}"
            );
        }
        let changing = |text: &str| Step {
            gates: Some(serde_json::from_str(text).unwrap()),
            ..Step::default()
        };
        let problem = |ladder: &[Step]| {
            let gates = Gates {
                window_ms: 60_000,
                ..Gates::default()
            };
            check_steps(Stage::Shadow, gates, ladder).unwrap_err()
        };
        let wrong = problem(&[changing(r#"{"window_ms": 1}"#)]);
        assert!(wrong.starts_with("0: gates: window_ms"), "{wrong}");
        // Right by itself, and wrong with what it takes over.
        let wrong = problem(&[changing(r#"{"max_stage_ms": 30000}"#)]);
        assert!(wrong.starts_with("0: gates: max_stage_ms"), "{wrong}");
    }

    #[test]
    fn a_step_may_have_gates_of_its_own_and_by_hand_some_are_left_out() {
        let gates = Gates {
            max_forbidden: 3,
            ..Gates::default()
        };
        let own = Gates {
            min_decisions: 7,
            ..gates
        };
        let mut ladder = steps(&[Some(5), Some(25), None]);
        ladder[1].gates = serde_json::from_str(r#"{"min_decisions": 7}"#).unwrap();
        let (here, left) = steps_after(Stage::Canary { percent: 5 }, gates, &ladder);
        assert_eq!((here, left.as_slice()), (gates, &ladder[1..]));
        let (here, left) = steps_after(Stage::Canary { percent: 25 }, gates, &ladder);
        assert_eq!((here, left.as_slice()), (own, &ladder[2..]));
        // Further than the step: it is passed, with its gates.
        let (here, left) = steps_after(Stage::Canary { percent: 50 }, gates, &ladder);
        assert_eq!((here, left.as_slice()), (gates, &ladder[2..]));
        assert_eq!(steps_after(Stage::Active, gates, &ladder).1, vec![]);
    }
}
