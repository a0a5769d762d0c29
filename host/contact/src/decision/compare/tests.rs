//! Questions to compare under, failures, and what holds of every comparison.

mod answers;

use jackfield_types::{AgentId, Channel, InteractionId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::decision::{
    Assignment, AssistQuestion, AssistTrigger, Attempt, CallInfo, ChatEvent, ChatInfo, ChatQuestion,
    Compliance, ConnectorQuestion, Consent, FlowEvent, FlowQuestion, PacingQuestion, Plan, RecentAttempts,
    RoutingAgent, RoutingQuestion, RoutingWork, ScorecardQuestion, TagQuestion, Webhook,
};

/// Paths and grades, the worst first.
pub(super) fn differences(question: &Question, before: Answer, after: Answer) -> Vec<(String, Grade)> {
    let found = compare(question, &Ok(before), &Ok(after));
    found
        .differences
        .into_iter()
        .map(|difference| (difference.path, difference.grade))
        .collect()
}

fn interaction() -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(1))
}

pub(super) fn flow(event: FlowEvent) -> Question {
    Question::Flow(Box::new(FlowQuestion {
        state: vec![],
        event,
        call: CallInfo {
            interaction: interaction(),
            caller: "+8613800138000".into(),
            number: "+864001234567".parse().unwrap(),
            started_at: Timestamp(0),
            language: "en".into(),
            attributes: vec![],
        },
    }))
}

/// Work by the levels it asks for, agents by the levels they have.
pub(super) fn routing(work: &[&[(u8, u8)]], agents: &[&[u8]]) -> Question {
    let work = work.iter().map(|levels| RoutingWork {
        interaction: interaction(),
        channel: Channel::Voice,
        needs: levels.iter().fold(0, |bits, (skill, _)| bits | 1 << skill),
        levels: levels.to_vec(),
        waiting_ms: 0,
        priority: 0,
        last_agent: None,
        attributes: vec![],
    });
    let agents = agents.iter().enumerate().map(|(n, levels)| RoutingAgent {
        agent: format!("agent-{n}").parse::<AgentId>().unwrap(),
        skills: levels
            .iter()
            .enumerate()
            .fold(0, |bits, (bit, level)| bits | u64::from(*level > 0) << bit),
        levels: levels.to_vec(),
        idle_ms: 0,
        load: 0,
        capacity: 1,
    });
    Question::Routing(Box::new(RoutingQuestion {
        queue: "support".parse().unwrap(),
        skills: vec!["zh".parse().unwrap()],
        work: work.collect(),
        agents: agents.collect(),
    }))
}

pub(super) fn outbound() -> Question {
    Question::Outbound(Box::new(Attempt {
        number: "+8613800138000".parse().unwrap(),
        channel: Channel::Voice,
        purpose: "sales".into(),
        jurisdiction: "CN".into(),
        local_times: vec![],
        consent: Consent::Unknown,
        attempts: vec![],
    }))
}

pub(super) fn tags() -> Question {
    Question::Tags(Box::new(TagQuestion {
        interaction: Some(interaction()),
        channel: Channel::Voice,
        started_at: Timestamp(0),
        ended_at: Timestamp(1),
        abandoned: false,
        waited_ms: 0,
        talked_ms: 0,
        attributes: vec![],
        score: None,
    }))
}

pub(super) fn scorecard() -> Question {
    Question::Scorecard(Box::new(ScorecardQuestion {
        interaction: interaction(),
        channel: Channel::Voice,
        call_type: "".into(),
        started_at: Timestamp(0),
        ended_at: Timestamp(1),
        agent: None,
        segments: vec![],
        speech: None,
        surveys: vec![],
        attributes: vec![],
    }))
}

fn chat(event: ChatEvent) -> Question {
    Question::Chat(Box::new(ChatQuestion {
        state: vec![],
        event,
        chat: ChatInfo {
            interaction: interaction(),
            channel: Channel::Chat,
            entry: "website".parse().unwrap(),
            address: "visitor".into(),
            started_at: Timestamp(0),
            language: "en".into(),
            attributes: vec![],
        },
    }))
}

/// Of a campaign that may lose 30 of 1,000.
fn pacing(abandoned: u32) -> Question {
    Question::Pacing(Box::new(PacingQuestion {
        campaign: "spring".parse().unwrap(),
        free: 2,
        busy: vec![],
        ringing: 0,
        waiting: 0,
        lines: 5,
        callable: 5,
        recent: RecentAttempts::default(),
        compliance: Compliance {
            answered: 1_000,
            abandoned,
            allowed_ppm: 30_000,
        },
    }))
}

fn connector() -> Question {
    Question::Connector(Box::new(ConnectorQuestion::Receive(Webhook {
        method: "POST".into(),
        query: vec![],
        headers: vec![],
        body: vec![],
    })))
}

fn assist() -> Question {
    Question::Assist(Box::new(AssistQuestion {
        interaction: interaction(),
        channel: Channel::Chat,
        agent: "anna".parse().unwrap(),
        queue: None,
        language: "en".into(),
        trigger: AssistTrigger::Requested,
        messages: vec![],
        typing: None,
        attributes: vec![],
    }))
}

fn failure(code: &str, message: &str) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
    }
}

#[test]
fn failures() {
    let empty = || Ok(Answer::Tags(vec![]));
    let trap = || Err(failure("trap", "unreachable"));
    for (before, after, path, grade) in [
        (empty(), trap(), "", Grade::Forbidden),
        (empty(), Err(failure("timeout", "")), "", Grade::Forbidden),
        (empty(), Err(failure("overloaded", "")), "", Grade::Material),
        (trap(), empty(), "", Grade::Material),
        (
            trap(),
            Err(failure("fuel", "unreachable")),
            "/failure/code",
            Grade::Material,
        ),
        (
            trap(),
            Err(failure("trap", "other")),
            "/failure/message",
            Grade::Cosmetic,
        ),
        (
            empty(),
            Ok(Answer::Routing(Plan::default())),
            "",
            Grade::Forbidden,
        ),
        (Ok(Answer::Routing(Plan::default())), empty(), "", Grade::Material),
    ] {
        let found = compare(&tags(), &before, &after);
        assert_eq!(found.grade, grade, "{before:?} → {after:?}");
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].path, path);
    }
    assert_eq!(compare(&tags(), &trap(), &trap()).grade, Grade::Identical);
}

#[test]
fn a_comparison_is_bounded_and_keeps_the_worst() {
    let pairs = |agent| Plan {
        assignments: (0..100).map(|work| Assignment { work, agent }).collect(),
        ..Plan::default()
    };
    let mut needs: Vec<&[(u8, u8)]> = vec![&[]; 100];
    needs[99] = &[(0, 1)];
    let question = routing(&needs, &[&[1], &[0]]);
    let (before, after) = (Ok(Answer::Routing(pairs(0))), Ok(Answer::Routing(pairs(1))));
    let found = compare(&question, &before, &after);
    assert_eq!((found.differences.len(), found.left_out), (MAX_DIFFERENCES, 80));
    assert_eq!(found.differences[0].path, "/routing/assignments/99");
    assert_eq!(found.differences[0].grade, Grade::Forbidden);
    assert_eq!(found.differences[1].grade, Grade::Material);
}

#[test]
fn long_values_are_cut() {
    for long in [
        "x".repeat(5_000),
        "\u{1}".repeat(5_000),
        "呼".repeat(5_000),
        "\"".repeat(5_000),
    ] {
        let (before, after) = (Err(failure("trap", &long)), Err(failure("trap", "")));
        let found = compare(&tags(), &before, &after).differences.remove(0);
        let text = found.before.as_str().unwrap();
        assert!(text.ends_with('…') && text.len() > 100, "{text}");
        assert!(found.before.to_string().len() <= MAX_SHOWN_BYTES);
    }
}

/// An answer of each kind of plugin.
fn answers() -> [BoxedStrategy<Answer>; 9] {
    [
        answers::flow().prop_map(Answer::Flow).boxed(),
        answers::plan().prop_map(Answer::Routing).boxed(),
        answers::ruling().prop_map(Answer::Outbound).boxed(),
        vec(answers::change(), 0..4).prop_map(Answer::Tags).boxed(),
        answers::evaluation().prop_map(Answer::Scorecard).boxed(),
        answers::chat().prop_map(Answer::Chat).boxed(),
        answers::pace().prop_map(Answer::Pacing).boxed(),
        answers::connector()
            .prop_map(|answer| Answer::Connector(Box::new(answer)))
            .boxed(),
        vec(answers::suggestion(), 0..4).prop_map(Answer::Assist).boxed(),
    ]
}

/// The answers that fit a question.
fn fitting(question: &Question) -> BoxedStrategy<Answer> {
    let [
        flow,
        routing,
        outbound,
        tags,
        scorecard,
        chat,
        pacing,
        connector,
        assist,
    ] = answers();
    match question {
        Question::Flow(_) => flow,
        Question::Routing(_) => routing,
        Question::Outbound(_) => outbound,
        Question::Tags(_) => tags,
        Question::Scorecard(_) => scorecard,
        Question::Chat(_) => chat,
        Question::Pacing(_) => pacing,
        Question::Connector(_) => connector,
        Question::Assist(_) => assist,
    }
}

fn outcome() -> impl Strategy<Value = Result<Answer, Failure>> {
    prop_oneof![
        8 => proptest::strategy::Union::new(answers()).prop_map(Ok),
        1 => (answers::text(), answers::text()).prop_map(|(code, message)| Err(Failure { code, message })),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        Just(flow(FlowEvent::Started)),
        Just(flow(FlowEvent::NoInput)),
        Just(flow(FlowEvent::Ended)),
        Just(routing(&[&[(0, 3)], &[], &[(9, 1)]], &[&[5], &[2], &[]])),
        Just(outbound()),
        Just(tags()),
        Just(scorecard()),
        Just(chat(ChatEvent::Started)),
        Just(chat(ChatEvent::NoReply)),
        Just(chat(ChatEvent::Ended)),
        Just(pacing(0)),
        Just(pacing(30)),
        Just(connector()),
        Just(assist()),
    ]
}

/// A question with two answers, mostly of its kind.
fn case() -> impl Strategy<Value = (Question, Result<Answer, Failure>, Result<Answer, Failure>)> {
    let two = |question: Question| {
        let (before, after) = (fitting(&question), fitting(&question));
        (Just(question), before.prop_map(Ok), after.prop_map(Ok))
    };
    prop_oneof![
        5 => question().prop_flat_map(two),
        1 => (question(), outcome(), outcome()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn holds_of_every_comparison((question, before, after) in case()) {
        for same in [&before, &after] {
            let found = compare(&question, same, &same.clone());
            prop_assert_eq!(found.grade, Grade::Identical, "{:?}", found.differences);
            prop_assert!(found.differences.is_empty());
        }
        let (there, back) = (compare(&question, &before, &after), compare(&question, &after, &before));
        prop_assert_eq!(there.grade == Grade::Identical, back.grade == Grade::Identical);
        prop_assert!(before != after || there.grade == Grade::Identical);
        prop_assert!(value(&before) == value(&after) || there.grade != Grade::Identical);
        for found in [there, back] {
            let worst = found.differences.iter().map(|difference| difference.grade).max();
            prop_assert_eq!(found.grade, worst.unwrap_or(Grade::Identical));
            prop_assert!(found.differences.is_sorted_by_key(|difference| std::cmp::Reverse(difference.grade)));
            prop_assert!(found.differences.len() <= MAX_DIFFERENCES);
            for difference in &found.differences {
                prop_assert!(difference.grade > Grade::Identical);
                prop_assert!(difference.before.to_string().len() <= MAX_SHOWN_BYTES);
            }
            let written = serde_json::to_string(&found).unwrap();
            prop_assert_eq!(serde_json::from_str::<Comparison>(&written).unwrap(), found);
        }
    }

    /// A path leads to the value that is shown, in one of the two answers.
    #[test]
    fn paths_lead_to_what_is_shown((question, before, after) in case()) {
        let (Ok(before), Ok(after)) = (&before, &after) else { return Ok(()) };
        let found = compare(&question, &Ok(before.clone()), &Ok(after.clone()));
        let (before, after) = (value(before), value(after));
        for difference in found.differences {
            if difference.path == "/flow/state" {
                continue;
            }
            let place = if before.pointer(&difference.path).is_some() { &before } else { &after };
            prop_assert!(place.pointer(&difference.path).is_some(), "{}", difference.path);
        }
    }
}
