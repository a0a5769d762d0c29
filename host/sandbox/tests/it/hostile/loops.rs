//! Attacks on time: code that never ends, wherever code of a plugin runs.

use super::attack::{Attack, End::Stopped, LOOP, here, routing, run, says, scorecard};
use crate::guest::{Module, plan};

const POST: &str = "cabi_post_cx:routing-strategy/strategy@0.1.0#assign";

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "endless loop in the export",
        wasm: || routing(Module::default(), LOOP),
        end: Stopped("fuel"),
    },
    Attack {
        name: "endless loop in the start function",
        wasm: || {
            let items = &format!("(func $spin {LOOP}) (start $spin)");
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "endless loop in cabi_realloc while the question is handed over",
        wasm: || {
            let module = Module {
                realloc: LOOP,
                ..Module::default()
            };
            routing(module, &here())
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "endless loop in cabi_realloc while a host call answers",
        wasm: || {
            let module = Module {
                imports: r#"(import "cx:host/config@0.1.0" "get" (func $get (param i32)))"#,
                items: "(global $armed (mut i32) (i32.const 0))",
                realloc: "(if (global.get $armed) (then (loop $again (br $again))))",
                ..Module::default()
            };
            routing(
                module,
                "(global.set $armed (i32.const 1)) (call $get (i32.const 256)) (unreachable)",
            )
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "endless loop in post-return",
        wasm: || {
            let items = &format!("(func (export \"{POST}\") (param i32) {LOOP})");
            routing(
                Module {
                    items,
                    ..says(plan(&[(0, 0)], &[]))
                },
                &here(),
            )
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "two functions that tail-call each other for ever",
        wasm: || {
            let items = "(func $ping (return_call $pong)) (func $pong (return_call $ping))";
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                "(call $ping) (unreachable)",
            )
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "a jump table that always jumps back",
        wasm: || {
            routing(
                Module::default(),
                "(loop $a (br_table $a $a $a (i32.const 7))) (unreachable)",
            )
        },
        end: Stopped("fuel"),
    },
    Attack {
        name: "a loop that fuel would allow and the clock does not",
        wasm: || scorecard(Module::default(), LOOP),
        end: Stopped("timeout"),
    },
    Attack {
        name: "filling memory over and over: one instruction, much time",
        wasm: || {
            let body = "(loop $again
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 33554432)) (br $again)) (unreachable)";
            scorecard(
                Module {
                    pages: 512,
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("timeout"),
    },
    Attack {
        name: "copying memory over and over",
        wasm: || {
            let body = "(loop $again
                (memory.copy (i32.const 0) (i32.const 16777216) (i32.const 16777216)) (br $again)) (unreachable)";
            scorecard(
                Module {
                    pages: 512,
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("timeout"),
    },
    Attack {
        name: "filling a table over and over",
        wasm: || {
            let body = "(loop $again
                (table.fill $t (i32.const 0) (ref.null func) (i32.const 9000)) (br $again)) (unreachable)";
            scorecard(
                Module {
                    items: "(table $t 9000 funcref)",
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("timeout"),
    },
    Attack {
        name: "a flood of host calls that cost the host more than the guest",
        wasm: || {
            let imports = r#"(import "cx:host/key-value@0.1.0" "get" (func $kv (param i32 i32 i32)))"#;
            let body = "(loop $again
                (call $kv (i32.const 64) (i32.const 3) (i32.const 256)) (br $again)) (unreachable)";
            let realloc = "(return (i32.const 4096))";
            scorecard(
                Module {
                    imports,
                    realloc,
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("timeout"),
    },
    Attack {
        name: "growing memory by nothing for ever",
        wasm: || {
            scorecard(
                Module::default(),
                "(loop $a (drop (memory.grow (i32.const 0))) (br $a)) (unreachable)",
            )
        },
        end: Stopped("timeout"),
    },
    Attack {
        name: "waiting for the clock to move on",
        wasm: || {
            let imports = r#"(import "cx:host/clock@0.1.0" "now" (func $now (result i64)))"#;
            let body = "(loop $again (br_if $again (i64.eq (call $now) (call $now)))) (unreachable)";
            scorecard(
                Module {
                    imports,
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("timeout"),
    },
];

#[test]
fn nothing_runs_for_ever() {
    run(ATTACKS);
}
