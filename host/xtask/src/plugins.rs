//! `cargo xtask plugins`: builds the components of `plugins/` and `examples/`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use crate::{guest::Guest, process, workspace};

/// Name of the component's custom section that holds `plugin.toml`.
const MANIFEST_SECTION: &str = "jackfield:manifest";

/// Build the plugins of plugins/ and examples/ as components in target/plugins
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask plugins\n  cargo xtask plugins ivr-menu")]
pub(crate) struct Arguments {
    /// Report only plugins whose id contains this (all are built together)
    name: Option<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let filter = arguments.name.as_deref().unwrap_or_default();
    let built = build()?;
    for plugin in built.iter().filter(|plugin| plugin.id.contains(filter)) {
        println!(
            "{:<24} {:>4} KiB  {}",
            plugin.id,
            plugin.bytes.div_ceil(1024),
            plugin.path.display()
        );
    }
    Ok(())
}

/// A built component.
pub(crate) struct Built {
    id: String,
    bytes: usize,
    path: PathBuf,
}

/// What is read of a `plugin.toml` here; the host checks all of it.
#[derive(Deserialize)]
struct Manifest {
    id: String,
    version: String,
    kind: String,
}

/// Builds every plugin; quick when nothing has changed.
pub(crate) fn build() -> Result<Vec<Built>> {
    let guest = Guest::find()?;
    let began = Instant::now();
    let mut fresh = true;
    let mut built = Vec::new();
    fs::create_dir_all(workspace::plugins())?;
    for package in packages()? {
        for module in compile(&guest, &package)? {
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
    let root = workspace::root();
    let mut packages = vec![root.join("plugins")];
    for entry in fs::read_dir(root.join("examples")).context("examples/")? {
        let path = entry?.path();
        if path.join("plugin.toml").is_file() && path.join("Cargo.toml").is_file() {
            packages.push(path);
        }
    }
    packages.retain(|path| path.join("Cargo.toml").is_file());
    packages.sort();
    Ok(packages)
}

/// A compiled core module with the package it came from.
struct Module {
    wasm: PathBuf,
    directory: PathBuf,
    fresh: bool,
}

/// The lines of `cargo build --message-format=json` that matter here.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
        fresh: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

fn compile(guest: &Guest, package: &Path) -> Result<Vec<Module>> {
    let mut command = guest.cargo_build();
    command
        .args(["--workspace", "--lib", "--message-format=json-render-diagnostics"])
        .current_dir(package)
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo")?;
    let mut modules = Vec::new();
    for line in BufReader::new(child.stdout.take().context("cargo has no output")?).lines() {
        let message = serde_json::from_str(&line?).context("cargo's messages")?;
        let Message::CompilerArtifact {
            manifest_path,
            target,
            filenames,
            fresh,
        } = message
        else {
            continue;
        };
        if !target.kind.iter().any(|kind| kind == "cdylib") {
            continue;
        }
        let directory = manifest_path.parent().map(Path::to_owned).unwrap_or_default();
        let wasm = filenames
            .into_iter()
            .find(|name| name.extension().is_some_and(|end| end == "wasm"));
        modules.extend(wasm.map(|wasm| Module {
            wasm,
            directory,
            fresh,
        }));
    }
    ensure!(
        child.wait()?.success(),
        "the plugins of {} could not be compiled",
        package.display()
    );
    Ok(modules)
}

/// Makes a component of a core module, with its manifest inside.
fn componentise(module: &Module) -> Result<Built> {
    let manifest_path = module.directory.join("plugin.toml");
    let text = fs::read_to_string(&manifest_path).with_context(|| manifest_path.display().to_string())?;
    let manifest: Manifest = toml::from_str(&text).with_context(|| manifest_path.display().to_string())?;

    let core = fs::read(&module.wasm).with_context(|| module.wasm.display().to_string())?;
    let mut component = wit_component::ComponentEncoder::default()
        .module(&core)
        .and_then(|encoder| encoder.validate(true).encode())
        .with_context(|| format!("cannot make a component of {}", module.wasm.display()))?;
    check_imports(&component, &manifest)?;
    CustomSection {
        name: MANIFEST_SECTION.into(),
        data: text.as_bytes().into(),
    }
    .append_to_component(&mut component);

    let path = workspace::plugins().join(format!("{}-{}.wasm", manifest.id, manifest.version));
    // Left alone when it is the same, so that what depends on it need not run again.
    if fs::read(&path).ok().as_ref() != Some(&component) {
        fs::write(&path, &component).with_context(|| path.display().to_string())?;
    }
    Ok(Built {
        id: manifest.id,
        bytes: component.len(),
        path,
    })
}

/// A plugin reaches nothing but the contract, and exports what its kind asks for.
fn check_imports(component: &[u8], manifest: &Manifest) -> Result<()> {
    let kind = manifest.kind.split('@').next().unwrap_or_default();
    let mut exports_kind = false;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import?.name.name;
                    ensure!(
                        name.starts_with("cx:"),
                        "plugin {} imports {name}: only packages cx:* are there; find the dependency that asks for it",
                        manifest.id
                    );
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports_kind |= export?.name.name.starts_with(&format!("cx:{kind}/"));
                }
            }
            _ => {}
        }
    }
    if !exports_kind {
        bail!(
            "plugin {} says kind {:?} in plugin.toml but exports no interface of it",
            manifest.id,
            manifest.kind
        );
    }
    Ok(())
}
