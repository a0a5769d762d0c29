//! Tags customers who call often.

use jackfield_plugin::{
    Tag, customer,
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const NAME: &str = "frequent-caller";

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// So many calls…
    calls: u32,
    /// …in so many days.
    days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { calls: 3, days: 30 }
    }
}

struct Frequent;

impl TagGenerator for Frequent {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        // A tenant that does not grant this gets an error here, and with `?` the decision is asked again later.
        let past = customer::history(config.calls)?;
        let since = occasion.ended_at.saturating_sub(config.days * DAY_MS);
        let recent = past.iter().filter(|call| call.started_at >= since).count() as u32;
        if recent < config.calls {
            return Ok(vec![TagChange::Expire(NAME.to_owned())]);
        }
        Ok(vec![TagChange::Add(Tag {
            name: NAME.to_owned(),
            confidence: 100,
            reason: format!("{recent} calls in {} days", config.days),
            expires_at: Some(occasion.ended_at + config.days * DAY_MS),
        })])
    }
}

tag_generator::register!(Frequent);
