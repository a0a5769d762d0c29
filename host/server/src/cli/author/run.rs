//! `jackfield plugin run`

use std::path::PathBuf;

use jackfield_sandbox::Plugin;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::output::{BAD, GOOD, HEADING, Output, QUIET};
use super::case::{Case, Outcome};
use super::subject::Subject;

/// Let a plugin decide once.
#[derive(Debug, clap::Args)]
#[command(after_help = "`jackfield plugin test --help` tells what a case is.

Examples:
  jackfield plugin run --case tests/first.json
  jackfield decision explain 019ab4c2-6f0e-7c31-9d1f-2a5d9a6d3b10 --json > then.json
  jackfield plugin run my-routing --case then.json")]
pub(crate) struct Arguments {
    /// The plugin's folder, or a component.
    #[arg(default_value = ".", value_name = "DIR|WASM")]
    plugin: PathBuf,
    /// The question and what surrounds it.
    #[arg(long, value_name = "FILE")]
    case: PathBuf,
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let case = Case::read(&arguments.case)?;
    let plugin = Subject::of(&arguments.plugin)?.load()?;
    let outcomes = case
        .play(&plugin)
        .map_err(|error| Failure::Usage(format!("{}: {error}", arguments.case.display())))?;
    if json {
        let steps: Vec<Value> = outcomes.iter().map(Outcome::json).collect();
        out.json(&json!({
            "plugin": plugin.manifest().id, "version": plugin.manifest().version, "digest": plugin.digest(),
            "steps": steps,
        }))?;
    } else {
        for (n, outcome) in outcomes.iter().enumerate() {
            if outcomes.len() > 1 {
                let step = if n == 0 {
                    "question".to_owned()
                } else {
                    format!("then[{}]", n - 1)
                };
                out.line(&out.paint(HEADING, &step))?;
            }
            explain(&plugin, outcome, out)?;
        }
    }
    match outcomes.last().map(|outcome| &outcome.result) {
        Some(Err(failure)) => Err(Failure::Work(format!("no answer: {}", failure.code))),
        _ => Ok(()),
    }
}

fn explain(plugin: &Plugin, outcome: &Outcome, out: &mut Output) -> Result<(), Failure> {
    let ceilings = plugin.ceilings();
    match &outcome.result {
        Ok(answer) => field("answer", &out.paint(GOOD, &pretty(answer)), out)?,
        Err(failure) => {
            let told = format!("{}: {}", failure.code, failure.message);
            field("failure", &out.paint(BAD, &told), out)?;
        }
    }
    for read in &outcome.reads {
        field("read", &read.to_string(), out)?;
    }
    for (key, value) in &outcome.values {
        field("value", &format!("{key} = {value}"), out)?;
    }
    for line in &outcome.log {
        field("log", line, out)?;
    }
    let receipt = &outcome.receipt;
    let share = |used: u64, most: u64| used as f64 * 100.0 / most as f64;
    let fuel = format!(
        "{} of {} ({:.1} %)",
        receipt.fuel,
        ceilings.fuel,
        share(receipt.fuel, ceilings.fuel)
    );
    field("fuel", &fuel, out)?;
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let most = ceilings.memory_bytes as u64;
    let memory = format!(
        "{} of {} KiB ({:.1} %)",
        kib(receipt.peak_memory_bytes),
        kib(most),
        share(receipt.peak_memory_bytes, most)
    );
    field("memory", &memory, out)?;
    let time = format!("{:.3} of {} ms", receipt.wall_us as f64 / 1e3, ceilings.wall_ms);
    field("time", &time, out)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}").replace('\n', "\n         ")
}

fn field(name: &str, value: &str, out: &mut Output) -> Result<(), Failure> {
    out.line(&format!("{} {value}", out.paint(QUIET, &format!("{name:<8}"))))
}
