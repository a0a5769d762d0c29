//! `jackfield plugin replay …`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::author::again::{self, Again};
use super::client::{Client, Sent, path};
use super::decision::ago;
use super::failure::Failure;
use super::output::{BAD, GOOD, Output, QUIET};

/// What to replay, on what.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Decisions recorded at this point, for example queue:support.
    #[arg(long, value_name = "POINT")]
    binding: String,
    /// The version that is to decide them again, on the server.
    #[arg(
        long,
        value_name = "PLUGIN[@VERSION]",
        required_unless_present = "dir",
        conflicts_with = "dir"
    )]
    candidate: Option<String>,
    /// A plugin's folder: what is built there decides them again, on this machine; at most the newest 200.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Build and replay again whenever a source changes.
    #[arg(long, requires = "dir")]
    watch: bool,
    /// How far back, for example 15m, 24h or 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = ago)]
    since: u64,
    /// At most so many decisions, the newest, 1 to 10000.
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    /// What the candidate is told: a JSON object, or a file that holds one; by default what each decision was told.
    #[arg(long, value_name = "FILE|JSON")]
    config: Option<String>,
}

pub(super) fn run(replay: Replay, json: bool, client: &Client, out: &mut Output) -> Result<(), Failure> {
    let config = replay.config.map(super::binding::read_config).transpose()?;
    if let Some(dir) = &replay.dir {
        let again = Again {
            dir,
            point: &replay.binding,
            since: replay.since,
            limit: replay.limit,
            config,
            watch: replay.watch,
        };
        return again::run(&again, client, json, out);
    }
    let candidate = replay.candidate.as_deref().unwrap_or_default();
    let (plugin, version) = super::binding::plugin_version(candidate);
    let body = json!({
        "point": replay.binding, "plugin": plugin, "version": version, "config": config,
        "since": replay.since, "limit": replay.limit,
    });
    let answer = client.post(&path(&["replays"]), Sent::Json(body))?;
    if json {
        return out.json(&answer);
    }
    show(&answer, out)
}

/// A text that leaves the line readable.
fn cut(text: &str) -> String {
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn show(answer: &Value, out: &mut Output) -> Result<(), Failure> {
    let count = |field: &str| answer[field].as_u64().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (all, seconds) = (count("decisions"), count("took_us") as f64 / 1e6);
    out.line(&format!(
        "{all} decisions again on {} {} in {seconds:.2} s",
        text(&answer["plugin"]),
        text(&answer["version"]),
    ))?;
    for (field, style) in [
        ("identical", GOOD),
        ("cosmetic", GOOD),
        ("material", BAD),
        ("forbidden", BAD),
        ("unreplayable", QUIET),
        ("failures", BAD),
    ] {
        let number = count(field);
        let share = if all > 0 {
            number as f64 * 100.0 / all as f64
        } else {
            0.0
        };
        let line = format!("{field:<13} {number:>6}  {share:>5.1} %");
        out.line(&if number > 0 { out.paint(style, &line) } else { line })?;
    }
    let (before, after) = (count("fuel_before"), count("fuel_after"));
    if before > 0 {
        let ratio = after as f64 / before as f64;
        out.line(&format!("{:<13} {ratio:>6.2}  times that of before", "fuel"))?;
    }
    for example in answer["examples"].as_array().into_iter().flatten() {
        out.line("")?;
        out.line(&format!(
            "{} {}",
            text(&example["grade"]),
            text(&example["decision"])
        ))?;
        if let Some(missing) = example["missing"].as_str() {
            out.line(&format!("  asks for {missing}, which the record does not hold"))?;
        }
        if let Some(failure) = example["failure"].as_str() {
            out.line(&format!("  fails: {}", cut(failure)))?;
            continue;
        }
        for difference in example["differences"].as_array().into_iter().flatten() {
            let (before, after) = (&difference["before"], &difference["after"]);
            let (before, after) = (cut(&before.to_string()), cut(&after.to_string()));
            out.line(&format!("  {}: {before} → {after}", text(&difference["path"])))?;
        }
    }
    Ok(())
}
