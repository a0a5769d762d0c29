//! `jackfield template …`

use serde_json::json;

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("TEMPLATE", "/id"),
    ("TITLE", "/title"),
    ("LANGUAGE", "/language"),
    ("SHORTCUT", "/shortcut"),
    ("TEXT", "/text"),
];

/// Reply templates: what agents write often.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield template set sent --text 'Dear {{customer.name|customer}}, order {{order}} is on its way. {{agent.name}}'
  jackfield template set hi --own --shortcut /hi --text '您好，我是{{agent.name}}。' --language zh-CN
  jackfield chat send 019b76da-0000-7000-8000-000000000000 --template sent --variable order=4711
  jackfield template list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The own templates, which nobody else sees, in place of those that all share.
    #[arg(long, global = true)]
    own: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the templates.
    List,
    /// Keep a template.
    Set {
        /// The template's id.
        template: String,
        /// Its text, with variables such as {{customer.name}} and {{order|your order}}. Known are customer.name,
        /// customer.language, customer.ATTRIBUTE, agent.name, agent.id, queue.name, interaction.id and
        /// interaction.ATTRIBUTE; names without a dot get their value with `chat send --variable`.
        #[arg(long)]
        text: String,
        /// What agents see in a list; by default the id.
        #[arg(long)]
        title: Option<String>,
        /// BCP 47, for example zh-CN.
        #[arg(long, default_value = "en")]
        language: String,
        /// What agents type for it.
        #[arg(long)]
        shortcut: Option<String>,
    },
    /// Remove a template.
    Remove {
        /// The template's id.
        template: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    let of = if arguments.own {
        "own-reply-templates"
    } else {
        "reply-templates"
    };
    match arguments.command {
        Command::List => out.list(json, client.all(&[of])?, COLUMNS),
        Command::Set {
            template,
            text,
            title,
            language,
            shortcut,
        } => {
            let title = title.unwrap_or_else(|| template.clone());
            let mut body = json!({"title": title, "text": text, "language": language});
            if let Some(shortcut) = shortcut {
                body["shortcut"] = shortcut.into();
            }
            let answer = client.put(&path(&[of, &template]), body)?;
            out.done(json, &answer, &format!("template {template} is kept"))
        }
        Command::Remove { template } => {
            let answer = client.delete(&path(&[of, &template]))?;
            out.done(json, &answer, &format!("template {template} is removed"))
        }
    }
}
