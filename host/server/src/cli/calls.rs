//! `jackfield calls …`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path, with_query};
use super::customer::id;
use super::events::{Follow, tell};
use super::failure::Failure;
use super::output::{Column, Output};
use super::queue::millis;

const COLUMNS: &[Column] = &[
    ("CALL", "/id"),
    ("BEGAN", "/started_at"),
    ("CALLER", "/caller"),
    ("NUMBER", "/number"),
    ("STAGE", "/stage/name"),
    ("QUEUE", "/queue"),
    ("AGENT", "/agent"),
    ("WAITED", "/waited_ms"),
    ("TALKED", "/talked_ms"),
    ("SCORE", "/score"),
];
const FIELDS: &[Column] = &[
    ("call", "/id"),
    ("caller", "/caller"),
    ("name", "/caller_name"),
    ("number", "/number"),
    ("customer", "/customer"),
    ("began", "/started_at"),
    ("stage", "/stage/name"),
    ("queue", "/queue"),
    ("agent", "/agent"),
    ("waited", "/waited_ms"),
    ("talked", "/talked_ms"),
    ("attributes", "/attributes"),
    ("recording", "/recording/length_ms"),
    ("ended", "/ending/at"),
    ("ended by", "/ending/by"),
    ("abandoned in", "/ending/abandoned"),
    ("score", "/score"),
];

/// Of `calls make`, as its fields are called.
const FLAGS: [&str; 8] = [
    "agent", "about", "customer", "number", "from", "queue", "purpose", "campaign",
];

/// Calls: list, tell their story, watch, make, transfer, end, recordings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield calls list --live
  jackfield calls show 019b76da-0000-7000-8000-000000000000
  jackfield calls watch                                          all calls, as it happens
  jackfield calls recording 019b76da-0000-7000-8000-000000000000 --output call.wav")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List calls, newest first.
    #[command(after_help = "Examples:
  jackfield calls list --live --queue support
  jackfield calls list --ended --since 1h --agent anna")]
    List {
        /// Those that go on.
        #[arg(long, conflicts_with = "ended")]
        live: bool,
        /// Those that are over.
        #[arg(long)]
        ended: bool,
        /// Those that last waited in this queue.
        #[arg(long)]
        queue: Option<String>,
        /// Those that this agent handled.
        #[arg(long)]
        agent: Option<String>,
        /// Those of this customer: an id, an address or a number.
        #[arg(long)]
        customer: Option<String>,
        /// Those that began so long ago at most: 30m, 2h, 1d.
        #[arg(long, value_name = "TIME", value_parser = millis)]
        since: Option<u64>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one call and tell its story.
    Show {
        /// The call's id.
        call: String,
    },
    /// Tell a call's story as it happens, to its end; without a call, those of all calls, until Ctrl-C.
    Watch {
        /// The call's id.
        call: Option<String>,
    },
    /// Call a customer for an agent: the agent's phone rings first. The outbound rules are asked before.
    #[command(after_help = "Examples:
  jackfield calls make --agent anna --about 019b76da-0000-7000-8000-000000000000 --purpose requested-callback
  jackfield calls make --agent anna --number +8613800138000 --from +861055550100 --queue support --purpose service")]
    Make {
        /// Whose phone rings first; an agent's own key needs not say it.
        #[arg(long)]
        agent: Option<String>,
        /// The call or conversation that it is about: its customer is called.
        #[arg(long, value_name = "CALL")]
        about: Option<String>,
        /// The customer: an id, an address or a number.
        #[arg(long)]
        customer: Option<String>,
        /// The number to be called; by default the only one that is known of the customer.
        #[arg(long)]
        number: Option<String>,
        /// The number that the customer sees; by default the only one that there is.
        #[arg(long)]
        from: Option<String>,
        /// In the name of which queue; by default that of CALL, else the agent's only one.
        #[arg(long)]
        queue: Option<String>,
        /// What for: requested-callback, service…
        #[arg(long)]
        purpose: String,
        /// The campaign that it belongs to.
        #[arg(long)]
        campaign: Option<String>,
    },
    /// Send a customer who talks with an agent to a queue.
    #[command(
        after_help = "Example:\n  jackfield calls transfer 019b76da-0000-7000-8000-000000000000 billing"
    )]
    Transfer {
        /// The call's id.
        call: String,
        /// The queue.
        queue: String,
    },
    /// End a live call: hang up.
    End {
        /// The call's id.
        call: String,
    },
    /// Fetch a call's recording: WAV, customer left, agent right.
    Recording {
        /// The call's id.
        call: String,
        /// Where to write it; `-` is the standard output. By default CALL.wav in this folder.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List {
            live,
            ended,
            queue,
            agent,
            customer,
            since,
            limit,
        } => {
            let since = since.map(|ago| {
                let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
                now.saturating_sub(ago).to_string()
            });
            let stage = (live || ended).then(|| live.to_string());
            let query = [
                ("live", stage),
                ("queue", queue),
                ("agent", agent),
                ("customer", customer.map(id)),
                ("since", since),
            ];
            let query: Vec<_> = query
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            out.list(
                json,
                client.list(&path(&["interactions"]), &query, limit)?,
                COLUMNS,
            )
        }
        Command::Show { call } => show(&client, json, &call, out),
        Command::Watch { call: Some(call) } => watch(&client, json, &call, out),
        Command::Watch { call: None } => {
            let query = path(&["events"]);
            Follow {
                path: query,
                last_seen: None,
                calls_only: true,
                until_closed: false,
                json,
            }
            .run(&client, out)
        }
        Command::Make {
            agent,
            about,
            customer,
            number,
            from,
            queue,
            purpose,
            campaign,
        } => {
            let given = [
                ("agent", agent),
                ("about", about),
                ("customer", customer.map(id)),
                ("number", number),
                ("from", from),
                ("queue", queue),
                ("purpose", Some(purpose)),
                ("campaign", campaign),
            ];
            let given = given
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
            let body = Sent::Json(Value::Object(given.collect()));
            let answer = client.post(&path(&["interactions"]), body).map_err(with_flag)?;
            let call = answer["id"].as_str().unwrap_or_default();
            out.done(json, &answer, &format!("the agent's phone rings: call {call}"))
        }
        Command::Transfer { call, queue } => {
            let body = Sent::Json(json!({"queue": queue}));
            let answer = client.post(&path(&["interactions", &call, "transfer"]), body)?;
            out.done(json, &answer, &format!("the customer waits in {queue}"))
        }
        Command::End { call } => {
            let answer = client.post(&path(&["interactions", &call, "end"]), Sent::Nothing)?;
            out.done(json, &answer, "the call is being ended")
        }
        Command::Recording { call, output } => recording(&client, &call, output, out),
    }
}

/// A refusal of a field, with the flag that says it.
fn with_flag(failure: Failure) -> Failure {
    let Failure::Refused(mut problem) = failure else {
        return failure;
    };
    if let Some(field) = problem.field.as_deref().filter(|field| FLAGS.contains(field)) {
        problem.detail = format!("{} (--{field})", problem.detail).into();
    }
    Failure::Refused(problem)
}

fn story(client: &Client, call: &str) -> Result<Vec<Value>, Failure> {
    client.all(&["interactions", call, "events"])
}

fn show(client: &Client, json: bool, call: &str, out: &mut Output) -> Result<(), Failure> {
    let mut found = client.get(&path(&["interactions", call]))?;
    let events = story(client, call)?;
    if json {
        found["events"] = events.into();
        return out.json(&found);
    }
    out.show(false, &found, FIELDS)?;
    out.line("")?;
    events.iter().try_for_each(|event| tell(event, false, false, out))
}

/// What has been, then what happens, until nothing more will.
fn watch(client: &Client, json: bool, call: &str, out: &mut Output) -> Result<(), Failure> {
    let events = story(client, call)?;
    for event in &events {
        tell(event, json, false, out)?;
    }
    if events.last().is_some_and(|last| last["type"] == "closed") {
        return Ok(());
    }
    let last_seen = events.last().and_then(|last| last["seq"].as_u64());
    let path = with_query(&path(&["events"]), &[("interaction", call.to_owned())]);
    Follow {
        path,
        last_seen,
        calls_only: false,
        until_closed: true,
        json,
    }
    .run(client, out)
}

fn recording(client: &Client, call: &str, output: Option<PathBuf>, out: &mut Output) -> Result<(), Failure> {
    let from = path(&["interactions", call, "recording"]);
    let to = output.unwrap_or_else(|| PathBuf::from(format!("{call}.wav")));
    let Some(bytes) = client.save(&from, &to)? else {
        return Ok(());
    };
    out.line(&format!("{}: {bytes} bytes", to.display()))
}
