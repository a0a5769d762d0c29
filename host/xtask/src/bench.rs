//! `cargo xtask bench`: measures, and sets the figures beside what is to be reached.
//!
//! Figures come from criterion's own files, and from lines that a bench of another make prints on its standard output:
//! `bench<TAB>NAME<TAB>VALUE<TAB>UNIT`, with `<TAB>>= GOAL` or `<TAB><= GOAL` behind when there is one.

mod criterion;
mod goals;
mod languages;

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use goals::Goal;

use crate::{plugins, process, workspace};

/// Run the benches of the host crates and print one table with ratios to the goals
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench plugins\n  cargo xtask bench languages   the table of the manual\n  cargo xtask bench -p jackfield-store"
)]
pub(crate) struct Arguments {
    /// Measure only what has this in its name
    name: Option<String>,
    /// Run only this crate's benches
    #[arg(short, long, value_name = "CRATE")]
    package: Option<String>,
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    /// `ns` and `/s` for what criterion measured; else as the bench says.
    unit: String,
    goal: Option<Goal>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    if arguments.name.as_deref() == Some(languages::NAME) {
        return languages::main();
    }
    plugins::build_shipped()?;
    let began = SystemTime::now();
    let mut command = process::cargo();
    command
        .arg("bench")
        .current_dir(workspace::root())
        .stdout(Stdio::piped());
    match &arguments.package {
        Some(package) => command.args(["--package", package]),
        None => command.arg("--workspace"),
    };
    // A bench that is named is run alone. Else only benches, too: the harness of unit tests does not know criterion's
    // arguments.
    match arguments.name.as_deref().filter(|name| is_bench(name)) {
        Some(name) => command.args(["--bench", name]),
        None => command.arg("--benches"),
    };
    command
        .arg("--")
        .args(&arguments.name)
        .env("JACKFIELD_PLUGINS", workspace::plugins());
    let mut child = command.spawn().context("cannot start cargo bench")?;
    let mut figures = Vec::new();
    for line in BufReader::new(child.stdout.take().context("cargo has no output")?).lines() {
        let line = line?;
        match parse(&line) {
            Some(figure) => figures.push(figure),
            None => println!("{line}"),
        }
    }
    let passed = child.wait()?.success();
    figures.extend(criterion::figures(&workspace::target().join("criterion"), began)?);
    if let Some(name) = &arguments.name {
        figures.retain(|figure| figure.name.contains(name.as_str()));
    }
    figures.sort_by(|a, b| a.name.cmp(&b.name));
    print(&figures);
    if !passed {
        bail!("a bench failed; see its message above");
    }
    Ok(())
}

/// Whether a crate has a bench of this name.
fn is_bench(name: &str) -> bool {
    let crates = std::fs::read_dir(workspace::root().join("host"));
    crates.into_iter().flatten().flatten().any(|of| {
        let benches = of.path().join("benches");
        benches.join(name).join("main.rs").is_file() || benches.join(format!("{name}.rs")).is_file()
    })
}

fn parse(line: &str) -> Option<Figure> {
    let mut fields = line.strip_prefix("bench\t")?.split('\t');
    let (name, value, unit) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
    let goal = fields.next().and_then(|goal| goal.parse().ok());
    Some(Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        goal,
    })
}

fn print(figures: &[Figure]) {
    println!(
        "\n{:<52} {:>16}   {:>16} {:>8}",
        "what", "measured", "goal", "ratio"
    );
    for figure in figures {
        let (wanted, ratio) = figure
            .goal
            .as_ref()
            .map_or((String::new(), String::new()), |goal| {
                (
                    goal.shown(&figure.unit),
                    format!("{:.2}x", goal.ratio(figure.value)),
                )
            });
        println!(
            "{:<52} {:>16}   {wanted:>16} {ratio:>8}",
            figure.name,
            shown(figure.value, &figure.unit)
        );
    }
    println!("ratio: above 1 is better than the goal");
}

/// A figure with a unit that people can read.
fn shown(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        "ns" if value >= 1e3 => format!("{:.2} us", value / 1e3),
        "ns" => format!("{value:.1} ns"),
        _ if value >= 1_000.0 => format!("{value:.0} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_format_are_figures() {
        let figure = Figure {
            name: "voice/calls".to_owned(),
            value: 300.0,
            unit: "calls".to_owned(),
            goal: None,
        };
        assert_eq!(parse("bench\tvoice/calls\t300\tcalls"), Some(figure));
        let late = parse("bench\tvoice/late\t20\tms\t<= 40").unwrap();
        assert_eq!(late.goal.unwrap().ratio(late.value), 2.0);
        assert_eq!(parse("bench\tvoice/calls\tmany\tcalls"), None);
        assert_eq!(parse("benchmarking voice/calls"), None);
    }
}
