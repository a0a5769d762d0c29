//! Integration tests: components go in, decisions come out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundled;
mod cache;
mod contract;
mod frozen;
mod guest;
mod hostile;
mod languages;
mod profile;
mod questions;
mod replay;
mod rules;
mod warm;

use std::sync::Arc;

use jackfield_contact::decision::{
    Attempt, CallInfo, Consent, FlowEvent, FlowQuestion, Question, RoutingAgent, RoutingQuestion,
    RoutingWork, ScorecardQuestion, TagQuestion,
};
use jackfield_sandbox::{Env, NoReads, Sandbox, SandboxOptions};
use jackfield_types::{AgentId, Channel, E164, Grants, InteractionId, QueueId, Timestamp};

/// A sandbox with its cache in a directory that lives as long.
struct Fixture {
    sandbox: Sandbox,
    dir: tempfile::TempDir,
}

const KEY: [u8; 32] = [7; 32];

fn options(dir: &tempfile::TempDir) -> SandboxOptions {
    SandboxOptions {
        decisions: 8,
        ..SandboxOptions::new(dir.path().join("cache"), KEY)
    }
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    Fixture {
        sandbox: Sandbox::new(options(&dir)).unwrap(),
        dir,
    }
}

fn env() -> Env {
    Env {
        now: Timestamp(1_800_000_000_000),
        config: "{}".into(),
        reads: Arc::new(NoReads),
        grants: Grants::ALL,
        budget: None,
    }
}

fn interaction() -> InteractionId {
    "0198f000-0000-7000-8000-000000000001".parse().unwrap()
}

/// A queue with so much waiting work and so many agents, who can each take two more.
fn queue(work: usize, agents: usize) -> Arc<Question> {
    Arc::new(Question::Routing(Box::new(RoutingQuestion {
        queue: QueueId::new("support").unwrap(),
        skills: vec![],
        work: (0..work)
            .map(|n| RoutingWork {
                interaction: interaction(),
                channel: Channel::Voice,
                needs: 0,
                levels: vec![],
                waiting_ms: n as u64,
                priority: 0,
                last_agent: None,
                attributes: vec![],
            })
            .collect(),
        agents: (0..agents)
            .map(|n| RoutingAgent {
                agent: AgentId::new(&format!("agent-{n}")).unwrap(),
                skills: 0,
                levels: vec![],
                idle_ms: n as u64,
                load: 1,
                capacity: 3,
            })
            .collect(),
    })))
}

fn step() -> Arc<Question> {
    Arc::new(Question::Flow(Box::new(FlowQuestion {
        state: vec![],
        event: FlowEvent::Started,
        call: CallInfo {
            interaction: interaction(),
            caller: "anonymous".into(),
            number: E164::new("+8675512345678").unwrap(),
            started_at: Timestamp(1),
            language: "zh-CN".into(),
            attributes: vec![],
        },
    })))
}

fn finished() -> Arc<Question> {
    Arc::new(Question::Scorecard(Box::new(ScorecardQuestion {
        interaction: interaction(),
        channel: Channel::Voice,
        call_type: "support".into(),
        started_at: Timestamp(1),
        ended_at: Timestamp(2),
        agent: None,
        segments: vec![],
        speech: None,
        surveys: vec![],
        attributes: vec![],
    })))
}

fn occasion() -> Arc<Question> {
    Arc::new(Question::Tags(Box::new(TagQuestion {
        interaction: Some(interaction()),
        channel: Channel::Voice,
        started_at: Timestamp(1),
        ended_at: Timestamp(2),
        abandoned: false,
        waited_ms: 1,
        talked_ms: 1,
        attributes: vec![],
        score: None,
    })))
}

fn attempt() -> Arc<Question> {
    Arc::new(Question::Outbound(Box::new(Attempt {
        number: E164::new("+8613800138000").unwrap(),
        channel: Channel::Voice,
        purpose: "sales".into(),
        jurisdiction: "CN".into(),
        local_times: vec![],
        consent: Consent::Unknown,
        attempts: vec![],
    })))
}
