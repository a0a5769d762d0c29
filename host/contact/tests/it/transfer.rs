//! Transfer to a queue, and hold.

use jackfield_contact::agent::AgentState;
use jackfield_contact::decision::{FlowAction, FlowEvent, QueueExit, SegmentKind};
use jackfield_contact::event::Event;
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_types::InteractionId;

use crate::world::*;

fn two_queues() -> World {
    let mut world = World::new();
    world.queue("experts", |_| {});
    world.agent("wang", &["support"]);
    world.agent("li", &["experts"]);
    world
}

fn transfer(world: &mut World, interaction: InteractionId, queue: &str) {
    let queue = queue_id(queue);
    world.ok(Input::TransferToQueue { interaction, queue });
}

#[test]
fn a_transfer_keeps_the_customer_and_frees_the_agent() {
    let mut world = two_queues();
    let id = world.talking();
    let leg = world.agent_leg(id);
    world.pass(4_000);
    transfer(&mut world, id, "experts");
    assert_eq!(
        world.last_order(leg),
        Some(&LegCommand::HangUp { cause: Cause::Normal })
    );
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    assert!(world.is_waiting(id, "experts"));
    world.pass(2_000);
    world.longest_idle("experts");
    world.agent_phone(id, LegEvent::Answered);
    assert!(matches!(world.stage(id), Stage::Talking { agent, .. } if *agent == agent_id("li")));
    world.ok(Input::Leg {
        leg,
        event: ended(Cause::Normal),
    });
    assert!(
        matches!(world.stage(id), Stage::Talking { .. }),
        "the first agent's leg is of no matter"
    );
}

#[test]
fn time_belongs_to_each_agent_once() {
    let mut world = two_queues();
    let id = world.talking();
    world.pass(4_000);
    transfer(&mut world, id, "experts");
    world.pass(2_000);
    world.longest_idle("experts");
    world.pass(1_000);
    world.agent_phone(id, LegEvent::Answered);
    world.flow(id, vec![]);
    world.pass(5_000);
    world.agent_phone(id, ended(Cause::Normal));
    assert_eq!(
        world.flow(id, vec![FlowAction::End]),
        FlowEvent::AgentLeft {
            agent: agent_id("li"),
            talked_ms: 5_000
        },
        "what the other agent talked is not the second agent's"
    );
    world.pass(1_000);
    world.want("wang", WantedState::Available);
    world.pass(1_000);
    world.want("li", WantedState::Available);
    let it = world.it(id);
    assert_eq!((it.talked_ms, it.waited_ms), (9_000, 3_000));
    let wrap_up = |agent: &str| {
        let own = |segment: &&jackfield_contact::decision::Segment| {
            segment.kind == SegmentKind::WrapUp && segment.agent == Some(agent_id(agent))
        };
        let segment = it.segments.iter().find(own).unwrap();
        segment.end_ms - segment.start_ms
    };
    assert_eq!((wrap_up("wang"), wrap_up("li")), (9_000, 2_000));
}

#[test]
fn a_call_is_not_closed_while_its_first_agent_is_still_writing_notes() {
    let mut world = two_queues();
    world.queue("experts", |queue| queue.wrap_up_ms = 0);
    let id = world.talking();
    transfer(&mut world, id, "experts");
    world.longest_idle("experts");
    world.agent_phone(id, LegEvent::Answered);
    world.flow(id, vec![]);
    world.customer(id, ended(Cause::Normal));
    world.flow(id, vec![]);
    world.store_recording(id);
    assert!(world.asked.is_empty());
    world.pass(30_000);
    world.evaluate(Err(failure("no-binding")));
    world.tag(Err(failure("no-binding")));
    assert_eq!(world.closed.len(), 1);
}

#[test]
fn a_transferred_caller_whose_wait_is_over_is_not_hung_up() {
    let mut world = World::new();
    world.queue("experts", |queue| queue.max_wait_ms = 5_000);
    world.agent("wang", &["support"]);
    let id = world.talking();
    transfer(&mut world, id, "experts");
    world.pass(5_000);
    assert_eq!(
        world.flow_fails(id, "trap"),
        FlowEvent::QueueLeft(QueueExit::MaxWait)
    );
    assert!(
        world.is_waiting(id, "support"),
        "nobody has served this customer yet"
    );
}

#[test]
fn only_who_talks_can_be_transferred() {
    let mut world = two_queues();
    let id = world.waiting();
    let to = |queue: &str| Input::TransferToQueue {
        interaction: id,
        queue: queue_id(queue),
    };
    assert_eq!(world.rejected(to("experts")).code, "wrong-state");
    world.longest_idle("support");
    world.agent_phone(id, LegEvent::Answered);
    assert_eq!(world.rejected(to("nowhere")).code, "unknown-queue");
    world.queue("experts", |queue| queue.max_waiting = 1);
    let other = world.call();
    world.flow(other, vec![enqueue("experts")]);
    assert_eq!(world.rejected(to("experts")).code, "queue-full");
    assert!(matches!(world.stage(id), Stage::Talking { .. }));
}

#[test]
fn hold_is_the_agents_time_and_the_customers_wait_on_the_line() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.agent_phone(id, LegEvent::Held);
    assert_eq!(world.state("wang"), AgentState::Hold);
    world.agent_phone(id, LegEvent::Held);
    world.pass(3_000);
    world.agent_phone(id, LegEvent::Resumed);
    world.agent_phone(id, LegEvent::Resumed);
    assert_eq!(world.state("wang"), AgentState::Talking);
    world.pass(2_000);
    world.customer(id, ended(Cause::Normal));
    let it = world.it(id);
    assert_eq!(it.talked_ms, 5_000, "hold included");
    let length = |kind| -> u64 {
        let own = it.segments.iter().filter(|segment| segment.kind == kind);
        own.map(|segment| segment.end_ms - segment.start_ms).sum()
    };
    assert_eq!(
        (length(SegmentKind::Hold), length(SegmentKind::Talk)),
        (3_000, 2_000)
    );
    assert_eq!(
        world.count(|event| matches!(event, Event::Held { .. } | Event::Resumed { .. })),
        2
    );
}

#[test]
fn a_held_customer_can_hang_up_be_left_and_be_transferred() {
    let held = || {
        let mut world = two_queues();
        let id = world.talking();
        world.agent_phone(id, LegEvent::Held);
        (world, id)
    };
    let (mut world, id) = held();
    world.customer(id, ended(Cause::Normal));
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    let (mut world, id) = held();
    world.agent_phone(id, ended(Cause::Normal));
    assert_eq!(*world.stage(id), Stage::Flow);
    let (mut world, id) = held();
    transfer(&mut world, id, "experts");
    assert!(world.is_waiting(id, "experts"));
}
