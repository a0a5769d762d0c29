//! Plugins that mean harm or are broken. Each ends with its code, in bounded time, and the next decision of a good
//! plugin in the same sandbox works.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jackfield_contact::decision::{Answer, Assignment, Failure, Question};
use jackfield_sandbox::{Ceilings, Decision, Env, LoadError};
use jackfield_types::PluginKind;

use crate::{
    Fixture, env, finished, fixture,
    guest::{DATA, Module, answer_data, bytes, error, good, plan},
    queue, step,
};

const LOOP: &str = "(loop $again (br $again)) (unreachable)";

/// Generous: the machine may be busy; without the ceilings none of these would end at all.
const BOUND: Duration = Duration::from_secs(20);

fn ask(fixture: &Fixture, wasm: &[u8], question: Arc<Question>, env: Env) -> Decision {
    let plugin = fixture.sandbox.load(wasm).unwrap();
    let started = Instant::now();
    let decision = plugin.decide(question, env);
    assert!(started.elapsed() < BOUND, "took {:?}", started.elapsed());
    let next = fixture
        .sandbox
        .load(&good())
        .unwrap()
        .decide(queue(1, 1), self::env());
    let Ok(Answer::Routing(plan)) = next.result else {
        panic!("{next:?}")
    };
    assert_eq!(plan.assignments, [Assignment { work: 0, agent: 0 }]);
    decision
}

/// So little fuel that it ends before the time does, on however slow a machine.
const LITTLE_FUEL: u64 = 1_000_000;

fn little_fuel() -> Env {
    let ceilings = Ceilings::of(PluginKind::RoutingStrategy);
    Env {
        budget: Some(Ceilings {
            fuel: LITTLE_FUEL,
            ..ceilings
        }),
        ..env()
    }
}

fn fails(wasm: &[u8], question: Arc<Question>) -> Failure {
    let decision = ask(&fixture(), wasm, question, env());
    decision.result.unwrap_err()
}

#[track_caller]
fn assert_failure(failure: &Failure, code: &str, part: &str) {
    assert!(
        &*failure.code == code && failure.message.contains(part),
        "{failure:?}: expected {code} with {part:?}"
    );
}

#[test]
fn endless_loops_burn_their_fuel_wherever_they_are() {
    let none = Module::default();
    let in_start = Module {
        items: &format!("(func $spin {LOOP}) (start $spin)"),
        ..Module::default()
    };
    let in_realloc = Module {
        realloc: LOOP,
        ..Module::default()
    };
    for wasm in [
        none.routing(LOOP),
        in_start.routing(&answer_data()),
        in_realloc.routing(&answer_data()),
    ] {
        let decision = ask(&fixture(), &wasm, queue(1, 1), little_fuel());
        assert_failure(&decision.result.unwrap_err(), "fuel", "used all its fuel");
        assert_eq!(decision.receipt.fuel, LITTLE_FUEL, "all of it is billed");
    }
}

#[test]
fn the_clock_stops_what_fuel_would_allow() {
    let wasm = Module::default().scorecard(LOOP);
    let budget = Ceilings {
        wall_ms: 20,
        ..Ceilings::of(PluginKind::QaScorecard)
    };
    let decision = ask(
        &fixture(),
        &wasm,
        finished(),
        Env {
            budget: Some(budget),
            ..env()
        },
    );
    assert_failure(&decision.result.unwrap_err(), "timeout", "in time");
    assert!(decision.receipt.wall_us >= 20_000, "{:?}", decision.receipt);
}

#[test]
fn memory_bombs_stop_at_the_ceiling() {
    let grow =
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let decision = ask(&fixture(), &Module::default().routing(grow), queue(1, 1), env());
    assert_failure(&decision.result.unwrap_err(), "memory", "more memory");
    let ceiling = Ceilings::of(PluginKind::RoutingStrategy).memory_bytes as u64;
    assert!(
        (ceiling - (2 << 20)..=ceiling).contains(&decision.receipt.peak_memory_bytes),
        "{:?}",
        decision.receipt
    );

    let born_large = Module {
        pages: 300,
        ..Module::default()
    }
    .routing(&answer_data());
    assert_failure(&fails(&born_large, queue(1, 1)), "memory", "more memory");

    let too_large_for_the_pool = Module {
        pages: 2_000,
        ..Module::default()
    }
    .routing(&answer_data());
    let refused = fixture().sandbox.load(&too_large_for_the_pool).unwrap_err();
    assert!(
        matches!(&refused, LoadError::Compile(why) if why.contains("memory")),
        "{refused}"
    );
}

#[test]
fn table_bombs_stop_at_the_ceiling() {
    let bomb = Module { items: "(table $t 1 funcref)", ..Module::default() }.routing(
        "(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
         (unreachable)",
    );
    assert_failure(&fails(&bomb, queue(1, 1)), "memory", "more memory");
}

#[test]
fn deep_recursion_is_a_trap_that_names_the_function() {
    let deep = Module {
        items: "(func $dig (call $dig) (drop (i32.const 0)))",
        ..Module::default()
    };
    assert_failure(
        &fails(&deep.routing("(call $dig) (unreachable)"), queue(1, 1)),
        "trap",
        "dig < dig",
    );
}

#[test]
fn a_trap_names_the_functions_that_led_to_it() {
    let wasm = Module {
        items: "(func $inner (unreachable))",
        ..Module::default()
    };
    let failure = fails(&wasm.routing("(call $inner) (unreachable)"), queue(1, 1));
    assert_failure(&failure, "trap", "in inner < decide");
}

#[test]
fn lists_outside_of_memory_are_invalid_answers() {
    for (at, len) in [(u32::MAX - 15, 2), (8, u32::MAX), (0x7fff_fff0, 0x1000_0000)] {
        let data = bytes(&[0, 0, at, len, 0, 0, 0, 0, 0, 0]);
        let wasm = Module {
            data,
            ..Module::default()
        }
        .routing(&answer_data());
        assert_failure(&fails(&wasm, queue(1, 1)), "invalid-answer", "cannot be read");
    }
    let nowhere = Module::default().routing("(i32.const -8)");
    assert_failure(&fails(&nowhere, queue(1, 1)), "invalid-answer", "cannot be read");
    let unaligned = Module::default().routing("(i32.const 3)");
    assert_failure(
        &fails(&unaligned, queue(1, 1)),
        "invalid-answer",
        "cannot be read",
    );
    let no_such_variant = Module {
        data: vec![9],
        ..Module::default()
    }
    .routing(&answer_data());
    assert_failure(
        &fails(&no_such_variant, queue(1, 1)),
        "invalid-answer",
        "cannot be read",
    );
}

#[test]
fn more_than_a_call_may_carry_is_oversize() {
    let whole = Module {
        pages: 64,
        data: bytes(&[0, 0, 3 << 20, 0, 0]),
        ..Module::default()
    };
    assert_failure(&fails(&whole.flow(&answer_data()), step()), "oversize", "host");
    let state = Module {
        pages: 4,
        data: bytes(&[0, 0, 20_000, 0, 0]),
        ..Module::default()
    };
    assert_failure(&fails(&state.flow(&answer_data()), step()), "oversize", "state");
}

#[test]
fn text_that_is_not_utf8_is_an_invalid_answer() {
    let wasm = Module {
        data: error(8, b"\xff\xfe", b"x"),
        ..Module::default()
    };
    assert_failure(
        &fails(&wasm.routing(&answer_data()), queue(1, 1)),
        "invalid-answer",
        "utf-8",
    );
}

#[test]
fn an_error_of_the_plugin_keeps_its_code_and_message() {
    let wasm = Module {
        data: error(8, b"bad-config", b"queue is missing"),
        ..Module::default()
    };
    let decision = ask(&fixture(), &wasm.routing(&answer_data()), queue(1, 1), env());
    assert!(
        decision.receipt.fuel < 10_000,
        "an answer is billed as used: {:?}",
        decision.receipt
    );
    assert_failure(
        &decision.result.unwrap_err(),
        "plugin-error",
        "bad-config: queue is missing",
    );
}

#[test]
fn a_log_flood_is_cut_and_harms_nothing_else() {
    let wasm = Module {
        imports: r#"(import "cx:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#,
        items: "(global $n (mut i32) (i32.const 5000))",
        data: plan(&[(0, 0)], &[]),
        ..Module::default()
    };
    let flood = |len: u32| {
        wasm.routing(&format!(
            "(loop $again
                (call $log (i32.const 1) (i32.const 2048) (i32.const {len}))
                (global.set $n (i32.sub (global.get $n) (i32.const 1)))
                (br_if $again (global.get $n)))
             (i32.const {DATA})"
        ))
    };
    for len in [0, 1_000, 60_000] {
        let decision = ask(&fixture(), &flood(len), queue(1, 1), env());
        let kept: usize = decision.log.iter().map(|line| line.message.len()).sum();
        assert!(
            kept <= 64 * 1024 && decision.log.len() <= 2_048,
            "{kept} bytes, {} lines",
            decision.log.len()
        );
        assert!(!decision.log.is_empty());
        // 5,000 long lines burn the fuel or the time, which is right as well.
        if len == 0 {
            assert!(decision.result.is_ok(), "{:?}", decision.result);
        }
    }
}

#[test]
fn many_at_once_harm_each_other_not() {
    let fixture = fixture();
    let (bad, good) = (
        fixture.sandbox.load(&Module::default().routing(LOOP)),
        fixture.sandbox.load(&good()),
    );
    let (bad, good) = (bad.unwrap(), good.unwrap());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let failure = bad.decide(queue(1, 1), little_fuel()).result.unwrap_err();
                    assert_failure(&failure, "fuel", "fuel");
                    assert!(good.decide(queue(1, 1), env()).result.is_ok());
                }
            });
        }
    });
}

#[test]
fn a_question_of_another_kind_is_refused() {
    let failure = fails(&good(), step());
    assert_failure(&failure, "unavailable", "voice-flow");
}
