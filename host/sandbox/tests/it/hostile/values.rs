//! Attacks on the reading of answers: lengths that lie, pointers into nowhere, values that are none.

use super::attack::{
    Attack,
    End::{Answered, Harmless, Stopped},
    flow, here, outbound, routing, run, says, scorecard, tags,
};
use crate::guest::{DATA, Module, bytes, error, plan};

/// `ok(plan)` with a list of assignments at any place.
fn list(at: u32, len: u32) -> Vec<u8> {
    routing(says(bytes(&[0, 0, at, len, 0, 0, 0, 0, 0, 0])), &here())
}

/// `ok(next)` with this state and one `gather` whose terminator is this character.
fn terminator(char: u32) -> Vec<u8> {
    flow(
        says(bytes(&[
            0,
            0,
            0,
            DATA + 24,
            1,
            0,
            1,
            0,
            0,
            0,
            1,
            1,
            char,
            0,
            1_000,
            0,
            1_000,
            0,
        ])),
        &here(),
    )
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "a list beyond the end of memory",
        wasm: || list(u32::MAX - 15, 2),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a list of four thousand million entries",
        wasm: || list(8, u32::MAX),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "address and length that overflow together",
        wasm: || list(0x7fff_fff0, 0x1000_0000),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a list one entry longer than memory",
        wasm: || list(2 * 65_536 - 8, 2),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a list at an odd address",
        wasm: || list(DATA + 41, 1),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an answer outside of memory",
        wasm: || routing(Module::default(), "(i32.const -8)"),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an answer at an odd address",
        wasm: || routing(Module::default(), "(i32.const 3)"),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an answer that ends beyond memory",
        wasm: || routing(Module::default(), "(i32.const 131064)"),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a result that is neither ok nor error",
        wasm: || routing(says(vec![9]), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an option that is neither there nor not",
        wasm: || routing(says(bytes(&[0, 0, 0, 0, 0, 0, 7, 0, 0, 0])), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an action that does not exist",
        wasm: || flow(says(bytes(&[0, 0, 0, DATA + 24, 1, 0, 99])), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a channel that does not exist",
        wasm: || outbound(says(bytes(&[0, 0, 2, 0, 77, 0, 0, 0])), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a character that is half a pair",
        wasm: || terminator(0xd800),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a character beyond Unicode",
        wasm: || terminator(0x0011_0000),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a character that is one, and no terminator",
        wasm: || terminator('\u{202e}' as u32),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a truth of 255",
        wasm: || {
            let mut data = error(8, b"maybe", b"x");
            data[24] = 255;
            routing(says(data), &here())
        },
        end: Answered("plugin-error"),
    },
    Attack {
        name: "cabi_realloc that gives out an address outside of memory",
        wasm: || {
            routing(
                Module {
                    realloc: "(return (i32.const -16))",
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "cabi_realloc that gives out an odd address",
        wasm: || {
            routing(
                Module {
                    realloc: "(return (i32.const 4097))",
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "cabi_realloc that gives out the last byte",
        wasm: || {
            routing(
                Module {
                    realloc: "(return (i32.const 131064))",
                    ..Module::default()
                },
                &here(),
            )
        },
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "cabi_realloc that gives out the answer's own place",
        wasm: || {
            let module = Module {
                realloc: "(return (i32.const 1024))",
                ..says(plan(&[(0, 0)], &[]))
            };
            routing(
                module,
                "(memory.fill (i32.const 1024) (i32.const 0) (i32.const 64)) (i32.const 1024)",
            )
        },
        end: Harmless,
    },
    Attack {
        name: "points that are not a number",
        wasm: || scorecard(says(item(f64::NAN, 1.0)), &here()),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a weight without end",
        wasm: || scorecard(says(item(1.0, f64::INFINITY)), &here()),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a phase that does not exist",
        wasm: || {
            let mut data = bytes(&[0, 0, 0, DATA + 24, 1, 0]);
            data.extend([200, 3, 0, 0, 0, 0, 0, 0]);
            scorecard(says(data), &here())
        },
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a tag change that does not exist",
        wasm: || tags(says(bytes(&[0, DATA + 16, 1, 0, 3])), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a moment at the end of time",
        wasm: || {
            routing(
                says(bytes(&[0, 0, 0, 0, 0, 0, 1, 0, u32::MAX, u32::MAX])),
                &here(),
            )
        },
        end: Harmless,
    },
];

/// `ok(evaluation)` with one item.
fn item(points: f64, weight: f64) -> Vec<u8> {
    let mut data = bytes(&[0, DATA + 24, 1, 0, 0, 0, DATA + 112, 1, 0, 0]);
    for number in [10.0, weight] {
        data.extend(f64::to_le_bytes(number));
    }
    data.extend(bytes(&[0, 0, 0, 0]));
    data.extend(points.to_le_bytes());
    data.resize(112, 0);
    data.push(b'a');
    data
}

#[test]
fn what_cannot_be_read_is_not_believed() {
    run(ATTACKS);
}
