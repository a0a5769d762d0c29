//! Etiquette, measured from a call's events and its two channels of sound: how long it rang, how much hold, talk-over
//! and dead air there was, what the customer answered, how long the after-call work took.
//!
//! What cannot be measured is not applicable, never zero.

mod config;
mod measure;
#[cfg(test)]
mod tests;

use config::Config;
use jackfield_plugin::{
    Phase,
    qa_scorecard::{
        self, Error, Evaluation, Evidence, Interaction, Item, ItemResult, PhaseEmotion, QaScorecard,
    },
};
use measure::{Measured, scale, survey};

struct EtiquetteScorecard;

impl QaScorecard for EtiquetteScorecard {
    type Config = Config;

    fn evaluate(config: &Config, interaction: &Interaction) -> Result<Evaluation, Error> {
        let measured = measure::all(interaction);
        let items = config.form(&interaction.call_type)?.into_iter().map(|rule| {
            let found = measured
                .iter()
                .find(|(id, _)| *id == rule.id)
                .and_then(|(_, found)| found.as_ref());
            Item {
                id: rule.id.to_owned(),
                section: rule.section.to_owned(),
                possible: rule.possible,
                weight: rule.weight,
                critical: rule.critical,
                result: found.map_or(ItemResult::NotApplicable, |found| {
                    ItemResult::Points(rule.possible * rule.share(found.value))
                }),
                evidence: found.map(evidence),
            }
        });
        Ok(Evaluation {
            items: items.collect(),
            emotions: emotions(interaction),
        })
    }
}

fn evidence(found: &Measured) -> Evidence {
    Evidence {
        start: found.start,
        end: found.end,
        note: found.note.clone(),
    }
}

/// Only the survey shows a feeling, and what it shows is the feeling at the end.
fn emotions(interaction: &Interaction) -> Vec<PhaseEmotion> {
    let Some(csat) = survey(interaction, "csat") else {
        return Vec::new();
    };
    let Some(emotion) = scale(csat) else {
        return Vec::new();
    };
    let place = measure::survey_place(interaction);
    let expected = survey(interaction, "expectation").and_then(scale);
    let note = match expected {
        Some(expected) => format!("perception {emotion} of 5 against an expectation of {expected}"),
        None => format!("satisfaction {emotion} of 5"),
    };
    vec![PhaseEmotion {
        phase: Phase::Close,
        emotion,
        evidence: Some(Evidence {
            start: place.0,
            end: place.1,
            note,
        }),
    }]
}

qa_scorecard::register!(EtiquetteScorecard);
