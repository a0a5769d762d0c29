use std::sync::Arc;

use jackfield_contact::decision::{
    AgentOutcomes, CallInfo, Customer, FlowEvent, FlowQuestion, PastInteraction, Question, QueueStatus,
    RoutingAgent, RoutingQuestion, RoutingWork, SurveyAnswer, SurveyRecord, Tag, Tally,
};
use jackfield_types::{
    AgentId, Capability, Channel, CustomerId, Digest, E164, Grants, InteractionId, QueueId, SkillId,
    Timestamp,
    limits::{MAX_PLUGIN_KEY_WRITES, MAX_PLUGIN_VALUE_BYTES},
};

use crate::{
    Ceilings, Env, LogLevel, NoReads, ReadError, Reads,
    bindings::cx::{
        call::calls,
        chat::messages,
        host::{config, key_value, log},
        profile::customers,
        routing_strategy::details,
        scoring::{
            outcomes::{self, Measure},
            scores,
        },
        types::types::Error,
    },
    state::State,
};

const NOW: u64 = 1_000_000;

struct Known;

impl Reads for Known {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        Ok(Some(Customer {
            id: CustomerId::new("tel:+8613800138000").unwrap(),
            name: None,
            language: Some("zh-CN".into()),
            first_seen_at: Timestamp(1),
            attributes: vec![("vip".into(), "yes".into())],
            tags: vec![
                tag("old", Some(NOW)),
                tag("lasting", None),
                tag("new", Some(NOW + 1)),
            ],
        }))
    }

    fn history(&self, _limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        let past = PastInteraction {
            id: interaction(),
            channel: Channel::Chat,
            started_at: Timestamp(2),
            length_ms: 3,
            queue: Some(QueueId::new("vip").unwrap()),
            agent: None,
            talked_ms: 4,
            abandoned: true,
            value: 5,
        };
        Ok(vec![past; 60])
    }

    fn surveys(&self, _limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        let answer = SurveyAnswer {
            question: "x".repeat(900_000).into(),
            value: 5,
            lowest: 1,
            highest: 5,
        };
        Ok(vec![
            SurveyRecord {
                interaction: interaction(),
                at: Timestamp(1),
                answer
            };
            2
        ])
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        Ok((id == "support").then(|| QueueStatus {
            waiting: 7,
            ..QueueStatus::default()
        }))
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok((key == "stored").then(|| b"before".to_vec()))
    }

    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        assert_eq!((agents[0].as_str(), &*reasons[0]), ("li-na", "support"));
        Ok(vec![AgentOutcomes {
            agent: agents[0].clone(),
            reason: reasons[0].clone(),
            survey: Tally { count: 4, total: 300 },
            evaluation: Tally::default(),
        }])
    }

    fn customer_tags(&self, _interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        Err(ReadError::unavailable("the host is busy"))
    }
}

fn tag(name: &str, expires_at: Option<u64>) -> Tag {
    Tag {
        name: name.into(),
        confidence: 50,
        reason: "".into(),
        expires_at: expires_at.map(Timestamp),
    }
}

pub(super) fn interaction() -> InteractionId {
    "0198f000-0000-7000-8000-000000000001".parse().unwrap()
}

fn flow() -> Question {
    Question::Flow(Box::new(FlowQuestion {
        state: vec![],
        event: FlowEvent::Started,
        call: CallInfo {
            interaction: interaction(),
            caller: "anonymous".into(),
            number: E164::new("+8675512345678").unwrap(),
            started_at: Timestamp(1),
            language: "zh-CN".into(),
            attributes: vec![("intent".into(), "billing".into())],
        },
    }))
}

fn routing() -> Question {
    Question::Routing(Box::new(RoutingQuestion {
        queue: QueueId::new("support").unwrap(),
        skills: vec![SkillId::new("zh").unwrap()],
        work: vec![RoutingWork {
            interaction: interaction(),
            channel: Channel::Voice,
            needs: 1,
            levels: vec![(0, 4)],
            waiting_ms: 1,
            priority: 0,
            last_agent: None,
            attributes: vec![],
        }],
        agents: vec![RoutingAgent {
            agent: AgentId::new("li-na").unwrap(),
            skills: 1,
            levels: vec![6],
            idle_ms: 1,
            load: 0,
            capacity: 1,
        }],
    }))
}

pub(super) fn state(question: Question, reads: Arc<dyn Reads>) -> State {
    let question = Arc::new(question);
    let ceilings = Ceilings::of(question.kind());
    State::new(
        Digest::of(b"plugin"),
        question,
        Env {
            now: Timestamp(NOW),
            config: "{}".into(),
            reads,
            grants: Grants::ALL,
            budget: None,
        },
        &ceilings,
    )
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().code
}

#[test]
fn the_customer_is_shown_with_the_tags_that_hold_now() {
    let mut state = state(flow(), Arc::new(Known));
    let customer = customers::Host::current(&mut state).unwrap().unwrap();
    assert_eq!(customer.language.as_deref(), Some("zh-CN"));
    let names: Vec<_> = customer.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["lasting", "new"]);
    assert_eq!(customers::Host::history(&mut state, 50).unwrap().len(), 50);
    assert_eq!(code(customers::Host::history(&mut state, 0)), "bad-limit");
    assert_eq!(code(scores::Host::evaluations(&mut state, 51)), "bad-limit");
}

#[test]
fn more_than_a_host_call_may_carry_is_an_error_and_no_trap() {
    let mut state = state(flow(), Arc::new(Known));
    assert_eq!(scores::Host::surveys(&mut state, 1).unwrap().len(), 1);
    assert_eq!(code(scores::Host::surveys(&mut state, 2)), "too-large");
}

#[test]
fn nothing_is_known_unless_somebody_knows_it() {
    let mut state = state(flow(), Arc::new(NoReads));
    assert!(customers::Host::current(&mut state).unwrap().is_none());
    assert!(customers::Host::history(&mut state, 1).unwrap().is_empty());
    assert!(messages::Host::list(&mut state, 0, 1).unwrap().is_empty());
    assert_eq!(
        code(calls::Host::queue(&mut state, "support".into())),
        "unknown-queue"
    );
}

#[test]
fn the_call_and_its_queues_can_be_asked_about() {
    let mut state = state(flow(), Arc::new(Known));
    let call = calls::Host::current(&mut state).unwrap();
    assert_eq!(
        (call.number.as_str(), call.attributes.len()),
        ("+8675512345678", 1)
    );
    assert_eq!(
        calls::Host::queue(&mut state, "support".into()).unwrap().waiting,
        7
    );
    assert_eq!(
        code(calls::Host::queue(&mut state, "呼".repeat(999))),
        "unknown-queue"
    );
}

#[test]
fn details_are_named_by_index() {
    let mut state = state(routing(), Arc::new(Known));
    assert_eq!(details::Host::queue(&mut state), "support");
    assert_eq!(details::Host::skills(&mut state), ["zh"]);
    assert_eq!(details::Host::needs(&mut state, 0).unwrap()[0].level, 4);
    assert_eq!(details::Host::levels(&mut state, 0).unwrap(), [6]);
    let needed = [(0, 0), (0, 1), (1, 0)];
    let needed = needed.map(|(work, skill)| details::Host::needed_level(&mut state, work, skill));
    assert_eq!(needed, [4, 0, 0], "of skills not asked for and of no work: 0");
    let levels = [(0, 0), (0, 63), (9, 0)];
    assert_eq!(
        levels.map(|(agent, skill)| details::Host::level(&mut state, agent, skill)),
        [6, 0, 0]
    );
    assert_eq!(details::Host::agent_id(&mut state, 0).unwrap(), "li-na");
    assert_eq!(code(details::Host::agent_id(&mut state, 1)), "unknown-index");
    assert_eq!(code(details::Host::needs(&mut state, u32::MAX)), "unknown-index");
    assert_eq!(code(details::Host::work(&mut state, 0)), "unavailable");
}

#[test]
fn outcomes_are_named_by_index_and_are_none_where_nothing_is_granted() {
    use outcomes::Host;
    let mut known = state(routing(), Arc::new(Known));
    assert!(known.known());
    assert_eq!((known.reason(0), known.reason(1)), (0, u32::MAX));
    assert_eq!(
        (
            known.count(0, 0, Measure::Survey),
            known.total(0, 0, Measure::Survey)
        ),
        (4, 300)
    );
    for (agent, reason, by) in [
        (0, 0, Measure::Evaluation),
        (1, 0, Measure::Survey),
        (0, u32::MAX, Measure::Survey),
    ] {
        assert_eq!(
            (known.count(agent, reason, by), known.total(agent, reason, by)),
            (0, 0)
        );
    }
    let mut denied = state(routing(), Arc::new(Known));
    denied.env.grants = Grants::NONE;
    assert!(!denied.known());
    assert_eq!((denied.reason(0), denied.count(0, 0, Measure::Survey)), (0, 0));
    let mut elsewhere = state(flow(), Arc::new(Known));
    assert!(!elsewhere.known());
    assert_eq!(elsewhere.reason(0), u32::MAX);
}

#[test]
fn the_configuration_in_words_is_the_configuration() {
    use config::Host;
    let mut state = state(routing(), Arc::new(NoReads));
    for text in ["{}", "{\"a\": 1}", "{\"greeting\": \"您好,欢迎致电\"}"] {
        state.env.config = text.into();
        let size = state.size();
        let mut bytes: Vec<u8> = (0..size.div_ceil(8))
            .flat_map(|at| state.word(at).to_le_bytes())
            .collect();
        assert!(bytes.drain(size as usize..).all(|byte| byte == 0));
        assert_eq!(String::from_utf8(bytes).unwrap(), state.get());
    }
    assert_eq!((state.word(1_000), state.word(u32::MAX)), (0, 0));
}

#[test]
fn a_line_can_be_appended_and_one_not_ended_is_kept() {
    use log::Host;
    let mut state = state(routing(), Arc::new(NoReads));
    let mut append = |text: &str| {
        for part in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            state.append(u64::from_le_bytes(word));
        }
    };
    append("坐席全忙, 稍候");
    append("!");
    state.end(log::Level::Info);
    state.write(log::Level::Warn, "whole".into());
    state.append(u64::from_le_bytes(*b"cut \xff\0\0\0"));
    let lines: Vec<_> = state
        .take_log()
        .into_iter()
        .map(|line| (line.level, line.message))
        .collect();
    let expected = [
        (LogLevel::Info, "坐席全忙, 稍候!"),
        (LogLevel::Warn, "whole"),
        (LogLevel::Error, "cut \u{fffd}"),
    ];
    assert_eq!(lines, expected.map(|(level, text)| (level, text.to_owned())));
}

#[test]
fn keys_that_a_decision_writes_are_seen_by_it_and_each_is_kept_once() {
    use key_value::Host;
    let mut state = state(flow(), Arc::new(Known));
    assert_eq!(
        state.get("stored".into()).unwrap().as_deref(),
        Some(&b"before"[..])
    );
    state.set("stored".into(), b"now".to_vec()).unwrap();
    assert_eq!(state.get("stored".into()).unwrap().as_deref(), Some(&b"now"[..]));
    state.delete("stored".into()).unwrap();
    assert_eq!(state.get("stored".into()).unwrap(), None);
    assert_eq!(state.kv_writes, [("stored".to_owned(), None)]);

    assert_eq!(code(state.set("k".repeat(65), vec![])), "bad-key");
    assert_eq!(code(state.get(String::new())), "bad-key");
    assert_eq!(
        code(state.set("k".into(), vec![0; MAX_PLUGIN_VALUE_BYTES + 1])),
        "too-large"
    );
    for n in 1..MAX_PLUGIN_KEY_WRITES {
        state.set(format!("k{n}"), vec![]).unwrap();
    }
    assert_eq!(code(state.set("one-more".into(), vec![])), "too-many");
    state.set("k1".into(), vec![1]).unwrap();
}

#[test]
fn what_is_not_granted_is_told_as_a_value_and_the_rest_works() {
    for missing in Capability::ALL {
        let mut state = state(flow(), Arc::new(Known));
        state.env.grants = Capability::ALL
            .into_iter()
            .filter(|granted| *granted != missing)
            .collect();
        let answers = [
            (Capability::Calls, calls::Host::current(&mut state).err()),
            (
                Capability::Calls,
                calls::Host::queue(&mut state, "support".into()).err(),
            ),
            (Capability::Messages, messages::Host::list(&mut state, 0, 1).err()),
            (Capability::Customers, customers::Host::current(&mut state).err()),
            (
                Capability::Customers,
                customers::Host::history(&mut state, 1).err(),
            ),
            (Capability::Scores, scores::Host::surveys(&mut state, 1).err()),
            (Capability::Scores, scores::Host::evaluations(&mut state, 1).err()),
            (
                Capability::KeyValue,
                key_value::Host::get(&mut state, "k".into()).err(),
            ),
            (
                Capability::KeyValue,
                key_value::Host::set(&mut state, "k".into(), vec![]).err(),
            ),
            (
                Capability::KeyValue,
                key_value::Host::delete(&mut state, "k".into()).err(),
            ),
        ];
        for (capability, error) in answers {
            let code = error.map(|error| error.code);
            let expected = (capability == missing).then_some("not-granted");
            assert_eq!(code.as_deref(), expected, "{capability} without {missing}");
        }
        assert_eq!(state.kv_writes.is_empty(), missing == Capability::KeyValue);
    }
    // A customer's tags are the profile's, whichever way they are asked for.
    let mut state = state(routing(), Arc::new(Known));
    state.env.grants = Grants::NONE;
    assert_eq!(code(details::Host::work(&mut state, 0)), "not-granted");
    assert_eq!(details::Host::levels(&mut state, 0).unwrap(), [6]);
}
