//! How often articles are shown, opened, used in a reply, and found helpful. Figures to weigh articles by, not to bill:
//! a kill loses the last ten seconds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jackfield_store::Tx;
use jackfield_types::{ArticleId, OpContext, limits};
use serde::{Deserialize, Serialize};

use super::{KnowledgeError, USES, decode, encode};
use crate::platform::Shared;
use crate::rounds::go_round;
use crate::tenant::Tenant;

/// How often they are written.
const EVERY: Duration = Duration::from_secs(10);
/// Rows of one transaction.
const BATCH: usize = 400;

/// What became of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArticleUse {
    /// It was among what was found or suggested.
    Shown,
    /// Somebody read it.
    Opened,
    /// An agent answered with it.
    Used,
    /// Somebody said that it helped.
    Helpful,
    /// Somebody said that it did not.
    Unhelpful,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArticleUses {
    /// Found or suggested.
    pub shown: u64,
    /// Read.
    pub opened: u64,
    /// Answered with.
    pub used: u64,
    /// Found helpful.
    pub helpful: u64,
    /// Found unhelpful.
    pub unhelpful: u64,
}

impl ArticleUses {
    fn add(&mut self, more: &Self) {
        self.shown += more.shown;
        self.opened += more.opened;
        self.used += more.used;
        self.helpful += more.helpful;
        self.unhelpful += more.unhelpful;
    }

    fn count(&mut self, what: ArticleUse) {
        *match what {
            ArticleUse::Shown => &mut self.shown,
            ArticleUse::Opened => &mut self.opened,
            ArticleUse::Used => &mut self.used,
            ArticleUse::Helpful => &mut self.helpful,
            ArticleUse::Unhelpful => &mut self.unhelpful,
        } += 1;
    }
}

/// Uses that are not written yet.
#[derive(Default)]
pub(super) struct Pending {
    counted: Mutex<BTreeMap<String, ArticleUses>>,
    /// Held by who writes them.
    writing: tokio::sync::Mutex<()>,
}

impl Pending {
    fn counted(&self) -> MutexGuard<'_, BTreeMap<String, ArticleUses>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, id: &str, what: ArticleUse) {
        let mut counted = self.counted();
        if counted.len() < limits::MAX_PENDING_USES || counted.contains_key(id) {
            counted.entry(id.to_owned()).or_default().count(what);
        }
    }

    pub(super) fn forget(&self, id: &str) {
        self.counted().remove(id);
    }

    fn of(&self, id: &str) -> ArticleUses {
        self.counted().get(id).copied().unwrap_or_default()
    }
}

impl Tenant {
    /// How often an article was used.
    pub async fn article_uses(&self, ctx: &OpContext, id: &ArticleId) -> Result<ArticleUses, KnowledgeError> {
        let kept: Option<ArticleUses> = self.kept(ctx, USES, id.as_str()).await?;
        let mut uses = kept.unwrap_or_default();
        uses.add(&self.inner.knowledge.uses.of(id.as_str()));
        Ok(uses)
    }

    /// Counts a use of an article.
    ///
    /// # Errors
    /// [`KnowledgeError::Unknown`] when there is no such article.
    pub async fn count_article_use(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        what: ArticleUse,
    ) -> Result<(), KnowledgeError> {
        self.article(ctx, id).await?;
        self.inner.knowledge.uses.count(id.as_str(), what);
        Ok(())
    }

    /// Counts a use of an article that is known to be there.
    pub(crate) fn note_article(&self, id: &str, what: ArticleUse) {
        self.inner.knowledge.uses.count(id, what);
    }

    /// Writes what was counted so far. What could not be written is kept for the next time.
    pub(crate) async fn flush_article_uses(&self) -> Result<(), KnowledgeError> {
        let ctx = OpContext::system(self.id().clone(), "knowledge");
        let pending = &self.inner.knowledge.uses;
        let _one_at_a_time = pending.writing.lock().await;
        loop {
            let batch: Vec<(String, ArticleUses)> = {
                let counted = pending.counted();
                counted
                    .iter()
                    .take(BATCH)
                    .map(|(id, uses)| (id.clone(), *uses))
                    .collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let store = &self.inner.shared.store;
            let mut tx = Tx::new();
            for (id, more) in &batch {
                let stored = store.get(&ctx, USES, id.as_bytes()).await?;
                let mut sum: ArticleUses =
                    stored.map_or(Ok(ArticleUses::default()), |row| decode(&row.value))?;
                sum.add(more);
                tx = tx.put(USES, id.as_str(), encode(&sum)?);
            }
            store.commit(&ctx, tx).await?;
            let mut counted = pending.counted();
            for (id, written) in batch {
                // What was counted meanwhile stays.
                if let Some(uses) = counted.get_mut(&id) {
                    uses.shown -= written.shown;
                    uses.opened -= written.opened;
                    uses.used -= written.used;
                    uses.helpful -= written.helpful;
                    uses.unhelpful -= written.unhelpful;
                    if *uses == ArticleUses::default() {
                        counted.remove(&id);
                    }
                }
            }
        }
    }
}

/// Writes every tenant's counts until the platform is gone.
pub(crate) fn keep_counted(shared: Weak<Shared>) {
    go_round(shared, EVERY, |tenant: Tenant| async move {
        if let Err(error) = tenant.flush_article_uses().await {
            tracing::warn!(tenant = %tenant.id(), %error, "uses of articles are written later");
        }
    });
}
