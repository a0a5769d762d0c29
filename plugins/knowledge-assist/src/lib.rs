//! Suggests what the knowledge base has on the customer's last words.

#[cfg(test)]
mod tests;

use jackfield_plugin::{
    agent_assist::{self, Advice, AgentAssist, Author, Conversation, Error, Message, NextAction, Suggestion},
    knowledge::{self, EntryKind, Hit, Query},
};
use serde::Deserialize;

/// The confidence in the entry that fits best; nothing is known of how well it fits in itself.
const BEST: f32 = 80.0;
/// Bytes of a query.
const QUERY_BYTES: usize = 512;
/// Bytes of a suggestion's title.
const TITLE_BYTES: usize = 256;
const UPSET: [&str; 10] = [
    "complain",
    "unacceptable",
    "ridiculous",
    "furious",
    "lawyer",
    "投诉",
    "太差",
    "骗子",
    "欺骗",
    "律师",
];

/// Read from JSON.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Entries suggested at once, at most.
    limit: u32,
    /// The queue to which an upset customer is handed on.
    escalate_to: Option<String>,
    /// Words of a customer who is upset.
    upset_words: Option<Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limit: 4,
            escalate_to: None,
            upset_words: None,
        }
    }
}

struct KnowledgeAssist;

impl AgentAssist for KnowledgeAssist {
    type Config = Config;

    fn suggest(config: &Config, conversation: &Conversation) -> Result<Vec<Suggestion>, Error> {
        let last = conversation
            .messages
            .iter()
            .rev()
            .find(|message| message.author == Author::Customer);
        let typing = conversation
            .typing
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        let (text, about) = match (typing, last) {
            (Some(text), _) => (text, None),
            (None, Some(message)) => (message.text.as_str(), Some(message.number)),
            (None, None) => return Ok(Vec::new()),
        };
        let mut suggestions = Vec::new();
        if let Some(message) = last.filter(|message| is_upset(config, message)) {
            suggestions.push(calm(config, message));
        }
        suggestions.extend(looked_up(config, text, about)?);
        Ok(suggestions)
    }
}

fn is_upset(config: &Config, message: &Message) -> bool {
    let said = message.text.to_lowercase();
    match &config.upset_words {
        Some(words) => words.iter().any(|word| said.contains(&word.to_lowercase())),
        None => UPSET.iter().any(|word| said.contains(word)),
    }
}

fn calm(config: &Config, message: &Message) -> Suggestion {
    let advice = match &config.escalate_to {
        Some(queue) => Advice::Next(NextAction {
            code: "transfer".to_owned(),
            argument: queue.clone(),
        }),
        None => Advice::Hint("The customer is upset: acknowledge it before anything else.".to_owned()),
    };
    Suggestion {
        advice,
        title: "The customer is upset".to_owned(),
        confidence: 60,
        reason: "The last message has words of a complaint.".to_owned(),
        about: Some(message.number),
    }
}

fn looked_up(config: &Config, text: &str, about: Option<u32>) -> Result<Vec<Suggestion>, Error> {
    let text = cut(text.trim(), QUERY_BYTES);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // In all languages: customers write in another one than the conversation was opened in.
    let hits = knowledge::search(&Query {
        text: text.to_owned(),
        language: None,
        kind: None,
        limit: config.limit,
    })?;
    let best = hits.first().map_or(1.0, |hit| hit.score);
    hits.iter().map(|hit| suggestion(hit, best, about)).collect()
}

fn suggestion(hit: &Hit, best: f32, about: Option<u32>) -> Result<Suggestion, Error> {
    let advice = match hit.kind {
        EntryKind::Article => Advice::Knowledge(hit.id.clone()),
        EntryKind::ReplyTemplate => Advice::Reply(cut(&knowledge::get(&hit.id)?.body, 8_192).to_owned()),
    };
    Ok(Suggestion {
        advice,
        title: cut(&hit.title, TITLE_BYTES).to_owned(),
        confidence: (BEST * hit.score / best).clamp(1.0, 100.0) as u8,
        reason: hit.snippet.clone(),
        about,
    })
}

/// The beginning of a text, of at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

agent_assist::register!(KnowledgeAssist);
