//! What plugins answer in the play: anything that they can.

use jackfield_types::{Digest, PluginId, Timestamp, Version};

use super::play::{QUEUES, prompts};
use crate::chat::Greeting;
use crate::decision::{
    Assignment, ChatAction, ChatAnswer, ChatMessage, ChatSurveyQuestion, Choice, Enqueue, FlowAction, Gather,
    Plan, Provenance, SurveyQuestion,
};

/// What a flow answered before anybody wrote.
pub(super) fn greeting(what: u8, how: u8) -> Greeting {
    Greeting {
        answer: ChatAnswer {
            state: vec![what],
            actions: chat_actions(what, how),
        },
        by: provenance(),
    }
}

pub(super) fn provenance() -> Provenance {
    Provenance {
        plugin: PluginId::new("p").unwrap(),
        version: Version::new(1, 0, 0),
        digest: Digest::of(b"p"),
        fuel: 1,
        wall_us: 1,
        decision: None,
    }
}

pub(super) fn actions(what: u8, how: u8) -> Vec<FlowAction> {
    let gather = || {
        FlowAction::Gather(Gather {
            prompts: if how & 1 == 0 { prompts() } else { vec![] },
            max_digits: 1 + how % 3,
            terminator: (how & 2 == 0).then_some('#'),
            first_digit_ms: 5_000,
            between_digits_ms: 1_000,
        })
    };
    let enqueue = |name: &str| {
        FlowAction::Enqueue(Enqueue {
            queue: name.into(),
            needs: vec![],
            priority: i32::from(how % 8),
        })
    };
    let to_queue = || enqueue(QUEUES[usize::from(how) % 3]);
    match what % 16 {
        0 | 1 => vec![gather()],
        2..=5 => vec![FlowAction::Play(prompts()), to_queue()],
        6 => vec![FlowAction::Play(prompts())],
        7 => vec![FlowAction::Play(prompts()), FlowAction::End],
        8 => vec![FlowAction::End],
        9 => vec![FlowAction::AskSurvey(SurveyQuestion {
            id: "q".into(),
            prompts: prompts(),
            lowest: 1,
            highest: 5,
        })],
        10 => vec![],
        11 => vec![FlowAction::SetTimer(
            ["a", "b"][usize::from(how) % 2].into(),
            3_000,
        )],
        12 => vec![FlowAction::Record(how & 1 == 0), gather()],
        13 => vec![enqueue("nowhere")],
        14 => vec![FlowAction::Set("k".into(), "v".into()), to_queue()],
        _ => vec![
            FlowAction::Record(true),
            FlowAction::Record(false),
            FlowAction::SetTimer("c".into(), 500),
            FlowAction::Play(prompts()),
        ],
    }
}

pub(super) fn chat_actions(what: u8, how: u8) -> Vec<ChatAction> {
    let send = || {
        ChatAction::Send(ChatMessage {
            text: "hello".into(),
            choices: ["a", "b"]
                .into_iter()
                .take(usize::from(how % 3))
                .map(|id| Choice {
                    id: id.into(),
                    label: id.into(),
                })
                .collect(),
        })
    };
    let enqueue = |name: &str| ChatAction::Enqueue {
        enqueue: Enqueue {
            queue: name.into(),
            needs: vec![],
            priority: 0,
        },
        summary: (how & 1 == 0).then(|| "wants help".into()),
    };
    let to_queue = || enqueue(QUEUES[usize::from(how) % 3]);
    match what % 16 {
        0 => vec![],
        1 | 2 => vec![send(), ChatAction::AwaitReply(5_000)],
        3..=6 => vec![send(), to_queue()],
        7 => vec![
            ChatAction::Typing(500),
            send(),
            ChatAction::Typing(500),
            to_queue(),
        ],
        8 => vec![send(), ChatAction::End],
        9 | 10 => vec![ChatAction::AskSurvey(ChatSurveyQuestion {
            id: "q".into(),
            text: "how was it".into(),
            lowest: 1,
            highest: 5,
        })],
        11 => vec![ChatAction::SetTimer(
            ["a", "b"][usize::from(how) % 2].into(),
            3_000,
        )],
        12 => vec![ChatAction::Typing(100)],
        13 => vec![enqueue("nowhere")],
        14 => vec![ChatAction::Set("k".into(), "v".into()), to_queue()],
        _ => vec![ChatAction::Typing(2_000), ChatAction::AwaitReply(1_000)],
    }
}

pub(super) fn plan(now: Timestamp, what: u8, how: u8) -> Plan {
    let pair = |work: u8, agent: u8| Assignment {
        work: work.into(),
        agent: agent.into(),
    };
    match what % 8 {
        0..=3 => Plan {
            assignments: vec![pair(0, 0), pair(1, 1), pair(2, 2)],
            ..Plan::default()
        },
        4 => Plan {
            assignments: vec![pair(how % 3, how / 3 % 3), pair(how % 3, 0), pair(0, 0)],
            ..Plan::default()
        },
        5 => Plan {
            overflows: vec![0, u32::from(how)],
            ..Plan::default()
        },
        6 => Plan {
            look_again_at: Some(now + u64::from(how) * 50),
            ..Plan::default()
        },
        _ => Plan::default(),
    }
}
