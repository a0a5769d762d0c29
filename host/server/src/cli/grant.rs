//! `jackfield plugin grant …`

use serde_json::json;

use super::client::{Client, path};
use super::failure::Failure;
use super::output::{Column, Output};

const FIELDS: &[Column] = &[
    ("plugin", "/plugin"),
    ("has", "/effective"),
    ("asks for", "/requested"),
    ("listed", "/listed"),
    ("platform allows", "/ceiling"),
    ("since", "/granted_at"),
    ("by", "/granted_by"),
    ("why", "/why"),
];

/// What a plugin may have.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin grant rfm-mood-tags                          show what it has
  jackfield plugin grant rfm-mood-tags cx:profile/customers     this, of what it asks for, and no more
  jackfield plugin grant rfm-mood-tags --none --why 'under review'
  jackfield plugin grant rfm-mood-tags --by-policy              what the tenant's policy says")]
pub(crate) struct Arguments {
    /// The plugin, in all its versions.
    plugin: String,
    /// What it may have, and no more.
    #[arg(value_name = "CAPABILITY")]
    capabilities: Vec<String>,
    /// It may have nothing.
    #[arg(long, conflicts_with = "capabilities")]
    none: bool,
    /// Forget what is listed: the policy of the tenant holds.
    #[arg(long, conflicts_with_all = ["capabilities", "none"])]
    by_policy: bool,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

pub(crate) fn run(
    arguments: Arguments,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let Arguments {
        plugin,
        capabilities,
        none,
        by_policy,
        why,
    } = arguments;
    let at = path(&["plugin-grants", &plugin]);
    if by_policy {
        client.delete(&at)?;
    } else if none || !capabilities.is_empty() {
        let answer = client.put(&at, json!({"capabilities": capabilities, "why": why}))?;
        return out.show(json, &answer, FIELDS);
    }
    out.show(json, &client.get(&at)?, FIELDS)
}
