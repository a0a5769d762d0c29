//! `jackfield store`: the database of a server that does not run.

use std::path::PathBuf;

use jackfield_store::{Engine, Store};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;

/// Rows after which progress is told again.
const TOLD: u64 = 250_000;

/// The database in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield store show --data ./data             which engine keeps it
  jackfield store convert fjall --data ./data    the server must not run")]
pub(crate) struct Arguments {
    /// The data folder, as `jackfield serve` has it.
    #[arg(
        long,
        env = "JACKFIELD_DATA",
        default_value = "jackfield-data",
        value_name = "DIR",
        global = true
    )]
    data: PathBuf,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Which engine keeps the database.
    #[command(after_help = "Example:\n  jackfield store show --data ./data")]
    Show,
    /// Put the database into another engine's files, with all that is in it. The server must not run.
    #[command(after_help = "Examples:
  jackfield store convert fjall --data ./data     for many customers: faster, and the default for new folders
  jackfield store convert sled --data ./data      and back

There must be room for the database twice. A stop in between leaves it whole, in the one or the other.")]
    Convert {
        /// The engine: sled or fjall.
        engine: Engine,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let Arguments { data, json, command } = arguments;
    let folder = data.join("store");
    match command {
        Command::Show => {
            let engine = Engine::of(&folder).map(Engine::as_str).ok_or_else(|| {
                Failure::Usage(format!(
                    "{}: there is no database; say with --data where the server keeps it",
                    folder.display()
                ))
            })?;
            let answer = json!({"engine": engine, "folder": folder});
            out.show(json, &answer, &[("engine", "/engine"), ("folder", "/folder")])
        }
        Command::Convert { engine } => {
            let mut told = 0;
            let rows = Store::convert(&folder, engine, &mut |rows| {
                if rows - told >= TOLD {
                    told = rows;
                    eprintln!("{rows} rows");
                }
            });
            let rows = rows.map_err(|error| Failure::Work(error.to_string()))?;
            let answer = json!({"engine": engine.as_str(), "folder": folder, "rows": rows});
            out.done(json, &answer, &format!("{rows} rows are kept by {engine} now"))
        }
    }
}
