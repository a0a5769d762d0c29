//! Answers that can be read and break a rule of the contract: the failure names the field.

use jackfield_contact::decision::{Answer, FlowAction, FlowAnswer};

use crate::{
    env, fixture,
    guest::{DATA, Module, answer_data, bytes, plan},
    queue, step,
};

#[test]
fn a_plan_must_stay_within_the_snapshot() {
    let fixture = fixture();
    for (pairs, overflows, part) in [
        (
            &[(0, 9)][..],
            &[][..],
            "assignments[0]: found agent 9, expected below 2",
        ),
        (
            &[(0, 0), (7, 1)],
            &[],
            "assignments[1]: found work 7, expected below 3",
        ),
        (&[(1, 0), (1, 1)], &[], "assignments[1]: found work 1 again"),
        (
            &[(0, 0), (1, 0), (2, 0)],
            &[],
            "assignments[2]: found agent 0 for the 3. time, expected at most 2",
        ),
        (&[(0, 0)], &[0], "overflows[0]: found work 0 again"),
        (&[], &[3], "overflows[0]: found work 3"),
        (&[], &[0, 1, 2, 0], "overflows: found 4 entries"),
    ] {
        let wasm = Module {
            data: plan(pairs, overflows),
            ..Module::default()
        }
        .routing(&answer_data());
        let decision = fixture.sandbox.load(&wasm).unwrap().decide(queue(3, 2), env());
        let failure = decision.result.unwrap_err();
        assert_eq!(&*failure.code, "invalid-answer");
        assert!(failure.message.contains(part), "{failure:?}: expected {part:?}");
    }
    let wasm = Module {
        data: plan(&[(2, 1), (0, 1)], &[1]),
        ..Module::default()
    }
    .routing(&answer_data());
    let decision = fixture.sandbox.load(&wasm).unwrap().decide(queue(3, 2), env());
    let Ok(Answer::Routing(plan)) = decision.result else {
        panic!("{decision:?}")
    };
    assert_eq!((plan.assignments.len(), plan.overflows), (2, vec![1]));
    assert!(decision.receipt.fuel > 0 && decision.receipt.peak_memory_bytes == 2 * 65_536);
}

#[test]
fn a_snapshot_beyond_its_limits_is_not_asked() {
    let plugin = fixture().sandbox.load(&crate::guest::good()).unwrap();
    let failure = plugin.decide(queue(201, 1), env()).result.unwrap_err();
    assert_eq!(&*failure.code, "oversize");
    assert!(failure.message.contains("201 pieces of work"), "{failure:?}");
    assert!(plugin.decide(queue(200, 500), env()).result.is_ok());
}

/// `ok(next)` with an empty state and these actions, each a case number; the payloads are zero.
fn actions(cases: &[u32], action_words: usize) -> Vec<u8> {
    let mut words = vec![0, 0, 0, DATA + 24, cases.len() as u32, 0];
    for case in cases {
        words.push(*case);
        words.resize(words.len() + action_words - 1, 0);
    }
    bytes(&words)
}

/// Words of one `call-action` in memory: an 8-aligned case and its largest payload (`gather`, 40 bytes).
const ACTION_WORDS: usize = 12;
const PLAY: u32 = 0;
const GATHER: u32 = 1;
const END: u32 = 7;

fn flow(cases: &[u32]) -> Result<FlowAnswer, String> {
    let data = actions(cases, ACTION_WORDS);
    let wasm = Module {
        data,
        ..Module::default()
    }
    .flow(&answer_data());
    match fixture()
        .sandbox
        .load(&wasm)
        .unwrap()
        .decide(step(), env())
        .result
    {
        Ok(Answer::Flow(answer)) => Ok(answer),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(format!("{}: {}", failure.code, failure.message)),
    }
}

#[test]
fn a_flow_may_not_flood_and_waits_only_at_the_end() {
    let answer = flow(&[PLAY, PLAY, END]).unwrap();
    assert_eq!(
        answer.actions,
        [
            FlowAction::Play(vec![]),
            FlowAction::Play(vec![]),
            FlowAction::End
        ]
    );
    assert_eq!(flow(&[]).unwrap(), FlowAnswer::default());
    assert!(flow(&[PLAY; 32]).is_ok());
    for (cases, part) in [
        (
            &[PLAY; 33][..],
            "oversize: actions: found 33 entries, expected at most 32",
        ),
        (
            &[END, PLAY],
            "invalid-answer: actions[0]: found an action that waits",
        ),
        (
            &[GATHER],
            "invalid-answer: actions[0].gather.max-digits: found 0, expected 1 to 32",
        ),
    ] {
        let error = flow(cases).unwrap_err();
        assert!(error.contains(part), "{error}: expected {part:?}");
    }
}
