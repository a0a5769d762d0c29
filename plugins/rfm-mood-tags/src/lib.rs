//! Tags customers by recency, frequency and value, and by the mood that their last contacts show.

mod config;
mod mood;
mod rfm;
#[cfg(test)]
mod tests;

use config::Config;
use jackfield_plugin::{
    DAY_MS, Timestamp, customer,
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, keep_one},
};

/// Facts never prove a feeling or a value for good.
const MOST_CONFIDENT: u8 = 95;

struct RfmMoodTags;

impl TagGenerator for RfmMoodTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(known) = customer::known()? else {
            return Ok(Vec::new());
        };
        let rfm = rfm::tag(config, &known.customer, &known.history, occasion);
        let mood = mood::tag(
            config,
            &known.history,
            &known.surveys,
            &customer::evaluations(50)?,
            occasion,
        );
        let held = &known.customer.tags;
        let mut changes = Vec::new();
        keep_one(&mut changes, held, "rfm:", rfm);
        // Without facts no mood is known, so nothing changes.
        if let Some(mood) = mood {
            keep_one(&mut changes, held, "mood:", mood);
        }
        Ok(changes)
    }
}

/// How sure one can be of what so many facts say.
fn confidence(facts: usize) -> u8 {
    u8::try_from(facts.saturating_mul(15).saturating_add(35))
        .unwrap_or(u8::MAX)
        .min(MOST_CONFIDENT)
}

/// Whether `at` lies at most so many days before `now`.
fn within(at: Timestamp, now: Timestamp, days: u32) -> bool {
    now.saturating_sub(at) <= u64::from(days) * DAY_MS
}

tag_generator::register!(RfmMoodTags);
