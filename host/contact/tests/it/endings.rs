//! The end of a call from any side at any moment.

use jackfield_contact::agent::AgentState;
use jackfield_contact::decision::{FlowAction, FlowEvent, SegmentKind};
use jackfield_contact::event::{AbandonStage, EndedBy, Event};
use jackfield_contact::input::Input;
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_types::{InteractionId, LegId, PluginKind};

use crate::world::*;

/// Answers everything that is asked after a call, until it is closed.
fn close(world: &mut World, id: InteractionId) {
    for _ in 0..50 {
        if world.centre.interaction(id).is_none() {
            let closed = world.closed.iter().find(|closed| closed.id == id).unwrap();
            assert_eq!(closed.stage, Stage::Ended);
            return;
        }
        match world
            .asked
            .iter()
            .find(|asked| asked.question.kind() != PluginKind::RoutingStrategy)
        {
            Some(asked) => {
                let ask = asked.ask;
                world.asked.retain(|asked| asked.ask != ask);
                world.answer(ask, Err(failure("no-binding")));
            }
            None => world.pass(60_000),
        }
    }
    panic!("{:#?} does not close", world.it(id));
}

fn ending(world: &World) -> Option<(EndedBy, Option<AbandonStage>)> {
    world.journal.iter().find_map(|recorded| match &recorded.event {
        Event::InteractionEnded { by, abandoned, .. } => Some((*by, *abandoned)),
        _ => None,
    })
}

type Stages = [(
    &'static str,
    fn(&mut World) -> InteractionId,
    Option<AbandonStage>,
); 7];

/// A call at each of its stages, and what it means when the customer gives up there.
fn stages() -> Stages {
    [
        ("before the answer", |world| world.ring(), Some(AbandonStage::Ivr)),
        ("the flow thinks", |world| world.call(), Some(AbandonStage::Ivr)),
        (
            "in a menu",
            |world| {
                let id = world.call();
                world.flow(id, vec![gather(1)]);
                id
            },
            Some(AbandonStage::Ivr),
        ),
        ("waiting", |world| world.waiting(), Some(AbandonStage::Queue)),
        (
            "ringing",
            |world| {
                world.agent("wang", &["support"]);
                world.offered()
            },
            Some(AbandonStage::Ringing),
        ),
        (
            "talking",
            |world| {
                world.agent("wang", &["support"]);
                world.talking()
            },
            None,
        ),
        (
            "in the survey",
            |world| {
                world.agent("wang", &["support"]);
                let id = world.talking();
                world.agent_phone(id, ended(Cause::Normal));
                world.flow(id, vec![survey("csat")]);
                id
            },
            None,
        ),
    ]
}

#[test]
fn the_customer_hangs_up_at_every_stage() {
    for (name, arrange, abandoned) in stages() {
        let mut world = World::new();
        let id = arrange(&mut world);
        world.pass(1_000);
        world.customer(id, ended(Cause::Normal));
        assert_eq!(ending(&world), Some((EndedBy::Customer, abandoned)), "{name}");
        assert!(!world.in_queue(id, "support"), "{name}");
        if let Some(agent) = world.centre.agent(&agent_id("wang")) {
            assert!(!agent.state.has_call(), "{name}: {:?}", agent.state);
        }
        world.customer(id, ended(Cause::Normal));
        world.digits(id, "1");
        close(&mut world, id);
    }
}

#[test]
fn the_system_ends_a_call_at_every_stage() {
    for (name, arrange, _) in stages() {
        let mut world = World::new();
        let id = arrange(&mut world);
        world.ok(Input::EndInteraction(id));
        assert_eq!(ending(&world), Some((EndedBy::System, None)), "{name}");
        let hang_up = LegCommand::HangUp { cause: Cause::Normal };
        assert_eq!(world.last_order(LegId::customer(id)), Some(&hang_up), "{name}");
        assert!(!world.in_queue(id, "support"), "{name}");
        if world.centre.interaction(id).is_some() {
            assert_eq!(world.rejected(Input::EndInteraction(id)).code, "wrong-state");
        }
        close(&mut world, id);
        assert_eq!(
            world.rejected(Input::EndInteraction(id)).code,
            "unknown-interaction"
        );
    }
}

#[test]
fn a_ringing_phone_is_hung_up_when_the_customer_leaves() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    let leg = world.agent_leg(id);
    world.customer(id, ended(Cause::Normal));
    let hang_up = LegCommand::HangUp {
        cause: Cause::Cancelled,
    };
    assert_eq!(world.last_order(leg), Some(&hang_up));
    assert_eq!(world.state("wang"), AgentState::Available);
    world.ok(Input::Leg {
        leg,
        event: LegEvent::Answered,
    });
    assert_eq!(world.state("wang"), AgentState::Available);
}

#[test]
fn the_agent_hangs_up_and_the_flow_takes_the_customer_back() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.pass(7_000);
    world.agent_phone(id, ended(Cause::Normal));
    assert_eq!(
        world.flow(id, vec![survey("csat")]),
        FlowEvent::AgentLeft {
            agent: agent_id("wang"),
            talked_ms: 7_000
        }
    );
    world.pass(3_000);
    world.digits(id, "5");
    assert!(matches!(
        world.flow(id, vec![FlowAction::Play(say("thank you")), FlowAction::End]),
        FlowEvent::SurveyAnswered { value: 5, .. }
    ));
    world.pass(1_000);
    world.customer(id, played());
    assert_eq!(ending(&world), Some((EndedBy::Flow, None)));
    assert_eq!(world.flow(id, vec![]), FlowEvent::Ended);
    close(&mut world, id);
    let closed = &world.closed[0];
    let kinds: Vec<_> = closed.segments.iter().map(|segment| segment.kind).collect();
    assert_eq!(
        kinds,
        [
            SegmentKind::Queue,
            SegmentKind::Ringing,
            SegmentKind::Talk,
            SegmentKind::Survey,
            SegmentKind::WrapUp
        ]
    );
    assert_eq!(closed.talked_ms, 7_000);
}

#[test]
fn without_a_flow_the_call_ends_with_the_agent() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.call();
    world.flow_fails(id, "no-binding");
    world.longest_idle("support");
    world.agent_phone(id, LegEvent::Answered);
    world.agent_phone(id, ended(Cause::Normal));
    assert_eq!(ending(&world), Some((EndedBy::Agent, None)));
    close(&mut world, id);
}

#[test]
fn a_flow_that_fails_after_the_agent_ends_the_call() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.agent_phone(id, ended(Cause::Normal));
    world.flow_fails(id, "trap");
    assert_eq!(ending(&world), Some((EndedBy::Agent, None)));
    assert_eq!(world.fallbacks(), [("trap".into(), "hang-up".into())]);
    close(&mut world, id);
}

#[test]
fn the_flow_hangs_up_and_only_sets_count_afterwards() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![FlowAction::End]);
    assert_eq!(ending(&world), Some((EndedBy::Flow, None)));
    let set = FlowAction::Set("outcome".into(), "solved".into());
    let orders = world.orders.len();
    assert_eq!(
        world.flow(id, vec![FlowAction::Play(say("late")), set, enqueue("support")]),
        FlowEvent::Ended
    );
    assert_eq!(world.orders.len(), orders);
    assert_eq!(world.it(id).attributes.len(), 1);
    close(&mut world, id);
}

#[test]
fn a_goodbye_that_is_overtaken_by_a_newer_answer_does_not_hang_up() {
    let mut world = World::new();
    let id = world.call();
    let timer = FlowAction::SetTimer("t".into(), 500);
    world.flow(id, vec![timer, FlowAction::Play(say("bye")), FlowAction::End]);
    world.pass(500);
    world.flow(id, vec![enqueue("support")]);
    assert!(world.is_waiting(id, "support"));
    world.customer(id, played());
    assert!(world.is_waiting(id, "support"));
}

#[test]
fn what_happens_on_legs_of_unknown_calls_is_ignored() {
    let mut world = World::new();
    let id = InteractionId::from_uuid(uuid::Uuid::from_u128(99));
    world.customer(id, LegEvent::Answered);
    world.customer(id, ended(Cause::Normal));
    world.store_recording(id);
    assert_eq!(world.count(|event| event.interaction().is_some()), 0);
}

#[test]
fn a_prompt_that_ended_as_the_goodbye_began_does_not_cut_the_goodbye_off() {
    let mut world = World::new();
    let id = world.call();
    let timer = FlowAction::SetTimer("closing".into(), 100);
    world.flow(id, vec![timer, FlowAction::Play(say("welcome"))]);
    let crossing = world.played_by_now(id);
    world.pass(100);
    world.flow(id, vec![FlowAction::Play(say("good bye")), FlowAction::End]);
    world.ok(crossing);
    assert_eq!(world.stage(id), &Stage::Flow, "the goodbye is still being played");
    world.customer(id, played());
    assert_eq!(world.stage(id), &Stage::Ended);
}
