//! `jackfield customer …`

use serde_json::Value;

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output, QUIET, time};

const COLUMNS: &[Column] = &[
    ("CUSTOMER", "/id"),
    ("NAME", "/name"),
    ("CALLS", "/interactions"),
    ("LAST SEEN", "/last_seen_at"),
    ("LAST AGENT", "/last_agent"),
    ("TAGS", "/tags"),
];
const FIELDS: &[Column] = &[
    ("customer", "/id"),
    ("name", "/name"),
    ("language", "/language"),
    ("calls", "/interactions"),
    ("first seen", "/first_seen_at"),
    ("last seen", "/last_seen_at"),
    ("last agent", "/last_agent"),
    ("attributes", "/attributes"),
];

/// Customers and their tags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield customer list
  jackfield customer show tel:+8613800138000
  jackfield customer erase-decisions tel:+8613800138000")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the customers.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Show one customer with tags and the reasons for them.
    Show {
        /// The customer, for example tel:+8613800138000; a number alone will do.
        customer: String,
    },
    /// Erase the recorded plugin decisions that concern a customer, the attempts to reach the number, and the answers kept
    /// for idempotency keys that name it; the journal says that it was done.
    #[command(after_help = "Example:\n  jackfield customer erase-decisions tel:+8613800138000")]
    EraseDecisions {
        /// The customer, for example tel:+8613800138000; a number alone will do.
        customer: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List { limit } => out.list(json, client.list(&path(&["customers"]), &[], limit)?, COLUMNS),
        Command::EraseDecisions { customer } => {
            let erased = client.delete(&path(&["customers", &id(customer), "decisions"]))?;
            let done = format!(
                "{} recorded decisions, {} attempts and {} kept answers about {} are erased",
                erased["decisions"],
                erased["attempts"],
                erased["answers"],
                erased["customer"].as_str().unwrap_or_default()
            );
            out.done(json, &erased, &done)
        }
        Command::Show { customer } => {
            let found = client.get(&path(&["customers", &id(customer)]))?;
            out.show(json, &found, FIELDS)?;
            if json { Ok(()) } else { tags(&found, out) }
        }
    }
}

/// A number alone stands for its customer.
fn id(customer: String) -> String {
    if customer.starts_with('+') {
        format!("tel:{customer}")
    } else {
        customer
    }
}

fn tags(customer: &Value, out: &mut Output) -> Result<(), Failure> {
    for tag in customer["tags"].as_array().into_iter().flatten() {
        let text = |field: &str| tag[field].as_str().unwrap_or_default();
        let until = tag["expires_at"]
            .as_u64()
            .map(|at| format!(", until {}", time(at)))
            .unwrap_or_default();
        let more = out.paint(
            QUIET,
            &format!("{}%{until}: {}", tag["confidence"], text("reason")),
        );
        out.line(&format!("  {}  {more}", text("name")))?;
    }
    Ok(())
}
