//! After the call: recording, scorecard, tags, each bounded in time and tries.

use jackfield_contact::decision::{Evaluation, FlowAction, Item, ItemResult, Question, Tag, TagChange};
use jackfield_contact::event::Event;
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::leg::{Cause, LegCommand};
use jackfield_types::{InteractionId, PluginKind};

use crate::world::*;

/// A call whose conversation is over; the agent's after-call work too.
fn over() -> (World, InteractionId) {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.talking();
    world.pass(10_000);
    world.customer(id, ended(Cause::Normal));
    world.flow(id, vec![]);
    world.want("wang", WantedState::Available);
    (world, id)
}

fn evaluation(points: f64) -> Evaluation {
    Evaluation {
        items: vec![Item {
            id: "greeting".into(),
            section: "etiquette".into(),
            possible: 10.0,
            weight: 1.0,
            critical: false,
            result: ItemResult::Points(points),
            evidence: None,
        }],
        emotions: vec![],
    }
}

fn tags() -> Vec<TagChange> {
    vec![TagChange::Add(Tag {
        name: "happy".into(),
        confidence: 90,
        reason: "score".into(),
        expires_at: None,
    })]
}

#[test]
fn scored_then_tagged_then_closed() {
    let (mut world, id) = over();
    assert!(world.asked.is_empty(), "the recording is waited for");
    world.store_recording(id);
    let Question::Scorecard(question) = &world.asked[0].question else {
        panic!()
    };
    assert_eq!(question.speech.unwrap().agent_ms, 500);
    assert_eq!(&*question.call_type, "support");
    world.evaluate(Ok(evaluation(9.0)));
    let Question::Tags(question) = &world.asked[0].question else {
        panic!()
    };
    assert_eq!(
        (question.score, question.talked_ms, question.abandoned),
        (Some(90.0), 10_000, false)
    );
    world.tag(Ok(tags()));
    assert!(
        world.has(|event| matches!(event, Event::Evaluated { score: Some(score), .. } if *score == 90.0))
    );
    assert!(world.has(|event| matches!(event, Event::Tagged { .. })));
    assert!(matches!(world.last(), Event::Closed { .. }));
    assert!(world.centre.interaction(id).is_none());
    assert_eq!(world.closed[0].score, Some(90.0));
    assert_eq!(world.centre.next_timeout(), None, "nothing is left behind");
}

#[test]
fn the_recording_is_waited_for_a_minute_and_no_longer() {
    let (mut world, id) = over();
    world.pass(59_999);
    assert!(world.asked.is_empty());
    world.pass(1);
    let Question::Scorecard(question) = &world.asked[0].question else {
        panic!()
    };
    assert_eq!(question.speech, None);
    world.store_recording(id);
    assert!(
        world.has(|event| matches!(event, Event::RecordingStored { .. })),
        "late, but not lost"
    );
    world.evaluate(Ok(evaluation(1.0)));
    world.tag(Ok(vec![]));
    assert!(world.closed[0].recording.is_some());
}

#[test]
fn each_recording_of_a_call_is_waited_for() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![FlowAction::Record(true), gather(1)]);
    world.digits(id, "1");
    world.flow(
        id,
        vec![FlowAction::Record(false), FlowAction::Record(true), gather(1)],
    );
    let starts = |(_, command): &&_| *command == LegCommand::StartRecording;
    assert_eq!(world.orders.iter().filter(starts).count(), 2);
    world.store_recording(id);
    world.customer(id, ended(Cause::Normal));
    world.flow(id, vec![]);
    assert!(world.asked.is_empty(), "the second recording is still to come");
    world.store_recording(id);
    assert!(world.is_asked(PluginKind::TagGenerator));
}

#[test]
fn a_recording_that_was_stopped_during_the_call_is_waited_for() {
    let mut world = World::new();
    let id = world.call();
    world.flow(
        id,
        vec![FlowAction::Record(true), FlowAction::Record(false), gather(1)],
    );
    world.customer(id, ended(Cause::Normal));
    world.flow(id, vec![]);
    assert!(world.asked.is_empty());
    world.store_recording(id);
    world.tag(Ok(vec![]));
    assert!(world.closed[0].recording.is_some());
}

#[test]
fn a_failing_scorecard_is_tried_again_ever_later_then_given_up() {
    let (mut world, id) = over();
    world.store_recording(id);
    for wait_ms in [5_000, 10_000, 20_000, 40_000, 80_000] {
        world.evaluate(Err(failure("trap")));
        world.pass(wait_ms - 1);
        assert!(world.asked.is_empty());
        world.pass(1);
    }
    world.evaluate(Err(failure("trap")));
    let retry = (std::sync::Arc::from("trap"), std::sync::Arc::from("retry"));
    let mut expected = vec![retry; 5];
    expected.push(("trap".into(), "give-up".into()));
    assert_eq!(world.fallbacks(), expected);
    world.tag(Ok(tags()));
    assert_eq!(world.closed.len(), 1);
}

#[test]
fn one_failure_costs_one_try() {
    let (mut world, id) = over();
    world.store_recording(id);
    world.evaluate(Err(failure("timeout")));
    world.pass(5_000);
    world.evaluate(Ok(evaluation(5.0)));
    world.tag(Err(failure("timeout")));
    world.pass(5_000);
    world.tag(Ok(vec![]));
    assert_eq!(world.closed[0].score, Some(50.0));
}

#[test]
fn without_plugins_a_call_is_closed_silently() {
    let (mut world, id) = over();
    world.store_recording(id);
    world.evaluate(Err(failure("no-binding")));
    world.tag(Err(failure("no-binding")));
    assert!(world.fallbacks().is_empty());
    assert_eq!(world.closed.len(), 1);
}

#[test]
fn a_call_without_an_agent_is_tagged_but_not_scored() {
    let mut world = World::new();
    let id = world.waiting();
    world.customer(id, ended(Cause::Normal));
    world.flow(id, vec![]);
    assert!(!world.is_asked(PluginKind::QaScorecard));
    let Question::Tags(question) = &world.asked[0].question else {
        panic!()
    };
    assert!(question.abandoned);
    world.tag(Ok(tags()));
    assert_eq!(world.closed.len(), 1);
}

#[test]
fn answers_that_can_not_be_journaled_or_do_not_fit_are_failures() {
    let (mut world, id) = over();
    world.store_recording(id);
    world.evaluate(Ok(evaluation(f64::NAN)));
    world.pass(5_000);
    let ask = world.asked.remove(0).ask;
    let wrong = jackfield_contact::decision::Answer::Tags(tags());
    world.answer(ask, Ok((wrong, provenance())));
    assert!(!world.has(|event| matches!(event, Event::Tagged { .. } | Event::Evaluated { .. })));
    let invalid = (
        std::sync::Arc::from("invalid-answer"),
        std::sync::Arc::from("retry"),
    );
    assert_eq!(world.fallbacks(), vec![invalid; 2]);
    world.pass(10_000);
    world.evaluate(Ok(evaluation(1.0)));
    world.tag(Ok(tags()));
    assert_eq!(world.closed.len(), 1);
}

#[test]
fn a_recording_that_failed_is_an_event_and_is_not_waited_for() {
    let (mut world, id) = over();
    assert!(world.asked.is_empty(), "the recording is still to come");
    let problem = "call.wav: no space left on device".into();
    world.ok(Input::RecordingFailed {
        interaction: id,
        problem,
    });
    assert!(world.has(|event| matches!(event, Event::RecordingFailed { .. })));
    assert!(world.is_asked(PluginKind::QaScorecard));
}
