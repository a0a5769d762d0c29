//! `jackfield tenant …`

use serde_json::json;

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[("TENANT", "/id"), ("NAME", "/name"), ("CREATED", "/created_at")];

/// Tenants of the deployment. Needs the operator's key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield tenant create acme --name 'Acme Ltd.' --key-file jackfield-data/operator.key
  jackfield tenant list --key-file jackfield-data/operator.key")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the tenants.
    List,
    /// Show one tenant.
    Show {
        /// The tenant's id.
        tenant: String,
    },
    /// Make a tenant with its first administrator, whose key is shown this once.
    #[command(
        after_help = "Example:\n  jackfield tenant create acme --name 'Acme Ltd.' --admin anna --admin-name 'Anna Weber'"
    )]
    Create {
        /// Its id: a-z, 0-9, '-' and '_'; it never changes.
        tenant: String,
        /// Its name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// The administrator's user id.
        #[arg(long, default_value = "admin", value_name = "USER")]
        admin: String,
        /// The administrator's name for people.
        #[arg(long, default_value = "Administrator", value_name = "NAME")]
        admin_name: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.list(&path(&["tenants"]), &[], usize::MAX)?, COLUMNS),
        Command::Show { tenant } => out.show(json, &client.get(&path(&["tenants", &tenant]))?, COLUMNS),
        Command::Create {
            tenant,
            name,
            admin,
            admin_name,
        } => {
            let name = name.unwrap_or_else(|| tenant.clone());
            let body = json!({"id": tenant, "name": name, "admin": {"id": admin, "name": admin_name}});
            let answer = client.post(&path(&["tenants"]), Sent::Json(body))?;
            out.done(
                json,
                &answer,
                &format!("tenant {tenant} made; the key of {admin}, shown this once:"),
            )?;
            if !json {
                out.line(answer["key"]["key"].as_str().unwrap_or_default())?;
            }
            Ok(())
        }
    }
}
