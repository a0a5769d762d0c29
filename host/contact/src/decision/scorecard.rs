use std::sync::Arc;

use jackfield_types::{AgentId, Channel, InteractionId, QueueId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Emotion, Phase};
use crate::leg::Speech;

/// A finished interaction to be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScorecardQuestion {
    /// The interaction.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// The attribute `call-type`, else the last queue's id, else empty.
    pub call_type: Arc<str>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The agent who handled it last.
    pub agent: Option<AgentId>,
    /// Its stretches in order of their beginning.
    pub segments: Vec<Segment>,
    /// What was heard; `None` when it was not recorded.
    pub speech: Option<Speech>,
    /// Survey answers.
    pub surveys: Vec<SurveyAnswer>,
    /// What flows and agents have set.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// One stretch of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What it was.
    pub kind: SegmentKind,
    /// Whose time it was, from ringing to wrap-up.
    pub agent: Option<AgentId>,
    /// Where it was, while queueing.
    pub queue: Option<QueueId>,
    /// Milliseconds from the interaction's beginning.
    pub start_ms: u64,
    /// Milliseconds from the interaction's beginning.
    pub end_ms: u64,
}

/// What a stretch was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// In a flow.
    Ivr,
    /// Waiting in a queue.
    Queue,
    /// An agent's phone rang.
    Ringing,
    /// Talking with an agent.
    Talk,
    /// On hold.
    Hold,
    /// After-call work.
    WrapUp,
    /// Answering the survey.
    Survey,
}

/// An answered survey question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyAnswer {
    /// The question's id, for example `csat`.
    pub question: Arc<str>,
    /// The digit pressed.
    pub value: u8,
    /// The lowest digit that was an answer.
    pub lowest: u8,
    /// The highest digit that was an answer.
    pub highest: u8,
}

/// A scorecard's answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evaluation {
    /// The items; ids differ.
    pub items: Vec<Item>,
    /// Emotions; each phase at most once.
    pub emotions: Vec<ScoredEmotion>,
}

/// One item of the form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// A stable id.
    pub id: Arc<str>,
    /// The section of the form.
    pub section: Arc<str>,
    /// Possible points, above 0.
    pub possible: f64,
    /// Weight, above 0.
    pub weight: f64,
    /// Whether it counts into the critical score as well.
    pub critical: bool,
    /// What came of it.
    pub result: ItemResult,
    /// Why.
    pub evidence: Option<Evidence>,
}

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemResult {
    /// So many of the possible points.
    Points(f64),
    /// Drops out of the score.
    NotApplicable,
    /// The whole score is 0.
    Fatal,
}

/// The customer's emotion in one phase, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoredEmotion {
    /// The phase.
    pub phase: Phase,
    /// The emotion.
    pub emotion: Emotion,
    /// Why.
    pub evidence: Option<Evidence>,
}

/// A place in the interaction that shows why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Milliseconds from the interaction's beginning.
    pub start_ms: u64,
    /// Milliseconds from the interaction's beginning.
    pub end_ms: u64,
    /// For people.
    pub note: Arc<str>,
}

impl Evaluation {
    /// Σ(points × weight) ÷ Σ(possible × weight) × 100 over the items that apply. 0 when an item is fatal;
    /// `None` when no item applies.
    pub fn score(&self) -> Option<f64> {
        weighted(self.items.iter())
    }

    /// Whether all figures are finite: others can't be journaled.
    pub(crate) fn is_finite(&self) -> bool {
        self.items.iter().all(|item| {
            let points = match item.result {
                ItemResult::Points(points) => points,
                ItemResult::NotApplicable | ItemResult::Fatal => 0.0,
            };
            [points, item.possible, item.weight]
                .iter()
                .all(|figure| figure.is_finite())
        })
    }

    /// The same over the critical items alone.
    pub fn critical_score(&self) -> Option<f64> {
        weighted(self.items.iter().filter(|item| item.critical))
    }
}

fn weighted<'a>(items: impl Iterator<Item = &'a Item>) -> Option<f64> {
    let (mut points, mut possible) = (0.0, 0.0);
    let mut fatal = false;
    for item in items {
        match item.result {
            ItemResult::Points(got) => {
                points += got * item.weight;
                possible += item.possible * item.weight;
            }
            ItemResult::NotApplicable => {}
            ItemResult::Fatal => {
                fatal = true;
                possible += item.possible * item.weight;
            }
        }
    }
    if possible <= 0.0 {
        None
    } else if fatal {
        Some(0.0)
    } else {
        Some(points / possible * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, possible: f64, weight: f64, critical: bool, result: ItemResult) -> Item {
        Item {
            id: id.into(),
            section: "s".into(),
            possible,
            weight,
            critical,
            result,
            evidence: None,
        }
    }

    #[test]
    fn items_that_do_not_apply_drop_out_of_both_sums() {
        let mut evaluation = Evaluation {
            items: vec![
                item("a", 5.0, 2.0, true, ItemResult::Points(4.0)),
                item("b", 10.0, 1.0, false, ItemResult::Points(10.0)),
                item("c", 100.0, 9.0, true, ItemResult::NotApplicable),
            ],
            emotions: vec![],
        };
        assert_eq!(evaluation.score(), Some(90.0));
        assert_eq!(evaluation.critical_score(), Some(80.0));
        evaluation
            .items
            .push(item("d", 1.0, 1.0, false, ItemResult::Fatal));
        assert_eq!(evaluation.score(), Some(0.0));
        assert_eq!(evaluation.critical_score(), Some(80.0));
        assert_eq!(Evaluation::default().score(), None);
    }
}
