//! `jackfield knowledge …`

use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path, with_query};
use super::failure::Failure;
use super::knowledge_import;
use super::output::{Column, Output};

const ARTICLES: &[Column] = &[
    ("ARTICLE", "/id"),
    ("TITLE", "/version/title"),
    ("LANGUAGE", "/version/language"),
    ("LATEST", "/version/number"),
    ("STATE", "/version/state"),
    ("IN FORCE", "/live"),
    ("SHOWN", "/uses/shown"),
    ("USED", "/uses/used"),
    ("HELPFUL", "/uses/helpful"),
    ("UNHELPFUL", "/uses/unhelpful"),
];
const ARTICLE: &[Column] = &[
    ("Article", "/id"),
    ("Title", "/version/title"),
    ("Language", "/version/language"),
    ("Category", "/version/category"),
    ("Version", "/version/number"),
    ("State", "/version/state"),
    ("In force", "/live"),
    ("Written by", "/version/written/by"),
    ("Text", "/version/body"),
];
const VERSIONS: &[Column] = &[
    ("VERSION", "/number"),
    ("STATE", "/state"),
    ("TITLE", "/title"),
    ("WRITTEN BY", "/written/by"),
    ("REVIEWED BY", "/reviewed/by"),
    ("APPROVED BY", "/approved/by"),
];

/// The knowledge base: articles, their approval, and finding them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield knowledge import ./handbook --language zh-CN --audience agents --audience bots --approve
  jackfield knowledge search '怎么退款'
  jackfield knowledge set refunds --title Refunds --file refunds.md
  jackfield knowledge review refunds && jackfield knowledge approve refunds")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the articles with their latest versions.
    List,
    /// Show an article.
    Show {
        /// The article's id.
        article: String,
    },
    /// Find approved and valid articles, and shared reply templates.
    Search {
        /// Words in any language.
        text: String,
        /// Who looks: agents, bots or customers.
        #[arg(long, default_value = "agents")]
        audience: String,
        /// In conversations of this queue.
        #[arg(long)]
        queue: Option<String>,
        /// In this language only.
        #[arg(long)]
        language: Option<String>,
        /// At most so many, 1 to 20.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Write a new version of an article, a draft; makes the article when there is none.
    Set {
        /// The article's id.
        article: String,
        /// Its title.
        #[arg(long)]
        title: String,
        /// The file with its text, Markdown or plain.
        #[arg(long)]
        file: PathBuf,
        #[command(flatten)]
        meant: Meant,
    },
    /// Import a folder of Markdown files, each an article; what has not changed is left as it is.
    #[command(after_help = knowledge_import::HELP)]
    Import {
        /// The folder; its folders too.
        folder: PathBuf,
        #[command(flatten)]
        meant: Meant,
        /// Review and approve what is new, too; where four eyes are wanted, somebody else has to.
        #[arg(long)]
        approve: bool,
    },
    /// List the versions of an article.
    Versions {
        /// The article's id.
        article: String,
    },
    /// Say that a draft was read and is right.
    Review(Judged),
    /// Put a reviewed version in force, in place of the one before.
    Approve(Judged),
    /// Take an article out of force.
    Withdraw {
        /// The article's id.
        article: String,
    },
    /// Remove an article with all its versions.
    Remove {
        /// The article's id.
        article: String,
    },
    /// Show how knowledge is kept, or set it.
    Settings {
        /// Whether who wrote a version may neither review nor approve it.
        #[arg(long, value_name = "TRUE|FALSE")]
        four_eyes: Option<bool>,
    },
}

/// For whom articles are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Meant {
    /// BCP 47, for example zh-CN.
    #[arg(long, default_value = "en")]
    pub(super) language: String,
    /// Who finds it: agents, bots, customers; may be repeated.
    #[arg(long = "audience", default_value = "agents")]
    pub(super) audience: Vec<String>,
    /// In whose conversations alone it is found; may be repeated.
    #[arg(long = "queue")]
    pub(super) queues: Vec<String>,
    /// What it belongs to.
    #[arg(long)]
    pub(super) category: Option<String>,
    /// Another word that it is to be found by; may be repeated.
    #[arg(long = "keyword")]
    pub(super) keywords: Vec<String>,
}

impl Meant {
    pub(super) fn article(&self, title: &str, text: &str) -> Value {
        let mut body = json!({
            "title": title, "body": text, "language": self.language, "audience": self.audience,
            "queues": self.queues, "keywords": self.keywords,
        });
        if let Some(category) = &self.category {
            body["category"] = category.as_str().into();
        }
        body
    }
}

#[derive(Debug, clap::Args)]
struct Judged {
    /// The article's id.
    article: String,
    /// Which version; by default the latest.
    #[arg(long = "number", value_name = "VERSION")]
    number: Option<u64>,
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["articles"])?, ARTICLES),
        Command::Show { article } => out.show(json, &client.get(&path(&["articles", &article]))?, ARTICLE),
        Command::Search {
            text,
            audience,
            queue,
            language,
            limit,
        } => {
            let mut query = vec![("q", text), ("audience", audience), ("limit", limit.to_string())];
            query.extend(queue.map(|queue| ("queue", queue)));
            query.extend(language.map(|language| ("language", language)));
            let found = client.get(&with_query(&path(&["knowledge", "search"]), &query))?;
            let items = found["items"].as_array().cloned().unwrap_or_default();
            if json {
                return out.json(&Value::Array(items));
            }
            if items.is_empty() {
                return out.line("nothing fits");
            }
            for item in &items {
                let (id, title) = (item["id"].as_str(), pieces(&item["title_pieces"]));
                out.line(&format!("{}  {title}", id.unwrap_or_default()))?;
                out.line(&format!("    {}", pieces(&item["passage"]).replace('\n', " ")))?;
            }
            Ok(())
        }
        Command::Set {
            article,
            title,
            file,
            meant,
        } => {
            let text = knowledge_import::read(&file)?;
            let answer = client.put(&path(&["articles", &article]), meant.article(&title, &text))?;
            let number = &answer["version"]["number"];
            out.done(
                json,
                &answer,
                &format!("version {number} of {article} is written, a draft"),
            )
        }
        Command::Import {
            folder,
            meant,
            approve,
        } => knowledge_import::run(&client, &folder, &meant, approve, json, out),
        Command::Versions { article } => {
            let versions = client.all(&["articles", &article, "versions"])?;
            out.list(json, versions, VERSIONS)
        }
        Command::Review(judged) => judge(&client, &judged, "review", json, out),
        Command::Approve(judged) => judge(&client, &judged, "approve", json, out),
        Command::Withdraw { article } => {
            let answer = client.post(&path(&["articles", &article, "withdraw"]), Sent::Json(json!({})))?;
            out.done(json, &answer, &format!("{article} is found no longer"))
        }
        Command::Remove { article } => {
            let answer = client.delete(&path(&["articles", &article]))?;
            out.done(json, &answer, &format!("{article} is removed"))
        }
        Command::Settings { four_eyes } => {
            let at = path(&["knowledge-settings"]);
            let settings = match four_eyes {
                Some(four_eyes) => client.put(&at, json!({ "four_eyes": four_eyes }))?,
                None => client.get(&at)?,
            };
            out.show(json, &settings, &[("Four eyes", "/four_eyes")])
        }
    }
}

fn judge(
    client: &Client,
    judged: &Judged,
    verdict: &str,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let article = &judged.article;
    let number = match judged.number {
        Some(number) => number,
        None => {
            let latest = client.get(&path(&["articles", article]))?;
            latest["version"]["number"].as_u64().unwrap_or_default()
        }
    };
    let answer = knowledge_import::judge(client, article, number, verdict)?;
    let state = answer["state"].as_str().unwrap_or_default();
    out.done(
        json,
        &answer,
        &format!("version {number} of {article} is {state}"),
    )
}

/// Pieces with what was looked for between brackets.
fn pieces(pieces: &Value) -> String {
    let piece = |piece: &Value| {
        let text = piece["text"].as_str().unwrap_or_default();
        if piece["hit"] == true {
            format!("[{text}]")
        } else {
            text.to_owned()
        }
    };
    pieces.as_array().into_iter().flatten().map(piece).collect()
}
