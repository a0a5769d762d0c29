//! Whether what came of a step is what was expected, and if not, how it differs.

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::case::{Expect, Outcome};
use super::words::readable;

/// Lines shown before and after a difference.
const CONTEXT: usize = 3;
/// Lines of one difference; the rest is counted.
const MAX_LINES: usize = 60;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `-` expected, `+` found, a space for both.
    pub(super) sign: char,
    pub(super) text: String,
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// In one line.
    pub(super) what: String,
    pub(super) difference: Vec<Line>,
}

impl Complaint {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            difference: Vec::new(),
        }
    }
}

/// What a snapshot keeps of a step.
pub(super) fn kept(outcome: &Outcome) -> Value {
    let mut kept = match &outcome.result {
        Ok(answer) => json!({ "answer": answer }),
        Err(failure) => json!({ "failure": failure.code }),
    };
    if !outcome.values.is_empty() {
        kept["values"] = Value::Object(outcome.values.clone());
    }
    kept
}

/// Compares all that is expected; `snapshot` is what was kept of the step before, if its answer is not spelled out.
pub(super) fn judge(expect: &Expect, snapshot: Option<&Value>, outcome: &Outcome) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    match (&expect.answer, &expect.failure, &outcome.result) {
        (Some(_), Some(_), _) => complaints.push(Complaint::new(
            "the case expects both an answer and a failure: expected one of them",
        )),
        (Some(expected), None, Ok(found)) => {
            let expected = readable(expected.clone());
            let found = without_state(found, &expected);
            complaints.extend(differ("another answer than expected", &expected, &found));
        }
        (None, Some(expected), Err(failure)) => {
            if **expected != *failure.code {
                let what = format!(
                    "expected the failure {expected}, found {}: {}",
                    failure.code, failure.message
                );
                complaints.push(Complaint::new(what));
            }
        }
        (None, Some(expected), Ok(found)) => {
            complaints.extend(differ(
                "expected a failure, found an answer",
                &json!({ "failure": expected }),
                found,
            ));
        }
        (Some(_), None, Err(failure)) => {
            complaints.push(Complaint::new(format!(
                "no answer: {}: {}",
                failure.code, failure.message
            )));
        }
        (None, None, _) => match snapshot {
            Some(snapshot) => {
                complaints.extend(differ(
                    "another outcome than the snapshot's",
                    snapshot,
                    &kept(outcome),
                ));
            }
            None => complaints.push(Complaint::new(
                "no snapshot yet: --update writes one; read it before you commit it",
            )),
        },
    }
    if let Some(part) = &expect.message {
        let message = outcome
            .result
            .as_ref()
            .err()
            .map(|failure| failure.message.clone());
        if !message
            .as_deref()
            .is_some_and(|message| message.contains(part.as_str()))
        {
            let found = message.as_deref().unwrap_or("no failure");
            complaints.push(Complaint::new(format!(
                "expected a message with {part:?}, found {found:?}"
            )));
        }
    }
    for (key, expected) in expect.values.iter().flatten() {
        let found = outcome.values.get(key);
        if found != Some(expected) {
            let found = found.map_or_else(|| "nothing written".to_owned(), Value::to_string);
            complaints.push(Complaint::new(format!(
                "value {key:?}: expected {expected}, found {found}"
            )));
        }
    }
    if let Some(part) = &expect.log
        && !outcome.log.iter().any(|line| line.contains(part.as_str()))
    {
        complaints.push(Complaint::new(format!(
            "log: expected a line with {part:?}, found {:?}",
            outcome.log
        )));
    }
    if let Some(most) = expect.fuel_at_most
        && outcome.receipt.fuel > most
    {
        let found = outcome.receipt.fuel;
        complaints.push(Complaint::new(format!(
            "fuel: expected at most {most}, found {found}"
        )));
    }
    complaints
}

/// A flow's state is looked at only where the case spells it out.
fn without_state(found: &Value, expected: &Value) -> Value {
    let mut found = found.clone();
    for (kind, answer) in found.as_object_mut().into_iter().flatten() {
        if expected[kind].is_object()
            && expected[kind].get("state").is_none()
            && let Some(answer) = answer.as_object_mut()
        {
            answer.remove("state");
        }
    }
    found
}

fn differ(what: &str, expected: &Value, found: &Value) -> Option<Complaint> {
    if expected == found {
        return None;
    }
    let (expected, found) = (format!("{expected:#}\n"), format!("{found:#}\n"));
    let diff = TextDiff::from_lines(&expected, &found);
    let mut difference = Vec::new();
    for (n, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if n > 0 {
            difference.push(Line {
                sign: ' ',
                text: "…".to_owned(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            difference.push(Line {
                sign,
                text: change.value().trim_end().to_owned(),
            });
        }
    }
    if difference.len() > MAX_LINES {
        let more = difference.len() - MAX_LINES;
        difference.truncate(MAX_LINES);
        difference.push(Line {
            sign: ' ',
            text: format!("… {more} more lines"),
        });
    }
    Some(Complaint {
        what: what.to_owned(),
        difference,
    })
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::Failure;
    use jackfield_sandbox::Receipt;
    use serde_json::Map;

    use super::*;

    fn outcome(result: Result<Value, Failure>) -> Outcome {
        Outcome {
            result,
            reads: vec![],
            values: Map::new(),
            log: vec!["info: hello".into()],
            receipt: Receipt {
                fuel: 100,
                ..Receipt::default()
            },
        }
    }

    fn expect(value: Value) -> Expect {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_state_counts_only_where_it_is_spelled_out() {
        let found = outcome(Ok(json!({"flow": {"state": {"n": 1}, "actions": []}})));
        let sound = expect(json!({"answer": {"flow": {"actions": []}}}));
        assert_eq!(judge(&sound, None, &found), []);
        let other = expect(json!({"answer": {"flow": {"state": {"n": 2}, "actions": []}}}));
        let complaints = judge(&other, None, &found);
        let signs: String = complaints[0].difference.iter().map(|line| line.sign).collect();
        assert_eq!(signs, "   -+   ", "{complaints:?}");
    }

    #[test]
    fn each_thing_that_is_not_as_expected_is_named() {
        let failed = || {
            outcome(Err(Failure {
                code: "plugin-error".into(),
                message: "bad-config: x".into(),
            }))
        };
        assert_eq!(
            judge(
                &expect(json!({"failure": "plugin-error", "message": "bad-config"})),
                None,
                &failed()
            ),
            []
        );
        for (expected, outcome, part) in [
            (
                json!({"failure": "trap"}),
                failed(),
                "expected the failure trap, found plugin-error",
            ),
            (json!({"answer": 1}), failed(), "no answer: plugin-error"),
            (
                json!({"failure": "trap"}),
                outcome(Ok(json!(1))),
                "found an answer",
            ),
            (
                json!({"failure": "plugin-error", "message": "y"}),
                failed(),
                "a message with",
            ),
            (json!({"answer": 1, "failure": "trap"}), failed(), "one of them"),
            (json!({}), failed(), "--update"),
            (
                json!({"answer": 1, "log": "bye"}),
                outcome(Ok(json!(1))),
                "log: expected",
            ),
            (
                json!({"answer": 1, "fuel_at_most": 99}),
                outcome(Ok(json!(1))),
                "at most 99, found 100",
            ),
            (
                json!({"answer": 1, "values": {"k": "v"}}),
                outcome(Ok(json!(1))),
                "nothing written",
            ),
        ] {
            let complaints = judge(&expect(expected.clone()), None, &outcome);
            assert!(
                complaints.iter().any(|complaint| complaint.what.contains(part)),
                "{expected}: {complaints:?}"
            );
        }
        let kept = kept(&failed());
        assert_eq!(judge(&Expect::default(), Some(&kept), &failed()), []);
    }
}
