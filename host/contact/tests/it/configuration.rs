//! Settings: each refusal names its field, and a refused setting changes nothing.

use jackfield_contact::config::{AgentConfig, NumberConfig, QueueConfig};
use jackfield_contact::input::{Input, WantedState};
use jackfield_types::{Channel, SkillId};

use crate::world::*;

fn refused(input: Input, code: &str, field: Option<&str>) {
    let mut world = World::new();
    let events = world.journal.len();
    let rejected = world.rejected(input.clone());
    assert_eq!(
        (rejected.code, rejected.field),
        (code, field),
        "{input:?}: {rejected}"
    );
    assert_eq!(world.journal.len(), events);
    if let Some(field) = field {
        assert!(rejected.message.starts_with(field), "{rejected}");
    }
}

#[test]
fn queues() {
    let set = |change: fn(&mut QueueConfig)| {
        let mut config = QueueConfig::new(queue_id("new"), "new");
        change(&mut config);
        Input::SetQueue(config)
    };
    let invalid = |change, field| refused(set(change), "invalid-config", Some(field));
    invalid(|queue| queue.name = " ".into(), "name");
    invalid(|queue| queue.name = "x".repeat(129).into(), "name");
    invalid(|queue| queue.max_waiting = 0, "max_waiting");
    invalid(|queue| queue.max_waiting = 10_001, "max_waiting");
    invalid(|queue| queue.max_wait_ms = 999, "max_wait_ms");
    invalid(|queue| queue.max_wait_ms = 86_400_001, "max_wait_ms");
    invalid(|queue| queue.offer_timeout_ms = 999, "offer_timeout_ms");
    invalid(|queue| queue.wrap_up_ms = 3_600_001, "wrap_up_ms");
    invalid(|queue| queue.progress_every_ms = 0, "progress_every_ms");
    invalid(|queue| queue.overflow = Some(queue_id("new")), "overflow");
    refused(
        set(|queue| queue.overflow = Some(queue_id("nowhere"))),
        "unknown-queue",
        Some("overflow"),
    );
}

#[test]
fn numbers() {
    let set = |change: fn(&mut NumberConfig)| {
        let mut config = number_config("support");
        change(&mut config);
        Input::SetNumber(config)
    };
    refused(
        set(|number| number.name = "".into()),
        "invalid-config",
        Some("name"),
    );
    for language in ["", "z", "zh_CN", "中文"] {
        let mut config = number_config("support");
        config.language = language.into();
        refused(Input::SetNumber(config), "invalid-config", Some("language"));
    }
    refused(
        set(|number| number.default_queue = queue_id("nowhere")),
        "unknown-queue",
        Some("default_queue"),
    );
    let other = jackfield_types::E164::new("+8675500000000").unwrap();
    refused(Input::RemoveNumber(other), "unknown-number", None);
}

#[test]
fn agents() {
    let set = |change: fn(&mut AgentConfig)| {
        let mut config = agent_config("wang", &["support"]);
        change(&mut config);
        Input::SetAgent(config)
    };
    let invalid = |change, field| refused(set(change), "invalid-config", Some(field));
    invalid(|agent| agent.name = "".into(), "name");
    invalid(
        |agent| agent.skills = [(SkillId::new("zh").unwrap(), 0)].into(),
        "skills",
    );
    invalid(
        |agent| agent.skills = [(SkillId::new("zh").unwrap(), 11)].into(),
        "skills",
    );
    invalid(
        |agent| {
            agent.skills = (0..65)
                .map(|n| (SkillId::new(&format!("s{n}")).unwrap(), 1))
                .collect()
        },
        "skills",
    );
    invalid(|agent| agent.capacity = [(Channel::Voice, 2)].into(), "capacity");
    refused(
        set(|agent| agent.queues = [queue_id("nowhere")].into()),
        "unknown-queue",
        Some("queues"),
    );
    let agent = agent_id("nobody");
    let wanted = WantedState::Available;
    refused(
        Input::RequestState {
            agent: agent.clone(),
            wanted,
        },
        "unknown-agent",
        None,
    );
    refused(Input::RemoveAgent(agent), "unknown-agent", None);
}

#[test]
fn a_break_needs_a_reason() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    for reason in ["".into(), "x".repeat(65)] {
        let rejected = world.rejected(Input::RequestState {
            agent: agent_id("wang"),
            wanted: WantedState::Break(reason.into()),
        });
        assert_eq!(
            (rejected.code, rejected.field),
            ("invalid-config", Some("reason"))
        );
    }
}

#[test]
fn what_is_in_use_is_not_removed() {
    let mut world = World::new();
    world.queue("backup", |_| {});
    world.queue("support", |queue| queue.overflow = Some(queue_id("backup")));
    let mut remove = |id: &str| world.rejected(Input::RemoveQueue(queue_id(id)));
    assert!(remove("support").message.contains("number"));
    assert!(remove("backup").message.contains("overflow"));
    assert_eq!(remove("nowhere").code, "unknown-queue");
    world.queue("support", |_| {});
    world.agent("wang", &["backup", "support"]);
    let rejected = world.rejected(Input::RemoveQueue(queue_id("backup")));
    assert!(rejected.message.contains("agent wang"));
    world.talking();
    assert_eq!(
        world.rejected(Input::RemoveAgent(agent_id("wang"))).code,
        "in-use"
    );
}

#[test]
fn settings_change_and_go() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    world.queue("support", |queue| queue.name = "renamed".into());
    assert_eq!(
        &*world.centre.queue(&queue_id("support")).unwrap().config.name,
        "renamed"
    );
    world.ok(Input::SetAgent(agent_config("wang", &[])));
    assert_eq!(
        world.state("wang"),
        jackfield_contact::agent::AgentState::Available,
        "settings leave the state"
    );
    world.ok(Input::RemoveAgent(agent_id("wang")));
    world.ok(Input::RemoveNumber(number()));
    world.ok(Input::RemoveQueue(queue_id("support")));
    assert_eq!(
        world.centre.queues().count() + world.centre.agents().count() + world.centre.numbers().count(),
        0
    );
}
