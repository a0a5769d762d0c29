//! A call comes in, and its flow speaks with it.

use jackfield_contact::decision::{FlowAction, FlowEvent, Question};
use jackfield_contact::event::Event;
use jackfield_contact::input::Input;
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::{LegCommand, LegEvent, Prompt};
use jackfield_types::{E164, ExtensionPoint, InteractionId, LegId, PluginKind, limits};

use crate::world::*;

#[test]
fn a_call_is_answered_and_its_flow_is_asked_with_the_call_at_hand() {
    let mut world = World::new();
    let id = world.ring();
    assert_eq!(
        world.orders,
        [(LegId::customer(id), LegCommand::Answer)],
        "nothing is asked before there is media"
    );
    assert!(world.asked.is_empty());
    world.customer(id, LegEvent::Answered);
    let asked = &world.asked[0];
    assert_eq!(asked.point, ExtensionPoint::Number(number()));
    let Question::Flow(question) = &asked.question else {
        panic!("{asked:?}")
    };
    assert_eq!(question.event, FlowEvent::Started);
    assert_eq!(&*question.call.language, "zh-CN");
    assert_eq!(question.call.started_at, world.now);
    assert!(question.state.is_empty());
}

#[test]
fn a_call_to_an_unknown_number_is_refused() {
    let mut world = World::new();
    let rejected = world.rejected(Input::CallArrived {
        interaction: InteractionId::from_uuid(uuid::Uuid::from_u128(9)),
        caller: "x".into(),
        caller_name: None,
        number: E164::new("+8675500000000").unwrap(),
        customer: None,
        last_agent: None,
    });
    assert_eq!(rejected.code, "unknown-number");
}

#[test]
fn the_same_call_and_the_same_answer_twice_count_once() {
    let mut world = World::new();
    let id = world.call();
    world.ok(Input::CallArrived {
        interaction: id,
        caller: "x".into(),
        caller_name: None,
        number: number(),
        customer: None,
        last_agent: None,
    });
    world.flow(id, vec![enqueue("support")]);
    world.customer(id, LegEvent::Answered);
    assert_eq!(
        world.count(|event| matches!(event, Event::InteractionStarted { .. })),
        1
    );
    assert!(
        !world.is_asked(PluginKind::VoiceFlow),
        "the flow has been started already"
    );
}

#[test]
fn the_flow_keeps_its_state_and_is_told_when_its_prompts_are_played() {
    let mut world = World::new();
    let id = world.call();
    world.flow(
        id,
        vec![FlowAction::Play(say("welcome")), FlowAction::Play(say("to us"))],
    );
    let Some(LegCommand::Play { prompts, barge_in }) = world.last_order(LegId::customer(id)) else {
        panic!("nothing is played")
    };
    assert_eq!(
        (prompts.len(), *barge_in),
        (2, false),
        "all prompts of an answer are one order"
    );
    world.customer(id, played());
    let Question::Flow(question) = &world.asked[0].question else {
        panic!()
    };
    assert_eq!(
        (&*question.state, &question.event),
        (&[1][..], &FlowEvent::PromptFinished)
    );
}

#[test]
fn events_wait_while_the_flow_thinks() {
    let mut world = World::new();
    let id = world.call();
    world.flow(
        id,
        vec![
            FlowAction::SetTimer("a".into(), 100),
            FlowAction::SetTimer("b".into(), 200),
            gather(1),
        ],
    );
    world.pass(250);
    assert_eq!(world.asked.len(), 1, "one question at a time");
    assert_eq!(world.flow(id, vec![]), FlowEvent::Timer("a".into()));
    assert_eq!(world.flow(id, vec![]), FlowEvent::Timer("b".into()));
}

#[test]
fn attributes_are_replaced_and_limited() {
    let mut world = World::new();
    let id = world.call();
    let set = |key: &str, value: &str| FlowAction::Set(key.into(), value.into());
    world.flow(
        id,
        vec![set("call-type", "sales"), set("call-type", "service"), gather(1)],
    );
    assert_eq!(world.it(id).attributes, [("call-type".into(), "service".into())]);
    for n in 0..limits::MAX_ATTRIBUTES {
        world.digits(id, "1");
        world.flow(id, vec![set(&format!("k{n}"), "v"), gather(1)]);
    }
    assert_eq!(world.it(id).attributes.len(), limits::MAX_ATTRIBUTES);
    assert_eq!(world.fallbacks(), [("oversize".into(), "ignore".into())]);
}

#[test]
fn timers_of_a_flow_are_limited_and_the_same_name_replaces() {
    let mut world = World::new();
    let id = world.call();
    let timer = |n: usize| FlowAction::SetTimer(format!("t{n}").into(), 1_000);
    let mut actions: Vec<_> = (0..limits::MAX_FLOW_TIMERS).map(timer).collect();
    actions.extend([timer(0), timer(999), gather(1)]);
    world.flow(id, actions);
    assert_eq!(world.fallbacks(), [("oversize".into(), "ignore".into())]);
}

#[test]
fn every_failure_of_a_flow_leads_to_the_default_queue() {
    for code in [
        "trap",
        "fuel",
        "timeout",
        "memory",
        "oversize",
        "invalid-answer",
        "plugin-error",
        "no-binding",
    ] {
        let mut world = World::new();
        let id = world.call();
        world.flow_fails(id, code);
        assert!(world.is_waiting(id, "support"), "{code}");
        assert_eq!(world.fallbacks(), [(code.into(), "default-queue".into())]);
        let music = LegCommand::Play {
            prompts: vec![Prompt::HoldMusic],
            barge_in: false,
        };
        assert_eq!(world.last_order(LegId::customer(id)), Some(&music));
    }
}

#[test]
fn a_flow_that_never_answers_fails_by_its_deadline() {
    let mut world = World::new();
    let id = world.call();
    world.pass(2_000);
    assert!(world.is_waiting(id, "support"));
    assert_eq!(world.fallbacks(), [("timeout".into(), "default-queue".into())]);
    let late = world.asked[0].ask;
    world.answer(late, Err(failure("trap")));
    assert_eq!(world.fallbacks().len(), 1, "a late answer says nothing");
}

#[test]
fn a_flow_that_waits_for_nothing_or_goes_in_circles_has_failed() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![]);
    assert!(world.is_waiting(id, "support"));

    let circling = world.call();
    for _ in 0..=limits::MAX_FLOW_STEPS_AT_ONCE {
        if world.is_waiting(circling, "support") {
            break;
        }
        world.flow(circling, vec![enqueue("nowhere")]);
    }
    assert!(world.is_waiting(circling, "support"));
    assert_eq!(
        world.fallbacks()[1],
        ("invalid-answer".into(), "default-queue".into())
    );
}

#[test]
fn an_answer_of_another_kind_is_no_answer() {
    let mut world = World::new();
    let id = world.call();
    let ask = world.asked.remove(0).ask;
    let wrong = jackfield_contact::decision::Answer::Tags(vec![]);
    world.answer(ask, Ok((wrong, provenance())));
    assert!(world.is_waiting(id, "support"));
}

#[test]
fn the_last_good_version_answers_and_the_failure_is_an_event() {
    let mut world = World::new();
    let id = world.call();
    let ask = world.asked.remove(0).ask;
    let answer = jackfield_contact::decision::FlowAnswer {
        state: vec![],
        actions: vec![gather(1)],
    };
    world.ok(Input::Decided {
        ask,
        outcome: Ok((jackfield_contact::decision::Answer::Flow(answer), provenance())),
        failed_before: Some(failure("trap")),
    });
    assert_eq!(world.fallbacks(), [("trap".into(), "last-good-version".into())]);
    assert_eq!(*world.stage(id), Stage::Flow);
}

#[test]
fn a_prompt_that_can_not_be_played_is_an_event_and_the_call_goes_on() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![FlowAction::Play(say("welcome"))]);
    world.customer(
        id,
        LegEvent::PlayFinished {
            action: 0,
            interrupted: false,
            failed: Some("no voice is installed".into()),
        },
    );
    assert!(world.has(|event| matches!(event, Event::PromptFailed { .. })));
    assert_eq!(world.flow(id, vec![gather(1)]), FlowEvent::PromptFinished);
}
