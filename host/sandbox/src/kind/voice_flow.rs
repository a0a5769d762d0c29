use std::{fmt, sync::Arc};

use jackfield_contact::{
    decision::{Failure, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Gather, QueueExit, SurveyQuestion},
    leg::Prompt,
};
use jackfield_types::limits::{MAX_PROMPT_NAME_BYTES, MAX_PROMPTS, MAX_SILENCE_MS, MAX_TEXT_BYTES};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::{Checker, invalid},
    bindings::{
        cx::call::types as wit,
        exports::cx::voice_flow::flow::{GuestIndices, Next},
    },
    fault::Fault,
    kind::flow,
    lower::Lower,
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &FlowQuestion,
    ceilings: &Ceilings,
) -> Result<FlowAnswer, Fault> {
    let mut lower = Lower::question(ceilings.input_bytes);
    lower.takes(question.state.len());
    let event = event(&mut lower, &question.event);
    let event = lower.asked(event)?;
    let next = guest
        .load(&mut *store, instance)?
        .call_step(store, &question.state, &event)??;
    Ok(checked(next, ceilings.output_bytes)?)
}

fn event(lower: &mut Lower, event: &FlowEvent) -> wit::CallEvent {
    match event {
        FlowEvent::Started => wit::CallEvent::Started,
        FlowEvent::Digits(digits) => wit::CallEvent::Digits(lower.text(digits)),
        FlowEvent::NoInput => wit::CallEvent::NoInput,
        FlowEvent::PromptFinished => wit::CallEvent::PromptFinished,
        FlowEvent::QueueProgress(progress) => wit::CallEvent::QueueProgress(wit::QueueProgress {
            queue: lower.text(progress.queue.as_str()),
            position: progress.position,
            waited: progress.waited_ms,
            expected_wait: progress.expected_wait_ms,
        }),
        FlowEvent::QueueLeft(exit) => wit::CallEvent::QueueLeft(match exit {
            QueueExit::UnknownQueue => wit::QueueExit::UnknownQueue,
            QueueExit::Full => wit::QueueExit::Full,
            QueueExit::MaxWait => wit::QueueExit::MaxWait,
        }),
        FlowEvent::Answered(agent) => wit::CallEvent::Answered(lower.text(agent.as_str())),
        FlowEvent::AgentLeft { agent, talked_ms } => wit::CallEvent::AgentLeft(wit::AgentLeft {
            agent: lower.text(agent.as_str()),
            talked: *talked_ms,
        }),
        FlowEvent::SurveyAnswered { question, value } => wit::CallEvent::SurveyAnswered(wit::SurveyAnswer {
            question: lower.text(question),
            value: *value,
        }),
        FlowEvent::Timer(name) => wit::CallEvent::Timer(lower.text(name)),
        FlowEvent::Ended => wit::CallEvent::Ended,
        FlowEvent::Migrated(schema) => wit::CallEvent::Migrated(*schema),
    }
}

fn checked(next: Next, limit: usize) -> Result<FlowAnswer, Failure> {
    let mut check = Checker::new(limit);
    let actions = flow::actions(&mut check, &next.state, next.actions, action, FlowAction::waits)?;
    Ok(FlowAnswer {
        state: next.state,
        actions,
    })
}

fn action(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    action: wit::CallAction,
) -> Result<FlowAction, Failure> {
    Ok(match action {
        wit::CallAction::Play(list) => FlowAction::Play(prompts(check, format_args!("{at}.play"), list)?),
        wit::CallAction::Gather(found) => {
            FlowAction::Gather(gather(check, format_args!("{at}.gather"), found)?)
        }
        wit::CallAction::Enqueue(found) => {
            let at = format_args!("{at}.enqueue");
            FlowAction::Enqueue(flow::enqueue(
                check,
                at,
                found.queue,
                &found.needs,
                found.priority,
            )?)
        }
        wit::CallAction::Record(on) => FlowAction::Record(on),
        wit::CallAction::Set(found) => FlowAction::Set(
            check.name(format_args!("{at}.set.key"), found.key)?,
            check.text(format_args!("{at}.set.value"), found.value, MAX_TEXT_BYTES)?,
        ),
        wit::CallAction::AskSurvey(found) => {
            FlowAction::AskSurvey(survey(check, format_args!("{at}.ask-survey"), found)?)
        }
        wit::CallAction::SetTimer(found) => FlowAction::SetTimer(
            check.name(format_args!("{at}.set-timer.name"), found.name)?,
            check.number(format_args!("{at}.set-timer.after"), found.after, 100..=3_600_000)?,
        ),
        wit::CallAction::End => FlowAction::End,
    })
}

fn gather(check: &mut Checker, at: fmt::Arguments<'_>, found: wit::Gather) -> Result<Gather, Failure> {
    if let Some(terminator) = found.terminator
        && !matches!(terminator, '#' | '*')
    {
        return Err(invalid(
            format_args!("{at}.terminator"),
            format_args!("{terminator:?}"),
            "# or *",
        ));
    }
    let wait = 500..=60_000;
    Ok(Gather {
        prompts: prompts(check, format_args!("{at}.prompts"), found.prompts)?,
        max_digits: check.number(format_args!("{at}.max-digits"), found.max_digits, 1..=32)?,
        terminator: found.terminator,
        first_digit_ms: check.number(format_args!("{at}.first-digit"), found.first_digit, wait.clone())?,
        between_digits_ms: check.number(format_args!("{at}.between-digits"), found.between_digits, wait)?,
    })
}

fn survey(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    found: wit::SurveyQuestion,
) -> Result<SurveyQuestion, Failure> {
    let highest = check.number(format_args!("{at}.highest"), found.highest, 0..=9)?;
    Ok(SurveyQuestion {
        id: check.name(format_args!("{at}.id"), found.id)?,
        prompts: prompts(check, format_args!("{at}.prompts"), found.prompts)?,
        lowest: check.number(format_args!("{at}.lowest"), found.lowest, 0..=highest)?,
        highest,
    })
}

fn prompts(
    check: &mut Checker,
    at: fmt::Arguments<'_>,
    found: Vec<wit::Prompt>,
) -> Result<Vec<Prompt>, Failure> {
    check.list(at, &found, MAX_PROMPTS)?;
    let mut prompts = Vec::with_capacity(found.len());
    for (n, found) in found.into_iter().enumerate() {
        let at = format_args!("{at}[{n}]");
        prompts.push(match found {
            wit::Prompt::File(name) => Prompt::File(file(check, format_args!("{at}.file"), name)?),
            wit::Prompt::Say(speech) => Prompt::Speech {
                text: check.text(format_args!("{at}.say.text"), speech.text, MAX_TEXT_BYTES)?,
                language: check.name(format_args!("{at}.say.language"), speech.language)?,
            },
            wit::Prompt::Silence(ms) => {
                Prompt::Silence(check.number(format_args!("{at}.silence"), ms, 0..=MAX_SILENCE_MS)? as u32)
            }
        });
    }
    Ok(prompts)
}

/// The name of a prompt must not be able to leave the prompt library.
fn file(check: &mut Checker, at: fmt::Arguments<'_>, name: String) -> Result<Arc<str>, Failure> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && !name
            .chars()
            .any(|c| matches!(c, '/' | '\\' | ':') || c.is_control());
    if plain {
        check.text(at, name, MAX_PROMPT_NAME_BYTES)
    } else {
        let name = crate::fault::cut(&name, MAX_PROMPT_NAME_BYTES);
        Err(invalid(
            at,
            format_args!("{name:?}"),
            "the name of a prompt, without path",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actions: Vec<wit::CallAction>) -> Result<FlowAnswer, String> {
        checked(
            Next {
                state: vec![1],
                actions,
            },
            64 * 1024,
        )
        .map_err(|failure| failure.message.to_string())
    }

    fn gather() -> wit::Gather {
        wit::Gather {
            prompts: vec![wit::Prompt::File("menu-zh.wav".into()), wit::Prompt::Silence(500)],
            max_digits: 1,
            terminator: Some('#'),
            first_digit: 5_000,
            between_digits: 500,
        }
    }

    fn enqueue() -> wit::Enqueue {
        let needs = vec![crate::bindings::cx::types::types::Need {
            skill: "zh".into(),
            level: 3,
        }];
        wit::Enqueue {
            queue: "support".into(),
            needs,
            priority: -100,
        }
    }

    #[test]
    fn a_sound_step_passes() {
        let set = wit::CallAction::Set(crate::bindings::cx::types::types::Attribute {
            key: "k".into(),
            value: "".into(),
        });
        let timer = wit::CallAction::SetTimer(wit::Timer {
            name: "t".into(),
            after: 100,
        });
        let answer = check(vec![set, timer, wit::CallAction::Gather(gather())]).unwrap();
        assert_eq!((answer.state.len(), answer.actions.len()), (1, 3));
        assert!(check(vec![wit::CallAction::Enqueue(enqueue())]).is_ok());
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let gather = |change: fn(&mut wit::Gather)| {
            let mut gather = gather();
            change(&mut gather);
            wit::CallAction::Gather(gather)
        };
        let enqueue = |change: fn(&mut wit::Enqueue)| {
            let mut enqueue = enqueue();
            change(&mut enqueue);
            wit::CallAction::Enqueue(enqueue)
        };
        let file = |name: &str| wit::CallAction::Play(vec![wit::Prompt::File(name.into())]);
        let survey = |lowest, highest| {
            wit::CallAction::AskSurvey(wit::SurveyQuestion {
                id: "csat".into(),
                prompts: vec![],
                lowest,
                highest,
            })
        };
        for (action, part) in [
            (
                gather(|gather| gather.max_digits = 33),
                "gather.max-digits: found 33, expected 1 to 32",
            ),
            (
                gather(|gather| gather.terminator = Some('1')),
                "gather.terminator: found '1'",
            ),
            (
                gather(|gather| gather.first_digit = 499),
                "gather.first-digit: found 499",
            ),
            (
                gather(|gather| gather.between_digits = 60_001),
                "gather.between-digits: found 60001",
            ),
            (
                gather(|gather| gather.prompts = vec![wit::Prompt::Silence(u64::MAX)]),
                "gather.prompts[0].silence",
            ),
            (
                enqueue(|enqueue| enqueue.queue = String::new()),
                "enqueue.queue: found an empty text",
            ),
            (
                enqueue(|enqueue| enqueue.priority = 101),
                "enqueue.priority: found 101, expected -100 to 100",
            ),
            (
                enqueue(|enqueue| enqueue.needs[0].level = 11),
                "enqueue.needs[0].level: found 11",
            ),
            (
                enqueue(|enqueue| enqueue.needs[0].skill = "Z H".into()),
                "enqueue.needs[0].skill: found Z H",
            ),
            (
                enqueue(|enqueue| enqueue.needs = vec![enqueue.needs[0].clone(); 17]),
                "enqueue.needs: found 17 entries",
            ),
            (
                file("../../etc/passwd"),
                "play[0].file: found \"../../etc/passwd\"",
            ),
            (file(""), "play[0].file"),
            (survey(3, 2), "ask-survey.lowest: found 3, expected 0 to 2"),
            (survey(1, 10), "ask-survey.highest: found 10, expected 0 to 9"),
            (
                wit::CallAction::SetTimer(wit::Timer {
                    name: "t".into(),
                    after: 99,
                }),
                "set-timer.after: found 99",
            ),
        ] {
            let error = check(vec![action]).unwrap_err();
            assert!(
                error.starts_with("actions[0].") && error.contains(part),
                "{error}: expected {part:?}"
            );
        }
    }

    #[test]
    fn texts_that_fit_one_by_one_may_be_too_many_together() {
        let say = || {
            wit::Prompt::Say(wit::Speech {
                text: "x".repeat(2_048),
                language: "en".into(),
            })
        };
        let flood = vec![wit::CallAction::Play((0..32).map(|_| say()).collect()); 2];
        assert!(check(flood).unwrap_err().contains("more than 65536 bytes"));
    }
}
