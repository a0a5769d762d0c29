//! `jackfield chat …`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::attachment;
use super::client::{Client, Connection, Sent, path, with_query};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

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
    ("CUT", "/cut"),
    ("ATTACHED", "/attachments/0/name"),
];

/// Written conversations: where they begin, and taking part in them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield chat entry-set web --name 'Web shop' --language en --queue support --origin https://shop.example
  jackfield chat accept 019b76da-0000-7000-8000-000000000000
  jackfield chat send 019b76da-0000-7000-8000-000000000000 'Good morning!'
  jackfield chat attach 019b76da-0000-7000-8000-000000000000 invoice.pdf
  jackfield chat identity-secret web
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
  jackfield chat entry-set mail --channel email --queue support
  jackfield chat entry-set web --unanswered '[{\"after_ms\":15000,\"action\":\"warn\"},{\"after_ms\":45000,\"action\":{\"escalate\":\"leads\"}}]'")]
    EntrySet {
        /// The entry's id.
        entry: String,
        /// The name for people; by default the id.
        #[arg(long)]
        name: Option<String>,
        /// What customers write on: chat, sms, email or social; by default chat.
        #[arg(long)]
        channel: Option<String>,
        /// BCP 47, for example zh-CN; flows and the window speak it first.
        #[arg(long)]
        language: Option<String>,
        /// Where a customer goes when no flow is bound or the flow fails.
        #[arg(long, value_name = "QUEUE")]
        queue: Option<String>,
        /// A web page that may embed the window, as origin; may be repeated; * for all.
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Whether agents see what customers are writing before it is sent; the window says so to them.
        #[arg(long, value_name = "BOOL")]
        typing_preview: Option<bool>,
        /// What is done while the customer waits for an answer, as JSON.
        #[arg(long, value_name = "JSON", value_parser = json_of)]
        unanswered: Option<Value>,
    },
    /// Remove a chat entry without open conversations.
    EntryRemove {
        /// The entry's id.
        entry: String,
    },
    /// Make a new identity secret of a chat entry, with which the firm's site vouches for visitors.
    IdentitySecret {
        /// The entry's id.
        entry: String,
        /// Take it away instead.
        #[arg(long)]
        remove: bool,
    },
    /// Make a link by which the customer of a conversation says who that is.
    IdentityLink {
        /// The interaction.
        interaction: String,
    },
    /// Say who came with a link, for example crm:4711.
    Identify {
        /// The link's token.
        token: String,
        /// Who that is, SCHEME:VALUE.
        identity: String,
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
        /// Of customers who are in this segment now.
        #[arg(long)]
        segment: Option<String>,
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
        #[arg(required_unless_present = "template", conflicts_with = "template")]
        text: Option<String>,
        /// The reply template that is sent in its place.
        #[arg(long)]
        template: Option<String>,
        /// Whether it is one of the own templates.
        #[arg(long, requires = "template")]
        own: bool,
        /// The value of a variable of the template; may be repeated.
        #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable, requires = "template")]
        variables: Vec<(String, String)>,
    },
    /// Send files to the customer, in one message.
    #[command(after_help = "Examples:
  jackfield chat attach 019b76da-0000-7000-8000-000000000000 invoice.pdf --text 'Here it is.'
  jackfield chat attach 019b76da-0000-7000-8000-000000000000 before.jpg after.jpg
Pictures (JPEG, PNG, GIF, WebP), PDF and plain text of at most 10 MiB.")]
    Attach {
        /// The interaction.
        interaction: String,
        /// The files, at most 16.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What the files are, for example image/jpeg; by default what their endings say.
        #[arg(long = "type", value_name = "TYPE")]
        media_type: Option<String>,
        /// What is written with them.
        #[arg(long)]
        text: Option<String>,
    },
    /// List what came with the messages of a conversation.
    Attachments {
        /// The interaction.
        interaction: String,
    },
    /// Save what came with a message.
    #[command(after_help = "Examples:
  jackfield chat attachment 019b76da-0000-7000-8000-000000000000 019b76db-0000-7000-8000-000000000000
  jackfield chat attachment 019b76da-0000-7000-8000-000000000000 019b76db-0000-7000-8000-000000000000 --output -")]
    Attachment {
        /// The interaction.
        interaction: String,
        /// The attachment's id.
        attachment: String,
        /// Where to; - is standard output. By default its name, in this folder.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// End the agent's part; the flow may ask a survey.
    Leave {
        /// The interaction.
        interaction: String,
    },
}

fn variable(text: &str) -> Result<(String, String), String> {
    let expected = "expected NAME=VALUE, for example order=4711";
    let (name, value) = text.split_once('=').ok_or(expected)?;
    Ok((name.to_owned(), value.to_owned()))
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
        Command::Entries => out.list(json, client.all(&["chat-entries"])?, ENTRIES),
        Command::Entry { entry } => {
            let at = path(&["chat-entries", &entry]);
            out.show(json, &client.get(&at)?, ENTRIES)
        }
        Command::EntrySet {
            entry,
            name,
            channel,
            language,
            queue,
            origins,
            typing_preview,
            unanswered,
        } => {
            let at = path(&["chat-entries", &entry]);
            let (mut body, done) = known(&client, &at, &["id"], json!({"name": entry}))?;
            let origins = (!origins.is_empty()).then(|| Value::from(origins));
            let given = [
                ("name", name.map(Value::from)),
                ("channel", channel.map(Value::from)),
                ("language", language.map(Value::from)),
                ("default_queue", queue.map(Value::from)),
                ("allowed_origins", origins),
                ("typing_preview", typing_preview.map(Value::from)),
                ("unanswered", unanswered),
            ];
            put_in(&mut body, given);
            if body["default_queue"].is_null() {
                return Err(Failure::Usage(
                    "a new entry needs --queue QUEUE, the default queue".into(),
                ));
            }
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("chat entry {entry} {done}"))
        }
        Command::EntryRemove { entry } => {
            client.delete(&path(&["chat-entries", &entry]))?;
            out.done(json, &Value::Null, &format!("chat entry {entry} removed"))
        }
        Command::IdentitySecret { entry, remove } => {
            let at = path(&["chat-entries", &entry, "identity-secret"]);
            if remove {
                client.delete(&at)?;
                return out.done(json, &Value::Null, &format!("identity secret of {entry} removed"));
            }
            let answer = client.post(&at, Sent::Nothing)?;
            let secret = answer["secret"].as_str().unwrap_or_default().to_owned();
            out.done(json, &answer, &secret)
        }
        Command::IdentityLink { interaction } => {
            let answer = client.post(
                &path(&["interactions", &interaction, "identity-link"]),
                Sent::Nothing,
            )?;
            let token = answer["token"].as_str().unwrap_or_default().to_owned();
            out.done(json, &answer, &token)
        }
        Command::Identify { token, identity } => {
            let body = json!({"token": token, "identity": identity});
            let answer = client.post(&path(&["identity-links"]), Sent::Json(body))?;
            let customer = answer["customer"].as_str().unwrap_or_default();
            out.done(json, &answer, &format!("the customer is {customer}"))
        }
        Command::Responses {
            queue,
            agent,
            entry,
            segment,
            within,
        } => {
            let within = Some(within.saturating_mul(1_000).to_string());
            let given = [
                ("within_ms", within),
                ("queue", queue),
                ("agent", agent),
                ("entry", entry),
                ("segment", segment),
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
            out.list(json, attachment::messages(&client, &interaction)?, MESSAGES)
        }
        Command::Attach {
            interaction,
            files,
            media_type,
            text,
        } => {
            let answer = attachment::attach(&client, &interaction, &files, media_type.as_deref(), text)?;
            out.done(json, &answer, &format!("message {} sent", answer["number"]))
        }
        Command::Attachments { interaction } => attachment::list(&client, json, out, &interaction),
        Command::Attachment {
            interaction,
            attachment,
            output,
        } => attachment::fetch(&client, json, out, (&interaction, &attachment), output),
        Command::Accept { interaction } => act(out, &interaction, "accept", "taken"),
        Command::Decline { interaction } => act(out, &interaction, "decline", "declined"),
        Command::Leave { interaction } => act(out, &interaction, "leave", "left"),
        Command::Send {
            interaction,
            text,
            template,
            own,
            variables,
        } => {
            let at = path(&["interactions", &interaction, "messages"]);
            let body = match template {
                Some(template) => {
                    let variables: serde_json::Map<_, _> = variables
                        .into_iter()
                        .map(|(name, value)| (name, value.into()))
                        .collect();
                    json!({"template": {"id": template, "own": own, "variables": variables}})
                }
                None => json!({ "text": text }),
            };
            let answer = client.post(&at, Sent::Json(body))?;
            out.done(json, &answer, &format!("message {} sent", answer["number"]))
        }
    }
}
