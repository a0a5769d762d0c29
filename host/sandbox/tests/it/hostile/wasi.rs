//! Attacks by way of WASI: it has the functions of a system and none of its power.

use jackfield_contact::decision::Answer;
use jackfield_sandbox::{Decision, LogLevel};

use super::attack::{here, says};
use crate::{
    env, fixture,
    guest::{Module, plan},
    queue,
};

const IMPORTS: &str = r#"
    (import "cx:host/key-value@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "wasi:cli/stdout@0.2.12" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
    (import "wasi:cli/stdin@0.2.12" "get-stdin" (func $stdin (result i32)))
    (import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))
    (import "wasi:cli/environment@0.2.12" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.12" "get-arguments" (func $arguments (param i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]input-stream.read" (func $read (param i32 i64 i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $timer (param i64) (result i32)))
    (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/insecure-seed@0.2.12" "insecure-seed" (func $seed (param i32)))
    (import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $directories (param i32)))
    (import "wasi:filesystem/types@0.2.12" "[method]descriptor.read-via-stream" (func $open (param i32 i64 i32)))
    (import "wasi:sockets/tcp-create-socket@0.2.12" "create-tcp-socket" (func $socket (param i32 i32)))
    (import "wasi:sockets/instance-network@0.2.12" "instance-network" (func $network (result i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.12" "resolve-addresses" (func $lookup (param i32 i32 i32 i32)))"#;

/// Asks a strategy that runs `body` and then keeps the 256 bytes from 2048 on.
fn ask(items: &str, body: &str, question: usize) -> Decision {
    let module = Module {
        imports: IMPORTS,
        items,
        ..says(plan(&[(0, 0)], &[]))
    };
    let keep = "(call $set (i32.const 64) (i32.const 3) (i32.const 2048) (i32.const 256) (i32.const 512))";
    let wasm = module.routing_with_wasi(&format!("{body} {keep} {}", here()));
    let fixture = fixture();
    fixture
        .sandbox
        .load(&wasm)
        .unwrap()
        .decide(queue(question, 2), env())
}

fn seen(decision: &Decision) -> &[u8] {
    assert!(matches!(decision.result, Ok(Answer::Routing(_))), "{decision:?}");
    decision.kv_writes[0].1.as_deref().unwrap()
}

fn word(seen: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(seen[at..at + 8].try_into().unwrap())
}

#[test]
fn time_and_chance_follow_from_the_decision() {
    let probe = "
        (call $wall (i32.const 2048))
        (i64.store (i32.const 2064) (call $monotonic))
        (call $block (call $timer (i64.const 3600000000000)))
        (i64.store (i32.const 2072) (call $monotonic))
        (call $wall (i32.const 2080))
        (i64.store (i32.const 2096) (call $random))
        (i64.store (i32.const 2104) (call $random))
        (call $seed (i32.const 2112))";
    let first = ask("", probe, 3);
    let found = seen(&first);
    let now = env().now.0;
    for at in [0, 32] {
        assert_eq!(word(found, at), now / 1_000, "the wall clock stands still");
    }
    assert_eq!(word(found, 16), 1_000);
    assert!(
        word(found, 24) >= 3_600_000_000_000,
        "who waits an hour waits no time"
    );
    assert_ne!(word(found, 48), word(found, 56));
    let again = ask("", probe, 3);
    assert_eq!(seen(&again), found);
    assert_eq!(again.receipt.fuel, first.receipt.fuel);
    let other = ask("", probe, 4);
    assert_ne!(
        word(seen(&other), 48),
        word(found, 48),
        "another question, other chance"
    );
}

#[test]
fn a_flood_of_lines_is_cut_and_harms_nobody() {
    let flood = "
        (local.set 0 (call $stdout))
        (local.set 1 (call $stderr))
        (memory.fill (i32.const 8192) (i32.const 97) (i32.const 4096))
        (i32.store8 (i32.const 9000) (i32.const 10))
        (i32.store8 (i32.const 9001) (i32.const 255))
        (loop $again
            (call $write (local.get 0) (i32.const 8192) (i32.const 4096) (i32.const 3000))
            (call $write (local.get 1) (i32.const 8192) (i32.const 900) (i32.const 3000))
            (global.set $n (i32.sub (global.get $n) (i32.const 1)))
            (br_if $again (global.get $n)))";
    let decision = ask("(global $n (mut i32) (i32.const 16))", flood, 3);
    seen(&decision);
    let bytes: usize = decision.log.iter().map(|line| line.message.len()).sum();
    assert!((60 * 1024..=64 * 1024).contains(&bytes), "{bytes}");
    let first = |level| decision.log.iter().find(|line| line.level == level).unwrap();
    assert_eq!(first(LogLevel::Info).message, "a".repeat(9000 - 8192));
    assert_eq!(first(LogLevel::Warn).message, "a".repeat(9000 - 8192));
    let second = decision
        .log
        .iter()
        .filter(|line| line.level == LogLevel::Info)
        .nth(1)
        .unwrap();
    assert!(
        second.message.starts_with('\u{fffd}'),
        "what is no UTF-8 is replaced"
    );
    assert!(decision.log.iter().all(|line| line.message.len() <= 8 * 1024));
}

#[test]
fn nothing_is_there_to_open_to_read_or_to_call() {
    let look = "
        (call $environment (i32.const 2048))
        (call $arguments (i32.const 2056))
        (call $directories (i32.const 2064))
        (call $socket (i32.const 0) (i32.const 2072))
        (call $lookup (call $network) (i32.const 1024) (i32.const 9) (i32.const 2080))
        (call $read (call $stdin) (i64.const 100) (i32.const 2088))";
    let decision = ask("", look, 3);
    let found = seen(&decision);
    for at in [4, 12, 20] {
        assert_eq!(&found[at..at + 4], [0; 4], "an empty list");
    }
    // `err(access-denied)`, and `err(closed)` for the standard input.
    assert_eq!((found[24], found[28]), (1, 1));
    assert_eq!((found[32], found[36]), (1, 1));
    assert_eq!((found[40], found[44]), (1, 1));
}

#[test]
fn who_invents_a_handle_or_exits_is_stopped() {
    for (body, part) in [
        (
            "(call $open (i32.const 1) (i64.const 0) (i32.const 2048))",
            "unknown handle",
        ),
        ("(call $exit (i32.const 0))", "exit was called"),
        ("(loop $again (drop (call $stdout)) (br $again))", "handles"),
    ] {
        let decision = ask("", body, 3);
        let failure = decision.result.unwrap_err();
        assert_eq!(&*failure.code, "trap", "{failure:?}");
        assert!(failure.message.contains(part), "{failure:?}");
        assert_eq!(decision.kv_writes, []);
    }
}
