//! `jackfield tag …`

use serde_json::{Value, json};

use super::client::{Client, Connection, path};
use super::customer::id;
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};
use super::tag_run::{self, Run};

const COLUMNS: &[Column] = &[
    ("TAG", "/name"),
    ("ENGLISH", "/title/en"),
    ("CHINESE", "/title/zh"),
    ("KIND", "/kind"),
    ("DAYS", "/lifetime_days"),
    ("OWNER", "/owner"),
];
const FIELDS: &[Column] = &[
    ("tag", "/name"),
    ("english", "/title/en"),
    ("chinese", "/title/zh"),
    ("means", "/description"),
    ("kind", "/kind"),
    ("lifetime in days", "/lifetime_days"),
    ("owner", "/owner"),
    ("colour", "/colour"),
    ("zone", "/zone"),
    ("changed", "/changed_at"),
];

/// Tags: the library, those that people set by hand, and runs over all customers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield tag define vip --en VIP --zh 贵宾 --kind manual --days 180 --owner marketing
  jackfield tag set +8613800138000 vip --reason 'asked for by the branch manager'
  jackfield tag take +8613800138000 vip
  jackfield tag run start autumn --dry-run")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the library.
    List,
    /// Show one tag of the library.
    Show {
        /// The tag's name.
        tag: String,
    },
    /// Define a tag, or change what is said of it; what isn't given stays.
    #[command(
        after_help = "Example:\n  jackfield tag define churn:high --en 'High churn risk' --zh 高流失风险 --kind generated --days 90 --colour '#b91c1c' --zone risk"
    )]
    Define {
        /// Its name, by which plugins and people set it; it never changes.
        tag: String,
        /// manual: people alone give it; generated: plugins, and people too.
        #[arg(long)]
        kind: Option<String>,
        /// What it is called in English.
        #[arg(long)]
        en: Option<String>,
        /// What it is called in Chinese.
        #[arg(long)]
        zh: Option<String>,
        /// What it means and when it is given.
        #[arg(long)]
        means: Option<String>,
        /// Who answers for it.
        #[arg(long)]
        owner: Option<String>,
        /// Days after which it ends, unless it is refreshed; 0: as long as whoever sets it says.
        #[arg(long)]
        days: Option<u32>,
        /// How it is highlighted on the profile card: #rrggbb.
        #[arg(long)]
        colour: Option<String>,
        /// In which zone of the profile card it stands.
        #[arg(long)]
        zone: Option<String>,
    },
    /// Take a tag out of the library; customers who have it keep it.
    Remove {
        /// The tag's name.
        tag: String,
    },
    /// Set a tag of the library on a customer by hand; no plugin changes it then.
    Set {
        /// The customer: an id, an address or a number.
        customer: String,
        /// The tag's name.
        tag: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        /// 0 to 100.
        #[arg(long)]
        confidence: Option<u8>,
        /// When it stops holding: milliseconds since 1970.
        #[arg(long)]
        until: Option<u64>,
    },
    /// Runs: the tag generators are asked about all customers.
    #[command(subcommand)]
    Run(Run),
    /// Take a tag away from a customer, whoever set it.
    Take {
        /// The customer: an id, an address or a number.
        customer: String,
        /// The tag's name.
        tag: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::Run(command) => tag_run::run(command, &client, json, out),
        Command::List => out.list(json, client.all(&["tags"])?, COLUMNS),
        Command::Show { tag } => out.show(json, &client.get(&path(&["tags", &tag]))?, FIELDS),
        Command::Define {
            tag,
            kind,
            en,
            zh,
            means,
            owner,
            days,
            colour,
            zone,
        } => {
            let at = path(&["tags", &tag]);
            let new = json!({"kind": "generated", "title": {}});
            let (mut body, done) = known(&client, &at, &["name", "changed_at"], new)?;
            let given = [
                ("kind", kind),
                ("description", means),
                ("owner", owner),
                ("colour", colour),
                ("zone", zone),
            ];
            put_in(&mut body, given);
            for (language, title) in [("en", en), ("zh", zh)] {
                if let Some(title) = title {
                    body["title"][language] = title.into();
                }
            }
            if let Some(days) = days {
                body["lifetime_days"] = if days == 0 { Value::Null } else { days.into() };
            }
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("tag {tag} {done}"))
        }
        Command::Remove { tag } => {
            let answer = client.delete(&path(&["tags", &tag]))?;
            out.done(json, &answer, &format!("tag {tag} is no longer in the library"))
        }
        Command::Set {
            customer,
            tag,
            reason,
            confidence,
            until,
        } => {
            let at = path(&["customers", &id(customer.clone()), "tags", &tag]);
            let body = json!({"reason": reason, "confidence": confidence, "expires_at": until});
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("{customer} has the tag {tag}"))
        }
        Command::Take { customer, tag } => {
            let at = path(&["customers", &id(customer.clone()), "tags", &tag]);
            let answer = client.delete(&at)?;
            out.done(
                json,
                &answer,
                &format!("the tag {tag} is taken away from {customer}"),
            )
        }
    }
}
