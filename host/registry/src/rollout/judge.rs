use serde::{Deserialize, Deserializer, Serialize};

use super::{Stage, gates::Gates, observed::Observed};

/// Failures or fallbacks before their share means anything: a share just over its limit, seen less often than this,
/// may well be chance. Where the limit is 0, the first one is over it.
pub const MIN_FAILURES: u64 = 5;
/// Answered decisions of each side before their fuel is compared.
pub const MIN_FUEL_DECISIONS: u64 = 20;

const FORBIDDEN: &str = "max_forbidden";
const TRAPS: &str = "max_trap_percent";
const FALLBACKS: &str = "max_fallback_percent";
const SERVICE_LEVEL: &str = "max_service_level_drop";
const FUEL: &str = "max_fuel_p99_ratio";
const MATERIAL: &str = "max_material_percent";

/// Under a name of its own, since serde would take a `&'static str` for one that is borrowed from the input.
type GateName = &'static str;

/// What is to be done about a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not enough has been seen yet; what is missing, for people.
    Wait(Vec<String>),
    /// It has kept to all gates; it may go on.
    Pass,
    /// It is to be rolled back now.
    Violated {
        /// The field of [`Gates`].
        #[serde(deserialize_with = "gate")]
        gate: GateName,
        /// What was measured, in the gate's unit.
        measured: f64,
        /// What the gate allows.
        limit: f64,
        /// The same with the counts behind it, for people.
        message: String,
    },
}

fn gate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(deserializer)?;
    [FORBIDDEN, TRAPS, FALLBACKS, SERVICE_LEVEL, FUEL, MATERIAL]
        .into_iter()
        .find(|gate| *gate == name)
        .ok_or_else(|| serde::de::Error::custom(format!("{name:?} is no gate of a rollout")))
}

/// Whether a candidate keeps to its gates. `control` is what the active version did beside it: on the same questions in
/// replay and shadow, for the other interactions in a canary. Answers are compared in a canary, too: the active version is
/// asked afterwards what the candidate decided.
///
/// | gate | replay, shadow | canary | judged as soon as |
/// |---|---|---|---|
/// | `max_forbidden` | yes | yes | the first forbidden answer over it |
/// | `max_trap_percent` | yes | yes | 5 traps (the first, where the limit is 0) |
/// | `max_fallback_percent` | – | yes | 5 fallbacks (the first, where the limit is 0) |
/// | `max_service_level_drop` | – | yes | `min_interactions` in both groups |
/// | `max_fuel_p99_ratio` | yes | yes | 20 answered decisions on both sides |
/// | `max_material_percent` | yes | yes | `min_decisions` comparisons |
/// | `max_unreplayable_percent` | yes | yes | never violated: the stage is not passed |
///
/// A stage is passed when nothing is violated, `min_decisions` have been seen (compared in replay and shadow, made by the
/// candidate in a canary), fuel could be compared, in a canary `min_interactions` in both groups, and no share is over
/// its limit. A share that is over its limit with too few failures to tell makes it wait. Active and rolled-back
/// versions have no gates: they pass.
///
/// What a drop of the service level means: it is a plain difference of two shares, not a test of significance. When both
/// versions are equally good and answer 80 % in time, chance alone makes the candidate's group 10 points worse in about
/// one window of 8 with 30 interactions in each group, one of 32 with 100, and one of 1,000 with 300. A false alarm
/// costs a rollback and no customer; who wants fewer raises `min_interactions`.
pub fn judge(stage: Stage, gates: &Gates, candidate: &Observed, control: &Observed) -> Verdict {
    let canary = match stage {
        Stage::Replayed | Stage::Shadow => false,
        Stage::Canary { .. } => true,
        Stage::Active | Stage::RolledBack => return Verdict::Pass,
    };
    let mut judging = Judging::default();
    judging.forbidden(gates, candidate);
    let (traps, decisions) = (candidate.traps, candidate.decisions);
    judging.share(
        TRAPS,
        "traps",
        traps,
        decisions,
        candidate.trap_percent(),
        gates.max_trap_percent,
    );
    if canary {
        let (fallbacks, share) = (candidate.fallbacks, candidate.fallback_percent());
        judging.share(
            FALLBACKS,
            "fallbacks",
            fallbacks,
            decisions,
            share,
            gates.max_fallback_percent,
        );
        judging.service_level(gates, candidate, control);
    }
    judging.fuel(gates, candidate, control);
    judging.material(gates, candidate);
    judging.missing.extend(too_little_compared(gates, candidate));
    let (what, seen) = if canary {
        ("decisions", decisions)
    } else {
        ("comparisons", candidate.comparisons())
    };
    judging.enough("min_decisions", what, seen, u64::from(gates.min_decisions));
    match judging {
        Judging {
            violated: Some(violated),
            ..
        } => violated,
        Judging { missing, .. } if missing.is_empty() => Verdict::Pass,
        Judging { missing, .. } => Verdict::Wait(missing),
    }
}

/// Says so when too many of the candidate's answers could not be compared for the others to tell anything.
pub fn too_little_compared(gates: &Gates, candidate: &Observed) -> Option<String> {
    let limit = gates.max_unreplayable_percent;
    let share = candidate.unreplayable_percent().filter(|share| *share > limit)?;
    let (unknown, compared) = (candidate.unreplayable, candidate.comparisons());
    (limit == 0.0 || unknown >= MIN_FAILURES).then(|| {
        format!(
            "unreplayable: {unknown} of {} answers, {share:.2} %; the limit is {limit} % (max_unreplayable_percent)",
            unknown + compared
        )
    })
}

#[derive(Default)]
struct Judging {
    /// The first gate that is violated.
    violated: Option<Verdict>,
    missing: Vec<String>,
}

impl Judging {
    /// Whether enough has been seen for a gate; says what is missing.
    fn enough(&mut self, gate: &str, what: &str, seen: u64, least: u64) -> bool {
        if seen < least {
            self.missing.push(format!("{what}: {seen} of {least} ({gate})"));
        }
        seen >= least
    }

    fn violated(&mut self, gate: &'static str, measured: f64, limit: f64, message: String) {
        self.violated.get_or_insert(Verdict::Violated {
            gate,
            measured,
            limit,
            message,
        });
    }

    fn forbidden(&mut self, gates: &Gates, candidate: &Observed) {
        let (seen, most) = (candidate.forbidden, gates.max_forbidden);
        if seen > u64::from(most) {
            let compared = candidate.comparisons();
            let message = format!("{seen} of {compared} compared answers are forbidden; the limit is {most}");
            self.violated(FORBIDDEN, seen as f64, f64::from(most), message);
        }
    }

    fn share(
        &mut self,
        gate: &'static str,
        what: &str,
        part: u64,
        whole: u64,
        measured: Option<f64>,
        limit: f64,
    ) {
        let Some(measured) = measured.filter(|share| *share > limit) else {
            return;
        };
        let share = format!("{what}: {part} of {whole} decisions, {measured:.2} %; the limit is {limit} %");
        if limit == 0.0 || part >= MIN_FAILURES {
            self.violated(gate, measured, limit, share);
        } else {
            let missing = format!(
                "{share}; {MIN_FAILURES} {what} are needed to tell, or more decisions without ({gate})"
            );
            self.missing.push(missing);
        }
    }

    fn service_level(&mut self, gates: &Gates, candidate: &Observed, control: &Observed) {
        let least = u64::from(gates.min_interactions);
        if least == 0 {
            return;
        }
        let mut enough = |what, seen| self.enough("min_interactions", what, seen, least);
        let enough = [
            enough("interactions of the candidate", candidate.interactions()),
            enough("interactions of the control group", control.interactions()),
        ];
        if enough.contains(&false) {
            return;
        }
        let levels = (candidate.service_level(), control.service_level());
        let (Some(level), Some(beside)) = levels else {
            return;
        };
        let (drop, limit) = (beside - level, gates.max_service_level_drop);
        if drop > limit {
            let message = format!(
                "service level: {level:.1} % of {}, control group {beside:.1} % of {}; \
                 the limit is {limit} points lower",
                candidate.interactions(),
                control.interactions()
            );
            self.violated(SERVICE_LEVEL, drop, limit, message);
        }
    }

    fn fuel(&mut self, gates: &Gates, candidate: &Observed, control: &Observed) {
        let mut enough = |what, seen| self.enough(FUEL, what, seen, MIN_FUEL_DECISIONS);
        let enough = [
            enough("answers of the candidate with fuel", candidate.fuel_decisions()),
            enough(
                "answers of the active version with fuel",
                control.fuel_decisions(),
            ),
        ];
        if enough.contains(&false) {
            return;
        }
        let (Some(fuel), Some(beside)) = (candidate.fuel_p99(), control.fuel_p99()) else {
            return;
        };
        let (ratio, limit) = (fuel as f64 / beside.max(1) as f64, gates.max_fuel_p99_ratio);
        if ratio > limit {
            let message = format!(
                "fuel p99: {fuel}, {ratio:.2} times the {beside} of the active version; the limit is {limit}"
            );
            self.violated(FUEL, ratio, limit, message);
        }
    }

    fn material(&mut self, gates: &Gates, candidate: &Observed) {
        let Some(limit) = gates.max_material_percent else {
            return;
        };
        let compared = candidate.comparisons();
        let Some(measured) = candidate.material_percent().filter(|share| *share > limit) else {
            return;
        };
        let other = candidate.material + candidate.forbidden;
        let message = format!(
            "{other} of {compared} compared answers have another effect, {measured:.2} %; the limit is {limit} %"
        );
        if compared >= u64::from(gates.min_decisions) {
            self.violated(MATERIAL, measured, limit, message);
        } else {
            self.missing.push(format!(
                "{message}; more comparisons are needed to tell ({MATERIAL})"
            ));
        }
    }
}
