//! `jackfield agent …`

use std::collections::BTreeMap;
use std::io::BufRead;

use serde_json::{Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::made_or_changed;

const COLUMNS: &[Column] = &[
    ("AGENT", "/id"),
    ("NAME", "/name"),
    ("STATE", "/state/name"),
    ("SINCE", "/since"),
    ("PHONE", "/phone"),
    ("QUEUES", "/queues"),
    ("SKILLS", "/skills"),
];
const FIELDS: &[Column] = &[
    ("agent", "/id"),
    ("name", "/name"),
    ("state", "/state/name"),
    ("reason", "/state/reason"),
    ("until", "/state/until"),
    ("since", "/since"),
    ("wants then", "/wanted/state"),
    ("interaction", "/interaction"),
    ("phone registered", "/phone"),
    ("queues", "/queues"),
    ("skills", "/skills"),
    ("capacity", "/capacity"),
];

/// Agents: settings, states, phone passwords.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield agent set anna --name 'Anna Weber' --skill en=9 --skill zh=3 --queue support
  jackfield agent phone-password anna < password.txt
  jackfield agent state anna available
  jackfield agent list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the agents and what they are doing.
    List,
    /// Show one agent.
    Show {
        /// The agent's id.
        agent: String,
    },
    /// Make an agent, or change what is given; the rest stays as it is.
    #[command(after_help = "Examples:
  jackfield agent set anna --name 'Anna Weber' --skill en=9 --queue support --queue sales
  jackfield agent set anna --skill en=9 --skill billing=4       the skills as a whole are replaced")]
    Set {
        /// The agent's id.
        agent: String,
        /// The name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// A skill and its level 1 to 10; may be repeated. Those given take the place of all.
        #[arg(long = "skill", value_name = "SKILL=LEVEL", value_parser = pair::<u8>)]
        skills: Vec<(String, u8)>,
        /// A queue that the agent serves; may be repeated. Those given take the place of all.
        #[arg(long = "queue", value_name = "QUEUE")]
        queues: Vec<String>,
        /// Pieces of work at once on a channel; may be repeated. Those given take the place of all.
        #[arg(long = "capacity", value_name = "CHANNEL=N", value_parser = pair::<u16>)]
        capacity: Vec<(String, u16)>,
        /// Whether a call and written conversations may be in hand together.
        #[arg(long)]
        blended: Option<bool>,
    },
    /// Remove an agent who has no work in hand.
    Remove {
        /// The agent's id.
        agent: String,
    },
    /// Ask for a state: at once, or when the work in hand is done.
    #[command(after_help = "Examples:
  jackfield agent state anna available
  jackfield agent state anna break --reason lunch")]
    State {
        /// The agent's id.
        agent: String,
        /// What the agent is to be.
        state: Wanted,
        /// The reason of a break, which needs one.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Set the password with which the agent's phone registers; it is read from the standard input.
    #[command(after_help = "Example:\n  jackfield agent phone-password anna < password.txt")]
    PhonePassword {
        /// The agent's id.
        agent: String,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Wanted {
    Available,
    Break,
    Offline,
}

/// A state as it stands behind "is".
fn said(state: &str) -> &str {
    match state {
        "offline" => "signed out",
        "reserved" => "being called",
        "talking" => "talking with a customer",
        "hold" => "talking with a customer, who is on hold",
        "wrap-up" => "in wrap-up",
        "break" => "on a break",
        other => other,
    }
}

fn pair<T: std::str::FromStr>(text: &str) -> Result<(String, T), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    parsed.ok_or_else(|| "expected NAME=NUMBER".into())
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["agents"])?, COLUMNS),
        Command::Show { agent } => out.show(json, &client.get(&path(&["agents", &agent]))?, FIELDS),
        Command::Set {
            agent,
            name,
            skills,
            queues,
            capacity,
            blended,
        } => {
            let at = path(&["agents", &agent]);
            let found = client.find(&at)?;
            let done = made_or_changed(found.is_none());
            let known = found.unwrap_or_else(|| json!({"name": agent}));
            let mut body = json!({"name": name.map_or_else(|| known["name"].clone(), Value::from)});
            let map = |pairs: BTreeMap<String, Value>| Value::from_iter(pairs);
            let skills = skills
                .into_iter()
                .map(|(skill, level)| (skill, level.into()))
                .collect();
            let capacity = capacity
                .into_iter()
                .map(|(channel, most)| (channel, most.into()))
                .collect();
            for (field, given) in [
                ("skills", map(skills)),
                ("queues", queues.into()),
                ("capacity", map(capacity)),
                ("blended", blended.into()),
            ] {
                let empty = given.is_null()
                    || given.as_object().is_some_and(serde_json::Map::is_empty)
                    || given.as_array().is_some_and(Vec::is_empty);
                let value = if empty { known[field].clone() } else { given };
                if !value.is_null() {
                    body[field] = value;
                }
            }
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("agent {agent} {done}"))
        }
        Command::Remove { agent } => {
            client.delete(&path(&["agents", &agent]))?;
            out.done(json, &Value::Null, &format!("agent {agent} removed"))
        }
        Command::State { agent, state, reason } => {
            let body = match state {
                Wanted::Available => json!({"state": "available"}),
                Wanted::Offline => json!({"state": "offline"}),
                Wanted::Break => {
                    let reason = reason.filter(|reason| !reason.trim().is_empty()).ok_or_else(|| {
                        Failure::Usage(format!(
                            "a break needs a reason, which supervisors see: \
                             jackfield agent state {agent} break --reason lunch"
                        ))
                    })?;
                    json!({"state": "break", "reason": reason})
                }
            };
            let answer = client.put(&path(&["agents", &agent, "state"]), body)?;
            let name = answer["state"]["name"].as_str().map_or("", said);
            let then = answer["wanted"]["state"]
                .as_str()
                .map(|then| format!(", then {}", said(then)))
                .unwrap_or_default();
            out.done(json, &answer, &format!("agent {agent} is {name}{then}"))
        }
        Command::PhonePassword { agent } => {
            let mut password = String::new();
            std::io::stdin().lock().read_line(&mut password)?;
            let body = json!({"password": password.trim_end_matches(['\r', '\n'])});
            client.put(&path(&["agents", &agent, "phone-password"]), body)?;
            out.done(
                json,
                &Value::Null,
                &format!("the phone of {agent} has a new password"),
            )
        }
    }
}
