//! Quiet hours: an attempt is allowed only when the callee's law allows it in every time zone the number may be in.

mod config;
mod next;
#[cfg(test)]
mod tests;

use config::{Config, RuleSet};
use jackfield_plugin::{
    host,
    outbound_rule::{self, Attempt, Consent, Error, OutboundRule, Ruling},
};

const MINUTE_MS: u64 = 60_000;

struct QuietHours;

impl OutboundRule for QuietHours {
    type Config = Config;

    fn check(config: &Config, attempt: &Attempt) -> Result<Ruling, Error> {
        if attempt.consent == Consent::Refused {
            return Ok(Ruling::deny("consent-refused"));
        }
        let Some(rules) = config.rules(&attempt.jurisdiction)? else {
            return Ok(Ruling::deny("unknown-jurisdiction"));
        };
        if attempt.consent != Consent::Given && needs_consent(&rules, attempt) {
            return Ok(Ruling::deny("consent-missing"));
        }
        if !config.disturbs(attempt.channel, &attempt.purpose) {
            return Ok(Ruling::allow());
        }
        if attempt.local_times.is_empty() {
            return Ok(Ruling::deny("unknown-time-zone"));
        }
        match next::allowed_in(&rules.windows, &attempt.local_times)? {
            Some(0) => Ok(Ruling::allow()),
            Some(minutes) => {
                let this_minute = host::now() / MINUTE_MS * MINUTE_MS;
                Ok(Ruling::defer(
                    this_minute + u64::from(minutes) * MINUTE_MS,
                    "quiet-hours",
                ))
            }
            None => Ok(Ruling::deny("never-allowed")),
        }
    }
}

/// Whether silence is not enough for this purpose. On the day of a change the zone that is ahead decides.
fn needs_consent(rules: &RuleSet, attempt: &Attempt) -> bool {
    rules.consent_needed.as_ref().is_some_and(|needed| {
        let here = needed.purposes.contains(&attempt.purpose);
        let latest = attempt.local_times.iter().map(|time| time.date.as_str()).max();
        here && latest.is_none_or(|date| date >= needed.since.as_str())
    })
}

outbound_rule::register!(QuietHours);
