//! Attacks on memory: linear memories, tables, stacks, instances.

use jackfield_sandbox::LoadError;

use super::{
    attack::{
        Attack,
        End::{Harmless, Stopped},
        here, routing, run, says, scorecard,
    },
    whole::whole,
};
use crate::{
    fixture,
    guest::{Module, plan},
};

const GROW: &str =
    "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "growing memory until it is refused",
        wasm: || routing(Module::default(), GROW),
        end: Stopped("memory"),
    },
    Attack {
        name: "growing memory by 4 GiB at once",
        wasm: || {
            let body = "(if (i32.eq (memory.grow (i32.const 65534)) (i32.const -1)) (then (unreachable))) (unreachable)";
            routing(Module::default(), body)
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "growing memory in the start function",
        wasm: || {
            let items = &format!("(func $hog {GROW}) (start $hog)");
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "growing memory in cabi_realloc",
        wasm: || {
            let module = Module {
                realloc: GROW,
                ..Module::default()
            };
            routing(module, &here())
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "memory that is born above the ceiling",
        wasm: || {
            routing(
                Module {
                    pages: 300,
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "four memories that are below the ceiling one by one",
        wasm: || {
            let items = "(memory $b 80) (memory $c 80) (memory $d 80)";
            routing(
                Module {
                    items,
                    pages: 80,
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "memories in several instances",
        wasm: || {
            whole(
                r#"(core module $hog (memory 100))
                (core instance (instantiate $hog)) (core instance (instantiate $hog)) (core instance (instantiate $hog))"#,
                "(unreachable)",
            )
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "growing a table until it is refused",
        wasm: || {
            let body = "(loop $again
                (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) (unreachable)";
            routing(
                Module {
                    items: "(table $t 1 funcref)",
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("memory"),
    },
    Attack {
        name: "recursion without end",
        wasm: || {
            let items = "(func $dig (call $dig) (drop (i32.const 0)))";
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                "(call $dig) (unreachable)",
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "recursion through a table",
        wasm: || {
            let items = "(type $f (func)) (table funcref (elem $dig))
                (func $dig (type $f) (call_indirect (type $f) (i32.const 0)) (drop (i32.const 0)))";
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                "(call $dig) (unreachable)",
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a stack frame of thousands of values, recursive",
        wasm: || {
            let params = "i64 ".repeat(900);
            let gets: String = (0..900).map(|n| format!("(local.get {n})")).collect();
            let zeros = "(i64.const 1)".repeat(900);
            let items = &format!(
                "(func $wide (param {params}) (result i64) (call $wide {gets}) (i64.add (local.get 899)))"
            );
            let body = &format!("(drop (call $wide {zeros})) (unreachable)");
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                body,
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "recursion in cabi_realloc",
        wasm: || {
            let realloc = "(drop (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3)))";
            routing(
                Module {
                    realloc,
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "touching every page there is, then answering",
        wasm: || {
            let body = "(drop (memory.grow (i32.const 250)))
                (loop $again
                    (i32.store8 (i32.shl (global.get $page) (i32.const 16)) (i32.const 255))
                    (global.set $page (i32.sub (global.get $page) (i32.const 1)))
                    (br_if $again (global.get $page))) (i32.const 1024)";
            scorecard(
                Module {
                    items: "(global $page (mut i32) (i32.const 251))",
                    ..says(vec![0; 24])
                },
                body,
            )
        },
        end: Harmless,
    },
    Attack {
        name: "an allocator that gives out the same place for everything",
        wasm: || {
            let module = Module {
                realloc: "(return (i32.const 2048))",
                ..says(plan(&[(0, 0)], &[]))
            };
            routing(module, &here())
        },
        end: Harmless,
    },
    Attack {
        name: "as many instances as a component may have",
        wasm: || {
            let more = "(core instance (instantiate $empty))".repeat(35);
            whole(&format!("(core module $empty (func)) {more}"), "(i32.const 1024)")
        },
        end: Harmless,
    },
];

#[test]
fn nothing_takes_more_than_its_ceiling() {
    run(ATTACKS);
}

#[test]
fn what_no_slot_of_the_pool_can_hold_is_not_loaded() {
    let fixture = fixture();
    let more = |one: &str, times| one.repeat(times);
    for (name, wasm, part) in [
        (
            "memory of 128 MiB",
            routing(
                Module {
                    pages: 2_048,
                    ..Module::default()
                },
                &here(),
            ),
            "memory",
        ),
        (
            "five memories",
            routing(
                Module {
                    items: &more("(memory 1)", 4),
                    ..Module::default()
                },
                &here(),
            ),
            "memories",
        ),
        (
            "seventeen tables",
            routing(
                Module {
                    items: &more("(table 1 funcref)", 17),
                    ..Module::default()
                },
                &here(),
            ),
            "tables",
        ),
        (
            "a table of a million",
            routing(
                Module {
                    items: "(table 1000000 funcref)",
                    ..Module::default()
                },
                &here(),
            ),
            "table",
        ),
        (
            "forty-one instances",
            whole(
                &format!(
                    "(core module $empty (func)) {}",
                    more("(core instance (instantiate $empty))", 41)
                ),
                "(unreachable)",
            ),
            "instances",
        ),
        (
            "an instance with more globals than its record has room for",
            scorecard(
                Module {
                    items: &more("(global (mut i64) (i64.const 0))", 150_000),
                    ..Module::default()
                },
                &here(),
            ),
            "instance",
        ),
    ] {
        match fixture.sandbox.load(&wasm) {
            Err(LoadError::Compile(why)) => assert!(why.contains(part), "{name}: {why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
