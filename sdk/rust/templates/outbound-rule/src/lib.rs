//! Defers calls outside of office hours, in every time zone that the number may be in.

use jackfield_plugin::{
    host,
    outbound_rule::{self, Attempt, Error, OutboundRule, Ruling},
};

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 24 * 60;

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Minutes since local midnight.
    from: u16,
    until: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            from: 9 * 60,
            until: 20 * 60,
        }
    }
}

struct OfficeHours;

impl OutboundRule for OfficeHours {
    type Config = Config;

    fn check(config: &Config, attempt: &Attempt) -> Result<Ruling, Error> {
        // Nothing is known of the number's whereabouts: law is not guessed.
        if attempt.local_times.is_empty() {
            return Ok(Ruling::deny("unknown-time-zone"));
        }
        let open = config.from..config.until;
        let wait = attempt
            .local_times
            .iter()
            .filter(|local| !open.contains(&local.minute))
            .map(|local| {
                (u64::from(config.from) + DAY_MINUTES - u64::from(local.minute)) % DAY_MINUTES
            })
            .max();
        Ok(match wait {
            None => Ruling::allow(),
            Some(minutes) => Ruling::defer(host::now() + minutes * MINUTE_MS, "office-hours"),
        })
    }
}

outbound_rule::register!(OfficeHours);
