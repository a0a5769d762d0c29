//! `jackfield binding …`

use serde_json::{Value, json};

use super::client::{Client, Connection, path, with_query};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("POINT", "/point"),
    ("PLUGIN", "/plugin"),
    ("VERSION", "/version"),
    ("REVISION", "/revision"),
    ("SINCE", "/bound_at"),
    ("BY", "/bound_by"),
    ("WHY", "/why"),
    ("CONFIG", "/config"),
];
const HISTORY: &[Column] = &[
    ("REVISION", "/revision"),
    ("PLUGIN", "/plugin"),
    ("VERSION", "/version"),
    ("REMOVED", "/removed"),
    ("WHEN", "/bound_at"),
    ("BY", "/bound_by"),
    ("WHY", "/why"),
    ("CONFIG", "/config"),
];
const FIELDS: &[Column] = &[
    ("point", "/point"),
    ("plugin", "/plugin"),
    ("version", "/version"),
    ("kind", "/kind"),
    ("revision", "/revision"),
    ("since", "/bound_at"),
    ("by", "/bound_by"),
    ("why", "/why"),
    ("recorded, %", "/record_percent"),
    ("digest", "/digest"),
    ("config", "/config"),
];

/// Bindings: plug plugins in, swap them, take them out, while calls are in progress.
#[derive(Debug, clap::Args)]
#[command(after_help = "A POINT is
  number:+E.164                 voice flow
  chat:ENTRY                    chat flow
  queue:ID                      routing strategy
  queue:ID:agent-assist         agent assist of a queue
  campaign:ID:pacing-strategy   pacing of a campaign
  campaign:ID:outbound-rule:N   rule N (1 to 16) of a campaign
  connector:ID                  channel connector
  call-type:ID:qa-scorecard     scorecard of a call type, in place of the tenant's
  tenant:KIND                   outbound-rule, tag-generator, qa-scorecard or agent-assist
  tenant:tag-generator:N        a further tag generator, asked Nth (2 to 8)
The pacing of campaigns is not asked by this version yet.

Examples:
  jackfield binding set queue:support skills-routing@0.1.0 --config '{\"relaxation\": [{\"after-seconds\": 20, \"lower-levels-by\": 2}]}'
  jackfield binding set number:+8675512345678 ivr-menu --config menu.json
  jackfield binding history queue:support
  jackfield binding remove tenant:tag-generator")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what is plugged in.
    List,
    /// Show what is plugged in at a point.
    Show {
        /// The point.
        point: String,
    },
    /// Plug a plugin in; the next decision is made by it.
    #[command(after_help = "Examples:
  jackfield binding set queue:support longest-idle              the newest version
  jackfield binding set queue:support skills-routing@0.1.0 --config config.json --why 'peak hours'
  jackfield binding set queue:support longest-idle --record 10  record one in ten, and failures")]
    Set {
        /// Where.
        point: String,
        /// An uploaded plugin, and its version; by default the newest.
        #[arg(value_name = "PLUGIN[@VERSION]")]
        plugin: String,
        /// What the plugin is told: a JSON object, or a file that holds one. Without it the configuration is empty.
        #[arg(long, value_name = "FILE|JSON")]
        config: Option<String>,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// How many per cent of the decisions are recorded, 0 to 100; by default as many as before, at first all.
        /// Failures are recorded always.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        record: Option<u8>,
    },
    /// List everything that was ever plugged in at a point and taken out, newest first.
    History {
        /// The point.
        point: String,
    },
    /// Take a plugin out; the fail policy of its kind holds from then on.
    #[command(after_help = "Example:
  jackfield binding remove campaign:spring:outbound-rule:2 --why 'the campaign is over'")]
    Remove {
        /// The point.
        point: String,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
}

/// `PLUGIN[@VERSION]`.
pub(super) fn plugin_version(text: &str) -> (&str, Option<&str>) {
    text.split_once('@')
        .map_or((text, None), |(plugin, version)| (plugin, Some(version)))
}

/// A configuration: JSON as it is, or out of a file.
pub(super) fn read_config(given: String) -> Result<Value, Failure> {
    let (text, what) = if given.trim_start().starts_with('{') {
        (given, "--config".to_owned())
    } else {
        let text = std::fs::read_to_string(&given).map_err(|error| {
            Failure::Usage(format!(
                "--config {given}: {error}; expected a JSON object or a file"
            ))
        })?;
        (text, format!("--config {given}"))
    };
    serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("{what}: {error}")))
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["bindings"])?, COLUMNS),
        Command::Show { point } => out.show(json, &client.get(&path(&["bindings", &point]))?, FIELDS),
        Command::Set {
            point,
            plugin,
            config: given,
            why,
            record,
        } => {
            let (plugin, version) = plugin_version(&plugin);
            let config = given.map_or_else(|| Ok(json!({})), read_config)?;
            let body = json!({
                "plugin": plugin, "version": version, "config": config, "why": why, "record_percent": record,
            });
            let answer = client.put(&path(&["bindings", &point]), body)?;
            let version = answer["version"].as_str().unwrap_or_default();
            let done = format!(
                "{plugin}@{version} decides at {point} (revision {})",
                answer["revision"]
            );
            out.done(json, &answer, &done)
        }
        Command::History { point } => out.list(json, client.all(&["bindings", &point, "history"])?, HISTORY),
        Command::Remove { point, why } => {
            let query: Vec<_> = why.map(|why| ("why", why)).into_iter().collect();
            client.delete(&with_query(&path(&["bindings", &point]), &query))?;
            out.done(
                json,
                &Value::Null,
                &format!("nothing is plugged in at {point} any more"),
            )
        }
    }
}
