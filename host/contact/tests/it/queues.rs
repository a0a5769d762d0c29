//! Waiting: progress, longest wait, overflow, full and unknown queues, queues that point at each other.

use jackfield_contact::decision::{FlowAction, FlowEvent, Plan, QueueExit};
use jackfield_contact::event::{Event, LeftReason};
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent, Prompt};
use jackfield_types::{LegId, PluginKind};

use crate::world::*;

fn left(reason: LeftReason) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::LeftQueue { reason: found, .. } if *found == reason)
}

#[test]
fn who_waits_hears_the_announcement_and_then_music() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![FlowAction::Play(say("please hold")), enqueue("support")]);
    let mut prompts = say("please hold");
    prompts.push(Prompt::HoldMusic);
    let expected = LegCommand::Play {
        prompts,
        barge_in: false,
    };
    assert_eq!(world.last_order(LegId::customer(id)), Some(&expected));
}

#[test]
fn the_flow_is_told_where_the_caller_stands() {
    let mut world = World::new();
    let first = world.waiting();
    world.pass(1_000);
    let second = world.waiting();
    world.pass(20_000);
    let FlowEvent::QueueProgress(progress) = world.flow(second, vec![]) else {
        panic!()
    };
    assert_eq!(
        (progress.position, progress.waited_ms, progress.expected_wait_ms),
        (2, 20_000, None)
    );
    assert!(
        matches!(world.flow(first, vec![]), FlowEvent::QueueProgress(progress) if progress.position == 1)
    );
    world.pass(20_000);
    assert_eq!(world.asked.len(), 2, "and again as often as the queue says");
}

#[test]
fn the_expected_wait_is_learnt_from_what_calls_took() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.pass(30_000);
    world.customer(id, ended(jackfield_contact::leg::Cause::Normal));
    world.flow(id, vec![]);
    world.pass(30_000);
    world.want("wang", WantedState::Break("lunch".into()));
    world.want("wang", WantedState::Available);
    let status = world
        .centre
        .queue_status(&queue_id("support"), jackfield_types::Channel::Voice, world.now)
        .unwrap();
    assert_eq!(status.expected_wait_ms, Some(60_000));
    assert_eq!((status.waiting, status.available, status.signed_in), (0, 1, 1));
}

#[test]
fn the_longest_wait_gives_the_caller_back_to_the_flow() {
    let mut world = World::new();
    world.queue("support", |queue| {
        queue.max_wait_ms = 5_000;
    });
    let id = world.waiting();
    world.pass(5_000);
    assert!(world.has(left(LeftReason::MaxWait)));
    assert_eq!(world.last_order(LegId::customer(id)), Some(&LegCommand::StopPlay));
    assert_eq!(
        world.flow(id, vec![FlowAction::Play(say("sorry")), FlowAction::End]),
        FlowEvent::QueueLeft(QueueExit::MaxWait)
    );
    assert_eq!(world.it(id).waited_ms, 5_000);
}

#[test]
fn without_a_flow_the_longest_wait_begins_anew() {
    let mut world = World::new();
    world.queue("support", |queue| queue.max_wait_ms = 5_000);
    let id = world.call();
    world.flow_fails(id, "no-binding");
    world.pass(12_000);
    assert!(world.is_waiting(id, "support"));
    assert_eq!(world.count(left(LeftReason::MaxWait)), 2);
}

#[test]
fn the_longest_wait_does_not_take_a_ringing_phone_away() {
    let mut world = World::new();
    world.queue("support", |queue| queue.max_wait_ms = 5_000);
    world.agent("wang", &["support"]);
    let id = world.offered();
    world.pass(8_000);
    assert!(matches!(world.stage(id), Stage::Offered { .. }));
    world.agent_phone(id, LegEvent::Answered);
    assert!(matches!(world.stage(id), Stage::Talking { .. }));
}

#[test]
fn the_longest_wait_goes_to_the_overflow_queue() {
    let mut world = World::new();
    world.queue("backup", |_| {});
    world.queue("support", |queue| {
        queue.max_wait_ms = 5_000;
        queue.overflow = Some(queue_id("backup"));
    });
    let id = world.waiting();
    world.pass(5_000);
    assert!(world.is_waiting(id, "backup"));
    assert!(!world.in_queue(id, "support"));
    assert!(world.has(left(LeftReason::Overflow(queue_id("backup")))));
}

#[test]
fn a_full_queue_sends_on_and_a_full_world_says_so() {
    let mut world = World::new();
    world.queue("backup", |queue| queue.max_waiting = 1);
    world.queue("support", |queue| {
        queue.max_waiting = 1;
        queue.overflow = Some(queue_id("backup"));
    });
    let first = world.waiting();
    let second = world.waiting();
    assert!(world.is_waiting(first, "support") && world.is_waiting(second, "backup"));
    let third = world.waiting();
    assert_eq!(
        world.flow(third, vec![FlowAction::End]),
        FlowEvent::QueueLeft(QueueExit::Full)
    );
}

#[test]
fn the_default_queue_takes_callers_without_a_flow_even_when_full() {
    let mut world = World::new();
    world.queue("support", |queue| queue.max_waiting = 1);
    world.waiting();
    let id = world.call();
    world.flow_fails(id, "trap");
    assert!(world.is_waiting(id, "support"));
}

#[test]
fn an_unknown_queue_is_told_to_the_flow() {
    for name in ["nowhere", "Not an id", ""] {
        let mut world = World::new();
        let id = world.call();
        world.flow(id, vec![enqueue(name)]);
        assert_eq!(
            world.flow(id, vec![gather(1)]),
            FlowEvent::QueueLeft(QueueExit::UnknownQueue)
        );
    }
}

#[test]
fn a_waiting_caller_whose_flow_names_an_unknown_queue_keeps_the_place() {
    let mut world = World::new();
    let id = world.waiting();
    world.pass(20_000);
    world.flow(id, vec![enqueue("nowhere")]);
    assert_eq!(
        world.flow(id, vec![]),
        FlowEvent::QueueLeft(QueueExit::UnknownQueue)
    );
    assert!(world.is_waiting(id, "support"));
}

#[test]
fn queues_that_overflow_into_each_other_end_at_the_flow() {
    let mut world = World::new();
    world.queue("backup", |queue| queue.max_wait_ms = 1_000);
    world.queue("support", |queue| {
        queue.max_wait_ms = 1_000;
        queue.overflow = Some(queue_id("backup"));
    });
    world.queue("backup", |queue| {
        queue.max_wait_ms = 1_000;
        queue.overflow = Some(queue_id("support"));
    });
    let id = world.waiting();
    world.pass(6_000);
    assert_eq!(
        world.count(|event| matches!(
            event,
            Event::LeftQueue {
                reason: LeftReason::Overflow(_),
                ..
            }
        )),
        5
    );
    assert_eq!(
        world.flow(id, vec![gather(1)]),
        FlowEvent::QueueLeft(QueueExit::MaxWait)
    );
}

#[test]
fn a_full_overflow_queue_that_points_back_sends_nobody_round() {
    let mut world = World::new();
    world.queue("backup", |queue| queue.max_waiting = 1);
    world.queue("support", |queue| queue.overflow = Some(queue_id("backup")));
    world.queue("backup", |queue| {
        queue.max_waiting = 1;
        queue.overflow = Some(queue_id("support"));
    });
    let other = world.call();
    world.flow(other, vec![enqueue("backup")]);
    let id = world.waiting();
    world.agent("wang", &["support"]);
    let plan = Plan {
        overflows: vec![0],
        ..Plan::default()
    };
    world.plan("support", plan);
    assert!(world.is_waiting(id, "support"));
    assert_eq!(
        world.count(|event| matches!(event, Event::Queued { interaction, .. } if *interaction == id)),
        1
    );
}

#[test]
fn a_flow_can_change_the_queue_of_a_waiting_caller() {
    let mut world = World::new();
    world.queue("vip", |_| {});
    let id = world.waiting();
    world.pass(20_000);
    world.flow(id, vec![enqueue("vip")]);
    assert!(world.is_waiting(id, "vip") && !world.in_queue(id, "support"));
    assert_eq!(world.it(id).waited_ms, 20_000);
}

#[test]
fn a_flow_that_hangs_up_on_a_waiting_caller_frees_the_place_and_the_agent() {
    let mut world = World::new();
    let id = world.waiting();
    world.pass(20_000);
    world.agent("wang", &["support"]);
    let (ask, _) = world.routing("support");
    world.answer(ask, Err(failure("no-binding")));
    let leg = world.agent_leg(id);
    world.flow(id, vec![FlowAction::Play(say("we are closing")), FlowAction::End]);
    assert!(!world.in_queue(id, "support"));
    assert!(matches!(world.last_order(leg), Some(LegCommand::HangUp { .. })));
    assert_eq!(
        world.state("wang"),
        jackfield_contact::agent::AgentState::Available
    );
    world.customer(id, played());
    assert!(world.has(|event| matches!(event, Event::InteractionEnded { abandoned: None, .. })));
}

#[test]
fn a_flow_that_fails_on_an_announcement_leaves_the_caller_waiting() {
    let mut world = World::new();
    let id = world.waiting();
    world.pass(20_000);
    world.flow_fails(id, "trap");
    assert!(world.is_waiting(id, "support"));
    assert_eq!(world.fallbacks(), [("trap".into(), "stay-in-queue".into())]);
    world.pass(20_000);
    assert!(
        world.is_asked(PluginKind::VoiceFlow),
        "the next announcement is asked for"
    );
}

#[test]
fn a_queue_with_waiting_work_is_not_removed() {
    let mut world = World::new();
    world.waiting();
    assert_eq!(
        world.rejected(Input::RemoveQueue(queue_id("support"))).code,
        "in-use"
    );
}

#[test]
fn what_goes_on_counts_up_to_now() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    let so_far = |world: &World, ms: u64| {
        let it = world.it(id);
        (it.waited_ms_by(world.now + ms), it.talked_ms_by(world.now + ms))
    };
    assert_eq!(so_far(&world, 3_000), (3_000, 0));
    world.pass(5_000);
    world.agent_phone(id, LegEvent::Answered);
    assert_eq!(so_far(&world, 7_000), (5_000, 7_000));
    world.agent_phone(id, LegEvent::Held);
    world.pass(8_000);
    assert_eq!(so_far(&world, 0), (5_000, 8_000));
    world.customer(id, ended(Cause::Normal));
    assert_eq!(so_far(&world, 9_000), (5_000, 8_000));
}
