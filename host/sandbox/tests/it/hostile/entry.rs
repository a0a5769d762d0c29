//! Attacks on the order of calls: into the host from where none may come, and into itself.

use super::{
    attack::{
        Attack,
        End::{Harmless, Stopped},
        here, routing, run, says,
    },
    whole::with_imports,
};
use crate::guest::{Module, plan};

const GET: &str = r#"(import "cx:host/config@0.1.0" "get" (func $get (param i32)))"#;
const POST: &str = "cabi_post_cx:routing-strategy/strategy@0.1.0#assign";

fn good_plan() -> Module<'static> {
    says(plan(&[(0, 0)], &[]))
}

/// A strategy with a good answer and this post-return.
fn post_return(imports: &str, body: &str) -> Vec<u8> {
    let items = &format!("(func (export \"{POST}\") (param i32) {body})");
    routing(
        Module {
            imports,
            items,
            ..good_plan()
        },
        &here(),
    )
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "a host call out of cabi_realloc while the question is handed over",
        wasm: || {
            let realloc = "(call $get (i32.const 256))";
            routing(
                Module {
                    imports: GET,
                    realloc,
                    ..good_plan()
                },
                &here(),
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a host call out of cabi_realloc while a host call answers",
        wasm: || {
            let module = Module {
                imports: GET,
                items: "(global $armed (mut i32) (i32.const 0))",
                realloc: "(if (global.get $armed) (then (call $get (i32.const 256))))",
                ..good_plan()
            };
            routing(
                module,
                &format!(
                    "(global.set $armed (i32.const 1)) (call $get (i32.const 256)) {}",
                    here()
                ),
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a host call in the start function",
        wasm: || {
            let items = "(func $early (call $get (i32.const 256))) (start $early)";
            routing(
                Module {
                    imports: GET,
                    items,
                    ..good_plan()
                },
                &here(),
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a host call in the start function of a component that no tool built",
        wasm: || {
            let items = r#"(core func $now (canon lower (func $clock "now")))"#;
            let (imports, main) = (
                r#"(import "" "now" (func $now (result i64)))"#,
                "(func $early (drop (call $now))) (start $early)",
            );
            with_imports(
                items,
                imports,
                r#"(with "" (instance (export "now" (func $now))))"#,
                main,
                "(i32.const 1024)",
            )
        },
        end: Harmless,
    },
    Attack {
        name: "post-return that traps: the answer does not count",
        wasm: || post_return("", "(unreachable)"),
        end: Stopped("trap"),
    },
    Attack {
        name: "post-return that calls the host",
        wasm: || post_return(GET, "(call $get (i32.const 256))"),
        end: Stopped("trap"),
    },
    Attack {
        name: "post-return that eats memory",
        wasm: || {
            let grow =
                "(loop $a (br_if $a (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
            post_return("", grow)
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "post-return that allocates and writes over the answer",
        wasm: || {
            let body = "(drop (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4096)))
                (memory.fill (i32.const 1024) (i32.const 255) (i32.const 64))";
            post_return("", body)
        },
        end: Harmless,
    },
    Attack {
        name: "entering itself through its own export",
        wasm: || {
            let items = r#"
                (core module $inner (func (export "f")))
                (core instance $inner (instantiate $inner))
                (func $again (canon lift (core func $inner "f")))
                (core func $enter (canon lower (func $again)))"#;
            let imports = r#"(import "" "enter" (func $enter))"#;
            let with = r#"(with "" (instance (export "enter" (func $enter))))"#;
            with_imports(items, imports, with, "", "(call $enter) (i32.const 1024)")
        },
        end: Stopped("trap"),
    },
];

#[test]
fn nobody_enters_where_nobody_may() {
    run(ATTACKS);
}
