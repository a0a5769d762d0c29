//! Writing, reviewing and approving articles.

use jackfield_store::{Scan, Tx};
use jackfield_types::{ArticleId, OpContext, limits};

use super::article::{ArticleRecord, ArticleState, ArticleText, ArticleVersion, KnowledgeSettings, Signed};
use super::keep::version_key;
use super::{ARTICLES, KNOWLEDGE, KnowledgeError, SETTINGS, USES, VERSIONS, decode, encode};
use crate::clock;
use crate::history::Listing;
use crate::tenant::Tenant;

/// What is done with a version on its way to being found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Reviewed,
    Approved,
}

impl Tenant {
    /// How knowledge is kept here.
    pub async fn knowledge_settings(&self, ctx: &OpContext) -> Result<KnowledgeSettings, KnowledgeError> {
        let row = self.inner.shared.store.get(ctx, KNOWLEDGE, SETTINGS).await?;
        row.map_or(Ok(KnowledgeSettings::default()), |row| decode(&row.value))
    }

    /// Sets how knowledge is kept here.
    pub async fn set_knowledge_settings(
        &self,
        ctx: &OpContext,
        settings: KnowledgeSettings,
    ) -> Result<(), KnowledgeError> {
        let tx = Tx::new().put(KNOWLEDGE, SETTINGS, encode(&settings)?);
        self.inner.shared.store.commit(ctx, tx).await?;
        Ok(())
    }

    /// Articles in the order of their ids, each with its latest version; at most `limit` and 200.
    pub async fn articles(
        &self,
        ctx: &OpContext,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<(ArticleRecord, ArticleVersion)>, KnowledgeError> {
        let after = after.map(|id| id.as_bytes().to_vec());
        let scan = Scan::all().after(after).limit(limit.min(limits::MAX_HTTP_PAGE));
        let page = self.inner.shared.store.scan(ctx, ARTICLES, scan).await?;
        let mut items = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let record: ArticleRecord = decode(&row.value)?;
            let latest = self.article_version(ctx, &record.id, record.latest).await?;
            items.push((record, latest));
        }
        let next = page.next.and_then(|key| String::from_utf8(key).ok());
        Ok(Listing { items, next })
    }

    /// One article.
    ///
    /// # Errors
    /// [`KnowledgeError::Unknown`] when there is none.
    pub async fn article(&self, ctx: &OpContext, id: &ArticleId) -> Result<ArticleRecord, KnowledgeError> {
        let record = self.kept(ctx, ARTICLES, id.as_str()).await?;
        record.ok_or_else(|| unknown("article", id.as_str()))
    }

    /// A version of an article.
    ///
    /// # Errors
    /// [`KnowledgeError::Unknown`] when there is none.
    pub async fn article_version(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        number: u32,
    ) -> Result<ArticleVersion, KnowledgeError> {
        let version = self.kept(ctx, VERSIONS, version_key(id, number)).await?;
        version.ok_or_else(|| unknown("article-version", &format!("{number} of {id}")))
    }

    /// All versions of an article that are kept, the latest first.
    pub async fn article_versions(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
    ) -> Result<Vec<ArticleVersion>, KnowledgeError> {
        self.article(ctx, id).await?;
        let scan = Scan::prefix(format!("{id} ")).reverse();
        let page = self.inner.shared.store.scan(ctx, VERSIONS, scan).await?;
        page.rows.iter().map(|row| decode(&row.value)).collect()
    }

    /// Writes a new version of an article, a draft; makes the article when there is none.
    pub async fn write_article(
        &self,
        ctx: &OpContext,
        id: ArticleId,
        mut text: ArticleText,
    ) -> Result<(ArticleRecord, ArticleVersion), KnowledgeError> {
        text.check()?;
        let _one_at_a_time = self.inner.knowledge.writing.lock().await;
        let mut writing = self.begin_writing(ctx).await?;
        let record = match self.article(ctx, &id).await {
            Ok(record) => ArticleRecord {
                latest: record.latest + 1,
                ..record
            },
            Err(KnowledgeError::Unknown { .. }) => {
                if self.shared_template(ctx, id.as_str()).await?.is_some() {
                    return Err(KnowledgeError::InUse(format!("the id {id}")));
                }
                if writing.state.articles >= limits::MAX_ARTICLES {
                    return Err(KnowledgeError::too_many_articles());
                }
                writing.state.articles += 1;
                ArticleRecord {
                    id: id.clone(),
                    created_at: clock::now(),
                    latest: 1,
                    live: None,
                }
            }
            Err(error) => return Err(error),
        };
        let version = ArticleVersion {
            number: record.latest,
            text,
            state: ArticleState::Draft,
            written: signed(ctx),
            reviewed: None,
            approved: None,
        };
        writing.tx = writing.tx.put(ARTICLES, id.as_str(), encode(&record)?).put(
            VERSIONS,
            version_key(&id, version.number),
            encode(&version)?,
        );
        for old in self.superfluous(ctx, &record).await? {
            writing.tx = writing.tx.delete(VERSIONS, old);
        }
        self.commit_writing(ctx, writing).await?;
        Ok((record, version))
    }

    /// Versions that are too many, once another one is added.
    async fn superfluous(
        &self,
        ctx: &OpContext,
        record: &ArticleRecord,
    ) -> Result<Vec<Vec<u8>>, KnowledgeError> {
        let live = record.live.map(|live| version_key(&record.id, live).into_bytes());
        let scan = Scan::prefix(format!("{} ", record.id));
        let page = self.inner.shared.store.scan(ctx, VERSIONS, scan).await?;
        let too_many = (page.rows.len() + 1).saturating_sub(limits::MAX_ARTICLE_VERSIONS);
        let keys = page.rows.into_iter().map(|row| row.key);
        Ok(keys
            .filter(|key| Some(key) != live.as_ref())
            .take(too_many)
            .collect())
    }

    /// Says that a draft was read and is right.
    ///
    /// # Errors
    /// [`KnowledgeError::OwnWork`] of the writer, where the tenant wants two people.
    pub async fn review_article(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        number: u32,
    ) -> Result<ArticleVersion, KnowledgeError> {
        let judged = self.judge_article(ctx, id, number, Verdict::Reviewed).await;
        judged.map(|(version, _)| version)
    }

    /// Puts a reviewed version in force: from now on it is found, while it is valid, in place of the one before.
    ///
    /// # Errors
    /// [`KnowledgeError::OwnWork`] of the writer, where the tenant wants two people.
    pub async fn approve_article(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        number: u32,
    ) -> Result<ArticleVersion, KnowledgeError> {
        let (version, changes) = self.judge_article(ctx, id, number, Verdict::Approved).await?;
        self.index_soon(changes).await;
        Ok(version)
    }

    /// Answers the version, and how many changes there have been.
    async fn judge_article(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
        number: u32,
        verdict: Verdict,
    ) -> Result<(ArticleVersion, u64), KnowledgeError> {
        let _one_at_a_time = self.inner.knowledge.writing.lock().await;
        let mut record = self.article(ctx, id).await?;
        let mut version = self.article_version(ctx, id, number).await?;
        let signed = signed(ctx);
        if self.knowledge_settings(ctx).await?.four_eyes && version.written.by == signed.by {
            return Err(KnowledgeError::OwnWork);
        }
        let mut writing = self.begin_writing(ctx).await?;
        match (verdict, version.state) {
            (Verdict::Reviewed, ArticleState::Draft) => {
                version.state = ArticleState::Reviewed;
                version.reviewed = Some(signed);
            }
            // An earlier version may be put in force again.
            (Verdict::Approved, ArticleState::Reviewed | ArticleState::Approved) => {
                version.state = ArticleState::Approved;
                version.approved = Some(signed);
                record.live = Some(number);
                writing = writing.touch(id.as_str());
                writing.tx = writing.tx.put(ARTICLES, id.as_str(), encode(&record)?);
            }
            (Verdict::Approved, ArticleState::Draft) => {
                let problem = format!("version {number} of {id} is a draft: review it first");
                return Err(KnowledgeError::State(problem));
            }
            (Verdict::Reviewed, _) => {
                let problem = format!("version {number} of {id} was reviewed already");
                return Err(KnowledgeError::State(problem));
            }
        }
        writing.tx = writing
            .tx
            .put(VERSIONS, version_key(id, number), encode(&version)?);
        let changes = self.commit_writing(ctx, writing).await?;
        Ok((version, changes))
    }

    /// Takes an article out of force: nobody finds it until a version is approved again.
    pub async fn withdraw_article(
        &self,
        ctx: &OpContext,
        id: &ArticleId,
    ) -> Result<ArticleRecord, KnowledgeError> {
        let guard = self.inner.knowledge.writing.lock().await;
        let mut record = self.article(ctx, id).await?;
        record.live = None;
        let mut writing = self.begin_writing(ctx).await?.touch(id.as_str());
        writing.tx = writing.tx.put(ARTICLES, id.as_str(), encode(&record)?);
        let changes = self.commit_writing(ctx, writing).await?;
        drop(guard);
        self.index_soon(changes).await;
        Ok(record)
    }

    /// Removes an article with all its versions.
    pub async fn remove_article(&self, ctx: &OpContext, id: &ArticleId) -> Result<(), KnowledgeError> {
        let guard = self.inner.knowledge.writing.lock().await;
        self.article(ctx, id).await?;
        let mut writing = self.begin_writing(ctx).await?.touch(id.as_str());
        writing.state.articles = writing.state.articles.saturating_sub(1);
        writing.tx = writing.tx.delete(ARTICLES, id.as_str()).delete(USES, id.as_str());
        // Never more than a transaction takes: versions are limited.
        let page = self
            .inner
            .shared
            .store
            .scan(ctx, VERSIONS, Scan::prefix(format!("{id} ")))
            .await?;
        for row in page.rows {
            writing.tx = writing.tx.delete(VERSIONS, row.key);
        }
        let changes = self.commit_writing(ctx, writing).await?;
        self.inner.knowledge.uses.forget(id.as_str());
        drop(guard);
        self.index_soon(changes).await;
        Ok(())
    }

    /// After a change: whoever made it finds what it made. What was changed is durable, whatever becomes of the index.
    pub(super) async fn index_soon(&self, changes: u64) {
        if let Err(error) = self.refresh_index(changes).await {
            self.distrust_index();
            tracing::warn!(tenant = %self.id(), %error, "the full-text index is brought up to date later");
        }
    }
}

fn unknown(what: &'static str, id: &str) -> KnowledgeError {
    KnowledgeError::Unknown {
        what,
        id: id.to_owned(),
    }
}

pub(super) fn signed(ctx: &OpContext) -> Signed {
    Signed {
        by: ctx.actor.to_string(),
        at: clock::now(),
    }
}
