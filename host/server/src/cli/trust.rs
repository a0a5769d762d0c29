//! `jackfield plugin trust …` and `jackfield plugin policy …`

use serde_json::{Value, json};

use super::client::{Client, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::sign;

const COLUMNS: &[Column] = &[
    ("NAME", "/name"),
    ("KEY", "/key"),
    ("SINCE", "/added_at"),
    ("BY", "/added_by"),
];
const FIELDS: &[Column] = &[("grants", "/grants"), ("unsigned", "/unsigned")];

/// Publishers' keys that the tenant trusts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin trust add weber-labs publisher.key.pub     under a name of your choice
  jackfield plugin trust list
  jackfield plugin trust remove weber-labs")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the keys.
    List,
    /// Trust a key.
    Add {
        /// What to call it: a-z, 0-9, '-' and '_'.
        name: String,
        /// The public key in hex digits, or a file that holds it.
        #[arg(value_name = "KEY|FILE")]
        public: String,
    },
    /// Trust a key no more. What is bound stays.
    Remove {
        /// Its name.
        name: String,
    },
}

pub(crate) fn run(
    arguments: Arguments,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    match arguments.command {
        Command::List => out.list(json, client.all(&["trusted-keys"])?, COLUMNS),
        Command::Add { name, public } => {
            let key = match public.parse::<jackfield_registry::PublicKey>() {
                Ok(key) => key,
                Err(_) => sign::parse(public.as_ref())?,
            };
            let answer = client.put(&path(&["trusted-keys", &name]), json!({"key": key}))?;
            out.done(json, &answer, &format!("what {name} signs is taken from now on"))
        }
        Command::Remove { name } => {
            client.delete(&path(&["trusted-keys", &name]))?;
            out.done(
                json,
                &Value::Null,
                &format!("what {name} signed can't be bound anew"),
            )
        }
    }
}

/// What holds for all plugins of the tenant.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin policy                        show it
  jackfield plugin policy --unsigned allowed     for development
  jackfield plugin policy --grants listed        nothing that isn't granted one by one")]
pub(crate) struct PolicyArguments {
    /// What a plugin gets for which nothing is listed: what it asks for, or nothing.
    #[arg(long, value_parser = ["requested", "listed"])]
    grants: Option<String>,
    /// What becomes of versions that no trusted key has signed.
    #[arg(long, value_parser = ["allowed", "refused"])]
    unsigned: Option<String>,
}

pub(crate) fn policy(
    arguments: PolicyArguments,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let at = path(&["plugin-policy"]);
    let mut policy = client.get(&at)?;
    let changed = arguments.grants.is_some() || arguments.unsigned.is_some();
    for (name, wanted) in [("grants", arguments.grants), ("unsigned", arguments.unsigned)] {
        if let Some(wanted) = wanted {
            policy[name] = wanted.into();
        }
    }
    if changed {
        policy = client.put(&at, policy)?;
    }
    out.show(json, &policy, FIELDS)
}
