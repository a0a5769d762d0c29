//! `jackfield plugin keygen` and `jackfield plugin sign`: a publisher's work, without a server.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jackfield_registry::PublisherKey;
use jackfield_sandbox::Sandbox;
use jackfield_types::Digest;
use serde_json::json;

use super::failure::Failure;
use super::output::Output;

/// Make a publisher's key.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jackfield plugin keygen publisher.key     writes publisher.key.pub as well"
)]
pub(crate) struct KeygenArguments {
    /// Where the secret key goes; must not be there yet. The public key goes into FILE.pub.
    file: PathBuf,
}

/// Sign components.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jackfield plugin sign my-routing.wasm --with publisher.key")]
pub(crate) struct Arguments {
    /// WebAssembly components.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The publisher's secret key.
    #[arg(long, value_name = "KEYFILE")]
    with: PathBuf,
}

pub(crate) fn keygen(arguments: &KeygenArguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let file = &arguments.file;
    let trouble = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", file.display()));
    let key = PublisherKey::generate().map_err(|error| trouble(&error))?;
    let mut secret = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                trouble(&"is there already, and no key is written over: choose another name")
            }
            _ => trouble(&error),
        })?;
    writeln!(secret, "{}", key.to_secret_text())?;
    let public = with_ending(file, "pub");
    std::fs::write(&public, format!("ed25519 {}\n", key.public()))?;
    let answer = json!({"key": key.public(), "file": file, "public": public});
    out.done(
        json,
        &answer,
        &format!(
            "{} is secret; {} is for those who shall trust it",
            file.display(),
            public.display()
        ),
    )
}

pub(crate) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let key: PublisherKey = parse(&arguments.with)?;
    for file in &arguments.files {
        let wasm = read(file)?;
        let manifest = Sandbox::manifest(&wasm)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        let digest = Digest::of(&wasm);
        let signature = key.sign(&manifest, digest).to_string();
        let beside = beside(file);
        std::fs::write(&beside, format!("{signature}\n"))?;
        let answer = json!({"file": beside, "digest": digest, "signature": signature});
        let (plugin, version) = (&manifest.id, &manifest.version);
        out.done(
            json,
            &answer,
            &format!("{plugin}@{version} is signed: {}", beside.display()),
        )?;
    }
    Ok(())
}

/// Where the signature of a component lies.
pub(crate) fn beside(component: &Path) -> PathBuf {
    with_ending(component, "sig")
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}

/// What a file holds in one line.
pub(crate) fn parse<T: FromStr<Err: std::fmt::Display>>(file: &Path) -> Result<T, Failure> {
    let text = read(file)?;
    let text = String::from_utf8_lossy(&text);
    text.parse()
        .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}
