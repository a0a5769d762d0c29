//! Attacks with texts and bytes: encodings that are none, and too much of it.

use wit_component::StringEncoding;

use super::attack::{
    Attack,
    End::{Answered, Stopped},
    flow, here, routing, run, says,
};
use crate::guest::{DATA, Module, bytes, encoded, error};

/// `err(error)` in an encoding of strings.
fn wide(encoding: StringEncoding, units: u32, text: &[u8]) -> Vec<u8> {
    let mut data = bytes(&[1, 0, DATA + 40, units, DATA + 40, 0, 0, 0, 0, 0]);
    data.extend(text);
    let wat = says(data).routing_wat(&here());
    encoded("routing-strategy", &wat, encoding)
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "text that is not UTF-8",
        wasm: || routing(says(error(8, b"\xff\xfe", b"x")), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "an overlong slash",
        wasm: || routing(says(error(8, b"\xc0\xaf", b"x")), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "text cut within a character",
        wasm: || routing(says(error(8, b"\xe5\x91", b"x")), &here()),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "UTF-16 with half a pair",
        wasm: || wide(StringEncoding::UTF16, 1, &[0x00, 0xd8]),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "UTF-16 whose length overflows when doubled",
        wasm: || wide(StringEncoding::UTF16, 0x8000_0001, &[]),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "Latin-1 that claims to be UTF-16 of two thousand million units",
        wasm: || wide(StringEncoding::CompactUTF16, u32::MAX, &[]),
        end: Stopped("invalid-answer"),
    },
    Attack {
        name: "a state of 3 MiB",
        wasm: || {
            flow(
                Module {
                    pages: 64,
                    ..says(bytes(&[0, 0, 3 << 20, 0, 0]))
                },
                &here(),
            )
        },
        end: Stopped("oversize"),
    },
    Attack {
        name: "a state of 20,000 bytes",
        wasm: || flow(says(bytes(&[0, 0, 20_000, 0, 0])), &here()),
        end: Answered("oversize"),
    },
    Attack {
        name: "one text, a thousand times: 32 lists of 32 prompts that share their bytes",
        wasm: || {
            // 32 actions `play`, each with the same list of 32 prompts `say`, each with the same text.
            let (prompts, text) = (DATA + 24 + 32 * 48, DATA + 24 + 32 * 48 + 32 * 24);
            let mut words = vec![0, 0, 0, DATA + 24, 32, 0];
            for _ in 0..32 {
                words.extend([0, 0, prompts, 32, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            for _ in 0..32 {
                words.extend([1, 0, text, 2_048, text, 2]);
            }
            let mut data = bytes(&words);
            data.extend([b'x'; 2_048]);
            flow(says(data), &here())
        },
        end: Stopped("oversize"),
    },
    Attack {
        name: "an error message of 100,000 bytes",
        wasm: || {
            let mut data = bytes(&[1, 0, DATA + 32, 4, 196_608, 100_000, 0, 0]);
            data.extend(b"code");
            routing(
                Module {
                    pages: 8,
                    ..says(data)
                },
                &here(),
            )
        },
        end: Answered("plugin-error"),
    },
];

#[test]
fn what_is_no_text_is_not_shown_to_anybody() {
    run(ATTACKS);
}
