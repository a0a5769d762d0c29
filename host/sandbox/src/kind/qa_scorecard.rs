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
