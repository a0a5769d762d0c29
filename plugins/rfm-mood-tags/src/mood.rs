//! The mood that the last contacts show.

use jackfield_plugin::{
    Phase, Tag,
    customer::{Evaluation, PastInteraction, Survey},
    tag_generator::Occasion,
};

use crate::{DAY_MS, confidence, config::Config, within};

/// What giving up a call says about the customer's feeling.
const ABANDONED: u8 = 2;

/// The mood with what shows it; none when nothing does.
pub(crate) fn tag(
    config: &Config,
    history: &[PastInteraction],
    surveys: &[Survey],
    evaluations: &[Evaluation],
    occasion: &Occasion,
) -> Option<Tag> {
    let now = occasion.ended_at;
    let recent = |at| within(at, now, config.mood_days);
    let told = history
        .iter()
        .filter(|past| past.id != occasion.id && past.abandoned && recent(past.started_at));
    let abandoned = told.count() + usize::from(occasion.abandoned);
    let answers: Vec<u8> = surveys
        .iter()
        .filter(|survey| is_feeling(survey) && recent(survey.at))
        .filter_map(ordinal)
        .collect();
    let emotions: Vec<u8> = evaluations
        .iter()
        .filter(|evaluation| recent(evaluation.at))
        .filter_map(last_emotion)
        .collect();

    let mut facts: Vec<u8> = std::iter::repeat_n(ABANDONED, abandoned).collect();
    facts.extend(&answers);
    facts.extend(&emotions);
    let mood = median(&mut facts)?;
    let name = match mood {
        ..=2 => "mood:unhappy",
        3 => "mood:neutral",
        4.. => "mood:happy",
    };
    Some(Tag {
        name: name.to_owned(),
        confidence: confidence(facts.len()),
        reason: format!(
            "median {mood} of 5 in {} d: {} survey answers, {} emotions, {abandoned} calls given up",
            config.mood_days,
            answers.len(),
            emotions.len()
        ),
        expires_at: Some(now + u64::from(config.mood_days) * DAY_MS),
    })
}

/// What a customer expected is no feeling about what they got.
fn is_feeling(survey: &Survey) -> bool {
    survey.question != "expectation"
}

/// An answer on the scale 1 to 5; none when the question had no scale.
fn ordinal(survey: &Survey) -> Option<u8> {
    let steps = survey
        .highest
        .checked_sub(survey.lowest)
        .filter(|steps| *steps > 0)?;
    let step = survey
        .value
        .checked_sub(survey.lowest)
        .filter(|step| *step <= steps)?;
    Some(1 + ((u32::from(step) * 4 + u32::from(steps) / 2) / u32::from(steps)) as u8)
}

/// The feeling that the customer left with.
fn last_emotion(evaluation: &Evaluation) -> Option<u8> {
    let order = [
        Phase::Open,
        Phase::Identify,
        Phase::Understand,
        Phase::Help,
        Phase::Close,
    ];
    order
        .iter()
        .rev()
        .find_map(|phase| evaluation.emotions.iter().find(|found| found.phase == *phase))
        .map(|found| found.emotion.clamp(1, 5))
}

/// The lower median: emotions are ordinal, so their mean has no meaning.
fn median(facts: &mut [u8]) -> Option<u8> {
    facts.sort_unstable();
    facts.get(facts.len().checked_sub(1)? / 2).copied()
}
