//! Evaluations: items by id, emotions by phase.

use std::collections::BTreeMap;

use super::{Differences, Grade, value};
use crate::decision::{Evaluation, Item, ItemResult, ScoredEmotion};

pub(super) fn compare(found: &mut Differences, before: &Evaluation, after: &Evaluation) {
    items(found, &before.items, &after.items);
    emotions(found, &before.emotions, &after.emotions);
}

fn items(found: &mut Differences, before: &[Item], after: &[Item]) {
    let start = found.len();
    let (was, is) = (by_key(before, |item| &*item.id), by_key(after, |item| &*item.id));
    for (key, (n, was)) in &was {
        let at = format!("/scorecard/items/{n}");
        match is.get(key) {
            Some((_, is)) => item(found, &at, was, is),
            None => found.note(graded(fails_critical(was)), at, was, &()),
        }
    }
    for (key, (n, is)) in &is {
        if !was.contains_key(key) {
            found.note(Grade::Material, format_args!("/scorecard/items/{n}"), &(), is);
        }
    }
    // NaN is not equal to itself, but is written as null.
    if found.len() == start && value(before) != value(after) {
        found.note(Grade::Cosmetic, "/scorecard/items", before, after);
    }
}

fn item(found: &mut Differences, at: &str, was: &Item, is: &Item) {
    let at = |field| format!("{at}/{field}");
    let forgiven = fails_critical(was) && !fails_critical(is);
    found.field(Grade::Cosmetic, at("section"), &was.section, &is.section);
    if !is_same(was.possible, is.possible) {
        found.note(Grade::Material, at("possible"), &was.possible, &is.possible);
    }
    if !is_same(was.weight, is.weight) {
        found.note(Grade::Material, at("weight"), &was.weight, &is.weight);
    }
    found.field(graded(forgiven), at("critical"), &was.critical, &is.critical);
    let same = match (was.result, is.result) {
        (ItemResult::Points(was), ItemResult::Points(is)) => is_same(was, is),
        (was, is) => was == is,
    };
    if !same {
        found.note(graded(forgiven), at("result"), &was.result, &is.result);
    }
    found.field(Grade::Cosmetic, at("evidence"), &was.evidence, &is.evidence);
}

/// Whether a critical item got nothing.
fn fails_critical(item: &Item) -> bool {
    let failed = match item.result {
        ItemResult::Fatal => true,
        ItemResult::Points(points) => points <= 0.0,
        ItemResult::NotApplicable => false,
    };
    item.critical && failed
}

const fn graded(forgiven: bool) -> Grade {
    if forgiven {
        Grade::Forbidden
    } else {
        Grade::Material
    }
}

fn is_same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

fn emotions(found: &mut Differences, before: &[ScoredEmotion], after: &[ScoredEmotion]) {
    let start = found.len();
    let (was, is) = (
        by_key(before, |scored| scored.phase),
        by_key(after, |scored| scored.phase),
    );
    for (key, (n, was)) in &was {
        let at = format!("/scorecard/emotions/{n}");
        match is.get(key) {
            Some((_, is)) => {
                found.field(
                    Grade::Material,
                    format_args!("{at}/emotion"),
                    &was.emotion,
                    &is.emotion,
                );
                found.field(
                    Grade::Cosmetic,
                    format_args!("{at}/evidence"),
                    &was.evidence,
                    &is.evidence,
                );
            }
            None => found.note(Grade::Material, at, was, &()),
        }
    }
    for (key, (n, is)) in &is {
        if !was.contains_key(key) {
            found.note(Grade::Material, format_args!("/scorecard/emotions/{n}"), &(), is);
        }
    }
    found.order(start, "/scorecard/emotions", before, after);
}

/// By key, and by turn among those of the same key, which checked evaluations have once only; with the index in the list.
fn by_key<'a, T, K: Ord + Copy + 'a>(
    list: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> BTreeMap<(K, usize), (usize, &'a T)> {
    let mut turns: BTreeMap<K, usize> = BTreeMap::new();
    let mut keyed = BTreeMap::new();
    for (n, entry) in list.iter().enumerate() {
        let key = key(entry);
        let turn = turns.entry(key).or_default();
        keyed.insert((key, *turn), (n, entry));
        *turn += 1;
    }
    keyed
}

#[cfg(test)]
mod tests {
    use super::super::tests::{self, differences};
    use super::*;
    use crate::decision::{Answer, Emotion, Evidence, Phase};

    fn item(id: &str, change: impl Fn(&mut Item)) -> Item {
        let mut item = Item {
            id: id.into(),
            section: "s".into(),
            possible: 10.0,
            weight: 1.0,
            critical: false,
            result: ItemResult::Points(5.0),
            evidence: None,
        };
        change(&mut item);
        item
    }

    fn found(before: Vec<Item>, after: Vec<Item>) -> Vec<(String, Grade)> {
        let answer = |items| {
            Answer::Scorecard(Evaluation {
                items,
                emotions: vec![],
            })
        };
        differences(&tests::scorecard(), answer(before), answer(after))
    }

    fn at(path: &str, grade: Grade) -> Vec<(String, Grade)> {
        vec![(format!("/scorecard/items{path}"), grade)]
    }

    fn evidence(note: &str) -> Option<Evidence> {
        Some(Evidence {
            start_ms: 0,
            end_ms: 1,
            note: note.into(),
        })
    }

    #[test]
    fn fields_of_an_item() {
        let same = || vec![item("a", |_| ())];
        let with = |change: fn(&mut Item)| vec![item("a", change)];
        for (after, path, grade) in [
            (with(|item| item.section = "t".into()), "section", Grade::Cosmetic),
            (
                with(|item| item.evidence = evidence("x")),
                "evidence",
                Grade::Cosmetic,
            ),
            (with(|item| item.possible = 20.0), "possible", Grade::Material),
            (with(|item| item.weight = 2.0), "weight", Grade::Material),
            (with(|item| item.critical = true), "critical", Grade::Material),
            (
                with(|item| item.result = ItemResult::Points(6.0)),
                "result",
                Grade::Material,
            ),
            (
                with(|item| item.result = ItemResult::Fatal),
                "result",
                Grade::Material,
            ),
        ] {
            assert_eq!(found(same(), after), at(&format!("/0/{path}"), grade));
        }
        assert_eq!(found(same(), vec![]), at("/0", Grade::Material));
        assert_eq!(found(vec![], same()), at("/0", Grade::Material));
        let two = |first, second| vec![item(first, |_| ()), item(second, |_| ())];
        assert_eq!(found(two("a", "b"), two("b", "a")), at("", Grade::Cosmetic));
    }

    #[test]
    fn a_critical_failure_that_goes_away_is_forbidden() {
        let critical = |result| {
            item("a", move |item| {
                item.critical = true;
                item.result = result;
            })
        };
        let none = ItemResult::Points(0.0);
        for failed in [ItemResult::Fatal, none] {
            for passed in [ItemResult::Points(0.5), ItemResult::NotApplicable] {
                let found = found(vec![critical(failed)], vec![critical(passed)]);
                assert_eq!(
                    found,
                    at("/0/result", Grade::Forbidden),
                    "{failed:?} → {passed:?}"
                );
            }
            assert_eq!(found(vec![critical(failed)], vec![]), at("/0", Grade::Forbidden));
            let mut light = critical(failed);
            light.critical = false;
            assert_eq!(
                found(vec![critical(failed)], vec![light]),
                at("/0/critical", Grade::Forbidden)
            );
        }
        let (fatal, zero) = (critical(ItemResult::Fatal), critical(none));
        assert_eq!(found(vec![fatal], vec![zero]), at("/0/result", Grade::Material));
        let (partly, full) = (
            critical(ItemResult::Points(1.0)),
            critical(ItemResult::Points(10.0)),
        );
        assert_eq!(found(vec![partly], vec![full]), at("/0/result", Grade::Material));
    }

    #[test]
    fn emotions_are_compared_by_phase() {
        let scored = |phase, emotion: u8, note: &str| ScoredEmotion {
            phase,
            emotion: Emotion::try_from(emotion).unwrap(),
            evidence: evidence(note),
        };
        let found = |before: &[ScoredEmotion], after: &[ScoredEmotion]| {
            let answer = |emotions: &[ScoredEmotion]| {
                Answer::Scorecard(Evaluation {
                    items: vec![],
                    emotions: emotions.to_vec(),
                })
            };
            differences(&tests::scorecard(), answer(before), answer(after))
        };
        let at = |path: &str, grade| vec![(format!("/scorecard/emotions{path}"), grade)];
        let (open, help) = (scored(Phase::Open, 3, "n"), scored(Phase::Help, 2, "n"));
        let both = [open.clone(), help.clone()];
        assert_eq!(found(&both, &[help, open.clone()]), at("", Grade::Cosmetic));
        assert_eq!(found(&both, &both[..1]), at("/1", Grade::Material));
        let other = [scored(Phase::Open, 4, "n")];
        assert_eq!(
            found(std::slice::from_ref(&open), &other),
            at("/0/emotion", Grade::Material)
        );
        let other = [scored(Phase::Open, 3, "m")];
        assert_eq!(found(&[open], &other), at("/0/evidence", Grade::Cosmetic));
    }
}
