//! `jackfield tenant …`

use serde_json::{Value, json};

use super::ceilings::{self, Ceilings};
use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[("TENANT", "/id"), ("NAME", "/name"), ("CREATED", "/created_at")];

const QUOTA: [(&str, &str); 4] = [
    ("decisions per second", "decisions_per_second"),
    ("fuel per day", "fuel_per_day"),
    ("storage bytes", "storage_bytes"),
    ("weight", "weight"),
];

/// Tenants of the deployment. Needs the operator's key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield tenant create acme --name 'Acme Ltd.' --key-file jackfield-data/operator.key
  jackfield tenant list --key-file jackfield-data/operator.key

The examples of the commands leave --key-file out: set JACKFIELD_KEY_FILE to the operator's key instead.")]
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
        after_help = "Example:\n  jackfield tenant create acme --name 'Acme Ltd.' --admin anna --admin-name 'Anna Weber' \
                      --key-file jackfield-data/operator.key"
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
    /// Make a new key for an administrator of a tenant whose keys are lost, and show it, this once.
    #[command(after_help = "Examples:
  jackfield tenant admin-key acme --key-file jackfield-data/operator.key
  jackfield tenant admin-key acme --user anna --revoke-others")]
    AdminKey {
        /// The tenant's id.
        tenant: String,
        /// The administrator; made when the tenant has no such user.
        #[arg(long, default_value = "admin")]
        user: String,
        /// Revoke the user's other keys.
        #[arg(long)]
        revoke_others: bool,
    },
    /// Show what a tenant may use, or change it: what is not named stays.
    #[command(after_help = "Examples:
  jackfield tenant quota acme --key-file jackfield-data/operator.key
  jackfield tenant quota acme --decisions-per-second 200 --fuel-per-day 50000000000
  jackfield tenant quota acme --storage-bytes none
  jackfield tenant quota acme --weight 3                 three turns to decide for each one of others")]
    Quota {
        /// The tenant's id.
        tenant: String,
        /// Plugin decisions per second, or none; more fail with code quota.
        #[arg(long, value_name = "N", value_parser = limit)]
        decisions_per_second: Option<Value>,
        /// Fuel of plugin decisions per UTC day, or none.
        #[arg(long, value_name = "N", value_parser = limit)]
        fuel_per_day: Option<Value>,
        /// Bytes of plugins, recordings and attachments, or none; when they are used up uploads are refused.
        #[arg(long, value_name = "N", value_parser = limit)]
        storage_bytes: Option<Value>,
        /// How many turns to decide it has for each one of a tenant of weight 1, when both wait: 1 to 100, or none
        /// for 1.
        #[arg(long, value_name = "N", value_parser = limit)]
        weight: Option<Value>,
    },
    /// Show the ceilings of plugin decisions that are lowered for a tenant, or lower those of a kind: what is not named
    /// stays.
    #[command(after_help = "Examples:
  jackfield tenant ceilings acme --key-file jackfield-data/operator.key
  jackfield tenant ceilings acme routing-strategy --fuel 1000000 --wall-ms 5
  jackfield tenant ceilings acme routing-strategy --fuel none")]
    Ceilings(Ceilings),
}

/// A number, or `none`.
pub(super) fn limit(text: &str) -> Result<Value, String> {
    match text {
        "none" => Ok(Value::Null),
        number => number
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| "expected a whole number, or none".to_owned()),
    }
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["tenants"])?, COLUMNS),
        Command::Show { tenant } => out.show(json, &client.get(&path(&["tenants", &tenant]))?, COLUMNS),
        Command::Quota {
            tenant,
            decisions_per_second,
            fuel_per_day,
            storage_bytes,
            weight,
        } => {
            let path = path(&["tenants", &tenant, "quota"]);
            let mut quota = client.get(&path)?;
            let wanted = [
                ("decisions_per_second", decisions_per_second),
                ("fuel_per_day", fuel_per_day),
                ("storage_bytes", storage_bytes),
                ("weight", weight),
            ];
            let change = wanted.iter().any(|(_, value)| value.is_some());
            for (field, value) in wanted {
                if let Some(value) = value {
                    quota[field] = value;
                }
            }
            if change {
                quota = client.put(&path, quota)?;
            }
            if json {
                return out.json(&quota);
            }
            for (name, at) in QUOTA {
                let value = &quota[at];
                let value = if value.is_null() {
                    if at == "weight" { "1" } else { "unlimited" }.to_owned()
                } else {
                    value.to_string()
                };
                out.line(&format!("{name:20}  {value}"))?;
            }
            Ok(())
        }
        Command::AdminKey {
            tenant,
            user,
            revoke_others,
        } => {
            let body = json!({"user": user, "revoke_others": revoke_others});
            let answer = client.post(&path(&["tenants", &tenant, "admin-key"]), Sent::Json(body))?;
            let done = format!("a new key of {user} of {tenant}, shown this once:");
            out.done(json, &answer, &done)?;
            if !json {
                out.line(answer["key"].as_str().unwrap_or_default())?;
            }
            Ok(())
        }
        Command::Ceilings(wanted) => ceilings::run(wanted, &client, json, out),
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
