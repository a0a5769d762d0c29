//! Digits: type-ahead, terminator, the two time-outs, surveys.

use jackfield_contact::decision::{FlowAction, FlowEvent};
use jackfield_contact::event::Event;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_types::{InteractionId, LegId, PluginKind};

use crate::world::*;

fn gathering(max_digits: u8) -> (World, InteractionId) {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![gather(max_digits)]);
    (world, id)
}

fn digits(text: &str) -> FlowEvent {
    FlowEvent::Digits(text.into())
}

#[test]
fn a_gather_ends_with_its_last_digit() {
    let (mut world, id) = gathering(3);
    world.digits(id, "12");
    assert!(world.asked.is_empty());
    world.digits(id, "3");
    assert_eq!(world.flow(id, vec![gather(1)]), digits("123"));
    assert!(world.has(|event| matches!(event, Event::DigitsEntered { digits, .. } if &**digits == "123")));
}

#[test]
fn the_terminator_ends_it_early_and_is_not_part_of_it() {
    let (mut world, id) = gathering(8);
    world.digits(id, "42#");
    assert_eq!(world.flow(id, vec![gather(1)]), digits("42"));
}

#[test]
fn the_terminator_alone_is_no_input() {
    let (mut world, id) = gathering(8);
    world.digits(id, "#");
    assert_eq!(world.flow(id, vec![gather(1)]), FlowEvent::NoInput);
}

#[test]
fn the_first_digit_is_waited_for_after_the_prompts() {
    let (mut world, id) = gathering(2);
    world.pass(60_000);
    assert!(world.asked.is_empty(), "the prompts are still being played");
    world.customer(id, played());
    world.pass(4_999);
    assert!(world.asked.is_empty());
    world.pass(1);
    assert_eq!(world.flow(id, vec![gather(1)]), FlowEvent::NoInput);
}

#[test]
fn each_next_digit_has_its_own_time() {
    let (mut world, id) = gathering(4);
    world.digits(id, "1");
    world.customer(
        id,
        LegEvent::PlayFinished {
            action: 0,
            interrupted: true,
            failed: None,
        },
    );
    world.pass(1_999);
    world.digits(id, "2");
    world.pass(1_999);
    assert!(world.asked.is_empty());
    world.pass(1);
    assert_eq!(world.flow(id, vec![gather(1)]), digits("12"));
}

#[test]
fn digits_typed_ahead_spare_the_prompt() {
    let (mut world, id) = gathering(1);
    world.digits(id, "1234");
    let before = world.orders.len();
    assert_eq!(world.flow(id, vec![gather(2)]), digits("1"));
    assert_eq!(world.flow(id, vec![gather(1)]), digits("23"));
    assert!(
        !world.orders[before..]
            .iter()
            .any(|(_, command)| matches!(command, LegCommand::Play { .. }))
    );
    assert_eq!(world.flow(id, vec![gather(1)]), digits("4"));
    assert!(world.asked.is_empty());
    assert!(matches!(
        world.last_order(LegId::customer(id)),
        Some(LegCommand::Play { .. })
    ));
}

#[test]
fn a_terminator_after_the_last_digit_does_not_answer_the_next_question() {
    let (mut world, id) = gathering(4);
    world.digits(id, "1234#");
    assert_eq!(world.flow(id, vec![gather(4)]), digits("1234"));
    assert!(world.asked.is_empty(), "the next input is still waited for");
    world.digits(id, "56#");
    assert_eq!(world.flow(id, vec![survey("csat")]), digits("56"));
}

#[test]
fn a_survey_takes_one_digit_in_range() {
    for (typed, expected) in [
        (
            "5",
            FlowEvent::SurveyAnswered {
                question: "csat".into(),
                value: 5,
            },
        ),
        (
            "1",
            FlowEvent::SurveyAnswered {
                question: "csat".into(),
                value: 1,
            },
        ),
        ("9", FlowEvent::NoInput),
        ("0", FlowEvent::NoInput),
        ("#", FlowEvent::NoInput),
        ("A", FlowEvent::NoInput),
    ] {
        let mut world = World::new();
        let id = world.call();
        world.flow(id, vec![survey("csat")]);
        world.digits(id, typed);
        assert_eq!(world.flow(id, vec![FlowAction::End]), expected, "{typed}");
        let answered = usize::from(expected != FlowEvent::NoInput);
        assert_eq!(
            world.count(|event| matches!(event, Event::SurveyAnswered { .. })),
            answered
        );
    }
}

#[test]
fn a_survey_that_nobody_answers_ends_after_its_time() {
    let mut world = World::new();
    let id = world.call();
    world.flow(id, vec![survey("csat")]);
    world.customer(id, played());
    world.pass(8_000);
    assert_eq!(world.flow(id, vec![FlowAction::End]), FlowEvent::NoInput);
}

#[test]
fn digits_pressed_before_the_conversation_do_not_answer_the_survey() {
    let mut world = World::new();
    world.agent("wang", &["support"]);
    let id = world.offered();
    world.digits(id, "5");
    world.agent_phone(id, LegEvent::Answered);
    world.flow(id, vec![]);
    world.digits(id, "4");
    world.agent_phone(id, ended(Cause::Normal));
    world.flow(id, vec![survey("csat")]);
    assert!(!world.has(|event| matches!(event, Event::SurveyAnswered { .. })));
    assert!(
        !world.is_asked(PluginKind::VoiceFlow),
        "the survey waits for its digit"
    );
}

#[test]
fn digits_can_be_taken_while_waiting_and_the_music_comes_back() {
    let mut world = World::new();
    let id = world.waiting();
    world.pass(20_000);
    assert!(matches!(
        world.flow(id, vec![gather(1)]),
        FlowEvent::QueueProgress(_)
    ));
    world.digits(id, "1");
    assert!(matches!(
        world.last_order(LegId::customer(id)),
        Some(LegCommand::Play { .. })
    ));
    assert_eq!(world.flow(id, vec![]), digits("1"));
    assert!(world.is_waiting(id, "support"));
}

#[test]
fn input_is_forgotten_when_the_flow_hangs_up() {
    let (mut world, id) = gathering(4);
    world.digits(id, "1");
    world.pass(2_000);
    world.flow(id, vec![FlowAction::SetTimer("t".into(), 100), gather(4)]);
    world.pass(100);
    world.flow(id, vec![FlowAction::Play(say("good bye")), FlowAction::End]);
    world.digits(id, "7");
    world.pass(10_000);
    assert!(world.asked.is_empty(), "nobody waits for digits any longer");
    world.customer(id, played());
    assert!(world.has(|event| matches!(event, Event::InteractionEnded { .. })));
}
