//! How a candidate's answer differs from the recorded one, and how much that matters.
//!
//! Replay and shadow ask another version the same question and compare what came back. Answers are compared by their
//! effect: two answers that make the host do the same thing differ at most cosmetically. A comparison is only
//! as good as these rules, so here they are, all of them:
//!
//! | kind | cosmetic | material | forbidden |
//! |---|---|---|---|
//! | any | the message of a failure of the same code | a failure of another code; an answer where there was a failure; a failure of the host itself (`no-binding`, `overloaded`, `unavailable`) where there was an answer | any other failure where there was an answer; an answer of another kind |
//! | flow | the state's bytes; the text of a spoken prompt at the same place in the same language; how prompts are spread over actions; order of attributes and of timers; order of needed skills; all but attributes once the call is over | other attributes, prompts, timers, digits, queue, needs, priority, recording or survey question; going on where it ended; ending where it asked or thanked for a survey | ending the call where it went on; silence in answer to `started` |
//! | routing | order of assignments to different agents, and of overflows | other assignments, overflows or time to look again | work for an agent who lacks a needed skill or level, when the recorded plan had no such assignment |
//! | outbound | the reason; the next moment of what is allowed now | a stricter verdict; a substitute; a later moment | `allow` instead of anything else; an earlier moment (never is the latest) |
//! | tags | the reason; confidence that moves by less than 5 percentage points; order of changes to different tags | other changes, expiry, or confidence | – |
//! | scorecard | sections, evidence; order of items and of emotions | other items, possible points, weights, results or emotions | a critical item that failed (fatal, or no points) and no longer does: points, not applicable, no longer critical, or missing |
//! | chat | the state's bytes; the text of a message or survey question; the label of a choice | any other action | closing the conversation where it went on; silence in answer to `started` |
//! | pacing | the reason in words | another number of calls, code or time to look again | more calls although the limit of abandoned calls is used up |
//! | connector | the name of a sender; a rejection in words | other messages, receipts, reply, request or conclusion | a message that is lost, or of another sender; a request to another host |
//! | assist | why; confidence that moves by less than 5 percentage points | other suggestions, or in another order | – |
//!
//! Order is called cosmetic short of the limits of an interaction: beyond 64 attributes, 32 timers or 100 tags the host
//! drops what comes last. A prompt *file* of another name is material: what it says can't be known here. A survey that
//! is not asked loses no customer, so cutting it short is material. An attempt on a substitute channel is an
//! attempt of its own, and is judged on that channel.
//!
//! Answers are taken to have passed the sandbox's checks. Others are compared as well as they can be, without panic.

mod assist;
mod chat;
mod connector;
mod flow;
mod outbound;
mod pacing;
mod routing;
mod scorecard;
mod tags;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Failure, Question};

/// Differences that a comparison shows.
pub const MAX_DIFFERENCES: usize = 20;
/// Bytes of JSON of a value that a difference shows; of a longer one, a text with its beginning.
pub const MAX_SHOWN_BYTES: usize = 1_024;

/// How much a difference matters, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The answers are equal.
    Identical,
    /// Only what people read, or what has no effect, differs.
    Cosmetic,
    /// The effect is another one.
    Material,
    /// The effect is one that a candidate must never have where the recorded version had not.
    Forbidden,
}

/// One difference between two answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// A JSON pointer into the answer, as an [`Answer`] is written in JSON: into the recorded answer, or into the
    /// candidate's where the recorded one has no such place. `/failure/message` and the like for failures; empty
    /// when the answers differ as wholes.
    pub path: String,
    /// What is there in the recorded answer; null when nothing is. At most [`MAX_SHOWN_BYTES`].
    pub before: Value,
    /// What is there in the candidate's answer; null when nothing is. At most [`MAX_SHOWN_BYTES`].
    pub after: Value,
    /// How much it matters.
    pub grade: Grade,
}

/// How two answers to one question differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The worst grade of all differences; `Identical` when there is none.
    pub grade: Grade,
    /// The differences, the worst first; at most [`MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// Differences that are not listed for want of room.
    pub left_out: u32,
}

/// Compares the candidate's answer (`after`) with the recorded one (`before`) by the rules of the module.
pub fn compare(
    question: &Question,
    before: &Result<Answer, Failure>,
    after: &Result<Answer, Failure>,
) -> Comparison {
    let mut found = Differences::default();
    if before != after {
        match (before, after) {
            (Ok(before), Ok(after)) => answers(&mut found, question, before, after),
            (Err(before), Err(after)) => {
                found.field(Grade::Material, "/failure/code", &before.code, &after.code);
                found.field(
                    Grade::Cosmetic,
                    "/failure/message",
                    &before.message,
                    &after.message,
                );
            }
            (Ok(before), Err(after)) => {
                let grade = if is_of_host(after) {
                    Grade::Material
                } else {
                    Grade::Forbidden
                };
                found.note(grade, "", before, &failed(after));
            }
            (Err(before), Ok(after)) => found.note(Grade::Material, "", &failed(before), after),
        }
    }
    found.done()
}

fn answers(found: &mut Differences, question: &Question, before: &Answer, after: &Answer) {
    match (question, before, after) {
        (Question::Flow(question), Answer::Flow(before), Answer::Flow(after)) => {
            flow::compare(found, question, before, after);
        }
        (Question::Routing(question), Answer::Routing(before), Answer::Routing(after)) => {
            routing::compare(found, question, before, after);
        }
        (Question::Outbound(_), Answer::Outbound(before), Answer::Outbound(after)) => {
            outbound::compare(found, before, after);
        }
        (Question::Tags(_), Answer::Tags(before), Answer::Tags(after)) => tags::compare(found, before, after),
        (Question::Scorecard(_), Answer::Scorecard(before), Answer::Scorecard(after)) => {
            scorecard::compare(found, before, after);
        }
        (Question::Chat(question), Answer::Chat(before), Answer::Chat(after)) => {
            chat::compare(found, question, before, after);
        }
        (Question::Pacing(question), Answer::Pacing(before), Answer::Pacing(after)) => {
            pacing::compare(found, question, before, after);
        }
        (Question::Connector(_), Answer::Connector(before), Answer::Connector(after)) => {
            connector::compare(found, before, after);
        }
        (Question::Assist(_), Answer::Assist(before), Answer::Assist(after)) => {
            assist::compare(found, before, after);
        }
        _ if fits(question, after) || !fits(question, before) => {
            // The recorded answer was none to this question, so nothing is known of its effect.
            if value(before) != value(after) {
                found.note(Grade::Material, "", before, after);
            }
        }
        _ => found.note(Grade::Forbidden, "", before, after),
    }
}

fn fits(question: &Question, answer: &Answer) -> bool {
    matches!(
        (question, answer),
        (Question::Flow(_), Answer::Flow(_))
            | (Question::Routing(_), Answer::Routing(_))
            | (Question::Outbound(_), Answer::Outbound(_))
            | (Question::Tags(_), Answer::Tags(_))
            | (Question::Scorecard(_), Answer::Scorecard(_))
            | (Question::Chat(_), Answer::Chat(_))
            | (Question::Pacing(_), Answer::Pacing(_))
            | (Question::Connector(_), Answer::Connector(_))
            | (Question::Assist(_), Answer::Assist(_))
    )
}

/// Failures that say nothing about the plugin.
fn is_of_host(failure: &Failure) -> bool {
    matches!(&*failure.code, "no-binding" | "overloaded" | "unavailable")
}

fn failed(failure: &Failure) -> Value {
    json!({ "failure": failure })
}

/// What has been found so far.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn note(
        &mut self,
        grade: Grade,
        path: impl fmt::Display,
        before: &(impl Serialize + ?Sized),
        after: &(impl Serialize + ?Sized),
    ) {
        self.0.push(Difference {
            path: path.to_string(),
            before: shown(value(before)),
            after: shown(value(after)),
            grade,
        });
    }

    /// Notes a field unless it is equal.
    fn field<T: PartialEq + Serialize + ?Sized>(
        &mut self,
        grade: Grade,
        path: impl fmt::Display,
        before: &T,
        after: &T,
    ) {
        if before != after {
            self.note(grade, path, before, after);
        }
    }

    /// Notes that two lists have the same effect in another order, unless something else was found since `start`.
    fn order<T: PartialEq + Serialize>(&mut self, start: usize, path: &str, before: &[T], after: &[T]) {
        if self.0.len() == start {
            self.field(Grade::Cosmetic, path, before, after);
        }
    }

    /// Notes what differs between two lists, place by place.
    fn places<T: PartialEq + Serialize>(
        &mut self,
        path: &str,
        before: &[T],
        after: &[T],
        grade: impl Fn(Option<&T>, Option<&T>) -> Grade,
    ) {
        for n in 0..before.len().max(after.len()) {
            let (was, is) = (before.get(n), after.get(n));
            if was != is {
                self.note(grade(was, is), format_args!("{path}/{n}"), &was, &is);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn done(mut self) -> Comparison {
        self.0
            .sort_by_key(|difference| std::cmp::Reverse(difference.grade));
        let left_out = self.0.len().saturating_sub(MAX_DIFFERENCES);
        self.0.truncate(MAX_DIFFERENCES);
        Comparison {
            grade: self.0.first().map_or(Grade::Identical, |worst| worst.grade),
            differences: self.0,
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        }
    }
}

fn value(of: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

fn shown(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_SHOWN_BYTES {
        return value;
    }
    let long = match value {
        Value::String(long) => long,
        _ => text,
    };
    let mut most = MAX_SHOWN_BYTES;
    loop {
        // Escapes make a text longer by as much as six times.
        most /= 2;
        let cut = Value::String(format!("{}…", &long[..long.floor_char_boundary(most)]));
        if cut.to_string().len() <= MAX_SHOWN_BYTES {
            return cut;
        }
    }
}
