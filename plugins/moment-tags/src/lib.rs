//! Tags key moments, at which a word at the right time counts more than many later.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    Channel, DAY_MS, Tag, Timestamp,
    customer::{self, has_word},
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, give},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    rivals: Vec<String>,
    complaint_words: Option<Vec<String>>,
    birthday_attribute: Option<String>,
    days_before: u64,
    holds_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rivals: Vec::new(),
            complaint_words: None,
            birthday_attribute: None,
            days_before: 7,
            holds_days: 14,
        }
    }
}

const COMPLAINTS: [&str; 14] = [
    "complaint",
    "complain",
    "unacceptable",
    "refund",
    "terrible",
    "scam",
    "lawyer",
    "投诉",
    "曝光",
    "退款",
    "骗子",
    "太差",
    "维权",
    "消协",
];

struct MomentTags;

impl TagGenerator for MomentTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(customer) = customer::current()? else {
            return Ok(Vec::new());
        };
        let now = occasion.ended_at;
        let mut changes = Vec::new();
        let mut moment = |name: &str, confidence, reason: String, until: Timestamp| {
            let tag = Tag {
                name: name.to_owned(),
                confidence,
                reason,
                expires_at: Some(until),
            };
            give(&mut changes, &customer.tags, tag);
        };
        let birthday = config.birthday_attribute.as_deref();
        for (name, date, years_count) in [
            (
                "moment:anniversary",
                customer.attribute("relationship.since"),
                true,
            ),
            (
                "moment:birthday",
                birthday.and_then(|key| customer.attribute(key)),
                false,
            ),
        ] {
            let Some((day, year)) = date.and_then(|date| next(date, now)) else {
                continue;
            };
            let began = date
                .and_then(|date| date.get(..4)?.parse::<u64>().ok())
                .unwrap_or(year);
            let years = year.saturating_sub(began);
            if day.saturating_sub(now) <= config.days_before * DAY_MS && (years > 0 || !years_count) {
                let what = if years_count {
                    format!("customer for {years} years")
                } else {
                    "birthday".to_owned()
                };
                let left = day.saturating_sub(now).div_ceil(DAY_MS);
                moment(name, 100, format!("{what} in {left} d"), day + DAY_MS);
            }
        }
        let until = now + config.holds_days * DAY_MS;
        let text = customer::wrote()?;
        let rivals: Vec<&str> = config
            .rivals
            .iter()
            .map(String::as_str)
            .filter(|rival| has_word(&text, rival))
            .collect();
        if !rivals.is_empty() {
            moment("moment:rival", 85, format!("named {}", rivals.join(", ")), until);
        }
        if occasion.channel == Channel::Social && !occasion.id.is_empty() {
            let own = config.complaint_words.as_deref();
            let found: Vec<&str> = match own {
                Some(words) => words
                    .iter()
                    .map(String::as_str)
                    .filter(|word| has_word(&text, word))
                    .collect(),
                None => COMPLAINTS
                    .into_iter()
                    .filter(|word| has_word(&text, word))
                    .collect(),
            };
            let typed = occasion.fact("call-type") == Some("complaint");
            if typed || !found.is_empty() {
                let why = if typed {
                    "the call type".to_owned()
                } else {
                    found.join(", ")
                };
                let reason = format!("a complaint where others read it: {why}");
                moment(
                    "moment:social-complaint",
                    if typed { 95 } else { 80 },
                    reason,
                    until,
                );
            }
        }
        Ok(changes)
    }
}

/// The next midnight with the month and day of a date, today's included, and its year. A 29th of February is kept on the 28th.
fn next(date: &str, now: Timestamp) -> Option<(Timestamp, u64)> {
    let today = now / DAY_MS * DAY_MS;
    let month_and_day = date.get(4..)?;
    let year = 1970 + now / DAY_MS * 400 / 146_097;
    // The year is right within one.
    (year.saturating_sub(1)..=year + 2).find_map(|year| {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let month_and_day = if month_and_day == "-02-29" && !leap {
            "-02-28"
        } else {
            month_and_day
        };
        let day = customer::midnight(&format!("{year}{month_and_day}"))?;
        (day >= today).then_some((day, year))
    })
}

tag_generator::register!(MomentTags);
