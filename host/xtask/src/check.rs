//! `cargo xtask check`: what no compiler checks: floors, sizes of files, the top level, no built things in git, and that
//! released versions of the contract hold.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{frozen, process, workspace};

/// Check floors, file sizes, the top level and the released contract
#[derive(clap::Args)]
#[command(after_help = "Example:\n  cargo xtask check")]
pub(crate) struct Arguments {}

/// Floors of host/ARCHITECTURE.md: a crate depends only on lower ones.
const FLOORS: [(&str, u8); 13] = [
    ("jackfield-types", 0),
    ("jackfield-contact", 1),
    ("jackfield-analytics", 1),
    ("jackfield-store", 2),
    ("jackfield-voice", 2),
    ("jackfield-mail", 2),
    ("jackfield-build", 2),
    ("jackfield-sandbox", 2),
    ("jackfield-registry", 3),
    ("jackfield-runtime", 4),
    ("jackfield-simulate", 4),
    ("jackfield-api", 5),
    ("jackfield", 6),
];
/// Used by tests alone, of any floor.
const TEST_ONLY: &str = "jackfield-testkit";
/// Tools that nothing depends on.
const TOOLS: [&str; 1] = ["xtask"];
/// What the pure floors 0 and 1 must not know: they get time and facts as arguments.
const IMPURE: [&str; 7] = [
    "tokio",
    "axum",
    "wasmtime",
    "sled",
    "rsipstack",
    "rand",
    "reqwest",
];

const MAX_LINES: usize = 800;
const CODE: [&str; 6] = ["rs", "ts", "tsx", "wit", "py", "sh"];
/// What lies at the top beside dot-files.
const TOP_LEVEL: [&str; 15] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "examples",
    "host",
    "plugins",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "sdk",
    "wit",
];

pub(crate) fn main(_: &Arguments) -> Result<()> {
    run()?;
    println!("floors, sizes, top level and released contract are as they should be");
    Ok(())
}

/// Checks everything, and names each thing that is wrong.
pub(crate) fn run() -> Result<()> {
    let mut wrong = Vec::new();
    floors(&packages()?, &mut wrong);
    files(&tracked()?, &mut wrong)?;
    frozen::check(&mut wrong)?;
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// What of `cargo metadata` matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

fn packages() -> Result<Vec<Package>> {
    let mut command = process::cargo();
    command
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(workspace::root());
    let metadata: Metadata =
        serde_json::from_str(&process::output(&mut command)?).context("cargo metadata")?;
    Ok(metadata.packages)
}

fn floor(name: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, floor)| *floor)
}

fn floors(packages: &[Package], wrong: &mut Vec<String>) {
    for package in packages {
        let name = package.name.as_str();
        if name == TEST_ONLY || TOOLS.contains(&name) {
            continue;
        }
        let Some(own) = floor(name) else {
            wrong.push(format!(
                "{name} has no floor: give it one in host/xtask/src/check.rs"
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        {
            let on = dependency.name.as_str();
            if floor(on).is_some_and(|floor| floor >= own) {
                wrong.push(format!(
                    "{name} (floor {own}) depends on {on}, which is not lower"
                ));
            }
            if on == TEST_ONLY || TOOLS.contains(&on) {
                wrong.push(format!("{name} depends on {on}, which is for development only"));
            }
            if own <= 1 && IMPURE.contains(&on) {
                wrong.push(format!(
                    "{name} (floor {own}) depends on {on}: floors 0 and 1 are pure"
                ));
            }
        }
    }
}

/// Files that git knows, and new ones that it does not ignore.
fn tracked() -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(workspace::root());
    Ok(process::output(&mut command)?
        .split_terminator('\0')
        .map(str::to_owned)
        .collect())
}

fn files(tracked: &[String], wrong: &mut Vec<String>) -> Result<()> {
    for name in tracked {
        let top = name.split('/').next().unwrap_or_default();
        if !top.starts_with('.') && !TOP_LEVEL.contains(&top) {
            wrong.push(format!("{name}: {top} does not belong at the top level"));
        }
        let path = workspace::root().join(name);
        let end = Path::new(name)
            .extension()
            .and_then(|end| end.to_str())
            .unwrap_or_default();
        if end == "wasm" {
            wrong.push(format!("{name}: built components do not belong into git"));
        }
        // A file that git still lists may have been removed.
        if CODE.contains(&end) && path.is_file() {
            let lines = fs::read_to_string(&path)
                .with_context(|| name.clone())?
                .lines()
                .count();
            if lines > MAX_LINES {
                wrong.push(format!("{name} has {lines} lines: at most {MAX_LINES}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    fn wrong(package: Package) -> Vec<String> {
        let mut wrong = Vec::new();
        floors(&[package], &mut wrong);
        wrong
    }

    #[test]
    fn only_lower_floors_may_be_used() {
        assert!(
            wrong(package(
                "jackfield-store",
                &[("jackfield-types", None), ("tokio", None)]
            ))
            .is_empty()
        );
        assert_eq!(
            wrong(package("jackfield-store", &[("jackfield-voice", None)])).len(),
            1
        );
        assert_eq!(
            wrong(package("jackfield-types", &[("jackfield-api", Some("build"))])).len(),
            1
        );
        assert_eq!(wrong(package("jackfield-new", &[])).len(), 1);
    }

    #[test]
    fn the_testkit_is_for_tests_and_the_core_is_pure() {
        assert!(wrong(package("jackfield-api", &[("jackfield-testkit", Some("dev"))])).is_empty());
        assert_eq!(
            wrong(package("jackfield-api", &[("jackfield-testkit", None)])).len(),
            1
        );
        assert_eq!(wrong(package("jackfield-contact", &[("tokio", None)])).len(), 1);
        assert!(wrong(package("jackfield-contact", &[("tokio", Some("dev"))])).is_empty());
    }

    #[test]
    fn misplaced_files_are_named() {
        let mut wrong = Vec::new();
        let names = ["notes.txt", "plugins/a.wasm", ".github/x", "wit/types/types.wit"].map(str::to_owned);
        files(&names, &mut wrong).unwrap();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
