//! One conformance suite for all languages: the same rule of each kind in each of them (`tests/guests/LANG/KIND`) answers
//! as the native one does, and fails as the contract says. `cargo xtask plugins` builds them into `conformance/` beside
//! the plugins that `JACKFIELD_PLUGINS` names; a language whose tools this machine lacks is not there, and that build says
//! so.
#![allow(clippy::print_stdout)]

mod assist;
mod cases;
mod chat;
mod connector;
mod outbound;
mod pacing;
mod scorecard;
mod tags;
mod voice;

use std::{cmp::Reverse, collections::BTreeMap, env, fs, path::PathBuf, sync::Arc};

use jackfield_contact::decision::{
    Answer, Assignment, FlowAction, FlowEvent, FlowQuestion, Plan, Question, QueueExit, RoutingAgent,
    RoutingQuestion, RoutingWork,
};
use jackfield_contact::leg::Prompt;
use jackfield_sandbox::{Decision, Env, LogLevel, LogLine, Plugin, Sandbox, SandboxOptions};
use jackfield_types::{PluginKind, TenantId};

use crate::{KEY, env as decision_env, queue, step};
use PluginKind::{
    AgentAssist, ChannelConnector, ChatFlow, OutboundRule, PacingStrategy, QaScorecard, RoutingStrategy,
    TagGenerator, VoiceFlow,
};
use cases::{Case, Dice, Outcome};

/// The kinds that every language has.
const COMMON: [PluginKind; 4] = [RoutingStrategy, OutboundRule, TagGenerator, QaScorecard];
/// The languages of the suite, and the kinds that each has a guest of.
const LANGUAGES: [(&str, &[PluginKind]); 5] = [
    ("rust", &PluginKind::ALL),
    ("c", &COMMON),
    ("js", &PluginKind::ALL),
    ("python", &PluginKind::ALL),
    ("go", &COMMON),
];

/// A sandbox that keeps what it has compiled: run times of languages take seconds.
fn sandbox() -> Option<(Sandbox, PathBuf)> {
    let Some(plugins) = env::var_os("JACKFIELD_PLUGINS").map(PathBuf::from) else {
        println!("JACKFIELD_PLUGINS is not set");
        return None;
    };
    let options = SandboxOptions {
        decisions: 8,
        patience: 20,
        ..SandboxOptions::new(plugins.join("conformance/compiled"), KEY)
    };
    Some((Sandbox::new(options).unwrap(), plugins))
}

/// A plugin of the examples; none when it was not built.
fn example(name: &str) -> Option<Plugin> {
    let (sandbox, plugins) = sandbox()?;
    let wasm = fs::read(plugins.join(format!("{name}-0.1.0.wasm"))).ok()?;
    Some(sandbox.load(&wasm).unwrap())
}

/// The guests of a kind. A language of which none was built is passed over: its tools are not on this machine. Whoever
/// builds plugins at all can build those in Rust.
fn guests(kind: PluginKind) -> Vec<(&'static str, Plugin)> {
    let Some((sandbox, plugins)) = sandbox() else {
        return vec![];
    };
    let file = |language, kind| plugins.join(format!("conformance/{kind}-{language}-0.1.0.wasm"));
    let mut guests = Vec::new();
    for (language, kinds) in LANGUAGES {
        let built = kinds.iter().any(|kind| file(language, *kind).is_file());
        assert!(built || language != "rust", "run `cargo xtask plugins` first");
        if !built {
            println!("{language}: not built");
        } else if kinds.contains(&kind) {
            let path = file(language, kind);
            let wasm = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            guests.push((language, sandbox.load(&wasm).unwrap()));
        }
    }
    guests
}

/// The guest of a kind in one language.
fn guest(kind: PluginKind, language: &str) -> Option<Plugin> {
    let mut all = guests(kind).into_iter();
    all.find_map(|(name, plugin)| (name == language).then_some(plugin))
}

fn ask(plugin: &Plugin, question: &Arc<Question>, config: &str) -> Decision {
    let env = Env {
        config: config.into(),
        ..decision_env()
    };
    plugin.decide(question.clone(), env)
}

/// The rule: by priority, each to the first agent who has the skills and room.
fn native(question: &RoutingQuestion) -> Plan {
    let mut order: Vec<usize> = (0..question.work.len()).collect();
    order.sort_by_key(|&n| Reverse(question.work[n].priority));
    let mut room: Vec<u16> = question
        .agents
        .iter()
        .map(|agent| agent.capacity.saturating_sub(agent.load))
        .collect();
    let mut assignments = Vec::new();
    for piece in order {
        let needs = question.work[piece].needs;
        let mut agents = question.agents.iter().enumerate();
        let Some((n, _)) = agents.find(|(n, agent)| room[*n] > 0 && agent.skills & needs == needs) else {
            continue;
        };
        room[n] -= 1;
        assignments.push(Assignment {
            work: piece as u32,
            agent: n as u32,
        });
    }
    Plan {
        assignments,
        overflows: vec![],
        look_again_at: None,
    }
}

/// Snapshots of all sizes, the same each time; skills among the first 53.
fn snapshots() -> Vec<RoutingQuestion> {
    let dice = Dice::new();
    let next = |below| dice.below(below);
    [
        (0, 0),
        (1, 0),
        (0, 3),
        (1, 1),
        (5, 3),
        (20, 10),
        (50, 100),
        (200, 500),
    ]
    .into_iter()
    .map(|(work, agents)| {
        let Question::Routing(base) = (*queue(work, agents)).clone() else {
            unreachable!()
        };
        let bits = |some: u64| (0..some).fold(0, |bits, _| bits | 1 << next(53));
        let needs: Vec<u64> = (0..work).map(|n| bits(n as u64 % 3)).collect();
        let skills: Vec<u64> = (0..agents).map(|n| bits(n as u64 % 60)).collect();
        let work = base.work.into_iter().zip(needs);
        let agents = base.agents.into_iter().zip(skills);
        RoutingQuestion {
            work: work
                .map(|(work, needs)| RoutingWork {
                    needs,
                    priority: next(7) as i32 - 3,
                    ..work
                })
                .collect(),
            agents: agents
                .map(|(agent, skills)| RoutingAgent { skills, ..agent })
                .collect(),
            ..*base
        }
    })
    .collect()
}

#[test]
fn every_language_decides_as_the_native_rule_does() {
    for (language, plugin) in guests(RoutingStrategy) {
        for question in snapshots() {
            let expected = native(&question);
            let size = (question.work.len(), question.agents.len());
            let asked = Arc::new(Question::Routing(Box::new(question)));
            let decision = ask(&plugin, &asked, "{}");
            println!("{language} {size:?}: {:?}", decision.receipt);
            assert_eq!(
                decision.result,
                Ok(Answer::Routing(expected)),
                "{language} {size:?}: {:?}",
                decision.log
            );
            let again = ask(&plugin, &asked, "{}");
            assert_eq!(again.result, decision.result, "{language}");
        }
    }
}

/// What came of a case.
fn outcome(decision: &Decision) -> Outcome {
    let code = |message: &str| message.split(':').next().unwrap_or_default().to_owned();
    Outcome {
        result: match &decision.result {
            Ok(answer) => Ok(answer.clone()),
            Err(failure) if &*failure.code == "plugin-error" => Err(code(&failure.message)),
            Err(failure) => Err(format!("{}: {}", failure.code, failure.message)),
        },
        values: decision
            .kv_writes
            .iter()
            .map(|(key, value)| {
                let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
                (key.clone(), value.as_ref().map(text))
            })
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Asks the guests of a kind what the case files and the made ones ask.
fn conform(kind: PluginKind, made: Vec<Case>, native: fn(&Case) -> Outcome) {
    let mut cases = cases::written(kind);
    for case in &cases {
        case.judge(&native(case));
    }
    cases.extend(made);
    for (language, plugin) in guests(kind) {
        for case in &cases {
            let question = Arc::new(case.question.clone());
            let decision = plugin.decide(question.clone(), case.env());
            assert_eq!(
                outcome(&decision),
                native(case),
                "{language}: {case:#?} {:?}",
                decision.log
            );
            let again = plugin.decide(question, case.env());
            assert_eq!(outcome(&again), outcome(&decision), "{language}: {case:#?}");
        }
        println!("{kind} {language}: {} cases", cases.len());
    }
}

#[test]
fn every_language_rules_on_attempts_as_the_native_rule_does() {
    conform(OutboundRule, outbound::made(), outbound::native);
}

#[test]
fn every_language_tags_as_the_native_rule_does() {
    conform(TagGenerator, tags::made(), tags::native);
}

#[test]
fn every_language_scores_as_the_native_rule_does() {
    conform(QaScorecard, scorecard::made(), scorecard::native);
}

#[test]
fn every_language_conducts_calls_as_the_native_flow_does() {
    conform(VoiceFlow, voice::made(), voice::native);
}

#[test]
fn every_language_conducts_conversations_as_the_native_flow_does() {
    conform(ChatFlow, chat::made(), chat::native);
}

#[test]
fn every_language_paces_as_the_native_strategy_does() {
    conform(PacingStrategy, pacing::made(), pacing::native);
}

#[test]
fn every_language_translates_as_the_native_connector_does() {
    conform(ChannelConnector, connector::made(), connector::native);
}

#[test]
fn every_language_suggests_as_the_native_assist_does() {
    conform(AgentAssist, assist::made(), assist::native);
}

#[test]
fn nothing_of_one_tenant_is_left_in_python_for_another() {
    let Some(plugin) = guest(RoutingStrategy, "python") else {
        return;
    };
    assert!(plugin.manifest().reuse_instances);
    // The guest adds up the waiting times that it has seen; a queue's first work waits for 0 ms, so they are set here.
    let seen = |tenant: &str, waiting_ms: u64| {
        let Question::Routing(mut question) = (*queue(1, 1)).clone() else {
            unreachable!()
        };
        question.work[0].waiting_ms = waiting_ms;
        let env = Env {
            config: r#"{"fail": "memory"}"#.into(),
            ..decision_env()
        };
        let question = Arc::new(Question::Routing(question));
        let decision = plugin.decide_for(&TenantId::new(tenant).unwrap(), question, env);
        match decision.result {
            Ok(Answer::Routing(plan)) => plan.look_again_at.unwrap().0,
            other => panic!("{other:?} {:?}", decision.log),
        }
    };
    assert_eq!(seen("one", 5), 5);
    assert_eq!(seen("two", 7), 7, "nothing of tenant one");
    assert!([11, 16].contains(&seen("one", 11)), "its own, or nothing");
    assert!([13, 20].contains(&seen("two", 13)));
}

#[test]
fn chance_in_python_follows_from_the_decision_and_not_from_those_before() {
    let Some(plugin) = guest(RoutingStrategy, "python") else {
        return;
    };
    let drawn = |question: &Arc<Question>| {
        let decision = ask(&plugin, question, r#"{"fail": "chance"}"#);
        assert!(decision.result.is_ok(), "{decision:?}");
        let line = |line: &LogLine| line.message.starts_with("chance").then(|| line.message.clone());
        decision.log.iter().find_map(line).unwrap()
    };
    let (one, other) = (queue(1, 1), queue(1, 2));
    let first = drawn(&one);
    let second = drawn(&other);
    assert_eq!(drawn(&one), first, "after another decision");
    assert_eq!(drawn(&other), second);
    assert_eq!(drawn(&other), second, "after the same");
}

#[test]
fn mistakes_in_every_language_end_in_the_words_of_the_contract() {
    let question = queue(1, 1);
    for (language, plugin) in guests(RoutingStrategy) {
        let fails = |how: &str| {
            let decision = ask(&plugin, &question, &format!(r#"{{"fail": "{how}"}}"#));
            let failure = decision.result.unwrap_err();
            println!("{language} {how}: {failure:?} {:?}", decision.log);
            let log: Vec<_> = decision.log.iter().map(|line| line.message.clone()).collect();
            (
                failure.code.to_string(),
                format!("{}\n{}", failure.message, log.join("\n")),
            )
        };
        let (code, told) = fails("error");
        assert_eq!(code, "plugin-error", "{language}");
        assert!(told.contains("busy: ask again"), "{language}: {told}");

        // A trap or an error, but always with the name of the function in which it happened.
        let (code, told) = fails("exception");
        assert!(["plugin-error", "trap"].contains(&&*code), "{language}: {code}");
        assert!(told.contains("inner"), "{language}: {told}");
        // Where the language has lines at run time, the author's own.
        let line = match language {
            "js" => "at inner (src/plugin.ts:7)",
            "python" => "File \"plugin.py\", line 14, in inner\n    return [][0]",
            "rust" => "src/lib.rs:",
            _ => "",
        };
        assert!(told.contains(line), "{language}: {told}");

        let (code, told) = fails("text");
        assert!(
            ["plugin-error", "trap", "invalid-answer"].contains(&&*code),
            "{language}: {code} {told}"
        );

        let decision = ask(&plugin, &question, r#"{"fail": "log"}"#);
        assert!(decision.result.is_ok(), "{language}: {decision:?}");
        assert!(
            decision
                .log
                .iter()
                .any(|line| line.level == LogLevel::Info && line.message.starts_with("line")),
            "{language}: {:?}",
            decision.log
        );
    }
}

#[test]
fn numbers_that_javascript_cannot_hold_are_named() {
    let Some(plugin) = guest(RoutingStrategy, "js") else {
        return;
    };
    let Question::Routing(mut wide) = (*queue(1, 1)).clone() else {
        unreachable!()
    };
    wide.agents[0].skills = 1 << 52 | 1;
    wide.work[0].needs = 1 << 52;
    let decision = ask(&plugin, &Arc::new(Question::Routing(wide.clone())), "{}");
    assert_eq!(decision.result, Ok(Answer::Routing(native(&wide))));
    wide.agents[0].skills = 1 << 60 | 1;
    let failure = ask(&plugin, &Arc::new(Question::Routing(wide)), "{}")
        .result
        .unwrap_err();
    assert_eq!(&*failure.code, "plugin-error");
    assert!(failure.message.starts_with("integer-range: "), "{failure:?}");
    let failure = ask(&plugin, &queue(1, 1), r#"{"fail": "number"}"#)
        .result
        .unwrap_err();
    assert!(
        failure.message.starts_with("bad-answer: answer.lookAgainAt: "),
        "{failure:?}"
    );
}

#[test]
fn the_c_example_pays_no_more_than_it_must() {
    let Some(plugin) = example("cost-routing") else {
        return;
    };
    let Question::Routing(mut question) = (*queue(3, 3)).clone() else {
        unreachable!()
    };
    question.skills = vec!["zh".parse().unwrap(), "x".parse().unwrap()];
    for (agent, skills) in question.agents.iter_mut().zip([3, 2, 1]) {
        (agent.skills, agent.load) = (skills, agent.capacity - 1);
    }
    (question.work[0].needs, question.work[0].waiting_ms) = (2, 5_000);
    question.work[1].priority = 3;
    (question.work[2].needs, question.work[2].waiting_ms) = (1, 30_000);
    let asked = Arc::new(Question::Routing(question));
    let plan = |config: &str| match ask(&plugin, &asked, config).result {
        Ok(Answer::Routing(plan)) => {
            let pairs: Vec<_> = plan
                .assignments
                .iter()
                .map(|pair| (pair.work, pair.agent))
                .collect();
            (pairs, plan.look_again_at.map(|at| at.0 - decision_env().now.0))
        }
        other => panic!("{other:?}"),
    };
    // Without a table all cost the same, and the one who has been idle longest comes first.
    assert_eq!(plan("{}"), (vec![(1, 0), (0, 1), (2, 2)], None));
    let table = r#"{"costs": {"zh": 4, "x": 1.5}, "most": 3, "patience-ms": 20000}"#;
    // The general work takes the cheapest, `zh` has waited long enough, `x` alone would cost all skills.
    assert_eq!(plan(table), (vec![(1, 1), (2, 2)], Some(15_000)));
    assert_eq!(
        plan(r#"{"costs": {"zh": 4, "x": 1.5}}"#),
        (vec![(1, 1), (0, 0), (2, 2)], None)
    );
}

/// Plays a conversation: each event, and what the flow did.
fn play(plugin: &Plugin, events: &[FlowEvent]) -> Vec<Vec<FlowAction>> {
    let Question::Flow(base) = (*step()).clone() else {
        unreachable!()
    };
    let mut state = Vec::new();
    let mut done = Vec::new();
    for event in events {
        let question = FlowQuestion {
            state,
            event: event.clone(),
            ..(*base).clone()
        };
        let question = Arc::new(Question::Flow(Box::new(question)));
        match ask(plugin, &question, r#"{"queues": {"baggage": "baggage"}}"#).result {
            Ok(Answer::Flow(answer)) => {
                state = answer.state;
                done.push(answer.actions);
            }
            other => panic!("{other:?}"),
        }
    }
    done
}

fn pressed(digits: &str) -> FlowEvent {
    FlowEvent::Digits(digits.into())
}

/// What an airline's caller hears and where the call goes, without the words.
fn shape(actions: &[FlowAction]) -> String {
    let names = actions.iter().map(|action| match action {
        FlowAction::Play(prompts) => format!("play {}", prompts.len()),
        FlowAction::Gather(gather) => format!("gather {} after {}", gather.max_digits, gather.prompts.len()),
        FlowAction::Enqueue(enqueue) => format!("queue {}", enqueue.queue),
        FlowAction::Set(key, value) => format!("{key}={value}"),
        FlowAction::End => "end".to_owned(),
        other => format!("{other:?}"),
    });
    names.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_airline_checks_in_traces_baggage_and_lets_everybody_out() {
    let Some(plugin) = example("airline-ivr") else {
        return;
    };
    let told = |events: &[FlowEvent]| -> Vec<String> {
        play(&plugin, events)
            .iter()
            .map(|actions| shape(actions))
            .collect()
    };
    assert_eq!(
        told(&[
            FlowEvent::Started,
            pressed("1"),
            pressed("11111111"),
            pressed("12345678"),
            pressed("1")
        ]),
        [
            "gather 1 after 2",
            "gather 8 after 1",
            "gather 8 after 2",
            "booking=12345678, gather 1 after 1",
            "check-in=requested, play 1, end"
        ]
    );
    assert_eq!(
        told(&[
            FlowEvent::Started,
            pressed("2"),
            pressed("0123456789"),
            pressed("1")
        ])[2..],
        [
            "baggage-tag=0123456789, gather 1 after 1",
            "baggage=trace requested, play 1, end"
        ]
    );
    // 0 anywhere, and silence three times, lead to a human; what comes meanwhile changes nothing.
    assert_eq!(
        told(&[
            FlowEvent::Started,
            pressed("1"),
            pressed("0"),
            FlowEvent::PromptFinished
        ])[2..],
        ["reason=check-in, play 1, queue support", ""]
    );
    let silence = FlowEvent::NoInput;
    assert_eq!(
        told(&[FlowEvent::Started, silence.clone(), silence.clone(), silence])[3],
        "reason=no choice, play 1, queue support"
    );
    assert_eq!(
        told(&[
            FlowEvent::Started,
            pressed("2"),
            pressed("0"),
            FlowEvent::QueueLeft(QueueExit::MaxWait)
        ])[2..],
        ["reason=baggage, play 1, queue baggage", "play 1, end"]
    );
    let Some(FlowAction::Gather(first)) = play(&plugin, &[FlowEvent::Started]).remove(0).pop() else {
        panic!("no gather")
    };
    assert!(matches!(&first.prompts[0], Prompt::Speech { text, .. } if text.contains("Jackfield Air")));
}
