//! The texts of `wit/`, for languages whose bindings are made here.

use std::{fmt::Write as _, fs, path::Path};

use jackfield_types::Capability;
use serde::Deserialize;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_parser::{InterfaceId, Resolve, WorldId, WorldItem};

use crate::{BuildError, Job, MANIFEST_FILE, ManifestHead, stamp};

macro_rules! packages {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../wit/", $name, "/", $name, ".wit")))),*]
    };
}

/// Each after those that it uses.
pub(crate) const PACKAGES: [(&str, &str); 16] = packages![
    "types",
    "host",
    "call",
    "chat",
    "profile",
    "scoring",
    "knowledge",
    "voice-flow",
    "chat-flow",
    "routing-strategy",
    "outbound-rule",
    "pacing-strategy",
    "tag-generator",
    "qa-scorecard",
    "channel-connector",
    "agent-assist",
];

/// The bindings that a generator makes of a world.
pub(crate) fn bindings(
    language: &str,
    mut generator: Box<dyn WorldGenerator>,
    resolve: &mut Resolve,
    world: WorldId,
) -> Result<Files, BuildError> {
    let mut files = Files::default();
    generator
        .generate(resolve, world, &mut files)
        .map_err(|error| BuildError::Component {
            what: format!("bindings for {language}"),
            why: format!("{error:#}"),
        })?;
    Ok(files)
}

fn wrong(why: String) -> BuildError {
    BuildError::Component {
        what: "wit/".to_owned(),
        why,
    }
}

/// The contract as WIT.
pub(crate) fn resolved() -> Result<Resolve, BuildError> {
    let mut resolve = Resolve::default();
    for (name, text) in PACKAGES {
        resolve
            .push_str(format!("{name}.wit"), text)
            .map_err(|error| wrong(format!("{error:#}")))?;
    }
    Ok(resolve)
}

/// The same, with the world of a plugin's kind.
pub(crate) fn world(head: &ManifestHead) -> Result<(Resolve, WorldId), BuildError> {
    let resolve = resolved()?;
    let world = resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == head.kind.as_str());
    let world = world.map(|(id, _)| id);
    Ok((
        resolve,
        world.ok_or_else(|| wrong(format!("no world {}", head.kind)))?,
    ))
}

/// The interface that plugins of a world export, which is one, with the names of its functions.
pub(crate) fn exported(
    resolve: &Resolve,
    world: WorldId,
) -> Result<(String, InterfaceId, Vec<String>), BuildError> {
    let world = &resolve.worlds[world];
    for (key, item) in &world.exports {
        if let WorldItem::Interface { id, .. } = item {
            let functions = resolve.interfaces[*id].functions.keys().cloned().collect();
            return Ok((resolve.name_world_key(key), *id, functions));
        }
    }
    Err(wrong(format!("the world {} exports nothing", world.name)))
}

/// Writes the texts into a folder as tools of other languages expect them: a package with one world, `plugin`, and
/// beside it what it is made of. Such tools import all that a world imports, so this one imports of the capabilities
/// only those that the plugin's manifest asks for.
pub(crate) fn write(job: &Job<'_>, folder: &Path) -> Result<(), BuildError> {
    let (resolve, id) = world(job.head)?;
    let asked = asked(job)?;
    let world = &resolve.worlds[id];
    let mut text = String::from("package jackfield:plugin;\n\nworld plugin {\n");
    for key in world.imports.keys() {
        let name = resolve.name_world_key(key);
        let plain = name.split('@').next().unwrap_or_default();
        if plain.parse::<Capability>().is_err() || asked.iter().any(|asked| asked == plain) {
            let _ = writeln!(text, "    import {name};");
        }
    }
    for key in world.exports.keys() {
        let _ = writeln!(text, "    export {};", resolve.name_world_key(key));
    }
    text.push_str("}\n");
    stamp::put(&folder.join("plugin.wit"), &text)?;
    for (name, text) in PACKAGES {
        stamp::put(&folder.join("deps").join(format!("{name}.wit")), text)?;
    }
    Ok(())
}

/// The capabilities that the manifest names.
fn asked(job: &Job<'_>) -> Result<Vec<String>, BuildError> {
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(default)]
        capabilities: Vec<Request>,
    }
    #[derive(Deserialize)]
    struct Request {
        name: String,
    }
    let path = job.dir.join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).map_err(|source| BuildError::file(&path, source))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| BuildError::Manifest {
        path,
        why: error.to_string(),
    })?;
    Ok(manifest
        .capabilities
        .into_iter()
        .map(|request| request.name)
        .collect())
}

/// Short names for the interfaces of a world: `cx:host/config` is `config`, `cx:routing-strategy/types` is `routing`,
/// `cx:types/types` is `cx`.
pub(crate) fn short_names(resolve: &Resolve, world: WorldId) -> Vec<(String, String)> {
    let world = &resolve.worlds[world];
    let keys = world.imports.keys().chain(world.exports.keys());
    keys.map(|key| {
        let full = resolve.name_world_key(key);
        let name = full.split('@').next().unwrap_or_default();
        let short = match name.trim_start_matches("cx:").split_once('/') {
            Some(("types", "types")) => "cx",
            Some((package, "types")) => package.split('-').next().unwrap_or(package),
            Some((_, interface)) => interface,
            None => name,
        };
        (full.clone(), short.replace('-', "_"))
    })
    .collect()
}
