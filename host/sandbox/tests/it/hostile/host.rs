//! Attacks on the host's functions: floods and arguments that lie.

use jackfield_types::limits::MAX_PLUGIN_LOG_BYTES;

use super::attack::{
    Attack,
    End::{Harmless, Stopped},
    decide, flow, here, routing, run, says, scorecard,
};
use crate::{
    fixture,
    guest::{Module, plan},
};

const LOG: &str = r#"(import "cx:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
const GET: &str = r#"(import "cx:host/config@0.1.0" "get" (func $get (param i32)))"#;

fn good_plan() -> Module<'static> {
    says(plan(&[(0, 0)], &[]))
}

/// A strategy that writes one line with these arguments, then answers well.
fn logs(arguments: &str) -> Vec<u8> {
    let module = Module {
        imports: LOG,
        pages: 64,
        ..good_plan()
    };
    routing(module, &format!("(call $log {arguments}) {}", here()))
}

/// The body that calls `call` so many times and then answers with the data.
fn again(call: &str) -> String {
    format!(
        "(loop $again {call}
            (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $again (global.get $n))) {}",
        here()
    )
}

/// A scorecard, since it has the time, that calls `call` so many times and then answers with an empty form.
fn floods(imports: &str, call: &str, times: u32) -> Vec<u8> {
    let items = &format!("(global $n (mut i32) (i32.const {times}))");
    let realloc = "(return (i32.const 32768))";
    scorecard(
        Module {
            imports,
            items,
            realloc,
            ..says(vec![0; 24])
        },
        &again(call),
    )
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "a flood of empty log lines",
        wasm: || {
            floods(
                LOG,
                "(call $log (i32.const 1) (i32.const 0) (i32.const 0))",
                5_000,
            )
        },
        end: Harmless,
    },
    Attack {
        name: "a log line that is appended to without end",
        wasm: || {
            floods(
                r#"(import "cx:host/log@0.1.0" "append" (func $append (param i64)))"#,
                "(call $append (i64.const 0x4141414141414141))",
                20_000,
            )
        },
        end: Harmless,
    },
    Attack {
        name: "a level of a skill, and a word of the configuration, that are not there: both are 0",
        wasm: || {
            let module = Module {
                imports: r#"(import "cx:routing-strategy/details@0.1.0" "level" (func $level (param i32 i32) (result i32)))
                    (import "cx:host/config@0.1.0" "word" (func $word (param i32) (result i64)))"#,
                ..good_plan()
            };
            let body = "(if (call $level (i32.const -1) (i32.const 255)) (then (unreachable)))
                (if (i64.ne (call $word (i32.const -1)) (i64.const 0)) (then (unreachable)))";
            routing(module, &format!("{body} {}", here()))
        },
        end: Harmless,
    },
    Attack {
        name: "a log line of 3 MiB",
        wasm: || logs("(i32.const 1) (i32.const 65536) (i32.const 3145728)"),
        end: Stopped("oversize"),
    },
    Attack {
        name: "a log line outside of memory",
        wasm: || logs("(i32.const 1) (i32.const -100) (i32.const 200)"),
        end: Stopped("trap"),
    },
    Attack {
        name: "a log line of a level that does not exist",
        wasm: || logs("(i32.const 44) (i32.const 0) (i32.const 3)"),
        end: Stopped("trap"),
    },
    Attack {
        name: "a log line that is not UTF-8",
        wasm: || {
            let mut data = plan(&[(0, 0)], &[]);
            data.extend([0xff; 8]);
            let module = Module {
                imports: LOG,
                data,
                ..Module::default()
            };
            routing(
                module,
                "(call $log (i32.const 1) (i32.const 1072) (i32.const 8)) (unreachable)",
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a host call that is to answer outside of memory",
        wasm: || {
            let module = Module {
                imports: GET,
                ..good_plan()
            };
            routing(module, &format!("(call $get (i32.const -4)) {}", here()))
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a host call that is to answer at an odd address",
        wasm: || {
            let module = Module {
                imports: GET,
                ..good_plan()
            };
            routing(module, &format!("(call $get (i32.const 257)) {}", here()))
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "120 keys in one decision: each beyond the 64th is refused as a value",
        wasm: || {
            let call = "(i32.store8 (i32.const 512) (global.get $n))
                (call $set (i32.const 512) (i32.const 1) (i32.const 0) (i32.const 9) (i32.const 256))";
            floods("", call, 120)
        },
        end: Harmless,
    },
    Attack {
        name: "a value of 60,000 bytes: refused as a value",
        wasm: || {
            let call =
                "(call $set (i32.const 512) (i32.const 1) (i32.const 0) (i32.const 60000) (i32.const 256))";
            floods("", call, 1)
        },
        end: Harmless,
    },
    Attack {
        name: "a key of another binding: nothing is there",
        wasm: || {
            let imports = r#"(import "cx:host/key-value@0.1.0" "get" (func $kv (param i32 i32 i32)))"#;
            floods(
                imports,
                "(call $kv (i32.const 1024) (i32.const 8) (i32.const 256))",
                1,
            )
        },
        end: Harmless,
    },
    Attack {
        name: "entries beyond the snapshot: refused as values",
        wasm: || {
            let module = Module {
                imports: r#"(import "cx:routing-strategy/details@0.1.0" "agent-id" (func $agent (param i32 i32)))"#,
                items: "(global $n (mut i32) (i32.const 50))",
                realloc: "(return (i32.const 32768))",
                ..good_plan()
            };
            routing(
                module,
                &again("(call $agent (i32.sub (i32.const 0) (global.get $n)) (i32.const 256))"),
            )
        },
        end: Harmless,
    },
    Attack {
        name: "another tenant's queue: refused as a value",
        wasm: || {
            let module = Module {
                imports: r#"(import "cx:call/calls@0.1.0" "queue" (func $queue (param i32 i32 i32)))"#,
                data: [vec![0; 24], b"acme/support".to_vec()].concat(),
                ..Module::default()
            };
            flow(
                module,
                "(call $queue (i32.const 1048) (i32.const 12) (i32.const 256)) (i32.const 1024)",
            )
        },
        end: Harmless,
    },
    Attack {
        name: "a function name of a megabyte in the backtrace",
        wasm: || {
            let name = "n".repeat(1_000_000);
            let items = &format!("(func ${name} (unreachable)) (func $call (call ${name}) (call $call))");
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                "(call $call) (unreachable)",
            )
        },
        end: Stopped("trap"),
    },
    Attack {
        name: "a mangled function name that means a gigabyte",
        wasm: || {
            // The type ((((!, !), …), …), …), each half a reference to the other.
            let digits = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
            let deep = 40;
            let halves: String = (4..=3 + deep)
                .rev()
                .map(|at: usize| format!("B{}_E", char::from(digits[at - 1])))
                .collect();
            let name = format!("_RMC0{}p{halves}", "T".repeat(deep));
            let items = &format!("(func ${name} (unreachable))");
            routing(
                Module {
                    items,
                    ..Module::default()
                },
                &format!("(call ${name}) (unreachable)"),
            )
        },
        end: Stopped("trap"),
    },
];

#[test]
fn the_host_gives_and_takes_within_its_limits() {
    run(ATTACKS);
}

#[test]
fn what_a_flood_leaves_is_cut() {
    let fixture = fixture();
    for attack in ATTACKS {
        let decision = decide(&fixture.sandbox.load(&(attack.wasm)()).unwrap(), attack.end);
        match attack.name {
            name if name.starts_with("a flood of empty") => assert_eq!(decision.log.len(), 2_047),
            name if name.starts_with("a log line that is appended") => {
                let bytes: Vec<_> = decision.log.iter().map(|line| line.message.len()).collect();
                assert_eq!(bytes, [MAX_PLUGIN_LOG_BYTES - 32]);
            }
            name if name.starts_with("120 keys") => assert_eq!(decision.kv_writes.len(), 64),
            name if name.starts_with("a value of") => {
                assert_eq!(decision.kv_writes.len(), 1, "the mark alone")
            }
            _ => assert!(
                decision.kv_writes.len() <= 1 && decision.log.is_empty(),
                "{}",
                attack.name
            ),
        }
    }
}
