//! `jackfield plugin check`

use std::path::{Path, PathBuf};
use std::time::Instant;

use jackfield_sandbox::{Ceilings, Manifest, Sandbox};
use jackfield_types::{Digest, limits};
use serde_json::{Value, json};

use super::super::client::{Client, Connection, path};
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
                "{}@{} is a {}",
                manifest.id,
                manifest.version,
                manifest.kind_version()
            );
            points.push(Point::new("contract", Stand::Good, text));
            points.push(capabilities(&manifest, &subject.wasm));
            points.push(requested_limits(&manifest));
            points.push(config_schema(&manifest));
            points.push(compiled(&subject)?);
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

fn requested_limits(manifest: &Manifest) -> Point {
    let most = Ceilings::of(manifest.kind);
    let asked = manifest.limits;
    let above = [
        ("fuel", asked.fuel, most.fuel),
        ("wall-ms", asked.wall_ms, most.wall_ms),
        ("memory-bytes", asked.memory_bytes, most.memory_bytes as u64),
    ];
    let above: Vec<String> = above
        .into_iter()
        .filter_map(|(name, asked, most)| {
            let asked = asked.filter(|asked| *asked > most)?;
            Some(format!(
                "{name} {asked} is above the ceiling {most}, which it does not raise"
            ))
        })
        .collect();
    if above.is_empty() {
        let text = format!(
            "{} fuel, {} ms, {} MiB at most",
            most.fuel,
            most.wall_ms,
            most.memory_bytes >> 20
        );
        return Point::new("limits", Stand::Good, text);
    }
    Point::new("limits", Stand::Note, above.join("; "))
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

fn compiled(subject: &Subject) -> Result<Point, Failure> {
    let sandbox = sandbox()?;
    let began = Instant::now();
    Ok(match subject.load_on(&sandbox) {
        Ok(_) => {
            let text = format!("ready to run in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
            Point::new("compiler", Stand::Good, text)
        }
        Err(failure) => Point::new("compiler", Stand::Wrong, failure.to_string()),
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
    let mut found = client.list(&path(&["plugins"]), &[], usize::MAX)?;
    found.retain(|item| item["id"] == plugin && (version.is_empty() || item["version"] == version));
    let known = found.iter().filter_map(Published::of_view);
    known.max_by(|a, b| a.version.cmp(&b.version)).ok_or_else(|| {
        Failure::Work(format!(
            "the server has no {against}: `jackfield plugin list` shows what is there; a first version is checked \
             without --against"
        ))
    })
}
