//! Tags what customers are interested in and want to do, from their words and recorded wishes.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    DAY_MS, Tag,
    customer::{self, has_word},
    tag_generator::{self, Error, Occasion, TagChange, TagGenerator, give},
};
use serde::Deserialize;

/// Bytes of a tag's name.
const MAX_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    topics: Option<Vec<Topic>>,
    interest_days: u64,
    intent_days: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            topics: None,
            interest_days: 90,
            intent_days: 21,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    tag: String,
    words: Vec<String>,
}

/// The topics that are bundled.
const TOPICS: [(&str, &[&str]); 7] = [
    (
        "interest:broadband",
        &[
            "broadband",
            "fibre",
            "fiber",
            "wifi",
            "router",
            "宽带",
            "光纤",
            "路由器",
            "网速",
        ],
    ),
    (
        "interest:mobile",
        &[
            "mobile",
            "sim",
            "5g",
            "data plan",
            "手机",
            "流量",
            "套餐",
            "电话卡",
        ],
    ),
    ("interest:tv", &["tv", "television", "channels", "电视", "机顶盒"]),
    (
        "interest:roaming",
        &["roaming", "abroad", "travel", "漫游", "出国", "境外"],
    ),
    (
        "intent:buy",
        &[
            "buy",
            "order",
            "sign up",
            "how much",
            "price",
            "购买",
            "办理",
            "开通",
            "多少钱",
            "价格",
        ],
    ),
    (
        "intent:upgrade",
        &["upgrade", "faster", "better plan", "升级", "提速", "换套餐"],
    ),
    (
        "intent:cancel",
        &[
            "cancel",
            "terminate",
            "close my account",
            "取消",
            "退订",
            "销户",
            "解约",
            "不想用",
        ],
    ),
];

struct InterestTags;

impl TagGenerator for InterestTags {
    type Config = Config;

    fn tags(config: &Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error> {
        let Some(customer) = customer::current()? else {
            return Ok(Vec::new());
        };
        let mut changes = Vec::new();
        let tag = |name: String, confidence, reason| Tag {
            expires_at: {
                let days = if name.starts_with("intent:") {
                    config.intent_days
                } else {
                    config.interest_days
                };
                Some(occasion.ended_at + days * DAY_MS)
            },
            name,
            confidence,
            reason,
        };
        if occasion.about() == "intent"
            && let Some(product) = occasion.fact("intent.product")
        {
            let name: String = format!("interest:{}", product.to_lowercase().replace('/', "-"));
            let sure = occasion
                .fact("intent.confidence")
                .and_then(|sure| sure.parse().ok());
            let confidence = sure.unwrap_or(50).min(100);
            if name.len() <= MAX_NAME {
                let reason = format!("a wish to buy {product} was recorded");
                give(&mut changes, &customer.tags, tag(name, confidence, reason));
            }
            return Ok(changes);
        }
        let text = customer::wrote()?;
        if text.is_empty() {
            return Ok(changes);
        }
        let mut topic = |name: &str, words: &mut dyn Iterator<Item = &str>| {
            let found: Vec<&str> = words.filter(|word| has_word(&text, word)).collect();
            if !found.is_empty() {
                let confidence = u8::try_from(40 + found.len() * 15).unwrap_or(90).min(90);
                let reason = format!("wrote: {}", found.join(", "));
                give(
                    &mut changes,
                    &customer.tags,
                    tag(name.to_owned(), confidence, reason),
                );
            }
        };
        match &config.topics {
            Some(topics) => {
                for Topic { tag, words } in topics {
                    topic(tag, &mut words.iter().map(String::as_str));
                }
            }
            None => {
                for (tag, words) in TOPICS {
                    topic(tag, &mut words.iter().copied());
                }
            }
        }
        Ok(changes)
    }
}

tag_generator::register!(InterestTags);
