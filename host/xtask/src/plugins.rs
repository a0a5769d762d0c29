//! `cargo xtask plugins`: builds the components of `plugins/`, `examples/` and, for the tests, of the conformance suite.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use jackfield_build::{
    Language, ManifestHead,
    rust::{self, Module},
    with_manifest, write,
};

use crate::{guest, languages, process, workspace};

/// Build the plugins of plugins/ and examples/ as components in target/plugins
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask plugins\n  cargo xtask plugins ivr-menu")]
pub(crate) struct Arguments {
    /// Report only plugins whose id contains this (all are built together)
    name: Option<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let filter = arguments.name.as_deref().unwrap_or_default();
    let mut built = build()?;
    let mut missing = Vec::new();
    for (language, found) in build_others() {
        match found? {
            Ok(more) => built.extend(more),
            Err(why) => missing.push(format!("{}: {why}", language.as_str())),
        }
    }
    for plugin in built.iter().filter(|plugin| plugin.id.contains(filter)) {
        println!(
            "{:<24} {:>4} KiB  {}",
            plugin.id,
            plugin.bytes.div_ceil(1024),
            plugin.path.display()
        );
    }
    for language in missing {
        println!("not built, since this machine lacks tools for {language}");
    }
    Ok(())
}

/// A built component.
pub(crate) struct Built {
    id: String,
    bytes: usize,
    path: PathBuf,
}

/// Builds every plugin in Rust; quick when nothing has changed.
pub(crate) fn build() -> Result<Vec<Built>> {
    build_of(packages()?)
}

/// The same without those that only tests need.
pub(crate) fn build_shipped() -> Result<Vec<Built>> {
    let mut packages = packages()?;
    packages.retain(|package| *package != guests_of_the_suite(Language::Rust));
    build_of(packages)
}

fn build_of(packages: Vec<PathBuf>) -> Result<Vec<Built>> {
    let compiler = guest::compiler()?;
    let began = Instant::now();
    let mut fresh = true;
    let mut built = Vec::new();
    fs::create_dir_all(workspace::plugins())?;
    for package in packages {
        let mut command = compiler.cargo_build();
        command
            .arg("--workspace")
            .env("CARGO_TARGET_DIR", workspace::target().join("guests"));
        for module in rust::modules(command, &package)? {
            fresh &= module.fresh;
            built.push(componentise(&module)?);
        }
    }
    if !fresh {
        process::say(&format!(
            "{} plugins built in {:.1} s",
            built.len(),
            began.elapsed().as_secs_f64()
        ));
    }
    built.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(built)
}

/// Cargo packages and workspaces that hold plugins.
pub(crate) fn packages() -> Result<Vec<PathBuf>> {
    let mut packages = vec![workspace::root().join("plugins")];
    packages.extend(examples(|language| language == Language::Rust)?);
    packages.push(guests_of_the_suite(Language::Rust));
    packages.sort();
    Ok(packages)
}

/// The examples that are plugins, of some languages.
fn examples(wanted: impl Fn(Language) -> bool) -> Result<Vec<PathBuf>> {
    let mut examples = Vec::new();
    for path in plugins_in(&workspace::root().join("examples"))? {
        if wanted(Language::of(&path)?) {
            examples.push(path);
        }
    }
    Ok(examples)
}

/// The plugins among the folders of a folder, by name.
fn plugins_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.join(jackfield_build::MANIFEST_FILE).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Makes a component of a core module, with its manifest inside.
fn componentise(module: &Module) -> Result<Built> {
    let (head, text) = ManifestHead::read(&module.dir)?;
    let wasm = with_manifest(rust::component(module)?, &text);
    let suite = module.dir.starts_with(guests_of_the_suite(Language::Rust));
    let folder = if suite {
        conformance()
    } else {
        workspace::plugins()
    };
    let path = folder.join(head.file_name());
    write(&path, &wasm)?;
    Ok(Built {
        id: head.id.to_string(),
        bytes: wasm.len(),
        path,
    })
}

/// What came of a language; `Err` within says why its tools cannot be had.
type Others = Result<Result<Vec<Built>, String>>;

/// Builds the examples and the conformance suite's guests in the languages beside Rust, side by side: some of their tools
/// use one core only. The tools are set up before, one language after the other.
pub(crate) fn build_others() -> Vec<(Language, Others)> {
    let languages = Language::ALL
        .into_iter()
        .filter(|language| *language != Language::Rust);
    let ready: Vec<_> = languages
        .map(|language| (language, languages::prepare(language)))
        .collect();
    thread::scope(|scope| {
        let builds: Vec<_> = ready
            .into_iter()
            .map(|(language, ready)| (language, scope.spawn(move || build_in(language, ready))))
            .collect();
        let ended = |build: thread::ScopedJoinHandle<'_, Others>| {
            build
                .join()
                .unwrap_or_else(|_| bail!("the build ended by itself"))
        };
        builds
            .into_iter()
            .map(|(language, build)| (language, ended(build)))
            .collect()
    })
}

fn build_in(language: Language, ready: Result<()>) -> Others {
    if let Err(error) = ready {
        return Ok(Err(format!("{error:#}")));
    }
    let mut built = Vec::new();
    for example in examples(|found| found == language)? {
        built.push(other(&example, &workspace::plugins())?);
    }
    for guest in plugins_in(&guests_of_the_suite(language))? {
        built.push(other(&guest, &conformance())?);
    }
    Ok(Ok(built))
}

/// The conformance suite's plugins in a language, a folder for each kind.
fn guests_of_the_suite(language: Language) -> PathBuf {
    workspace::root()
        .join("host/sandbox/tests/guests")
        .join(language.as_str())
}

/// Where the suite looks for them.
fn conformance() -> PathBuf {
    workspace::plugins().join("conformance")
}

fn other(dir: &Path, into: &Path) -> Result<Built> {
    let (head, _) = ManifestHead::read(dir)?;
    let path = into.join(head.file_name());
    let say = |step: &str| process::say(&format!("{}: {step}", head.id));
    let built = jackfield_build::build(dir, Some(&path), &say)?;
    Ok(Built {
        id: built.head.id.to_string(),
        bytes: built.wasm.len(),
        path: built.path,
    })
}
