//! Calls that agents make.

use jackfield_contact::agent::AgentState;
use jackfield_contact::decision::SegmentKind;
use jackfield_contact::event::{EndedBy, Event};
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::{Outgoing, Stage};
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_types::{CustomerId, E164, InteractionId, LegId, PluginKind};

use crate::world::*;

const CALLEE: &str = "+33612345678";

fn outgoing(agent: &str, queue: &str) -> Outgoing {
    Outgoing {
        agent: agent_id(agent),
        queue: queue_id(queue),
        purpose: "requested-callback".into(),
        campaign: None,
        about: None,
    }
}

fn wish(id: InteractionId, outgoing: Outgoing) -> Input {
    Input::AgentCalls {
        interaction: id,
        callee: E164::new(CALLEE).unwrap(),
        number: number(),
        customer: Some(CustomerId::new("tel:+33612345678").unwrap()),
        outgoing,
    }
}

fn id() -> InteractionId {
    InteractionId::from_uuid(uuid::Uuid::from_u128(77))
}

/// How far a call has come.
type Begin = fn(&mut World) -> InteractionId;

/// A call whose agent's phone rings.
fn called(world: &mut World) -> InteractionId {
    world.agent("wang", &["support"]);
    world.ok(wish(id(), outgoing("wang", "support")));
    id()
}

/// One whose customer's phone rings.
fn dialled(world: &mut World) -> InteractionId {
    let id = called(world);
    world.pass(3_000);
    world.agent_phone(id, LegEvent::Answered);
    id
}

#[test]
fn the_agents_phone_rings_first_then_the_customers_then_they_talk() {
    let mut world = World::new();
    let id = called(&mut world);
    let leg = world.agent_leg(id);
    let to_agent = LegCommand::DialAgent {
        agent: agent_id("wang"),
        caller: CALLEE.into(),
    };
    assert_eq!(world.orders, [(leg, to_agent)], "the customer is not called yet");
    assert_eq!(world.state("wang"), AgentState::Reserved);
    world.pass(3_000);
    world.agent_phone(id, LegEvent::Answered);
    let customer = LegId::customer(id);
    let to_customer = LegCommand::DialNumber {
        number: CALLEE.into(),
        caller: NUMBER.into(),
    };
    assert_eq!(world.last_order(customer), Some(&to_customer));
    assert!(
        matches!(world.last_order(leg), Some(LegCommand::Play { .. })),
        "the agent hears something"
    );
    world.pass(5_000);
    world.customer(id, LegEvent::Ringing);
    world.customer(id, LegEvent::Answered);
    let bridged =
        |(to, order): &(LegId, LegCommand)| *to == customer && *order == LegCommand::Bridge { with: leg };
    assert!(world.orders.iter().any(bridged));
    assert!(world.has(|event| matches!(event, Event::RecordingStarted { .. })));
    assert_eq!(world.state("wang"), AgentState::Talking);
    assert!(
        !world.is_asked(PluginKind::VoiceFlow),
        "no menu for who is called"
    );
    world.pass(10_000);
    world.agent_phone(id, ended(Cause::Normal));
    assert_eq!(
        world.last_order(customer),
        Some(&LegCommand::HangUp { cause: Cause::Normal })
    );
    let it = world.it(id);
    assert_eq!((it.talked_ms, it.waited_ms), (10_000, 0));
    assert_eq!(it.queue, Some(queue_id("support")));
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    let kinds: Vec<_> = it.segments.iter().map(|segment| segment.kind).collect();
    assert_eq!(
        kinds,
        [SegmentKind::Ringing, SegmentKind::Talk, SegmentKind::WrapUp]
    );
    let ending = it.ending.clone().unwrap();
    assert_eq!((ending.by, ending.abandoned), (Some(EndedBy::Agent), None));
}

#[test]
fn who_does_not_answer_is_let_go_and_nobody_has_abandoned_anything() {
    // What happens, and how it ends.
    let table = [
        (called as Begin, None, None, EndedBy::System),
        (called, Some(ended(Cause::Declined)), None, EndedBy::Agent),
        (dialled, None, None, EndedBy::System),
        (dialled, Some(ended(Cause::Normal)), None, EndedBy::Agent),
        (dialled, None, Some(ended(Cause::Busy)), EndedBy::Customer),
    ];
    for (begin, agent, customer, by) in table {
        let mut world = World::new();
        let id = begin(&mut world);
        let leg = world.agent_leg(id);
        match (agent, customer) {
            (Some(event), _) => world.agent_phone(id, event),
            (None, Some(event)) => world.customer(id, event),
            (None, None) => world.pass(60_000),
        }
        let it = world.it(id);
        let ending = it.ending.clone().unwrap();
        assert_eq!((ending.by, ending.abandoned), (Some(by), None));
        assert_eq!((&it.stage, it.agent.as_ref()), (&Stage::Ended, None));
        assert_eq!(
            world.state("wang"),
            AgentState::Available,
            "free for the next call"
        );
        if by != EndedBy::Agent {
            assert!(matches!(world.last_order(leg), Some(LegCommand::HangUp { .. })));
        }
        // Late news change nothing.
        let events = world.journal.len();
        world.customer(id, LegEvent::Answered);
        assert_eq!(world.journal.len(), events);
        assert!(!world.is_asked(PluginKind::QaScorecard), "nobody has talked");
    }
}

#[test]
fn only_who_is_there_can_call() {
    let mut world = World::new();
    world.queue("experts", |_| {});
    world.agent("wang", &["support"]);
    let mut refused = |agent: &str, queue: &str| world.rejected(wish(id(), outgoing(agent, queue))).code;
    assert_eq!(refused("li", "support"), "unknown-agent");
    assert_eq!(refused("wang", "sales"), "unknown-queue");
    assert_eq!(refused("wang", "experts"), "wrong-state");
    world.want("wang", WantedState::Break("tea".into()));
    assert_eq!(
        world.rejected(wish(id(), outgoing("wang", "support"))).code,
        "wrong-state"
    );
    world.want("wang", WantedState::Available);
    world.phone("wang", false);
    assert_eq!(
        world.rejected(wish(id(), outgoing("wang", "support"))).code,
        "wrong-state"
    );
    world.phone("wang", true);
    world.ok(wish(id(), outgoing("wang", "support")));
    // The same wish again is the same call; another one is one too many.
    world.ok(wish(id(), outgoing("wang", "support")));
    let other = InteractionId::from_uuid(uuid::Uuid::from_u128(78));
    assert_eq!(
        world.rejected(wish(other, outgoing("wang", "support"))).code,
        "wrong-state"
    );
    assert_eq!(
        world.count(|event| matches!(event, Event::InteractionStarted { .. })),
        1
    );
}

#[test]
fn a_customer_who_is_not_called_yet_can_not_answer() {
    let mut world = World::new();
    let id = called(&mut world);
    world.customer(id, LegEvent::Answered);
    assert!(matches!(
        world.stage(id),
        Stage::Dialling { picked_up: false, .. }
    ));
}

#[test]
fn a_call_dies_with_the_process_and_its_agent_is_free_again() {
    for begin in [called as Begin, dialled] {
        let mut world = World::new();
        let id = begin(&mut world);
        world.die_and_start();
        world.ok(Input::Restarted);
        assert!(world.it(id).orphaned);
        assert_eq!(world.state("wang"), AgentState::Available);
    }
}

#[test]
fn a_customer_who_was_called_can_be_transferred() {
    let mut world = World::new();
    world.queue("experts", |_| {});
    let id = dialled(&mut world);
    world.customer(id, LegEvent::Answered);
    world.agent("li", &["experts"]);
    world.ok(Input::TransferToQueue {
        interaction: id,
        queue: queue_id("experts"),
    });
    assert!(world.is_waiting(id, "experts"));
    world.longest_idle("experts");
    world.agent_phone(id, LegEvent::Answered);
    assert!(matches!(world.stage(id), Stage::Talking { agent, .. } if *agent == agent_id("li")));
}
