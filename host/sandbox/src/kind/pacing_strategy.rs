use jackfield_contact::decision::{Activity, Failure, Pace, PacingQuestion};
use jackfield_types::{
    Timestamp,
    limits::{MAX_PACING_AGENTS, MAX_TEXT_BYTES},
};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::Checker,
    bindings::{cx::pacing_strategy::types as wit, exports::cx::pacing_strategy::strategy::GuestIndices},
    fault::{Fault, failure},
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &PacingQuestion,
    ceilings: &Ceilings,
) -> Result<Pace, Fault> {
    let measurements = measurements(question)?;
    let pace = guest
        .load(&mut *store, instance)?
        .call_pace(store, &measurements)??;
    Ok(checked(pace, question, ceilings.output_bytes)?)
}

fn measurements(question: &PacingQuestion) -> Result<wit::Measurements, Failure> {
    let busy = question.busy.len();
    if busy > MAX_PACING_AGENTS {
        let message =
            format_args!("the question has {busy} busy agents: expected at most {MAX_PACING_AGENTS}");
        return Err(failure("oversize", message));
    }
    let millis = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    let (recent, compliance) = (question.recent, question.compliance);
    Ok(wit::Measurements {
        free: question.free,
        busy: question
            .busy
            .iter()
            .map(|agent| wit::BusyAgent {
                activity: match agent.activity {
                    Activity::Talking => wit::Activity::Talking,
                    Activity::WrappingUp => wit::Activity::WrappingUp,
                },
                elapsed: millis(agent.elapsed_ms),
            })
            .collect(),
        ringing: question.ringing,
        waiting: question.waiting,
        lines: question.lines,
        callable: question.callable,
        recent: wit::Recent {
            period: millis(recent.period_ms),
            attempts: recent.attempts,
            answered: recent.answered,
            mean_ring: millis(recent.mean_ring_ms),
            mean_talk: millis(recent.mean_talk_ms),
            mean_wrap_up: millis(recent.mean_wrap_up_ms),
        },
        compliance: wit::Compliance {
            answered: compliance.answered,
            abandoned: compliance.abandoned,
            allowed: compliance.allowed_ppm,
        },
    })
}

fn checked(pace: wit::Plan, question: &PacingQuestion, limit: usize) -> Result<Pace, Failure> {
    let mut check = Checker::new(limit);
    let most = question.lines.min(question.callable);
    Ok(Pace {
        launch: check.number("launch", pace.launch, 0..=most)?,
        reason: check.name("reason", pace.reason)?,
        detail: check.text("detail", pace.detail, MAX_TEXT_BYTES)?,
        look_again_at: pace.look_again_at.map(Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::{BusyAgent, Compliance, RecentAttempts};
    use jackfield_types::CampaignId;

    use super::*;

    fn question(busy: usize) -> PacingQuestion {
        PacingQuestion {
            campaign: CampaignId::new("spring").unwrap(),
            free: 1,
            busy: vec![
                BusyAgent {
                    activity: Activity::WrappingUp,
                    elapsed_ms: u64::MAX,
                };
                busy
            ],
            ringing: 2,
            waiting: 3,
            lines: 10,
            callable: 4,
            recent: RecentAttempts {
                period_ms: 1,
                attempts: 2,
                answered: 3,
                mean_ring_ms: 4,
                mean_talk_ms: 5,
                mean_wrap_up_ms: 6,
            },
            compliance: Compliance {
                answered: 100,
                abandoned: 3,
                allowed_ppm: 30_000,
            },
        }
    }

    fn pace(launch: u32, reason: &str, detail: usize) -> wit::Plan {
        wit::Plan {
            launch,
            reason: reason.into(),
            detail: "x".repeat(detail),
            look_again_at: Some(9),
        }
    }

    #[test]
    fn a_launch_stays_within_lines_and_callable_numbers() {
        let question = question(0);
        let good = checked(pace(4, "predictive", 2_048), &question, 4_096).unwrap();
        assert_eq!((good.launch, good.look_again_at), (4, Some(Timestamp(9))));
        for (pace, part) in [
            (pace(5, "predictive", 0), "launch: found 5, expected 0 to 4"),
            (pace(0, "", 0), "reason: found an empty text"),
            (
                pace(0, &"x".repeat(65), 0),
                "reason: found 65 bytes, expected at most 64",
            ),
            (
                pace(0, "idle", 2_049),
                "detail: found 2049 bytes, expected at most 2048",
            ),
        ] {
            let failure = checked(pace, &question, 4_096).unwrap_err();
            assert!(failure.message.contains(part), "{failure:?}: expected {part:?}");
        }
    }

    #[test]
    fn long_times_are_cut_and_too_many_agents_are_not_asked_about() {
        let measured = measurements(&question(500)).unwrap();
        assert_eq!(measured.busy[499].elapsed, u32::MAX);
        assert_eq!(
            (measured.recent.mean_wrap_up, measured.compliance.allowed),
            (6, 30_000)
        );
        assert_eq!(&*measurements(&question(501)).unwrap_err().code, "oversize");
    }
}
