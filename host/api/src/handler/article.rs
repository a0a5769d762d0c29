//! Articles of the knowledge base: versions, approval, and finding them.

use axum::http::StatusCode;
use jackfield_contact::decision::KnowledgeKind;
use jackfield_runtime::{
    ArticleRecord, ArticleState, ArticleText, ArticleUse, ArticleUses, ArticleVersion, Audience,
    KnowledgeError, KnowledgeFound, KnowledgeSearch, KnowledgeSettings, Piece, Signed,
};
use jackfield_types::{ArticleId, QueueId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Who may see what is not in force.
const EDITORS: &[Role] = &[Role::Admin, Role::Supervisor, Role::Analyst, Role::Marketer];
/// Entries that a search finds when nobody says how many.
const USUAL_HITS: usize = 10;

/// What an article says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Refunds", "body": "Money is back within three working days.", "language": "en", "keywords": ["money back"], "audience": ["agents", "bots"]}))]
pub struct ArticleBody {
    /// 1 to 128 bytes.
    pub title: String,
    /// Plain text or Markdown, 1 to 16,384 bytes. Show it as text: it is never HTML.
    pub body: String,
    /// BCP 47, for example `zh-CN`.
    pub language: String,
    /// What it belongs to, 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Other words that it is to be found by, at most 32 of 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Who finds it, of `agents`, `bots` and `customers`; `["agents"]` when left out.
    #[serde(default = "agents")]
    #[schema(value_type = Vec<String>)]
    pub audience: Vec<Audience>,
    /// In whose conversations alone it is found, at most 32; in all when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub queues: Vec<QueueId>,
    /// Valid from then on, in milliseconds since the Unix epoch; at once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<u64>,
    /// Valid up to then, not included; for good when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<u64>,
}

fn agents() -> Vec<Audience> {
    vec![Audience::Agents]
}

impl From<ArticleBody> for ArticleText {
    fn from(body: ArticleBody) -> Self {
        Self {
            title: body.title.into(),
            body: body.body.into(),
            language: body.language.into(),
            category: body.category.map(Into::into),
            keywords: body.keywords.into_iter().map(Into::into).collect(),
            audience: body.audience,
            queues: body.queues,
            valid_from: body.valid_from.map(Timestamp),
            valid_until: body.valid_until.map(Timestamp),
        }
    }
}

impl From<ArticleText> for ArticleBody {
    fn from(text: ArticleText) -> Self {
        Self {
            title: text.title.to_string(),
            body: text.body.to_string(),
            language: text.language.to_string(),
            category: text.category.map(|category| category.to_string()),
            keywords: text.keywords.iter().map(ToString::to_string).collect(),
            audience: text.audience,
            queues: text.queues,
            valid_from: text.valid_from.map(|from| from.0),
            valid_until: text.valid_until.map(|until| until.0),
        }
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedView {
    /// For example `user:ann`.
    pub by: String,
    /// When.
    pub at: u64,
}

impl From<Signed> for SignedView {
    fn from(signed: Signed) -> Self {
        Self {
            by: signed.by,
            at: signed.at.0,
        }
    }
}

/// A version of an article.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArticleVersionView {
    /// Counts up from 1 within the article.
    pub number: u32,
    /// What it says.
    #[serde(flatten)]
    pub text: ArticleBody,
    /// `draft`, `reviewed` or `approved`.
    #[schema(value_type = String)]
    pub state: ArticleState,
    /// Who wrote it.
    pub written: SignedView,
    /// Who reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<SignedView>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<SignedView>,
}

impl From<ArticleVersion> for ArticleVersionView {
    fn from(version: ArticleVersion) -> Self {
        Self {
            number: version.number,
            text: version.text.into(),
            state: version.state,
            written: version.written.into(),
            reviewed: version.reviewed.map(Into::into),
            approved: version.approved.map(Into::into),
        }
    }
}

/// How often an article was used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct ArticleUsesView {
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

impl From<ArticleUses> for ArticleUsesView {
    fn from(uses: ArticleUses) -> Self {
        Self {
            shown: uses.shown,
            opened: uses.opened,
            used: uses.used,
            helpful: uses.helpful,
            unhelpful: uses.unhelpful,
        }
    }
}

/// An article.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArticleView {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_at: u64,
    /// The number of the version in force; null: nobody finds it.
    pub live: Option<u32>,
    /// The latest version; to an agent, the one in force.
    pub version: ArticleVersionView,
    /// How often it was used.
    pub uses: ArticleUsesView,
}

/// Lists the articles with their latest versions, by id.
#[utoipa::path(get, path = "", tag = "knowledge", params(Paging), responses((status = 200, body = Page<ArticleView>)))]
pub(crate) async fn list_articles(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<ArticleView>> {
    let limit = paging.limit()?;
    let found = who
        .tenant
        .articles(&who.ctx, paging.cursor.as_deref(), limit)
        .await?;
    let mut items = Vec::with_capacity(found.items.len());
    for (record, version) in found.items {
        items.push(view(&who, record, version).await?);
    }
    Ok(Json(Page {
        items,
        next: found.next,
    }))
}

async fn view(
    who: &InTenant,
    record: ArticleRecord,
    version: ArticleVersion,
) -> Result<ArticleView, Problem> {
    let uses = who.tenant.article_uses(&who.ctx, &record.id).await?;
    Ok(ArticleView {
        id: record.id.to_string(),
        created_at: record.created_at.0,
        live: record.live,
        version: version.into(),
        uses: uses.into(),
    })
}

/// Shows an article with its latest version. An agent sees the version in force, while it is valid and for agents.
#[utoipa::path(get, path = "", tag = "knowledge", params(("article" = String, Path)), responses((status = 200, body = ArticleView)))]
pub(crate) async fn get_article(who: InTenant, Path(article): Path<ArticleId>) -> Answer<ArticleView> {
    let record = who.tenant.article(&who.ctx, &article).await?;
    if who.ctx.has_any(EDITORS) {
        let latest = who
            .tenant
            .article_version(&who.ctx, &article, record.latest)
            .await?;
        return Ok(Json(view(&who, record, latest).await?));
    }
    let queues = queues_of(&who, None).await?;
    let shown = who
        .tenant
        .shown_article(
            &who.ctx,
            &article,
            Audience::Agents,
            queues.as_deref(),
            clock::now(),
        )
        .await?;
    Ok(Json(view(&who, record, shown).await?))
}

/// Writes a new version of an article, a draft; makes the article when there is none. The version in force stays so.
#[utoipa::path(put, path = "", tag = "knowledge", params(("article" = String, Path)), request_body = ArticleBody, responses((status = 200, body = ArticleView)))]
pub(crate) async fn put_article(
    who: InTenant,
    Path(article): Path<ArticleId>,
    Json(body): Json<ArticleBody>,
) -> Answer<ArticleView> {
    let (record, version) = who.tenant.write_article(&who.ctx, article, body.into()).await?;
    Ok(Json(view(&who, record, version).await?))
}

/// Removes an article with all its versions.
#[utoipa::path(delete, path = "", tag = "knowledge", params(("article" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_article(
    who: InTenant,
    Path(article): Path<ArticleId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_article(&who.ctx, &article).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of an article that are kept, the latest first; at most 50.
#[utoipa::path(get, path = "", tag = "knowledge", params(("article" = String, Path)), responses((status = 200, body = Page<ArticleVersionView>)))]
pub(crate) async fn list_article_versions(
    who: InTenant,
    Path(article): Path<ArticleId>,
) -> Answer<Page<ArticleVersionView>> {
    let versions = who.tenant.article_versions(&who.ctx, &article).await?;
    Ok(Json(Page {
        items: versions.into_iter().map(Into::into).collect(),
        next: None,
    }))
}

/// Says that a draft was read and is right. Where the tenant wants four eyes, not by who wrote it.
#[utoipa::path(post, path = "", tag = "knowledge", params(("article" = String, Path), ("version" = u32, Path)), responses((status = 200, body = ArticleVersionView)))]
pub(crate) async fn review_article(
    who: InTenant,
    Path((article, version)): Path<(ArticleId, u32)>,
) -> Answer<ArticleVersionView> {
    let reviewed = who.tenant.review_article(&who.ctx, &article, version).await?;
    Ok(Json(reviewed.into()))
}

/// Puts a reviewed version in force, in place of the one before; an earlier one may be put in force again. Where the
/// tenant wants four eyes, not by who wrote it.
#[utoipa::path(post, path = "", tag = "knowledge", params(("article" = String, Path), ("version" = u32, Path)), responses((status = 200, body = ArticleVersionView)))]
pub(crate) async fn approve_article(
    who: InTenant,
    Path((article, version)): Path<(ArticleId, u32)>,
) -> Answer<ArticleVersionView> {
    let approved = who.tenant.approve_article(&who.ctx, &article, version).await?;
    Ok(Json(approved.into()))
}

/// Takes an article out of force: nobody finds it until a version is approved again.
#[utoipa::path(post, path = "", tag = "knowledge", params(("article" = String, Path)), responses((status = 200, body = ArticleView)))]
pub(crate) async fn withdraw_article(who: InTenant, Path(article): Path<ArticleId>) -> Answer<ArticleView> {
    let record = who.tenant.withdraw_article(&who.ctx, &article).await?;
    let latest = who
        .tenant
        .article_version(&who.ctx, &article, record.latest)
        .await?;
    Ok(Json(view(&who, record, latest).await?))
}

/// What became of an article.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArticleUseBody {
    /// `opened`, `used` (in an answer), `helpful` or `unhelpful`. What a search or a suggestion shows is counted by itself.
    #[schema(value_type = String)]
    pub what: ArticleUse,
}

/// Counts a use of an article, or says whether it helped.
#[utoipa::path(post, path = "", tag = "knowledge", params(("article" = String, Path)), request_body = ArticleUseBody, responses((status = 204)))]
pub(crate) async fn count_article_use(
    who: InTenant,
    Path(article): Path<ArticleId>,
    Json(body): Json<ArticleUseBody>,
) -> Result<StatusCode, Problem> {
    who.tenant
        .count_article_use(&who.ctx, &article, body.what)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How knowledge is kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeSettingsBody {
    /// Whether who wrote a version may neither review nor approve it; false when left out.
    #[serde(default)]
    pub four_eyes: bool,
}

/// Shows how knowledge is kept.
#[utoipa::path(get, path = "", tag = "knowledge", responses((status = 200, body = KnowledgeSettingsBody)))]
pub(crate) async fn get_knowledge_settings(who: InTenant) -> Answer<KnowledgeSettingsBody> {
    let KnowledgeSettings { four_eyes } = who.tenant.knowledge_settings(&who.ctx).await?;
    Ok(Json(KnowledgeSettingsBody { four_eyes }))
}

/// Sets how knowledge is kept.
#[utoipa::path(put, path = "", tag = "knowledge", request_body = KnowledgeSettingsBody, responses((status = 200, body = KnowledgeSettingsBody)))]
pub(crate) async fn put_knowledge_settings(
    who: InTenant,
    Json(body): Json<KnowledgeSettingsBody>,
) -> Answer<KnowledgeSettingsBody> {
    let settings = KnowledgeSettings {
        four_eyes: body.four_eyes,
    };
    who.tenant.set_knowledge_settings(&who.ctx, settings).await?;
    Ok(Json(body))
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words in any language, 1 to 512 bytes; those with a slip of the pen are understood too.
    q: String,
    /// Who looks: `agents` (when left out), `bots` or `customers`.
    #[param(value_type = Option<String>)]
    audience: Option<Audience>,
    /// In conversations of this queue; an agent's own queues, or all, when left out.
    #[param(value_type = Option<String>)]
    queue: Option<QueueId>,
    /// In this language only; `zh` finds `zh-CN` too.
    language: Option<String>,
    /// Of this category only.
    category: Option<String>,
    /// `article` or `reply-template` only.
    #[param(value_type = Option<String>)]
    kind: Option<KnowledgeKind>,
    /// At most so many, 1 to 20; 10 when left out.
    limit: Option<usize>,
}

/// A piece of a text; the pieces in their order are the text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PieceView {
    /// Plain text: escape it where it is shown as markup.
    pub text: String,
    /// Whether it is what was looked for.
    pub hit: bool,
}

impl From<Piece> for PieceView {
    fn from(piece: Piece) -> Self {
        Self {
            text: piece.text,
            hit: piece.hit,
        }
    }
}

/// An entry that was found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeHitView {
    /// `article` or `reply-template`.
    #[schema(value_type = String)]
    pub kind: KnowledgeKind,
    /// Its id.
    pub id: String,
    /// The version of an article; 0 of a template.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Its language.
    pub language: String,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The title in pieces.
    pub title_pieces: Vec<PieceView>,
    /// The passage that fits best, in pieces; some 320 bytes.
    pub passage: Vec<PieceView>,
    /// Above 0, higher is better; comparable within one search only.
    pub score: f32,
}

impl From<KnowledgeFound> for KnowledgeHitView {
    fn from(found: KnowledgeFound) -> Self {
        Self {
            kind: found.entry.kind,
            id: found.entry.id.to_string(),
            version: found.version,
            title: found.entry.title.to_string(),
            language: found.entry.language.to_string(),
            category: found.category.map(|category| category.to_string()),
            title_pieces: found.title.into_iter().map(Into::into).collect(),
            passage: found.passage.into_iter().map(Into::into).collect(),
            score: found.score,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeHitsView {
    /// Best first.
    pub items: Vec<KnowledgeHitView>,
}

/// Finds approved and valid articles, and shared reply templates. What is found counts as shown.
#[utoipa::path(get, path = "", tag = "knowledge", params(SearchQuery), responses((status = 200, body = KnowledgeHitsView)))]
pub(crate) async fn search_knowledge(
    who: InTenant,
    Query(query): Query<SearchQuery>,
) -> Answer<KnowledgeHitsView> {
    let search = KnowledgeSearch {
        text: query.q.into(),
        audience: query.audience.unwrap_or(Audience::Agents),
        queues: queues_of(&who, query.queue).await?,
        language: query.language.map(Into::into),
        category: query.category.map(Into::into),
        kind: query.kind,
        at: clock::now(),
        limit: query.limit.unwrap_or(USUAL_HITS),
    };
    let found = who.tenant.search_knowledge(&who.ctx, &search).await?;
    who.tenant.note_shown(&found);
    Ok(Json(KnowledgeHitsView {
        items: found.into_iter().map(Into::into).collect(),
    }))
}

/// The queues in whose conversations something is looked for; `None`: all.
async fn queues_of(who: &InTenant, asked: Option<QueueId>) -> Result<Option<Vec<QueueId>>, Problem> {
    let above: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| *role != Role::Agent)
        .collect();
    let Some(agent) = who.only_agent(&above)? else {
        return Ok(asked.map(|queue| vec![queue]));
    };
    let own = who
        .tenant
        .read(move |centre| centre.agent(&agent).map(|agent| agent.config.queues.clone()));
    let mut own: Vec<QueueId> = own.await?.into_iter().flatten().collect();
    if let Some(asked) = asked {
        own.retain(|queue| *queue == asked);
    }
    Ok(Some(own))
}

impl From<KnowledgeError> for Problem {
    fn from(error: KnowledgeError) -> Self {
        let detail = error.to_string();
        match error {
            KnowledgeError::Unknown { what, .. } => {
                Self::new(StatusCode::NOT_FOUND, &format!("unknown-{what}"), detail)
            }
            KnowledgeError::Invalid { field, .. } => Self::invalid(&field, detail),
            KnowledgeError::InUse(_) => Self::conflict("in-use", detail),
            KnowledgeError::State(_) => Self::conflict("wrong-state", detail),
            KnowledgeError::OwnWork => Self::conflict("own-work", detail),
            KnowledgeError::TooMany { .. } => Self::conflict("too-many", detail),
            KnowledgeError::Missing(name) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "missing-variable", detail)
                    .field(&format!("variables.{name}"))
            }
            KnowledgeError::Store(_) | KnowledgeError::Index(_) => Self::unavailable(detail),
        }
    }
}
