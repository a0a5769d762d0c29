//! `jackfield plugin test`

use std::path::{Path, PathBuf};
use std::time::Instant;

use jackfield_sandbox::Plugin;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::output::{BAD, GOOD, Output, QUIET};
use super::case::{self, Case, Outcome};
use super::judge::{Complaint, judge, kept};
use super::subject::Subject;

/// What the names of snapshots end in.
pub(super) const SNAPSHOT: &str = ".snap.json";

/// Test a plugin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A case is a JSON file in tests/: the question and what surrounds it, and what is expected.
The engine and the ceilings are those that serve customers.

  now       the decision's moment: milliseconds since 1970, or 2026-11-22T09:30:00Z
  config    the binding's configuration
  question  an object with one field: flow, chat, routing, outbound, pacing, tags, scorecard, connector or assist
  host      what the plugin may read: customer, history, surveys, evaluations, queues, values, tags, outcomes, messages,
            knowledge; not_granted and unavailable name capabilities that refuse
  expect    answer, or failure with message; values, log, fuel_at_most. Without answer and failure: a snapshot
  then      further steps of a flow: event, after_ms, expect

What `jackfield decision explain ID --json` prints is a case, too.

Examples:
  jackfield plugin test
  jackfield plugin test my-routing --update      write the snapshots anew"
)]
pub(crate) struct Arguments {
    /// The plugin's folder.
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Only cases with this in their name.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the snapshots anew.
    #[arg(long)]
    update: bool,
}

/// What came of one case.
struct Judged {
    name: String,
    about: Option<String>,
    complaints: Vec<(usize, Complaint)>,
    outcomes: Vec<Outcome>,
    written: bool,
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let files = case::files(&arguments.dir)?;
    let plugin = Subject::of(&arguments.dir)?.load()?;
    let began = Instant::now();
    let mut judged = Vec::new();
    for file in &files {
        let name = name(file);
        if arguments
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let one = try_case(&plugin, file, name, arguments.update)?;
        if !json {
            tell(&one, out)?;
        }
        judged.push(one);
    }
    let failed = judged.iter().filter(|one| !one.complaints.is_empty()).count();
    let passed = judged.len() - failed;
    if json {
        let cases: Vec<Value> = judged.iter().map(as_json).collect();
        out.json(&json!({
            "plugin": plugin.manifest().id, "version": plugin.manifest().version,
            "passed": passed, "failed": failed, "cases": cases,
        }))?;
    } else {
        let line = format!("{passed} passed, {failed} failed");
        out.line(&format!("{line} in {:.2} s", began.elapsed().as_secs_f64()))?;
    }
    if failed > 0 {
        let hint = "`jackfield plugin run --case FILE` explains one";
        return Err(Failure::Work(format!(
            "{failed} of {} cases failed; {hint}",
            judged.len()
        )));
    }
    if judged.is_empty() {
        return Err(Failure::Work("no case has that in its name".to_owned()));
    }
    Ok(())
}

fn name(file: &Path) -> String {
    file.file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn try_case(plugin: &Plugin, file: &Path, name: String, update: bool) -> Result<Judged, Failure> {
    let case = Case::read(file)?;
    let outcomes = case
        .play(plugin)
        .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let snapshot_file = file.with_file_name(format!("{name}{SNAPSHOT}"));
    let mut written = false;
    let spelled_out = |expect: &case::Expect| expect.answer.is_some() || expect.failure.is_some();
    if update && !case.expected().all(spelled_out) {
        // What is spelled out in the case stands there alone.
        let steps = case.expected().zip(&outcomes);
        let kept: Vec<Value> = steps
            .map(|(expect, outcome)| {
                if spelled_out(expect) {
                    Value::Null
                } else {
                    kept(outcome)
                }
            })
            .collect();
        let text = format!("{:#}\n", Value::from(kept));
        written = std::fs::read_to_string(&snapshot_file).ok().as_deref() != Some(text.as_str());
        std::fs::write(&snapshot_file, text)?;
    }
    let snapshot = snapshot(&snapshot_file)?;
    let mut complaints = Vec::new();
    for (n, (expect, outcome)) in case.expected().zip(&outcomes).enumerate() {
        let found = judge(expect, snapshot.get(n), outcome);
        complaints.extend(found.into_iter().map(|complaint| (n, complaint)));
    }
    let steps = case.expected().count();
    if outcomes.len() < steps {
        let what = format!(
            "the step failed, so the {} after it did not run",
            steps - outcomes.len()
        );
        complaints.push((outcomes.len() - 1, Complaint::new(what)));
    }
    Ok(Judged {
        name,
        about: case.about,
        complaints,
        outcomes,
        written,
    })
}

/// What was kept of each step; nothing when there is no snapshot.
fn snapshot(file: &Path) -> Result<Vec<Value>, Failure> {
    match std::fs::read(file) {
        Ok(text) => {
            let wrong =
                |error| Failure::Usage(format!("{}: {error}: --update writes it anew", file.display()));
            serde_json::from_slice(&text).map_err(wrong)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Failure::Usage(format!("{}: {error}", file.display()))),
    }
}

fn tell(one: &Judged, out: &mut Output) -> Result<(), Failure> {
    let fuel: u64 = one.outcomes.iter().map(|outcome| outcome.receipt.fuel).sum();
    let about = one
        .about
        .as_deref()
        .map(|about| format!("  {about}"))
        .unwrap_or_default();
    let sign = if one.complaints.is_empty() {
        out.paint(GOOD, "✓")
    } else {
        out.paint(BAD, "✗")
    };
    let fuel = out.paint(QUIET, &format!("{fuel} fuel"));
    let written = if one.written { ", snapshot written" } else { "" };
    out.line(&format!("{sign} {}{about}  {fuel}{written}", one.name))?;
    for (step, complaint) in &one.complaints {
        let place = if *step > 0 {
            format!("then[{}]: ", step - 1)
        } else {
            String::new()
        };
        out.line(&format!("    {place}{}", complaint.what))?;
        for line in &complaint.difference {
            let text = format!("      {} {}", line.sign, line.text);
            out.line(&match line.sign {
                '-' => out.paint(BAD, &text),
                '+' => out.paint(GOOD, &text),
                _ => text,
            })?;
        }
        for line in one
            .outcomes
            .get(*step)
            .into_iter()
            .flat_map(|outcome| &outcome.log)
        {
            out.line(&out.paint(QUIET, &format!("      log {line}")))?;
        }
    }
    Ok(())
}

fn as_json(one: &Judged) -> Value {
    let complaints = one.complaints.iter().map(|(step, complaint)| {
        let lines = complaint
            .difference
            .iter()
            .map(|line| format!("{} {}", line.sign, line.text));
        json!({"step": step, "what": complaint.what, "difference": lines.collect::<Vec<_>>()})
    });
    json!({
        "case": one.name, "passed": one.complaints.is_empty(), "complaints": complaints.collect::<Vec<_>>(),
        "steps": one.outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
    })
}
