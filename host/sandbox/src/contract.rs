//! Checks that bytes are a plugin for this host: size, form, manifest, and the world of its kind.

use std::sync::LazyLock;

use jackfield_types::{Capability, PluginKind, limits::MAX_COMPONENT_BYTES};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

use crate::{
    InvalidComponent, Manifest,
    manifest::{SECTION, WORLD_VERSION},
    wasi,
};

/// The WebAssembly that plugins may use: no threads, relaxed SIMD, 64-bit memory, GC, exceptions or component async.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL);

/// How every WebAssembly begins.
const MAGIC: &[u8] = b"\0asm";

/// The packages of `wit/`, each after those that it uses.
const PACKAGES: [(&str, &str); 16] = [
    ("types.wit", include_str!("../../../wit/types/types.wit")),
    ("host.wit", include_str!("../../../wit/host/host.wit")),
    ("call.wit", include_str!("../../../wit/call/call.wit")),
    ("chat.wit", include_str!("../../../wit/chat/chat.wit")),
    ("profile.wit", include_str!("../../../wit/profile/profile.wit")),
    ("scoring.wit", include_str!("../../../wit/scoring/scoring.wit")),
    (
        "knowledge.wit",
        include_str!("../../../wit/knowledge/knowledge.wit"),
    ),
    (
        "voice-flow.wit",
        include_str!("../../../wit/voice-flow/voice-flow.wit"),
    ),
    (
        "routing-strategy.wit",
        include_str!("../../../wit/routing-strategy/routing-strategy.wit"),
    ),
    (
        "outbound-rule.wit",
        include_str!("../../../wit/outbound-rule/outbound-rule.wit"),
    ),
    (
        "tag-generator.wit",
        include_str!("../../../wit/tag-generator/tag-generator.wit"),
    ),
    (
        "qa-scorecard.wit",
        include_str!("../../../wit/qa-scorecard/qa-scorecard.wit"),
    ),
    (
        "chat-flow.wit",
        include_str!("../../../wit/chat-flow/chat-flow.wit"),
    ),
    (
        "pacing-strategy.wit",
        include_str!("../../../wit/pacing-strategy/pacing-strategy.wit"),
    ),
    (
        "channel-connector.wit",
        include_str!("../../../wit/channel-connector/channel-connector.wit"),
    ),
    (
        "agent-assist.wit",
        include_str!("../../../wit/agent-assist/agent-assist.wit"),
    ),
];

static CONTRACT: LazyLock<Result<Resolve, String>> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    for (name, text) in PACKAGES {
        resolve
            .push_str(name, text)
            .map_err(|error| format!("{name}: {error:#}"))?;
    }
    Ok(resolve)
});

/// What a component says about itself on its outermost level.
#[derive(Default)]
struct Outline<'a> {
    manifest: Option<&'a [u8]>,
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

pub(crate) fn inspect(wasm: &[u8]) -> Result<Manifest, InvalidComponent> {
    let malformed = |error: wasmparser::BinaryReaderError| InvalidComponent::Malformed(error.to_string());
    let outline = sized_outline(wasm)?;
    Validator::new_with_features(FEATURES)
        .validate_all(wasm)
        .map_err(malformed)?;
    let manifest = outline.manifest()?;
    check_world(manifest.kind, &outline, wasm)?;
    check_requested(&manifest, &outline)?;
    Ok(manifest)
}

/// The manifest alone: nothing else of the component is looked at but its outermost level.
pub(crate) fn manifest(wasm: &[u8]) -> Result<Manifest, InvalidComponent> {
    sized_outline(wasm)?.manifest()
}

impl Outline<'_> {
    fn manifest(&self) -> Result<Manifest, InvalidComponent> {
        let section = self.manifest.ok_or_else(|| {
            InvalidComponent::Manifest(
                "is missing: the plugin's build puts plugin.toml into the component".to_owned(),
            )
        })?;
        Manifest::parse(section).map_err(InvalidComponent::Manifest)
    }
}

fn sized_outline(wasm: &[u8]) -> Result<Outline<'_>, InvalidComponent> {
    if wasm.len() > MAX_COMPONENT_BYTES {
        return Err(InvalidComponent::TooLarge {
            found: wasm.len(),
            limit: MAX_COMPONENT_BYTES,
        });
    }
    outline(wasm)
}

/// How a file begins that is nothing like WebAssembly, so that its owner knows which it is.
fn beginning(bytes: &[u8]) -> String {
    match String::from_utf8_lossy(&bytes[..bytes.len().min(24)]) {
        nothing if nothing.is_empty() => "it is empty".to_owned(),
        text => format!("it begins with {text:?}"),
    }
}

fn outline(wasm: &[u8]) -> Result<Outline<'_>, InvalidComponent> {
    if !wasm.starts_with(MAGIC) {
        let begins = beginning(wasm);
        let why = format!("{begins}; `jackfield plugin build` makes one of a plugin's folder");
        return Err(InvalidComponent::NotAComponent(why));
    }
    let not =
        |what: String| InvalidComponent::NotAComponent(format!("{what}: expected a component (layer 1)"));
    let mut outline = Outline::default();
    let mut depth = 0usize;
    for (n, payload) in Parser::new(0).parse_all(wasm).enumerate() {
        let payload = payload.map_err(|error| match n {
            0 => not(error.to_string()),
            _ => InvalidComponent::Malformed(error.to_string()),
        })?;
        let malformed = |error: wasmparser::BinaryReaderError| InvalidComponent::Malformed(error.to_string());
        match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                let why =
                    "it is a core module; `jackfield plugin build` makes a component of a plugin's folder";
                return Err(InvalidComponent::NotAComponent(why.to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                let twice = || InvalidComponent::Manifest("is there twice: expected one".to_owned());
                outline
                    .manifest
                    .replace(section.data())
                    .map_or(Ok(()), |_| Err(twice()))?;
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    outline.imports.push(import.map_err(malformed)?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    outline.exports.push(export.map_err(malformed)?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

fn check_world(kind: PluginKind, outline: &Outline<'_>, wasm: &[u8]) -> Result<(), InvalidComponent> {
    let name = format!("cx:{kind}/{kind}@{WORLD_VERSION}");
    let types = |reason: String| InvalidComponent::Types {
        world: name.clone(),
        reason,
    };
    let resolve = CONTRACT.as_ref().map_err(|error| types(error.clone()))?;
    let id = world(resolve, kind).ok_or_else(|| types("the host has no such world".to_owned()))?;
    let world = &resolve.worlds[id];
    for key in world.exports.keys() {
        let expected = resolve.name_world_key(key);
        if !outline.exports.contains(&expected.as_str()) {
            let found = if outline.exports.is_empty() {
                "nothing".to_owned()
            } else {
                outline.exports.join(", ")
            };
            return Err(InvalidComponent::Export {
                world: name,
                found,
                expected,
            });
        }
    }
    check_imports(resolve, id, &name, outline)?;
    let bare;
    let tested = if outline
        .imports
        .iter()
        .any(|import| wasi::interface(import).is_some())
    {
        bare = without_wasi(wasm).map_err(types)?;
        &bare
    } else {
        wasm
    };
    wit_component::targets(resolve, id, tested, false).map_err(|error| types(error.root_cause().to_string()))
}

/// A component of the same type but for its imports of WASI, which are checked when they are linked.
fn without_wasi(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let decoded = wit_component::decode(wasm).map_err(|error| said(&error.root_cause()))?;
    let wit_component::DecodedWasm::Component(mut resolve, world) = decoded else {
        return Err("a WIT package instead of a component".to_owned());
    };
    let names: Vec<_> = resolve.worlds[world]
        .imports
        .keys()
        .map(|key| (key.clone(), resolve.name_world_key(key)))
        .collect();
    for (key, name) in names {
        if wasi::interface(&name).is_some() {
            resolve.worlds[world].imports.shift_remove(&key);
        }
    }
    let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .and_then(|()| ComponentEncoder::default().module(&module)?.encode())
        .map_err(|error| said(&error.root_cause()))
}

fn check_imports(
    resolve: &Resolve,
    id: WorldId,
    name: &str,
    outline: &Outline<'_>,
) -> Result<(), InvalidComponent> {
    let imports: Vec<_> = {
        let keys = resolve.worlds[id].imports.keys();
        keys.map(|key| resolve.name_world_key(key)).collect()
    };
    let known = |found: &str| imports.iter().any(|name| name == found) || wasi::interface(found).is_some();
    match outline.imports.iter().find(|found| !known(found)) {
        None => Ok(()),
        Some(found) => Err(InvalidComponent::Import {
            world: name.to_owned(),
            found: (*found).to_owned(),
            expected: imports.join(", "),
        }),
    }
}

/// Imports ⊆ manifest: whoever grants capabilities reads the manifest, so nothing may be missing there.
fn check_requested(manifest: &Manifest, outline: &Outline<'_>) -> Result<(), InvalidComponent> {
    let requested = manifest.requires();
    for import in &outline.imports {
        // Every import is one of the world's by now, and those that are no capability need no request.
        let name = import.split('@').next().unwrap_or_default();
        if let Ok(capability) = name.parse::<Capability>()
            && !requested.contains(capability)
        {
            return Err(InvalidComponent::NotRequested { capability });
        }
    }
    Ok(())
}

fn world(resolve: &Resolve, kind: PluginKind) -> Option<WorldId> {
    resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == kind.as_str())
        .map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_has_a_world_for_every_kind() {
        let resolve = CONTRACT.as_ref().unwrap();
        for kind in PluginKind::ALL {
            assert!(world(resolve, kind).is_some(), "{kind}");
        }
    }

    /// What every plugin may import: of the host itself, and what belongs to the question.
    const FREE: [&str; 4] = [
        "cx:host/config",
        "cx:host/clock",
        "cx:host/log",
        "cx:routing-strategy/details",
    ];

    #[test]
    fn every_import_of_every_world_is_a_capability_or_free() {
        let resolve = CONTRACT.as_ref().unwrap();
        for kind in PluginKind::ALL {
            let world = &resolve.worlds[world(resolve, kind).unwrap()];
            for (key, item) in &world.imports {
                let name = resolve.name_world_key(key);
                let name = name.split('@').next().unwrap();
                let wit_parser::WorldItem::Interface { id, .. } = item else {
                    panic!("{kind}: {name}")
                };
                let only_types = resolve.interfaces[*id].functions.is_empty();
                assert!(
                    only_types || FREE.contains(&name) || name.parse::<Capability>().is_ok(),
                    "{kind} imports {name}: add it to `Capability`"
                );
            }
        }
    }
}
