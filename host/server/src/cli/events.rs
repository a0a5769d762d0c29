//! `jackfield events`, and how events are told.

use std::time::Duration;

use jackfield_runtime::JournalEntry;
use serde_json::Value;

use super::client::{Client, Connection, path, with_query};
use super::failure::Failure;
use super::output::{AGENT, BAD, HEADING, Output, PLUGIN, QUIET, clock_time};
use crate::story::{self, Tone};

/// How long to wait before a broken stream is taken up again.
const BREATH: Duration = Duration::from_secs(1);
/// So often in a row, without any event between, before giving up.
const TRIES: u32 = 30;

/// Everything that happens in the tenant.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield events --follow                                     as it happens, until Ctrl-C
  jackfield events --from 1200 --type queued,connected          what the journal tells from number 1200 on
  jackfield events --follow --json | jq -c 'select(.type == \"decision-failed\")'")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Go on with what happens; without --from, begin with now.
    #[arg(long, short)]
    follow: bool,
    /// The first event wanted, by its number; without --follow the first of all.
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// These types only, joined by commas.
    #[arg(long = "type", value_name = "TYPES")]
    types: Option<String>,
    /// Of this call only.
    #[arg(long, value_name = "CALL")]
    interaction: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection)?;
    let from = arguments
        .from
        .or((!arguments.follow).then_some(0))
        .map(|from| from.to_string());
    let query = [
        ("from", from),
        ("type", arguments.types.clone()),
        ("interaction", arguments.interaction.clone()),
    ];
    let mut query: Vec<_> = query
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let json = arguments.connection.json;
    if arguments.follow {
        let path = with_query(&path(&["events"]), &query);
        return Follow {
            path,
            last_seen: None,
            calls_only: false,
            until_closed: false,
            json,
        }
        .run(&client, out);
    }
    query.push(("follow", "false".into()));
    for data in client.stream(&with_query(&path(&["events"]), &query), None)? {
        tell(&parse(&data?)?, json, true, out)?;
    }
    Ok(())
}

fn parse(data: &str) -> Result<Value, Failure> {
    serde_json::from_str(data).map_err(|error| Failure::Answer(format!("an event is no JSON: {error}")))
}

/// A stream that is taken up again where it broke.
pub(crate) struct Follow {
    pub(crate) path: String,
    pub(crate) last_seen: Option<u64>,
    /// Leave settings and agents out.
    pub(crate) calls_only: bool,
    /// End with the first `closed`.
    pub(crate) until_closed: bool,
    pub(crate) json: bool,
}

impl Follow {
    pub(crate) fn run(mut self, client: &Client, out: &mut Output) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            // The first connection must work; later ones may have to wait for the server to be back.
            let stream = match client.stream(&self.path, self.last_seen) {
                Ok(stream) => stream,
                Err(Failure::Unreachable { .. }) if (1..TRIES).contains(&tries) => {
                    tries += 1;
                    std::thread::sleep(BREATH);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            for data in stream {
                let Ok(data) = data else { break };
                let event = parse(&data)?;
                (self.last_seen, tries) = (event["seq"].as_u64().or(self.last_seen), 0);
                if !self.calls_only || event["interaction"].is_string() {
                    tell(&event, self.json, !self.until_closed, out)?;
                }
                if self.until_closed && event["type"] == "closed" {
                    return Ok(());
                }
            }
            tries += 1;
            if tries >= TRIES {
                return Err(Failure::Answer(
                    "the server keeps ending the stream; see its log".into(),
                ));
            }
            std::thread::sleep(BREATH);
        }
    }
}

/// One event as a line. Among those of other calls, each says which call it is about.
pub(crate) fn tell(event: &Value, json: bool, name_call: bool, out: &mut Output) -> Result<(), Failure> {
    if json {
        return out.json_line(&event.to_string());
    }
    let at = out.paint(QUIET, &clock_time(event["at"].as_u64().unwrap_or_default()));
    let call = match event["interaction"].as_str() {
        // The end of the id: its beginning is the time, which calls of one hour share.
        Some(id) if name_call => out.paint(QUIET, &format!("…{}  ", &id[id.len().saturating_sub(6)..])),
        None if name_call => " ".repeat(9),
        _ => String::new(),
    };
    match serde_json::from_value::<JournalEntry>(event.clone()) {
        Ok(entry) => {
            let line = story::line(&entry);
            let style = match line.tone {
                Tone::Customer => HEADING,
                Tone::Plugin => PLUGIN,
                Tone::Agent => AGENT,
                Tone::Trouble => BAD,
                Tone::Quiet => QUIET,
            };
            let what = out.paint(style, &format!("{:10}", line.what));
            out.line(&format!("{at}  {call}{what}  {}", line.text))
        }
        // A newer server may tell what this version has no words for.
        Err(_) => {
            let mut rest = event.clone();
            for known in ["seq", "at", "type", "interaction"] {
                rest.as_object_mut().map(|fields| fields.remove(known));
            }
            let what = out.paint(
                QUIET,
                &format!("{:10}", event["type"].as_str().unwrap_or_default()),
            );
            out.line(&format!("{at}  {call}{what}  {rest}"))
        }
    }
}
