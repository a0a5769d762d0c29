//! `jackfield key …`

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[("KEY", "/id"), ("LABEL", "/label"), ("CREATED", "/created_at")];

/// API keys of users.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield key create anna --label desk
  jackfield key list anna
  jackfield key revoke anna 1f3b9c02")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List a user's keys, without their secrets.
    List {
        /// The user's id.
        user: String,
    },
    /// Make a key. It is shown this once.
    Create {
        /// The user's id.
        user: String,
        /// What it is for.
        #[arg(long, default_value = "made on the command line")]
        label: String,
    },
    /// Take a key away. It is refused from then on.
    Revoke {
        /// The user's id.
        user: String,
        /// The key's id, as `key list` shows it.
        key: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List { user } => out.list(json, client.all(&["users", &user, "keys"])?, COLUMNS),
        Command::Create { user, label } => {
            let answer = client.post(
                &path(&["users", &user, "keys"]),
                Sent::Json(json!({"label": label})),
            )?;
            out.done(json, &answer, &format!("a key of {user}, shown this once:"))?;
            if !json {
                out.line(answer["key"].as_str().unwrap_or_default())?;
            }
            Ok(())
        }
        Command::Revoke { user, key } => {
            client.delete(&path(&["users", &user, "keys", &key]))?;
            out.done(
                json,
                &Value::Null,
                &format!("key {key} of {user} is refused from now on"),
            )
        }
    }
}
