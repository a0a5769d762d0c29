//! Attacks through the answer: too much of it, and targets that are not the plugin's to name.

use super::attack::{
    Attack,
    End::{Answered, Harmless},
    flow, here, outbound, routing, run, says, scorecard, tags,
};
use crate::guest::{DATA, Module, bytes, plan};

/// A strategy that answers with this plan; the question has 3 pieces of work and 2 agents with room for 2 each.
fn plans(pairs: &[(u32, u32)], overflows: &[u32]) -> Vec<u8> {
    routing(says(plan(pairs, overflows)), &here())
}

/// A flow that answers with these actions, of 48 bytes each: a case and its payload. Then `text`.
fn acts(actions: &[(u32, &[u32])], text: &str) -> Vec<u8> {
    let mut words = vec![0, 0, 0, DATA + 24, actions.len() as u32, 0];
    for (case, payload) in actions {
        let end = words.len() + 12;
        words.extend([*case, 0]);
        words.extend_from_slice(payload);
        words.resize(end, 0);
    }
    let mut data = bytes(&words);
    data.extend(text.as_bytes());
    flow(says(data), &here())
}

/// Where the text behind one action lies.
const TEXT: u32 = DATA + 24 + 48;

const PLAY: u32 = 0;
const ENQUEUE: u32 = 2;
const RECORD: u32 = 3;
const SET: u32 = 4;
const ASK_SURVEY: u32 = 5;
const SET_TIMER: u32 = 6;
const END: u32 = 7;

/// A tagger that answers with `times` changes of this case, with a name, a confidence and no reason.
fn changes(times: usize, case: u32, name: u32, confidence: u32) -> Vec<u8> {
    let mut words = vec![0, DATA + 16, times as u32, 0];
    for _ in 0..times {
        words.extend([case, 0, 512, name, confidence, 0, 0, 0, 0, 0, 0, 0]);
    }
    tags(
        Module {
            pages: 8,
            ..says(bytes(&words))
        },
        &here(),
    )
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "an agent who is not in the snapshot",
        wasm: || plans(&[(0, 9)], &[]),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "work of nobody's queue",
        wasm: || plans(&[(u32::MAX, 0)], &[]),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "the same work twice",
        wasm: || plans(&[(1, 0), (1, 1)], &[]),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "more work than an agent can have",
        wasm: || plans(&[(0, 0), (1, 0), (2, 0)], &[]),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "work both assigned and overflowed",
        wasm: || plans(&[(0, 0)], &[0]),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "ten thousand assignments",
        wasm: || {
            let module = Module {
                pages: 8,
                ..says(bytes(&[0, 0, 2_048, 10_000, 0, 0, 0, 0, 0, 0]))
            };
            routing(module, &here())
        },
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "thirty-three actions",
        wasm: || acts(&[(RECORD, [].as_slice()); 33], ""),
        end: Answered("oversize"),
    },
    Attack {
        name: "actions after the end of the call",
        wasm: || acts(&[(END, &[]), (PLAY, &[])], ""),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a prompt outside of the library",
        wasm: || acts(&[(PLAY, &[TEXT, 1])], &prompt(0, "../../etc/passwd")),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a thousand prompts",
        wasm: || acts(&[(PLAY, &[32_768, 1_000])], ""),
        end: Answered("oversize"),
    },
    Attack {
        name: "a queue named like the way into another tenant's",
        // The core looks queues up by name among the tenant's own: this is nobody's.
        wasm: || acts(&[(ENQUEUE, &[TEXT, 20, 0, 0, 0])], "../acme/queue:support"),
        end: Harmless,
    },
    Attack {
        name: "a queue without name",
        wasm: || acts(&[(ENQUEUE, &[TEXT, 0, 0, 0, 0])], ""),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "the front of every queue: a priority of two thousand million",
        wasm: || acts(&[(ENQUEUE, &[TEXT, 7, 0, 0, i32::MAX as u32])], "support"),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "ten thousand needs",
        wasm: || acts(&[(ENQUEUE, &[TEXT, 7, 2_048, 10_000, 0])], "support"),
        end: Answered("oversize"),
    },
    Attack {
        name: "an attribute of 60,000 bytes",
        wasm: || acts(&[(SET, &[TEXT, 1, 2_048, 60_000])], "k"),
        end: Answered("oversize"),
    },
    Attack {
        name: "a survey for digits that no keypad has",
        wasm: || acts(&[(ASK_SURVEY, &[TEXT, 4, 0, 0, 0xff00])], "csat"),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a timer that runs out at once, to be asked again and again",
        wasm: || acts(&[(SET_TIMER, &[TEXT, 1, 0, 0])], "t"),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a timer in half a thousand million years",
        wasm: || acts(&[(SET_TIMER, &[TEXT, 1, u32::MAX, u32::MAX])], "t"),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a hundred and one tags",
        wasm: || changes(101, 0, 3, 50),
        end: Answered("oversize"),
    },
    Attack {
        name: "a tag surer than sure",
        wasm: || changes(1, 0, 3, 101),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a tag without name",
        wasm: || changes(1, 2, 0, 0),
        end: Answered("invalid-answer"),
    },
    Attack {
        name: "a reason of 100,000 bytes for a ruling",
        wasm: || {
            let module = Module {
                pages: 8,
                ..says(bytes(&[0, 0, 0, 0, 0, 0, 2_048, 100_000, 0, 0, 0, 0]))
            };
            outbound(module, &here())
        },
        end: Answered("oversize"),
    },
    Attack {
        name: "a hundred and one items",
        wasm: || {
            let module = Module {
                pages: 8,
                ..says(bytes(&[0, 2_048, 101, 0, 0]))
            };
            scorecard(module, &here())
        },
        end: Answered("oversize"),
    },
    Attack {
        name: "an emotion of 0 and of 6",
        wasm: || {
            let mut data = bytes(&[0, 0, 0, DATA + 24, 2, 0]);
            data.extend([0, 0]);
            data.resize(24 + 40, 0);
            data.extend([1, 6]);
            scorecard(says(data), &here())
        },
        end: Answered("invalid-answer"),
    },
];

/// A `prompt` (case and one text) that lies at [`TEXT`], followed by its text.
fn prompt(case: u32, text: &str) -> String {
    let words = [case, 0, TEXT + 24, text.len() as u32, 0, 0];
    String::from_utf8(bytes(&words)).unwrap() + text
}

#[test]
fn no_answer_reaches_further_than_the_contract() {
    run(ATTACKS);
}
