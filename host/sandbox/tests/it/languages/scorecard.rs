//! The scorecard of the suite: fractions, evidence, emotions, written messages.

use jackfield_contact::decision::{
    Answer, Author, Emotion, Evaluation, Evidence, Item, ItemResult, Message, Phase, Question,
    ScorecardQuestion, ScoredEmotion, Segment, SegmentKind,
};
use jackfield_contact::leg::Speech;
use jackfield_types::{AgentId, Capability, Channel, QueueId, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Scorecard(question) = &case.question else {
        unreachable!()
    };
    evaluated(case, question).map(Answer::Scorecard).into()
}

fn item(id: &str, section: &str, [possible, weight]: [f64; 2], critical: bool) -> Item {
    Item {
        id: id.into(),
        section: section.into(),
        possible,
        weight,
        critical,
        result: ItemResult::NotApplicable,
        evidence: None,
    }
}

fn evaluated(case: &Case, question: &ScorecardQuestion) -> Result<Evaluation, String> {
    let first = |kind| question.segments.iter().find(|segment| segment.kind == kind);
    let at = |segment: &Segment, note: String| Evidence {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        note: note.into(),
    };

    let mut wait = item("wait", "open", [5.0, 1.5], false);
    if let Some(queue) = first(SegmentKind::Queue) {
        let waits = question
            .segments
            .iter()
            .filter(|segment| segment.kind == SegmentKind::Queue);
        let waited: u64 = waits.map(|segment| segment.end_ms - segment.start_ms).sum();
        let late = waited.saturating_sub(case.figure("wait-ms", 20_000)) as f64;
        wait.result = ItemResult::Points((5.0 - late / 10_000.0).max(0.0));
        let name = queue.queue.as_ref().map_or("?", QueueId::as_str);
        wait.evidence = Some(at(queue, format!("在 {name} 等了 {waited} ms")));
    }

    let mut listening = item("listening", "understand", [10.0, 2.0], true);
    if let Some(speech) = question
        .speech
        .filter(|speech| speech.agent_ms + speech.customer_ms > 0)
    {
        let share = speech.agent_ms as f64 / (speech.agent_ms + speech.customer_ms) as f64;
        listening.result = ItemResult::Points(10.0 * (1.0 - share));
    }

    let mut manners = item("manners", "help", [1.0, 0.5], true);
    manners.result = ItemResult::Points(1.0);
    if let Some((_, why)) = question.attributes.iter().find(|(key, _)| &**key == "rude") {
        manners.result = ItemResult::Fatal;
        manners.evidence = first(SegmentKind::Talk).map(|talk| at(talk, why.to_string()));
    }

    let mut thanks = item("thanks", "close", [3.0, 1.0], false);
    if question.channel != Channel::Voice {
        case.is_granted(Capability::Messages)?;
        let of_agents = case
            .host
            .messages
            .iter()
            .filter(|message| matches!(message.author, Author::Agent(_)));
        let thanked: Vec<_> = of_agents
            .filter(|message| message.text.contains("谢谢") || message.text.contains("thank"))
            .collect();
        thanks.result = ItemResult::Points(thanked.len().min(3) as f64);
        thanks.evidence = thanked.first().map(|message| {
            let moment = message.at.0.saturating_sub(question.started_at.0);
            Evidence {
                start_ms: moment,
                end_ms: moment,
                note: message.text.clone(),
            }
        });
    }

    let mut emotions = Vec::new();
    if let Some(speech) = question.speech.filter(|speech| speech.interruptions > 2) {
        let note = format!("interrupted {} times", speech.interruptions);
        emotions.push(ScoredEmotion {
            phase: Phase::Understand,
            emotion: Emotion::try_from(2).unwrap(),
            evidence: first(SegmentKind::Talk).map(|talk| at(talk, note)),
        });
    }
    if let Some(survey) = question.surveys.iter().find(|survey| &*survey.question == "csat") {
        let range = survey.highest - survey.lowest;
        let emotion = (4 * (survey.value - survey.lowest))
            .checked_div(range)
            .map_or(3, |above| 1 + above);
        emotions.push(ScoredEmotion {
            phase: Phase::Close,
            emotion: Emotion::try_from(emotion).unwrap(),
            evidence: None,
        });
    }
    Ok(Evaluation {
        items: vec![wait, listening, manners, thanks],
        emotions,
    })
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let began = crate::env().now.0 - 600_000;
    let anna = || AgentId::new("anna").unwrap();
    let segment = || {
        let start_ms = dice.below(300_000);
        Segment {
            kind: dice.of(&[
                SegmentKind::Ivr,
                SegmentKind::Queue,
                SegmentKind::Ringing,
                SegmentKind::Talk,
                SegmentKind::Hold,
                SegmentKind::WrapUp,
                SegmentKind::Survey,
            ]),
            agent: dice.one_in(2).then(anna),
            queue: dice.one_in(2).then(|| QueueId::new("support").unwrap()),
            start_ms,
            end_ms: start_ms + dice.below(60_000),
        }
    };
    let speech = || Speech {
        customer_ms: dice.below(90_000),
        agent_ms: dice.below(90_000),
        talk_over_ms: dice.below(9_000),
        silence_ms: dice.below(9_000),
        interruptions: dice.below(6) as u32,
    };
    let author = || match dice.below(4) {
        0 => Author::Customer,
        1 => Author::Bot,
        _ => Author::Agent(anna()),
    };
    let case = || {
        let question = ScorecardQuestion {
            interaction: dice.interaction(),
            channel: dice.of(&[Channel::Voice, Channel::Chat, Channel::Social]),
            call_type: dice.text(),
            started_at: Timestamp(began),
            ended_at: crate::env().now,
            agent: dice.one_in(2).then(anna),
            segments: dice.some(8, segment),
            speech: (!dice.one_in(4)).then(speech),
            surveys: dice.some(3, || dice.survey()),
            attributes: dice.attributes(),
        };
        let config = if dice.one_in(2) {
            json!({})
        } else {
            json!({"wait-ms": dice.below(90_000)})
        };
        let mut case = dice.case(config, Question::Scorecard(Box::new(question)));
        case.host.messages = (1..=dice.below(30))
            .map(|number| Message {
                number: number as u32,
                at: Timestamp(began + number * 1_000),
                author: author(),
                text: dice.text(),
            })
            .collect();
        case
    };
    (0..100).map(|_| case()).collect()
}
