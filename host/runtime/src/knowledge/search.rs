//! Finding articles and shared templates.

use std::sync::Arc;

use jackfield_contact::decision::{KnowledgeEntry, KnowledgeKind};
use jackfield_types::{ArticleId, OpContext, QueueId, Timestamp, limits};

use super::article::{ArticleVersion, Audience, check_language, invalid};
use super::index::Wanted;
use super::mark::{Piece, marked, passage};
use super::uses::ArticleUse;
use super::{KnowledgeError, blocking};
use crate::tenant::Tenant;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeSearch {
    /// Words in any language, 1 to 512 bytes.
    pub text: Arc<str>,
    /// Who looks.
    pub audience: Audience,
    /// The queues in whose conversations it is looked for; `None`: whatever the queue.
    pub queues: Option<Vec<QueueId>>,
    /// In this language only; `zh` finds `zh-CN` too.
    pub language: Option<Arc<str>>,
    /// Of this category only.
    pub category: Option<Arc<str>>,
    /// Of this kind only.
    pub kind: Option<KnowledgeKind>,
    /// Valid at this moment.
    pub at: Timestamp,
    /// At most so many, 1 to 20.
    pub limit: usize,
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct KnowledgeFound {
    /// What it is now.
    pub entry: KnowledgeEntry,
    /// The version of an article; 0 of a template.
    pub version: u32,
    /// Its category.
    pub category: Option<Arc<str>>,
    /// The title in pieces.
    pub title: Vec<Piece>,
    /// The passage that fits best, in pieces; some 320 bytes.
    pub passage: Vec<Piece>,
    /// Above 0, higher is better; comparable within one search only.
    pub score: f32,
}

impl KnowledgeFound {
    /// The passage as plain text.
    pub fn snippet(&self) -> String {
        self.passage.iter().map(|piece| piece.text.as_str()).collect()
    }
}

impl Tenant {
    /// Approved and valid articles of the audience, and shared templates, that fit; best first.
    ///
    /// # Errors
    /// [`KnowledgeError::Invalid`] for a text or limit out of range.
    pub async fn search_knowledge(
        &self,
        ctx: &OpContext,
        search: &KnowledgeSearch,
    ) -> Result<Vec<KnowledgeFound>, KnowledgeError> {
        let (bytes, most) = (search.text.len(), limits::MAX_QUERY_BYTES);
        if bytes > most || search.text.trim().is_empty() {
            return invalid("q", format!("{bytes} bytes: expected words in 1 to {most} bytes"));
        }
        let most = limits::MAX_KNOWLEDGE_HITS;
        if !(1..=most).contains(&search.limit) {
            return invalid(
                "limit",
                format!("{} is out of range: expected 1 to {most}", search.limit),
            );
        }
        if let Some(language) = &search.language {
            check_language(language)?;
        }
        let Some(index) = self.index().await? else {
            return Ok(Vec::new());
        };
        let wanted = Wanted {
            text: search.text.clone(),
            audience: search.audience,
            queues: search.queues.clone(),
            language: search
                .language
                .as_ref()
                .map(|tag| tag.to_ascii_lowercase().into()),
            category: search.category.clone(),
            kind: search.kind,
            now: search.at,
            // Some may have changed since the index saw them.
            limit: search.limit + 5,
        };
        let searched = blocking(move || index.search(&wanted)).await;
        let (hits, meant) = searched.inspect_err(|_| self.distrust_index())?;
        let mut found = Vec::with_capacity(hits.len());
        for (id, score) in hits {
            if found.len() == search.limit {
                break;
            }
            let Some((entry, version, category)) = self.visible_entry(ctx, &id, search).await? else {
                continue;
            };
            found.push(KnowledgeFound {
                entry,
                version,
                category,
                title: Vec::new(),
                passage: Vec::new(),
                score,
            });
        }
        let found = blocking(move || {
            for hit in &mut found {
                hit.title = marked(&hit.entry.title, &meant);
                hit.passage = marked(passage(&hit.entry.body, &meant), &meant);
            }
            Ok(found)
        })
        .await?;
        Ok(found)
    }

    /// Counts what somebody was shown of what was found.
    pub fn note_shown(&self, found: &[KnowledgeFound]) {
        for hit in found
            .iter()
            .filter(|hit| hit.entry.kind == KnowledgeKind::Article)
        {
            self.note_article(&hit.entry.id, ArticleUse::Shown);
        }
    }

    /// The version of an article in force, when it is valid and for this audience.
    ///
    /// # Errors
    /// [`KnowledgeError::Unknown`] when it is not.
    pub async fn shown_article(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        audience: Audience,
        queues: Option<&[QueueId]>,
        at: Timestamp,
    ) -> Result<ArticleVersion, KnowledgeError> {
        let live = self.live_version(ctx, id.as_str()).await?;
        live.map(|(_, version)| version)
            .filter(|version| version.text.fits(audience, queues, at))
            .ok_or_else(|| KnowledgeError::Unknown {
                what: "article",
                id: id.to_string(),
            })
    }

    /// The entry of an id, as far as the one who looks may see it now.
    pub(crate) async fn visible_entry(
        &self,
        ctx: &OpContext,
        id: &str,
        search: &KnowledgeSearch,
    ) -> Result<Option<(KnowledgeEntry, u32, Option<Arc<str>>)>, KnowledgeError> {
        if let Some((record, version)) = self.live_version(ctx, id).await? {
            if !version
                .text
                .fits(search.audience, search.queues.as_deref(), search.at)
            {
                return Ok(None);
            }
            let approved = version.approved.as_ref().unwrap_or(&version.written);
            let entry = KnowledgeEntry {
                id: record.id.as_str().into(),
                kind: KnowledgeKind::Article,
                title: version.text.title,
                language: version.text.language,
                body: version.text.body,
                updated_at: approved.at,
            };
            return Ok(Some((entry, version.number, version.text.category)));
        }
        if search.audience != Audience::Agents {
            return Ok(None);
        }
        let template = self.shared_template(ctx, id).await?;
        Ok(template.map(|template| {
            let entry = KnowledgeEntry {
                id: template.id.as_str().into(),
                kind: KnowledgeKind::ReplyTemplate,
                title: template.title,
                language: template.language,
                body: template.text,
                updated_at: template.updated_at,
            };
            (entry, 0, None)
        }))
    }
}
