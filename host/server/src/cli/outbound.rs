//! `jackfield outbound …`

use serde_json::{Value, json};

use super::client::{Client, Connection, Sent, path, with_query};
use super::failure::Failure;
use super::output::{BAD, Column, GOOD, Output, time};

const ATTEMPTS: &[Column] = &[
    ("AT", "/at"),
    ("CHANNEL", "/channel"),
    ("OUTCOME", "/outcome"),
    ("CAMPAIGN", "/campaign"),
    ("BY", "/reported_by"),
];

/// May somebody be contacted now? And what was tried.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield outbound check +33612345678 --purpose sales --campaign spring --consent given
  jackfield outbound report +33612345678 --purpose sales --campaign spring --outcome unanswered
  jackfield outbound attempts +33612345678 --purpose sales")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask the campaign's outbound rules about an attempt, then the tenant's. Nothing is dialled.
    #[command(after_help = "Examples:
  jackfield outbound check +8613800138000 --purpose survey --campaign spring --consent given
  jackfield outbound check +8613800138000 --purpose arrears --attempt 2026-01-05T09:30:00Z=unanswered
  jackfield outbound check +13055550100 --purpose sales --jurisdiction US-FL --zone America/New_York --at 2026-01-05T20:30:00Z")]
    Check(Check),
    /// Report an attempt that was made: outbound rules are told of it for 90 days, so that caps hold.
    #[command(after_help = "Example:
  jackfield outbound report +8613800138000 --purpose arrears --campaign spring --outcome unanswered")]
    Report {
        /// The number, E.164.
        number: String,
        /// As it is checked: sales, arrears, survey, requested-callback, service…
        #[arg(long)]
        purpose: String,
        /// unanswered, conversation, abandoned or failed.
        #[arg(long)]
        outcome: String,
        /// The campaign that it belonged to.
        #[arg(long)]
        campaign: Option<String>,
        /// voice, chat, sms, email or social.
        #[arg(long, default_value = "voice")]
        channel: String,
        /// When, for example 2026-01-05T20:30:00Z; by default now.
        #[arg(long, value_name = "TIME")]
        at: Option<jiff::Timestamp>,
    },
    /// List the attempts that are kept of a number, newest first.
    #[command(after_help = "Example:\n  jackfield outbound attempts +8613800138000 --purpose arrears")]
    Attempts {
        /// The number, E.164.
        number: String,
        /// What for.
        #[arg(long)]
        purpose: String,
    },
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The number, E.164.
    number: String,
    /// sales, arrears, survey, requested-callback, service…
    #[arg(long)]
    purpose: String,
    /// The campaign whose rules are asked before the tenant's.
    #[arg(long)]
    campaign: Option<String>,
    /// voice, chat, sms, email or social.
    #[arg(long, default_value = "voice")]
    channel: String,
    /// ISO 3166, for example FR or US-FL; by default by the number's prefix.
    #[arg(long)]
    jurisdiction: Option<String>,
    /// given, refused or unknown; by default what the customer's profile says.
    #[arg(long)]
    consent: Option<String>,
    /// A time zone that the customer may be in; may be repeated; by default by the number's prefix.
    #[arg(long = "zone", value_name = "IANA")]
    zones: Vec<String>,
    /// A date that is a holiday there; may be repeated.
    #[arg(long = "holiday", value_name = "YYYY-MM-DD")]
    holidays: Vec<String>,
    /// The moment of the attempt, for example 2026-01-05T20:30:00Z; by default now.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// An earlier attempt on this channel: unanswered, conversation, abandoned or failed; may be repeated.
    #[arg(long = "attempt", value_name = "TIME=OUTCOME", value_parser = attempt)]
    attempts: Vec<(jiff::Timestamp, String)>,
}

fn attempt(text: &str) -> Result<(jiff::Timestamp, String), String> {
    let expected = || "expected TIME=OUTCOME, for example 2026-01-05T09:30:00Z=unanswered".to_owned();
    let (at, outcome) = text.split_once('=').ok_or_else(expected)?;
    let at = at.parse().map_err(|error| format!("{error}; {}", expected()))?;
    Ok((at, outcome.to_owned()))
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection)?;
    let json = arguments.connection.json;
    let check = match arguments.command {
        Command::Check(check) => check,
        Command::Report {
            number,
            purpose,
            outcome,
            campaign,
            channel,
            at,
        } => {
            let body = json!({
                "number": number, "purpose": purpose, "outcome": outcome, "campaign": campaign, "channel": channel,
                "at": at.map(jiff::Timestamp::as_millisecond),
            });
            let answer = client.post(&path(&["outbound", "attempts"]), Sent::Json(body))?;
            return out.done(json, &answer, &format!("the attempt to reach {number} is kept"));
        }
        Command::Attempts { number, purpose } => {
            let query = [("number", number), ("purpose", purpose)];
            let answer = client.get(&with_query(&path(&["outbound", "attempts"]), &query))?;
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            return out.list(json, items, ATTEMPTS);
        }
    };
    let attempts = check.attempts.iter().map(
        |(at, outcome)| json!({"at": at.as_millisecond(), "channel": check.channel, "outcome": outcome}),
    );
    let body = json!({
        "attempts": attempts.collect::<Vec<_>>(),
        "number": check.number,
        "purpose": check.purpose,
        "campaign": check.campaign,
        "channel": check.channel,
        "jurisdiction": check.jurisdiction,
        "consent": check.consent,
        "zones": check.zones,
        "holidays": check.holidays,
        "at": check.at.map(jiff::Timestamp::as_millisecond),
    });
    let answer = client.post(&path(&["outbound", "checks"]), Sent::Json(body))?;
    if json {
        return out.json(&answer);
    }
    let text = |at: &str| {
        answer
            .pointer(at)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
    };
    let verdict = text("/verdict");
    let style = if verdict == "allow" { GOOD } else { BAD };
    let channel = answer["channel"]
        .as_str()
        .map(|channel| format!(" by {channel}"))
        .unwrap_or_default();
    out.line(&format!(
        "{}{channel}: {}",
        out.paint(style, verdict),
        text("/reason")
    ))?;
    if let Some(at) = answer["next_permitted_at"].as_u64() {
        out.line(&format!("permitted from {}", time(at)))?;
    }
    let rules = answer["rules"].as_array().map_or(&[][..], Vec::as_slice);
    if rules.is_empty() {
        return out.line("no rule is bound; bind one at tenant:outbound-rule or campaign:ID:outbound-rule:1");
    }
    for rule in rules {
        let text = |at: &str| rule.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let said = match rule["failure"].as_object() {
            Some(_) => format!(
                "no valid ruling: {} ({})",
                text("/failure/message"),
                text("/failure/code")
            ),
            None => format!(
                "{} ({}), by {} {}",
                text("/ruling/verdict"),
                text("/ruling/reason"),
                text("/by/plugin"),
                text("/by/version")
            ),
        };
        out.line(&format!("  {}: {said}", text("/point")))?;
    }
    Ok(())
}
