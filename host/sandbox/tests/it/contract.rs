//! What is a plugin for this host and what is not.

use jackfield_sandbox::{InvalidComponent, LoadError, Sandbox};
use jackfield_types::{PluginKind, limits::MAX_COMPONENT_BYTES};

use crate::{
    fixture,
    guest::{bare, contract, good, manifest, plugin, with_manifest},
};

#[test]
fn a_good_component_tells_its_manifest() {
    let manifest = Sandbox::inspect(&good()).unwrap();
    assert_eq!(
        (manifest.id.as_str(), manifest.kind),
        ("test-routing-strategy", PluginKind::RoutingStrategy)
    );
}

#[test]
fn what_is_no_component_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"MZ\x90\0", &[0xff; 100]] {
        assert!(
            matches!(Sandbox::inspect(bytes), Err(InvalidComponent::NotAComponent(_))),
            "{bytes:?}"
        );
    }
    let module = wat::parse_str("(module)").unwrap();
    let error = Sandbox::inspect(&module).unwrap_err();
    assert!(error.to_string().contains("it is a core module"), "{error}");
    let large = vec![0; MAX_COMPONENT_BYTES + 1];
    let limit = InvalidComponent::TooLarge {
        found: MAX_COMPONENT_BYTES + 1,
        limit: MAX_COMPONENT_BYTES,
    };
    assert_eq!(Sandbox::inspect(&large), Err(limit.clone()));
    assert_eq!(
        fixture().sandbox.load(&large).unwrap_err(),
        LoadError::Invalid(limit)
    );
}

#[test]
fn truncated_or_damaged_components_are_refused_without_panic() {
    let good = good();
    for len in 0..good.len() {
        assert!(
            Sandbox::inspect(&good[..len]).is_err(),
            "{len} of {} bytes",
            good.len()
        );
    }
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0x55;
        let _ = Sandbox::inspect(&damaged);
    }
}

#[test]
fn the_manifest_must_be_there_once_and_right() {
    let wat = "(module (memory (export \"memory\") 1)
        (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export \"cx:routing-strategy/strategy@0.1.0#assign\") (param i32 i32 i32 i32) (result i32) (i32.const 0)))";
    let bare = bare(&contract(&[]), "routing-strategy", wat);
    for (wasm, part) in [
        (bare.clone(), "is missing"),
        (with_manifest(bare.clone(), "id = 3"), "id"),
        (
            with_manifest(plugin("routing-strategy", wat), &manifest("routing-strategy")),
            "twice",
        ),
    ] {
        let error = Sandbox::inspect(&wasm).unwrap_err();
        assert!(
            matches!(error, InvalidComponent::Manifest(_)) && error.to_string().contains(part),
            "{error}"
        );
    }
    // The manifest names another kind than the component is.
    let error = Sandbox::inspect(&with_manifest(bare, &manifest("voice-flow"))).unwrap_err();
    assert!(matches!(error, InvalidComponent::Export { .. }), "{error}");
    assert!(error.to_string().contains("cx:voice-flow/flow@0.1.0"), "{error}");
}

/// The core module of a world that exports `export` (interface and function) and calls `import`, if any.
fn module(import: &str, export: &str) -> String {
    format!(
        "(module {import} (memory (export \"memory\") 1)
        (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export \"{export}\") (param i32 i32 i32 i32) (result i32) (i32.const 0)))"
    )
}

#[test]
fn an_import_beyond_the_world_is_named() {
    let greedy = "package test:greedy; interface sockets { connect: func(to: u32); }
        world greedy {
            import sockets;
            import cx:profile/customers@0.1.0;
            export cx:routing-strategy/strategy@0.1.0;
        }";
    let export = "cx:routing-strategy/strategy@0.1.0#assign";
    for (import, name) in [
        (
            r#"(import "test:greedy/sockets" "connect" (func (param i32)))"#,
            "test:greedy/sockets",
        ),
        // Exists, and is not offered to routing strategies.
        (
            r#"(import "cx:profile/customers@0.1.0" "current" (func (param i32)))"#,
            "cx:profile/customers@0.1.0",
        ),
    ] {
        let bare = bare(&contract(&[greedy]), "greedy", &module(import, export));
        let error = fixture()
            .sandbox
            .load(&with_manifest(bare, &manifest("routing-strategy")))
            .unwrap_err();
        let LoadError::Invalid(InvalidComponent::Import { found, expected, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!(found, name);
        assert!(expected.contains("cx:routing-strategy/details@0.1.0"), "{error}");
    }
}

#[test]
fn another_version_or_another_type_of_the_export_is_named() {
    let newer = "package cx:routing-strategy@0.9.0; interface strategy { assign: func(a: u32, b: u32, c: u32, d: u32) -> u32; }
        world newer { export strategy; }";
    let bare_newer = bare(
        &contract(&[newer]),
        "newer",
        &module("", "cx:routing-strategy/strategy@0.9.0#assign"),
    );
    let error = Sandbox::inspect(&with_manifest(bare_newer, &manifest("routing-strategy"))).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, InvalidComponent::Export { .. }), "{text}");
    assert!(
        text.contains("strategy@0.9.0") && text.contains("strategy@0.1.0"),
        "{text}"
    );

    // The same name with another type, made without the contract.
    let mut resolve = wit_parser::Resolve::default();
    resolve
        .push_str("forged.wit", &newer.replace("0.9.0", "0.1.0"))
        .unwrap();
    let forged = bare(
        &resolve,
        "newer",
        &module("", "cx:routing-strategy/strategy@0.1.0#assign"),
    );
    let error = Sandbox::inspect(&with_manifest(forged, &manifest("routing-strategy"))).unwrap_err();
    assert!(matches!(error, InvalidComponent::Types { .. }), "{error}");
    assert!(
        error.to_string().contains("cx:routing-strategy/strategy@0.1.0"),
        "{error}"
    );
}

#[test]
fn features_that_the_host_does_not_offer_are_refused() {
    for (wat, part) in [
        ("(memory $wide i64 1)", "memory64"),
        (
            "(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))",
            "relaxed",
        ),
        ("(memory $shared 1 1 shared)", "shared"),
        ("(tag)", "exceptions"),
        ("(type (struct))", "gc"),
    ] {
        let wat = module("", "cx:routing-strategy/strategy@0.1.0#assign").replacen(
            "(func",
            &format!("{wat} (func"),
            1,
        );
        let mut core = wat::parse_str(&wat).unwrap();
        let resolve = contract(&[]);
        let (world, _) = resolve
            .worlds
            .iter()
            .find(|(_, world)| world.name == "routing-strategy")
            .unwrap();
        let utf8 = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut core, &resolve, world, utf8, false).unwrap();
        let mut encoder = wit_component::ComponentEncoder::default();
        let component = encoder.module(&core).unwrap().validate(false).encode().unwrap();
        let error = Sandbox::inspect(&with_manifest(component, &manifest("routing-strategy"))).unwrap_err();
        assert!(
            matches!(error, InvalidComponent::Malformed(_)) && error.to_string().contains(part),
            "{error}"
        );
    }
}

#[test]
fn an_import_that_the_manifest_does_not_ask_for_is_named() {
    let import = r#"(import "cx:host/key-value@0.1.0" "delete" (func (param i32 i32 i32)))"#;
    let export = "cx:routing-strategy/strategy@0.1.0#assign";
    let bare = bare(&contract(&[]), "routing-strategy", &module(import, export));
    let silent = "id = \"a\"\nversion = \"1.0.0\"\nkind = \"routing-strategy@0.1.0\"\n";
    let error = Sandbox::inspect(&with_manifest(bare.clone(), silent)).unwrap_err();
    assert!(
        matches!(error, InvalidComponent::NotRequested { .. })
            && error.to_string().contains("cx:host/key-value"),
        "{error}"
    );
    let asks = format!("{silent}[[capabilities]]\nname = \"cx:host/key-value\"\nreason = \"remembers\"\n");
    assert!(Sandbox::inspect(&with_manifest(bare, &asks)).is_ok());
}
