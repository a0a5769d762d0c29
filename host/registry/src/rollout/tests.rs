//! Situations of a rollout, and what holds of every verdict.

use jackfield_contact::decision::compare::Grade;
use jackfield_types::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CANARY: Stage = Stage::Canary { percent: 10 };

#[derive(Clone, Copy)]
struct Side {
    /// Answered, at this fuel each.
    answers: u64,
    fuel: u64,
    traps: u64,
    errors: u64,
    identical: u64,
    material: u64,
    forbidden: u64,
    in_time: u64,
    late: u64,
    abandoned: u64,
}

const SOUND: Side = Side {
    answers: 200,
    fuel: 1_000,
    traps: 0,
    errors: 0,
    identical: 200,
    material: 0,
    forbidden: 0,
    in_time: 80,
    late: 10,
    abandoned: 10,
};

impl Side {
    fn observed(self) -> Observed {
        let (mut seen, gates) = (Observed::default(), Gates::default());
        (0..self.answers).for_each(|_| seen.decision(self.fuel, None, false));
        (0..self.traps).for_each(|_| seen.decision(9, Some("trap"), true));
        (0..self.errors).for_each(|_| seen.decision(9, Some("plugin-error"), true));
        (0..self.identical).for_each(|_| seen.compared(Grade::Identical));
        (0..self.material).for_each(|_| seen.compared(Grade::Material));
        (0..self.forbidden).for_each(|_| seen.compared(Grade::Forbidden));
        (0..self.in_time).for_each(|_| seen.answered(1, &gates));
        (0..self.late).for_each(|_| seen.answered(30_000, &gates));
        (0..self.abandoned).for_each(|_| seen.abandoned());
        seen
    }
}

/// The gate that is violated, how many things are missing, or nothing.
#[derive(Debug, PartialEq)]
enum Found {
    Pass,
    Wait(usize),
    Gate(&'static str),
}

fn found(stage: Stage, gates: &Gates, candidate: &Observed, control: &Observed) -> Found {
    let verdict = judge(stage, gates, candidate, control);
    let written = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&written).unwrap(), verdict);
    match verdict {
        Verdict::Pass => Found::Pass,
        Verdict::Wait(missing) => Found::Wait(missing.len()),
        Verdict::Violated {
            gate,
            measured,
            limit,
            message,
        } => {
            assert!(measured > limit && !message.is_empty());
            Found::Gate(gate)
        }
    }
}

fn side(change: impl Fn(&mut Side)) -> Observed {
    let mut side = SOUND;
    change(&mut side);
    side.observed()
}

/// A candidate that cannot be replayed where it would differ does not choose what it is judged by.
#[test]
fn what_could_not_be_compared_lets_no_stage_be_passed() {
    let (gates, control) = (Gates::default(), SOUND.observed());
    for stage in [Stage::Replayed, Stage::Shadow, CANARY] {
        let mut seen = SOUND.observed();
        (0..22).for_each(|_| seen.unreplayable());
        assert_eq!(found(stage, &gates, &seen, &control), Found::Pass);
        seen.unreplayable();
        assert_eq!(found(stage, &gates, &seen, &control), Found::Wait(1));
    }
    // Too few to tell.
    let mut seen = Observed::default();
    (0..4).for_each(|_| seen.unreplayable());
    assert_eq!(too_little_compared(&gates, &seen), None);
    seen.unreplayable();
    assert!(too_little_compared(&gates, &seen).is_some());
}

#[test]
fn situations() {
    use Found::{Gate, Pass, Wait};
    let storm = side(|side| (side.answers, side.identical, side.traps, side.in_time) = (0, 0, 5, 0));
    let few_traps = side(|side| side.traps = 4);
    let errors = side(|side| side.errors = 5);
    let forbidden = side(|side| (side.answers, side.identical, side.forbidden) = (1, 0, 1));
    let hungry = side(|side| side.fuel = 4_000);
    let hungry_but_few = side(|side| (side.answers, side.fuel) = (19, 4_000));
    let late = side(|side| (side.in_time, side.late) = (60, 30));
    let late_but_few = side(|side| (side.in_time, side.late, side.abandoned) = (0, 29, 0));
    let bit_late = side(|side| (side.in_time, side.late) = (70, 20));
    let other = side(|side| (side.identical, side.material) = (0, 200));
    let nothing = Observed::default();
    for (n, (stage, candidate, expected)) in [
        (Stage::Replayed, &SOUND.observed(), Pass),
        (Stage::Shadow, &SOUND.observed(), Pass),
        (CANARY, &SOUND.observed(), Pass),
        // A storm of traps waits for nothing.
        (Stage::Shadow, &storm, Gate("max_trap_percent")),
        (CANARY, &storm, Gate("max_trap_percent")),
        // Over the share, but too few to tell.
        (Stage::Shadow, &few_traps, Wait(1)),
        (CANARY, &few_traps, Wait(2)),
        // What it answers in error falls back, which in shadow nothing does.
        (Stage::Shadow, &errors, Pass),
        (CANARY, &errors, Gate("max_fallback_percent")),
        (Stage::Replayed, &forbidden, Gate("max_forbidden")),
        (Stage::Shadow, &forbidden, Gate("max_forbidden")),
        (CANARY, &forbidden, Gate("max_forbidden")),
        (Stage::Shadow, &hungry, Gate("max_fuel_p99_ratio")),
        (CANARY, &hungry, Gate("max_fuel_p99_ratio")),
        (Stage::Shadow, &hungry_but_few, Wait(1)),
        // Interactions count in a canary alone.
        (Stage::Shadow, &late, Pass),
        (CANARY, &late, Gate("max_service_level_drop")),
        (CANARY, &late_but_few, Wait(1)),
        (CANARY, &bit_late, Pass),
        // Deciding otherwise is what a new version is for.
        (CANARY, &other, Pass),
        (Stage::Shadow, &nothing, Wait(2)),
        (CANARY, &nothing, Wait(3)),
        (Stage::Active, &storm, Pass),
        (Stage::RolledBack, &storm, Pass),
    ]
    .into_iter()
    .enumerate()
    {
        let found = found(stage, &Gates::default(), candidate, &SOUND.observed());
        assert_eq!(found, expected, "situation {n}");
    }
}

#[test]
fn gates_of_a_binding() {
    let with = |change: fn(&mut Gates)| {
        let mut gates = Gates::default();
        change(&mut gates);
        gates
    };
    let control = SOUND.observed();
    let few = with(|gates| gates.max_material_percent = Some(10.0));
    let other = side(|side| (side.identical, side.material) = (178, 22));
    assert_eq!(
        found(Stage::Shadow, &few, &other, &control),
        Found::Gate("max_material_percent")
    );
    let other = side(|side| (side.identical, side.material) = (9, 40));
    assert_eq!(found(Stage::Shadow, &few, &other, &control), Found::Wait(2));
    // Where nothing is tolerated, the first is one too many.
    let none = with(|gates| gates.max_trap_percent = 0.0);
    let one = side(|side| side.traps = 1);
    assert_eq!(
        found(Stage::Shadow, &none, &one, &control),
        Found::Gate("max_trap_percent")
    );
    // Plugins that no caller waits for.
    let no_callers = with(|gates| gates.min_interactions = 0);
    let late = side(|side| (side.in_time, side.late) = (0, 0));
    assert_eq!(found(CANARY, &no_callers, &late, &control), Found::Pass);
    let some = with(|gates| gates.max_forbidden = 1);
    let one = side(|side| side.forbidden = 1);
    assert_eq!(found(Stage::Shadow, &some, &one, &control), Found::Pass);
    // The control group counts as well.
    let alone = side(|side| (side.in_time, side.late, side.abandoned) = (0, 0, 5));
    assert_eq!(found(CANARY, &Gates::default(), &control, &alone), Found::Wait(1));
}

#[test]
fn evidence_says_what_was_measured() {
    let verdict = judge(
        CANARY,
        &Gates::default(),
        &side(|side| side.traps = 40),
        &SOUND.observed(),
    );
    let expected = Verdict::Violated {
        gate: "max_trap_percent",
        measured: 40.0 * 100.0 / 240.0,
        limit: 1.0,
        message: "traps: 40 of 240 decisions, 16.67 %; the limit is 1 %".to_owned(),
    };
    assert_eq!(verdict, expected);
    let unknown = r#"{"violated":{"gate":"x","measured":1.0,"limit":0.0,"message":""}}"#;
    assert!(serde_json::from_str::<Verdict>(unknown).is_err());
}

#[test]
fn stages_as_they_are_stored() {
    for (stage, written) in [
        (Stage::RolledBack, r#"{"stage":"rolled-back"}"#),
        (CANARY, r#"{"stage":"canary","percent":10}"#),
    ] {
        assert_eq!(serde_json::to_string(&stage).unwrap(), written);
        assert_eq!(serde_json::from_str::<Stage>(written).unwrap(), stage);
    }
}

/// One thing that is observed.
#[derive(Debug, Clone)]
enum Seen {
    Decision(u64, Option<&'static str>),
    Compared(Grade),
    Answered(u64),
    Abandoned,
}

fn seen() -> impl Strategy<Value = Seen> {
    let code = proptest::sample::select(vec!["trap", "timeout", "plugin-error", "overloaded"]);
    let grade = proptest::sample::select(vec![
        Grade::Identical,
        Grade::Identical,
        Grade::Cosmetic,
        Grade::Material,
        Grade::Forbidden,
    ]);
    prop_oneof![
        6 => (0..5_000u64).prop_map(|fuel| Seen::Decision(fuel, None)),
        1 => code.prop_map(|code| Seen::Decision(0, Some(code))),
        4 => grade.prop_map(Seen::Compared),
        3 => (0..40_000u64).prop_map(Seen::Answered),
        1 => Just(Seen::Abandoned),
    ]
}

fn count(into: &mut Observed, seen: &Seen) {
    match seen {
        Seen::Decision(fuel, failed) => into.decision(*fuel, *failed, failed.is_some()),
        Seen::Compared(grade) => into.compared(*grade),
        Seen::Answered(waited_ms) => into.answered(*waited_ms, &Gates::default()),
        Seen::Abandoned => into.abandoned(),
    }
}

fn observed(all: &[Seen]) -> Observed {
    let mut sum = Observed::default();
    all.iter().for_each(|seen| count(&mut sum, seen));
    sum
}

/// Gates that are open and close by turns, with small samples.
fn gates() -> impl Strategy<Value = Gates> {
    let percent = || prop_oneof![Just(0.0), 0.0..100.0, Just(100.0)];
    let material = proptest::option::of(percent());
    (
        1..60u32,
        0..20u32,
        percent(),
        percent(),
        0.5..4.0,
        0..20u32,
        material,
        percent(),
    )
        .prop_map(
            |(decisions, interactions, traps, fallbacks, fuel, forbidden, material, drop)| Gates {
                min_decisions: decisions,
                min_interactions: interactions,
                max_trap_percent: traps,
                max_fallback_percent: fallbacks,
                max_fuel_p99_ratio: fuel,
                max_forbidden: forbidden,
                max_material_percent: material,
                max_service_level_drop: drop,
                ..Gates::default()
            },
        )
}

fn stage() -> impl Strategy<Value = Stage> {
    proptest::sample::select(vec![Stage::Replayed, Stage::Shadow, CANARY])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn more_failures_never_help(
        stage in stage(),
        gates in gates(),
        candidate in vec(seen(), 0..200),
        control in vec(seen(), 0..200),
        worse in vec(prop_oneof![Just(Seen::Decision(0, Some("trap"))), Just(Seen::Compared(Grade::Forbidden))], 1..50),
    ) {
        prop_assert_eq!(gates.check(), Ok(()));
        let (mut candidate, control) = (observed(&candidate), observed(&control));
        let before = judge(stage, &gates, &candidate, &control);
        for worse in worse {
            count(&mut candidate, &worse);
            let after = judge(stage, &gates, &candidate, &control);
            if matches!(before, Verdict::Violated { .. }) {
                prop_assert!(matches!(after, Verdict::Violated { .. }), "{before:?} → {after:?}");
            }
        }
    }

    /// What passes has been seen often enough, and keeps to every gate.
    #[test]
    fn what_passes_keeps_to_every_gate(
        stage in stage(),
        gates in gates(),
        candidate in vec(seen(), 0..300),
        control in vec(seen(), 100..300),
    ) {
        let (candidate, control) = (observed(&candidate), observed(&control));
        if judge(stage, &gates, &candidate, &control) != Verdict::Pass {
            return Ok(());
        }
        let in_canary = stage == CANARY;
        let seen = if in_canary { candidate.decisions } else { candidate.comparisons() };
        prop_assert!(seen >= u64::from(gates.min_decisions));
        prop_assert!(candidate.trap_percent().is_none_or(|share| share <= gates.max_trap_percent));
        prop_assert!(candidate.forbidden <= u64::from(gates.max_forbidden));
        let material = gates.max_material_percent.unwrap_or(100.0);
        prop_assert!(candidate.material_percent().is_none_or(|share| share <= material));
        if in_canary {
            prop_assert!(candidate.fallback_percent().is_none_or(|share| share <= gates.max_fallback_percent));
            prop_assert!(candidate.interactions() >= u64::from(gates.min_interactions));
            prop_assert!(control.interactions() >= u64::from(gates.min_interactions));
        }
    }

    /// A window sees what happened within it, slice by slice, and nothing else.
    #[test]
    fn a_window_is_the_sum_of_its_slices(
        steps in vec((0..20_000u64, seen()), 1..100),
        later in 0..100_000u64,
    ) {
        let slice_ms = 2_000;
        let mut window = Window::new(slice_ms * SLICES);
        let mut now = 1_700_000_000_000;
        let mut all = Vec::new();
        for (after, seen) in steps {
            now += after;
            count(window.at(Timestamp(now)), &seen);
            all.push((now / slice_ms, seen));
        }
        let read = now + later;
        let kept: Vec<_> = all
            .iter()
            .filter(|(slice, _)| read / slice_ms - slice < SLICES)
            .map(|(_, seen)| seen.clone())
            .collect();
        prop_assert_eq!(window.observed(Timestamp(read)), observed(&kept));
        let written = serde_json::to_string(&window).unwrap();
        prop_assert_eq!(serde_json::from_str::<Window>(&written).unwrap(), window);
    }
}

#[test]
fn what_is_missing_is_named_with_its_gate() {
    let none = Observed::default();
    let missing = |stage| match judge(stage, &Gates::default(), &none, &none) {
        Verdict::Wait(missing) => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(Stage::Shadow),
        [
            "answers of the candidate with fuel: 0 of 20 (max_fuel_p99_ratio)",
            "answers of the active version with fuel: 0 of 20 (max_fuel_p99_ratio)",
            "comparisons: 0 of 50 (min_decisions)",
        ]
    );
    assert_eq!(
        missing(CANARY)[..2],
        [
            "interactions of the candidate: 0 of 30 (min_interactions)",
            "interactions of the control group: 0 of 30 (min_interactions)",
        ]
    );
}
