//! `jackfield plugin check`

use std::path::{Path, PathBuf};
use std::time::Instant;

use jackfield_sandbox::{Ceilings, Manifest, Plugin, Sandbox};
use jackfield_types::{Digest, article, limits};
use serde_json::{Value, json};

use super::super::client::{Client, Connection};
use super::super::failure::Failure;
use super::super::output::{BAD, GOOD, Output, QUIET};
use super::super::sign;
use super::subject::{Subject, sandbox};
use super::versions::{Published, judge};

/// Check a plugin.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin check
  jackfield plugin check my-routing.wasm --against my-routing-1.2.0.wasm
  jackfield plugin check --against my-routing            the newest on the server
  jackfield plugin check --against my-routing@1.2.0")]
pub(crate) struct Arguments {
    /// The plugin's folder, or a component.
    #[arg(default_value = ".", value_name = "DIR|WASM")]
    plugin: PathBuf,
    /// What was published before: a component, or a plugin of the server's. Its version says how much may change.
    #[arg(long, value_name = "WASM|PLUGIN[@VERSION]")]
    against: Option<String>,
}

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Good,
    /// Worth a look; refused by nobody.
    Note,
    Wrong,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) name: &'static str,
    pub(super) stand: Stand,
    pub(super) text: String,
}

impl Point {
    pub(super) fn new(name: &'static str, stand: Stand, text: impl Into<String>) -> Self {
        Self {
            name,
            stand,
            text: text.into(),
        }
    }
}

pub(super) fn run(
    arguments: &Arguments,
    connection: &Connection,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let subject = Subject::of(&arguments.plugin)?;
    let mut points = vec![size(&subject.wasm)];
    match Sandbox::inspect(&subject.wasm) {
        Err(error) => points.push(Point::new("contract", Stand::Wrong, error.to_string())),
        Ok(manifest) => {
            let text = format!(
                "{}@{} is {} {}",
                manifest.id,
                manifest.version,
                article(manifest.kind.as_str()),
                manifest.kind_version()
            );
            points.push(Point::new("contract", Stand::Good, text));
            points.push(capabilities(&manifest, &subject.wasm));
            points.push(config_schema(&manifest));
            points.extend(compiled(&manifest, &subject)?);
            if let Some(against) = &arguments.against {
                let before = published(against, connection)?;
                points.extend(judge(&before, &manifest, Digest::of(&subject.wasm)));
            }
        }
    }
    let wrong = points.iter().filter(|point| point.stand == Stand::Wrong).count();
    if json {
        let points: Vec<Value> = points.iter().map(as_json).collect();
        out.json(&json!({"path": subject.path, "sound": wrong == 0, "points": points}))?;
    } else {
        for point in &points {
            let (sign, style) = match point.stand {
                Stand::Good => ("✓", GOOD),
                Stand::Note => ("·", QUIET),
                Stand::Wrong => ("✗", BAD),
            };
            let line = format!("{} {:<12} {}", out.paint(style, sign), point.name, point.text);
            out.line(&line)?;
        }
    }
    if wrong > 0 {
        return Err(Failure::Work(format!(
            "{wrong} of {} points are wrong",
            points.len()
        )));
    }
    Ok(())
}

fn as_json(point: &Point) -> Value {
    let stand = match point.stand {
        Stand::Good => "good",
        Stand::Note => "note",
        Stand::Wrong => "wrong",
    };
    json!({"name": point.name, "stand": stand, "text": point.text})
}

fn size(wasm: &[u8]) -> Point {
    let (found, most) = (wasm.len(), limits::MAX_COMPONENT_BYTES);
    let text = format!("{} of {} KiB", found.div_ceil(1024), most / 1024);
    let stand = if found <= most { Stand::Good } else { Stand::Wrong };
    Point::new("size", stand, text)
}

/// That every import is asked for is part of the contract; here: whether more is asked for than is used.
fn capabilities(manifest: &Manifest, wasm: &[u8]) -> Point {
    let used = |name: &str| {
        let import = format!("{name}@");
        wasm.windows(import.len())
            .any(|window| window == import.as_bytes())
    };
    let asked: Vec<String> = manifest
        .capabilities
        .iter()
        .map(|request| request.name.to_string())
        .collect();
    let idle: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|name| !used(name))
        .collect();
    if !idle.is_empty() {
        let text = format!(
            "asks for {} and imports no function of it: take it out of plugin.toml",
            idle.join(", ")
        );
        return Point::new("capabilities", Stand::Note, text);
    }
    let text = if asked.is_empty() {
        "asks for none".to_owned()
    } else {
        format!("asks for {}", asked.join(", "))
    };
    Point::new("capabilities", Stand::Good, text)
}

/// What is in force for a decision: the ceilings of the kind, or those of components with a run time, and what the
/// manifest asks for below them.
fn in_force(manifest: &Manifest, plugin: &Plugin) -> Point {
    let asked = manifest.limits;
    let of_kind = Ceilings::of(manifest.kind);
    let ceilings = plugin.ceilings();
    // A component with a run time has more memory than its kind, unless its manifest asks for less.
    let has_run_time = plugin.has_run_time();
    let most = if has_run_time {
        of_kind.with_run_time()
    } else {
        of_kind
    };
    let mut above = Vec::new();
    let mut lines = Vec::new();
    for (name, unit, asked, most, holds) in [
        ("fuel", "fuel", asked.fuel, most.fuel, ceilings.fuel),
        ("wall-ms", "ms", asked.wall_ms, most.wall_ms, ceilings.wall_ms),
        (
            "memory-bytes",
            "bytes",
            asked.memory_bytes,
            most.memory_bytes as u64,
            ceilings.memory_bytes as u64,
        ),
    ] {
        if let Some(asked) = asked.filter(|asked| *asked > most) {
            above.push(format!(
                "{name} {asked} is above the ceiling {most}, which it does not raise"
            ));
        }
        lines.push(if holds < most {
            format!("{holds} {unit} (its manifest's; the ceiling is {most})")
        } else {
            format!("{holds} {unit}")
        });
    }
    if !above.is_empty() {
        return Point::new("limits", Stand::Note, above.join("; "));
    }
    let whose = if has_run_time {
        ", as components with a run time have"
    } else {
        ""
    };
    let text = format!("a decision has {} at most{whose}", lines.join(", "));
    Point::new("limits", Stand::Good, text)
}

fn config_schema(manifest: &Manifest) -> Point {
    let name = "config";
    match &manifest.config_schema {
        None => Point::new(
            name,
            Stand::Note,
            "no [config-schema]: any object will do, and errors show late",
        ),
        Some(schema) => match jackfield_registry::check_schema(schema) {
            Ok(()) => Point::new(name, Stand::Good, "the schema is sound"),
            Err(error) => Point::new(name, Stand::Wrong, format!("config-schema: {error}")),
        },
    }
}

/// Whether it is compiled, and what it then may use.
fn compiled(manifest: &Manifest, subject: &Subject) -> Result<Vec<Point>, Failure> {
    let sandbox = sandbox()?;
    let began = Instant::now();
    Ok(match subject.load_on(&sandbox) {
        Ok(plugin) => {
            let text = format!("ready to run in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
            vec![
                Point::new("compiler", Stand::Good, text),
                in_force(manifest, &plugin),
            ]
        }
        Err(failure) => vec![Point::new("compiler", Stand::Wrong, failure.to_string())],
    })
}

/// What was published: a component, or what the server knows of one.
fn published(against: &str, connection: &Connection) -> Result<Published, Failure> {
    let file = Path::new(against);
    if file.is_file() {
        let wasm = sign::read(file)?;
        let manifest =
            Sandbox::manifest(&wasm).map_err(|error| Failure::Usage(format!("{against}: {error}")))?;
        return Ok(Published::of(&manifest, Digest::of(&wasm)));
    }
    if against.ends_with(".wasm") {
        return Err(Failure::Usage(format!("{against}: no such file")));
    }
    let client = Client::new(connection)?;
    let (plugin, version) = against.split_once('@').unwrap_or((against, ""));
    let mut found = client.all(&["plugins"])?;
    found.retain(|item| item["id"] == plugin && (version.is_empty() || item["version"] == version));
    let known = found.iter().filter_map(Published::of_view);
    known.max_by(|a, b| a.version.cmp(&b.version)).ok_or_else(|| {
        Failure::Work(format!(
            "the server has no {against}: `jackfield plugin list` shows what is there; a first version is checked \
             without --against"
        ))
    })
}
