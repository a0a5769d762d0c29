//! Scores how long the customer waited, and whether the agent let the customer talk.

use jackfield_plugin::qa_scorecard::{
    self, Error, Evaluation, Evidence, Interaction, Item, ItemResult, QaScorecard, SegmentKind,
};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// A wait that is still good, in seconds.
    wait_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { wait_s: 20 }
    }
}

struct Basics;

impl QaScorecard for Basics {
    type Config = Config;

    fn evaluate(config: &Config, interaction: &Interaction) -> Result<Evaluation, Error> {
        let wait = interaction
            .segments
            .iter()
            .find(|segment| segment.kind == SegmentKind::Queue);
        let waited = wait.map_or(0, |segment| segment.end - segment.start);
        let prompt = Item {
            id: "answered-in-time".to_owned(),
            section: "open".to_owned(),
            possible: 5.0,
            weight: 1.0,
            critical: false,
            result: ItemResult::Points(if waited <= config.wait_s * 1_000 {
                5.0
            } else {
                0.0
            }),
            evidence: wait.map(|segment| Evidence {
                start: segment.start,
                end: segment.end,
                note: format!("waited {} s", waited / 1_000),
            }),
        };
        let listening = Item {
            id: "lets-talk".to_owned(),
            section: "understand".to_owned(),
            possible: 5.0,
            weight: 2.0,
            critical: true,
            // What was not recorded is not judged.
            result: interaction
                .speech
                .as_ref()
                .map_or(ItemResult::NotApplicable, |speech| {
                    ItemResult::Points(if speech.interruptions <= 2 { 5.0 } else { 2.0 })
                }),
            evidence: None,
        };
        Ok(Evaluation {
            items: vec![prompt, listening],
            emotions: vec![],
        })
    }
}

qa_scorecard::register!(Basics);
