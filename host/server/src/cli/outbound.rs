//! `jackfield outbound …`

use serde_json::json;

use super::client::{Client, Connection, Sent, path};
use super::failure::Failure;
use super::output::{BAD, GOOD, Output, time};

/// May somebody be contacted now?
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  jackfield outbound check +33612345678 --purpose sales --jurisdiction FR --consent given")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask the tenant's outbound rule about an attempt. Nothing is dialled.
    #[command(after_help = "Examples:
  jackfield outbound check +8613800138000 --purpose survey --consent given
  jackfield outbound check +13055550100 --purpose sales --jurisdiction US-FL --zone America/New_York --at 2026-01-05T20:30:00Z")]
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The number, E.164.
    number: String,
    /// sales, arrears, survey, requested-callback, service…
    #[arg(long)]
    purpose: String,
    /// voice, chat, sms, email or social.
    #[arg(long, default_value = "voice")]
    channel: String,
    /// ISO 3166, for example FR or US-FL; by default by the number's prefix.
    #[arg(long)]
    jurisdiction: Option<String>,
    /// given, refused or unknown.
    #[arg(long, default_value = "unknown")]
    consent: String,
    /// A time zone that the customer may be in; may be repeated; by default by the number's prefix.
    #[arg(long = "zone", value_name = "IANA")]
    zones: Vec<String>,
    /// A date that is a holiday there; may be repeated.
    #[arg(long = "holiday", value_name = "YYYY-MM-DD")]
    holidays: Vec<String>,
    /// The moment of the attempt, for example 2026-01-05T20:30:00Z; by default now.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let Command::Check(check) = arguments.command;
    let client = Client::new(&arguments.connection)?;
    let body = json!({
        "number": check.number,
        "purpose": check.purpose,
        "channel": check.channel,
        "jurisdiction": check.jurisdiction,
        "consent": check.consent,
        "zones": check.zones,
        "holidays": check.holidays,
        "at": check.at.map(jiff::Timestamp::as_millisecond),
    });
    let answer = client.post(&path(&["outbound", "checks"]), Sent::Json(body))?;
    if arguments.connection.json {
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
    match answer["failure"].as_object() {
        Some(_) => out.line(&format!(
            "no valid ruling: {} ({})",
            text("/failure/message"),
            text("/failure/code")
        )),
        None => out.line(&format!(
            "decided by {} {}",
            text("/by/plugin"),
            text("/by/version")
        )),
    }
}
