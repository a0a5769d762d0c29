//! Suggests articles of the knowledge base on what the customer wrote last.

use jackfield_plugin::{
    agent_assist::{self, Advice, AgentAssist, Author, Conversation, Error, Suggestion},
    knowledge::{self, Query},
};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Suggestions at most.
    most: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { most: 3 }
    }
}

struct Articles;

impl AgentAssist for Articles {
    type Config = Config;

    fn suggest(config: &Config, conversation: &Conversation) -> Result<Vec<Suggestion>, Error> {
        let written = conversation
            .messages
            .iter()
            .rev()
            .find(|message| message.author == Author::Customer);
        let Some(message) = written.filter(|message| !message.text.is_empty()) else {
            return Ok(vec![]);
        };
        let found = knowledge::search(&Query {
            text: message.text.chars().take(128).collect(),
            language: Some(conversation.language.clone()),
            kind: None,
            limit: config.most,
        })?;
        let suggest = |hit: knowledge::Hit| Suggestion {
            advice: Advice::Knowledge(hit.id),
            title: hit.title,
            confidence: 60,
            reason: hit.snippet,
            about: Some(message.number),
        };
        Ok(found.into_iter().map(suggest).collect())
    }
}

agent_assist::register!(Articles);
