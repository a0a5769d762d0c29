//! `jackfield case …`

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path};
use super::customer::id;
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

const CASES: &[Column] = &[
    ("NUMBER", "/number"),
    ("STATUS", "/status"),
    ("CATEGORY", "/category"),
    ("OWNER", "/owner"),
    ("PROMISED", "/promised_at"),
    ("SUBJECT", "/subject"),
];
const CASE: &[Column] = &[
    ("NUMBER", "/number"),
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("CATEGORY", "/category"),
    ("SUBJECT", "/subject"),
    ("DESCRIPTION", "/description"),
    ("CUSTOMER", "/customer"),
    ("OWNER", "/owner"),
    ("OPENED", "/opened_at"),
    ("OPENED BY", "/opened_by"),
    ("PROMISED", "/promised_at"),
    ("DUE NEXT", "/due_at"),
];
const PROMISES: &[Column] = &[
    ("PROMISED FOR", "/due_at"),
    ("BY", "/by"),
    ("OUTCOME", "/outcome"),
    ("WHY", "/why"),
];
const HAND_OVERS: &[Column] = &[
    ("HANDED OVER AT", "/at"),
    ("BY", "/by"),
    ("FROM", "/from"),
    ("TO", "/to"),
    ("WHY", "/why"),
];
const NOTES: &[Column] = &[
    ("NOTED AT", "/at"),
    ("BY", "/by"),
    ("CUSTOMER SEES IT", "/visible"),
    ("TEXT", "/text"),
];
const CATEGORIES: &[Column] = &[
    ("CATEGORY", "/id"),
    ("TITLE", "/title_en"),
    ("标题", "/title_zh"),
    ("PROMISE", "/promise_ms"),
    ("REMIND MS", "/remind_before_ms"),
    ("OWNER", "/owner"),
];
const ASSISTANCES: &[Column] = &[
    ("LINK", "/id"),
    ("TITLE", "/title"),
    ("TARGET", "/target"),
    ("OFFERED", "/offered_at"),
    ("TO", "/notice/to"),
    ("SENT", "/notice/sent_at"),
    ("UNSENT", "/notice/failed"),
    ("OPENED", "/opened_at"),
    ("DONE", "/done_at"),
];

/// Cases: what was promised to customers, who sees to it, and by when.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield case category-set repair --title-zh 报修 --title-en Repair --hours 48 --owner queue:repairs
  jackfield case open repair 'Router restarts every night' --customer +8613800138000
  jackfield case list --owner outlet:west-lake
  jackfield case hand-over 1042 outlet:west-lake --why 'the customer lives round the corner'
  jackfield case resolve 1042")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List cases, the newest first.
    #[command(
        after_help = "Examples:\n  jackfield case list --status open\n  jackfield case list --owner agent:anna --json"
    )]
    List {
        /// open, waiting, resolved or closed.
        #[arg(long)]
        status: Option<String>,
        /// Who sees to them: agent:ID, queue:ID or outlet:ID.
        #[arg(long)]
        owner: Option<String>,
        /// Of this category.
        #[arg(long)]
        category: Option<String>,
        /// Of this customer: an id, an address or a number.
        #[arg(long)]
        customer: Option<String>,
        /// Promised for before this moment, in milliseconds since the Unix epoch; the earliest first.
        #[arg(long, value_name = "MS")]
        due_before: Option<u64>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show a case with its promises, hand-overs and notes.
    Show {
        /// The case's number, or its id.
        case: String,
    },
    /// Open a case.
    #[command(
        after_help = "Examples:\n  jackfield case open repair 'Router restarts' --customer tel:+8613800138000\n  jackfield case open repair 'Router restarts' --interaction 019b76da-0000-7000-8000-000000000000 --owner outlet:west-lake"
    )]
    Open {
        /// The category.
        category: String,
        /// What it is called.
        subject: String,
        /// Whose it is: an id, an address or a number; the interaction's customer's when left out.
        #[arg(long)]
        customer: Option<String>,
        /// In which interaction it is opened.
        #[arg(long)]
        interaction: Option<String>,
        /// What it is about in more words.
        #[arg(long)]
        description: Option<String>,
        /// Who sees to it: agent:ID, queue:ID or outlet:ID; whom the category names when left out.
        #[arg(long)]
        owner: Option<String>,
        /// For when it is promised, in milliseconds since the Unix epoch; as the category says when left out.
        #[arg(long, value_name = "MS")]
        promise_at: Option<u64>,
    },
    /// Hand a case over to a person, a queue or an outlet.
    HandOver {
        /// The case's number, or its id.
        case: String,
        /// agent:ID, queue:ID or outlet:ID.
        to: String,
        /// Why.
        #[arg(long)]
        why: Option<String>,
    },
    /// Promise the customer another moment.
    Promise {
        /// The case's number, or its id.
        case: String,
        /// For when, in milliseconds since the Unix epoch.
        due_at: u64,
        /// Why.
        #[arg(long)]
        why: Option<String>,
    },
    /// Write a note about a case.
    Note {
        /// The case's number, or its id.
        case: String,
        /// The text.
        text: String,
        /// The customer sees it.
        #[arg(long)]
        visible: bool,
    },
    /// Let a case wait, for the customer or for a part.
    Wait(Change),
    /// Say that a case is resolved.
    Resolve(Change),
    /// Close a case.
    Close(Change),
    /// Open a case again, or take one up that waited.
    Reopen(Change),
    /// Give the customer's link to a case, and make it if there is none.
    Link {
        /// The case's number, or its id.
        case: String,
    },
    /// Revoke the customer's link to a case.
    Unlink {
        /// The case's number, or its id.
        case: String,
    },
    /// List the categories of cases.
    Categories,
    /// Make a category of cases, or change what is given; the rest stays as it is.
    #[command(
        after_help = "Example:\n  jackfield case category-set repair --title-zh 报修 --title-en Repair --hours 48 --remind-hours 4 --owner queue:repairs --escalate 0=agent:lead --escalate 24=outlet:head-office"
    )]
    CategorySet {
        /// The category's id.
        category: String,
        /// What customers are shown in Chinese; by default the id.
        #[arg(long)]
        title_zh: Option<String>,
        /// What customers are shown in English; by default the id.
        #[arg(long)]
        title_en: Option<String>,
        /// How many hours it takes, as a customer is promised.
        #[arg(long)]
        hours: Option<f64>,
        /// So many hours before the promised moment the owner is reminded.
        #[arg(long)]
        remind_hours: Option<f64>,
        /// Who sees to a case when nobody is named.
        #[arg(long)]
        owner: Option<String>,
        /// HOURS=OWNER: so many hours after a broken promise the case goes to this one; may be repeated.
        #[arg(long = "escalate", value_name = "HOURS=OWNER", value_parser = escalation)]
        escalation: Vec<Value>,
    },
    /// Remove a category of which no case is open or waiting.
    CategoryRemove {
        /// The category's id.
        category: String,
    },
    /// Give the customer of a conversation a link that helps: to a page, or with a settings file.
    #[command(
        after_help = "Examples:\n  jackfield case assist 019b76da-0000-7000-8000-000000000000 'Check your line' --to https://help.example/line-check\n  jackfield case assist 019b76da-0000-7000-8000-000000000000 'Mail settings' --file mail.mobileconfig --once\n  jackfield case assist 019b76da-0000-7000-8000-000000000000 'Check your line' --to https://help.example/line-check --channel sms"
    )]
    Assist {
        /// The interaction.
        interaction: String,
        /// What the customer is told that it is for.
        title: String,
        /// Where it leads, on a host that link settings allow.
        #[arg(
            long = "to",
            value_name = "ADDRESS",
            required_unless_present = "file",
            conflicts_with = "file"
        )]
        to: Option<String>,
        /// A file that the customer gets, at most 16 KiB.
        #[arg(long)]
        file: Option<std::path::PathBuf>,
        /// Good for one time only.
        #[arg(long)]
        once: bool,
        /// How many minutes it is good.
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        /// On a call: send it as a short message through this channel.
        #[arg(long)]
        channel: Option<String>,
        /// With --channel: to this number in place of the caller's.
        #[arg(long, requires = "channel")]
        number: Option<String>,
    },
    /// List the links that the customer of a conversation was given, and when each was opened and done.
    Assistances {
        /// The interaction.
        interaction: String,
    },
    /// Say where links for customers begin, and where they may lead.
    #[command(
        after_help = "Example:\n  jackfield case links --public-url https://cx.example --host help.example --host '*.shop.example'"
    )]
    Links {
        /// Where customers reach the server.
        #[arg(long, value_name = "ADDRESS")]
        public_url: Option<String>,
        /// A host to which links may lead; may be repeated; *.HOST for all below one.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Change {
    /// The case's number, or its id.
    case: String,
    /// Why.
    #[arg(long)]
    why: Option<String>,
}

fn ms(hours: f64) -> u64 {
    (hours * 3_600_000.0).round() as u64
}

fn escalation(text: &str) -> Result<Value, String> {
    let (hours, to) = text
        .split_once('=')
        .ok_or("expected HOURS=OWNER, for example 24=agent:lead")?;
    let hours: f64 = hours
        .parse()
        .map_err(|_| "expected a number of hours before the =")?;
    Ok(json!({"after_ms": ms(hours), "to": to}))
}

/// An object without the fields that were not given.
fn given(fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    fields
        .map(|(field, value)| ((*field).to_owned(), value.clone()))
        .collect()
}

/// What a file is, by its ending.
fn media_type(name: &str) -> Result<&'static str, Failure> {
    Ok(match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("mobileconfig") => "application/x-apple-aspen-config",
        Some("ovpn") => "application/x-openvpn-profile",
        Some("json") => "application/json",
        Some("txt" | "conf") => "text/plain",
        Some("vcf") => "text/vcard",
        Some("ics") => "text/calendar",
        _ => {
            let expected =
                "--file: expected one that ends in .mobileconfig, .ovpn, .json, .txt, .conf, .vcf or .ics";
            return Err(Failure::Usage(expected.into()));
        }
    })
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    let of = |case: &str, what: &str| path(&["cases", case, what]);
    let done = |out: &mut Output, answer: &Value, text: &str| {
        let number = &answer["number"];
        out.done(json, answer, &format!("case {number} {text}"))
    };
    let set = |out: &mut Output, change: &Change, status: &str| {
        let body = given(&[("status", json!(status)), ("why", json!(change.why))]);
        let answer = client.put(&of(&change.case, "status"), body)?;
        done(out, &answer, &format!("is {status}"))
    };
    match arguments.command {
        Command::List {
            status,
            owner,
            category,
            customer,
            due_before,
            limit,
        } => {
            let due_before = due_before.map(|at| at.to_string());
            let all = [
                ("status", status),
                ("owner", owner),
                ("category", category),
                ("customer", customer.map(id)),
                ("due_before", due_before),
            ];
            let all = all.into_iter().filter_map(|(field, value)| Some((field, value?)));
            let query: Vec<_> = all.collect();
            out.list(json, client.list(&path(&["cases"]), &query, limit)?, CASES)
        }
        Command::Show { case } => {
            let found = client.get(&path(&["cases", &case]))?;
            out.show(json, &found, CASE)?;
            for (part, columns) in [
                ("promises", PROMISES),
                ("hand_overs", HAND_OVERS),
                ("notes", NOTES),
            ] {
                let items = found[part].as_array().cloned().unwrap_or_default();
                if !json && !items.is_empty() {
                    out.line("")?;
                    out.list(false, items, columns)?;
                }
            }
            Ok(())
        }
        Command::Open {
            category,
            subject,
            customer,
            interaction,
            description,
            owner,
            promise_at,
        } => {
            let body = given(&[
                ("category", json!(category)),
                ("subject", json!(subject)),
                ("customer", json!(customer.map(id))),
                ("interaction", json!(interaction)),
                ("description", json!(description)),
                ("owner", json!(owner)),
                ("promise_at", json!(promise_at)),
            ]);
            let answer = client.post(&path(&["cases"]), Sent::Json(body))?;
            done(out, &answer, "is open")
        }
        Command::HandOver { case, to, why } => {
            let body = given(&[("to", json!(to)), ("why", json!(why))]);
            let answer = client.put(&of(&case, "owner"), body)?;
            done(out, &answer, &format!("is {to}'s"))
        }
        Command::Promise { case, due_at, why } => {
            let body = given(&[("due_at", json!(due_at)), ("why", json!(why))]);
            let answer = client.put(&of(&case, "promise"), body)?;
            done(out, &answer, "is promised for then")
        }
        Command::Note { case, text, visible } => {
            let body = json!({"text": text, "visible": visible});
            let answer = client.post(&of(&case, "notes"), Sent::Json(body))?;
            out.done(json, &answer, &format!("case {case} has one note more"))
        }
        Command::Wait(change) => set(out, &change, "waiting"),
        Command::Resolve(change) => set(out, &change, "resolved"),
        Command::Close(change) => set(out, &change, "closed"),
        Command::Reopen(change) => set(out, &change, "open"),
        Command::Link { case } => {
            let answer = client.put(&of(&case, "link"), json!({}))?;
            if json {
                return out.json(&answer);
            }
            out.line(answer["url"].as_str().unwrap_or_default())
        }
        Command::Unlink { case } => {
            let answer = client.delete(&of(&case, "link"))?;
            done(out, &answer, "has no link any more")
        }
        Command::Categories => {
            let all = client.all(&["case-categories"])?;
            out.list(json, all, CATEGORIES)
        }
        Command::CategorySet {
            category,
            title_zh,
            title_en,
            hours,
            remind_hours,
            owner,
            escalation,
        } => {
            let at = path(&["case-categories", &category]);
            let new = json!({"title_zh": category, "title_en": category, "promise_ms": 48 * 3_600_000});
            let (mut body, done) = known(&client, &at, &["id"], new)?;
            let steps = (!escalation.is_empty()).then(|| json!(escalation));
            put_in(
                &mut body,
                [
                    ("title_zh", title_zh.map(Value::from)),
                    ("title_en", title_en.map(Value::from)),
                    ("promise_ms", hours.map(|hours| json!(ms(hours)))),
                    ("remind_before_ms", remind_hours.map(|hours| json!(ms(hours)))),
                    ("owner", owner.map(Value::from)),
                    ("escalation", steps),
                ],
            );
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("category {category} {done}"))
        }
        Command::CategoryRemove { category } => {
            let answer = client.delete(&path(&["case-categories", &category]))?;
            out.done(json, &answer, &format!("category {category} is removed"))
        }
        Command::Assist {
            interaction,
            title,
            to,
            file,
            once,
            minutes,
            channel,
            number,
        } => {
            let file = file.map(|file| {
                let name = file
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| Failure::Usage(format!("--file: {}: {error}", file.display())))?;
                Ok::<_, Failure>(json!({"media_type": media_type(&name)?, "name": name, "text": text}))
            });
            let body = given(&[
                ("title", json!(title)),
                ("url", json!(to)),
                ("file", file.transpose()?.unwrap_or(Value::Null)),
                ("once", json!(once)),
                ("good_for_ms", json!(minutes.saturating_mul(60_000))),
                ("channel", json!(channel)),
                ("to", json!(number)),
            ]);
            let at = path(&["interactions", &interaction, "assistances"]);
            let answer = client.post(&at, Sent::Json(body))?;
            if json {
                return out.json(&answer);
            }
            let how = match (answer["message"].as_u64(), answer["notice"]["to"].as_str()) {
                (Some(number), _) => format!("sent with message {number}"),
                (None, Some(to)) => format!("on its way to {to}"),
                (None, None) => "to be read out".into(),
            };
            out.line(&format!(
                "{}  ({how})",
                answer["url"].as_str().unwrap_or_default()
            ))
        }
        Command::Assistances { interaction } => {
            let at = path(&["interactions", &interaction, "assistances"]);
            let page = client.get(&at)?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            out.list(json, items, ASSISTANCES)
        }
        Command::Links { public_url, hosts } => {
            let at = path(&["link-settings"]);
            let mut body = client.get(&at)?;
            if public_url.is_none() && hosts.is_empty() {
                return out.json(&body);
            }
            if let Some(url) = public_url {
                body["public_url"] = url.into();
            }
            if !hosts.is_empty() {
                body["assistance_hosts"] = hosts.into();
            }
            let answer = client.put(&at, body)?;
            out.done(json, &answer, "the link settings are kept")
        }
    }
}
