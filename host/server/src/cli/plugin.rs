//! `jackfield plugin …`

use std::path::PathBuf;

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("PLUGIN", "/id"),
    ("VERSION", "/version"),
    ("KIND", "/kind"),
    ("BYTES", "/size"),
    ("UPLOADED", "/uploaded_at"),
    ("BY", "/uploaded_by"),
    ("DESCRIPTION", "/description"),
];

/// Plugins: upload and list versions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin upload target/plugins/skills-routing-0.1.0.wasm
  jackfield plugin list
  jackfield binding set queue:support skills-routing@0.1.0")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Upload components; id, version and kind stand in their manifests. The same file again changes nothing.
    #[command(after_help = "Example:\n  jackfield plugin upload my-routing.wasm my-tags.wasm")]
    Upload {
        /// WebAssembly components.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Decide recorded questions again on another version, and tell what would have been different.
    #[command(after_help = "Example:
  jackfield plugin replay --binding queue:support --candidate skills-routing@0.2.0 --since 24h")]
    Replay(super::replay::Replay),
    /// List the versions of all plugins.
    List {
        /// Of this plugin only.
        plugin: Option<String>,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::Upload { files } => {
            for file in files {
                let bytes = std::fs::read(&file)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                let answer = client.post(&path(&["plugins"]), Sent::Wasm(bytes))?;
                let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
                let (plugin, version, kind) = (text("id"), text("version"), text("kind"));
                out.done(json, &answer, &format!("{plugin}@{version} is there, a {kind}"))?;
            }
            Ok(())
        }
        Command::Replay(replay) => super::replay::run(replay, json, &client, out),
        Command::List { plugin } => {
            let mut plugins = client.list(&path(&["plugins"]), &[], usize::MAX)?;
            plugins.retain(|item| plugin.as_ref().is_none_or(|wanted| item["id"] == wanted.as_str()));
            out.list(json, plugins, COLUMNS)
        }
    }
}
