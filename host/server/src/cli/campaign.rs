//! `jackfield campaign …`

use serde_json::{Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("CAMPAIGN", "/id"),
    ("NAME", "/name"),
    ("SEGMENT", "/segment"),
    ("CREATED", "/created_at"),
];
const CUSTOMERS: &[Column] = &[
    ("CUSTOMER", "/id"),
    ("NAME", "/name"),
    ("IDENTITIES", "/identities"),
    ("PREFERS", "/preferences/channel"),
];

/// Campaigns: what outbound rules and pacing are bound to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield campaign set spring --name 'Spring sale'
  jackfield binding set campaign:spring:outbound-rule:1 quiet-hours
  jackfield campaign list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the campaigns.
    List,
    /// Show one campaign.
    Show {
        /// The campaign's id.
        campaign: String,
    },
    /// Make a campaign, or name it anew.
    #[command(after_help = "Example:\n  jackfield campaign set spring --name 'Spring sale'")]
    Set {
        /// Its id: a-z, 0-9, '-' and '_'; it never changes.
        campaign: String,
        /// Its name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// The segment whose customers it is to reach.
        #[arg(long)]
        segment: Option<String>,
    },
    /// List whom a campaign is to reach: who is in its segment now.
    Customers {
        /// The campaign's id.
        campaign: String,
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Remove a campaign; refused while a plugin is bound to it.
    Remove {
        /// The campaign's id.
        campaign: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["campaigns"])?, COLUMNS),
        Command::Show { campaign } => out.show(json, &client.get(&path(&["campaigns", &campaign]))?, COLUMNS),
        Command::Customers { campaign, limit } => {
            let at = path(&["campaigns", &campaign, "customers"]);
            out.list(json, client.list(&at, &[], limit)?, CUSTOMERS)
        }
        Command::Set {
            campaign,
            name,
            segment,
        } => {
            let name = name.unwrap_or_else(|| campaign.clone());
            let at = path(&["campaigns", &campaign]);
            let segment = match segment {
                Some(segment) => segment.into(),
                None => client
                    .find(&at)?
                    .map_or(Value::Null, |known| known["segment"].clone()),
            };
            let answer = client.put(&at, json!({ "name": name, "segment": segment }))?;
            out.done(json, &answer, &format!("campaign {campaign} is kept"))
        }
        Command::Remove { campaign } => {
            let answer = client.delete(&path(&["campaigns", &campaign]))?;
            out.done(json, &answer, &format!("campaign {campaign} is removed"))
        }
    }
}
