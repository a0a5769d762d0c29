//! What is told about a failure, so that the author of a plugin can act on it.

use jackfield_contact::decision::{Failure, Question};

use super::attack::{LOOP, here, says};
use crate::{
    env, fixture,
    guest::{Module, error, good},
    queue, step,
};

fn failure(wasm: &[u8], question: std::sync::Arc<Question>) -> (Failure, u64) {
    let decision = fixture().sandbox.load(wasm).unwrap().decide(question, env());
    (decision.result.unwrap_err(), decision.receipt.fuel)
}

#[track_caller]
fn assert_told(failure: &Failure, code: &str, part: &str) {
    assert!(
        &*failure.code == code && failure.message.contains(part),
        "{failure:?}: expected {code} with {part:?}"
    );
}

#[test]
fn a_trap_names_the_functions_that_led_to_it() {
    let items = "(func $inner (unreachable)) (func $dig (call $dig) (drop (i32.const 0)))";
    for (call, part) in [("$inner", "in inner < decide"), ("$dig", "dig < dig")] {
        let module = Module {
            items,
            ..Module::default()
        };
        let (failure, _) = failure(
            &module.routing(&format!("(call {call}) (unreachable)")),
            queue(1, 1),
        );
        assert_told(&failure, "trap", part);
    }
}

#[test]
fn a_ceiling_is_told_in_words() {
    let grow = "(loop $a (br_if $a (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let (memory, _) = failure(&Module::default().routing(grow), queue(1, 1));
    assert_told(&memory, "memory", "asked for more memory than its ceiling");
    let (spent, _) = failure(&Module::default().routing(LOOP), queue(1, 1));
    assert!(["fuel", "timeout"].contains(&&*spent.code), "{spent:?}");
}

#[test]
fn an_error_of_the_plugin_keeps_its_code_and_message_and_is_billed_as_used() {
    let wasm = says(error(8, b"bad-config", b"queue is missing")).routing(&here());
    let (failure, fuel) = failure(&wasm, queue(1, 1));
    assert_told(&failure, "plugin-error", "bad-config: queue is missing");
    assert!(fuel < 10_000, "{fuel}");
}

#[test]
fn a_question_of_another_kind_is_refused() {
    let (failure, _) = failure(&good(), step());
    assert_told(&failure, "unavailable", "voice-flow");
}
