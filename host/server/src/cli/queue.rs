//! `jackfield queue …`

use serde_json::{Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

const COLUMNS: &[Column] = &[
    ("QUEUE", "/id"),
    ("NAME", "/name"),
    ("WAITING", "/status/waiting"),
    ("LONGEST", "/status/longest_wait_ms"),
    ("EXPECTED", "/status/expected_wait_ms"),
    ("FREE", "/status/available"),
    ("SIGNED IN", "/status/signed_in"),
    ("OVERFLOW", "/overflow"),
];
const FIELDS: &[Column] = &[
    ("queue", "/id"),
    ("name", "/name"),
    ("waiting", "/status/waiting"),
    ("longest wait", "/status/longest_wait_ms"),
    ("expected wait", "/status/expected_wait_ms"),
    ("agents free", "/status/available"),
    ("agents signed in", "/status/signed_in"),
    ("most waiting", "/max_waiting"),
    ("most wait", "/max_wait_ms"),
    ("overflow", "/overflow"),
    ("offered for", "/offer_timeout_ms"),
    ("wrap-up", "/wrap_up_ms"),
    ("progress every", "/progress_every_ms"),
    ("recorded", "/record"),
];

/// Queues: settings, and how they stand.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield queue set support --name Support --wrap-up 20s --overflow overflow
  jackfield queue list")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the queues and how they stand.
    List,
    /// Show one queue.
    Show {
        /// The queue's id.
        queue: String,
    },
    /// Make a queue, or change what is given; the rest stays as it is.
    #[command(after_help = "Examples:
  jackfield queue set support --name Support
  jackfield queue set support --max-wait 5m --overflow overflow --record false")]
    Set(Set),
    /// Remove a queue that nobody waits in and nothing refers to.
    Remove {
        /// The queue's id.
        queue: String,
    },
}

#[derive(Debug, clap::Args)]
struct Set {
    /// The queue's id.
    queue: String,
    /// The name for people; by default the id.
    #[arg(long)]
    name: Option<String>,
    /// Callers who may wait at once.
    #[arg(long, value_name = "CALLERS")]
    max_waiting: Option<u32>,
    /// Longest wait: 90s, 5m.
    #[arg(long, value_name = "TIME", value_parser = millis)]
    max_wait: Option<u64>,
    /// Where calls go that can't wait here; `none` for nowhere.
    #[arg(long, value_name = "QUEUE")]
    overflow: Option<String>,
    /// How long an agent's phone rings, or a message is on offer: 15s. Who misses a call or a chat is put on a break; who
    /// misses an e-mail is passed over for a while.
    #[arg(long, value_name = "TIME", value_parser = millis)]
    offer_timeout: Option<u64>,
    /// After-call work of the agent: 30s.
    #[arg(long, value_name = "TIME", value_parser = millis)]
    wrap_up: Option<u64>,
    /// How often the flow is told where the caller stands: 20s.
    #[arg(long, value_name = "TIME", value_parser = millis)]
    progress_every: Option<u64>,
    /// Whether conversations are recorded.
    #[arg(long, value_name = "true|false")]
    record: Option<bool>,
}

impl Set {
    /// What is known of the queue, with what is given put in; and what becomes of it.
    fn body(self, client: &Client, at: &str) -> Result<(Value, &'static str), Failure> {
        let (mut body, done) = known(client, at, &["id", "status"], json!({"name": self.queue}))?;
        let given = [
            ("name", self.name.map(Value::from)),
            ("max_waiting", self.max_waiting.map(Value::from)),
            ("max_wait_ms", self.max_wait.map(Value::from)),
            (
                "overflow",
                self.overflow.map(|queue| {
                    if queue == "none" {
                        Value::Null
                    } else {
                        queue.into()
                    }
                }),
            ),
            ("offer_timeout_ms", self.offer_timeout.map(Value::from)),
            ("wrap_up_ms", self.wrap_up.map(Value::from)),
            ("progress_every_ms", self.progress_every.map(Value::from)),
            ("record", self.record.map(Value::from)),
        ];
        put_in(&mut body, given);
        Ok((body, done))
    }
}

/// A length of time in milliseconds: `500ms`, `20s`, `5m`, `2h`, `1d`.
pub(crate) fn millis(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("expected a number and its unit: 500ms, 20s, 5m, 2h or 1d".into()),
    };
    let number: Option<u64> = text[..digits].parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "expected a smaller number".into())
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["queues"])?, COLUMNS),
        Command::Show { queue } => out.show(json, &client.get(&path(&["queues", &queue]))?, FIELDS),
        Command::Set(set) => {
            let (queue, at) = (set.queue.clone(), path(&["queues", &set.queue]));
            let (body, done) = set.body(&client, &at)?;
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("queue {queue} {done}"))
        }
        Command::Remove { queue } => {
            client.delete(&path(&["queues", &queue]))?;
            out.done(json, &Value::Null, &format!("queue {queue} removed"))
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use super::millis;

    #[test]
    fn lengths_have_a_unit() {
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("20s"), Ok(20_000));
        assert_eq!(millis("2h"), Ok(7_200_000));
        for bad in [
            "",
            "20",
            "s",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615d",
            "5分",
        ] {
            assert!(millis(bad).is_err(), "{bad}");
        }
    }
}
