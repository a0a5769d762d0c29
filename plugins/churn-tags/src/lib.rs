//! Tags customers who may leave.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    DAY_MS, Tag, Timestamp,
    customer::{self, Known},
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, end_all, keep_one},
};
use serde::Deserialize;

const FAMILY: &str = "churn:";

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    quiet_days: u64,
    window_days: u64,
    contract_days: u64,
    high: u8,
    medium: u8,
    holds_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quiet_days: 120,
            window_days: 60,
            contract_days: 60,
            high: 60,
            medium: 35,
            holds_days: 60,
        }
    }
}

struct ChurnTags;

impl TagGenerator for ChurnTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(known) = customer::known()? else {
            return Ok(Vec::new());
        };
        let (points, why) = risk(config, &known, occasion);
        let mut changes = Vec::new();
        let name = match points {
            points if points >= config.high => "churn:high",
            points if points >= config.medium => "churn:medium",
            _ => {
                end_all(&mut changes, &known.customer.tags, FAMILY);
                return Ok(changes);
            }
        };
        let tag = Tag {
            name: name.to_owned(),
            confidence: points.min(95),
            reason: why.join("; "),
            expires_at: Some(occasion.ended_at + config.holds_days * DAY_MS),
        };
        keep_one(&mut changes, &known.customer.tags, FAMILY, tag);
        Ok(changes)
    }
}

/// Points, and what gave them.
fn risk(config: &Config, known: &Known, occasion: &Occasion) -> (u8, Vec<String>) {
    let Known {
        customer,
        history,
        surveys,
    } = known;
    let now = occasion.ended_at;
    let days = |at: Timestamp| now.saturating_sub(at) / DAY_MS;
    let recent = |at: Timestamp| days(at) <= config.window_days;
    let (mut points, mut why) = (0_u8, Vec::new());
    let mut speaks = |more: u8, text: String| {
        points = points.saturating_add(more);
        why.push(text);
    };
    let told = history.iter().filter(|past| past.id != occasion.id);
    let abandoned = told
        .clone()
        .filter(|past| past.abandoned && recent(past.started_at))
        .count()
        + usize::from(occasion.abandoned);
    if abandoned > 0 {
        let points = u8::try_from(abandoned * 10).unwrap_or(u8::MAX).min(30);
        speaks(
            points,
            format!("gave up waiting {abandoned} times in {} d", config.window_days),
        );
    }
    let unhappy = surveys.iter().filter(|survey| {
        let steps = u32::from(survey.highest.saturating_sub(survey.lowest));
        let step = u32::from(survey.value.saturating_sub(survey.lowest));
        // The lower quarter of the scale; what was expected is no feeling.
        recent(survey.at) && survey.question != "expectation" && steps > 0 && step * 4 <= steps
    });
    let unhappy = unhappy.count();
    if unhappy > 0 {
        speaks(
            25,
            format!("{unhappy} bad survey answers in {} d", config.window_days),
        );
    }
    let until = customer
        .attribute("relationship.until")
        .and_then(customer::midnight);
    if let Some(left) = until
        .and_then(|until| until.checked_sub(now))
        .map(|left| left / DAY_MS)
        && left <= config.contract_days
    {
        speaks(30, format!("a contract ends in {left} d"));
    }
    if occasion.fact("call-type") == Some("complaint") {
        speaks(20, "complained now".to_owned());
    }
    if occasion.fact("consent.granted") == Some("false") {
        speaks(15, "withdrew a consent now".to_owned());
    }
    if customer
        .tags
        .iter()
        .any(|tag| tag.name == "intent:cancel" || tag.name == "moment:rival")
    {
        speaks(30, "spoke of leaving or of a rival".to_owned());
    }
    let last = told.map(|past| past.started_at).max();
    if occasion.id.is_empty()
        && let Some(quiet) = last.map(days)
        && quiet > config.quiet_days
    {
        speaks(35, format!("no contact for {quiet} d"));
    }
    (points, why)
}

tag_generator::register!(ChurnTags);
