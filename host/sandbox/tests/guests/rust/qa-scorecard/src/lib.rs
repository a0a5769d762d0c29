//! The scorecard of the conformance suite, in Rust.

use jackfield_plugin::{
    Channel, Phase, customer,
    customer::Author,
    qa_scorecard::{
        Error, Evaluation, Evidence, Interaction, Item, ItemResult, PhaseEmotion, QaScorecard, Segment,
        SegmentKind,
    },
};
use serde::Deserialize;

struct Rule;

#[derive(Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Config {
    /// A wait that is still good, in milliseconds.
    wait_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { wait_ms: 20_000 }
    }
}

impl QaScorecard for Rule {
    type Config = Config;

    fn evaluate(config: &Config, interaction: &Interaction) -> Result<Evaluation, Error> {
        let items = vec![
            wait(config, interaction),
            listening(interaction),
            manners(interaction),
            thanks(interaction)?,
        ];
        Ok(Evaluation {
            items,
            emotions: emotions(interaction),
        })
    }
}

fn item(id: &str, section: &str, possible: f64, weight: f64, critical: bool) -> Item {
    Item {
        id: id.to_owned(),
        section: section.to_owned(),
        possible,
        weight,
        critical,
        result: ItemResult::NotApplicable,
        evidence: None,
    }
}

fn first(interaction: &Interaction, kind: SegmentKind) -> Option<&Segment> {
    interaction.segments.iter().find(|segment| segment.kind == kind)
}

fn at(segment: &Segment, note: String) -> Evidence {
    Evidence {
        start: segment.start,
        end: segment.end,
        note,
    }
}

fn wait(config: &Config, interaction: &Interaction) -> Item {
    let mut item = item("wait", "open", 5.0, 1.5, false);
    if let Some(queue) = first(interaction, SegmentKind::Queue) {
        let waits = interaction
            .segments
            .iter()
            .filter(|segment| segment.kind == SegmentKind::Queue);
        let waited: u64 = waits.map(|segment| segment.end - segment.start).sum();
        let late = waited.saturating_sub(config.wait_ms) as f64;
        item.result = ItemResult::Points((5.0 - late / 10_000.0).max(0.0));
        let name = queue.queue.as_deref().unwrap_or("?");
        item.evidence = Some(at(queue, format!("在 {name} 等了 {waited} ms")));
    }
    item
}

fn listening(interaction: &Interaction) -> Item {
    let mut item = item("listening", "understand", 10.0, 2.0, true);
    if let Some(speech) = &interaction.speech
        && speech.agent + speech.customer > 0
    {
        let share = speech.agent as f64 / (speech.agent + speech.customer) as f64;
        item.result = ItemResult::Points(10.0 * (1.0 - share));
    }
    item
}

fn manners(interaction: &Interaction) -> Item {
    let mut item = item("manners", "help", 1.0, 0.5, true);
    item.result = ItemResult::Points(1.0);
    let mut attributes = interaction.attributes.iter();
    if let Some(rude) = attributes.find(|attribute| attribute.key == "rude") {
        item.result = ItemResult::Fatal;
        item.evidence = first(interaction, SegmentKind::Talk).map(|talk| at(talk, rude.value.clone()));
    }
    item
}

fn thanks(interaction: &Interaction) -> Result<Item, Error> {
    let mut item = item("thanks", "close", 3.0, 1.0, false);
    if interaction.channel == Channel::Voice {
        return Ok(item);
    }
    let messages = customer::messages(0, 200)?;
    let thanked: Vec<_> = messages
        .iter()
        .filter(|message| message.author == Author::Agent)
        .filter(|message| message.text.contains("谢谢") || message.text.contains("thank"))
        .collect();
    item.result = ItemResult::Points(thanked.len().min(3) as f64);
    item.evidence = thanked.first().map(|message| {
        let moment = message.at.saturating_sub(interaction.started_at);
        Evidence {
            start: moment,
            end: moment,
            note: message.text.clone(),
        }
    });
    Ok(item)
}

fn emotions(interaction: &Interaction) -> Vec<PhaseEmotion> {
    let mut emotions = Vec::new();
    if let Some(speech) = &interaction.speech
        && speech.interruptions > 2
    {
        let talk = first(interaction, SegmentKind::Talk);
        emotions.push(PhaseEmotion {
            phase: Phase::Understand,
            emotion: 2,
            evidence: talk.map(|talk| at(talk, format!("interrupted {} times", speech.interruptions))),
        });
    }
    if let Some(survey) = interaction
        .surveys
        .iter()
        .find(|survey| survey.question == "csat")
    {
        let (above, range) = (survey.value - survey.lowest, survey.highest - survey.lowest);
        let emotion = (4 * above).checked_div(range).map_or(3, |steps| 1 + steps);
        emotions.push(PhaseEmotion {
            phase: Phase::Close,
            emotion,
            evidence: None,
        });
    }
    emotions
}

jackfield_plugin::qa_scorecard::register!(Rule);
