//! `jackfield number …`

use serde_json::{Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::made_or_changed;

const COLUMNS: &[Column] = &[
    ("NUMBER", "/number"),
    ("NAME", "/name"),
    ("LANGUAGE", "/language"),
    ("DEFAULT QUEUE", "/default_queue"),
];

/// Numbers that customers call.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield number set +8675512345678 --name 客户服务 --language zh-CN --queue support
  jackfield number list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the numbers.
    List,
    /// Show one number.
    Show {
        /// E.164.
        number: String,
    },
    /// Take a number in, or change what is given; the rest stays as it is.
    #[command(
        after_help = "Example:\n  jackfield number set +442079460100 --name Hotline --language en --queue support"
    )]
    Set {
        /// E.164, for example +8675512345678.
        number: String,
        /// The name for people; by default the number.
        #[arg(long)]
        name: Option<String>,
        /// BCP 47, for example zh-CN; flows speak it first.
        #[arg(long)]
        language: Option<String>,
        /// Where a caller goes when no flow is bound or the flow fails.
        #[arg(long, value_name = "QUEUE")]
        queue: Option<String>,
    },
    /// Give a number up.
    Remove {
        /// E.164.
        number: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["numbers"])?, COLUMNS),
        Command::Show { number } => out.show(json, &client.get(&path(&["numbers", &number]))?, COLUMNS),
        Command::Set {
            number,
            name,
            language,
            queue,
        } => {
            let at = path(&["numbers", &number]);
            let known = client.find(&at)?;
            let stays = |field: &str| known.as_ref().map_or(Value::Null, |known| known[field].clone());
            if known.is_none() && (language.is_none() || queue.is_none()) {
                let what = format!("{number} is new: say its --language and its default --queue");
                return Err(Failure::Usage(what));
            }
            let name = name.or_else(|| Some(stays("name").as_str().unwrap_or(&number).to_owned()));
            let body = json!({
                "name": name,
                "language": language.map_or_else(|| stays("language"), Value::from),
                "default_queue": queue.map_or_else(|| stays("default_queue"), Value::from),
            });
            let answer = client.put(&at, body)?;
            out.done(
                json,
                &answer,
                &format!("number {number} {}", made_or_changed(known.is_none())),
            )
        }
        Command::Remove { number } => {
            client.delete(&path(&["numbers", &number]))?;
            out.done(json, &Value::Null, &format!("number {number} given up"))
        }
    }
}
