//! The outbound rule of the conformance suite, in Rust.

use jackfield_plugin::{
    Channel, host,
    outbound_rule::{Attempt, Consent, Error, LocalTime, OutboundRule, Outcome, Ruling, Verdict},
};
use serde::Deserialize;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MINUTES: u64 = 1_440;

struct Rule;

#[derive(Deserialize)]
#[serde(default)]
struct Config {
    /// Calls are made in these minutes of the day.
    from: u64,
    until: u64,
    /// So many attempts in so many hours.
    most: usize,
    hours: u64,
    /// In place of a call without consent.
    instead: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            from: 540,
            until: 1_200,
            most: 3,
            hours: 24,
            instead: String::new(),
        }
    }
}

impl OutboundRule for Rule {
    type Config = Config;

    fn check(config: &Config, attempt: &Attempt) -> Result<Ruling, Error> {
        if attempt.local_times.is_empty() {
            return Ok(Ruling::deny("unknown-time-zone"));
        }
        if attempt.consent == Consent::Refused {
            return Ok(Ruling::deny("refused"));
        }
        if attempt.consent == Consent::Unknown && attempt.purpose == "sales" {
            let instead = match config.instead.as_str() {
                "sms" => Some(Channel::Sms),
                "email" => Some(Channel::Email),
                _ => None,
            };
            return Ok(match instead {
                Some(channel) if channel != attempt.channel => Ruling {
                    verdict: Verdict::Substitute(channel),
                    reason: "no-consent".to_owned(),
                    next_permitted_at: None,
                },
                _ => Ruling::deny("no-consent"),
            });
        }
        let now = host::now();
        let mut counted = attempt.attempts.iter().filter(|past| {
            past.channel == attempt.channel
                && past.outcome != Outcome::Failed
                && past.at + config.hours * HOUR_MS > now
        });
        if let Some(oldest) = counted.nth(config.most - 1) {
            return Ok(Ruling::defer(oldest.at + config.hours * HOUR_MS, "too-often"));
        }
        let mut longest = 0;
        let mut zone = "";
        for local in &attempt.local_times {
            let wait = wait(config, local);
            if wait > longest {
                (longest, zone) = (wait, &local.zone);
            }
        }
        Ok(match longest {
            0 => Ruling::allow(),
            minutes => Ruling::defer(now + minutes * MINUTE_MS, &format!("closed:{zone}")),
        })
    }
}

/// Minutes until calls may be made there.
fn wait(config: &Config, local: &LocalTime) -> u64 {
    let minute = u64::from(local.minute);
    if local.holiday || minute >= config.until {
        DAY_MINUTES - minute + config.from
    } else {
        config.from.saturating_sub(minute)
    }
}

jackfield_plugin::outbound_rule::register!(Rule);
