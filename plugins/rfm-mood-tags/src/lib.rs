//! Tags customers by recency, frequency and value, and by the mood that their last contacts show.

mod config;
mod mood;
mod rfm;
#[cfg(test)]
mod tests;

use config::Config;
use jackfield_plugin::{
    Tag, Timestamp, customer,
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// The most that the host tells at once.
const MOST: u32 = 50;
/// Facts never prove a feeling or a value for good.
const MOST_CONFIDENT: u8 = 95;

struct RfmMoodTags;

impl TagGenerator for RfmMoodTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(customer) = customer::current()? else {
            return Ok(Vec::new());
        };
        let history = customer::history(MOST)?;
        let rfm = rfm::tag(config, &customer, &history, occasion);
        let mood = mood::tag(
            config,
            &history,
            &customer::surveys(MOST)?,
            &customer::evaluations(MOST)?,
            occasion,
        );
        let mut changes = Vec::new();
        for (family, tag) in [("rfm:", Some(rfm)), ("mood:", mood)] {
            change(&mut changes, &customer.tags, family, tag);
        }
        Ok(changes)
    }
}

/// Adds or refreshes the tag and expires the others of its family. Without a tag nothing is known, so nothing changes.
fn change(changes: &mut Vec<TagChange>, held: &[Tag], family: &str, tag: Option<Tag>) {
    let Some(tag) = tag else {
        return;
    };
    let others = held
        .iter()
        .filter(|other| other.name.starts_with(family) && other.name != tag.name);
    changes.extend(others.map(|other| TagChange::Expire(other.name.clone())));
    let is_held = held.iter().any(|other| other.name == tag.name);
    changes.push(if is_held {
        TagChange::Refresh(tag)
    } else {
        TagChange::Add(tag)
    });
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
