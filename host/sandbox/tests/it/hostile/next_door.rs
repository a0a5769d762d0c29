//! The tenant next door: what a good plugin notices of a flood of attacks, and what is left of them afterwards.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use jackfield_sandbox::{Plugin, Sandbox};

use super::{
    all,
    attack::{Attack, End, LOOP, budget, decide, here, question, routing, says, serves, verdict},
    whole,
};
use crate::{
    env, fixture,
    guest::{Module, good, plan},
};

/// Decisions of the flooding tenant at once: half of the fixture's places, as a tenant's own limit is below the pool.
const FLOOD: usize = 4;
/// Decisions of the good plugin that are measured in one go, and how often beside each kind of neighbours. In turns, since
/// a machine that others use is slow for seconds.
const MEASURED: usize = 300;
const ROUNDS: usize = 9;
/// Traps in a row.
const STORM: usize = 5_000;
/// What may stay resident of everything below. Generous: caches of the allocator, warm slots of the pool.
const LEFT_MIB: u64 = 96;
/// How many times as long 99 of 100 good decisions may take beside attacks, of what they take beside as many neighbours who
/// are busy and mean well. What remains is what attacks do beyond using their share of the processor.
const WORSE: f64 = 5.0;
/// A slice of the kernel's scheduler. Where the busy neighbours cost less than one, the good plugin had a processor by luck;
/// waiting for one slice is no attack's doing.
const SLICE: Duration = Duration::from_millis(4);

#[test]
fn the_tenant_next_door_is_unharmed_and_memory_is_back_at_base() {
    // In a process of its own: what other tests hold would be counted, and "alive" is its exit code.
    let told = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostile::next_door::flood",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&told.stdout);
    print!("{out}");
    assert!(
        told.status.success() && out.contains("1 passed"),
        "{:?}\n{out}\n{}",
        told.status,
        String::from_utf8_lossy(&told.stderr)
    );
}

#[test]
#[ignore = "started by the test above, in a process of its own"]
fn flood() {
    let fixture = fixture();
    let sandbox = &fixture.sandbox;
    let good = sandbox.load(&good()).unwrap();
    let attacks: Vec<_> = all()
        .map(|attack| (attack, sandbox.load(&(attack.wasm)()).unwrap()))
        .collect();
    round(&attacks);
    storm(sandbox, 500);
    let base = resident_mib();

    let busy = sandbox.load(&busy()).unwrap();
    let done = AtomicU64::new(0);
    let (mut peace, mut siege) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        peace.push(beside(&good, |_, stop| {
            while !stop.load(Relaxed) {
                serves(&busy);
            }
        }));
        siege.push(beside(&good, |n, stop| {
            let begin = (n + round) * attacks.len() / FLOOD;
            for (attack, plugin) in attacks.iter().cycle().skip(begin) {
                if stop.load(Relaxed) {
                    break;
                }
                checked(attack, plugin);
                done.fetch_add(1, Relaxed);
            }
        }));
    }
    let (peace, siege) = (median(peace), median(siege));
    let worse = siege.as_secs_f64() / peace.max(SLICE).as_secs_f64();
    println!(
        "good plugin, p99 of {MEASURED} decisions, median of {ROUNDS}: {peace:?} beside busy neighbours, {siege:?} beside {} \
         attacks of {FLOOD} at once: {worse:.2} times that or a slice of the scheduler",
        done.load(Relaxed)
    );
    assert!(done.load(Relaxed) > 0);
    assert!(worse < WORSE, "{worse:.2} times, expected less than {WORSE}");

    storm(sandbox, STORM);
    round(&attacks);
    serves(&good);
    let left = resident_mib();
    println!("resident: {base} MiB before, {left} MiB after the flood and {STORM} traps");
    assert!(left <= base + LEFT_MIB, "{base} MiB before, {left} MiB after");
}

fn round(attacks: &[(&Attack, Plugin)]) {
    for (attack, plugin) in attacks {
        checked(attack, plugin);
    }
}

fn checked(attack: &Attack, plugin: &Plugin) {
    if let Err(how) = verdict(&decide(plugin, attack.end), plugin.kind(), attack.end) {
        panic!("{}: {how}", attack.name);
    }
}

/// Traps in a row, of the cheapest and of the deepest kind.
fn storm(sandbox: &Sandbox, times: usize) {
    let cheap = routing(Module::default(), "(unreachable)");
    let deep = "(func $dig (call $dig) (drop (i32.const 0)))";
    let deep = routing(
        Module {
            items: deep,
            ..Module::default()
        },
        "(call $dig) (unreachable)",
    );
    for wasm in [cheap, deep] {
        let plugin = sandbox.load(&wasm).unwrap();
        for _ in 0..times / 2 {
            let decision = decide(&plugin, End::Stopped("trap"));
            assert_eq!(verdict(&decision, plugin.kind(), End::Stopped("trap")), Ok(()));
        }
    }
}

/// A good plugin that works for as long as most attacks last.
fn busy() -> Vec<u8> {
    let module = Module {
        items: "(global $n (mut i32) (i32.const 100000))",
        ..says(plan(&[(0, 0)], &[]))
    };
    let work = "(loop $again (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $again (global.get $n)))";
    module.routing(&format!("{work} {}", here()))
}

/// The 99th percentile of the good plugin's decisions while neighbours are at work.
fn beside(good: &Plugin, neighbour: impl Fn(usize, &AtomicBool) + Sync) -> Duration {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..FLOOD {
            let (neighbour, stop) = (&neighbour, &stop);
            scope.spawn(move || neighbour(n, stop));
        }
        let mut times: Vec<_> = (0..MEASURED)
            .map(|_| {
                let started = Instant::now();
                serves(good);
                started.elapsed()
            })
            .collect();
        stop.store(true, Relaxed);
        times.sort_unstable();
        times[MEASURED * 99 / 100]
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The resident memory of this process.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Many bad and many good ones at once on more threads than there are places.
#[test]
fn more_than_there_are_places_harm_each_other_not() {
    let fixture = fixture();
    let end = End::Stopped("fuel");
    let bad = fixture.sandbox.load(&routing(Module::default(), LOOP)).unwrap();
    let good = fixture.sandbox.load(&good()).unwrap();
    let env = crate::Env {
        budget: Some(budget(bad.kind(), end)),
        ..env()
    };
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let failure = bad.decide(question(bad.kind()), env.clone()).result.unwrap_err();
                    assert_eq!(&*failure.code, "fuel");
                    serves(&good);
                }
            });
        }
    });
}

#[test]
fn components_that_take_all_they_may_leave_room_for_others() {
    let fixture = fixture();
    // The most memories, instances and tables that one component can have, at all places but one.
    let items = r#"(core module $greedy (memory 1))
        (core instance (instantiate $greedy)) (core instance (instantiate $greedy)) (core instance (instantiate $greedy))"#;
    let tables = "(table 1 funcref)".repeat(10);
    let spin = "(loop $again (br $again)) (unreachable)";
    let greedy = whole::with_imports(items, "", "", &tables, spin);
    let (greedy, good) = (
        fixture.sandbox.load(&greedy).unwrap(),
        fixture.sandbox.load(&good()).unwrap(),
    );
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..7 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let failure = greedy.decide(question(greedy.kind()), env()).result.unwrap_err();
                    assert!(["fuel", "timeout"].contains(&&*failure.code), "{failure:?}");
                }
            });
        }
        for _ in 0..200 {
            serves(&good);
        }
        stop.store(true, Relaxed);
    });
}
