//! `jackfield outlet …`

use serde_json::json;

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

const COLUMNS: &[Column] = &[
    ("OUTLET", "/id"),
    ("NAME", "/name"),
    ("ADDRESS", "/address"),
    ("TELEPHONE", "/telephone"),
];

/// Outlets: shops, branches and workshops to which cases are handed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield outlet set west-lake --name 西湖营业厅 --address '杭州市西湖区文三路 1 号' --telephone +8657188880000
  jackfield case list --owner outlet:west-lake
  jackfield outlet list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the outlets.
    List,
    /// Show one outlet.
    Show {
        /// The outlet's id.
        outlet: String,
    },
    /// Make an outlet, or change what is given; the rest stays as it is.
    #[command(after_help = "Example:\n  jackfield outlet set west-lake --name 西湖营业厅")]
    Set {
        /// Its id: a-z, 0-9, '-' and '_'; it never changes.
        outlet: String,
        /// What it is called; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// Where it is.
        #[arg(long)]
        address: Option<String>,
        /// Its telephone.
        #[arg(long)]
        telephone: Option<String>,
    },
    /// Remove an outlet that has no case to see to.
    Remove {
        /// The outlet's id.
        outlet: String,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["outlets"])?, COLUMNS),
        Command::Show { outlet } => out.show(json, &client.get(&path(&["outlets", &outlet]))?, COLUMNS),
        Command::Set {
            outlet,
            name,
            address,
            telephone,
        } => {
            let at = path(&["outlets", &outlet]);
            let (mut body, done) = known(&client, &at, &["id"], json!({"name": outlet}))?;
            put_in(
                &mut body,
                [("name", name), ("address", address), ("telephone", telephone)],
            );
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("outlet {outlet} {done}"))
        }
        Command::Remove { outlet } => {
            let answer = client.delete(&path(&["outlets", &outlet]))?;
            out.done(json, &answer, &format!("outlet {outlet} is removed"))
        }
    }
}
