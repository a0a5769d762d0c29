//! The process dies at any stage; the journal is read, and nobody is lost or held.

use jackfield_contact::agent::AgentState;
use jackfield_contact::decision::SegmentKind;
use jackfield_contact::event::{EndedBy, Event, LeftReason, OfferFailure};
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::Recording;
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_types::{Digest, InteractionId, PluginKind};

use crate::world::*;

/// What a centre knows, as JSON.
fn durable(world: &World) -> serde_json::Value {
    let agents: Vec<_> = world
        .centre
        .agents()
        .map(|agent| {
            serde_json::json!([
                agent.config,
                agent.state,
                agent.since,
                agent.interaction,
                agent.wanted
            ])
        })
        .collect();
    let queues: Vec<_> = world
        .centre
        .queues()
        .map(|queue| serde_json::json!([queue.config, queue.waiting]))
        .collect();
    let interactions: Vec<_> = world.centre.interactions().collect();
    let numbers: Vec<_> = world.centre.numbers().collect();
    serde_json::json!([agents, queues, interactions, numbers])
}

type Stages = [(&'static str, fn(&mut World) -> InteractionId); 8];

fn stages() -> Stages {
    [
        ("before the answer", |world| world.ring()),
        ("in the flow", |world| world.call()),
        ("waiting", |world| {
            world.want("wang", WantedState::Offline);
            world.waiting()
        }),
        ("ringing", |world| world.offered()),
        ("talking", |world| world.talking()),
        ("on hold", |world| {
            let id = world.talking();
            world.pass(10);
            world.agent_phone(id, LegEvent::Held);
            id
        }),
        ("in the survey", |world| {
            let id = world.talking();
            world.agent_phone(id, ended(Cause::Normal));
            world.flow(id, vec![survey("csat")]);
            id
        }),
        ("after the call", |world| {
            let id = world.talking();
            world.customer(id, ended(Cause::Normal));
            id
        }),
    ]
}

#[test]
fn the_journal_rebuilds_every_stage_and_a_restart_orphans_what_was_live() {
    for (name, arrange) in stages() {
        let mut world = World::new();
        world.agent("wang", &["support"]);
        world.agent("li", &["support"]);
        world.want("li", WantedState::Break("lunch".into()));
        let id = arrange(&mut world);
        let live = *world.stage(id) != Stage::Ended;
        let before = durable(&world);
        world.die_and_start();
        assert_eq!(durable(&world), before, "{name}");

        world.pass(5_000);
        world.ok(Input::Restarted);
        assert_eq!(
            world.has(|event| matches!(event, Event::Orphaned { .. })),
            live,
            "{name}"
        );
        assert!(
            world.centre.queue(&queue_id("support")).unwrap().is_empty(),
            "{name}"
        );
        assert!(!world.state("wang").has_call(), "{name}");
        assert_eq!(
            world.state("li"),
            AgentState::Break {
                reason: "lunch".into()
            },
            "{name}"
        );
        let orders = world.orders.len();
        for _ in 0..9 {
            while let Some(asked) = world.asked.pop() {
                world.answer(asked.ask, Err(failure("no-binding")));
            }
            world.pass(60_000);
        }
        assert!(world.centre.interaction(id).is_none(), "{name}");
        assert_eq!(
            world.orders.len(),
            orders,
            "{name}: there is no leg to give orders to"
        );
        assert_eq!(world.centre.next_timeout(), None, "{name}");
        let busy = matches!(world.state("wang"), AgentState::WrapUp { .. });
        assert!(!busy, "{name}");
    }
}

#[test]
fn what_an_agent_was_doing_is_told_rightly() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.offered();
    world.die_and_start();
    world.ok(Input::Restarted);
    assert!(world.has(|event| matches!(
        event,
        Event::OfferFailed {
            reason: OfferFailure::Orphaned,
            ..
        }
    )));
    assert!(world.has(|event| matches!(
        event,
        Event::LeftQueue {
            reason: LeftReason::Orphaned,
            ..
        }
    )));
    assert_eq!(world.state("wang"), AgentState::Available);

    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.pass(1_000);
    world.want("wang", WantedState::Offline);
    world.die_and_start();
    world.ok(Input::Restarted);
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    assert_eq!(world.it(id).talked_ms, 1_000);
    assert!(world.it(id).orphaned);
    world.pass(30_000);
    assert_eq!(world.state("wang"), AgentState::Offline, "the wish was kept");
}

#[test]
fn wrap_up_goes_on_after_a_restart_and_ends_when_it_was_to_end() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.customer(id, ended(Cause::Normal));
    world.pass(10_000);
    world.die_and_start();
    world.ok(Input::Restarted);
    world.pass(19_999);
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    world.pass(1);
    assert_eq!(world.state("wang"), AgentState::Available);
    assert!(
        world.is_asked(PluginKind::QaScorecard),
        "what was left to be done is done"
    );
}

#[test]
fn a_phone_has_to_register_again() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.die_and_start();
    world.ok(Input::Restarted);
    world.waiting();
    assert!(!world.is_asked(PluginKind::RoutingStrategy));
    world.phone("wang", true);
    assert!(world.is_asked(PluginKind::RoutingStrategy));
}

#[test]
fn a_second_restart_changes_nothing() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.talking();
    world.die_and_start();
    world.ok(Input::Restarted);
    let before = durable(&world);
    world.die_and_start();
    let events = world.journal.len();
    world.ok(Input::Restarted);
    assert_eq!(world.journal.len(), events);
    assert_eq!(durable(&world), before);
}

const NIGHT_MS: u64 = 8 * 3_600_000;

/// A fact about something else: the process was alive by then.
fn something_else(world: &mut World) {
    world.queue("sales", |_| {});
}

#[test]
fn the_time_that_a_server_was_down_is_nobodys() {
    for (name, arrange) in stages() {
        let mut world = World::new();
        world.agent("wang", &["support"]);
        let id = arrange(&mut world);
        let live = *world.stage(id) != Stage::Ended;
        world.pass(3_000);
        something_else(&mut world);
        let died_at = world.now;
        let (waited_ms, talked_ms) = (
            world.it(id).waited_ms_by(died_at),
            world.it(id).talked_ms_by(died_at),
        );

        world.die_and_start();
        world.pass(NIGHT_MS);
        world.ok(Input::Restarted);
        let it = world.it(id);
        assert_eq!((it.waited_ms, it.talked_ms), (waited_ms, talked_ms), "{name}");
        let ending = it.ending.clone().unwrap();
        if live {
            assert_eq!(
                (ending.at, ending.by),
                (died_at, Some(EndedBy::Restart)),
                "{name}"
            );
        }
        let until = died_at.since(it.started_at);
        let before = |kind| kind != SegmentKind::WrapUp;
        for segment in it.segments.iter().filter(|segment| before(segment.kind)) {
            assert!(segment.end_ms <= until, "{name}: {segment:?}");
        }
    }
}

#[test]
fn wrap_up_that_was_over_while_the_server_was_down_took_no_longer_than_it_may() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.customer(id, ended(Cause::Normal));
    world.die_and_start();
    let died_at = world.now;
    world.now = died_at + NIGHT_MS;
    world.ok(Input::Restarted);
    world.ok(Input::Timeout);
    let segment = world.it(id).segments.last().unwrap();
    assert_eq!(segment.kind, SegmentKind::WrapUp);
    assert_eq!(segment.end_ms - segment.start_ms, 30_000);
}

#[test]
fn what_was_cut_off_is_scored_only_when_there_is_something_to_score() {
    // Nothing but a length that is not known.
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.die_and_start();
    world.pass(NIGHT_MS);
    world.ok(Input::Restarted);
    world.pass(30_000);
    assert!(!world.is_asked(PluginKind::QaScorecard));
    assert!(world.is_asked(PluginKind::TagGenerator));
    world.tag(Ok(Vec::new()));
    assert!(
        world.centre.interaction(id).is_none(),
        "nothing more is to be done"
    );

    // A recording: it tells how long they talked, too.
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    let recording = Recording {
        started_at: world.now,
        length_ms: 600_000,
        ..recording()
    };
    world.die_and_start();
    world.now = world.now + NIGHT_MS;
    world.ok(Input::RecordingStored {
        interaction: id,
        digest: Digest::of(b"wav"),
        recording,
    });
    world.ok(Input::Restarted);
    assert_eq!(world.it(id).talked_ms, 600_000);
    world.pass(30_000);
    assert!(world.is_asked(PluginKind::QaScorecard));

    // The agent's part was over.
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.pass(60_000);
    world.agent_phone(id, ended(Cause::Normal));
    world.flow(id, vec![survey("csat")]);
    world.pass(30_000);
    world.die_and_start();
    world.pass(NIGHT_MS);
    world.ok(Input::Restarted);
    assert_eq!(world.it(id).talked_ms, 60_000);
    assert!(world.is_asked(PluginKind::QaScorecard));
}

#[test]
fn a_start_that_dies_again_at_any_fact_changes_no_times() {
    let arrange = || {
        let mut world = World::new();
        world.agent("wang", &["support"]);
        world.agent("li", &["support"]);
        let talking = world.talking();
        let waiting = world.waiting();
        world.pass(3_000);
        something_else(&mut world);
        world.die_and_start();
        world.pass(NIGHT_MS);
        (world, [talking, waiting])
    };
    let told = |world: &World, ids: [InteractionId; 2]| {
        ids.map(|id| {
            let it = world.it(id);
            (it.waited_ms, it.talked_ms, it.ending.clone())
        })
    };
    let (mut once, ids) = arrange();
    let before = once.journal.len();
    once.ok(Input::Restarted);
    let expected = told(&once, ids);
    let written = once.journal.len() - before;
    assert!(written >= 6, "{:?}", &once.journal[before..]);
    for kept in 0..written {
        let (mut world, ids) = arrange();
        world.ok(Input::Restarted);
        world.journal.truncate(before + kept);
        world.die_and_start();
        world.pass(NIGHT_MS);
        world.ok(Input::Restarted);
        assert_eq!(told(&world, ids), expected, "after {kept} facts");
    }
}

#[test]
fn a_journal_of_before_is_read_as_it_was() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.die_and_start();
    world.pass(60_000);
    world.ok(Input::Restarted);
    // As it was written before: without the moment, all as of the start.
    world
        .journal
        .retain(|recorded| !matches!(recorded.event, Event::CutOff { .. }));
    world.die_and_start();
    let it = world.it(id);
    assert_eq!(it.ending.as_ref().unwrap().at, world.now);
    assert!(it.orphaned);
}
