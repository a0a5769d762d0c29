use std::{fmt, ops::RangeInclusive};

use serde::{Deserialize, Deserializer, Serialize};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a candidate must keep to, for one binding. A field that is left out has its default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Decisions that must have been seen before a stage is passed: compared ones in replay and shadow, the candidate's
    /// own in a canary. 1 to 1,000,000; default 50.
    pub min_decisions: u32,
    /// Interactions that must have been answered or abandoned in each group before a canary is passed, and before its
    /// service level is judged. 0 to 1,000,000; 0: the service level is no gate, as for plugins that no caller waits
    /// for. Default 30.
    pub min_interactions: u32,
    /// Decisions in which the candidate may trap, run out of fuel, time or memory, or answer what is not valid.
    /// 0 to 100 per cent; default 1.
    pub max_trap_percent: f64,
    /// Decisions of a canary that something else had to make, or nothing made, since the candidate failed.
    /// 0 to 100 per cent; default 1.
    pub max_fallback_percent: f64,
    /// How many times the fuel of the active version the candidate may use, both at the 99th percentile of their
    /// answers. 0.1 to 1,000; default 3.
    pub max_fuel_p99_ratio: f64,
    /// Answers that may differ in a way that is forbidden. Default 0.
    pub max_forbidden: u32,
    /// Answers that may differ materially or worse, of those compared. 0 to 100 per cent; default none: no gate,
    /// since a new version is there to decide otherwise.
    pub max_material_percent: Option<f64>,
    /// Questions of which it is not known what the candidate would have answered, since it asks the host for what was not
    /// recorded, or since the record was too large to keep whole. Above it, nothing that was compared lets a stage be
    /// passed, and a replay does not lead into a canary: else a candidate could choose what it is judged by. 0 to 100 per
    /// cent; default 10.
    pub max_unreplayable_percent: f64,
    /// How far the service level of the candidate's interactions may lie below that of the control group. 0 to 100
    /// percentage points; default 10.
    pub max_service_level_drop: f64,
    /// An interaction counts as answered in time after a wait of at most so many milliseconds. 1 to 3,600,000 (an
    /// hour); default 20,000.
    pub service_level_ms: u64,
    /// How far back counts, in milliseconds, and how long a stage is watched at least before the rollout goes on by
    /// itself. 1,000 (a second, for trials) to 86,400,000 (a day); default 900,000 (15 minutes).
    pub window_ms: u64,
    /// How long a stage may be watched without enough being seen, in milliseconds; then the candidate is taken back, since
    /// a point with little traffic would keep it for ever. `window_ms` to 7,776,000,000 (90 days), or 0: no end. Default
    /// 604,800,000 (a week).
    pub max_stage_ms: u64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            min_decisions: 50,
            min_interactions: 30,
            max_trap_percent: 1.0,
            max_fallback_percent: 1.0,
            max_fuel_p99_ratio: 3.0,
            max_forbidden: 0,
            max_material_percent: None,
            max_unreplayable_percent: 10.0,
            max_service_level_drop: 10.0,
            service_level_ms: 20_000,
            window_ms: 15 * 60 * 1_000,
            max_stage_ms: 7 * DAY_MS,
        }
    }
}

impl Gates {
    /// Whether every figure is within its range.
    ///
    /// # Errors
    /// The first field that is not, with what was found and what was expected.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let percent = 0.0..=100.0;
        within("min_decisions", self.min_decisions, 1..=1_000_000)?;
        within("min_interactions", self.min_interactions, 0..=1_000_000)?;
        within("max_trap_percent", self.max_trap_percent, percent.clone())?;
        within("max_fallback_percent", self.max_fallback_percent, percent.clone())?;
        within("max_fuel_p99_ratio", self.max_fuel_p99_ratio, 0.1..=1_000.0)?;
        if let Some(most) = self.max_material_percent {
            within("max_material_percent", most, percent.clone())?;
        }
        within(
            "max_unreplayable_percent",
            self.max_unreplayable_percent,
            percent.clone(),
        )?;
        within("max_service_level_drop", self.max_service_level_drop, percent)?;
        within("service_level_ms", self.service_level_ms, 1..=60 * 60 * 1_000)?;
        within("window_ms", self.window_ms, 1_000..=DAY_MS)?;
        if self.max_stage_ms == 0 {
            return Ok(());
        }
        within("max_stage_ms", self.max_stage_ms, self.window_ms..=90 * DAY_MS)
    }
}

/// What is different from the gates before; fields that are left out stay as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateChanges {
    #[serde(skip_serializing_if = "Option::is_none")]
    min_decisions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_interactions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_trap_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fallback_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fuel_p99_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_forbidden: Option<u32>,
    /// `null` takes the gate away.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    max_material_percent: Option<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_unreplayable_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_service_level_drop: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_level_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_stage_ms: Option<u64>,
}

/// Told apart from what was left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl GateChanges {
    /// The gates with these changes.
    pub fn on(self, before: Gates) -> Gates {
        Gates {
            min_decisions: self.min_decisions.unwrap_or(before.min_decisions),
            min_interactions: self.min_interactions.unwrap_or(before.min_interactions),
            max_trap_percent: self.max_trap_percent.unwrap_or(before.max_trap_percent),
            max_fallback_percent: self.max_fallback_percent.unwrap_or(before.max_fallback_percent),
            max_fuel_p99_ratio: self.max_fuel_p99_ratio.unwrap_or(before.max_fuel_p99_ratio),
            max_forbidden: self.max_forbidden.unwrap_or(before.max_forbidden),
            max_material_percent: self.max_material_percent.unwrap_or(before.max_material_percent),
            max_unreplayable_percent: self
                .max_unreplayable_percent
                .unwrap_or(before.max_unreplayable_percent),
            max_service_level_drop: self
                .max_service_level_drop
                .unwrap_or(before.max_service_level_drop),
            service_level_ms: self.service_level_ms.unwrap_or(before.service_level_ms),
            window_ms: self.window_ms.unwrap_or(before.window_ms),
            max_stage_ms: self.max_stage_ms.unwrap_or(before.max_stage_ms),
        }
    }
}

fn within<T: PartialOrd + fmt::Display>(
    field: &'static str,
    found: T,
    range: RangeInclusive<T>,
) -> Result<(), (&'static str, String)> {
    if range.contains(&found) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err((field, format!("found {found}, expected {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_leave_everything_else_as_it_was() {
        let before = Gates {
            min_decisions: 7,
            max_material_percent: Some(5.0),
            ..Gates::default()
        };
        let changed =
            |text: &str| serde_json::from_str::<GateChanges>(text).map(|changes| changes.on(before));
        assert_eq!(changed("{}").unwrap(), before);
        let less = Gates {
            max_material_percent: None,
            max_forbidden: 2,
            ..before
        };
        let text = r#"{"max_forbidden": 2, "max_material_percent": null}"#;
        assert_eq!(changed(text).unwrap(), less);
        assert!(changed(r#"{"max_forbiden": 2}"#).is_err());
        // What an older version kept, and every field of today.
        let whole = serde_json::to_string(&less).unwrap();
        assert_eq!(changed(&whole).unwrap(), less);
        let short = serde_json::from_str::<GateChanges>(text).unwrap();
        let kept = serde_json::to_string(&short).unwrap();
        assert_eq!(serde_json::from_str::<GateChanges>(&kept).unwrap(), short);
    }

    #[test]
    fn defaults_are_sound_and_fill_what_is_left_out() {
        assert_eq!(Gates::default().check(), Ok(()));
        let gates: Gates = serde_json::from_str(r#"{"max_forbidden": 2}"#).unwrap();
        let expected = Gates {
            max_forbidden: 2,
            ..Gates::default()
        };
        assert_eq!(gates, expected);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let with = |change: fn(&mut Gates)| {
            let mut gates = Gates::default();
            change(&mut gates);
            gates.check().map_err(|(field, _)| field)
        };
        assert_eq!(with(|gates| gates.min_decisions = 0), Err("min_decisions"));
        assert_eq!(with(|gates| gates.min_interactions = 0), Ok(()));
        assert_eq!(
            with(|gates| gates.min_interactions = u32::MAX),
            Err("min_interactions")
        );
        assert_eq!(
            with(|gates| gates.max_trap_percent = f64::NAN),
            Err("max_trap_percent")
        );
        assert_eq!(
            with(|gates| gates.max_fallback_percent = 100.1),
            Err("max_fallback_percent")
        );
        assert_eq!(
            with(|gates| gates.max_fuel_p99_ratio = 0.0),
            Err("max_fuel_p99_ratio")
        );
        assert_eq!(
            with(|gates| gates.max_fuel_p99_ratio = f64::INFINITY),
            Err("max_fuel_p99_ratio")
        );
        assert_eq!(
            with(|gates| gates.max_material_percent = Some(-1.0)),
            Err("max_material_percent")
        );
        assert_eq!(
            with(|gates| gates.max_service_level_drop = -0.1),
            Err("max_service_level_drop")
        );
        assert_eq!(with(|gates| gates.service_level_ms = 0), Err("service_level_ms"));
        assert_eq!(with(|gates| gates.window_ms = 999), Err("window_ms"));
        let gates = Gates {
            window_ms: 1,
            ..Gates::default()
        };
        let (_, problem) = gates.check().unwrap_err();
        assert_eq!(problem, "found 1, expected 1000 to 86400000");
    }
}
