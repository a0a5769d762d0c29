//! Keeping the index with the store.

use std::collections::BTreeSet;
use std::time::Duration;

use jackfield_contact::decision::KnowledgeKind;
use jackfield_store::{Scan, Tx};
use jackfield_types::{ArticleId, OpContext, TemplateId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::article::{ArticleRecord, ArticleVersion, Audience, ReplyTemplate};
use super::index::{Batch, Index, Indexed};
use super::{
    ARTICLES, CHANGES, KNOWLEDGE, KnowledgeError, Opened, STATE, TEMPLATES, VERSIONS, blocking, decode,
    encode, words,
};
use crate::tenant::Tenant;

/// How long is waited for what the first search needs.
const READY: Duration = Duration::from_secs(1);
/// Rows that are removed at once when the index has seen them.
const PRUNED: usize = 500;

/// How far the knowledge of a tenant has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Of this store alone, so that an index of another one is known as such.
    epoch: Uuid,
    /// How often something was changed that can be found.
    pub(super) changes: u64,
    /// How many articles there are.
    pub(super) articles: u64,
}

impl State {
    fn mark(&self) -> String {
        format!("{} {}", self.epoch, self.changes)
    }

    /// Up to which change an index with this mark goes; none: it is not of this store.
    fn reached(&self, mark: Option<&str>) -> Option<u64> {
        let (epoch, changes) = mark?.split_once(' ')?;
        let changes = changes.parse().ok()?;
        (epoch == self.epoch.to_string() && changes <= self.changes).then_some(changes)
    }
}

/// Changes that are about to be committed, one writer at a time.
pub(super) struct Writing {
    pub(super) state: State,
    pub(super) tx: Tx,
}

impl Writing {
    /// What has this id has changed, and the index has to look at it again.
    pub(super) fn touch(mut self, id: &str) -> Self {
        self.state.changes += 1;
        self.tx = self.tx.put(CHANGES, change_key(self.state.changes), id);
        self
    }
}

fn change_key(number: u64) -> String {
    format!("{number:020}")
}

pub(super) fn version_key(id: &ArticleId, number: u32) -> String {
    format!("{id} {number:06}")
}

impl Tenant {
    pub(super) async fn knowledge_state(&self, ctx: &OpContext) -> Result<Option<State>, KnowledgeError> {
        let row = self.inner.shared.store.get(ctx, KNOWLEDGE, STATE).await?;
        row.map(|row| decode(&row.value)).transpose()
    }

    pub(super) async fn begin_writing(&self, ctx: &OpContext) -> Result<Writing, KnowledgeError> {
        let new = || State {
            epoch: Uuid::now_v7(),
            changes: 0,
            articles: 0,
        };
        let row = self.inner.shared.store.get(ctx, KNOWLEDGE, STATE).await?;
        Ok(match row {
            Some(row) => Writing {
                state: decode(&row.value)?,
                tx: Tx::new().check(KNOWLEDGE, STATE, row.version),
            },
            None => Writing {
                state: new(),
                tx: Tx::new().check_absent(KNOWLEDGE, STATE),
            },
        })
    }

    /// Answers how many changes there have been.
    pub(super) async fn commit_writing(
        &self,
        ctx: &OpContext,
        writing: Writing,
    ) -> Result<u64, KnowledgeError> {
        let tx = writing.tx.put(KNOWLEDGE, STATE, encode(&writing.state)?);
        self.inner.shared.store.commit(ctx, tx).await?;
        Ok(writing.state.changes)
    }

    /// The index as it is; where there is none yet, what becomes of bringing one up to date. `None`: nothing is known.
    pub(super) async fn index(&self) -> Result<Option<Opened>, KnowledgeError> {
        match self.inner.knowledge.ready.load_full() {
            Some(index) => Ok(Some(index)),
            None => self.refresh_index(u64::MAX).await,
        }
    }

    /// Sees to it that the next search need not wait for the index to be opened, nor for the dictionary to be read; waits a
    /// second at most. Both go on when nobody waits for them any more.
    pub(crate) async fn be_ready_to_search(&self) {
        let ready = async {
            if let Ok(Some(_)) = self.index().await {
                let read = || {
                    words::read_dictionary();
                    Ok(())
                };
                let _ = blocking(read).await;
            }
        };
        let _ = tokio::time::timeout(READY, ready).await;
    }

    /// Brings the index up to date with the store, unless it has so many changes already. It goes on when nobody waits for it any
    /// more.
    pub(super) async fn refresh_index(&self, changes: u64) -> Result<Option<Opened>, KnowledgeError> {
        let tenant = self.clone();
        match tokio::spawn(async move { tenant.bring_up_to_date(changes).await }).await {
            Ok(done) => done,
            Err(error) => Err(KnowledgeError::Index(error.to_string())),
        }
    }

    /// The index has failed: the next who needs it opens it anew, and makes it anew where it is damaged.
    pub(super) fn distrust_index(&self) {
        self.inner.knowledge.ready.store(None);
    }

    async fn bring_up_to_date(&self, changes: u64) -> Result<Option<Opened>, KnowledgeError> {
        let knowledge = &self.inner.knowledge;
        let ctx = OpContext::system(self.id().clone(), "knowledge");
        let _one_at_a_time = knowledge.indexing.lock().await;
        let Some(state) = self.knowledge_state(&ctx).await? else {
            return Ok(None);
        };
        let index = match knowledge.ready.load_full() {
            Some(index) => index,
            None => {
                let folder = knowledge.folder.clone();
                blocking(move || Index::open(&folder)).await?.into()
            }
        };
        let reached = state.reached(index.mark().as_deref());
        // Of many who changed something, the first brings the changes of all; each next would find one or two more.
        if reached.is_none_or(|reached| reached < changes.min(state.changes)) {
            let writer = index.clone();
            let batch = blocking(move || writer.batch()).await?;
            let whole = match reached {
                Some(reached) => self.index_changes(&ctx, &batch, reached, state.changes).await?,
                None => false,
            };
            if !whole {
                tracing::info!(tenant = %self.id(), "the full-text index is made anew");
                self.index_all(&ctx, &batch).await?;
            }
            let (mark, shown) = (state.mark(), index.clone());
            blocking(move || {
                batch.commit(&mark)?;
                shown.reload()
            })
            .await?;
            self.prune_changes(&ctx, state.changes).await?;
        }
        knowledge.ready.store(Some(index.clone()));
        Ok(Some(index))
    }

    /// Whether all changes since were still there: those that a later index has seen are not.
    async fn index_changes(
        &self,
        ctx: &OpContext,
        batch: &Batch,
        reached: u64,
        to: u64,
    ) -> Result<bool, KnowledgeError> {
        let mut cursor = None;
        let mut ids = BTreeSet::new();
        let mut missing = to - reached;
        loop {
            let scan = Scan::range(change_key(reached + 1), change_key(to + 1)).after(cursor);
            let page = self.inner.shared.store.scan(ctx, CHANGES, scan).await?;
            missing -= missing.min(page.rows.len() as u64);
            ids.extend(
                page.rows
                    .into_iter()
                    .filter_map(|row| String::from_utf8(row.value).ok()),
            );
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if missing > 0 {
            return Ok(false);
        }
        for id in ids {
            let now = self.indexed(ctx, &id).await?;
            batch
                .replace(&id, now)
                .map_err(|error| KnowledgeError::Index(error.to_string()))?;
        }
        Ok(true)
    }

    async fn index_all(&self, ctx: &OpContext, batch: &Batch) -> Result<(), KnowledgeError> {
        let failed = |error: tantivy::TantivyError| KnowledgeError::Index(error.to_string());
        batch.clear().map_err(failed)?;
        for space in [ARTICLES, TEMPLATES] {
            let mut cursor = None;
            loop {
                let page = self
                    .inner
                    .shared
                    .store
                    .scan(ctx, space, Scan::all().after(cursor))
                    .await?;
                for row in &page.rows {
                    let Ok(id) = std::str::from_utf8(&row.key) else {
                        continue;
                    };
                    let now = self.indexed(ctx, id).await?;
                    batch.replace(id, now).map_err(failed)?;
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
                // Others have their turn too.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// What can be found under an id: an approved article, or a shared template.
    async fn indexed(&self, ctx: &OpContext, id: &str) -> Result<Option<Indexed>, KnowledgeError> {
        if let Some((record, version)) = self.live_version(ctx, id).await? {
            let text = version.text;
            return Ok(Some(Indexed {
                id: record.id.to_string(),
                kind: KnowledgeKind::Article,
                title: text.title,
                body: text.body,
                keywords: text.keywords,
                language: text.language,
                category: text.category,
                audience: text.audience,
                queues: text.queues,
                valid_from: text.valid_from.map_or(0, |from| from.0),
                valid_until: text.valid_until.map_or(u64::MAX, |until| until.0),
            }));
        }
        let template = self.shared_template(ctx, id).await?;
        Ok(template.map(|template| Indexed {
            id: template.id.to_string(),
            kind: KnowledgeKind::ReplyTemplate,
            keywords: template.shortcut.into_iter().collect(),
            title: template.title,
            body: template.text,
            language: template.language,
            category: None,
            audience: vec![Audience::Agents],
            queues: Vec::new(),
            valid_from: 0,
            valid_until: u64::MAX,
        }))
    }

    /// The version of an article that is in force; the id is as somebody gave it.
    pub(super) async fn live_version(
        &self,
        ctx: &OpContext,
        id: &str,
    ) -> Result<Option<(ArticleRecord, ArticleVersion)>, KnowledgeError> {
        let Ok(id) = ArticleId::new(id) else {
            return Ok(None);
        };
        let record: Option<ArticleRecord> = self.kept(ctx, ARTICLES, id.as_str()).await?;
        let Some((live, record)) = record.and_then(|record| Some((record.live?, record))) else {
            return Ok(None);
        };
        let version = self.kept(ctx, VERSIONS, version_key(&id, live)).await?;
        Ok(version.map(|version| (record, version)))
    }

    /// A shared template; the id is as somebody gave it.
    pub(super) async fn shared_template(
        &self,
        ctx: &OpContext,
        id: &str,
    ) -> Result<Option<ReplyTemplate>, KnowledgeError> {
        let Ok(id) = TemplateId::new(id) else {
            return Ok(None);
        };
        self.kept(ctx, TEMPLATES, id.as_str()).await
    }

    /// Removes what the index has seen.
    async fn prune_changes(&self, ctx: &OpContext, to: u64) -> Result<(), KnowledgeError> {
        let store = &self.inner.shared.store;
        loop {
            let scan = Scan::range(change_key(0), change_key(to + 1)).limit(PRUNED);
            let page = store.scan(ctx, CHANGES, scan).await?;
            if page.rows.is_empty() {
                return Ok(());
            }
            let remove = |tx: Tx, row: jackfield_store::Row| tx.delete(CHANGES, row.key);
            store
                .commit(ctx, page.rows.into_iter().fold(Tx::new(), remove))
                .await?;
        }
    }
}
