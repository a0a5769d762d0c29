//! Components that break the rules of WebAssembly, or those of this host: features, sizes, depths, damage.

use super::refused::{Refusal::Malformed, Row, text};
use crate::guest::{good, manifest, with_manifest};

pub(super) const ATTACKS: &[Row] = &[
    (
        "shared memory",
        || raw("(memory 1 1 shared)"),
        Malformed,
        "shared",
    ),
    (
        "waiting for another thread",
        || {
            raw(
                "(memory 1 1 shared) (func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))",
            )
        },
        Malformed,
        "",
    ),
    ("64-bit memory", || raw("(memory i64 1)"), Malformed, "memory64"),
    ("exceptions", || raw("(tag)"), Malformed, "exceptions"),
    (
        "garbage collection",
        || raw("(type (array (mut i8)))"),
        Malformed,
        "gc",
    ),
    (
        "relaxed SIMD",
        || raw("(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))"),
        Malformed,
        "relaxed",
    ),
    (
        "component async",
        || text("(component (core func (canon task.cancel)))"),
        Malformed,
        "async",
    ),
    (
        "threads of the component model",
        || {
            text(
                "(component (core type $f (func (param i32))) (core func (canon thread.available_parallelism)))",
            )
        },
        Malformed,
        "",
    ),
    (
        "50,001 locals",
        || raw(&format!("(func (local {}))", "i32 ".repeat(50_001))),
        Malformed,
        "local",
    ),
    (
        "a function of 1,001 parameters",
        || raw(&format!("(func (param {}))", "i32 ".repeat(1_001))),
        Malformed,
        "param",
    ),
    (
        "a hundred and one memories",
        || raw(&"(memory 0)".repeat(101)),
        Malformed,
        "memories",
    ),
    (
        "a thousand components in a component",
        || text(&format!("(component {})", "(component)".repeat(1_001))),
        Malformed,
        "components",
    ),
    (
        "components in components, two thousand deep",
        || text_nested(2_000),
        Malformed,
        "",
    ),
    (
        "types in types, ten thousand deep",
        || types_nested(10_000),
        Malformed,
        "too deep",
    ),
    (
        "a type that doubles thirty times",
        || {
            let types: String = (0..30).map(|n| format!("(type (tuple {n} {n}))")).collect();
            text(&format!("(component (type (tuple u8 u8)) {types})"))
        },
        Malformed,
        "type size",
    ),
    (
        "a section longer than the file",
        || [good(), vec![0, 0xff, 0xff, 0xff, 0x7f, 1, b'x']].concat(),
        Malformed,
        "",
    ),
    (
        "bytes behind the end",
        || [good(), vec![0xde, 0xad]].concat(),
        Malformed,
        "",
    ),
    (
        "a component start function",
        || text("(component (start 0))"),
        Malformed,
        "",
    ),
];

/// A component with a core module of these items, unchecked until the sandbox looks at it.
fn raw(items: &str) -> Vec<u8> {
    text(&format!("(component (core module {items}))"))
}

/// Sections by hand: the text format would not let them through.
fn section(id: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(crate::guest::leb(body.len()));
    section.extend(body);
    section
}

const HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

fn text_nested(deep: usize) -> Vec<u8> {
    let inner = (0..deep).fold(HEADER.to_vec(), |inner, _| {
        [HEADER.to_vec(), section(4, &inner)].concat()
    });
    with_manifest(inner, &manifest("routing-strategy"))
}

/// A component type that holds a component type that holds…
fn types_nested(deep: usize) -> Vec<u8> {
    let mut body = vec![1];
    for _ in 0..deep {
        // `component` with one declaration, a type.
        body.extend([0x41, 1, 1]);
    }
    body.extend([0x41, 0]);
    with_manifest(
        [HEADER.to_vec(), section(7, &body)].concat(),
        &manifest("routing-strategy"),
    )
}
