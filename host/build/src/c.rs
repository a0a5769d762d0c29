//! C: bindings by `wit-bindgen`, clang for `wasm32-wasip1` with a libc, and no WASI left in what comes of it:
//! `sdk/c/src/wasi.c` answers libc's questions to a system.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    BuildError, Job, Language,
    component::{componentise, foreign_import},
    contract,
    process::{self, Explained},
};

/// What Debian calls the compiler, its linker, libc and the compiler's own library.
pub const DEBIAN_PACKAGES: [&str; 4] = ["clang-22", "lld-22", "wasi-libc", "libclang-rt-22-dev-wasm32"];
/// Versions of clang that are looked for, the newest first.
const CLANGS: [&str; 9] = [
    "clang-23", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang",
];
/// Where distributions keep libc, and for which target.
const SYSROOTS: [(&str, &str); 2] = [
    ("/usr/include/wasm32-wasip1", "wasm32-wasip1"),
    ("/usr/include/wasm32-wasi", "wasm32-wasi"),
];
/// What every plugin is compiled with, beside the bindings.
const SDK: [(&str, &str); 4] = [
    ("jackfield.h", include_str!("../../../sdk/c/include/jackfield.h")),
    ("json.c", include_str!("../../../sdk/c/src/json.c")),
    ("text.c", include_str!("../../../sdk/c/src/text.c")),
    ("wasi.c", include_str!("../../../sdk/c/src/wasi.c")),
];
const FLAGS: [&str; 9] = [
    "-mexec-model=reactor",
    "-std=c17",
    "-Os",
    "-flto",
    "-Wall",
    "-Wextra",
    "-Wno-deprecated",
    // 64 KiB of stack: less memory to set up for each decision.
    "-Wl,-z,stack-size=65536",
    // The libraries' line numbers go, the functions' names stay for backtraces.
    "-Wl,--strip-debug",
];

/// How C is compiled for plugins on this machine.
#[derive(Debug, Clone)]
pub struct Compiler {
    clang: PathBuf,
    arguments: Vec<String>,
}

impl Compiler {
    /// What is there: a wasi-sdk that `WASI_SDK_PATH` names, else the distribution's.
    ///
    /// # Errors
    /// When there is none, with the command that installs it.
    pub fn find() -> Result<Self, BuildError> {
        if let Some(sdk) = std::env::var_os("WASI_SDK_PATH").map(PathBuf::from) {
            let sysroot = sdk.join("share/wasi-sysroot");
            return Ok(Self {
                clang: sdk.join("bin/clang"),
                arguments: vec![
                    "--target=wasm32-wasip1".to_owned(),
                    format!("--sysroot={}", sysroot.display()),
                ],
            });
        }
        let target = SYSROOTS.iter().find(|(include, _)| Path::new(include).is_dir());
        target
            .zip(CLANGS.into_iter().find(|clang| is_whole(clang)))
            .map(|((_, target), clang)| Self {
                clang: clang.into(),
                arguments: vec![format!("--target={target}")],
            })
            .ok_or_else(|| BuildError::Tool {
                tool: "clang with a libc for WebAssembly".to_owned(),
                purpose: "to compile C".to_owned(),
                install: format!(
                    "apt-get install {} (or set WASI_SDK_PATH to a wasi-sdk)",
                    DEBIAN_PACKAGES.join(" ")
                ),
            })
    }
}

/// Whether a clang has its library for WebAssembly.
fn is_whole(clang: &str) -> bool {
    if !process::has(clang) {
        return false;
    }
    let mut ask = Command::new(clang);
    ask.args([
        "--target=wasm32-wasi",
        "-Wno-deprecated",
        "--print-libgcc-file-name",
    ]);
    process::answer(&mut ask).is_some_and(|file| Path::new(&file).is_file())
}

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let compiler = Compiler::find()?;
    let bindings = job.work.join("include");
    let sources = bindings_into(job, &bindings)?;
    let core = job.work.join("plugin.wasm");
    let mut command = Command::new(&compiler.clang);
    command
        .args(&compiler.arguments)
        .args(FLAGS)
        .arg("-I")
        .arg(&bindings)
        .arg("-o")
        .arg(&core)
        .args(own_sources(job.dir)?)
        .args(sources)
        .current_dir(job.dir);
    if std::io::stderr().is_terminal() {
        command.arg("-fcolor-diagnostics");
    }
    process::run_explained(&mut command, "clang", |said| missing(said, &bindings))?;
    let module = fs::read(&core).map_err(|source| BuildError::file(&core, source))?;
    let component = componentise(&module, "the compiled plugin")?;
    let foreign = foreign_import(&component, |name| name.starts_with("cx:"));
    match foreign {
        Ok(None) => Ok(component),
        Ok(Some(import)) => Err(BuildError::Component {
            what: "the compiled plugin".to_owned(),
            why: format!("imports {import}: expected only packages cx:*"),
        }),
        Err(error) => Err(BuildError::Component {
            what: "the compiled plugin".to_owned(),
            why: error.to_string(),
        }),
    }
}

/// The functions that the linker has not found and the contract asks for, as the header declares them.
fn missing(said: &str, bindings: &Path) -> Option<Explained> {
    let mut names: Vec<_> = said
        .lines()
        .filter_map(|line| line.split_once("undefined symbol: "))
        .map(|(_, name)| name.trim())
        .filter(|name| name.starts_with("exports_"))
        .collect();
    names.dedup();
    let header = fs::read_to_string(bindings.join("plugin.h")).ok()?;
    let declarations: Vec<_> = names
        .iter()
        .filter_map(|name| header.lines().find(|line| line.contains(&format!(" {name}("))))
        .map(|line| line.trim_start_matches("extern ").trim_end_matches(';'))
        .collect();
    let (first, others) = names.split_first()?;
    Some(Explained {
        error: BuildError::Export {
            file: Language::C.sign().to_owned(),
            what: match others {
                [] => format!("the function `{first}` is missing"),
                _ => format!("the functions `{}` are missing", names.join("`, `")),
            },
            how: format!("the host calls:\n  {}", declarations.join("\n  ")),
        },
        rest: String::new(),
    })
}

/// Every `.c` of `src/`, in the order of their names.
fn own_sources(dir: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let folder = dir.join("src");
    let entries = fs::read_dir(&folder).map_err(|source| BuildError::file(&folder, source))?;
    let mut sources: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .collect();
    sources.sort();
    Ok(sources)
}

/// Writes the bindings of the plugin's world and the SDK into a folder; what of it is to be compiled.
fn bindings_into(job: &Job<'_>, folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let (mut resolve, world) = contract::world(job.head)?;
    let options = wit_bindgen_c::Opts {
        rename_world: Some("plugin".to_owned()),
        rename: contract::short_names(&resolve, world),
        ..Default::default()
    };
    let files = contract::bindings("C", options.build(), &mut resolve, world)?;
    fs::create_dir_all(folder).map_err(|source| BuildError::file(folder, source))?;
    let sdk = SDK.iter().map(|(name, text)| (*name, text.as_bytes()));
    let mut sources = Vec::new();
    for (name, bytes) in files.iter().chain(sdk) {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            fs::write(&path, bytes).map_err(|source| BuildError::file(&path, source))?;
        }
        if !name.ends_with(".h") {
            sources.push(path);
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_c_are_short_and_differ() {
        for kind in jackfield_types::PluginKind::ALL {
            let text = format!("id = 'a'\nversion = '1.0.0'\nkind = '{kind}@0.1.0'");
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("plugin.toml"), text).unwrap();
            let (head, _) = crate::ManifestHead::read(dir.path()).unwrap();
            let (resolve, world) = contract::world(&head).unwrap();
            let names = contract::short_names(&resolve, world);
            let different: std::collections::BTreeSet<_> = names.iter().map(|(_, short)| short).collect();
            assert_eq!(different.len(), names.len(), "{names:?}");
        }
    }
}
