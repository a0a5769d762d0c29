//! The voice flow of the conformance suite, in Rust.

use jackfield_plugin::{
    Need,
    voice_flow::{
        self, CallAction, CallEvent, Enqueue, Error, Gather, Prompt, QueueExit, SurveyQuestion, Timer,
        VoiceFlow, current, queue,
    },
};

struct Rule;

impl VoiceFlow for Rule {
    type Config = ();
    /// Steps so far.
    type State = u32;

    fn step((): &(), steps: &mut u32, event: CallEvent) -> Result<Vec<CallAction>, Error> {
        *steps += 1;
        Ok(match event {
            CallEvent::Started => {
                let call = current()?;
                let said = format!("{} → {}, {} set", call.caller, call.number, call.attributes.len());
                let greeting = vec![
                    Prompt::say(&call.language, said),
                    Prompt::Silence(250),
                    Prompt::File("welcome".to_owned()),
                ];
                vec![
                    CallAction::Play(greeting),
                    CallAction::Record(true),
                    gather(vec![Prompt::File("menu".to_owned())], Some('#')),
                ]
            }
            CallEvent::Digits(digits) if digits.starts_with('9') => vec![CallAction::End],
            CallEvent::Digits(digits) => vec![CallAction::Enqueue(Enqueue {
                needs: vec![need("zh", 3), need("billing", 1)],
                priority: digits.len() as i32 - 2,
                queue: digits,
            })],
            CallEvent::NoInput => vec![gather(vec![], None)],
            CallEvent::PromptFinished => vec![CallAction::AskSurvey(SurveyQuestion {
                id: "csat".to_owned(),
                prompts: vec![Prompt::say("zh-CN", "请按 1 到 5")],
                lowest: 1,
                highest: 5,
            })],
            CallEvent::QueueProgress(at) => {
                let status = queue(&at.queue)?;
                let expected = at.expected_wait.map_or("-".to_owned(), |wait| wait.to_string());
                let said = format!(
                    "{} {} {expected} {} {}",
                    at.position, at.waited, status.waiting, status.longest_wait
                );
                vec![CallAction::Play(vec![Prompt::say("en", said)])]
            }
            CallEvent::QueueLeft(exit) => vec![CallAction::set("exit", name(exit)), CallAction::End],
            CallEvent::Answered(agent) => vec![CallAction::set("agent", agent), timer("nudge", 120_000)],
            CallEvent::AgentLeft(left) => vec![
                CallAction::Record(false),
                CallAction::set(&left.agent, left.talked.to_string()),
            ],
            CallEvent::SurveyAnswered(answer) => vec![
                CallAction::set(&answer.question, answer.value.to_string()),
                CallAction::End,
            ],
            CallEvent::Timer(name) => vec![timer(&name, 100)],
            CallEvent::Ended => vec![CallAction::set("steps", steps.to_string())],
            CallEvent::Migrated(schema) => {
                *steps += schema;
                vec![]
            }
            CallEvent::Said(words) => vec![CallAction::set("said", words)],
        })
    }
}

fn need(skill: &str, level: u8) -> Need {
    Need {
        skill: skill.to_owned(),
        level,
    }
}

fn gather(prompts: Vec<Prompt>, terminator: Option<char>) -> CallAction {
    CallAction::Gather(Gather {
        prompts,
        max_digits: 4,
        terminator,
        first_digit: 5_000,
        between_digits: 2_000,
    })
}

fn timer(name: &str, after: u64) -> CallAction {
    CallAction::SetTimer(Timer {
        name: name.to_owned(),
        after,
    })
}

fn name(exit: QueueExit) -> &'static str {
    match exit {
        QueueExit::UnknownQueue => "unknown-queue",
        QueueExit::Full => "full",
        QueueExit::MaxWait => "max-wait",
    }
}

voice_flow::register!(Rule);
