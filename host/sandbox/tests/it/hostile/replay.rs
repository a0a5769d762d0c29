//! Poisoned records: plugins that notice a replay, dodge it, or make records that harm whoever replays them.

use std::sync::Arc;

use jackfield_contact::decision::{Answer, Question};
use jackfield_sandbox::{DecisionRecord, NoReads, Plugin, ReadError, Reads, Replayed};
use jackfield_types::limits::{MAX_RECORDED_READS, MAX_VALUE_BYTES};

use super::{
    attack::{here, question, routing, says, scorecard},
    probes::snoop,
};
use crate::{
    Fixture, fixture,
    guest::{Module, good, plan},
    replay::record,
};

const GET: &str =
    r#"(import "cx:host/key-value@0.1.0" "get" (func $kv (param $at i32) (param $len i32) (param $to i32)))"#;
/// Asks for the key of two zeros, which is none that an attack sets; the first byte of the answer, at 256, tells whether it is an error.
const ASK: &str = "(call $kv (i32.const 64) (i32.const 2) (i32.const 256))";

/// Every key has a value.
struct Full(usize);

impl Reads for Full {
    fn kv_get(&self, _: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(Some(vec![7; self.0]))
    }
}

fn asked(plugin: &Plugin) -> Question {
    (*question(plugin.kind())).clone()
}

fn recorded(plugin: &Plugin, reads: impl Reads + 'static) -> DecisionRecord {
    record(plugin, asked(plugin), "{}", Arc::new(reads))
}

fn replayed(plugin: &Plugin, record: &DecisionRecord) -> Replayed {
    plugin.replay(record, "{}".into(), None)
}

/// Assigns nothing, unless it can't read a key: then it does as the good one.
fn two_faced() -> Vec<u8> {
    let nothing = plan(&[], &[]);
    let data = [nothing.clone(), plan(&[(0, 0)], &[])].concat();
    // Addresses within the second plan are relative to where it lies.
    let mut data = data;
    let at = nothing.len();
    for field in [8, 16] {
        let field = at + field;
        let moved = u32::from_le_bytes(data[field..field + 4].try_into().unwrap()) + at as u32;
        data[field..field + 4].copy_from_slice(&moved.to_le_bytes());
    }
    let body = format!(
        "{ASK} (if (i32.load8_u (i32.const 256)) (then (return (i32.const {})))) {}",
        1_024 + at,
        here()
    );
    let module = Module {
        imports: GET,
        ..says(data)
    };
    routing(module, &body)
}

/// A scorecard that asks for a key so many times, into the same memory, and then answers well.
fn asks(times: u32) -> Vec<u8> {
    let items = &format!("(global $n (mut i32) (i32.const {times}))");
    let body = format!(
        "(loop $again {ASK}
            (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $again (global.get $n))) {}",
        here()
    );
    let module = Module {
        imports: GET,
        items,
        realloc: "(return (i32.const 32768))",
        ..says(vec![0; 24])
    };
    scorecard(module, &body)
}

#[test]
fn clocks_memory_and_chance_do_not_tell_a_replay_from_the_decision() {
    let Fixture { sandbox, dir: _dir } = fixture();
    let snoop = sandbox.load(&snoop()).unwrap();
    let kept = recorded(&snoop, NoReads);
    assert!(kept.result.is_ok() && kept.kv_writes.len() > 1, "{kept:?}");
    let Replayed::Decided(again) = replayed(&snoop, &kept) else {
        panic!("unreplayable")
    };
    assert_eq!((again.result, again.kv_writes), (kept.result, kept.kv_writes));
    assert_eq!((again.log, again.receipt.fuel), (kept.log, kept.receipt.fuel));
}

/// It can find out, by asking for what the record does not hold. Then it is not compared, however well it answers.
#[test]
fn whoever_notices_a_replay_is_not_taken_for_the_same() {
    let Fixture { sandbox, dir: _dir } = fixture();
    let (good, two_faced) = (
        sandbox.load(&good()).unwrap(),
        sandbox.load(&two_faced()).unwrap(),
    );
    let kept = recorded(&good, NoReads);
    let live = recorded(&two_faced, NoReads);
    let assigned = |result: &Result<Answer, _>| match result {
        Ok(Answer::Routing(plan)) => plan.assignments.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((assigned(&kept.result), assigned(&live.result)), (1, 0));
    assert_eq!(
        replayed(&two_faced, &kept),
        Replayed::Unreplayable("the key \0\0".to_owned())
    );
    // Where the host can be asked, as in shadow, it shows its other face.
    let Replayed::Decided(shadow) = two_faced.replay(&kept, "{}".into(), Some(Arc::new(NoReads))) else {
        panic!("unreplayable")
    };
    assert_eq!(assigned(&shadow.result), 0);
}

#[test]
fn a_flood_of_reads_leaves_no_record_of_them_and_its_decision_cannot_be_replayed() {
    let Fixture { sandbox, dir: _dir } = fixture();
    for (times, bytes) in [(2_000, 16 * 1_024), (MAX_RECORDED_READS as u32 + 1, 0)] {
        let flood = sandbox.load(&asks(times)).unwrap();
        let kept = recorded(&flood, Full(bytes));
        assert!(kept.result.is_ok(), "{:?}", kept.result);
        assert!(
            !kept.complete && kept.reads.is_empty(),
            "{} reads",
            kept.reads.len()
        );
        assert!(matches!(replayed(&flood, &kept), Replayed::Unreplayable(_)));
    }
    // More than a row holds, and less than is kept for a shadow: it does not wait in memory whole.
    let flood = sandbox.load(&asks(10)).unwrap();
    let kept = recorded(&flood, Full(16 * 1_024));
    assert!(kept.complete && kept.is_too_large());
    assert!(stored_bytes(&kept.cut()) < MAX_VALUE_BYTES);
}

fn stored_bytes(record: &DecisionRecord) -> usize {
    serde_json::to_vec(record).unwrap().len()
}

/// One recorded answer, asked for without end by another version: it costs that version its own ceilings alone.
#[test]
fn a_record_does_not_make_a_replay_longer_than_a_decision() {
    let Fixture { sandbox, dir: _dir } = fixture();
    let (once, ever) = (
        sandbox.load(&asks(MAX_RECORDED_READS as u32)).unwrap(),
        sandbox.load(&asks(u32::MAX)).unwrap(),
    );
    let kept = recorded(&once, Full(1));
    assert!(kept.complete && kept.reads.len() == MAX_RECORDED_READS);
    let started = std::time::Instant::now();
    let Replayed::Decided(decision) = replayed(&ever, &kept) else {
        panic!("unreplayable")
    };
    let failure = decision.result.unwrap_err();
    assert!(["fuel", "timeout"].contains(&&*failure.code), "{failure:?}");
    assert!(
        started.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
