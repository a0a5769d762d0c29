//! `jackfield decision …`

use serde_json::Value;

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("AT", "/at"),
    ("DECISION", "/id"),
    ("PLUGIN", "/plugin"),
    ("VERSION", "/version"),
    ("INTERACTION", "/interaction"),
    ("FUEL", "/fuel"),
    ("US", "/wall_us"),
    ("FAILURE", "/failure"),
];
const FIELDS: &[Column] = &[
    ("decision", "/id"),
    ("at", "/at"),
    ("point", "/point"),
    ("plugin", "/plugin"),
    ("version", "/version"),
    ("digest", "/digest"),
    ("binding revision", "/revision"),
    ("engine", "/engine"),
    ("interaction", "/interaction"),
    ("config", "/config"),
    ("question", "/question"),
    ("reads", "/reads"),
    ("answer", "/answer"),
    ("failure", "/failure"),
    ("keys written", "/keys_written"),
    ("log", "/log"),
    ("fuel", "/fuel"),
    ("peak memory", "/peak_memory_bytes"),
    ("wall time, µs", "/wall_us"),
];

/// Recorded plugin decisions: what stood behind each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield decision list queue:support --since 1h
  jackfield decision explain 019ab4c2-6f0e-7c31-9d1f-2a5d9a6d3b10")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List recorded decisions of a point, newest first.
    List {
        /// The point, for example queue:support.
        point: String,
        /// How far back, for example 15m, 24h or 7d.
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = ago)]
        since: u64,
        /// At most so many, 1 to 200.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Explain one decision: version, configuration, input, reads and output.
    #[command(after_help = "Where ids come from:
  jackfield decision list queue:support --since 1h      the decisions of a point
  jackfield calls show CALL --json                      those of a call or conversation: the events' by.decision

Example:
  jackfield decision explain 019ab4c2-6f0e-7c31-9d1f-2a5d9a6d3b10")]
    Explain {
        /// Its id, as `decision list` shows it.
        decision: String,
    },
}

/// A span of time as milliseconds since the epoch, so long ago.
pub(super) fn ago(text: &str) -> Result<u64, String> {
    let expected = || format!("{text:?}: expected a number with s, m, h or d, for example 24h");
    // Between characters, whatever was typed.
    let last = text.char_indices().last().map_or(0, |(at, _)| at);
    let (number, unit) = text.split_at(last);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let span = number.saturating_mul(seconds).saturating_mul(1_000);
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    Ok(now.saturating_sub(span))
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List { point, since, limit } => {
            let query = [
                ("point", point),
                ("since", since.to_string()),
                ("limit", limit.to_string()),
            ];
            let answer = client.get(&super::client::with_query(&path(&["decisions"]), &query))?;
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            out.list(json, items, COLUMNS)
        }
        Command::Explain { decision } => {
            let answer: Value = client.get(&path(&["decisions", &decision]))?;
            out.show(json, &answer, FIELDS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_and_others_refused() {
        assert!(ago("1h").unwrap() > ago("1d").unwrap());
        for bad in ["", "h", "1", "1w", "é", "-1h"] {
            assert!(ago(bad).unwrap_err().contains("24h"), "{bad}");
        }
    }
}
