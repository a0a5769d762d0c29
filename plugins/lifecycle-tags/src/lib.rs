//! Tags customers by where they stand in their life with the firm.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    DAY_MS, Tag, Timestamp,
    customer::{self, Customer, PastInteraction},
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, keep_one},
};
use serde::Deserialize;

/// The most that the host tells at once.
const MOST: u32 = 50;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    new_days: u64,
    active_days: u64,
    lost_days: u64,
    holds_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            new_days: 30,
            active_days: 90,
            lost_days: 365,
            holds_days: 120,
        }
    }
}

struct LifecycleTags;

impl TagGenerator for LifecycleTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(customer) = customer::current()? else {
            return Ok(Vec::new());
        };
        let history = customer::history(MOST)?;
        let tag = stage(config, &customer, &history, occasion);
        let mut changes = Vec::new();
        keep_one(&mut changes, &customer.tags, "life:", tag);
        Ok(changes)
    }
}

fn stage(config: &Config, customer: &Customer, history: &[PastInteraction], occasion: &Occasion) -> Tag {
    let now = occasion.ended_at;
    let days = |at: Timestamp| now.saturating_sub(at) / DAY_MS;
    let since = customer
        .attribute("relationship.since")
        .and_then(customer::midnight);
    let began = since
        .unwrap_or(customer.first_seen_at)
        .min(customer.first_seen_at);
    let before = history
        .iter()
        .filter(|past| past.id != occasion.id && past.started_at <= now)
        .map(|past| past.started_at)
        .max();
    let in_touch = !occasion.id.is_empty();
    // Who never was in touch counts from the beginning.
    let quiet = days(before.unwrap_or(customer.first_seen_at));
    let (name, confidence, why) = match (in_touch, quiet) {
        _ if days(began) <= config.new_days => ("life:new", 95, format!("customer for {} d", days(began))),
        (true, quiet) if quiet > config.active_days && before.is_some() => {
            ("life:returning", 90, format!("in touch again after {quiet} d"))
        }
        (true, _) => ("life:active", 90, "in touch now".to_owned()),
        (false, quiet) if quiet <= config.active_days => {
            ("life:active", 80, format!("last contact {quiet} d before"))
        }
        (false, quiet) if quiet <= config.lost_days => {
            ("life:dormant", 70, format!("no contact for {quiet} d"))
        }
        (false, quiet) => ("life:lost", 80, format!("no contact for {quiet} d")),
    };
    Tag {
        name: name.to_owned(),
        confidence,
        reason: why,
        expires_at: Some(now + config.holds_days * DAY_MS),
    }
}

tag_generator::register!(LifecycleTags);
