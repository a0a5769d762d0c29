//! The binding's configuration.

use serde::Deserialize;

/// Read from JSON; `{}` is the default below.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// What is asked less of agents after which wait.
    relaxation: Vec<Step>,
    /// Which of the agents who fit is taken.
    pub(crate) prefer: Prefer,
}

/// One step of relaxation. Of several steps that apply, the kindest holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Step {
    /// Applies to work that has waited for so many seconds.
    after_seconds: u32,
    /// Levels asked for are lower by so much; a skill asked for is still a skill needed.
    #[serde(default)]
    lower_levels_by: u8,
    /// Anybody will do.
    #[serde(default)]
    ignore_skills: bool,
}

/// Which of the agents who fit is taken.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Prefer {
    /// Who has been idle longest.
    #[default]
    LongestIdle,
    /// Who has the highest levels in the skills asked for; of equals, who has been idle longest.
    MostSkilled,
}

/// What is left of the requirements after a wait.
#[derive(Clone, Copy, Default)]
pub(crate) struct Relaxed {
    pub(crate) lower_levels_by: u8,
    pub(crate) ignore_skills: bool,
}

impl Default for Config {
    /// Levels are lowered by 2 after 30 seconds and no longer asked for after 60; skills stay needed.
    fn default() -> Self {
        let step = |after_seconds, lower_levels_by| Step {
            after_seconds,
            lower_levels_by,
            ignore_skills: false,
        };
        Self {
            relaxation: vec![step(30, 2), step(60, 9)],
            prefer: Prefer::default(),
        }
    }
}

impl Config {
    /// What is asked less of agents after this wait in milliseconds.
    pub(crate) fn relaxed(&self, waiting: u32) -> Relaxed {
        self.relaxation
            .iter()
            .filter(|step| step.after() <= waiting)
            .fold(Relaxed::default(), |relaxed, step| Relaxed {
                lower_levels_by: relaxed.lower_levels_by.max(step.lower_levels_by),
                ignore_skills: relaxed.ignore_skills | step.ignore_skills,
            })
    }

    /// Milliseconds until the next step applies to work with this wait.
    pub(crate) fn relaxes_in(&self, waiting: u32) -> Option<u32> {
        self.relaxation
            .iter()
            .map(Step::after)
            .filter(|after| *after > waiting)
            .min()
            .map(|after| after - waiting)
    }
}

impl Step {
    fn after(&self) -> u32 {
        self.after_seconds.saturating_mul(1_000)
    }
}
