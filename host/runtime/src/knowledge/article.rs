//! What an article is, and what must hold of one.

use std::sync::Arc;

use jackfield_contact::decision::KnowledgeKind;
use jackfield_types::{ArticleId, QueueId, TemplateId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::KnowledgeError;

/// For whom an article is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Agents, and the plugins that assist them.
    Agents,
    /// Chat flows.
    Bots,
    /// Customers themselves, on whatever page shows it to them.
    Customers,
}

impl Audience {
    /// As it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Bots => "bots",
            Self::Customers => "customers",
        }
    }
}

/// How far a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArticleState {
    /// Written; nobody finds it.
    Draft,
    /// Somebody has read it and found it right; nobody finds it yet.
    Reviewed,
    /// It may be found, when it is the version in force and valid.
    Approved,
}

/// What an article says; a change makes a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleText {
    /// 1 to 128 bytes.
    pub title: Arc<str>,
    /// Plain text or Markdown, 1 to 16,384 bytes; never shown as HTML.
    pub body: Arc<str>,
    /// BCP 47, for example `zh-CN`.
    pub language: Arc<str>,
    /// What it belongs to, 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Arc<str>>,
    /// Other words that it is to be found by, at most 32 of 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<Arc<str>>,
    /// For whom it is; at least one.
    pub audience: Vec<Audience>,
    /// In whose conversations alone it is found, at most 32; empty: in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueId>,
    /// From when on it is valid; none: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Up to when, not included; none: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// A version of an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleVersion {
    /// Counts up from 1 within the article.
    pub number: u32,
    /// What it says.
    #[serde(flatten)]
    pub text: ArticleText,
    /// How far it is.
    pub state: ArticleState,
    /// Who wrote it, and when.
    pub written: Signed,
    /// Who reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Signed>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Signed>,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// For example `user:ann`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An article: which versions it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleRecord {
    /// Its id; it never changes.
    pub id: ArticleId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The number of the latest version.
    pub latest: u32,
    /// The number of the approved version that is found; none: it is not found.
    pub live: Option<u32>,
}

/// How the tenant keeps its knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KnowledgeSettings {
    /// Whether who wrote a version may neither review nor approve it.
    #[serde(default)]
    pub four_eyes: bool,
}

/// A reply that is written once and sent often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTemplate {
    /// Its id; it never changes.
    pub id: TemplateId,
    /// What the agent sees in a list, 1 to 128 bytes.
    pub title: Arc<str>,
    /// The text with variables such as `{{customer.name}}`, 1 to 8,192 bytes.
    pub text: Arc<str>,
    /// BCP 47, for example `zh-CN`.
    pub language: Arc<str>,
    /// What the agent types for it, 1 to 32 bytes without blanks, for example `/hi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Arc<str>>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl ArticleText {
    /// Whether somebody of this audience, in a conversation of one of these queues (`None`: whatever it is), may see it now.
    pub(super) fn fits(&self, audience: Audience, queues: Option<&[QueueId]>, now: Timestamp) -> bool {
        self.audience.contains(&audience)
            && self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| now < until)
            && (self.queues.is_empty()
                || queues.is_none_or(|given| given.iter().any(|queue| self.queues.contains(queue))))
    }

    /// Checks what does not depend on anything else.
    pub(super) fn check(&mut self) -> Result<(), KnowledgeError> {
        check_name("title", &self.title)?;
        check_text("body", &self.body, limits::MAX_ARTICLE_BYTES)?;
        check_language(&self.language)?;
        if let Some(category) = &self.category {
            check_code("category", category)?;
        }
        at_most("keywords", self.keywords.len(), limits::MAX_ARTICLE_KEYWORDS)?;
        for keyword in &self.keywords {
            check_code("keywords", keyword)?;
        }
        at_most("queues", self.queues.len(), limits::MAX_ARTICLE_QUEUES)?;
        self.audience.sort_unstable();
        self.audience.dedup();
        if self.audience.is_empty() {
            return invalid("audience", "expected at least one of agents, bots and customers");
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until)
            && from >= until
        {
            return invalid("valid_until", "expected a time after valid_from");
        }
        Ok(())
    }
}

impl ReplyTemplate {
    pub(super) fn check(&self) -> Result<(), KnowledgeError> {
        check_name("title", &self.title)?;
        check_text("text", &self.text, limits::MAX_MESSAGE_BYTES)?;
        check_language(&self.language)?;
        if let Some(shortcut) = &self.shortcut
            && (!(1..=32).contains(&shortcut.len())
                || shortcut.chars().any(|c| c.is_whitespace() || c.is_control()))
        {
            return invalid(
                "shortcut",
                "expected 1 to 32 bytes without blanks, for example /hi",
            );
        }
        super::template::parse(&self.text).map(drop)
    }
}

pub(super) fn invalid<T>(field: &'static str, problem: impl Into<String>) -> Result<T, KnowledgeError> {
    Err(KnowledgeError::Invalid {
        field: field.into(),
        problem: problem.into(),
    })
}

fn check_name(field: &'static str, text: &str) -> Result<(), KnowledgeError> {
    if jackfield_types::is_name(text) {
        return Ok(());
    }
    invalid(field, jackfield_types::NAME_EXPECTED)
}

fn check_code(field: &'static str, text: &str) -> Result<(), KnowledgeError> {
    if text.trim().is_empty() || text.len() > limits::MAX_CODE_BYTES || text.chars().any(char::is_control) {
        let most = limits::MAX_CODE_BYTES;
        return invalid(
            field,
            format!("expected 1 to {most} bytes without control characters"),
        );
    }
    Ok(())
}

fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), KnowledgeError> {
    let found = text.len();
    if text.trim().is_empty() || found > most {
        return invalid(
            field,
            format!("{found} bytes: expected a text of 1 to {most} bytes"),
        );
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return invalid(field, "expected no control characters but line feeds and tabs");
    }
    Ok(())
}

pub(super) fn check_language(language: &str) -> Result<(), KnowledgeError> {
    let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (2..=35).contains(&language.len()) && language.chars().all(tag) {
        return Ok(());
    }
    invalid("language", "expected a BCP 47 tag, for example zh-CN or en")
}

fn at_most(field: &'static str, found: usize, most: usize) -> Result<(), KnowledgeError> {
    if found <= most {
        return Ok(());
    }
    invalid(field, format!("{found}: expected at most {most}"))
}

/// What an entry is in the plugins' words.
pub(super) const fn kind_name(kind: KnowledgeKind) -> &'static str {
    match kind {
        KnowledgeKind::Article => "article",
        KnowledgeKind::ReplyTemplate => "reply-template",
    }
}
