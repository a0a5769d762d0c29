//! Tags customers of high value, and those who may take more.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    DAY_MS, Tag,
    customer::{self, Customer, Known, PastInteraction},
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, end_all, give},
};
use serde::Deserialize;

const VIP: &str = "value:vip";
const UPGRADE: &str = "value:upgrade";

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    vip_value: u64,
    vip_attribute: Option<String>,
    vip_values: Vec<String>,
    window_days: u64,
    upgrade_value: u64,
    upgrade_points: u8,
    holds_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vip_value: 1_000_000,
            vip_attribute: None,
            vip_values: Vec::new(),
            window_days: 365,
            upgrade_value: 100_000,
            upgrade_points: 60,
            holds_days: 120,
        }
    }
}

struct ValueTags;

impl TagGenerator for ValueTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(known) = customer::known()? else {
            return Ok(Vec::new());
        };
        let held = &known.customer.tags;
        let mut changes = Vec::new();
        let value = spent(config, &known.history, occasion);
        let tag = |name: &str, confidence, reason| Tag {
            name: name.to_owned(),
            confidence,
            reason,
            expires_at: Some(occasion.ended_at + config.holds_days * DAY_MS),
        };
        match vip(config, &known.customer, value) {
            Some((confidence, why)) => give(&mut changes, held, tag(VIP, confidence, why)),
            None => end_all(&mut changes, held, VIP),
        }
        let (points, why) = upgrade(config, &known, value, occasion);
        if points >= config.upgrade_points {
            give(&mut changes, held, tag(UPGRADE, points.min(95), why.join("; ")));
        } else if occasion.about() != "interaction" || points == 0 {
            // A wish that was said once holds until the tag ends; a conversation about something else is no reason.
            let said = occasion.about() == "run"
                && held
                    .iter()
                    .any(|tag| tag.name == UPGRADE && tag.reason.contains("wish"));
            if !said {
                end_all(&mut changes, held, UPGRADE);
            }
        }
        Ok(changes)
    }
}

fn spent(config: &Config, history: &[PastInteraction], occasion: &Occasion) -> u64 {
    let in_window = |past: &&PastInteraction| {
        occasion.ended_at.saturating_sub(past.started_at) <= config.window_days * DAY_MS
    };
    let past = history.iter().filter(in_window);
    past.fold(0, |sum, past| sum.saturating_add(past.value))
}

/// What makes a VIP, and how sure that is.
fn vip(config: &Config, customer: &Customer, value: u64) -> Option<(u8, String)> {
    let key = config.vip_attribute.as_deref();
    if let Some((key, found)) = key.and_then(|key| Some((key, customer.attribute(key)?)))
        && config.vip_values.iter().any(|value| value == found)
    {
        return Some((100, format!("{key} is {found}")));
    }
    (value >= config.vip_value).then(|| (90, format!("value {value} in {} d", config.window_days)))
}

/// Points for an upgrade, and what gave them.
fn upgrade(config: &Config, known: &Known, value: u64, occasion: &Occasion) -> (u8, Vec<String>) {
    let Known {
        customer, surveys, ..
    } = known;
    let now = occasion.ended_at;
    let (mut points, mut why) = (0, Vec::new());
    let mut give = |more: u8, text: String| {
        points += more;
        why.push(text);
    };
    if occasion.about() == "intent"
        && let (Some(product), Some(sure)) = (
            occasion.fact("intent.product"),
            occasion.fact("intent.confidence"),
        )
    {
        let sure = sure.parse::<u8>().unwrap_or(0).min(100);
        give(sure / 2 + 10, format!("wish to buy {product}, {sure} % sure"));
    }
    if value >= config.upgrade_value {
        give(25, format!("value {value} in {} d", config.window_days));
    }
    let since = customer
        .attribute("relationship.since")
        .and_then(customer::midnight);
    if since.is_some_and(|since| now.saturating_sub(since) >= 365 * DAY_MS) {
        give(15, "customer for more than a year".to_owned());
    }
    let products = customer
        .attribute("relationship.products")
        .map_or(0, |all| all.split("; ").count());
    if products == 1 {
        give(20, "one product only".to_owned());
    }
    let happy = surveys
        .iter()
        .filter(|survey| survey.value == survey.highest && survey.highest > survey.lowest);
    if happy
        .filter(|survey| now.saturating_sub(survey.at) <= config.window_days * DAY_MS)
        .count()
        > 0
    {
        give(15, "gave the best answer of a survey".to_owned());
    }
    (points, why)
}

tag_generator::register!(ValueTags);
