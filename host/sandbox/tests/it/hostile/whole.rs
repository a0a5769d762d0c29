//! Components that no tool would build: the text of the whole component, for attacks that need more than one core
//! instance or unusual canonical functions.

use crate::guest::{manifest, with_manifest};

/// A routing strategy. `items` stand before its main core instance, whose imports they give as `$imports` when
/// `imports` asks for any; `body` leaves the address of its answer, and an empty plan lies at 1024.
pub(super) fn with_imports(items: &str, imports: &str, with: &str, main: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
        (import "cx:types/types@0.1.0" (instance $types
            (type (record (field "code" string) (field "message" string) (field "retryable" bool)))
            (export "error" (type (eq 0)))
            (type u64)
            (export "timestamp" (type (eq 2)))))
        (alias export $types "timestamp" (type $timestamp))
        (import "cx:routing-strategy/types@0.1.0" (instance $routing
            (type (option u32))
            (type (record (field "needs" u64) (field "waiting" u32) (field "priority" s32) (field "last-agent" 0)))
            (export "work" (type (eq 1)))
            (type (record (field "skills" u64) (field "idle" u32) (field "load" u16) (field "capacity" u16)))
            (export "agent" (type (eq 3)))
            (type (list 2))
            (type (list 4))
            (type (record (field "work" 5) (field "agents" 6)))
            (export "snapshot" (type (eq 7)))
            (type (record (field "work" u32) (field "agent" u32)))
            (export "assignment" (type (eq 9)))
            (alias outer 1 $timestamp (type))
            (export "timestamp" (type (eq 11)))
            (type (list 10))
            (type (list u32))
            (type (option 12))
            (type (record (field "assignments" 13) (field "overflows" 14) (field "look-again-at" 15)))
            (export "plan" (type (eq 16)))))
        (import "cx:host/clock@0.1.0" (instance $clock (export "now" (func (result u64)))))
        {items}
        (core module $main
            {imports}
            (memory (export "memory") 2)
            (global $heap (mut i32) (i32.const 65536))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $heap)
                (global.set $heap (i32.and (i32.add (i32.add (global.get $heap) (local.get 3)) (i32.const 15)) (i32.const -16))))
            {main}
            (func (export "assign") (param i32 i32 i32 i32) (result i32) {body}))
        (core instance $main (instantiate $main {with}))
        (alias export $types "error" (type $error))
        (alias export $routing "snapshot" (type $snapshot))
        (alias export $routing "plan" (type $plan))
        (type $assign (func (param "snapshot" $snapshot) (result (result $plan (error $error)))))
        (func $assign (type $assign) (canon lift (core func $main "assign")
            (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
        (instance $strategy
            (export "error" (type $error))
            (export "snapshot" (type $snapshot))
            (export "plan" (type $plan))
            (export "assign" (func $assign)))
        (export "cx:routing-strategy/strategy@0.1.0" (instance $strategy)))"#
    );
    let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    with_manifest(component, &manifest("routing-strategy"))
}

/// A routing strategy whose main core instance imports nothing.
pub(super) fn whole(items: &str, body: &str) -> Vec<u8> {
    with_imports(items, "", "", "", body)
}
