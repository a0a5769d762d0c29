//! The tag generator of the suite: reads of three capabilities, texts, and values kept.

use std::collections::BTreeMap;

use jackfield_contact::decision::{
    Answer, PastInteraction, Question, SurveyRecord, Tag, TagChange, TagQuestion,
};
use jackfield_types::{Capability, Channel, Timestamp};
use serde_json::{Value, json};

use super::cases::{Case, Dice, Outcome, occasion};

const DAY_MS: u64 = 86_400_000;

pub(super) fn native(case: &Case) -> Outcome {
    let mut values = BTreeMap::new();
    let result = changes(case, &mut values).map(Answer::Tags);
    Outcome { result, values }
}

fn tag(name: &str, confidence: u64, reason: &str, expires_at: Option<u64>) -> Tag {
    Tag {
        name: name.into(),
        confidence: confidence as u8,
        reason: reason.into(),
        expires_at: expires_at.map(Timestamp),
    }
}

fn changes(case: &Case, values: &mut BTreeMap<String, Option<String>>) -> Result<Vec<TagChange>, String> {
    let occasion = occasion(&case.question);
    let ended = occasion.ended_at.0;
    let (gold, lasting) = (case.figure("gold", 100_000), case.figure("days", 30) * DAY_MS);
    case.is_granted(Capability::Customers)?;
    let past = case.host.history.iter().take(20);
    let counted = past.filter(|past| !past.abandoned && past.started_at.0 + lasting >= ended);
    let spent: u64 = counted.map(|past| past.value).sum();
    let reason = format!("spent {spent}");
    let mut changes = vec![if spent >= gold {
        let sure = (spent * 50 / gold).min(100);
        TagChange::Add(tag("gold", sure, &reason, Some(ended + lasting)))
    } else if spent * 2 >= gold {
        TagChange::Refresh(tag("gold", spent * 50 / gold, &reason, None))
    } else {
        TagChange::Expire("gold".into())
    }];
    let mut add = |name: &str, confidence, reason: &str, expires_at| {
        changes.push(TagChange::Add(tag(name, confidence, reason, expires_at)));
    };
    if occasion.abandoned {
        let reason = format!("waited {} s", occasion.waited_ms / 1_000);
        add("gave-up", 100, &reason, Some(ended + DAY_MS));
    }
    let words = case.config["words"].as_array().cloned().unwrap_or_default();
    for (_, value) in &occasion.attributes {
        for word in words.iter().filter_map(Value::as_str) {
            if value.contains(word) {
                add(&format!("said:{word}"), 80, value, None);
            }
        }
    }
    if let Some(score) = occasion.score.filter(|score| *score < 60.0) {
        add("unhappy", (100.0 - score).floor() as u64, "score", None);
    }
    case.is_granted(Capability::Scores)?;
    let mut surveys = case.host.surveys.iter().take(10);
    let worst = surveys
        .find(|survey| &*survey.answer.question == "csat" && survey.answer.value == survey.answer.lowest);
    if let Some(worst) = worst {
        add("detractor", 90, &worst.interaction.to_string(), None);
    }
    case.is_granted(Capability::KeyValue)?;
    let visits = case.host.values.get("visits").map_or(0, |n| n.parse().unwrap()) + 1;
    if visits == 3 {
        add("regular", 100, "visit 3", None);
    }
    values.insert("visits".to_owned(), (visits < 5).then(|| visits.to_string()));
    Ok(changes)
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let now = crate::env().now.0;
    let past = || PastInteraction {
        id: dice.interaction(),
        channel: dice.of(&[Channel::Voice, Channel::Chat]),
        started_at: Timestamp(now - dice.below(60 * DAY_MS)),
        length_ms: dice.below(600_000),
        queue: None,
        agent: None,
        talked_ms: dice.below(500_000),
        abandoned: dice.one_in(5),
        value: dice.below(40_000),
    };
    let survey = || SurveyRecord {
        interaction: dice.interaction(),
        at: Timestamp(now - dice.below(DAY_MS)),
        answer: dice.survey(),
    };
    let case = || {
        let question = TagQuestion {
            interaction: Some(dice.interaction()),
            channel: Channel::Voice,
            started_at: Timestamp(now - 300_000),
            ended_at: Timestamp(now),
            abandoned: dice.one_in(4),
            waited_ms: dice.below(200_000),
            talked_ms: dice.below(200_000),
            attributes: dice.attributes(),
            score: dice
                .one_in(2)
                .then(|| dice.below(1_000) as f64 / 9.0)
                .filter(|score| *score <= 100.0),
        };
        let config = match dice.below(3) {
            0 => json!({}),
            1 => json!({"words": ["退款", "refund"], "days": 1 + dice.below(60)}),
            _ => json!({"gold": 1 + dice.below(200_000), "words": ["😀", "\"quoted\" \\ "]}),
        };
        let mut case = dice.case(config, Question::Tags(Box::new(question)));
        case.host.history = dice.some(25, past);
        case.host.surveys = dice.some(12, survey);
        if !dice.one_in(4) {
            case.host
                .values
                .insert("visits".to_owned(), dice.below(6).to_string());
        }
        case
    };
    (0..100).map(|_| case()).collect()
}
