//! Attacks that never get to run: what the sandbox refuses when it looks at a component.

use jackfield_sandbox::{InvalidComponent, Sandbox};

use super::{
    attack::{End, decide, here, says},
    malformed,
};
use crate::{
    fixture,
    guest::{Module, bare, contract, good, manifest, plan, with_manifest},
};

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Refusal {
    NotAComponent,
    Malformed,
    Manifest,
    Import,
    Export,
    Types,
}

use Refusal::{Export, Import, Malformed, Manifest, NotAComponent, Types};

fn refusal(error: &InvalidComponent) -> Option<Refusal> {
    match error {
        InvalidComponent::NotAComponent(_) => Some(NotAComponent),
        InvalidComponent::Malformed(_) => Some(Malformed),
        InvalidComponent::Manifest(_) => Some(Manifest),
        InvalidComponent::Import { .. } => Some(Import),
        InvalidComponent::Export { .. } => Some(Export),
        InvalidComponent::Types { .. } => Some(Types),
        _ => None,
    }
}

/// The text of a component, with a manifest.
pub(super) fn text(component: &str) -> Vec<u8> {
    with_manifest(wat::parse_str(component).unwrap(), &manifest("routing-strategy"))
}

/// A good strategy that imports one more function of one more interface.
fn imports(package: &str, interface: &str, function: &str) -> Vec<u8> {
    calls(package, interface, function, "")
}

/// The same, with what it does first; the function is `$f`.
fn calls(package: &str, interface: &str, function: &str, first: &str) -> Vec<u8> {
    let wit = format!(
        "package {package}; interface {interface} {{ {function}: func() -> u64; }}
        world greedy {{ import {interface}; export cx:routing-strategy/strategy@0.1.0; }}"
    );
    let (name, version) = package.split_once('@').unwrap_or((package, ""));
    let version = if version.is_empty() {
        String::new()
    } else {
        format!("@{version}")
    };
    let import = format!("(import \"{name}/{interface}{version}\" \"{function}\" (func $f (result i64)))");
    let module = Module {
        imports: &import,
        ..says(plan(&[], &[]))
    }
    .routing_wat(&format!("{first} {}", here()));
    with_manifest(
        bare(&contract(&[&wit]), "greedy", &module),
        &manifest("routing-strategy"),
    )
}

/// A good strategy with this manifest instead of its own.
fn manifested(manifest: &str) -> Vec<u8> {
    let module = says(plan(&[], &[])).routing_wat(&here());
    with_manifest(bare(&contract(&[]), "routing-strategy", &module), manifest)
}

pub(super) type Row = (&'static str, fn() -> Vec<u8>, Refusal, &'static str);

const ATTACKS: &[Row] = &[
    (
        "a core module with a start function",
        || wat::parse_str("(module (func $f) (start $f))").unwrap(),
        NotAComponent,
        "core module",
    ),
    (
        "machine code",
        || b"\x7fELF\x02\x01\x01".to_vec(),
        NotAComponent,
        "component",
    ),
    (
        "WASI: HTTP",
        || imports("wasi:http@0.2.0", "outgoing-handler", "handle"),
        Import,
        "wasi:http",
    ),
    (
        "a capability that only other kinds have",
        || {
            let wit = "package test:greedy;
            world greedy { import cx:call/calls@0.1.0; export cx:routing-strategy/strategy@0.1.0; }";
            let import = r#"(import "cx:call/calls@0.1.0" "current" (func (param i32)))"#;
            let module = Module {
                imports: import,
                ..says(plan(&[], &[]))
            }
            .routing_wat(&here());
            with_manifest(
                bare(&contract(&[wit]), "greedy", &module),
                &manifest("routing-strategy"),
            )
        },
        Import,
        "cx:call/calls@0.1.0",
    ),
    (
        "a capability of a version that is not offered",
        || imports("cx:host@9.0.0", "clock", "now"),
        Import,
        "cx:host/clock@9.0.0",
    ),
    (
        "a function import that belongs to no interface",
        || text(r#"(component (import "system" (func (param "command" string))))"#),
        Export,
        "cx:routing-strategy/strategy@0.1.0",
    ),
    (
        "a component that exports nothing",
        || text("(component)"),
        Export,
        "found nothing",
    ),
    (
        "an export list of a megabyte",
        || {
            let exports: String = (0..200)
                .map(|n| format!("(export \"{}{n}\" (func $f))", "x".repeat(5_000)))
                .collect();
            text(&format!(
                "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i \"f\"))) {exports})"
            ))
        },
        Export,
        "found xxx",
    ),
    (
        "a manifest of 65 KiB",
        || manifested(&"#".repeat(65 * 1024)),
        Manifest,
        "bytes",
    ),
    (
        "a manifest that is not text",
        || {
            let mut wasm = bare(
                &contract(&[]),
                "routing-strategy",
                &says(plan(&[], &[])).routing_wat(&here()),
            );
            wasm.extend([0, 21, 18]);
            wasm.extend(b"jackfield:manifest");
            wasm.extend([0xff, 0xfe]);
            wasm
        },
        Manifest,
        "UTF-8",
    ),
    (
        "a manifest nested thirty thousand deep",
        || manifested(&format!("a = {}", "[".repeat(30_000))),
        Manifest,
        "",
    ),
    (
        "a manifest of dotted keys, deep",
        || manifested(&format!("{}a = 1", "a.".repeat(30_000))),
        Manifest,
        "",
    ),
    (
        "two manifests",
        || with_manifest(good(), &manifest("routing-strategy")),
        Manifest,
        "twice",
    ),
    (
        "a manifest in a component within",
        || {
            // Short, so that its length is one byte.
            let inner = with_manifest(
                wat::parse_str("(component)").unwrap(),
                "id = \"a\"\nversion = \"1.0.0\"\nkind = \"routing-strategy@0.1.0\"",
            );
            let mut wasm = wat::parse_str("(component)").unwrap();
            wasm.extend([4, inner.len() as u8]);
            wasm.extend(inner);
            wasm
        },
        Manifest,
        "missing",
    ),
    (
        "a manifest that names another kind",
        || manifested(&manifest("voice-flow")),
        Export,
        "cx:voice-flow/flow@0.1.0",
    ),
    (
        "a manifest that names a file",
        || manifested("id = \"../../x\"\nversion = \"0.1.0\"\nkind = \"routing-strategy@0.1.0\""),
        Manifest,
        "id",
    ),
];

pub(super) const fn count() -> usize {
    ATTACKS.len() + malformed::ATTACKS.len()
}

#[test]
fn what_is_not_offered_is_refused_before_anything_is_compiled() {
    let mut wrong = Vec::new();
    for (name, wasm, expected, part) in ATTACKS.iter().chain(malformed::ATTACKS) {
        match Sandbox::inspect(&wasm()) {
            Err(error) => {
                let text = error.to_string();
                if refusal(&error) != Some(*expected) || !text.contains(part) {
                    wrong.push(format!(
                        "{name}: expected {expected:?} with {part:?}, found {error:?}"
                    ));
                }
                if text.len() > 8 * 1024 {
                    wrong.push(format!("{name}: an error of {} bytes", text.len()));
                }
            }
            Ok(_) => wrong.push(format!("{name}: taken")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{}",
        wrong
            .iter()
            .map(|w| format!("{w:.400}"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn what_is_called_wasi_and_is_not_has_no_power() {
    for (package, interface, function) in [
        ("wasi:clocks@0.2.0", "wall-clock", "now"),
        ("wasi:random@0.2.0", "random", "get-random-bytes"),
        ("wasi:random@0.2.0", "insecure-seed", "seed"),
        ("wasi:cli@0.2.0", "environment", "count"),
        ("wasi:filesystem@0.2.0", "preopens", "count"),
        ("wasi:sockets@0.2.0", "instance-network", "default"),
    ] {
        let wasm = calls(package, interface, function, "(drop (call $f))");
        let refused = match fixture().sandbox.load(&wasm) {
            // A function that is answered has another type.
            Err(error) => error.to_string(),
            Ok(plugin) => decide(&plugin, End::Stopped("trap"))
                .result
                .unwrap_err()
                .message
                .to_string(),
        };
        assert!(
            refused.contains(function) || refused.contains("type mismatch"),
            "{interface}#{function}: {refused}"
        );
    }
}
