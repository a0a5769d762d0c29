//! `jackfield usage`

use serde_json::Value;

use super::client::{Client, Connection, path, with_query};
use super::failure::Failure;
use super::output::{BAD, Column, Output, QUIET};

const COLUMNS: &[Column] = &[
    ("TENANT", "/tenant"),
    ("SINCE", "/since"),
    ("USE", "/use"),
    ("POINT", "/point"),
    ("PLUGIN", "/plugin"),
    ("VERSION", "/version"),
    ("DECISIONS", "/decisions"),
    ("FAILED", "/failed"),
    ("REFUSED", "/refused"),
    ("FUEL", "/fuel"),
    ("MIB·MS", "/memory_mib_ms"),
    ("WALL µS", "/wall_us"),
];

/// Columns of the CSV file, with the names of the API.
const CSV: &[&str] = &[
    "tenant",
    "since",
    "use",
    "point",
    "kind",
    "plugin",
    "version",
    "decisions",
    "failed",
    "refused",
    "fuel",
    "memory_mib_ms",
    "wall_us",
];

/// What plugins used: decisions, fuel, memory·time. The operator sees all tenants, an administrator the own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield usage
  jackfield usage --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --csv > november.csv
  jackfield usage --tenant acme --step day --key-file jackfield-data/operator.key")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// From here on, rounded up to a full hour; by default 30 days before the end.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// Up to here, not included; by default now.
    #[arg(long, value_name = "TIME")]
    to: Option<jiff::Timestamp>,
    /// One row for the whole time, by UTC day, or by hour.
    #[arg(long, value_name = "STEP", default_value = "total", value_parser = ["total", "day", "hour"])]
    step: String,
    /// This tenant only.
    #[arg(long)]
    tenant: Option<String>,
    /// Print comma-separated values with a heading; times are RFC 3339.
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    csv: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> Result<(), Failure> {
    let client = Client::new(&arguments.connection)?;
    let mut query = vec![("step", arguments.step.clone())];
    for (name, time) in [("from", arguments.from), ("to", arguments.to)] {
        query.extend(time.map(|time| (name, time.as_millisecond().to_string())));
    }
    query.extend(arguments.tenant.clone().map(|tenant| ("tenant", tenant)));
    let (mut items, mut quotas) = (Vec::new(), Vec::new());
    let mut cursor: Option<String> = None;
    loop {
        let mut query = query.clone();
        query.push(("limit", "200".into()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let mut page = client.get(&with_query(&path(&["usage"]), &query))?;
        items.extend(taken(&mut page, "items"));
        for quota in taken(&mut page, "quotas") {
            // A tenant that goes over a page's end is told on both.
            if !quotas.contains(&quota) {
                quotas.push(quota);
            }
        }
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if arguments.connection.json {
        return out.json(&serde_json::json!({"items": items, "quotas": quotas}));
    }
    if arguments.csv {
        out.line(&CSV.join(","))?;
        return items.iter().try_for_each(|item| out.line(&csv_row(item)));
    }
    out.list(false, items, COLUMNS)?;
    for quota in quotas.iter().filter(|quota| quota["level"] != "ok") {
        let text = |field: &str| quota[field].as_str().unwrap_or_default().to_owned();
        let style = if quota["level"] == "exceeded" { BAD } else { QUIET };
        let level = out.paint(style, &text("level"));
        let (used, limit) = (&quota["used"], &quota["limit"]);
        out.line(&format!(
            "{level}  {} of {}: {used} of {limit}",
            text("quota"),
            text("tenant")
        ))?;
    }
    Ok(())
}

fn taken(page: &mut Value, list: &str) -> Vec<Value> {
    match page[list].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// One line of the file. What may hold a comma, a quote or what a spreadsheet takes for a formula stands in quotes.
fn csv_row(item: &Value) -> String {
    let cells = CSV.iter().map(|field| match &item[*field] {
        Value::Number(number) if *field == "since" => number
            .as_i64()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map_or_else(|| number.to_string(), |time| time.to_string()),
        Value::String(text)
            if text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c)) =>
        {
            text.clone()
        }
        Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        other => other.to_string(),
    });
    cells.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_the_file_is_plain_and_quoted_where_it_must_be() {
        let item = json!({
            "tenant": "acme", "since": 1_800_000_000_000_u64, "use": "live", "point": "number:+442079460100",
            "kind": "voice-flow", "plugin": "ivr-menu", "version": "1.0.0+a", "decisions": 3, "failed": 1,
            "refused": 0, "fuel": 9_007_199_254_740_993_u64, "memory_mib_ms": 2, "wall_us": 5, "failures": {},
        });
        assert_eq!(
            csv_row(&item),
            "acme,2027-01-15T08:00:00Z,live,\"number:+442079460100\",voice-flow,ivr-menu,\"1.0.0+a\",3,1,0,9007199254740993,2,5"
        );
    }
}
