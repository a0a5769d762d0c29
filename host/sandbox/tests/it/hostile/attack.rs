//! One attack, and what "contained" means.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jackfield_contact::decision::{Answer, Assignment, Question};
use jackfield_sandbox::{Ceilings, Decision, Env, Plugin};
use jackfield_types::PluginKind;
use rustix::time::{ClockId, clock_gettime};

use crate::{
    Fixture, env, fixture,
    guest::{DATA, Module, good},
    questions::questions,
    queue,
};

/// A component that attacks, as one line of a table.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) wasm: fn() -> Vec<u8>,
    pub(super) end: End,
}

/// How an attack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The engine stopped it with this code: the whole reservation is billed.
    Stopped(&'static str),
    /// It answered, and the answer broke a rule (or was an error): billed as used.
    Answered(&'static str),
    /// It got an ordinary answer through and nothing else.
    Harmless,
}

/// So little fuel that it ends before the time does, on however slow a machine.
pub(super) const LITTLE_FUEL: u64 = 1_000_000;
/// Milliseconds for attacks that would rather use time than fuel.
const LITTLE_TIME: u64 = 20;

pub(super) const LOOP: &str = "(loop $again (br $again)) (unreachable)";

/// Sets a key before the attack, to see that nothing survives it.
const SET: &str = r#"(import "cx:host/key-value@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
/// Three bytes of zeros to three bytes of zeros.
const MARK: &str = "(call $set (i32.const 64) (i32.const 3) (i32.const 64) (i32.const 3) (i32.const 128))";

fn marked(module: Module<'_>, wrap: impl FnOnce(Module<'_>) -> Vec<u8>) -> Vec<u8> {
    let imports = format!("{SET} {}", module.imports);
    wrap(Module {
        imports: &imports,
        ..module
    })
}

/// A routing strategy that sets a key and then runs `body`, which leaves the address of its answer.
pub(super) fn routing(module: Module<'_>, body: &str) -> Vec<u8> {
    marked(module, |module| module.routing(&format!("{MARK} {body}")))
}

/// The same as a voice flow.
pub(super) fn flow(module: Module<'_>, body: &str) -> Vec<u8> {
    marked(module, |module| module.flow(&format!("{MARK} {body}")))
}

/// The same as a scorecard.
pub(super) fn scorecard(module: Module<'_>, body: &str) -> Vec<u8> {
    marked(module, |module| module.scorecard(&format!("{MARK} {body}")))
}

/// The same as a tag generator.
pub(super) fn tags(module: Module<'_>, body: &str) -> Vec<u8> {
    marked(module, |module| module.tags(&format!("{MARK} {body}")))
}

/// The same as an outbound rule.
pub(super) fn outbound(module: Module<'_>, body: &str) -> Vec<u8> {
    marked(module, |module| module.outbound(&format!("{MARK} {body}")))
}

/// A module that answers with `data`.
pub(super) fn says(data: Vec<u8>) -> Module<'static> {
    Module {
        data,
        ..Module::default()
    }
}

/// The address of `Module::data`.
pub(super) fn here() -> String {
    format!("(i32.const {DATA})")
}

pub(super) fn question(kind: PluginKind) -> Arc<Question> {
    match kind {
        PluginKind::RoutingStrategy => queue(3, 2),
        kind => questions(kind).swap_remove(0),
    }
}

/// The ceilings under which an attack is asked: lowered so that fuel ends what is to end by fuel, and time the rest.
pub(super) fn budget(kind: PluginKind, end: End) -> Ceilings {
    let ceilings = Ceilings::of(kind);
    match end {
        End::Stopped("timeout") => Ceilings {
            wall_ms: LITTLE_TIME.min(ceilings.wall_ms),
            ..ceilings
        },
        _ => Ceilings {
            fuel: LITTLE_FUEL,
            ..ceilings
        },
    }
}

/// Asks once, with everything that must hold whatever the plugin did.
pub(super) fn decide(plugin: &Plugin, end: End) -> Decision {
    let ceilings = budget(plugin.kind(), end);
    let env = Env {
        budget: Some(ceilings),
        ..env()
    };
    let (started, cpu) = (Instant::now(), cpu());
    let decision = plugin.decide(question(plugin.kind()), env);
    let (took, cpu) = (started.elapsed(), self::cpu() - cpu);
    // Processor time is what the ceiling counts; conversions before and after come on top. A debug build's, too.
    let most = Duration::from_millis(2 * ceilings.wall_ms + 250);
    assert!(
        cpu <= most,
        "used {cpu:?} of processor time, expected at most {most:?}"
    );
    assert!(took < Duration::from_secs(20), "took {took:?}");
    assert!(
        decision.receipt.peak_memory_bytes <= ceilings.memory_bytes as u64,
        "{:?}",
        decision.receipt
    );
    let log: usize = decision.log.iter().map(|line| line.message.len()).sum();
    assert!(log <= 64 * 1024 && decision.log.len() <= 2_048);
    if let Err(failure) = &decision.result {
        assert!(failure.message.len() <= 2_048, "{} bytes", failure.message.len());
        assert_eq!(decision.kv_writes, [], "nothing that it wrote survives");
    }
    decision
}

/// Whether it ended as it should.
pub(super) fn verdict(decision: &Decision, kind: PluginKind, end: End) -> Result<(), String> {
    let reserved = budget(kind, end).fuel;
    let fuel = decision.receipt.fuel;
    let right = match (&decision.result, end) {
        // On a fast machine the fuel may be used up before the time.
        (Err(failure), End::Stopped(code)) => {
            (&*failure.code == code || (code == "timeout" && &*failure.code == "fuel")) && fuel == reserved
        }
        (Err(failure), End::Answered(code)) => &*failure.code == code && (1..reserved).contains(&fuel),
        (Ok(_), End::Harmless) => (1..reserved).contains(&fuel),
        _ => false,
    };
    if right {
        Ok(())
    } else {
        Err(format!("expected {end:?} of {reserved}, found {decision:?}"))
    }
}

/// Runs a table: each attack, and after each one a good plugin in the same sandbox.
pub(super) fn run(attacks: &[Attack]) {
    let Fixture { sandbox, dir: _dir } = fixture();
    let good = sandbox.load(&good()).unwrap();
    let mut wrong = Vec::new();
    for Attack { name, wasm, end } in attacks {
        let plugin = match sandbox.load(&wasm()) {
            Ok(plugin) => plugin,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let decision = decide(&plugin, *end);
        if let Err(how) = verdict(&decision, plugin.kind(), *end) {
            wrong.push(format!("{name}: {how}"));
        }
        serves(&good);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The good plugin does its work.
pub(super) fn serves(good: &Plugin) {
    let decision = good.decide(queue(1, 1), env());
    let Ok(Answer::Routing(plan)) = decision.result else {
        panic!("{decision:?}")
    };
    assert_eq!(plan.assignments, [Assignment { work: 0, agent: 0 }]);
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
