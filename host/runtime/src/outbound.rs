//! May this attempt be made now? Fails closed.

use jackfield_contact::decision::{
    Answer, Attempt, Consent, Failure, PastAttempt, Provenance, Question, Ruling, Verdict,
};
use jackfield_types::{Channel, CustomerId, E164, ExtensionPoint, PluginKind, Timestamp, limits};

use crate::decide::decide_once;
use crate::tenant::Tenant;
use crate::{clock, zones};

/// An attempt that somebody wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundCheck {
    /// The number.
    pub number: E164,
    /// The channel.
    pub channel: Channel,
    /// The purpose, 1 to 64 bytes: `sales`, `arrears`, `survey`, `requested-callback`, `service`…
    pub purpose: String,
    /// ISO 3166-1 alpha-2 with an optional subdivision; none: that of the calling code.
    pub jurisdiction: Option<String>,
    /// Consent for this purpose on this channel.
    pub consent: Consent,
    /// IANA zones that the number may be in; empty: all those of its calling code.
    pub zones: Vec<String>,
    /// Civil dates (`YYYY-MM-DD`) that are holidays where the number is.
    pub holidays: Vec<String>,
    /// When; none: now.
    pub at: Option<Timestamp>,
    /// Earlier attempts, newest first, at most 200.
    pub attempts: Vec<PastAttempt>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboundAnswer {
    /// The ruling; `deny` when no rule gave a valid one.
    pub ruling: Ruling,
    /// Who ruled; none when the rule failed or none is bound.
    pub by: Option<Provenance>,
    /// Why the rule gave no valid answer.
    pub failure: Option<Failure>,
}

/// A check that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct OutboundError {
    /// The field.
    pub field: &'static str,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl Tenant {
    /// Asks the tenant's outbound rule. No rule, a trap, a time-out or an invalid answer mean `deny`; the number is
    /// not lost, since the answer names the reason and a caller tries again later.
    pub async fn check_outbound(&self, check: OutboundCheck) -> Result<OutboundAnswer, OutboundError> {
        let now = check.at.unwrap_or_else(clock::now);
        let attempt = attempt(check, now)?;
        let customer = CustomerId::new(&format!("tel:{}", attempt.number)).ok();
        let point = ExtensionPoint::Tenant(PluginKind::OutboundRule);
        let outcome = decide_once(self, now, &point, Question::Outbound(Box::new(attempt)), customer).await;
        Ok(match outcome {
            Ok((Answer::Outbound(ruling), by)) => OutboundAnswer {
                ruling,
                by: Some(by),
                failure: None,
            },
            Ok(_) => denied(crate::decide::failure(
                "invalid-answer",
                "the answer is not one of an outbound rule",
            )),
            Err(failure) => denied(failure),
        })
    }
}

fn denied(failure: Failure) -> OutboundAnswer {
    let reason = if &*failure.code == "no-binding" {
        "no-rule"
    } else {
        "rule-failed"
    };
    let ruling = Ruling {
        verdict: Verdict::Deny,
        reason: reason.into(),
        next_permitted_at: None,
    };
    OutboundAnswer {
        ruling,
        by: None,
        failure: Some(failure),
    }
}

fn attempt(check: OutboundCheck, now: Timestamp) -> Result<Attempt, OutboundError> {
    let invalid = |field, problem: &str| {
        Err(OutboundError {
            field,
            problem: problem.to_owned(),
        })
    };
    if check.purpose.is_empty() || check.purpose.len() > limits::MAX_CODE_BYTES {
        return invalid("purpose", "expected 1 to 64 bytes, for example sales or service");
    }
    if check.attempts.len() > 200 {
        return invalid("attempts", "expected at most 200");
    }
    if check.zones.len() > 40 {
        return invalid("zones", "expected at most 40");
    }
    let by_code = zones::of_number(&check.number);
    let jurisdiction = match (check.jurisdiction, &by_code) {
        (Some(given), _) if !(2..=6).contains(&given.len()) => {
            return invalid(
                "jurisdiction",
                "expected ISO 3166-1 alpha-2 with an optional subdivision, for example CN or US-FL",
            );
        }
        (Some(given), _) => given,
        (None, Some((jurisdiction, _))) => (*jurisdiction).to_owned(),
        (None, None) => String::new(),
    };
    let wanted: Vec<String> = if check.zones.is_empty() {
        by_code.map_or_else(Vec::new, |(_, zones)| {
            zones.into_iter().map(str::to_owned).collect()
        })
    } else {
        check.zones
    };
    let mut local_times = Vec::with_capacity(wanted.len());
    for zone in &wanted {
        match zones::local_time(zone, now, &check.holidays) {
            Some(time) => local_times.push(time),
            None => {
                return invalid(
                    "zones",
                    &format!(
                        "there is no time zone {zone:?}: expected an IANA name, for example Asia/Shanghai"
                    ),
                );
            }
        }
    }
    Ok(Attempt {
        number: check.number,
        channel: check.channel,
        purpose: check.purpose.into(),
        jurisdiction: jurisdiction.into(),
        local_times,
        consent: check.consent,
        attempts: check.attempts,
    })
}
