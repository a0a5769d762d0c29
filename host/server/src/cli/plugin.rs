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
    /// Ask a candidate what the active version is asked, and compare; nothing takes effect.
    #[command(after_help = "Example:
  jackfield plugin shadow --binding queue:support skills-routing@0.2.0 --why 'shorter waits'")]
    Shadow(super::rollout::Start),
    /// Let a candidate decide for some of the interactions; it is taken back when it violates a gate.
    #[command(after_help = "Example:
  jackfield plugin canary --binding queue:support --percent 5 skills-routing@0.2.0")]
    Canary {
        #[command(flatten)]
        start: super::rollout::Start,
        /// For so many per cent of the interactions, 1 to 99.
        #[arg(long)]
        percent: u8,
    },
    /// Move a rollout on: to a canary, a larger one, or active.
    #[command(after_help = "Examples:
  jackfield plugin promote --binding queue:support --percent 25
  jackfield plugin promote --binding queue:support")]
    Promote(super::rollout::Promote),
    /// Take a candidate back at once.
    #[command(after_help = "Example:
  jackfield plugin rollback --binding queue:support --why 'complaints'")]
    Rollback(super::rollout::Rollback),
    /// Show how a rollout does, or the history of all of a point.
    #[command(after_help = "Examples:
  jackfield plugin rollout --binding queue:support
  jackfield plugin rollout --binding queue:support --history")]
    Rollout(super::rollout::Show),
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
        Command::Shadow(start) => super::rollout::start(start, None, json, &client, out),
        Command::Canary { start, percent } => super::rollout::start(start, Some(percent), json, &client, out),
        Command::Promote(promote) => super::rollout::promote(promote, json, &client, out),
        Command::Rollback(rollback) => super::rollout::roll_back(rollback, json, &client, out),
        Command::Rollout(show) => super::rollout::show(&show, json, &client, out),
        Command::List { plugin } => {
            let mut plugins = client.list(&path(&["plugins"]), &[], usize::MAX)?;
            plugins.retain(|item| plugin.as_ref().is_none_or(|wanted| item["id"] == wanted.as_str()));
            out.list(json, plugins, COLUMNS)
        }
    }
}
