//! `jackfield plugin …`

use std::path::{Path, PathBuf};

use jackfield_types::article;
use serde_json::json;

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::{author, grant, sign, trust};

const COLUMNS: &[Column] = &[
    ("PLUGIN", "/id"),
    ("VERSION", "/version"),
    ("KIND", "/kind"),
    ("STATE", "/state"),
    ("SIGNED BY", "/signed_by/name"),
    ("BYTES", "/size"),
    ("UPLOADED", "/uploaded_at"),
    ("BY", "/uploaded_by"),
    ("DESCRIPTION", "/description"),
];
const FIELDS: &[Column] = &[
    ("plugin", "/id"),
    ("version", "/version"),
    ("kind", "/kind"),
    ("state", "/state"),
    ("bound", "/bound"),
    ("asks for", "/capabilities"),
    ("sees", "/projection"),
    ("limits", "/limits"),
    ("signed by", "/signed_by/name"),
    ("and by", "/also_signed_by"),
    ("yanked", "/yanked/at"),
    ("by", "/yanked/by"),
    ("why", "/yanked/why"),
    ("digest", "/digest"),
    ("bytes", "/size"),
    ("uploaded", "/uploaded_at"),
    ("by", "/uploaded_by"),
    ("licence", "/licence"),
    ("description", "/description"),
];

/// Plugins: write, test, upload, list, sign, grant, yank.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin new gold-first --kind routing-strategy
  jackfield plugin test gold-first
  jackfield plugin publish gold-first --with publisher.key
  jackfield plugin upload target/plugins/skills-routing-0.1.0.wasm
  jackfield plugin list
  jackfield plugin grant rfm-mood-tags cx:profile/customers cx:scoring/scores
  jackfield plugin yank skills-routing@0.1.0 --why 'loses calls'
  jackfield plugin keygen publisher.key
  jackfield binding set queue:support skills-routing@0.1.0")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Author(author::Command),
    /// Upload components; id, version and kind stand in their manifests. The same file again changes nothing.
    #[command(after_help = "Example:\n  jackfield plugin upload my-routing.wasm my-tags.wasm")]
    Upload {
        /// WebAssembly components. A signature is looked for beside each: FILE.sig.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The signature of the one component that is uploaded.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
    /// Decide recorded questions again on another version, and tell what would have been different.
    #[command(after_help = "Examples:
  jackfield plugin replay --binding queue:support --candidate skills-routing@0.2.0 --since 24h
  jackfield plugin replay --binding queue:support --dir my-routing --watch")]
    Replay(super::replay::Replay),
    /// Ask a candidate what the active version is asked, and compare; nothing takes effect.
    #[command(after_help = "Example:
  jackfield plugin shadow --binding queue:support skills-routing@0.2.0 --why 'shorter waits'
  jackfield plugin shadow --binding queue:support skills-routing@0.2.0 --then 5 --then active")]
    Shadow(super::rollout::Start),
    /// Let a candidate decide for some of the interactions; it is taken back when it violates a gate.
    #[command(after_help = "Example:
  jackfield plugin canary --binding queue:support --percent 5 skills-routing@0.2.0
  jackfield plugin canary --binding queue:support --percent 5 --then 25 --then active skills-routing@0.2.0")]
    Canary {
        #[command(flatten)]
        start: super::rollout::Start,
        /// For so many per cent of the interactions, 1 to 99.
        #[arg(long, value_parser = super::rollout::percent())]
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
    /// Show a version.
    Show {
        /// The plugin and its version.
        #[arg(value_name = "PLUGIN@VERSION")]
        plugin: String,
    },
    /// Withdraw a version: it can't be bound anew; where it is bound it goes on.
    Yank {
        /// The plugin and its version.
        #[arg(value_name = "PLUGIN@VERSION")]
        plugin: String,
        /// Why, for whoever wants to bind it.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Take a withdrawal back.
    Unyank {
        /// The plugin and its version.
        #[arg(value_name = "PLUGIN@VERSION")]
        plugin: String,
    },
    /// Say what a plugin may have, or show it.
    Grant(grant::Arguments),
    /// Say what holds for all plugins of the tenant, or show it.
    Policy(trust::PolicyArguments),
    /// Publishers' keys that the tenant trusts.
    Trust(trust::Arguments),
    /// Make a publisher's key.
    Keygen(sign::KeygenArguments),
    /// Sign components; each signature goes into FILE.sig.
    Sign(sign::Arguments),
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let connect = || Client::new(&arguments.connection);
    match arguments.command {
        Command::Author(command) => author::run(command, &arguments.connection, out),
        Command::Upload { files, signature } => {
            if signature.is_some() && files.len() > 1 {
                let why = "--signature is that of one component: upload one, or put the signatures beside the files";
                return Err(Failure::Usage(why.into()));
            }
            let client = connect()?;
            for file in files {
                let bytes = sign::read(&file)?;
                let signature = signature_of(&file, signature.as_deref())?;
                let answer = client.post(&path(&["plugins"]), Sent::Wasm(bytes, signature))?;
                let text = |at: &str| {
                    answer
                        .pointer(at)
                        .and_then(|text| text.as_str())
                        .unwrap_or_default()
                };
                let signed = match text("/signed_by/name") {
                    "" => String::new(),
                    name => format!(", signed by {name}"),
                };
                let (plugin, version, kind) = (text("/id"), text("/version"), text("/kind"));
                out.done(
                    json,
                    &answer,
                    &format!("{plugin}@{version} is there, {} {kind}{signed}", article(kind)),
                )?;
            }
            Ok(())
        }
        Command::Replay(replay) => super::replay::run(replay, json, &connect()?, out),
        Command::Shadow(start) => super::rollout::start(start, None, json, &connect()?, out),
        Command::Canary { start, percent } => {
            super::rollout::start(start, Some(percent), json, &connect()?, out)
        }
        Command::Promote(promote) => super::rollout::promote(promote, json, &connect()?, out),
        Command::Rollback(rollback) => super::rollout::roll_back(rollback, json, &connect()?, out),
        Command::Rollout(show) => super::rollout::show(&show, json, &connect()?, out),
        Command::List { plugin } => {
            let mut plugins = connect()?.all(&["plugins"])?;
            plugins.retain(|item| plugin.as_ref().is_none_or(|wanted| item["id"] == wanted.as_str()));
            out.list(json, plugins, COLUMNS)
        }
        Command::Show { plugin } => {
            let (plugin, version) = version(&plugin)?;
            out.show(
                json,
                &connect()?.get(&path(&["plugins", plugin, version]))?,
                FIELDS,
            )
        }
        Command::Yank { plugin, why } => {
            let (plugin, version) = version(&plugin)?;
            let at = path(&["plugins", plugin, version, "yank"]);
            let answer = connect()?.post(&at, Sent::Json(json!({"why": why})))?;
            out.done(
                json,
                &answer,
                &format!("{plugin}@{version} can't be bound any more"),
            )
        }
        Command::Unyank { plugin } => {
            let (plugin, version) = version(&plugin)?;
            let at = path(&["plugins", plugin, version, "unyank"]);
            let answer = connect()?.post(&at, Sent::Nothing)?;
            out.done(json, &answer, &format!("{plugin}@{version} can be bound again"))
        }
        Command::Grant(grant) => grant::run(grant, &connect()?, json, out),
        Command::Policy(policy) => trust::policy(policy, &connect()?, json, out),
        Command::Trust(trust) => trust::run(trust, &connect()?, json, out),
        Command::Keygen(keygen) => sign::keygen(&keygen, json, out),
        Command::Sign(sign) => sign::run(&sign, json, out),
    }
}

fn version(plugin: &str) -> Result<(&str, &str), Failure> {
    plugin
        .split_once('@')
        .ok_or_else(|| Failure::Usage(format!("{plugin}: expected PLUGIN@VERSION")))
}

/// The signature as told, else the one beside the component, if any.
fn signature_of(component: &Path, told: Option<&Path>) -> Result<Option<String>, Failure> {
    let beside = sign::beside(component);
    let file = match told {
        Some(told) => told,
        None if beside.is_file() => &beside,
        None => return Ok(None),
    };
    let text = sign::read(file)?;
    Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
}
