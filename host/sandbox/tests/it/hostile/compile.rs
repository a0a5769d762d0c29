//! Attacks on the compiler: components within the limits of an upload that cost as much as possible. What they may
//! cost is the business of where they are compiled; here it is shown, and that they are either refused or harmless.

use std::time::{Duration, Instant};

use jackfield_sandbox::Sandbox;

use super::attack::{here, says, serves};
use crate::{
    env, fixture,
    guest::{Module, good, plan, plugin},
    queue,
};

/// A valid routing strategy that is much work for the compiler: so many functions of so many live values that cross a
/// loop. About 40 bytes a value.
pub(crate) fn compile_bomb(functions: usize, values: usize) -> Vec<u8> {
    let locals = "i64 ".repeat(values);
    let steps: String = (0..values)
        .map(|n| {
            let other = (n * 7 + 3) % values;
            format!("(local.set {n} (i64.mul (i64.add (local.get {n}) (local.get {other})) (i64.const {n})))")
        })
        .collect();
    let items: String = (0..functions)
        .map(|_| format!("(func (local {locals}) (loop $l {steps} (br_if $l (i64.eqz (local.get 0)))))"))
        .collect();
    with_items(&items)
}

/// A good routing strategy with more in it.
fn with_items(items: &str) -> Vec<u8> {
    let module = Module {
        items,
        ..says(plan(&[(0, 0)], &[]))
    };
    plugin("routing-strategy", &module.routing_wat(&here()))
}

#[test]
fn compile_bombs_are_shown_with_what_they_cost() {
    let fixture = fixture();
    let good = fixture.sandbox.load(&good()).unwrap();
    let nest = |deep| format!("(func {} {})", "(block ".repeat(deep), ")".repeat(deep));
    for (name, wasm) in [
        ("a loop over 300 live values", compile_bomb(1, 300)),
        ("forty such functions", compile_bomb(40, 60)),
        ("3,000 functions", with_items(&"(func)".repeat(3_000))),
        ("blocks 10,000 deep", with_items(&nest(10_000))),
        (
            "jump tables of 50,000 targets",
            with_items(&format!(
                "(func (block $a (block $b (br_table {} (i32.const 1)))))",
                "$a $b ".repeat(25_000)
            )),
        ),
        (
            "50,000 locals",
            with_items(&format!("(func (local {}))", "i64 ".repeat(50_000))),
        ),
        (
            "a thousand types of many parameters",
            with_items(
                &(1..1_000)
                    .map(|n| format!("(type (func (param {})))", "i64 ".repeat(n % 200)))
                    .collect::<String>(),
            ),
        ),
        (
            "50,000 data segments",
            with_items(&"(data (i32.const 70000) \"x\")".repeat(50_000)),
        ),
        (
            "3,000 exports",
            with_items(
                &(0..3_000)
                    .map(|n| format!("(func (export \"e{n}\"))"))
                    .collect::<String>(),
            ),
        ),
        (
            "a table that is written 9,000 times at the start",
            with_items(&format!(
                "(table 9000 funcref) {}",
                "(elem (i32.const 0) func 0)".repeat(9_000)
            )),
        ),
    ] {
        let started = Instant::now();
        // What a server does by itself, before any compiler: cheap whatever comes.
        let valid = Sandbox::inspect(&wasm);
        let inspected = started.elapsed();
        assert!(
            valid.is_ok() && inspected < Duration::from_secs(5),
            "{name}: {valid:?}, {inspected:?}"
        );
        match fixture.sandbox.load(&wasm) {
            Ok(plugin) => {
                let decision = plugin.decide(queue(3, 2), env());
                println!(
                    "{name}: {} KiB, {:?}, {:?}",
                    wasm.len() / 1024,
                    started.elapsed(),
                    decision.receipt
                );
                if let Err(failure) = decision.result {
                    assert!(
                        ["fuel", "timeout", "memory"].contains(&&*failure.code),
                        "{name}: {failure:?}"
                    );
                }
            }
            Err(error) => {
                println!(
                    "{name}: {} KiB, {:?}, refused: {error:.300}",
                    wasm.len() / 1024,
                    started.elapsed()
                );
            }
        }
        serves(&good);
    }
}
