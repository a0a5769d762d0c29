use std::{collections::BTreeSet, fmt};

use jackfield_contact::decision::{
    Emotion, Evaluation, Evidence, Failure, Item, ItemResult, ScorecardQuestion, ScoredEmotion, SegmentKind,
};
use jackfield_types::limits::{MAX_SCORE_ITEMS, MAX_TEXT_BYTES};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::{Checker, invalid},
    bindings::{cx::qa_scorecard::types as wit, exports::cx::qa_scorecard::scorecard::GuestIndices},
    fault::Fault,
    lower::Lower,
    state::State,
};

/// The phases of a conversation.
const PHASES: usize = 5;

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &ScorecardQuestion,
    ceilings: &Ceilings,
) -> Result<Evaluation, Fault> {
    let interaction = interaction(question, ceilings.input_bytes)?;
    let evaluation = guest
        .load(&mut *store, instance)?
        .call_evaluate(store, &interaction)??;
    Ok(checked(evaluation, ceilings.output_bytes)?)
}

fn interaction(question: &ScorecardQuestion, limit: usize) -> Result<wit::Interaction, Failure> {
    let mut lower = Lower::question(limit);
    let interaction = wit::Interaction {
        id: lower.shown(question.interaction),
        channel: question.channel.into(),
        call_type: lower.text(&question.call_type),
        started_at: question.started_at.0,
        ended_at: question.ended_at.0,
        agent: question.agent.as_ref().map(|agent| lower.text(agent.as_str())),
        segments: lower.list(&question.segments, |lower, segment| wit::Segment {
            kind: match segment.kind {
                SegmentKind::Ivr => wit::SegmentKind::Ivr,
                SegmentKind::Queue => wit::SegmentKind::Queue,
                SegmentKind::Ringing => wit::SegmentKind::Ringing,
                SegmentKind::Talk => wit::SegmentKind::Talk,
                SegmentKind::Hold => wit::SegmentKind::Hold,
                SegmentKind::WrapUp => wit::SegmentKind::WrapUp,
                SegmentKind::Survey => wit::SegmentKind::Survey,
            },
            agent: segment.agent.as_ref().map(|agent| lower.text(agent.as_str())),
            queue: segment.queue.as_ref().map(|queue| lower.text(queue.as_str())),
            start: segment.start_ms,
            end: segment.end_ms,
        }),
        speech: question.speech.map(|speech| wit::Speech {
            customer: speech.customer_ms,
            agent: speech.agent_ms,
            talk_over: speech.talk_over_ms,
            silence: speech.silence_ms,
            interruptions: speech.interruptions,
        }),
        surveys: lower.list(&question.surveys, |lower, survey| wit::Survey {
            question: lower.text(&survey.question),
            value: survey.value,
            lowest: survey.lowest,
            highest: survey.highest,
        }),
        attributes: lower.attributes(&question.attributes),
    };
    lower.asked(interaction)
}

fn checked(evaluation: wit::Evaluation, limit: usize) -> Result<Evaluation, Failure> {
    let mut check = Checker::new(limit);
    check.list("items", &evaluation.items, MAX_SCORE_ITEMS)?;
    check.list("emotions", &evaluation.emotions, PHASES)?;
    let mut ids = BTreeSet::new();
    let mut items = Vec::with_capacity(evaluation.items.len());
    for (n, found) in evaluation.items.into_iter().enumerate() {
        let item = item(&mut check, format_args!("items[{n}]"), found)?;
        if !ids.insert(item.id.clone()) {
            return Err(invalid(
                format_args!("items[{n}].id"),
                format_args!("{:?} again", item.id),
                "ids that differ",
            ));
        }
        items.push(item);
    }
    let mut phases = BTreeSet::new();
    let mut emotions = Vec::with_capacity(evaluation.emotions.len());
    for (n, found) in evaluation.emotions.into_iter().enumerate() {
        let at = format_args!("emotions[{n}]");
        let phase = found.phase.into();
        if !phases.insert(phase) {
            return Err(invalid(
                format_args!("{at}.phase"),
                format_args!("{phase:?} again"),
                "each phase at most once",
            ));
        }
        let emotion = Emotion::try_from(found.emotion)
            .map_err(|expected| invalid(format_args!("{at}.emotion"), found.emotion, expected))?;
        emotions.push(ScoredEmotion {
            phase,
            emotion,
            evidence: evidence(&mut check, at, found.evidence)?,
        });
    }
    Ok(Evaluation { items, emotions })
}

fn item(check: &mut Checker, at: fmt::Arguments<'_>, item: wit::Item) -> Result<Item, Failure> {
    let possible = check.above_zero(format_args!("{at}.possible"), item.possible)?;
    Ok(Item {
        id: check.name(format_args!("{at}.id"), item.id)?,
        section: check.text(format_args!("{at}.section"), item.section, MAX_TEXT_BYTES)?,
        possible,
        weight: check.above_zero(format_args!("{at}.weight"), item.weight)?,
        critical: item.critical,
        result: match item.result {
            wit::ItemResult::Points(points) => ItemResult::Points(check.number(
                format_args!("{at}.result.points"),
                points,
                0.0..=possible,
            )?),
            wit::ItemResult::NotApplicable => ItemResult::NotApplicable,
            wit::ItemResult::Fatal => ItemResult::Fatal,
        },
        evidence: evidence(check, at, item.evidence)?,
    })
}

fn evidence(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    evidence: Option<wit::Evidence>,
) -> Result<Option<Evidence>, Failure> {
    let Some(evidence) = evidence else { return Ok(None) };
    if evidence.end < evidence.start {
        let expected = format_args!("at least its start, {}", evidence.start);
        return Err(invalid(format_args!("{at}.evidence.end"), evidence.end, expected));
    }
    Ok(Some(Evidence {
        start_ms: evidence.start,
        end_ms: evidence.end,
        note: check.text(format_args!("{at}.evidence.note"), evidence.note, MAX_TEXT_BYTES)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str) -> wit::Item {
        wit::Item {
            id: id.into(),
            section: "manners".into(),
            possible: 10.0,
            weight: 2.0,
            critical: false,
            result: wit::ItemResult::Points(4.0),
            evidence: None,
        }
    }

    fn emotion(phase: wit::Phase, emotion: u8) -> wit::PhaseEmotion {
        wit::PhaseEmotion {
            phase,
            emotion,
            evidence: None,
        }
    }

    fn check(items: Vec<wit::Item>, emotions: Vec<wit::PhaseEmotion>) -> Result<Evaluation, String> {
        checked(wit::Evaluation { items, emotions }, 256 * 1024)
            .map_err(|failure| failure.message.to_string())
    }

    #[test]
    fn a_sound_evaluation_passes() {
        let found = check(vec![item("a"), item("b")], vec![emotion(wit::Phase::Help, 5)]).unwrap();
        assert_eq!(found.score(), Some(40.0));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let with = |change: fn(&mut wit::Item)| {
            let mut item = item("a");
            change(&mut item);
            vec![item]
        };
        for (items, part) in [
            (with(|item| item.possible = 0.0), "items[0].possible: found 0"),
            (with(|item| item.weight = f64::NAN), "items[0].weight: found NaN"),
            (with(|item| item.weight = -1.0), "items[0].weight: found -1"),
            (with(|item| item.id = String::new()), "items[0].id"),
            (
                with(|item| item.result = wit::ItemResult::Points(11.0)),
                "items[0].result.points: found 11, expected 0 to 10",
            ),
            (
                with(|item| item.result = wit::ItemResult::Points(f64::NAN)),
                "items[0].result.points",
            ),
            (
                with(|item| {
                    item.evidence = Some(wit::Evidence {
                        start: 2,
                        end: 1,
                        note: String::new(),
                    })
                }),
                "items[0].evidence.end: found 1",
            ),
            (vec![item("a"), item("a")], "items[1].id: found \"a\" again"),
            (vec![item("a"); 101], "items: found 101 entries"),
        ] {
            let error = check(items, vec![]).unwrap_err();
            assert!(error.contains(part), "{error}: expected {part:?}");
        }
        for (emotions, part) in [
            (vec![emotion(wit::Phase::Help, 0)], "emotions[0].emotion: found 0"),
            (vec![emotion(wit::Phase::Help, 6)], "emotions[0].emotion: found 6"),
            (
                vec![emotion(wit::Phase::Help, 1), emotion(wit::Phase::Help, 2)],
                "emotions[1].phase",
            ),
        ] {
            let error = check(vec![], emotions).unwrap_err();
            assert!(error.contains(part), "{error}: expected {part:?}");
        }
    }
}
