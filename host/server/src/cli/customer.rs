//! `jackfield customer …`

use serde_json::{Map, Value, json};

use super::client::{Client, Connection, Sent, path, with_query};
use super::failure::Failure;
use super::output::{Column, Output, QUIET, time};
use super::{customer_import, customer_settings};

const COLUMNS: &[Column] = &[
    ("CUSTOMER", "/id"),
    ("NAME", "/name"),
    ("IDENTITIES", "/identities"),
    ("CALLS", "/interactions"),
    ("LAST SEEN", "/last_seen_at"),
    ("LAST AGENT", "/last_agent"),
];
const FIELDS: &[Column] = &[
    ("customer", "/id"),
    ("name", "/name"),
    ("identities", "/identities"),
    ("language", "/language"),
    ("calls", "/interactions"),
    ("first seen", "/first_seen_at"),
    ("last seen", "/last_seen_at"),
    ("last agent", "/last_agent"),
    ("attributes", "/attributes"),
    ("products", "/relationship/products"),
    ("manager", "/relationship/account_manager"),
    ("customer since", "/relationship/since"),
    ("prefers", "/preferences/channel"),
    ("links", "/links"),
    ("consents", "/consents"),
    ("merged", "/merged"),
];

const MATCHES: &[Column] = &[
    ("CUSTOMER", "/customer"),
    ("OTHER", "/other"),
    ("NAME", "/name"),
    ("SHARED", "/shared"),
];

/// Customers: who they are on every channel, and what is known of them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A customer is named by id, or by an address: tel:+8613800138000, email:li@example.com,
wechat:OPENID, chat:VISITOR, crm:ID. A number alone will do.

Examples:
  jackfield customer create --name 'Li Lei' --identity tel:+8613800138000 --set tier=gold
  jackfield customer show +8613800138000
  jackfield customer timeline email:li@example.com
  jackfield customer merge email:li@example.com +8613800138000 --why 'gave the number by mail'
  jackfield customer erase-decisions tel:+8613800138000"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the customers.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Show one customer with tags and the reasons for them.
    Show {
        /// The customer.
        customer: String,
    },
    /// Make a customer; refused when an address is somebody's already.
    Create {
        /// An address, for example tel:+8613800138000; may be repeated.
        #[arg(long = "identity", value_name = "ADDRESS")]
        identities: Vec<String>,
        #[command(flatten)]
        profile: Profile,
    },
    /// Change fields of a customer; what isn't given stays.
    #[command(
        after_help = "Example:\n  jackfield customer set +8613800138000 --name 'Li Lei' --set tier=gold --unset birthday"
    )]
    Set {
        /// The customer.
        customer: String,
        #[command(flatten)]
        profile: Profile,
        /// An attribute to be taken away; may be repeated.
        #[arg(long = "unset", value_name = "ATTRIBUTE")]
        unset: Vec<String>,
    },
    /// Give a customer an address.
    AddIdentity {
        /// The customer.
        customer: String,
        /// The address, for example email:li@example.com.
        identity: String,
    },
    /// Take an address away; who gets in touch by it next becomes another customer.
    RemoveIdentity {
        /// The customer.
        customer: String,
        /// The address.
        identity: String,
    },
    /// Show what happened with a customer, on whatever channel, newest first.
    Timeline {
        /// The customer.
        customer: String,
        /// Only of these kinds: interaction, survey, evaluation, tags, note, consent, intent, profile, merged, unmerged.
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Write a note about a customer.
    Note {
        /// The customer.
        customer: String,
        /// The text.
        text: String,
    },
    /// Record what a customer said to being contacted for a purpose.
    #[command(
        after_help = "Example:\n  jackfield customer consent +8613800138000 sales --channel voice --granted --source web-form"
    )]
    Consent(Consent),
    /// Record that a customer wants to buy something.
    Intent {
        /// The customer.
        customer: String,
        /// What.
        product: String,
        /// How sure that is, 0 to 100.
        #[arg(long, default_value_t = 50)]
        confidence: u8,
        /// How much it would be, in the minor unit of the currency.
        #[arg(long)]
        value: Option<u64>,
        /// How it was seen.
        #[arg(long)]
        note: Option<String>,
    },
    /// Link two customers of a household or firm.
    Link {
        /// The customer.
        customer: String,
        /// The other one.
        other: String,
        /// household, firm, guardian…
        #[arg(long, default_value = "household")]
        kind: String,
    },
    /// Take a link away.
    Unlink {
        /// The customer.
        customer: String,
        /// The other one.
        other: String,
    },
    /// Merge a customer into another; nothing moves, so it can be taken back.
    Merge {
        /// Who stays.
        customer: String,
        /// Who is merged into it.
        other: String,
        /// Why, for people.
        #[arg(long)]
        why: Option<String>,
    },
    /// Take a merge back.
    Unmerge {
        /// Who stayed.
        customer: String,
        /// The id of who was merged into it.
        other: String,
    },
    /// Erase the recorded plugin decisions that concern a customer, the attempts to reach the number, and the answers kept
    /// for idempotency keys that name it; the journal says that it was done.
    #[command(after_help = "Example:\n  jackfield customer erase-decisions tel:+8613800138000")]
    EraseDecisions {
        /// The customer.
        customer: String,
    },
    /// Import customers from a file.
    Import(customer_import::Import),
    /// List customers of one name who share something more, so that they may be one.
    Matches {
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Say that two customers are two; they are not listed as a match again.
    Distinct {
        /// The customer.
        customer: String,
        /// The other one.
        other: String,
    },
    /// Export everything that is kept of a customer, as one JSON document.
    Export {
        /// The customer.
        customer: String,
    },
    /// Erase a customer: profile, timeline, cases, recordings, attachments, and what the journal holds of the person. It
    /// can't be taken back.
    #[command(
        after_help = "Example:\n  jackfield customer export +8613800138000 > li.json\n  jackfield customer erase +8613800138000 --yes"
    )]
    Erase {
        /// The customer.
        customer: String,
        /// That it is meant.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Attributes that customers can have.
    #[command(subcommand)]
    Attribute(customer_settings::Attribute),
    /// How customers are treated.
    #[command(subcommand)]
    Settings(customer_settings::Settings),
}

#[derive(Debug, clap::Args)]
struct Profile {
    /// The name.
    #[arg(long)]
    name: Option<String>,
    /// The preferred language, for example zh-CN.
    #[arg(long)]
    language: Option<String>,
    /// An attribute; may be repeated. 12.5, true and false are taken for a number and truth values.
    #[arg(long = "set", value_name = "ATTRIBUTE=VALUE", value_parser = attribute)]
    attributes: Vec<(String, Value)>,
}

#[derive(Debug, clap::Args)]
struct Consent {
    /// The customer.
    customer: String,
    /// For what: sales, survey…
    purpose: String,
    /// voice, chat, sms, email or social; by default all.
    #[arg(long)]
    channel: Option<String>,
    /// It was given.
    #[arg(long, conflicts_with = "refused", required_unless_present = "refused")]
    granted: bool,
    /// It was refused or withdrawn.
    #[arg(long)]
    refused: bool,
    /// Where it was said: call, web-form, contract…
    #[arg(long)]
    source: String,
    /// What shows it.
    #[arg(long)]
    proof: Option<String>,
    /// When it was said; by default now.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// When it ends; by default when it is withdrawn.
    #[arg(long, value_name = "TIME")]
    expires: Option<jiff::Timestamp>,
}

fn attribute(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected ATTRIBUTE=VALUE, for example tier=gold")?;
    let plain = serde_json::from_str::<Value>(value).ok();
    let value = plain
        .filter(|value| value.is_number() || value.is_boolean())
        .unwrap_or_else(|| value.into());
    Ok((key.to_owned(), value))
}

impl Profile {
    fn body(self) -> Map<String, Value> {
        let mut body = Map::new();
        body.extend(self.name.map(|name| ("name".to_owned(), name.into())));
        body.extend(
            self.language
                .map(|language| ("language".to_owned(), language.into())),
        );
        body.insert(
            "attributes".into(),
            self.attributes.into_iter().collect::<Map<_, _>>().into(),
        );
        body
    }
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    let at = |customer: String, rest: &[&str]| {
        let customer = id(customer);
        path(&[&["customers", &customer], rest].concat())
    };
    let (answer, done) = match arguments.command {
        Command::List { limit } => {
            return out.list(json, client.list(&path(&["customers"]), &[], limit)?, COLUMNS);
        }
        Command::Show { customer } => {
            let found = client.get(&at(customer, &[]))?;
            out.show(json, &found, FIELDS)?;
            return if json { Ok(()) } else { tags(&found, out) };
        }
        Command::Timeline {
            customer,
            kinds,
            limit,
        } => {
            let query = [("kinds", kinds.join(","))];
            let items = client.list(&at(customer, &["timeline"]), &query, limit)?;
            return timeline(json, items, out);
        }
        Command::Attribute(command) => return customer_settings::attribute(command, &client, json, out),
        Command::Settings(command) => return customer_settings::settings(command, &client, json, out),
        Command::EraseDecisions { customer } => {
            let erased = client.delete(&at(customer, &["decisions"]))?;
            let done = format!(
                "{} recorded decisions, {} attempts and {} kept answers about {} are erased",
                erased["decisions"],
                erased["attempts"],
                erased["answers"],
                erased["customer"].as_str().unwrap_or_default()
            );
            (erased, done)
        }
        Command::Import(import) => return customer_import::run(import, &client, json, out),
        Command::Matches { limit } => {
            let found = client.list(&path(&["customer-matches"]), &[], limit)?;
            return out.list(json, found, MATCHES);
        }
        Command::Distinct { customer, other } => {
            let answer = client.put(&at(customer, &["distinct", &id(other)]), json!({}))?;
            (answer, "the customers are two".into())
        }
        Command::Export { customer } => return export(&client, &at(customer, &["export"]), out),
        Command::Erase { customer, yes: _ } => {
            let erased = client.delete(&at(customer, &[]))?;
            let done = format!(
                "erased: {} customers, {} entries, {} recordings, {} attachments, {} decisions, {} attempts, {} kept answers",
                erased["customers"],
                erased["timeline"],
                erased["recordings"],
                erased["attachments"],
                erased["decisions"],
                erased["attempts"],
                erased["answers"]
            );
            (erased, done)
        }
        Command::Create { identities, profile } => {
            let mut body = profile.body();
            let identities: Vec<_> = identities.into_iter().map(id).collect();
            body.insert("identities".into(), identities.into());
            let made = client.post(&path(&["customers"]), Sent::Json(body.into()))?;
            let done = format!("customer {} is made", made["id"].as_str().unwrap_or_default());
            (made, done)
        }
        Command::Set {
            customer,
            profile,
            unset,
        } => {
            let mut body = profile.body();
            if let Some(Value::Object(attributes)) = body.get_mut("attributes") {
                attributes.extend(unset.into_iter().map(|key| (key, Value::Null)));
            }
            let kept = client.patch(&at(customer, &[]), body.into())?;
            (kept, "the customer is kept".into())
        }
        Command::AddIdentity { customer, identity } => {
            let kept = client.put(&at(customer, &["identities", &id(identity)]), json!({}))?;
            (kept, "the customer has the address".into())
        }
        Command::RemoveIdentity { customer, identity } => {
            let kept = client.delete(&at(customer, &["identities", &id(identity)]))?;
            (kept, "the customer has the address no longer".into())
        }
        Command::Note { customer, text } => {
            let body = Sent::Json(json!({ "text": text }));
            let answer = client.post(&at(customer, &["notes"]), body)?;
            (answer, "the note is kept".into())
        }
        Command::Consent(consent) => {
            let body = json!({
                "purpose": consent.purpose, "channel": consent.channel, "granted": consent.granted, "source": consent.source,
                "proof": consent.proof, "from": consent.from.map(jiff::Timestamp::as_millisecond),
                "expires_at": consent.expires.map(jiff::Timestamp::as_millisecond),
            });
            let answer = client.post(&at(consent.customer, &["consents"]), Sent::Json(body))?;
            (answer, "what the customer said is kept".into())
        }
        Command::Intent {
            customer,
            product,
            confidence,
            value,
            note,
        } => {
            let body = json!({"product": product, "confidence": confidence, "value": value, "note": note});
            let answer = client.post(&at(customer, &["intents"]), Sent::Json(body))?;
            (answer, "the intent is kept".into())
        }
        Command::Link {
            customer,
            other,
            kind,
        } => {
            let answer = client.put(&at(customer, &["links", &id(other)]), json!({ "kind": kind }))?;
            (answer, "the customers are linked".into())
        }
        Command::Unlink { customer, other } => {
            let answer = client.delete(&at(customer, &["links", &id(other)]))?;
            (answer, "the customers are no longer linked".into())
        }
        Command::Merge { customer, other, why } => {
            let answer = client.put(&at(customer, &["merged", &id(other)]), json!({ "why": why }))?;
            (answer, "the customers are one".into())
        }
        Command::Unmerge { customer, other } => {
            let answer = client.delete(&at(customer, &["merged", &id(other)]))?;
            (answer, "the merge is taken back".into())
        }
    };
    out.done(json, &answer, &done)
}

/// A number alone stands for its customer.
pub(super) fn id(customer: String) -> String {
    if customer.starts_with('+') {
        format!("tel:{customer}")
    } else {
        customer
    }
}

/// All parts as one.
fn export(client: &Client, path: &str, out: &mut Output) -> Result<(), Failure> {
    let mut whole = client.get(path)?;
    while let Some(next) = whole["next"].as_str().map(str::to_owned) {
        let mut part = client.get(&with_query(path, &[("cursor", next)]))?;
        for list in ["timeline", "interactions"] {
            if let (Some(all), Some(more)) = (whole[list].as_array_mut(), part[list].as_array_mut()) {
                all.append(more);
            }
        }
        whole["next"] = part["next"].take();
    }
    if let Some(whole) = whole.as_object_mut() {
        whole.remove("next");
    }
    out.json(&whole)
}

fn timeline(json: bool, items: Vec<Value>, out: &mut Output) -> Result<(), Failure> {
    if json {
        return out.json(&Value::Array(items));
    }
    for item in items {
        let mut rest = item.as_object().cloned().unwrap_or_default();
        let at = rest.remove("at").and_then(|at| at.as_u64()).unwrap_or_default();
        let kind = rest.remove("kind").unwrap_or_default();
        rest.retain(|_, value| !value.is_null());
        let line = format!("{}  {:11} ", time(at), kind.as_str().unwrap_or_default());
        out.line(&format!(
            "{line}{}",
            out.paint(QUIET, &Value::Object(rest).to_string())
        ))?;
    }
    Ok(())
}

fn tags(customer: &Value, out: &mut Output) -> Result<(), Failure> {
    for tag in customer["tags"].as_array().into_iter().flatten() {
        let text = |field: &str| tag[field].as_str().unwrap_or_default();
        let until = tag["expires_at"]
            .as_u64()
            .map(|at| format!(", until {}", time(at)))
            .unwrap_or_default();
        let more = out.paint(
            QUIET,
            &format!(
                "{}%{until}, by {}: {}",
                tag["confidence"],
                text("by"),
                text("reason")
            ),
        );
        out.line(&format!("  {}  {more}", text("name")))?;
    }
    Ok(())
}
