//! `jackfield plugin bench`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::failure::Failure;
use super::super::output::Output;
use super::case::Case;
use super::flame;
use super::subject::Subject;

/// Decisions before the clock counts: the first ones find cold memory.
const WARM_UP: u32 = 20;
/// No more decisions are begun after this.
const LIMIT: Duration = Duration::from_secs(30);
/// Samples of a flame graph.
const SAMPLES: u32 = 1_000;

/// Measure a plugin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Fuel is the same on every machine; time is not. `jackfield plugin test --help` tells what a \
case is; of a flow's, the first step is measured.

Examples:
  jackfield plugin bench --case tests/first.json
  jackfield plugin bench my-routing.wasm --case tests/busy.json --flame busy.svg"
)]
pub(crate) struct Arguments {
    /// The plugin's folder, or a component.
    #[arg(default_value = ".", value_name = "DIR|WASM")]
    plugin: PathBuf,
    /// The question and what surrounds it.
    #[arg(long, value_name = "FILE")]
    case: PathBuf,
    /// Decisions to measure, 1 to 1000000.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// Draw where the fuel goes.
    #[arg(long, value_name = "SVG")]
    flame: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let case = Case::read(&arguments.case)?;
    let wrong = |error: String| Failure::Usage(format!("{}: {error}", arguments.case.display()));
    let plugin = Subject::of(&arguments.plugin)?.load()?;
    if let Some(Err(failure)) = case
        .play(&plugin)
        .map_err(wrong)?
        .first()
        .map(|outcome| &outcome.result)
    {
        return Err(Failure::Work(format!(
            "the plugin gives no answer to measure: {}: {}",
            failure.code, failure.message
        )));
    }
    let question = Arc::new(case.question().map_err(wrong)?);
    let env = case.env().map_err(wrong)?;
    super::say("measuring");
    let mut times = Vec::new();
    let (mut fuel, mut memory) = (0, 0);
    let began = Instant::now();
    for n in 0..arguments.runs.saturating_add(WARM_UP) {
        if began.elapsed() > LIMIT && !times.is_empty() {
            break;
        }
        let (question, env) = (question.clone(), env.clone());
        let start = Instant::now();
        let decision = plugin.decide(question, env);
        let took = start.elapsed();
        if n >= WARM_UP || began.elapsed() > LIMIT {
            times.push(took);
        }
        (fuel, memory) = (decision.receipt.fuel, decision.receipt.peak_memory_bytes);
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    let us = |time: Duration| time.as_nanos() as f64 / 1e3;
    let (p50, p99) = (us(at(0.5)), us(at(0.99)));
    let mut answer = json!({
        "plugin": plugin.manifest().id, "version": plugin.manifest().version, "runs": times.len(),
        "p50_us": p50, "p99_us": p99, "fuel": fuel, "peak_memory_bytes": memory,
    });
    if !json {
        let line = format!(
            "{p50:.1} µs p50, {p99:.1} µs p99 over {} decisions; {fuel} fuel, {} KiB",
            times.len(),
            memory.div_ceil(1024)
        );
        out.line(&line)?;
    }
    if let Some(file) = &arguments.flame {
        super::say("finding out where the fuel goes");
        let profile = plugin
            .fuel_profile(&question, &env, SAMPLES)
            .map_err(|failure| Failure::Work(format!("{}: {}", failure.code, failure.message)))?;
        let title = format!(
            "{} {}: {} fuel",
            plugin.manifest().id,
            plugin.manifest().version,
            profile.fuel
        );
        std::fs::write(file, flame::svg(&title, &profile))
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        answer["flame"] = json!(file);
        if !json {
            out.done(
                false,
                &answer,
                &format!("{} shows where the fuel goes", file.display()),
            )?;
        }
    }
    if json { out.json(&answer) } else { Ok(()) }
}
