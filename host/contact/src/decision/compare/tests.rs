//! Questions to compare under, failures, and what holds of every comparison.

use jackfield_types::{AgentId, Channel, InteractionId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::decision::{
    Assignment, Attempt, CallInfo, Consent, Emotion, Enqueue, Evaluation, Evidence, FlowAction, FlowAnswer,
    FlowEvent, FlowQuestion, Gather, Item, ItemResult, Need, Phase, Plan, RoutingAgent, RoutingQuestion,
    RoutingWork, Ruling, ScorecardQuestion, ScoredEmotion, SurveyQuestion, Tag, TagChange, TagQuestion,
    Verdict,
};
use crate::leg::Prompt;

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
        interaction: interaction(),
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

/// From few values, so that answers often resemble each other.
fn text() -> impl Strategy<Value = std::sync::Arc<str>> {
    prop_oneof!["[ab]", ".{0,3}"].prop_map(Into::into)
}

fn figure() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(f64::NAN), any::<f64>()]
}

fn prompt() -> impl Strategy<Value = Prompt> {
    prop_oneof![
        text().prop_map(Prompt::File),
        (text(), text()).prop_map(|(text, language)| Prompt::Speech { text, language }),
        (0..3u32).prop_map(Prompt::Silence),
        Just(Prompt::HoldMusic),
    ]
}

fn action() -> impl Strategy<Value = FlowAction> {
    let gather =
        (vec(prompt(), 0..3), 0..3u8, any::<Option<char>>()).prop_map(|(prompts, digits, terminator)| {
            FlowAction::Gather(Gather {
                prompts,
                max_digits: digits,
                terminator,
                first_digit_ms: 500,
                between_digits_ms: 500,
            })
        });
    let need = ("[ab]", 0..3u8).prop_map(|(skill, level)| Need {
        skill: skill.parse().unwrap(),
        level,
    });
    let enqueue = (text(), vec(need, 0..3), -1..1i32).prop_map(|(queue, needs, priority)| {
        FlowAction::Enqueue(Enqueue {
            queue,
            needs,
            priority,
        })
    });
    let survey = (text(), vec(prompt(), 0..3)).prop_map(|(id, prompts)| {
        FlowAction::AskSurvey(SurveyQuestion {
            id,
            prompts,
            lowest: 1,
            highest: 5,
        })
    });
    prop_oneof![
        vec(prompt(), 0..3).prop_map(FlowAction::Play),
        gather,
        enqueue,
        any::<bool>().prop_map(FlowAction::Record),
        (text(), text()).prop_map(|(key, value)| FlowAction::Set(key, value)),
        survey,
        (text(), 0..3u64).prop_map(|(name, after_ms)| FlowAction::SetTimer(name, after_ms)),
        Just(FlowAction::End),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let index = || prop_oneof![0..4u32, Just(u32::MAX)];
    let pair = (index(), index()).prop_map(|(work, agent)| Assignment { work, agent });
    (vec(pair, 0..5), vec(index(), 0..4), proptest::option::of(0..2u64)).prop_map(
        |(assignments, overflows, again)| Plan {
            assignments,
            overflows,
            look_again_at: again.map(Timestamp),
        },
    )
}

fn ruling() -> impl Strategy<Value = Ruling> {
    let verdict = prop_oneof![
        Just(Verdict::Allow),
        (0..3u64).prop_map(|until| Verdict::Defer(Timestamp(until))),
        Just(Verdict::Substitute(Channel::Voice)),
        Just(Verdict::Deny),
    ];
    (verdict, text(), proptest::option::of(0..3u64)).prop_map(|(verdict, reason, next)| Ruling {
        verdict,
        reason,
        next_permitted_at: next.map(Timestamp),
    })
}

fn change() -> impl Strategy<Value = TagChange> {
    let tag = || {
        (text(), 0..8u8, text(), proptest::option::of(0..2u64)).prop_map(
            |(name, confidence, reason, until)| Tag {
                name,
                confidence,
                reason,
                expires_at: until.map(Timestamp),
            },
        )
    };
    prop_oneof![
        tag().prop_map(TagChange::Add),
        tag().prop_map(TagChange::Refresh),
        text().prop_map(TagChange::Expire),
    ]
}

fn evaluation() -> impl Strategy<Value = Evaluation> {
    let evidence = || {
        proptest::option::of(text().prop_map(|note| Evidence {
            start_ms: 0,
            end_ms: 0,
            note,
        }))
    };
    let result = prop_oneof![
        figure().prop_map(ItemResult::Points),
        Just(ItemResult::NotApplicable),
        Just(ItemResult::Fatal),
    ];
    let item = (
        text(),
        text(),
        figure(),
        figure(),
        any::<bool>(),
        result,
        evidence(),
    )
        .prop_map(
            |(id, section, possible, weight, critical, result, evidence)| Item {
                id,
                section,
                possible,
                weight,
                critical,
                result,
                evidence,
            },
        );
    let phase = prop_oneof![Just(Phase::Open), Just(Phase::Help)];
    let emotion = (phase, 1..=5u8, evidence()).prop_map(|(phase, emotion, evidence)| ScoredEmotion {
        phase,
        emotion: Emotion::try_from(emotion).unwrap(),
        evidence,
    });
    (vec(item, 0..4), vec(emotion, 0..4)).prop_map(|(items, emotions)| Evaluation { items, emotions })
}

fn answer() -> impl Strategy<Value = Answer> {
    let flow = (vec(any::<u8>(), 0..3), vec(action(), 0..5))
        .prop_map(|(state, actions)| Answer::Flow(FlowAnswer { state, actions }));
    prop_oneof![
        flow,
        plan().prop_map(Answer::Routing),
        ruling().prop_map(Answer::Outbound),
        vec(change(), 0..4).prop_map(Answer::Tags),
        evaluation().prop_map(Answer::Scorecard),
    ]
}

fn outcome() -> impl Strategy<Value = Result<Answer, Failure>> {
    prop_oneof![
        8 => answer().prop_map(Ok),
        1 => (text(), text()).prop_map(|(code, message)| Err(Failure { code, message })),
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
    ]
}

/// A question with two answers, mostly of its kind.
fn case() -> impl Strategy<Value = (Question, Result<Answer, Failure>, Result<Answer, Failure>)> {
    let fitting = |question: Question| {
        let answers = |answer: BoxedStrategy<Answer>| (answer.clone(), answer);
        let (before, after) = match &question {
            Question::Flow(_) => answers(
                (vec(any::<u8>(), 0..2), vec(action(), 0..4))
                    .prop_map(|(state, actions)| Answer::Flow(FlowAnswer { state, actions }))
                    .boxed(),
            ),
            Question::Routing(_) => answers(plan().prop_map(Answer::Routing).boxed()),
            Question::Outbound(_) => answers(ruling().prop_map(Answer::Outbound).boxed()),
            Question::Tags(_) => answers(vec(change(), 0..4).prop_map(Answer::Tags).boxed()),
            Question::Scorecard(_) => answers(evaluation().prop_map(Answer::Scorecard).boxed()),
            // Their rules are tested beside them.
            other => unreachable!("`question` makes none for a {}", other.kind()),
        };
        (Just(question), before.prop_map(Ok), after.prop_map(Ok))
    };
    prop_oneof![
        5 => question().prop_flat_map(fitting),
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
