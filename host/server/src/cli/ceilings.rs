//! `jackfield tenant ceilings …`

use serde_json::Value;

use super::client::{Client, path};
use super::failure::Failure;
use super::output::Output;
use super::tenant::limit;

const FIELDS: [(&str, &str); 3] = [
    ("fuel", "fuel"),
    ("processor ms", "wall_ms"),
    ("memory bytes", "memory_bytes"),
];

/// What is to be shown or changed.
#[derive(Debug, clap::Args)]
pub(super) struct Ceilings {
    /// The tenant's id.
    tenant: String,
    /// The kind of plugin, for example routing-strategy.
    kind: Option<String>,
    /// Fuel of a decision, or none for the kind's own ceiling.
    #[arg(long, value_name = "N", value_parser = limit, requires = "kind")]
    fuel: Option<Value>,
    /// Milliseconds of processor time of a decision, or none.
    #[arg(long, value_name = "N", value_parser = limit, requires = "kind")]
    wall_ms: Option<Value>,
    /// Bytes of memory of a decision, or none.
    #[arg(long, value_name = "N", value_parser = limit, requires = "kind")]
    memory_bytes: Option<Value>,
}

pub(super) fn run(wanted: Ceilings, client: &Client, json: bool, out: &mut Output) -> Result<(), Failure> {
    let path = path(&["tenants", &wanted.tenant, "ceilings"]);
    let mut lowered = client.get(&path)?;
    let changes = [
        ("fuel", wanted.fuel),
        ("wall_ms", wanted.wall_ms),
        ("memory_bytes", wanted.memory_bytes),
    ];
    if let Some(kind) = wanted.kind.as_deref()
        && changes.iter().any(|(_, value)| value.is_some())
    {
        for (field, value) in changes {
            if let Some(value) = value {
                lowered["kinds"][kind][field] = value;
            }
        }
        lowered = client.put(&path, lowered)?;
    }
    if let Some(kind) = &wanted.kind
        && let Some(kinds) = lowered["kinds"].as_object_mut()
    {
        kinds.retain(|known, _| known == kind);
    }
    if json {
        return out.json(&lowered);
    }
    let kinds = lowered["kinds"].as_object().cloned().unwrap_or_default();
    if kinds.is_empty() {
        return out.line("no ceiling is lowered: those of the kinds hold");
    }
    for (kind, ceilings) in kinds {
        for (name, at) in FIELDS {
            let value = match &ceilings[at] {
                Value::Null => "of the kind".to_owned(),
                value => value.to_string(),
            };
            out.line(&format!("{kind:18}  {name:12}  {value}"))?;
        }
    }
    Ok(())
}
