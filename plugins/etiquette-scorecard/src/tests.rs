use jackfield_plugin::{
    Channel, Phase,
    qa_scorecard::{Evaluation, Interaction, ItemResult, Segment, SegmentKind, Speech, Survey},
    testing::Host,
};

use super::EtiquetteScorecard;

fn segment(kind: SegmentKind, start: u64, end: u64) -> Segment {
    let with_agent = !matches!(kind, SegmentKind::Ivr | SegmentKind::Queue | SegmentKind::Survey);
    Segment {
        kind,
        agent: with_agent.then(|| "ann".to_owned()),
        queue: None,
        start: start * 1_000,
        end: end * 1_000,
    }
}

fn survey(question: &str, value: u8) -> Survey {
    Survey {
        question: question.to_owned(),
        value,
        lowest: 1,
        highest: 5,
    }
}

/// Rings 20 s, talks 60 s, holds 20 s, talks 20 s, survey, 60 s of after-call work.
fn call() -> Interaction {
    Interaction {
        id: "call".to_owned(),
        channel: Channel::Voice,
        call_type: "sales".to_owned(),
        started_at: 1_000,
        ended_at: 201_000,
        agent: Some("ann".to_owned()),
        segments: vec![
            segment(SegmentKind::Ivr, 0, 10),
            segment(SegmentKind::Queue, 10, 50),
            segment(SegmentKind::Ringing, 30, 50),
            segment(SegmentKind::Talk, 50, 110),
            segment(SegmentKind::Hold, 110, 130),
            segment(SegmentKind::Talk, 130, 150),
            segment(SegmentKind::Survey, 150, 160),
            segment(SegmentKind::WrapUp, 150, 210),
        ],
        speech: Some(Speech {
            customer: 30_000,
            agent: 39_000,
            talk_over: 9_000,
            silence: 40_000,
            interruptions: 2,
        }),
        surveys: vec![survey("csat", 4)],
        attributes: Vec::new(),
    }
}

fn evaluate(config: &str, interaction: Interaction) -> Evaluation {
    Host::new()
        .with_config(config)
        .evaluate::<EtiquetteScorecard>(interaction)
        .unwrap()
}

/// Points as a share of the possible ones; none for not applicable.
fn share(evaluation: &Evaluation, id: &str) -> Option<f64> {
    let item = evaluation.items.iter().find(|item| item.id == id).unwrap();
    match item.result {
        ItemResult::Points(points) => Some(points / item.possible),
        ItemResult::NotApplicable => None,
        ItemResult::Fatal => panic!("{id} is fatal"),
    }
}

#[test]
fn points_fall_evenly_between_full_and_none() {
    let evaluation = evaluate("{}", call());
    let expected = [
        ("answer-time", 0.5),      // 20 s between 10 and 30
        ("hold-share", 2.0 / 3.0), // 20 of 100 s: .2 between .1 and .4
        ("hold-count", 1.0),       // once
        ("talk-over", 0.0),        // 9 of 60 s: .15
        ("dead-air", 0.5),         // 20 of 80 s without the hold: .25 between .1 and .4
        ("survey", 0.75),          // 4 on 1 to 5
        ("wrap-up", 1.0),          // 60 s
    ];
    for (id, points) in expected {
        let got = share(&evaluation, id).unwrap();
        assert!((got - points).abs() < 1e-9, "{id}: {got}, expected {points}");
    }
    assert_eq!(evaluation.items.len(), expected.len());
}

#[test]
fn evidence_points_into_the_interaction() {
    let evaluation = evaluate("{}", call());
    let place = |id: &str| {
        let item = evaluation.items.iter().find(|item| item.id == id).unwrap();
        let evidence = item.evidence.as_ref().unwrap();
        assert!(!evidence.note.is_empty());
        (evidence.start, evidence.end)
    };
    assert_eq!(place("answer-time"), (30_000, 50_000));
    assert_eq!(place("hold-share"), (110_000, 130_000));
    assert_eq!(place("talk-over"), (50_000, 150_000));
    assert_eq!(place("survey"), (150_000, 160_000));
    assert_eq!(place("wrap-up"), (150_000, 210_000));
}

#[test]
fn what_was_not_measured_does_not_apply() {
    let mut bare = call();
    (bare.speech, bare.surveys) = (None, Vec::new());
    bare.segments
        .retain(|segment| segment.kind != SegmentKind::WrapUp);
    let evaluation = evaluate("{}", bare);
    for id in ["talk-over", "dead-air", "survey", "wrap-up"] {
        assert_eq!(share(&evaluation, id), None, "{id}");
    }
    assert!(share(&evaluation, "answer-time").is_some());
    assert_eq!(evaluation.emotions, []);

    let mut abandoned = call();
    (abandoned.agent, abandoned.speech, abandoned.surveys) = (None, None, Vec::new());
    abandoned.segments.truncate(3);
    let evaluation = evaluate("{}", abandoned);
    assert!(
        evaluation
            .items
            .iter()
            .all(|item| item.result == ItemResult::NotApplicable && item.evidence.is_none())
    );
}

#[test]
fn another_agents_ringing_is_not_this_agents() {
    let mut passed_on = call();
    let missed = Segment {
        agent: Some("bob".to_owned()),
        ..segment(SegmentKind::Ringing, 10, 30)
    };
    passed_on.segments.insert(2, missed);
    let evaluation = evaluate("{}", passed_on);
    assert_eq!(evaluation.items[0].evidence.as_ref().unwrap().start, 30_000);
}

#[test]
fn the_survey_shows_the_feeling_at_the_end() {
    let mut answered = call();
    answered.surveys.push(survey("expectation", 5));
    let [emotion] = &evaluate("{}", answered).emotions[..] else {
        panic!()
    };
    assert_eq!((emotion.phase, emotion.emotion), (Phase::Close, 4));
    assert!(
        emotion
            .evidence
            .as_ref()
            .unwrap()
            .note
            .contains("expectation of 5")
    );
}

#[test]
fn the_form_is_set_by_call_type() {
    let config = r#"{
        "items": {"wrap-up": {"weight": 0}},
        "call-types": {"sales": {"answer-time": {"none": 110, "critical": true}}}
    }"#;
    let evaluation = evaluate(config, call());
    assert!(evaluation.items.iter().all(|item| item.id != "wrap-up"));
    assert_eq!(share(&evaluation, "answer-time"), Some(0.9));
    assert!(evaluation.items[0].critical);

    let mut other = call();
    other.call_type = "service".to_owned();
    assert_eq!(share(&evaluate(config, other), "answer-time"), Some(0.5));
}

#[test]
fn a_bad_form_names_the_item() {
    for config in [
        r#"{"items": {"smile": {"weight": 1}}}"#,
        r#"{"items": {"survey": {"full": 0}}}"#,
    ] {
        let error = Host::new()
            .with_config(config)
            .evaluate::<EtiquetteScorecard>(call())
            .unwrap_err();
        assert_eq!(error.code, "bad-config");
        assert!(
            error.message.contains("smile") || error.message.contains("survey"),
            "{}",
            error.message
        );
    }
}
