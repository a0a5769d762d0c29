//! What criterion has written under `target/criterion`.

use std::{fs, path::Path, time::SystemTime};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Figure, goals};

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
enum Throughput {
    Elements(u64),
    #[serde(untagged)]
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The medians of benches that have run since a moment: elements a second where the bench counts elements, else
/// nanoseconds a run.
pub(super) fn figures(folder: &Path, since: SystemTime) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if folder.is_dir() {
        walk(folder, since, &mut figures)?;
    }
    Ok(figures)
}

fn walk(folder: &Path, since: SystemTime, figures: &mut Vec<Figure>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let (about, estimates) = (path.join("benchmark.json"), path.join("estimates.json"));
        let is_new = path.file_name().is_some_and(|name| name == "new") && estimates.is_file();
        if !is_new {
            walk(&path, since, figures)?;
        } else if fs::metadata(&estimates)?.modified()? >= since {
            let about: Benchmark = read(&about)?;
            let nanoseconds = read::<Estimates>(&estimates)?.median.point_estimate;
            let (value, unit) = match about.throughput {
                Some(Throughput::Elements(elements)) => (elements as f64 * 1e9 / nanoseconds, "/s"),
                _ => (nanoseconds, "ns"),
            };
            let goal = goals::of(&about.full_id);
            figures.push(Figure {
                name: about.full_id,
                value,
                unit: unit.to_owned(),
                goal,
            });
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}
