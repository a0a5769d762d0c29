use jackfield_contact::decision::{Attempt, Consent, Failure, Outcome, Ruling, Verdict};
use jackfield_types::Timestamp;
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::Checker,
    bindings::{cx::outbound_rule::types as wit, exports::cx::outbound_rule::rule::GuestIndices},
    fault::Fault,
    lower::Lower,
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    attempt: &Attempt,
    ceilings: &Ceilings,
) -> Result<Ruling, Fault> {
    let attempt = lowered(attempt, ceilings.input_bytes)?;
    let ruling = guest.load(&mut *store, instance)?.call_check(store, &attempt)??;
    Ok(checked(ruling, ceilings.output_bytes)?)
}

fn lowered(attempt: &Attempt, limit: usize) -> Result<wit::Attempt, Failure> {
    let mut lower = Lower::question(limit);
    let attempt = wit::Attempt {
        number: lower.text(attempt.number.as_str()),
        channel: attempt.channel.into(),
        purpose: lower.text(&attempt.purpose),
        jurisdiction: lower.text(&attempt.jurisdiction),
        local_times: lower.list(&attempt.local_times, |lower, time| wit::LocalTime {
            zone: lower.text(&time.zone),
            utc_offset: time.utc_offset,
            date: lower.text(&time.date),
            weekday: time.weekday,
            minute: time.minute,
            holiday: time.holiday,
        }),
        consent: match attempt.consent {
            Consent::Unknown => wit::Consent::Unknown,
            Consent::Given => wit::Consent::Given,
            Consent::Refused => wit::Consent::Refused,
        },
        attempts: lower.list(&attempt.attempts, |_, past| wit::PastAttempt {
            at: past.at.0,
            channel: past.channel.into(),
            outcome: match past.outcome {
                Outcome::Unanswered => wit::Outcome::Unanswered,
                Outcome::Conversation => wit::Outcome::Conversation,
                Outcome::Abandoned => wit::Outcome::Abandoned,
                Outcome::Failed => wit::Outcome::Failed,
            },
        }),
    };
    lower.asked(attempt)
}

fn checked(ruling: wit::Ruling, limit: usize) -> Result<Ruling, Failure> {
    Ok(Ruling {
        verdict: match ruling.verdict {
            wit::Verdict::Allow => Verdict::Allow,
            wit::Verdict::Defer(until) => Verdict::Defer(Timestamp(until)),
            wit::Verdict::Substitute(channel) => Verdict::Substitute(channel.into()),
            wit::Verdict::Deny => Verdict::Deny,
        },
        reason: Checker::new(limit).name("reason", ruling.reason)?,
        next_permitted_at: ruling.next_permitted_at.map(Timestamp),
    })
}
