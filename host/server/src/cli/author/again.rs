//! `jackfield plugin replay --dir`: recorded decisions of a server, decided again on this machine by what was built
//! just now, and graded as the server grades them. Nothing is uploaded.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jackfield_api::handler::ceilings::KindCeilings;
use jackfield_api::handler::decision::DecisionDetail;
use jackfield_contact::decision::compare::{Grade, compare};
use jackfield_contact::decision::{Answer, Failure as NoAnswer};
use jackfield_sandbox::{
    Ceilings, DecidedBy, DecisionRecord, Plugin, Projection, Receipt, Replayed, RequestedLimits,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::client::{Client, path, with_query};
use super::super::failure::Failure;
use super::super::output::Output;
use super::super::replay::show;
use super::subject::{Subject, sandbox};
use super::watch::Watch;

/// Records that the server lists at once.
const MOST: usize = 200;
/// Examples of each grade.
const EXAMPLES: usize = 5;

/// What to replay.
pub(in super::super) struct Again<'a> {
    pub(in super::super) dir: &'a Path,
    pub(in super::super) point: &'a str,
    pub(in super::super) since: u64,
    pub(in super::super) limit: usize,
    pub(in super::super) config: Option<Value>,
    pub(in super::super) watch: bool,
}

pub(in super::super) fn run(
    again: &Again<'_>,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    super::say("fetching recorded decisions");
    let records = fetch(again, client)?;
    if records.is_empty() {
        return Err(Failure::Work(format!(
            "no decision is recorded at {} in that time: --since looks further back",
            again.point
        )));
    }
    let sandbox = sandbox()?;
    loop {
        // Watched before it is built, so that no change is missed; anew each time, for folders that are new.
        let watch = again.watch.then(|| Watch::new(again.dir)).transpose()?;
        match Subject::of(again.dir).and_then(|subject| subject.load_on(&sandbox)) {
            Ok(plugin) => {
                let report = replay(&records, &plugin, again.config.as_ref());
                if json {
                    out.json(&report)?
                } else {
                    show(&report, out)?
                }
            }
            // Who watches is in the middle of writing.
            Err(failure) if again.watch => failure.explain(),
            Err(failure) => return Err(failure),
        }
        let Some(watch) = watch else { return Ok(()) };
        super::say("waiting for a change; Ctrl-C ends it");
        watch.changed()?;
    }
}

fn fetch(again: &Again<'_>, client: &Client) -> Result<Vec<DecisionRecord>, Failure> {
    let query = [
        ("point", again.point.to_owned()),
        ("since", again.since.to_string()),
        ("limit", again.limit.min(MOST).to_string()),
    ];
    let page = client.get(&with_query(&path(&["decisions"]), &query))?;
    let ids = page["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["id"].as_str());
    ids.map(|id| record(client.get(&path(&["decisions", id]))?))
        .collect()
}

/// A record as the server explains it.
fn record(detail: Value) -> Result<DecisionRecord, Failure> {
    let odd =
        |error: &dyn std::fmt::Display| Failure::Answer(format!("a decision that makes no sense: {error}"));
    let detail: DecisionDetail = serde_json::from_value(detail).map_err(|error| odd(&error))?;
    let short = &detail.decision;
    fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
        serde_json::from_value(value)
            .map_err(|error| Failure::Answer(format!("a decision that makes no sense: {error}")))
    }
    let result: Result<Answer, NoAnswer> = match &short.failure {
        None => Ok(read(detail.answer)?),
        Some(text) => {
            let (code, message) = text.split_once(": ").unwrap_or((text, ""));
            Err(NoAnswer {
                code: code.into(),
                message: message.into(),
            })
        }
    };
    Ok(DecisionRecord {
        id: read(short.id.as_str().into())?,
        at: jackfield_types::Timestamp(short.at),
        by: Arc::new(DecidedBy {
            point: read(short.point.as_str().into())?,
            revision: short.revision,
            plugin: read(short.plugin.as_str().into())?,
            version: read(short.version.as_str().into())?,
            digest: read(detail.digest.as_str().into())?,
            config: detail.config.to_string().into(),
            engine: detail.engine.as_str().into(),
            projection: Projection::of_paths(detail.projection.as_deref()).map_err(|error| odd(&error))?,
        }),
        question: Arc::new(read(detail.question)?),
        reads: read(Value::from(detail.reads))?,
        result,
        kv_writes: Vec::new(),
        receipt: Receipt {
            fuel: short.fuel,
            peak_memory_bytes: detail.peak_memory_bytes,
            wall_us: short.wall_us,
        },
        log: Vec::new(),
        complete: detail.complete,
        grants: read(detail.grants)?,
        budget: Some(budget(&detail.budget)),
    })
}

/// What the operator had lowered; the rest is left to the plugin.
fn budget(lowered: &KindCeilings) -> Ceilings {
    Ceilings::NONE.limited(&RequestedLimits {
        fuel: lowered.fuel,
        wall_ms: lowered.wall_ms,
        memory_bytes: lowered.memory_bytes,
    })
}

/// The report in the server's form.
fn replay(records: &[DecisionRecord], plugin: &Plugin, config: Option<&Value>) -> Value {
    let began = Instant::now();
    let mut counts = [0usize; 4];
    let (mut unreplayable, mut failures, mut before, mut after) = (0usize, 0usize, 0u64, 0u64);
    let mut examples: Vec<(Option<Grade>, Value)> = Vec::new();
    for record in records {
        let config = config.map_or_else(|| record.by.config.clone(), |config| config.to_string().into());
        let decision = match plugin.replay(record, config, None) {
            Replayed::Unreplayable(missing) => {
                unreplayable += 1;
                examples.push((
                    None,
                    json!({"decision": record.id, "grade": "unreplayable", "missing": missing}),
                ));
                continue;
            }
            Replayed::Decided(decision) => decision,
        };
        let comparison = compare(&record.question, &record.result, &decision.result);
        counts[comparison.grade as usize] += 1;
        before += record.receipt.fuel;
        after += decision.receipt.fuel;
        let failure = decision
            .result
            .err()
            .map(|failure| format!("{}: {}", failure.code, failure.message));
        failures += usize::from(failure.is_some());
        if comparison.grade > Grade::Identical {
            let example = json!({
                "decision": record.id, "grade": comparison.grade, "differences": comparison.differences,
                "failure": failure,
            });
            examples.push((Some(comparison.grade), example));
        }
    }
    // The worst first; some of each grade.
    examples.sort_by_key(|(grade, _)| std::cmp::Reverse(*grade));
    let mut shown: Vec<Value> = Vec::new();
    for grade in [
        Some(Grade::Forbidden),
        Some(Grade::Material),
        Some(Grade::Cosmetic),
        None,
    ] {
        let of = examples
            .iter()
            .filter(|(found, _)| *found == grade)
            .take(EXAMPLES);
        shown.extend(of.map(|(_, example)| example.clone()));
    }
    json!({
        "plugin": plugin.manifest().id, "version": plugin.manifest().version, "decisions": records.len(),
        "identical": counts[0], "cosmetic": counts[1], "material": counts[2], "forbidden": counts[3],
        "unreplayable": unreplayable, "failures": failures, "fuel_before": before, "fuel_after": after,
        "took_us": began.elapsed().as_micros() as u64, "examples": shown,
    })
}
