//! The page of a kind, and that of a package which kinds share.

use std::{fmt::Write as _, path::Path};

use jackfield_types::{Capability, PluginKind, ceilings::Ceilings};
use wit_parser::{InterfaceId, WorldItem, WorldKey};

use super::{
    examples,
    words::{Contract, package, prose, sentence},
};
use crate::{BuildError, contract};

/// Everything about plugins of one kind.
pub(super) fn page(contract: &Contract<'_>, kind: PluginKind, root: &Path) -> Result<String, BuildError> {
    let mut text =
        format!("<!-- Rendered from wit/ by `cargo xtask manual`. Do not edit. -->\n\n# {kind}\n\n");
    own_words(contract, kind.as_str(), &mut text);
    let _ = writeln!(text, "In `plugin.toml`: `kind = \"{kind}@0.1.0\"`.\n");

    text.push_str("## Ceilings\n\n");
    ceilings(kind, &mut text);
    interfaces_of(contract, kind.as_str(), &mut text);

    let Some((world_id, world)) = contract
        .resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == kind.as_str())
    else {
        return Ok(text);
    };
    text.push_str("## Imports\n\nWhat the plugin may ask. A capability has to stand in `plugin.toml` and be granted by the tenant, else it \
                   answers `not-granted`.\n\n| interface | | |\n|---|---|---|\n");
    for (key, id) in interfaces(world.imports.iter()) {
        let interface = &contract.resolve.interfaces[id];
        if interface.functions.is_empty() {
            continue;
        }
        let full = contract.resolve.name_world_key(key);
        let plain = full.split('@').next().unwrap_or_default();
        let how = if plain.parse::<Capability>().is_ok() {
            "capability"
        } else {
            "always"
        };
        let page = package(contract.resolve, interface);
        let anchor = anchor(&full);
        let first = sentence(&interface.docs);
        let _ = writeln!(text, "| [`{full}`]({page}.md#{anchor}) | {how} | {first}. |");
    }
    text.push_str("\n## Names in the languages\n\nRust has the contract in `jackfield_plugin`, C and Go in generated bindings; \
                   TypeScript imports interfaces by their full names, Python by short ones:\n\n| interface | Python |\n|---|---|\n");
    for (full, short) in contract::short_names(contract.resolve, world_id) {
        let own = world
            .exports
            .keys()
            .any(|key| contract.resolve.name_world_key(key) == full);
        let side = if own { "exports" } else { "imports" };
        let _ = writeln!(text, "| `{full}` | `wit_world.{side}.{short}` |");
    }
    text.push('\n');
    examples::section(kind, root, &mut text)?;
    Ok(text)
}

/// A package that kinds share.
pub(super) fn shared(contract: &Contract<'_>, name: &str) -> String {
    let mut text =
        format!("<!-- Rendered from wit/ by `cargo xtask manual`. Do not edit. -->\n\n# cx:{name}\n\n");
    own_words(contract, name, &mut text);
    interfaces_of(contract, name, &mut text);
    text
}

fn own_words(contract: &Contract<'_>, name: &str, text: &mut String) {
    let package = contract
        .resolve
        .packages
        .iter()
        .find(|(_, package)| package.name.name == name);
    if let Some((_, package)) = package {
        let _ = writeln!(text, "{}\n", prose(&package.docs));
    }
}

/// The interfaces of a package: those with functions first, since that is what one looks for.
fn interfaces_of(contract: &Contract<'_>, name: &str, text: &mut String) {
    let mut mine: Vec<_> = contract
        .resolve
        .interfaces
        .iter()
        .filter(|(_, interface)| package(contract.resolve, interface) == name)
        .collect();
    mine.sort_by_key(|(_, interface)| interface.functions.is_empty());
    for (id, interface) in mine {
        let full = contract.resolve.id_of(id).unwrap_or_default();
        let _ = writeln!(text, "## {full}\n\n{}\n", prose(&interface.docs));
        for function in interface.functions.values() {
            contract.function(text, id, function);
        }
        contract.types(text, id);
    }
}

fn interfaces<'a>(
    items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> impl Iterator<Item = (&'a WorldKey, InterfaceId)> {
    items.filter_map(|(key, item)| match item {
        WorldItem::Interface { id, .. } => Some((key, *id)),
        _ => None,
    })
}

/// The anchor of an interface's heading.
fn anchor(full: &str) -> String {
    full.chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '-')
        .collect()
}

fn ceilings(kind: PluginKind, text: &mut String) {
    let (plain, run_time) = (Ceilings::of(kind), Ceilings::of(kind).with_run_time());
    text.push_str("| | of one decision | with a language's run time |\n|---|---|---|\n");
    let million = |fuel: u64| format!("{} million", fuel / 1_000_000);
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    for (name, plain, run_time) in [
        ("fuel", million(plain.fuel), million(run_time.fuel)),
        (
            "processor time",
            format!("{} ms", plain.wall_ms),
            format!("{} ms", run_time.wall_ms),
        ),
        ("memory", mib(plain.memory_bytes), mib(run_time.memory_bytes)),
        ("question", kib(plain.input_bytes), kib(run_time.input_bytes)),
        ("answer", kib(plain.output_bytes), kib(run_time.output_bytes)),
    ] {
        let _ = writeln!(text, "| {name} | {plain} | {run_time} |");
    }
    text.push_str("\nJavaScript and Python bring a run time. An operator may lower these, a manifest may ask for less; nothing raises \
                   them. [Limits](limits.md) has what holds for texts, lists and host calls.\n\n");
}

fn kib(bytes: usize) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes >> 10)
    }
}
