//! Components compiled against released versions of the contract still pass inspection, load and decide.
//!
//! They are made here, from the frozen texts in `wit/<version>`: their types, imports and core signatures follow from
//! those texts alone, and their answers are bytes laid down below. So each imports and calls **every** function that
//! its world offered, as no real plugin does, and a reader sees what is frozen, as in a committed binary nobody would.

use std::{fmt::Write as _, fs, path::PathBuf};

use jackfield_contact::decision::{Answer, Conclusion, ConnectorAnswer, Verdict};
use jackfield_sandbox::{InvalidComponent, Sandbox};
use jackfield_types::PluginKind;
use wit_parser::{Resolve, WorldItem, abi::AbiVariant, abi::WasmType};

use crate::{
    env, fixture,
    guest::{DATA, bare, bytes, manifest, packages, with_manifest},
    questions::questions,
};

/// Where the texts of answers lie.
const TEXT: u32 = DATA + 256;
const TEXTS: &str = "frozenhttps://a";

fn wit() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// The released versions, by their folders.
fn versions() -> Vec<String> {
    let names = fs::read_dir(wit())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<_> = names
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    versions.sort();
    versions
}

/// The answer of an export of version 0.1, as it lies in memory: the discriminant of `ok`, then the value.
fn answer(kind: PluginKind, function: &str) -> Vec<u32> {
    let reason = [TEXT, 6];
    match (kind, function) {
        // `ruling`: verdict `deny`, a reason.
        (PluginKind::OutboundRule, "check") => vec![0, 0, 3, 0, 0, 0, reason[0], reason[1], 0, 0, 0, 0],
        // `plan`: launch 2, a reason.
        (PluginKind::PacingStrategy, "pace") => vec![0, 0, 2, reason[0], reason[1], 0, 0, 0, 0, 0, 0, 0],
        // `request`: `post`, an address.
        (PluginKind::ChannelConnector, "render") => vec![0, 1, TEXT + 6, 9, 0, 0, 0, 0, 0, 0],
        // `conclusion`: `accepted` with an id.
        (PluginKind::ChannelConnector, "conclude") => vec![0, 0, reason[0], reason[1], 0, 0],
        // Empty lists and records.
        _ => vec![0; 16],
    }
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

/// A component of a kind that calls all of its imports with zeros, and answers.
fn component(resolve: &Resolve, kind: PluginKind) -> Vec<u8> {
    let (_, world) = resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == kind.as_str())
        .unwrap();
    let (mut imports, mut calls, mut exports) = (String::new(), String::new(), String::new());
    for (key, item) in &world.imports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = resolve.name_world_key(key);
        for (name, function) in &resolve.interfaces[*id].functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            let params: Vec<_> = signature.params.iter().map(|ty| core(*ty)).collect();
            let results: Vec<_> = signature.results.iter().map(|ty| core(*ty)).collect();
            let id = format!("${interface}#{name}");
            let (takes, gives) = (params.join(" "), results.join(" "));
            let _ = writeln!(
                imports,
                "(import \"{interface}\" \"{name}\" (func {id} (param {takes}) (result {gives})))"
            );
            let last = params.len().wrapping_sub(1);
            let arguments = params.iter().enumerate().fold(String::new(), |text, (n, ty)| {
                // The host writes its answer there.
                let value = if signature.retptr && n == last { 32_768 } else { 0 };
                text + &format!("({ty}.const {value})")
            });
            let drop = "(drop)".repeat(results.len());
            let _ = writeln!(calls, "(call {id} {arguments}) {drop}");
        }
    }
    let mut at = DATA;
    for (key, item) in &world.exports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = resolve.name_world_key(key);
        for (name, function) in &resolve.interfaces[*id].functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let params: Vec<_> = signature.params.iter().map(|ty| core(*ty)).collect();
            let data = escaped(&bytes(&answer(kind, name)));
            let _ = writeln!(
                exports,
                "(data (i32.const {at}) \"{data}\")
                 (func (export \"{interface}#{name}\") (param {}) (result i32) (call $imports) (i32.const {at}))",
                params.join(" ")
            );
            at += 64;
        }
    }
    let text = escaped(TEXTS.as_bytes());
    let wat = format!(
        r#"(module {imports}
        (memory (export "memory") 2)
        (data (i32.const {TEXT}) "{text}")
        (global $heap (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
            (global.get $heap)
            (global.set $heap (i32.add (global.get $heap) (local.get 3))))
        (func $imports {calls})
        {exports})"#
    );
    with_manifest(bare(resolve, kind.as_str(), &wat), &manifest(kind.as_str()))
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

#[test]
fn plugins_of_every_released_version_load_and_decide() {
    assert!(versions().contains(&"0.1".to_owned()));
    let fixture = fixture();
    for version in versions() {
        let resolve = packages(&wit().join(&version));
        for kind in PluginKind::ALL {
            let wasm = component(&resolve, kind);
            assert_eq!(Sandbox::inspect(&wasm).unwrap().kind, kind);
            let plugin = fixture.sandbox.load(&wasm).unwrap();
            for question in questions(kind) {
                let decision = plugin.decide(question, env());
                let answer = decision
                    .result
                    .unwrap_or_else(|failure| panic!("{kind} of {version}: {failure:?}"));
                check(kind, &answer);
            }
        }
    }
}

/// The values that were laid down have arrived.
fn check(kind: PluginKind, answer: &Answer) {
    let fits = match (kind, answer) {
        (PluginKind::VoiceFlow, Answer::Flow(answer)) => answer.actions.is_empty(),
        (PluginKind::ChatFlow, Answer::Chat(answer)) => answer.actions.is_empty(),
        (PluginKind::RoutingStrategy, Answer::Routing(plan)) => plan.assignments.is_empty(),
        (PluginKind::OutboundRule, Answer::Outbound(ruling)) => {
            (ruling.verdict, &*ruling.reason) == (Verdict::Deny, "frozen")
        }
        (PluginKind::PacingStrategy, Answer::Pacing(pace)) => (pace.launch, &*pace.reason) == (2, "frozen"),
        (PluginKind::TagGenerator, Answer::Tags(changes)) => changes.is_empty(),
        (PluginKind::QaScorecard, Answer::Scorecard(evaluation)) => evaluation.items.is_empty(),
        (PluginKind::ChannelConnector, Answer::Connector(answer)) => match &**answer {
            ConnectorAnswer::Received(received) => received.messages.is_empty(),
            ConnectorAnswer::Rendered(request) => &*request.url == "https://a",
            ConnectorAnswer::Concluded(conclusion) => *conclusion == Conclusion::Accepted("frozen".into()),
        },
        (PluginKind::AgentAssist, Answer::Assist(suggestions)) => suggestions.is_empty(),
        _ => false,
    };
    assert!(fits, "{kind}: {answer:?}");
}

#[test]
fn a_plugin_answers_only_questions_of_its_kind_and_is_no_other_kind() {
    let fixture = fixture();
    let resolve = packages(&wit());
    for kind in PluginKind::ALL {
        let wasm = component(&resolve, kind);
        let plugin = fixture.sandbox.load(&wasm).unwrap();
        for other in PluginKind::ALL.into_iter().filter(|other| *other != kind) {
            for question in questions(other) {
                let failure = plugin.decide(question, env()).result.unwrap_err();
                assert_eq!(&*failure.code, "unavailable", "{kind} asked as {other}");
            }
            let core = bare_of(&resolve, kind, other);
            let error = Sandbox::inspect(&core).unwrap_err();
            assert!(
                matches!(error, InvalidComponent::Export { .. })
                    && error.to_string().contains(other.as_str()),
                "{kind} as {other}: {error}"
            );
        }
    }
}

/// A component of `kind` whose manifest says `other`.
fn bare_of(resolve: &Resolve, kind: PluginKind, other: PluginKind) -> Vec<u8> {
    let wasm = component(resolve, kind);
    let own = manifest(kind.as_str());
    // The manifest is the last section, a name and its text behind one length.
    let name = "jackfield:manifest";
    let tail = own.len() + name.len() + 1;
    let header = 1 + if tail < 128 { 1 } else { 2 };
    with_manifest(
        wasm[..wasm.len() - tail - header].to_vec(),
        &manifest(other.as_str()),
    )
}
