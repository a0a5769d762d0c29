//! `jackfield user …`

use serde_json::json;

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("USER", "/id"),
    ("NAME", "/name"),
    ("ROLES", "/roles"),
    ("CREATED", "/created_at"),
];

/// Users of the tenant.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield user add anna --name 'Anna Weber' --role agent
  jackfield user add ci --name 'Plugin pipeline' --role integrator
  jackfield user list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the users.
    List,
    /// Show one user.
    Show {
        /// The user's id.
        user: String,
    },
    /// Make a user. `jackfield key create` makes the keys.
    #[command(after_help = "Example:\n  jackfield user add bo --name '王博' --role agent --role supervisor")]
    Add {
        /// The user's id: a-z, 0-9, '-' and '_'. An agent's user has the same id as the agent.
        user: String,
        /// The name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// admin, supervisor, analyst, planner, marketer, agent or integrator; may be repeated.
        #[arg(long = "role", required = true, value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Remove a user and all of the user's keys.
    #[command(after_help = "Example:\n  jackfield user remove anna")]
    Remove {
        /// The user's id.
        user: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["users"])?, COLUMNS),
        Command::Show { user } => out.show(json, &client.get(&path(&["users", &user]))?, COLUMNS),
        Command::Add { user, name, roles } => {
            let name = name.unwrap_or_else(|| user.clone());
            let answer = client.post(
                &path(&["users"]),
                Sent::Json(json!({"id": user, "name": name, "roles": roles})),
            )?;
            out.done(
                json,
                &answer,
                &format!("user {user} made; `jackfield key create {user}` makes a key"),
            )
        }
        Command::Remove { user } => {
            client.delete(&path(&["users", &user]))?;
            out.done(
                json,
                &serde_json::Value::Null,
                &format!("user {user} and all of the user's keys removed"),
            )
        }
    }
}
