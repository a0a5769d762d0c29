//! `jackfield plugin publish`

use std::path::PathBuf;

use jackfield_registry::PublisherKey;
use jackfield_sandbox::{Manifest, Sandbox};
use jackfield_types::{Digest, PluginKind};
use serde_json::json;

use super::super::client::{Client, Sent, path};
use super::super::failure::Failure;
use super::super::output::Output;
use super::super::sign;
use super::subject::Subject;

/// Publish a plugin.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield plugin keygen publisher.key          once
  jackfield plugin publish --with publisher.key
  jackfield plugin publish my-routing.wasm       unsigned: refused unless the tenant allows it")]
pub(crate) struct Arguments {
    /// The plugin's folder, or a component.
    #[arg(default_value = ".", value_name = "DIR|WASM")]
    plugin: PathBuf,
    /// The publisher's secret key; without it the signature beside the component is sent, if there is one.
    #[arg(long, value_name = "KEYFILE")]
    with: Option<PathBuf>,
}

pub(super) fn run(
    arguments: &Arguments,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let subject = Subject::of(&arguments.plugin)?;
    let manifest = Sandbox::inspect(&subject.wasm)
        .map_err(|error| Failure::Work(format!("{}: {error}", subject.path.display())))?;
    let beside = sign::beside(&subject.path);
    let signature = match &arguments.with {
        Some(file) => {
            let key: PublisherKey = sign::parse(file)?;
            let signature = key.sign(&manifest, Digest::of(&subject.wasm)).to_string();
            std::fs::write(&beside, format!("{signature}\n"))?;
            Some(signature)
        }
        None if beside.is_file() => Some(String::from_utf8_lossy(&sign::read(&beside)?).trim().to_owned()),
        None => None,
    };
    super::say("uploading; the server checks and compiles it");
    let answer = client.post(&path(&["plugins"]), Sent::Wasm(subject.wasm, signature))?;
    let next = next(&manifest);
    if json {
        return out.json(&json!({"published": answer, "next": next}));
    }
    let signed = answer.pointer("/signed_by/name").and_then(|name| name.as_str());
    let signed = signed.map_or_else(|| ", unsigned".to_owned(), |name| format!(", signed by {name}"));
    let (plugin, version) = (&manifest.id, &manifest.version);
    out.done(
        false,
        &answer,
        &format!("{plugin}@{version} is published{signed}"),
    )?;
    next.iter()
        .try_for_each(|command| out.line(&format!("  next: {command}")))
}

/// What is to be typed until it decides.
fn next(manifest: &Manifest) -> Vec<String> {
    let (id, version) = (&manifest.id, &manifest.version);
    let mut next = Vec::new();
    if !manifest.capabilities.is_empty() {
        let names: Vec<String> = manifest
            .capabilities
            .iter()
            .map(|request| request.name.to_string())
            .collect();
        next.push(format!("jackfield plugin grant {id} {}", names.join(" ")));
    }
    next.push(format!(
        "jackfield binding set {} {id}@{version}",
        place(manifest.kind)
    ));
    next
}

/// Where a kind is bound, as an example.
const fn place(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::VoiceFlow => "number:+E.164",
        PluginKind::ChatFlow => "chat:ENTRY",
        PluginKind::RoutingStrategy => "queue:ID",
        PluginKind::OutboundRule => "tenant:outbound-rule",
        PluginKind::PacingStrategy => "campaign:ID:pacing-strategy",
        PluginKind::TagGenerator => "tenant:tag-generator",
        PluginKind::QaScorecard => "tenant:qa-scorecard",
        PluginKind::ChannelConnector => "connector:ID",
        PluginKind::AgentAssist => "tenant:agent-assist",
    }
}
