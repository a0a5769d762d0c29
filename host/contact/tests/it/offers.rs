//! Offers of written work: who misses a mail goes on being there for calls, and the mail waits until somebody takes it.

use jackfield_contact::agent::AgentState;
use jackfield_contact::config::ChatEntryConfig;
use jackfield_contact::event::{Event, OfferFailure};
use jackfield_contact::input::{Draft, Input, WantedState};
use jackfield_contact::interaction::Stage;
use jackfield_types::{Channel, ChatEntryId, InteractionId, PluginKind, limits};

use crate::world::*;

const HOUR_MS: u64 = 3_600_000;

/// A written conversation that waits in `support`, since no bot is bound.
fn written(world: &mut World, channel: Channel) -> InteractionId {
    let entry = ChatEntryId::new("desk").unwrap();
    let config = ChatEntryConfig::new(entry.clone(), "Desk", queue_id("support"));
    world.ok(Input::SetChatEntry(config.of_channel(channel)));
    let number = 1_000_000 + world.journal.len() as u128;
    let interaction = InteractionId::from_uuid(uuid::Uuid::from_u128(number));
    world.ok(Input::ChatStarted {
        interaction,
        entry,
        address: "li@example.com".into(),
        anew: true,
        attributes: Vec::new(),
        name: None,
        customer: None,
        last_agent: None,
        greeting: None,
    });
    let message = Draft {
        text: "Where is it?".into(),
        ..Draft::default()
    };
    world.ok(Input::CustomerWrites { interaction, message });
    let asked = world.asked.pop().unwrap();
    assert_eq!(asked.question.kind(), PluginKind::ChatFlow);
    world.answer(asked.ask, Err(failure("no-binding")));
    assert!(world.is_waiting(interaction, "support"));
    interaction
}

/// An agent for everything, with a phone.
fn clerk(world: &mut World, id: &str, blended: bool) {
    let mut config = agent_config(id, &["support"]);
    config.capacity = [(Channel::Voice, 1), (Channel::Chat, 5), (Channel::Email, 5)].into();
    config.blended = blended;
    world.ok(Input::SetAgent(config));
    world.phone(id, true);
    world.want(id, WantedState::Available);
}

fn offered_to(world: &World, id: InteractionId) -> Option<String> {
    match world.stage(id) {
        Stage::Offered { agent, .. } => Some(agent.to_string()),
        _ => None,
    }
}

fn is_missed(event: &Event) -> bool {
    let missed = OfferFailure::NoAnswer;
    matches!(event, Event::OfferFailed { reason, .. } if *reason == missed)
}

#[test]
fn who_misses_a_mail_stays_there_for_calls_and_the_next_agent_gets_it() {
    let mut world = World::new();
    clerk(&mut world, "wang", false);
    world.pass(5);
    clerk(&mut world, "li", false);
    let mail = written(&mut world, Channel::Email);
    world.longest_idle("support");
    assert_eq!(offered_to(&world, mail).as_deref(), Some("wang"));
    world.pass(15_000);
    assert!(world.has(is_missed));
    assert_eq!(world.state("wang"), AgentState::Available);

    let (ask, question) = world.routing("support");
    let agents: Vec<_> = question.agents.iter().map(|agent| &agent.agent).collect();
    assert_eq!(
        agents,
        [&agent_id("li")],
        "who is passed over is not chosen in vain"
    );
    world.answer(ask, Err(failure("no-binding")));
    assert_eq!(offered_to(&world, mail).as_deref(), Some("li"));

    let call = world.waiting();
    world.longest_idle("support");
    assert_eq!(offered_to(&world, call).as_deref(), Some("wang"));
}

#[test]
fn a_mail_that_nobody_takes_waits_and_is_offered_ever_more_rarely() {
    for (clerks, offers) in [(1, 50..80), (20, 200..400)] {
        let mut world = World::new();
        world.queue("support", |queue| queue.max_wait_ms = 24 * HOUR_MS);
        let names: Vec<_> = (0..clerks).map(|number| format!("clerk-{number}")).collect();
        names.iter().for_each(|name| clerk(&mut world, name, false));
        let mail = written(&mut world, Channel::Email);
        world.pass(20 * HOUR_MS);
        let count = world.count(|event| matches!(event, Event::Offered { .. }));
        assert!(offers.contains(&count), "{clerks} clerks, {count} offers");
        assert!(clerks == 1 || count > usize::from(limits::MAX_OFFERS));
        assert!(!world.has(|event| matches!(event, Event::LeftQueue { .. })));
        assert!(world.in_queue(mail, "support"));
        for name in &names {
            assert_eq!(world.state(name), AgentState::Available);
        }
    }
}

#[test]
fn who_misses_a_live_chat_is_put_on_a_break() {
    let mut world = World::new();
    clerk(&mut world, "wang", false);
    written(&mut world, Channel::Chat);
    world.longest_idle("support");
    world.pass(15_000);
    let missed = AgentState::Break {
        reason: "missed-offer".into(),
    };
    assert_eq!(world.state("wang"), missed);
}

#[test]
fn who_misses_a_chat_during_a_call_is_not_offered_it_again_at_once() {
    let mut world = World::new();
    clerk(&mut world, "wang", true);
    world.talking();
    let chat = written(&mut world, Channel::Chat);
    world.longest_idle("support");
    assert_eq!(offered_to(&world, chat).as_deref(), Some("wang"));
    world.pass(15_000);
    assert!(world.has(is_missed));
    assert_eq!(world.state("wang"), AgentState::Talking);
    world.pass(29_999);
    assert!(!world.is_asked(PluginKind::RoutingStrategy));
    world.pass(1);
    assert!(world.is_asked(PluginKind::RoutingStrategy));
}

#[test]
fn of_two_declined_conversations_neither_is_forgotten() {
    let mut world = World::new();
    clerk(&mut world, "wang", false);
    let agent = agent_id("wang");
    let mut both = Vec::new();
    for pause_ms in [20_000, 10_000] {
        let interaction = written(&mut world, Channel::Chat);
        world.longest_idle("support");
        let agent = agent.clone();
        world.ok(Input::DeclineOffer { interaction, agent });
        world.pass(pause_ms);
        both.push(interaction);
    }
    // The first may be offered again after 30 s, the second 20 s later.
    world.longest_idle("support");
    assert_eq!(offered_to(&world, both[0]).as_deref(), Some("wang"));
    let interaction = both[0];
    world.ok(Input::AcceptOffer { interaction, agent });
    world.pass(19_999);
    assert!(!world.is_asked(PluginKind::RoutingStrategy));
    world.pass(1);
    world.longest_idle("support");
    assert_eq!(offered_to(&world, both[1]).as_deref(), Some("wang"));
}
