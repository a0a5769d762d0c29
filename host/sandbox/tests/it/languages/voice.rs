//! The voice flow of the suite: every event, every action, and a state.

use jackfield_contact::decision::{
    Answer, CallInfo, Enqueue, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Gather, Need, Question,
    QueueExit, QueueProgress, QueueStatus, SurveyQuestion,
};
use jackfield_contact::leg::Prompt;
use jackfield_types::{AgentId, Capability, E164, QueueId, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Flow(question) = &case.question else {
        unreachable!()
    };
    let mut steps = steps(&question.state) + 1;
    if let FlowEvent::Migrated(schema) = question.event {
        steps += schema;
    }
    let answer = actions(case, question, steps).map(|actions| FlowAnswer {
        state: steps.to_string().into_bytes(),
        actions,
    });
    answer.map(Answer::Flow).into()
}

pub(super) fn steps(state: &[u8]) -> u32 {
    std::str::from_utf8(state).unwrap().parse().unwrap_or_default()
}

fn say(language: &str, text: String) -> Prompt {
    Prompt::Speech {
        text: text.into(),
        language: language.into(),
    }
}

fn need(skill: &str, level: u8) -> Need {
    Need {
        skill: skill.parse().unwrap(),
        level,
    }
}

fn gather(prompts: Vec<Prompt>, terminator: Option<char>) -> FlowAction {
    FlowAction::Gather(Gather {
        prompts,
        max_digits: 4,
        terminator,
        first_digit_ms: 5_000,
        between_digits_ms: 2_000,
    })
}

fn actions(case: &Case, question: &FlowQuestion, steps: u32) -> Result<Vec<FlowAction>, String> {
    let set = |key: &str, value: String| FlowAction::Set(key.into(), value.into());
    Ok(match &question.event {
        FlowEvent::Started => {
            case.is_granted(Capability::Calls)?;
            let call = &question.call;
            let said = format!("{} → {}, {} set", call.caller, call.number, call.attributes.len());
            vec![
                FlowAction::Play(vec![
                    say(&call.language, said),
                    Prompt::Silence(250),
                    Prompt::File("welcome".into()),
                ]),
                FlowAction::Record(true),
                gather(vec![Prompt::File("menu".into())], Some('#')),
            ]
        }
        FlowEvent::Digits(digits) if digits.starts_with('9') => vec![FlowAction::End],
        FlowEvent::Digits(digits) => vec![FlowAction::Enqueue(Enqueue {
            queue: digits.clone(),
            needs: vec![need("zh", 3), need("billing", 1)],
            priority: digits.len() as i32 - 2,
        })],
        FlowEvent::NoInput => vec![gather(vec![], None)],
        FlowEvent::PromptFinished => vec![FlowAction::AskSurvey(SurveyQuestion {
            id: "csat".into(),
            prompts: vec![say("zh-CN", "请按 1 到 5".to_owned())],
            lowest: 1,
            highest: 5,
        })],
        FlowEvent::QueueProgress(at) => {
            let status = case.queue(Capability::Calls, at.queue.as_str())?;
            let said = format!("{} {}", status.waiting, status.longest_wait_ms);
            vec![FlowAction::Play(vec![say(
                "en",
                format!("{} {said}", progress(at)),
            )])]
        }
        FlowEvent::QueueLeft(exit) => vec![set("exit", exit_of(*exit)), FlowAction::End],
        FlowEvent::Answered(agent) => vec![
            set("agent", agent.to_string()),
            FlowAction::SetTimer("nudge".into(), 120_000),
        ],
        FlowEvent::AgentLeft { agent, talked_ms } => vec![
            FlowAction::Record(false),
            set(agent.as_str(), talked_ms.to_string()),
        ],
        FlowEvent::SurveyAnswered { question, value } => {
            vec![set(question, value.to_string()), FlowAction::End]
        }
        FlowEvent::Timer(name) => vec![FlowAction::SetTimer(name.clone(), 100)],
        FlowEvent::Ended => vec![set("steps", steps.to_string())],
        FlowEvent::Migrated(_) => vec![],
    })
}

pub(super) fn progress(at: &QueueProgress) -> String {
    let expected = at
        .expected_wait_ms
        .map_or("-".to_owned(), |wait| wait.to_string());
    format!("{} {} {expected}", at.position, at.waited_ms)
}

pub(super) fn exit_of(exit: QueueExit) -> String {
    match exit {
        QueueExit::UnknownQueue => "unknown-queue",
        QueueExit::Full => "full",
        QueueExit::MaxWait => "max-wait",
    }
    .to_owned()
}

pub(super) fn waiting(dice: &Dice) -> QueueProgress {
    QueueProgress {
        queue: QueueId::new(dice.of(&["support", "nowhere"])).unwrap(),
        position: 1 + dice.below(9) as u32,
        waited_ms: dice.below(900_000),
        expected_wait_ms: dice.one_in(2).then(|| dice.below(900_000)),
    }
}

pub(super) fn status(dice: &Dice) -> QueueStatus {
    QueueStatus {
        waiting: dice.below(50) as u32,
        available: dice.below(5) as u32,
        signed_in: dice.below(9) as u32,
        longest_wait_ms: dice.below(900_000),
        expected_wait_ms: dice.one_in(2).then(|| dice.below(900_000)),
    }
}

pub(super) fn exit(dice: &Dice) -> QueueExit {
    dice.of(&[QueueExit::UnknownQueue, QueueExit::Full, QueueExit::MaxWait])
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let anna = || AgentId::new("anna").unwrap();
    let event = || match dice.below(13) {
        0 => FlowEvent::Started,
        1 | 2 => FlowEvent::Digits(dice.of(&["1", "42", "9", "1234"]).into()),
        3 => FlowEvent::NoInput,
        4 => FlowEvent::PromptFinished,
        5 => FlowEvent::QueueProgress(waiting(&dice)),
        6 => FlowEvent::QueueLeft(exit(&dice)),
        7 => FlowEvent::Answered(anna()),
        8 => FlowEvent::AgentLeft {
            agent: anna(),
            talked_ms: dice.below(1 << 40),
        },
        9 => FlowEvent::SurveyAnswered {
            question: "csat".into(),
            value: dice.below(10) as u8,
        },
        10 => FlowEvent::Timer(dice.of(&["nudge", "催一下"]).into()),
        11 => FlowEvent::Ended,
        _ => FlowEvent::Migrated(dice.below(9) as u32),
    };
    let case = || {
        let event = event();
        let state = match event {
            FlowEvent::Started => vec![],
            _ => dice.below(1_000).to_string().into_bytes(),
        };
        let question = FlowQuestion {
            state,
            event,
            call: CallInfo {
                interaction: dice.interaction(),
                caller: dice.of(&["+8613800138000", "anonymous"]).into(),
                number: E164::new("+8675512345678").unwrap(),
                started_at: Timestamp(crate::env().now.0 - 5_000),
                language: dice.of(&["zh-CN", "en"]).into(),
                attributes: dice.attributes(),
            },
        };
        let mut case = dice.case(json!({}), Question::Flow(Box::new(question)));
        case.host.queues.insert("support".to_owned(), status(&dice));
        case
    };
    (0..200).map(|_| case()).collect()
}
