//! `jackfield segment …`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("SEGMENT", "/id"),
    ("NAME", "/name"),
    ("SHOWN", "/shown"),
    ("CHANGED", "/changed_at"),
];
const FIELDS: &[Column] = &[
    ("segment", "/id"),
    ("name", "/name"),
    ("means", "/description"),
    ("expression", "/expression"),
    ("wrong with it", "/invalid"),
    ("undefined tags", "/undefined_tags"),
    ("shown to plugins", "/shown"),
    ("changed", "/changed_at"),
];
const CUSTOMERS: &[Column] = &[
    ("CUSTOMER", "/id"),
    ("NAME", "/name"),
    ("IDENTITIES", "/identities"),
    ("LAST SEEN", "/last_seen_at"),
];

/// Segments: which customers are meant, how many they are, and who.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An expression is JSON: {\"all\": […]}, {\"any\": […]}, {\"not\": …}, or one condition:
  {\"tag\": \"vip\", \"min_confidence\": 60}
  {\"attribute\": \"tier\", \"is\": [\"gold\", \"silver\"]}
  {\"field\": \"days_since_last_contact\", \"at_least\": 90}
  {\"event\": \"intent\", \"within_days\": 30, \"product\": \"fibre\"}
  {\"consent\": \"sales\", \"channel\": \"voice\"}

Examples:
  jackfield segment set leaving --expression '{\"tag\": \"churn:high\"}' --shown
  jackfield segment count leaving
  jackfield segment preview --expression '{\"field\": \"language\", \"is\": \"zh-CN\"}'"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

/// Who is meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Meant {
    /// The expression, as JSON.
    #[arg(long, value_name = "JSON")]
    expression: Option<String>,
    /// A file with the expression.
    #[arg(long)]
    file: Option<PathBuf>,
}

impl Meant {
    fn read(self) -> Result<Value, Failure> {
        let text = match (self.expression, self.file) {
            (Some(text), _) => text,
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?,
            (None, None) => return Err(Failure::Usage("expected --expression or --file".into())),
        };
        serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("the expression is no JSON: {error}")))
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the segments.
    List,
    /// Show one segment.
    Show {
        /// The segment's id.
        segment: String,
    },
    /// Make a segment, or change it.
    Set {
        /// Its id: a-z, 0-9, '-' and '_'; it never changes.
        segment: String,
        #[command(flatten)]
        meant: Meant,
        /// Its name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// What it means, for people.
        #[arg(long)]
        means: Option<String>,
        /// Plugins see who is in it, as the tag segment:ID.
        #[arg(long)]
        shown: bool,
    },
    /// Remove a segment; refused while a campaign is for it.
    Remove {
        /// The segment's id.
        segment: String,
    },
    /// Count who is in a segment; one that was stopped goes on where it stood.
    Count {
        /// The segment's id.
        segment: String,
    },
    /// List who is in a segment now.
    Customers {
        /// The segment's id.
        segment: String,
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Try an expression on the first customers.
    Preview {
        #[command(flatten)]
        meant: Meant,
    },
    /// List the segments that a customer is in now.
    Of {
        /// The customer: an id, an address or a number.
        customer: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["segments"])?, COLUMNS),
        Command::Show { segment } => out.show(json, &client.get(&path(&["segments", &segment]))?, FIELDS),
        Command::Set {
            segment,
            meant,
            name,
            means,
            shown,
        } => {
            let body = json!({
                "name": name.unwrap_or_else(|| segment.clone()), "description": means, "expression": meant.read()?,
                "shown": shown,
            });
            let answer = client.put(&path(&["segments", &segment]), body)?;
            out.done(json, &answer, &format!("segment {segment} is kept"))?;
            let undefined = answer["undefined_tags"].as_array().into_iter().flatten();
            for tag in undefined.filter(|_| !json) {
                out.line(&format!(
                    "the library has no tag {tag}: nobody is meant by it unless a plugin gives it; `jackfield tag list` shows those \
                     that there are"
                ))?;
            }
            Ok(())
        }
        Command::Remove { segment } => {
            let answer = client.delete(&path(&["segments", &segment]))?;
            out.done(json, &answer, &format!("segment {segment} is removed"))
        }
        Command::Count { segment } => loop {
            let count = client.post(&path(&["segments", &segment, "count"]), Sent::Nothing)?;
            let told = format!(
                "segment {segment}: {} of {} customers",
                count["matched"], count["looked_at"]
            );
            if count["done"] == true {
                return out.done(json, &count, &told);
            }
            if !json {
                out.line(&format!("{told} so far"))?;
            }
        },
        Command::Customers { segment, limit } => {
            let at = path(&["segments", &segment, "customers"]);
            out.list(json, client.list(&at, &[], limit)?, CUSTOMERS)
        }
        Command::Preview { meant } => {
            let body = json!({"expression": meant.read()?});
            let found = client.post(&path(&["segment-previews"]), Sent::Json(body))?;
            if json {
                return out.json(&found);
            }
            let all = if found["complete"] == true {
                "all"
            } else {
                "the first"
            };
            out.line(&format!(
                "{} of {all} {} customers",
                found["matched"], found["looked_at"]
            ))?;
            let items = found["items"].as_array().cloned().unwrap_or_default();
            out.list(json, items, CUSTOMERS)
        }
        Command::Of { customer } => {
            let at = path(&["customers", &super::customer::id(customer), "segments"]);
            out.list(json, client.list(&at, &[], usize::MAX)?, COLUMNS)
        }
    }
}
