//! What a plugin may read in a case: data in place of a tenant's.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::decision::{
    AgentOutcomes, Customer, EvaluationRecord, KnowledgeEntry, KnowledgeHit, KnowledgeQuery, Message,
    PastInteraction, QueueStatus, SurveyRecord, Tag,
};
use jackfield_sandbox::{ReadError, Reads};
use jackfield_types::{AgentId, Capability, InteractionId};
use serde::Deserialize;
use serde_json::Value;

/// A snippet's length in bytes, as the contract has it.
const SNIPPET_BYTES: usize = 1_024;

/// What is known. Lists are as the plugin gets them: newest first, messages oldest first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mocks {
    customer: Option<Customer>,
    history: Vec<PastInteraction>,
    surveys: Vec<SurveyRecord>,
    evaluations: Vec<EvaluationRecord>,
    /// By id.
    queues: BTreeMap<String, QueueStatus>,
    /// The binding's values by key: a text as it is, anything else as JSON.
    values: BTreeMap<String, Value>,
    /// Tags of waiting customers by interaction, for routing.
    tags: BTreeMap<String, Vec<Tag>>,
    /// How conversations of agents went, by what they were about, for routing.
    outcomes: Vec<AgentOutcomes>,
    messages: Vec<Message>,
    knowledge: Vec<KnowledgeEntry>,
    /// Capabilities that the tenant does not grant.
    pub(super) not_granted: Vec<Capability>,
    /// Capabilities whose reads fail with `unavailable`.
    unavailable: Vec<Capability>,
}

impl Mocks {
    /// Keeps what a step wrote, for the next one.
    pub(super) fn write(&mut self, writes: &[(String, Option<Vec<u8>>)]) {
        for (key, value) in writes {
            match value {
                Some(bytes) => {
                    let value = match std::str::from_utf8(bytes) {
                        Ok(text) => Value::from(text),
                        Err(_) => Value::from(bytes.clone()),
                    };
                    self.values.insert(key.clone(), value);
                }
                None => {
                    self.values.remove(key);
                }
            }
        }
    }

    fn there(&self, capability: Capability) -> Result<(), ReadError> {
        if self.unavailable.contains(&capability) {
            return Err(ReadError::unavailable("the case says so"));
        }
        Ok(())
    }

    fn some<T: Clone>(&self, of: Capability, list: &[T], limit: usize) -> Result<Vec<T>, ReadError> {
        self.there(of)?;
        Ok(list.iter().take(limit).cloned().collect())
    }
}

/// A value of the binding's as bytes: a text or a list of bytes as it is, all else as JSON.
fn bytes(value: &Value) -> Vec<u8> {
    let numbers = |items: &Vec<Value>| {
        let numbers = items.iter().map(|item| u8::try_from(item.as_u64()?).ok());
        numbers.collect::<Option<Vec<u8>>>()
    };
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(items) => numbers(items).unwrap_or_else(|| value.to_string().into_bytes()),
        other => other.to_string().into_bytes(),
    }
}

impl Reads for Mocks {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        self.there(Capability::Customers)?;
        Ok(self.customer.clone())
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.some(Capability::Customers, &self.history, limit)
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.some(Capability::Scores, &self.surveys, limit)
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.some(Capability::Scores, &self.evaluations, limit)
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        self.there(Capability::Messages)?;
        let later = self.messages.iter().filter(|message| message.number > after);
        Ok(later.take(limit).cloned().collect())
    }

    /// Entries with a word of the query in title or body, in their order; a server ranks them.
    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        self.there(Capability::Knowledge)?;
        let text = query.text.to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let fits = |entry: &&KnowledgeEntry| {
            let held = format!("{} {}", entry.title, entry.body).to_lowercase();
            query
                .language
                .as_ref()
                .is_none_or(|language| *language == entry.language)
                && query.kind.is_none_or(|kind| kind == entry.kind)
                && words.iter().any(|word| held.contains(word))
        };
        let hit = |entry: &KnowledgeEntry| {
            let mut end = entry.body.len().min(SNIPPET_BYTES);
            while !entry.body.is_char_boundary(end) {
                end -= 1;
            }
            KnowledgeHit {
                id: entry.id.clone(),
                kind: entry.kind,
                title: entry.title.clone(),
                language: entry.language.clone(),
                snippet: Arc::from(&entry.body[..end]),
                score: 1.0,
            }
        };
        Ok(self
            .knowledge
            .iter()
            .filter(fits)
            .take(query.limit)
            .map(hit)
            .collect())
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        self.there(Capability::Knowledge)?;
        Ok(self.knowledge.iter().find(|entry| &*entry.id == id).cloned())
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        self.there(Capability::Calls)?;
        Ok(self.queues.get(id).copied())
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.there(Capability::KeyValue)?;
        Ok(self.values.get(key).map(bytes))
    }

    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        self.there(Capability::Customers)?;
        Ok(self
            .tags
            .get(&interaction.to_string())
            .cloned()
            .unwrap_or_default())
    }

    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        self.there(Capability::Outcomes)?;
        let asked = |of: &&AgentOutcomes| agents.contains(&&of.agent) && reasons.contains(&of.reason);
        Ok(self.outcomes.iter().filter(asked).cloned().collect())
    }
}
