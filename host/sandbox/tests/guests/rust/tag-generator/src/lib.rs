//! The tag generator of the conformance suite, in Rust.

use jackfield_plugin::{
    Tag, customer, host,
    tag_generator::{Error, Occasion, TagChange, TagGenerator},
};
use serde::Deserialize;

const DAY_MS: u64 = 86_400_000;

struct Rule;

#[derive(Deserialize)]
#[serde(default)]
struct Config {
    /// So much within so many days makes a customer gold.
    gold: u64,
    days: u64,
    /// What is worth a tag when it was said.
    words: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gold: 100_000,
            days: 30,
            words: vec![],
        }
    }
}

fn add(name: &str, confidence: u64, reason: &str, expires_at: Option<u64>) -> TagChange {
    TagChange::Add(Tag {
        name: name.to_owned(),
        confidence: confidence as u8,
        reason: reason.to_owned(),
        expires_at,
    })
}

impl TagGenerator for Rule {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let mut changes = Vec::new();
        let lasting = config.days * DAY_MS;
        let spent: u64 = customer::history(20)?
            .iter()
            .filter(|past| !past.abandoned && past.started_at + lasting >= occasion.ended_at)
            .map(|past| past.value)
            .sum();
        let reason = format!("spent {spent}");
        changes.push(if spent >= config.gold {
            let sure = (spent * 50 / config.gold).min(100);
            add("gold", sure, &reason, Some(occasion.ended_at + lasting))
        } else if spent * 2 >= config.gold {
            TagChange::Refresh(Tag {
                name: "gold".to_owned(),
                confidence: (spent * 50 / config.gold) as u8,
                reason,
                expires_at: None,
            })
        } else {
            TagChange::Expire("gold".to_owned())
        });
        if occasion.abandoned {
            let reason = format!("waited {} s", occasion.waited / 1_000);
            changes.push(add("gave-up", 100, &reason, Some(occasion.ended_at + DAY_MS)));
        }
        for attribute in &occasion.attributes {
            for word in &config.words {
                if attribute.value.contains(word.as_str()) {
                    changes.push(add(&format!("said:{word}"), 80, &attribute.value, None));
                }
            }
        }
        if let Some(score) = occasion.score
            && score < 60.0
        {
            changes.push(add("unhappy", (100.0 - score).floor() as u64, "score", None));
        }
        let surveys = customer::surveys(10)?;
        if let Some(worst) = surveys
            .iter()
            .find(|survey| survey.question == "csat" && survey.value == survey.lowest)
        {
            changes.push(add("detractor", 90, &worst.interaction, None));
        }
        let visits = host::load::<u32>("visits")?.unwrap_or(0) + 1;
        if visits == 3 {
            changes.push(add("regular", 100, "visit 3", None));
        }
        if visits < 5 {
            host::store("visits", &visits)?;
        } else {
            host::delete("visits")?;
        }
        Ok(changes)
    }
}

jackfield_plugin::tag_generator::register!(Rule);
