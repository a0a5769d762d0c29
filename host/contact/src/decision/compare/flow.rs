//! Flows: the host gathers attributes, timers and prompts from the actions before it does the one that waits.

use std::collections::BTreeMap;

use serde_json::json;

use jackfield_types::{Digest, SkillId};

use super::{Differences, Grade, Value};
use crate::decision::{Enqueue, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Gather, SurveyQuestion};
use crate::leg::Prompt;

pub(super) fn compare(
    found: &mut Differences,
    question: &FlowQuestion,
    before: &FlowAnswer,
    after: &FlowAnswer,
) {
    let start = found.len();
    let (was, is) = (Effect::of(&before.actions), Effect::of(&after.actions));
    named(found, &was.attributes, &is.attributes);
    // Of a call that is over, the host takes attributes alone.
    if question.event != FlowEvent::Ended {
        named(found, &was.timers, &is.timers);
        prompts(found, &was.prompts, &is.prompts);
        let (recording, next) = (was.states(), is.states());
        let at = was.recording.first().or(is.recording.first());
        let at = at.map_or("/flow/actions", |(at, _)| at.as_str());
        found.field(Grade::Material, at, &recording, &next);
        waits(found, &question.event, &was, &is);
        if question.event == FlowEvent::Started && is.is_silent() && !was.is_silent() {
            found.note(Grade::Forbidden, "/flow/actions", &before.actions, &after.actions);
        }
    }
    found.order(start, "/flow/actions", &before.actions, &after.actions);
    if before.state != after.state {
        let (before, after) = (opaque(&before.state), opaque(&after.state));
        found.note(Grade::Cosmetic, "/flow/state", &before, &after);
    }
}

/// Up to 16 KiB of numbers tell nobody anything.
fn opaque(state: &[u8]) -> Value {
    json!({ "bytes": state.len(), "sha256": Digest::of(state) })
}

/// What the host will do; each thing with the place that says so.
#[derive(Default)]
struct Effect<'a> {
    /// The last value of each.
    attributes: BTreeMap<&'a str, (String, &'a str)>,
    /// The last setting of each.
    timers: BTreeMap<&'a str, (String, u64)>,
    prompts: Vec<(String, &'a Prompt)>,
    /// Without repetitions.
    recording: Vec<(String, bool)>,
    waits: Option<(String, &'a FlowAction)>,
}

impl<'a> Effect<'a> {
    fn of(actions: &'a [FlowAction]) -> Self {
        let mut effect = Self::default();
        for (n, action) in actions.iter().enumerate() {
            let at = format!("/flow/actions/{n}");
            match action {
                FlowAction::Play(prompts) => effect.play(&format!("{at}/play"), prompts),
                FlowAction::Gather(gather) => effect.play(&format!("{at}/gather/prompts"), &gather.prompts),
                FlowAction::AskSurvey(survey) => {
                    effect.play(&format!("{at}/ask-survey/prompts"), &survey.prompts)
                }
                FlowAction::Set(key, value) => {
                    effect.attributes.insert(key, (at.clone() + "/set/1", value));
                }
                FlowAction::SetTimer(name, after_ms) => {
                    let at = at.clone() + "/set-timer/1";
                    effect.timers.insert(name, (at, *after_ms));
                }
                FlowAction::Record(on) => {
                    if effect.recording.last().is_none_or(|(_, last)| last != on) {
                        effect.recording.push((at.clone() + "/record", *on));
                    }
                }
                FlowAction::Enqueue(_) | FlowAction::End => {}
            }
            if action.waits() {
                effect.waits = Some((at, action));
            }
        }
        effect
    }

    fn play(&mut self, at: &str, prompts: &'a [Prompt]) {
        let places = prompts
            .iter()
            .enumerate()
            .map(|(n, prompt)| (format!("{at}/{n}"), prompt));
        self.prompts.extend(places);
    }

    fn states(&self) -> Vec<bool> {
        self.recording.iter().map(|(_, on)| *on).collect()
    }

    fn is_silent(&self) -> bool {
        self.prompts.is_empty() && self.timers.is_empty() && self.waits.is_none()
    }

    fn waiting(&self) -> Option<&'a FlowAction> {
        self.waits.as_ref().map(|(_, action)| *action)
    }
}

fn named<T: PartialEq + serde::Serialize>(
    found: &mut Differences,
    before: &BTreeMap<&str, (String, T)>,
    after: &BTreeMap<&str, (String, T)>,
) {
    for (name, (at, was)) in before {
        match after.get(name) {
            Some((_, is)) => found.field(Grade::Material, at, was, is),
            None => found.note(Grade::Material, at, was, &()),
        }
    }
    for (name, (at, is)) in after {
        if !before.contains_key(name) {
            found.note(Grade::Material, at, &(), is);
        }
    }
}

fn prompts(found: &mut Differences, before: &[(String, &Prompt)], after: &[(String, &Prompt)]) {
    for n in 0..before.len().max(after.len()) {
        match (before.get(n), after.get(n)) {
            (
                Some((at, Prompt::Speech { text, language })),
                Some((_, Prompt::Speech { text: t, language: l })),
            ) => {
                found.field(Grade::Cosmetic, format_args!("{at}/speech/text"), text, t);
                found.field(Grade::Material, format_args!("{at}/speech/language"), language, l);
            }
            (Some((at, was)), Some((_, is))) => found.field(Grade::Material, at, *was, *is),
            (Some((at, was)), None) => found.note(Grade::Material, at, was, &()),
            (None, Some((at, is))) => found.note(Grade::Material, at, &(), is),
            (None, None) => {}
        }
    }
}

fn waits(found: &mut Differences, event: &FlowEvent, before: &Effect<'_>, after: &Effect<'_>) {
    let at = before.waits.as_ref().or(after.waits.as_ref());
    let Some((at, _)) = at else { return };
    match (before.waiting(), after.waiting()) {
        (Some(FlowAction::Gather(was)), Some(FlowAction::Gather(is))) => gather(found, at, was, is),
        (Some(FlowAction::Enqueue(was)), Some(FlowAction::Enqueue(is))) => enqueue(found, at, was, is),
        (Some(FlowAction::AskSurvey(was)), Some(FlowAction::AskSurvey(is))) => survey(found, at, was, is),
        (was, is) if was == is => {}
        (was, is) => {
            let only_a_survey = match was {
                Some(FlowAction::AskSurvey(_)) => true,
                None => matches!(event, FlowEvent::SurveyAnswered { .. }),
                _ => false,
            };
            let loses = is == Some(&FlowAction::End) && !only_a_survey;
            let grade = if loses { Grade::Forbidden } else { Grade::Material };
            found.note(grade, at, &was, &is);
        }
    }
}

fn gather(found: &mut Differences, at: &str, was: &Gather, is: &Gather) {
    let at = |field| format!("{at}/gather/{field}");
    let grade = Grade::Material;
    found.field(grade, at("max_digits"), &was.max_digits, &is.max_digits);
    found.field(grade, at("terminator"), &was.terminator, &is.terminator);
    found.field(
        grade,
        at("first_digit_ms"),
        &was.first_digit_ms,
        &is.first_digit_ms,
    );
    found.field(
        grade,
        at("between_digits_ms"),
        &was.between_digits_ms,
        &is.between_digits_ms,
    );
}

fn enqueue(found: &mut Differences, at: &str, was: &Enqueue, is: &Enqueue) {
    let at = |field| format!("{at}/enqueue/{field}");
    found.field(Grade::Material, at("queue"), &was.queue, &is.queue);
    if needs(was) != needs(is) {
        found.note(Grade::Material, at("needs"), &was.needs, &is.needs);
    }
    found.field(Grade::Material, at("priority"), &was.priority, &is.priority);
}

/// A skill that is asked for twice must have the higher level.
fn needs(enqueue: &Enqueue) -> BTreeMap<&SkillId, u8> {
    let mut needs = BTreeMap::new();
    for need in &enqueue.needs {
        let level = needs.entry(&need.skill).or_insert(need.level);
        *level = need.level.max(*level);
    }
    needs
}

fn survey(found: &mut Differences, at: &str, was: &SurveyQuestion, is: &SurveyQuestion) {
    let at = |field| format!("{at}/ask-survey/{field}");
    found.field(Grade::Material, at("id"), &was.id, &is.id);
    found.field(Grade::Material, at("lowest"), &was.lowest, &is.lowest);
    found.field(Grade::Material, at("highest"), &was.highest, &is.highest);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{self, differences};
    use super::*;
    use crate::decision::{Answer, Need};

    fn found(event: FlowEvent, before: &[FlowAction], after: &[FlowAction]) -> Vec<(String, Grade)> {
        let answer = |actions: &[FlowAction]| {
            Answer::Flow(FlowAnswer {
                state: vec![1],
                actions: actions.to_vec(),
            })
        };
        differences(&tests::flow(event), answer(before), answer(after))
    }

    fn one(event: FlowEvent, before: &[FlowAction], after: &[FlowAction]) -> (String, Grade) {
        let found = found(event, before, after);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    fn at(path: &str, grade: Grade) -> (String, Grade) {
        (path.to_owned(), grade)
    }

    fn say(text: &str) -> Prompt {
        Prompt::Speech {
            text: text.into(),
            language: "en".into(),
        }
    }

    fn gather_one() -> Gather {
        Gather {
            prompts: vec![say("Press 1")],
            max_digits: 1,
            terminator: None,
            first_digit_ms: 5_000,
            between_digits_ms: 2_000,
        }
    }

    fn queue(name: &str, needs: &[(&str, u8)]) -> FlowAction {
        FlowAction::Enqueue(Enqueue {
            queue: name.into(),
            needs: needs
                .iter()
                .map(|(skill, level)| Need {
                    skill: skill.parse().unwrap(),
                    level: *level,
                })
                .collect(),
            priority: 0,
        })
    }

    fn ask() -> FlowAction {
        FlowAction::AskSurvey(SurveyQuestion {
            id: "csat".into(),
            prompts: vec![],
            lowest: 1,
            highest: 5,
        })
    }

    fn set(key: &str, value: &str) -> FlowAction {
        FlowAction::Set(key.into(), value.into())
    }

    const DIGIT: fn() -> FlowEvent = || FlowEvent::Digits("1".into());

    #[test]
    fn wording_is_cosmetic_and_other_prompts_are_material() {
        let play = |prompt| [FlowAction::Play(vec![prompt])];
        let hello = play(say("Hello"));
        let place = "/flow/actions/0/play/0";
        assert_eq!(
            one(DIGIT(), &hello, &play(say("Welcome"))),
            at("/flow/actions/0/play/0/speech/text", Grade::Cosmetic)
        );
        let chinese = play(Prompt::Speech {
            text: "Hello".into(),
            language: "zh-CN".into(),
        });
        assert_eq!(
            one(DIGIT(), &hello, &chinese),
            at("/flow/actions/0/play/0/speech/language", Grade::Material)
        );
        for other in [
            Prompt::File("hello.wav".into()),
            Prompt::Silence(5),
            Prompt::HoldMusic,
        ] {
            assert_eq!(one(DIGIT(), &hello, &play(other)), at(place, Grade::Material));
        }
        assert_eq!(one(DIGIT(), &hello, &[]), at(place, Grade::Material));
        assert_eq!(one(DIGIT(), &[], &hello), at(place, Grade::Material));
    }

    #[test]
    fn the_same_effect_from_other_actions_is_cosmetic() {
        let mut silent = gather_one();
        let prompts = std::mem::take(&mut silent.prompts);
        let timer = |name: &str| FlowAction::SetTimer(name.into(), 1_000);
        let before = [
            set("a", "1"),
            set("b", "2"),
            timer("x"),
            timer("y"),
            FlowAction::Gather(gather_one()),
        ];
        let after = [
            timer("y"),
            FlowAction::Play(prompts),
            set("b", "0"),
            set("b", "2"),
            set("a", "1"),
            timer("x"),
            FlowAction::Gather(silent),
        ];
        assert_eq!(
            one(DIGIT(), &before, &after),
            at("/flow/actions", Grade::Cosmetic)
        );
        let (before, after) = (
            queue("q", &[("zh", 3), ("en", 1)]),
            queue("q", &[("en", 1), ("zh", 3), ("zh", 2)]),
        );
        assert_eq!(
            one(DIGIT(), &[before], &[after]),
            at("/flow/actions", Grade::Cosmetic)
        );
    }

    #[test]
    fn another_effect_is_material() {
        let gathers = |change: fn(&mut Gather)| {
            let mut gather = gather_one();
            change(&mut gather);
            [FlowAction::Gather(gather)]
        };
        let same = gathers(|_| ());
        for (field, other) in [
            ("max_digits", gathers(|gather| gather.max_digits = 2)),
            ("terminator", gathers(|gather| gather.terminator = Some('#'))),
            ("first_digit_ms", gathers(|gather| gather.first_digit_ms = 1)),
            (
                "between_digits_ms",
                gathers(|gather| gather.between_digits_ms = 1),
            ),
        ] {
            let path = format!("/flow/actions/0/gather/{field}");
            assert_eq!(one(DIGIT(), &same, &other), at(&path, Grade::Material));
        }
        let timer = |after_ms| FlowAction::SetTimer("t".into(), after_ms);
        for (before, after, path) in [
            (queue("a", &[]), queue("b", &[]), "/flow/actions/0/enqueue/queue"),
            (
                queue("a", &[]),
                queue("a", &[("zh", 1)]),
                "/flow/actions/0/enqueue/needs",
            ),
            (set("k", "1"), set("k", "2"), "/flow/actions/0/set/1"),
            (timer(1), timer(2), "/flow/actions/0/set-timer/1"),
            (
                FlowAction::Record(true),
                FlowAction::Record(false),
                "/flow/actions/0/record",
            ),
            (FlowAction::End, queue("a", &[]), "/flow/actions/0"),
        ] {
            assert_eq!(one(DIGIT(), &[before], &[after]), at(path, Grade::Material));
        }
        let found = found(DIGIT(), &[set("k", "1")], &[set("l", "1")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(_, grade)| *grade == Grade::Material));
    }

    #[test]
    fn a_caller_who_is_lost_is_forbidden() {
        let end = [FlowAction::End];
        let place = "/flow/actions/0";
        for before in [
            vec![FlowAction::Gather(Gather {
                prompts: vec![],
                ..gather_one()
            })],
            vec![queue("a", &[])],
            vec![],
        ] {
            assert_eq!(
                one(DIGIT(), &before, &end),
                at(place, Grade::Forbidden),
                "{before:?}"
            );
        }
        let silent = found(FlowEvent::Started, &[queue("a", &[])], &[]);
        assert!(
            silent.contains(&at("/flow/actions", Grade::Forbidden)),
            "{silent:?}"
        );
    }

    #[test]
    fn a_survey_cut_short_and_a_call_that_is_over_lose_nobody() {
        let end = [FlowAction::End];
        let answered = || FlowEvent::SurveyAnswered {
            question: "csat".into(),
            value: 5,
        };
        for (event, before, grade) in [
            (FlowEvent::NoInput, vec![ask()], Grade::Material),
            (answered(), vec![], Grade::Material),
            (answered(), vec![queue("a", &[])], Grade::Forbidden),
        ] {
            assert_eq!(
                one(event, &before, &end),
                at("/flow/actions/0", grade),
                "{before:?}"
            );
        }
        let over = one(FlowEvent::Ended, &[queue("a", &[])], &end);
        assert_eq!(over, at("/flow/actions", Grade::Cosmetic));
        let over = one(FlowEvent::Ended, &[set("k", "1")], &[set("k", "2")]);
        assert_eq!(over, at("/flow/actions/0/set/1", Grade::Material));
    }

    #[test]
    fn state_is_opaque() {
        let answer = |byte| {
            Answer::Flow(FlowAnswer {
                state: vec![byte; 16_384],
                actions: vec![],
            })
        };
        let found = differences(&tests::flow(DIGIT()), answer(1), answer(2));
        assert_eq!(found, [at("/flow/state", Grade::Cosmetic)]);
    }
}
