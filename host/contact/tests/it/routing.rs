//! Offers: to whom, and what happens when they fail.

use jackfield_contact::agent::AgentState;
use jackfield_contact::config::AgentConfig;
use jackfield_contact::decision::{Answer, Enqueue, FlowAction, FlowEvent, Need, Plan, QueueExit};
use jackfield_contact::event::{Event, OfferFailure};
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::Stage;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_types::{ExtensionPoint, InteractionId, PluginKind, SkillId};

use crate::world::*;

fn offered_to(world: &World, id: InteractionId) -> Option<String> {
    match world.stage(id) {
        Stage::Offered { agent, .. } => Some(agent.to_string()),
        _ => None,
    }
}

fn missed() -> AgentState {
    AgentState::Break {
        reason: "missed-offer".into(),
    }
}

#[test]
fn an_offer_rings_and_is_answered() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.waiting();
    world.pass(1_000);
    world.assign("support", &[(0, 0)]);
    assert_eq!(world.state("wang"), AgentState::Reserved);
    assert!(matches!(
        world.last_order(world.agent_leg(id)),
        Some(LegCommand::DialAgent { agent, caller }) if *agent == agent_id("wang") && &**caller == "+8613800138000"
    ));
    world.agent_phone(id, LegEvent::Ringing);
    world.agent_phone(id, LegEvent::Ringing);
    assert_eq!(
        world.count(|event| matches!(event, Event::OfferRinging { .. })),
        1
    );
    world.pass(4_000);
    world.agent_phone(id, LegEvent::Answered);
    assert!(world.has(|event| matches!(event, Event::Connected { waited_ms: 5_000, .. })));
    assert!(world.has(|event| matches!(event, Event::Offered { by: Some(by), .. } if *by == provenance())));
    let with = world.agent_leg(id);
    let bridge = LegCommand::Bridge { with };
    assert!(world.orders.iter().any(|(_, command)| *command == bridge));
    assert!(
        world
            .orders
            .iter()
            .any(|(_, command)| *command == LegCommand::StartRecording)
    );
    assert_eq!(world.state("wang"), AgentState::Talking);
    assert!(!world.in_queue(id, "support"));
}

#[test]
fn a_queue_that_does_not_record_is_not_recorded() {
    let mut world = World::new();
    world.queue("support", |queue| queue.record = false);
    world.agent("wang", &["support"]);
    world.talking();
    assert!(!world.has(|event| matches!(event, Event::RecordingStarted { .. })));
}

#[test]
fn a_phone_that_rings_too_long_is_missed_and_the_next_agent_is_called() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.pass(1);
    world.agent("li", &["support"]);
    let id = world.offered();
    assert_eq!(offered_to(&world, id).as_deref(), Some("wang"));
    let leg = world.agent_leg(id);
    world.pass(15_000);
    let hang_up = LegCommand::HangUp {
        cause: Cause::NoAnswer,
    };
    assert_eq!(world.last_order(leg), Some(&hang_up));
    assert_eq!(world.state("wang"), missed());
    world.longest_idle("support");
    assert_eq!(offered_to(&world, id).as_deref(), Some("li"));
    world.ok(Input::Leg {
        leg,
        event: LegEvent::Answered,
    });
    assert_eq!(
        world.last_order(leg),
        Some(&LegCommand::HangUp { cause: Cause::Normal }),
        "the first agent was too late"
    );
    assert_eq!(offered_to(&world, id).as_deref(), Some("li"));
}

#[test]
fn each_end_of_a_ringing_phone_has_its_meaning() {
    for (cause, reason, state) in [
        (Cause::Busy, OfferFailure::Declined, AgentState::Available),
        (Cause::Declined, OfferFailure::Declined, AgentState::Available),
        (Cause::NoAnswer, OfferFailure::NoAnswer, missed()),
        (
            Cause::Unreachable,
            OfferFailure::Unreachable,
            AgentState::Break {
                reason: "phone-unreachable".into(),
            },
        ),
    ] {
        let mut world = World::new();
        world.agent("wang", &["support"]);
        let id = world.offered();
        world.agent_phone(id, ended(cause));
        assert!(
            world.has(|event| matches!(event, Event::OfferFailed { reason: found, .. } if *found == reason)),
            "{cause:?}"
        );
        assert_eq!(world.state("wang"), state);
        assert!(world.is_waiting(id, "support"));
    }
}

#[test]
fn who_declines_is_asked_again_after_thirty_seconds() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    world.agent_phone(id, ended(Cause::Declined));
    assert!(world.asked.is_empty(), "the only agent has declined");
    world.pass(29_999);
    assert!(!world.is_asked(PluginKind::RoutingStrategy));
    world.pass(1);
    world.longest_idle("support");
    assert_eq!(offered_to(&world, id).as_deref(), Some("wang"));
}

#[test]
fn a_later_wish_of_the_strategy_does_not_put_off_an_earlier_look() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    world.agent_phone(id, ended(Cause::Declined));
    world.pass(1);
    world.waiting();
    let plan = Plan {
        look_again_at: Some(world.now + 600_000),
        ..Plan::default()
    };
    world.plan("support", plan);
    world.pass(30_000);
    let (_, question) = world.routing("support");
    assert_eq!(question.work.len(), 2);
}

#[test]
fn a_strategy_that_sees_declined_work_and_insists_is_not_followed() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let first = world.offered();
    let second = world.waiting();
    world.agent_phone(first, ended(Cause::Declined));
    let (ask, question) = world.routing("support");
    assert_eq!(
        question.work.len(),
        1,
        "what everybody free has declined is not asked about"
    );
    assert_eq!(question.work[0].interaction, second);
    world.agent("li", &["support"]);
    world.answer(ask, Err(failure("no-binding")));
    assert_eq!(
        world.count(|event| matches!(event, Event::Offered { interaction, agent, .. }
        if *interaction == first && *agent == agent_id("wang"))),
        1
    );
}

#[test]
fn a_stale_plan_hurts_nobody() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.agent("li", &["support"]);
    let gone = world.waiting();
    let id = world.waiting();
    let (ask, _) = world.routing("support");
    world.customer(gone, ended(Cause::Normal));
    world.want("wang", WantedState::Offline);
    let everybody = Plan {
        assignments: [(0, 0), (0, 1), (1, 0), (1, 1), (7, 7)]
            .map(|(work, agent)| jackfield_contact::decision::Assignment { work, agent })
            .into(),
        overflows: vec![0, 1, 9],
        look_again_at: None,
    };
    world.answer(ask, Ok((Answer::Routing(everybody), provenance())));
    assert_eq!(
        world.count(|event| matches!(event, Event::Offered { .. })),
        0,
        "work was the one that has gone, for the agent who signed out"
    );
    assert!(world.is_waiting(id, "support"));
    world.pass(1);
    world.longest_idle("support");
    assert_eq!(offered_to(&world, id).as_deref(), Some("li"));
}

#[test]
fn one_agent_is_not_offered_two_calls() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let (first, second) = (world.call(), world.call());
    world.flow(first, vec![enqueue("support")]);
    world.flow(second, vec![enqueue("support")]);
    world.assign("support", &[(0, 0)]);
    world.pass(1);
    assert!(
        world
            .asked
            .iter()
            .all(|asked| !matches!(asked.point, ExtensionPoint::Queue(_)))
    );
    assert!(world.is_waiting(second, "support"));
}

#[test]
fn every_failure_of_a_strategy_leads_to_the_longest_idle_agent() {
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
        world.agent("wang", &["support"]);
        world.pass(5);
        world.agent("li", &["support"]);
        let id = world.waiting();
        let (ask, _) = world.routing("support");
        world.answer(ask, Err(failure(code)));
        assert_eq!(offered_to(&world, id).as_deref(), Some("wang"), "{code}");
        assert!(world.has(|event| matches!(event, Event::Offered { by: None, .. })));
        let told = if code == "no-binding" {
            vec![]
        } else {
            vec![(code.into(), "longest-idle".into())]
        };
        assert_eq!(world.fallbacks(), told);
    }
}

#[test]
fn a_strategy_that_never_answers_or_answers_something_else_falls_back_too() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.waiting();
    world.pass(2_000);
    assert!(offered_to(&world, id).is_some());
    assert_eq!(world.fallbacks(), [("timeout".into(), "longest-idle".into())]);

    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.waiting();
    let (ask, _) = world.routing("support");
    world.answer(ask, Ok((Answer::Tags(vec![]), provenance())));
    assert!(offered_to(&world, id).is_some());
    assert_eq!(
        world.fallbacks(),
        [("invalid-answer".into(), "longest-idle".into())]
    );
}

#[test]
fn the_built_in_rule_looks_at_priority_and_skills() {
    let mut world = World::new();
    let zh = SkillId::new("zh").unwrap();
    world.agent("en-only", &["support"]);
    world.pass(1);
    let config = AgentConfig {
        skills: [(zh.clone(), 3)].into(),
        ..agent_config("speaks-zh", &["support"])
    };
    world.ok(Input::SetAgent(config));
    world.phone("speaks-zh", true);
    world.want("speaks-zh", WantedState::Available);
    let wants = |level, priority| {
        FlowAction::Enqueue(Enqueue {
            queue: "support".into(),
            needs: vec![Need {
                skill: zh.clone(),
                level,
            }],
            priority,
        })
    };
    let (expert, usual, urgent) = (world.call(), world.call(), world.call());
    world.flow(expert, vec![wants(9, 100)]);
    world.flow(usual, vec![wants(2, 0)]);
    world.flow(urgent, vec![wants(2, 50)]);
    let (ask, _) = world.routing("support");
    world.answer(ask, Err(failure("no-binding")));
    assert_eq!(offered_to(&world, urgent).as_deref(), Some("speaks-zh"));
    assert!(world.is_waiting(expert, "support") && world.is_waiting(usual, "support"));
}

#[test]
fn the_snapshot_says_what_a_strategy_needs() {
    let mut world = World::new();
    let zh = SkillId::new("zh").unwrap();
    let config = AgentConfig {
        skills: [(zh.clone(), 3)].into(),
        ..agent_config("wang", &["support"])
    };
    world.ok(Input::SetAgent(config));
    world.phone("wang", true);
    world.want("wang", WantedState::Break("tea".into()));
    world.ok(Input::CallArrived {
        interaction: InteractionId::from_uuid(uuid::Uuid::from_u128(77)),
        caller: "+86138".into(),
        caller_name: Some("Tom".into()),
        number: number(),
        customer: None,
        last_agent: Some(agent_id("wang")),
    });
    let id = InteractionId::from_uuid(uuid::Uuid::from_u128(77));
    world.customer(id, LegEvent::Answered);
    let needs = vec![Need { skill: zh, level: 2 }];
    let action = FlowAction::Enqueue(Enqueue {
        queue: "support".into(),
        needs,
        priority: 7,
    });
    world.flow(id, vec![FlowAction::Set("k".into(), "v".into()), action]);
    world.pass(500);
    assert!(
        world.asked.is_empty(),
        "with nobody free there is nothing to decide"
    );
    world.want("wang", WantedState::Available);
    let (_, question) = world.routing("support");
    let (work, agent) = (&question.work[0], &question.agents[0]);
    assert_eq!((work.waiting_ms, work.priority, work.needs), (500, 7, 1));
    assert_eq!((&*work.levels, work.last_agent), (&[(0, 2)][..], Some(0)));
    assert_eq!(work.attributes.len(), 1);
    assert_eq!((agent.skills, &*agent.levels, agent.idle_ms), (1, &[3][..], 0));
}

#[test]
fn a_new_binding_is_asked_about_waiting_work_at_once() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.waiting();
    world.plan("support", Plan::default());
    assert!(world.asked.is_empty());
    world.ok(Input::BindingChanged(ExtensionPoint::Queue(queue_id("support"))));
    assert!(world.is_asked(PluginKind::RoutingStrategy));
}

#[test]
fn a_strategy_can_ask_to_be_asked_again_but_not_in_a_spin() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.waiting();
    let plan = Plan {
        look_again_at: Some(world.now),
        ..Plan::default()
    };
    world.plan("support", plan);
    world.pass(99);
    assert!(world.asked.is_empty());
    world.pass(1);
    assert!(world.is_asked(PluginKind::RoutingStrategy));
}

#[test]
fn wrap_up_ends_by_itself_or_earlier_by_wish() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.customer(id, ended(Cause::Normal));
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    world.pass(29_999);
    assert!(matches!(world.state("wang"), AgentState::WrapUp { .. }));
    world.pass(1);
    assert_eq!(world.state("wang"), AgentState::Available);

    let id = world.talking();
    world.customer(id, ended(Cause::Normal));
    world.want("wang", WantedState::Available);
    assert_eq!(world.state("wang"), AgentState::Available);
}

#[test]
fn a_queue_without_wrap_up_gives_the_agent_the_next_call_at_once() {
    let mut world = World::new();
    world.queue("support", |queue| queue.wrap_up_ms = 0);
    world.agent("wang", &["support"]);
    let first = world.talking();
    let second = world.waiting();
    world.agent_phone(first, ended(Cause::Normal));
    world.longest_idle("support");
    assert_eq!(offered_to(&world, second).as_deref(), Some("wang"));
}

#[test]
fn a_break_asked_for_while_talking_begins_after_the_call() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.want("wang", WantedState::Break("lunch".into()));
    assert_eq!(world.state("wang"), AgentState::Talking);
    world.customer(id, ended(Cause::Normal));
    assert!(
        matches!(world.state("wang"), AgentState::WrapUp { .. }),
        "the work comes first"
    );
    world.pass(30_000);
    assert_eq!(
        world.state("wang"),
        AgentState::Break {
            reason: "lunch".into()
        }
    );
}

#[test]
fn asking_for_work_does_not_excuse_a_missed_offer() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.offered();
    world.want("wang", WantedState::Available);
    world.pass(15_000);
    assert_eq!(world.state("wang"), missed());
}

#[test]
fn signing_out_while_the_phone_rings_takes_effect_when_the_offer_is_over() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    world.want("wang", WantedState::Offline);
    world.agent_phone(id, ended(Cause::Declined));
    assert_eq!(world.state("wang"), AgentState::Offline);
}

#[test]
fn an_agent_without_a_phone_is_not_called_until_it_registers() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.phone("wang", false);
    world.waiting();
    assert!(world.asked.is_empty());
    world.phone("wang", true);
    assert!(world.is_asked(PluginKind::RoutingStrategy));
}

#[test]
fn too_many_offers_send_the_caller_on() {
    let mut world = World::new();
    world.queue("support", |queue| queue.max_wait_ms = 86_400_000);
    world.agent("wang", &["support"]);
    let id = world.waiting();
    for _ in 0..jackfield_types::limits::MAX_OFFERS {
        world.longest_idle("support");
        world.agent_phone(id, ended(Cause::Declined));
        while world.is_asked(PluginKind::VoiceFlow) && *world.stage(id) != Stage::Flow {
            world.flow(id, vec![]);
        }
        if *world.stage(id) == Stage::Flow {
            break;
        }
        world.pass(30_000);
    }
    assert_eq!(*world.stage(id), Stage::Flow);
    while let event = world.flow(id, vec![gather(1)])
        && event != FlowEvent::QueueLeft(QueueExit::MaxWait)
    {}
}
