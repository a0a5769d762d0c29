//! `cargo xtask bench languages`: what a decision costs in each language and kind, written into the manual. What is
//! measured are the templates, on the cases that they come with.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use jackfield_build::{Language, MANIFEST_FILE, manual};
use serde::Deserialize;

use crate::{guest, languages, process, run, workspace};

/// The name of this bench.
pub(super) const NAME: &str = "languages";
/// The page of the manual.
const PAGE: &str = "costs.md";
/// Says that an instance may stay; measured beside fresh ones.
const REUSE: &str = "reuse-instances = true";

/// What `jackfield plugin bench --compile --json` tells.
#[derive(Deserialize)]
struct Measured {
    p50_us: f64,
    fuel: u64,
    peak_memory_bytes: u64,
    component_bytes: u64,
    compile_ms: u64,
    steps: Vec<serde_json::Value>,
    reused: Reused,
}

#[derive(Deserialize)]
struct Reused {
    p50_us: f64,
}

pub(super) fn main() -> Result<()> {
    guest::compiler()?;
    let jackfield = run::build_host(true)?;
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for language in Language::ALL {
        if let Err(error) = languages::prepare(language) {
            println!(
                "not measured, since this machine lacks its tools: {}: {error:#}",
                language.as_str()
            );
            continue;
        }
        let templates = workspace::root()
            .join("sdk")
            .join(language.as_str())
            .join("templates");
        for entry in fs::read_dir(&templates).into_iter().flatten() {
            let template = entry?.path();
            if !template.join(MANIFEST_FILE).is_file() {
                continue;
            }
            let kind = template
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            process::say(&format!("{kind} in {}", language.as_str()));
            let row = measure(&jackfield, language, &kind)
                .with_context(|| format!("{kind} in {}", language.as_str()))?;
            println!("{row}");
            rows.entry(kind).or_default().push(row);
        }
    }
    let path = workspace::root().join(manual::FOLDER).join(PAGE);
    fs::write(&path, page(&rows)?)?;
    println!("{}", path.display());
    Ok(())
}

/// A row of the table.
fn measure(jackfield: &Path, language: Language, kind: &str) -> Result<String> {
    let name = format!("bench-{kind}");
    let dir = workspace::target()
        .join("bench-languages")
        .join(language.as_str())
        .join(&name);
    // What was built stays; all else is the template as it is now.
    for entry in fs::read_dir(&dir).into_iter().flatten() {
        let path = entry?.path();
        if path.is_file() {
            fs::remove_file(path)?;
        } else if !["target", "node_modules"].iter().any(|made| path.ends_with(made)) {
            fs::remove_dir_all(path)?;
        }
    }
    let fresh = dir.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    let sdk = workspace::root().join("sdk").join(language.as_str());
    let mut new = command(jackfield);
    new.args(["new", &name, "--kind", kind, "--lang", language.as_str(), "--dir"])
        .arg(&fresh)
        .arg("--sdk")
        .arg(sdk);
    process::output(&mut new)?;
    let manifest = fresh.join(MANIFEST_FILE);
    let text = fs::read_to_string(&manifest)?;
    if !text.contains(REUSE) {
        fs::write(
            &manifest,
            text.replace("state-schema = 0\n", &format!("state-schema = 0\n{REUSE}\n")),
        )?;
    }
    take_over(&fresh, &dir)?;
    fs::remove_dir_all(&fresh)?;
    let mut bench = command(jackfield);
    bench
        .arg("bench")
        .arg(&dir)
        .arg("--case")
        .arg(dir.join("tests/first.json"))
        .args(["--compile", "--json"]);
    let told = process::output(&mut bench)?;
    let Measured {
        p50_us,
        fuel,
        peak_memory_bytes,
        component_bytes,
        compile_ms,
        steps,
        reused,
    } = serde_json::from_str(&told).context("what the bench tells")?;
    if steps.is_empty() {
        bail!("the case has no step");
    }
    let count = steps.len() as f64;
    Ok(format!(
        "| {} | {} | {compile_ms} | {:.1} | {:.1} | {} | {} |",
        shown(language),
        component_bytes.div_ceil(1024),
        p50_us / count,
        reused.p50_us / count,
        fuel / steps.len() as u64,
        peak_memory_bytes.div_ceil(1024),
    ))
}

fn command(jackfield: &Path) -> Command {
    let mut command = Command::new(jackfield);
    command
        .arg("plugin")
        .env("CARGO_TARGET_DIR", workspace::target().join("guests"))
        .env(jackfield_build::TOOLS, workspace::target().join("tools"));
    command
}

fn take_over(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            take_over(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn shown(language: Language) -> &'static str {
    match language.as_str() {
        "js" => "TypeScript",
        "python" => "Python",
        "go" => "Go",
        "c" => "C",
        _ => "Rust",
    }
}

fn page(rows: &BTreeMap<String, Vec<String>>) -> Result<String> {
    let commit = process::output(
        Command::new("git")
            .args(["rev-parse", "--short", "HEAD"])
            .current_dir(workspace::root()),
    )?;
    let kernel = process::output(Command::new("uname").arg("-sr"))?;
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("processor unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism()?;
    let mut text = format!(
        "<!-- Written by `cargo xtask bench languages`. Do not edit. -->\n\n# What a decision costs\n\nThe templates on the cases that they \
         come with, measured by `jackfield plugin bench` on the engine and with the limits that serve customers: commit `{}`, {model}, \
         {cores} cores, {}. Times are medians and differ from machine to machine; fuel does not. Of flows, the mean of a step. A fresh \
         instance is what a decision gets; instances that stay are for plugins with `reuse-instances = true`.\n\n",
        commit.trim(),
        kernel.trim()
    );
    for (kind, rows) in rows {
        let _ = writeln!(
            text,
            "## {kind}\n\n| language | KiB | compile, ms | fresh, µs | reused, µs | fuel | memory, KiB |\n|---|---|---|---|---|---|---|\n{}\n",
            rows.join("\n")
        );
    }
    Ok(text)
}
