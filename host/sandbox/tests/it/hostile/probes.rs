//! Attacks on knowledge: time, chance, what others left behind, and what a replay would believe.

use std::sync::Arc;

use jackfield_contact::decision::{Answer, FlowQuestion, Question};
use jackfield_sandbox::{Sandbox, SandboxOptions};

use super::attack::{here, routing, says, scorecard, serves};
use crate::{
    KEY, env, finished, fixture,
    guest::{Module, good, plan},
    queue, step,
};

/// Whatever differs between two runs, written into a key: the clock before and after some work, bits of results that
/// the standard leaves open, sizes, what fresh memory holds.
pub(super) fn snoop() -> Vec<u8> {
    let module = Module {
        imports: r#"(import "cx:host/clock@0.1.0" "now" (func $now (result i64)))"#,
        items: "(global $n (mut i32) (i32.const 100000)) (table $t 4 funcref)",
        ..says(plan(&[(0, 0)], &[]))
    };
    let body = "
        (i64.store (i32.const 2048) (call $now))
        (loop $again (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $again (global.get $n)))
        (i64.store (i32.const 2056) (call $now))
        (f64.store (i32.const 2064) (f64.div (f64.const 0) (f64.neg (f64.const 0))))
        (f64.store (i32.const 2072) (f64.add (f64.const nan:0x8000000012345) (f64.const -nan:0xfffff)))
        (f32.store (i32.const 2080) (f32.sqrt (f32.const -1)))
        (v128.store (i32.const 2088) (f64x2.min (f64x2.splat (f64.const -nan)) (f64x2.splat (f64.const 1))))
        (i32.store (i32.const 2104) (memory.size))
        (i32.store (i32.const 2108) (memory.grow (i32.const 3)))
        (i32.store (i32.const 2112) (memory.grow (i32.const 60000)))
        (i32.store (i32.const 2116) (i32.add (i32.load (i32.const 200000)) (i32.load (i32.const 40000))))
        (i32.store (i32.const 2120) (ref.is_null (table.get $t (i32.const 2))))
        (call $set (i32.const 64) (i32.const 2) (i32.const 2048) (i32.const 128) (i32.const 256))";
    routing(module, &format!("{body} {}", here()))
}

#[test]
fn the_same_question_gets_the_same_answer_for_the_same_fuel() {
    let (one, other) = (fixture(), fixture());
    let ask = |sandbox: &Sandbox| sandbox.load(&snoop()).unwrap().decide(queue(3, 2), env());
    let first = ask(&one.sandbox);
    assert!(first.result.is_ok(), "{first:?}");
    let seen = first.kv_writes.last().unwrap().1.as_deref().unwrap();
    let clock = |at: usize| u64::from_le_bytes(seen[at..at + 8].try_into().unwrap());
    assert_eq!([clock(0), clock(8)], [env().now.0; 2], "the clock stands still");
    for nan in [16, 24] {
        assert_eq!(clock(nan), 0x7ff8 << 48, "one NaN for all");
    }
    for sandbox in [&one.sandbox, &one.sandbox, &other.sandbox] {
        let again = ask(sandbox);
        assert_eq!(again.kv_writes, first.kv_writes);
        assert_eq!(again.result, first.result);
        assert_eq!(again.receipt.fuel, first.receipt.fuel);
        assert_eq!(again.receipt.peak_memory_bytes, first.receipt.peak_memory_bytes);
    }
}

#[test]
fn nothing_is_found_of_who_was_in_the_slot_before() {
    let dir = tempfile::tempdir().unwrap();
    // One slot, so that everybody gets the same memory and tables.
    let options = SandboxOptions {
        decisions: 1,
        ..SandboxOptions::new(dir.path().to_owned(), KEY)
    };
    let sandbox = Sandbox::new(options).unwrap();
    let items = "(table $t 1 funcref) (elem declare func $decide)
        (global $at (mut i32) (i32.const 4096)) (global $found (mut i64) (i64.const 0))";
    let room = "(drop (memory.grow (i32.const 60))) (drop (table.grow $t (ref.null func) (i32.const 9000)))";
    let writes = scorecard(
        Module {
            items,
            ..says(vec![0; 24])
        },
        &format!(
            "{room}
            (loop $again
                (i64.store (global.get $at) (i64.const -1))
                (global.set $at (i32.add (global.get $at) (i32.const 256)))
                (br_if $again (i32.lt_u (global.get $at) (i32.const 4000000))))
            (table.fill $t (i32.const 0) (ref.func $decide) (i32.const 9001)) {}",
            here()
        ),
    );
    // Looks at every word above the question, and at every entry of the table.
    let reads = scorecard(
        Module {
            items,
            realloc: "(return (i32.const 2048))",
            ..says(vec![0; 24])
        },
        &format!(
            "{room}
            (loop $again
                (global.set $found (i64.or (global.get $found) (i64.load (global.get $at))))
                (global.set $at (i32.add (global.get $at) (i32.const 256)))
                (br_if $again (i32.lt_u (global.get $at) (i32.const 4000000))))
            (if (i64.ne (global.get $found) (i64.const 0)) (then (unreachable)))
            (global.set $at (i32.const 0))
            (loop $again
                (if (i32.eqz (ref.is_null (table.get $t (global.get $at)))) (then (unreachable)))
                (global.set $at (i32.add (global.get $at) (i32.const 1)))
                (br_if $again (i32.lt_u (global.get $at) (i32.const 9001))))
            {}",
            here()
        ),
    );
    let (writes, reads) = (sandbox.load(&writes).unwrap(), sandbox.load(&reads).unwrap());
    for _ in 0..20 {
        for plugin in [&writes, &reads] {
            let decision = plugin.decide(finished(), env());
            assert!(decision.result.is_ok(), "{decision:?}");
        }
    }
}

#[test]
fn a_poisoned_state_harms_the_flow_alone() {
    let Some(built) = std::env::var_os("JACKFIELD_PLUGINS") else {
        return println!("JACKFIELD_PLUGINS is not set");
    };
    let menu = std::fs::read(std::path::Path::new(&built).join("ivr-menu-0.1.0.wasm")).unwrap();
    let fixture = fixture();
    let (menu, good) = (
        fixture.sandbox.load(&menu).unwrap(),
        fixture.sandbox.load(&good()).unwrap(),
    );
    let mut states: Vec<Vec<u8>> = vec![
        vec![0; 16 * 1024],
        vec![0xff; 16 * 1024],
        vec![b'['; 16 * 1024],
        b"{\"a\":".repeat(3_000),
        b"{}".to_vec(),
        b"null".to_vec(),
        "\u{202e}呼叫".repeat(1_000).into_bytes(),
        b"18446744073709551616".to_vec(),
    ];
    // The same "noise" each time.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for len in [1, 7, 64, 1_000, 16_000] {
        states.push(
            (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                })
                .collect(),
        );
    }
    for state in states {
        let Question::Flow(question) = &*step() else {
            unreachable!()
        };
        let len = state.len();
        let question = FlowQuestion {
            state,
            ..(**question).clone()
        };
        let ask = || menu.decide(Arc::new(Question::Flow(Box::new(question.clone()))), env());
        let decision = ask();
        match &decision.result {
            Ok(Answer::Flow(answer)) => assert!(answer.state.len() <= 16 * 1024),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => assert!(
                ["plugin-error", "trap", "fuel", "memory", "timeout"].contains(&&*failure.code),
                "{len} bytes: {failure:?}"
            ),
        }
        assert_eq!(
            ask().result,
            decision.result,
            "poisoned or not, a replay says the same"
        );
        serves(&good);
    }
}
