use std::sync::Arc;

use jackfield_types::Timestamp;
use serde::{Deserialize, Serialize};

/// What an entry of the knowledge base is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnowledgeKind {
    /// To be read.
    Article,
    /// To be sent to a customer as it stands.
    ReplyTemplate,
}

/// What to look for in the knowledge base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeQuery {
    /// Words, 1 to 512 bytes.
    pub text: Arc<str>,
    /// Only in this language (BCP 47).
    pub language: Option<Arc<str>>,
    /// Only of this kind.
    pub kind: Option<KnowledgeKind>,
    /// At most so many, 1 to 20.
    pub limit: usize,
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnowledgeHit {
    /// The entry's id, at most 64 bytes.
    pub id: Arc<str>,
    /// What it is for.
    pub kind: KnowledgeKind,
    /// Its title, at most 256 bytes.
    pub title: Arc<str>,
    /// Its language (BCP 47).
    pub language: Arc<str>,
    /// The passage that fits best, at most 1,024 bytes.
    pub snippet: Arc<str>,
    /// Above 0, higher is better; comparable within one search only.
    pub score: f32,
}

/// A whole entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeEntry {
    /// The entry's id, at most 64 bytes.
    pub id: Arc<str>,
    /// What it is for.
    pub kind: KnowledgeKind,
    /// Its title, at most 256 bytes.
    pub title: Arc<str>,
    /// Its language (BCP 47).
    pub language: Arc<str>,
    /// Its text, at most 16,384 bytes.
    pub body: Arc<str>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}
