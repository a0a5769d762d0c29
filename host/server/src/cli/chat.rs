//! `jackfield chat …`

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path, with_query};
use super::failure::Failure;
use super::output::{Column, Output};

const ENTRIES: &[Column] = &[
    ("ENTRY", "/id"),
    ("NAME", "/name"),
    ("CHANNEL", "/channel"),
    ("LANGUAGE", "/language"),
    ("DEFAULT QUEUE", "/default_queue"),
];
const RESPONSES: &[Column] = &[
    ("OF", "/of"),
    ("ANSWERS", "/count"),
    ("MEAN MS", "/mean_ms"),
    ("P50 MS", "/p50_ms"),
    ("P90 MS", "/p90_ms"),
    ("P95 MS", "/p95_ms"),
    ("LONGEST MS", "/max_ms"),
    ("IN TIME", "/in_time"),
];
const MESSAGES: &[Column] = &[
    ("NUMBER", "/number"),
    ("AT", "/at"),
    ("AUTHOR", "/author"),
    ("AGENT", "/agent"),
    ("TEXT", "/text"),
];

/// Written conversations: where they begin, and taking part in them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield chat entry-set web --name 'Web shop' --language en --queue support --origin https://shop.example
  jackfield chat accept 019b76da-0000-7000-8000-000000000000
  jackfield chat send 019b76da-0000-7000-8000-000000000000 'Good morning!'
The chat window of an entry is at /chat/TENANT/ENTRY of the server.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the chat entries.
    Entries,
    /// Show one chat entry.
    Entry {
        /// The entry's id.
        entry: String,
    },
    /// Make a chat entry, or change what is given; the rest stays as it is.
    #[command(after_help = "Examples:
  jackfield chat entry-set web --queue support --origin https://shop.example
  jackfield chat entry-set web --unanswered '[{\"after_ms\":15000,\"action\":\"warn\"},{\"after_ms\":45000,\"action\":{\"escalate\":\"leads\"}}]'")]
    EntrySet {
        /// The entry's id.
        entry: String,
        /// The name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// BCP 47, for example zh-CN; flows and the window speak it first.
        #[arg(long)]
        language: Option<String>,
        /// Where a customer goes when no flow is bound or the flow fails.
        #[arg(long, value_name = "QUEUE")]
        queue: Option<String>,
        /// A web page that may embed the window, as origin; may be repeated; * for all.
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// What is done while the customer waits for an answer, as JSON.
        #[arg(long, value_name = "JSON", value_parser = json_of)]
        unanswered: Option<Value>,
    },
    /// Remove a chat entry without open conversations.
    EntryRemove {
        /// The entry's id.
        entry: String,
    },
    /// Tell how long customers waited for answers: the first of a conversation, and every one.
    Responses {
        /// Of conversations that last waited in this queue.
        #[arg(long)]
        queue: Option<String>,
        /// Of this agent.
        #[arg(long)]
        agent: Option<String>,
        /// Of conversations that came through this entry.
        #[arg(long)]
        entry: Option<String>,
        /// What counts as in time, in seconds.
        #[arg(long, default_value_t = 15, value_name = "S")]
        within: u64,
    },
    /// Show the messages of a conversation.
    Messages {
        /// The interaction.
        interaction: String,
    },
    /// Take the conversation that is on offer.
    Accept {
        /// The interaction.
        interaction: String,
    },
    /// Decline the conversation that is on offer: the next agent is looked for.
    Decline {
        /// The interaction.
        interaction: String,
    },
    /// Write to the customer.
    Send {
        /// The interaction.
        interaction: String,
        /// The text.
        text: String,
    },
    /// End the agent's part; the flow may ask a survey.
    Leave {
        /// The interaction.
        interaction: String,
    },
}

fn json_of(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("expected JSON: {error}"))
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    let act = |out: &mut Output, interaction: &str, what: &str, done: &str| {
        let answer = client.post(&path(&["interactions", interaction, what]), Sent::Nothing)?;
        out.done(json, &answer, &format!("conversation {interaction} {done}"))
    };
    match arguments.command {
        Command::Entries => out.list(
            json,
            client.list(&path(&["chat-entries"]), &[], usize::MAX)?,
            ENTRIES,
        ),
        Command::Entry { entry } => {
            let at = path(&["chat-entries", &entry]);
            out.show(json, &client.get(&at)?, ENTRIES)
        }
        Command::EntrySet {
            entry,
            name,
            language,
            queue,
            origins,
            unanswered,
        } => {
            let at = path(&["chat-entries", &entry]);
            let mut body = client.find(&at)?.unwrap_or_else(|| json!({"name": entry}));
            if let Some(fields) = body.as_object_mut() {
                fields.remove("id");
            }
            let origins = (!origins.is_empty()).then(|| Value::from(origins));
            for (field, given) in [
                ("name", name.map(Value::from)),
                ("language", language.map(Value::from)),
                ("default_queue", queue.map(Value::from)),
                ("allowed_origins", origins),
                ("unanswered", unanswered),
            ] {
                if let Some(given) = given {
                    body[field] = given;
                }
            }
            if body["default_queue"].is_null() {
                return Err(Failure::Usage(
                    "a new entry needs --queue QUEUE, the default queue".into(),
                ));
            }
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("chat entry {entry} set"))
        }
        Command::EntryRemove { entry } => {
            client.delete(&path(&["chat-entries", &entry]))?;
            out.done(json, &Value::Null, &format!("chat entry {entry} removed"))
        }
        Command::Responses {
            queue,
            agent,
            entry,
            within,
        } => {
            let within = Some(within.saturating_mul(1_000).to_string());
            let given = [
                ("within_ms", within),
                ("queue", queue),
                ("agent", agent),
                ("entry", entry),
            ];
            let given = given
                .into_iter()
                .filter_map(|(field, value)| Some((field, value?)));
            let query: Vec<_> = given.collect();
            let report = client.get(&with_query(&path(&["chat-responses"]), &query))?;
            let rows = ["first", "turns"].map(|of| {
                let mut row = report[of].clone();
                row["of"] = of.into();
                row
            });
            if json {
                return out.show(json, &report, RESPONSES);
            }
            out.list(json, rows.to_vec(), RESPONSES)
        }
        Command::Messages { interaction } => {
            let at = path(&["interactions", &interaction, "messages"]);
            let mut items = Vec::new();
            let mut after = String::from("0");
            loop {
                let query = [("after", after), ("limit", "200".to_owned())];
                let page = client.get(&with_query(&at, &query))?;
                items.extend(page["items"].as_array().into_iter().flatten().cloned());
                match page["next"].as_str() {
                    Some(next) => after = next.to_owned(),
                    None => return out.list(json, items, MESSAGES),
                }
            }
        }
        Command::Accept { interaction } => act(out, &interaction, "accept", "taken"),
        Command::Decline { interaction } => act(out, &interaction, "decline", "declined"),
        Command::Leave { interaction } => act(out, &interaction, "leave", "left"),
        Command::Send { interaction, text } => {
            let at = path(&["interactions", &interaction, "messages"]);
            let answer = client.post(&at, Sent::Json(json!({"text": text})))?;
            out.done(json, &answer, &format!("message {} sent", answer["number"]))
        }
    }
}
