//! `jackfield whoami`

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::Output;

/// Whom the key belongs to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jackfield whoami --key-file jackfield-data/operator.key")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection)?;
    let answer = client.get(&path(&["whoami"]))?;
    if !arguments.connection.json && answer["tenant"].is_null() {
        out.line("platform (above all tenants)")?;
    }
    out.show(
        arguments.connection.json,
        &answer,
        &[("tenant", "/tenant"), ("user", "/user"), ("roles", "/roles")],
    )
}
