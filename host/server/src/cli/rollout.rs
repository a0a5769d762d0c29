//! `jackfield plugin shadow|canary|promote|rollback|rollout`: a candidate's way beside the active version.

use serde_json::{Value, json};

use super::binding::{plugin_version, read_config};
use super::client::{Client, Sent, path};
use super::failure::Failure;
use super::output::{BAD, Column, GOOD, Output, time};

const HISTORY: &[Column] = &[
    ("NUMBER", "/number"),
    ("AT", "/moved_at"),
    ("PLUGIN", "/plugin"),
    ("VERSION", "/version"),
    ("STAGE", "/stage"),
    ("PERCENT", "/percent"),
    ("BY", "/moved_by"),
    ("WHY", "/why"),
];

/// Of a canary.
pub(super) fn percent() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=99)
}

/// A candidate, and what it must keep to.
#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// Where, for example queue:support.
    #[arg(long, value_name = "POINT")]
    binding: String,
    /// The candidate.
    #[arg(value_name = "PLUGIN[@VERSION]")]
    candidate: String,
    /// What it is told: a JSON object, or a file that holds one; by default what the active version of the same
    /// plugin is told.
    #[arg(long, value_name = "FILE|JSON")]
    config: Option<String>,
    /// What it must keep to: a JSON object, or a file that holds one, for example {"max_forbidden": 0}; what is left
    /// out has its default.
    #[arg(long, value_name = "FILE|JSON")]
    gates: Option<String>,
    /// Where it goes by itself next, once its gates have held for a whole window: a canary's per cent, or active; as
    /// JSON, with gates that differ from those before: {"percent": 25, "gates": {"min_decisions": 500}}. Once for each
    /// step.
    #[arg(long, value_name = "PERCENT|active|JSON")]
    then: Vec<String>,
    /// Why, for people.
    #[arg(long, default_value = "")]
    why: String,
    /// Start even if its replay violates a gate.
    #[arg(long)]
    force: bool,
}

/// Where a rollout goes.
#[derive(Debug, clap::Args)]
pub(super) struct Promote {
    /// Where, for example queue:support.
    #[arg(long, value_name = "POINT")]
    binding: String,
    /// To a canary of so many per cent, 1 to 99; without it the candidate becomes active.
    #[arg(long, value_parser = percent())]
    percent: Option<u8>,
    /// Why, for people.
    #[arg(long, default_value = "")]
    why: String,
    /// Go on even if a gate is not passed.
    #[arg(long)]
    force: bool,
}

/// A candidate that is taken back.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// Where, for example queue:support.
    #[arg(long, value_name = "POINT")]
    binding: String,
    /// Why, for people.
    #[arg(long, default_value = "")]
    why: String,
}

/// Which rollout.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Where, for example queue:support.
    #[arg(long, value_name = "POINT")]
    binding: String,
    /// Every stage of every rollout there, newest first.
    #[arg(long)]
    history: bool,
}

/// What the active version of the same plugin is told; another plugin would not understand it.
fn told(client: &Client, binding: &str, plugin: &str) -> Result<Value, Failure> {
    let mut active = client.get(&path(&["bindings", binding]))?;
    Ok(if active["plugin"] == plugin {
        active["config"].take()
    } else {
        json!({})
    })
}

/// A step as it was typed.
fn step(typed: &str) -> Result<Value, Failure> {
    if typed == "active" {
        return Ok(json!({}));
    }
    match serde_json::from_str(typed) {
        Ok(Value::Number(percent)) => Ok(json!({ "percent": percent })),
        Ok(step @ Value::Object(_)) => Ok(step),
        _ => Err(Failure::Usage(format!(
            "--then: {typed:?}: expected a canary's per cent (1 to 99), active, or a JSON object"
        ))),
    }
}

pub(super) fn start(
    start: Start,
    percent: Option<u8>,
    json: bool,
    client: &Client,
    out: &mut Output,
) -> Result<(), Failure> {
    let (plugin, version) = plugin_version(&start.candidate);
    let config = match start.config {
        Some(given) => read_config(given)?,
        None => told(client, &start.binding, plugin)?,
    };
    let gates = start.gates.map_or_else(|| Ok(json!({})), read_config)?;
    let steps: Vec<_> = start
        .then
        .iter()
        .map(|typed| step(typed))
        .collect::<Result<_, _>>()?;
    let body = json!({
        "plugin": plugin, "version": version, "config": config, "percent": percent,
        "gates": gates, "steps": steps, "why": start.why, "force": start.force,
    });
    let answer = client.put(&path(&["bindings", &start.binding, "rollout"]), body)?;
    moved(json, &answer, out)
}

pub(super) fn promote(
    promote: Promote,
    json: bool,
    client: &Client,
    out: &mut Output,
) -> Result<(), Failure> {
    let body = json!({ "percent": promote.percent, "why": promote.why, "force": promote.force });
    let to = path(&["bindings", &promote.binding, "rollout", "promote"]);
    moved(json, &client.post(&to, Sent::Json(body))?, out)
}

pub(super) fn roll_back(
    rollback: Rollback,
    json: bool,
    client: &Client,
    out: &mut Output,
) -> Result<(), Failure> {
    let to = path(&["bindings", &rollback.binding, "rollout", "rollback"]);
    moved(
        json,
        &client.post(&to, Sent::Json(json!({ "why": rollback.why })))?,
        out,
    )
}

fn moved(json: bool, answer: &Value, out: &mut Output) -> Result<(), Failure> {
    let text = |field: &str| answer[field].as_str().unwrap_or_default();
    let (plugin, version, point) = (text("plugin"), text("version"), text("point"));
    let stage = match answer["percent"].as_u64() {
        Some(percent) => format!("a canary for {percent} % of the interactions"),
        None => match text("stage") {
            "shadow" => "in shadow".to_owned(),
            "rolled-back" => "taken back".to_owned(),
            stage => stage.to_owned(),
        },
    };
    out.done(json, answer, &format!("{plugin}@{version} is {stage} at {point}"))
}

pub(super) fn show(show: &Show, json: bool, client: &Client, out: &mut Output) -> Result<(), Failure> {
    let at = ["bindings", &show.binding, "rollout"];
    if show.history {
        let items = client.all(&[at[0], at[1], at[2], "history"])?;
        return out.list(json, items, HISTORY);
    }
    let answer = client.get(&path(&at))?;
    if json {
        return out.json(&answer);
    }
    tell(&answer, out)
}

/// A rollout for people: what was seen of late, what its gates say, and what comes next.
pub(super) fn tell(answer: &Value, out: &mut Output) -> Result<(), Failure> {
    moved(false, answer, out)?;
    let seen = &answer["seen"];
    if seen.is_null() {
        return out.line(&over(answer));
    }
    let ms = |field: &str| seen[field].as_u64().unwrap_or_default();
    let (watched_ms, window_ms) = (ms("watched_ms"), ms("window_ms"));
    out.line(&if watched_ms < window_ms {
        format!("In the {} of this stage so far:", span(watched_ms))
    } else {
        format!("In the last {}:", span(window_ms))
    })?;
    out.line(&format!("{:<18} {:>12} {:>12}", "", "candidate", "active"))?;
    for (field, name) in [
        ("decisions", "decisions"),
        ("traps", "traps"),
        ("fallbacks", "fallbacks"),
        ("fuel_p99", "fuel, p99"),
        ("identical", "identical"),
        ("cosmetic", "cosmetic"),
        ("material", "material"),
        ("forbidden", "forbidden"),
        ("unreplayable", "unreplayable"),
        ("answered", "answered"),
        ("abandoned", "abandoned"),
        ("service_level", "service level, %"),
    ] {
        let figure = |side: &str| match &seen[side][field] {
            Value::Null => "–".to_owned(),
            Value::Number(number) if number.is_f64() => format!("{:.1}", number.as_f64().unwrap_or_default()),
            other => other.to_string(),
        };
        out.line(&format!(
            "{name:<18} {:>12} {:>12}",
            figure("candidate"),
            figure("control")
        ))?;
    }
    let nothing = ["candidate", "control"].map(|side| &seen[side]["decisions"]);
    if watched_ms > window_ms && nothing.iter().all(|decisions| **decisions == 0) {
        out.line("Nothing was decided in that time, and what was before it counts no longer.")?;
    }
    let verdict = &seen["verdict"];
    let line = match (verdict.as_str(), &verdict["wait"], &verdict["violated"]) {
        (Some("pass"), _, _) => out.paint(GOOD, "It keeps to its gates and may go on."),
        (_, Value::Array(missing), _) => {
            let missing = missing.iter().filter_map(Value::as_str);
            let missing: Vec<_> = missing.map(|gate| format!("\n  {gate}")).collect();
            format!("Not enough was seen for its gates:{}", missing.concat())
        }
        (_, _, violated) => {
            let message = violated["message"].as_str().unwrap_or_default();
            out.paint(BAD, &format!("It violates a gate: {message}"))
        }
    };
    out.line(&line)?;
    let next = match (&answer["steps"][0], &answer["steps"][0]["percent"]) {
        (Value::Null, _) => "Somebody has to promote it.".to_owned(),
        (_, Value::Null) => "Then it becomes active by itself.".to_owned(),
        (_, percent) => format!("Then it goes to a canary of {percent} % by itself."),
    };
    let (watched, window) = (span(watched_ms), span(window_ms));
    out.line(&format!("Watched for {watched}; its window is {window}. {next}"))?;
    for line in outlook(seen) {
        out.line(&line)?;
    }
    Ok(())
}

/// How a rollout ended, and why.
fn over(answer: &Value) -> String {
    let text = |field: &str| answer[field].as_str().unwrap_or_default();
    let what = match text("stage") {
        "active" => "it became active",
        "rolled-back" => "it was taken back",
        _ => {
            return format!(
                "It is over: what is bound at {} has changed since.",
                text("point")
            );
        }
    };
    let at = answer["moved_at"].as_u64().map(time).unwrap_or_default();
    let why = match text("why") {
        "" => "no reason was given",
        why => why,
    };
    format!("It is over: {what} by {} on {at}: {why}", text("moved_by"))
}

/// A length of time in words: `37 seconds`, `15 minutes`.
fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let fits = |(length, _): &(u64, _)| {
        let many = seconds / length;
        many >= 10 || many >= 2 && seconds.is_multiple_of(*length)
    };
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, "second"));
    match seconds / length {
        1 => format!("1 {unit}"),
        many => format!("{many} {unit}s"),
    }
}

/// When enough will have been seen, and what becomes of it if that never is.
fn outlook(seen: &Value) -> Vec<String> {
    let (estimate, longest) = (
        &seen["estimate"],
        seen["max_stage_ms"].as_u64().unwrap_or_default(),
    );
    let mut lines = Vec::new();
    if let Some(ms) = estimate["in_ms"].as_u64().filter(|ms| *ms > 0) {
        lines.push(format!(
            "As things go, enough will have been seen in {}.",
            span(ms)
        ));
    } else if let Some(never) = estimate.get("never") {
        lines.push(match never["window_ms"].as_u64() {
            Some(ms) => format!(
                "As things go, a window never holds enough: with \"window_ms\": {ms} among its gates one would, or with \
                 smaller \"min_…\" gates."
            ),
            None => "As things go, a window never holds enough: of something that its gates ask for nothing has come."
                .to_owned(),
        });
    }
    if longest > 0 && seen["verdict"].get("wait").is_some() {
        let longest = span(longest);
        lines.push(format!(
            "Without enough it is taken back after {longest} of this stage."
        ));
    }
    lines
}
