//! `jackfield plugin bench`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jackfield_sandbox::{Decision, Plugin};
use jackfield_types::TenantId;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::output::{Output, QUIET};
use super::case::{Asked, Case};
use super::flame;
use super::subject::{self, Subject};

/// Runs before the clock counts: the first ones find cold memory.
const WARM_UP: u32 = 20;
/// No more runs are begun after this.
const LIMIT: Duration = Duration::from_secs(30);
/// Samples of a flame graph.
const SAMPLES: u32 = 1_000;
/// Whose instances are reused.
const TENANT: &str = "bench";

/// Measure a plugin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Fuel is the same on every machine; time is not. `jackfield plugin test --help` tells what a \
case is; all steps of a flow's are measured, each with the state that the one before left. Each decision has an instance \
of its own; a plugin with `reuse-instances = true` is measured a second time with instances that stay.

Examples:
  jackfield plugin bench --case tests/first.json
  jackfield plugin bench my-routing.wasm --case tests/busy.json --flame busy.svg
  jackfield plugin bench --case tests/first.json --compile --json"
)]
pub(crate) struct Arguments {
    /// The plugin's folder, or a component.
    #[arg(default_value = ".", value_name = "DIR|WASM")]
    plugin: PathBuf,
    /// The question and what surrounds it.
    #[arg(long, value_name = "FILE")]
    case: PathBuf,
    /// Runs of the case to measure, 1 to 1000000.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// Draw where the fuel of the costliest step goes.
    #[arg(long, value_name = "SVG")]
    flame: Option<PathBuf>,
    /// Measure as well how long a server would compile it.
    #[arg(long)]
    compile: bool,
}

/// Times of a step, or of all, in microseconds.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, share: f64) -> f64 {
        let place = ((self.0.len() - 1) as f64 * share).round() as usize;
        self.0[place].as_nanos() as f64 / 1e3
    }

    fn json(&self) -> Value {
        json!({"p50_us": self.at(0.5), "p99_us": self.at(0.99)})
    }
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let case = Case::read(&arguments.case)?;
    let wrong = |error: String| Failure::Usage(format!("{}: {error}", arguments.case.display()));
    let subject = Subject::of(&arguments.plugin)?;
    let plugin = subject.load()?;
    let asked = case.asked(&plugin).map_err(wrong)?;
    if let Some(Err(failure)) = asked.last().map(|asked| &asked.outcome.result) {
        return Err(Failure::Work(format!(
            "the plugin gives no answer to measure: {}: {}",
            failure.code, failure.message
        )));
    }
    super::say("measuring");
    let fresh = |asked: &Asked| plugin.decide(asked.question.clone(), asked.env.clone());
    let (steps, whole) = measure(&asked, arguments.runs, fresh);
    let fuel: u64 = asked.iter().map(|asked| asked.outcome.receipt.fuel).sum();
    let memory = asked
        .iter()
        .map(|asked| asked.outcome.receipt.peak_memory_bytes)
        .max();
    let memory = memory.unwrap_or_default();
    let mut answer = json!({
        "plugin": plugin.manifest().id, "version": plugin.manifest().version, "runs": whole.0.len(),
        "p50_us": whole.at(0.5), "p99_us": whole.at(0.99), "fuel": fuel, "peak_memory_bytes": memory,
        "component_bytes": subject.wasm.len(),
        "steps": steps.iter().zip(&asked).map(|(times, asked)| {
            let mut step = times.json();
            step["fuel"] = asked.outcome.receipt.fuel.into();
            step
        }).collect::<Vec<_>>(),
    });
    if !json {
        let of = if asked.len() == 1 {
            "decisions".to_owned()
        } else {
            format!("cases of {} steps", asked.len())
        };
        out.line(&format!(
            "{:.1} µs p50, {:.1} µs p99 over {} {of}; {fuel} fuel, {} KiB",
            whole.at(0.5),
            whole.at(0.99),
            whole.0.len(),
            memory.div_ceil(1024)
        ))?;
        if asked.len() > 1 {
            for (n, (times, asked)) in steps.iter().zip(&asked).enumerate() {
                let name = n
                    .checked_sub(1)
                    .map_or("question".to_owned(), |n| format!("then[{n}]"));
                let fuel = asked.outcome.receipt.fuel;
                let text = format!(
                    "{name:<10} {:>9.1} µs p50 {:>9.1} µs p99 {fuel:>10} fuel",
                    times.at(0.5),
                    times.at(0.99)
                );
                out.line(&out.paint(QUIET, &format!("  {text}")))?;
            }
        }
    }
    if plugin.manifest().reuse_instances {
        let whole = reused(&plugin, &asked, arguments.runs)?;
        answer["reused"] = whole.json();
        if !json {
            out.line(&format!(
                "{:.1} µs p50, {:.1} µs p99 with reused instances",
                whole.at(0.5),
                whole.at(0.99)
            ))?;
        }
    }
    if arguments.compile {
        super::say("compiling it anew");
        let took = subject::compile_time(&subject.wasm)?;
        answer["compile_ms"] = (took.as_millis() as u64).into();
        if !json {
            out.line(&format!("{} ms to check and compile", took.as_millis()))?;
        }
    }
    if let Some(file) = &arguments.flame {
        let costliest = asked.iter().max_by_key(|asked| asked.outcome.receipt.fuel);
        if let Some(costliest) = costliest {
            draw(&plugin, costliest, file)?;
        }
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

/// Times of each step, and of all together, in order of size.
fn measure(asked: &[Asked], runs: u32, decide: impl Fn(&Asked) -> Decision) -> (Vec<Times>, Times) {
    let mut steps: Vec<Times> = asked.iter().map(|_| Times(Vec::new())).collect();
    let mut whole = Times(Vec::new());
    let began = Instant::now();
    for n in 0..runs.saturating_add(WARM_UP) {
        if began.elapsed() > LIMIT && !whole.0.is_empty() {
            break;
        }
        let counts = n >= WARM_UP || began.elapsed() > LIMIT;
        let mut sum = Duration::ZERO;
        for (asked, times) in asked.iter().zip(&mut steps) {
            let start = Instant::now();
            let decision = decide(asked);
            let took = start.elapsed();
            drop(decision);
            sum += took;
            if counts {
                times.0.push(took);
            }
        }
        if counts {
            whole.0.push(sum);
        }
    }
    for times in steps.iter_mut().chain([&mut whole]) {
        times.0.sort();
    }
    (steps, whole)
}

/// The same with instances that stay for a tenant.
fn reused(plugin: &Plugin, asked: &[Asked], runs: u32) -> Result<Times, Failure> {
    let tenant = TenantId::new(TENANT).map_err(|error| Failure::Usage(error.to_string()))?;
    let stays = |asked: &Asked| plugin.decide_for(&tenant, asked.question.clone(), asked.env.clone());
    Ok(measure(asked, runs, stays).1)
}

fn draw(plugin: &Plugin, asked: &Asked, file: &PathBuf) -> Result<(), Failure> {
    super::say("finding out where the fuel goes");
    let profile = plugin
        .fuel_profile(&asked.question, &asked.env, SAMPLES)
        .map_err(|failure| Failure::Work(format!("{}: {}", failure.code, failure.message)))?;
    let (id, version) = (&plugin.manifest().id, &plugin.manifest().version);
    let title = format!("{id} {version}: {} fuel", profile.fuel);
    std::fs::write(file, flame::svg(&title, &profile))
        .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}
