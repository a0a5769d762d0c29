//! Reply templates: those that all share, and everybody's own.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jackfield_runtime::{Filling, ReplyTemplate, Whose};
use jackfield_types::{InteractionId, TemplateId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interaction::{SEES_ALL, find};
use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A reply template's settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Parcel sent", "text": "Dear {{customer.name|customer}}, order {{order}} is on its way. {{agent.name}}", "language": "en", "shortcut": "/sent"}))]
pub struct TemplateBody {
    /// What the agent sees in a list, 1 to 128 bytes.
    pub title: String,
    /// 1 to 8,192 bytes, with at most 32 variables: `{{name}}`, or `{{name|what stands there when nothing is known}}`.
    /// Known of the conversation are `customer.name`, `customer.language`, `customer.ATTRIBUTE`, `agent.name`,
    /// `agent.id`, `queue.name`, `interaction.id` and `interaction.ATTRIBUTE`; others are given with the request, and have no
    /// dot in their names.
    pub text: String,
    /// BCP 47, for example `zh-CN`.
    pub language: String,
    /// What the agent types for it, 1 to 32 bytes without blanks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<String>,
}

/// A reply template.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TemplateView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    settings: TemplateBody,
    /// When it was changed last.
    pub updated_at: u64,
}

impl From<ReplyTemplate> for TemplateView {
    fn from(template: ReplyTemplate) -> Self {
        Self {
            id: template.id.to_string(),
            settings: TemplateBody {
                title: template.title.to_string(),
                text: template.text.to_string(),
                language: template.language.to_string(),
                shortcut: template.shortcut.map(|shortcut| shortcut.to_string()),
            },
            updated_at: template.updated_at.0,
        }
    }
}

/// A template, and with what it is filled in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "parcel-sent", "variables": {"order": "4711"}}))]
pub struct TemplateUse {
    /// The template's id.
    pub id: String,
    /// Whether it is one of the caller's own.
    #[serde(default)]
    pub own: bool,
    /// Values of variables, at most 32 of at most 2,048 bytes; they go before what is known of the conversation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What a template says in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FilledView {
    /// The text with its variables in place.
    pub text: String,
}

fn own(who: &InTenant) -> Whose {
    Whose::Own(who.user.clone())
}

async fn list(who: &InTenant, whose: Whose, paging: &Paging) -> Answer<Page<TemplateView>> {
    let templates = who.tenant.templates(&who.ctx, &whose).await?;
    let place = |template: &ReplyTemplate| template.id.to_string();
    Ok(Json(paging.cut(
        templates.into_iter(),
        place,
        TemplateView::from,
    )?))
}

async fn put(who: &InTenant, whose: Whose, id: TemplateId, body: TemplateBody) -> Answer<TemplateView> {
    let template = ReplyTemplate {
        id,
        title: body.title.into(),
        text: body.text.into(),
        language: body.language.into(),
        shortcut: body.shortcut.map(Into::into),
        updated_at: clock::now(),
    };
    let kept = who.tenant.put_template(&who.ctx, &whose, template).await?;
    Ok(Json(kept.into()))
}

/// Lists the shared reply templates, by id.
#[utoipa::path(get, path = "", tag = "knowledge", params(Paging), responses((status = 200, body = Page<TemplateView>)))]
pub(crate) async fn list_templates(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<TemplateView>> {
    list(&who, Whose::Shared, &paging).await
}

/// Shows a shared reply template.
#[utoipa::path(get, path = "", tag = "knowledge", params(("template" = String, Path)), responses((status = 200, body = TemplateView)))]
pub(crate) async fn get_template(who: InTenant, Path(template): Path<TemplateId>) -> Answer<TemplateView> {
    let found = who.tenant.template(&who.ctx, &Whose::Shared, &template).await?;
    Ok(Json(found.into()))
}

/// Keeps a shared reply template. Its id must not be an article's.
#[utoipa::path(put, path = "", tag = "knowledge", params(("template" = String, Path)), request_body = TemplateBody, responses((status = 200, body = TemplateView)))]
pub(crate) async fn put_template(
    who: InTenant,
    Path(template): Path<TemplateId>,
    Json(body): Json<TemplateBody>,
) -> Answer<TemplateView> {
    put(&who, Whose::Shared, template, body).await
}

/// Removes a shared reply template.
#[utoipa::path(delete, path = "", tag = "knowledge", params(("template" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_template(
    who: InTenant,
    Path(template): Path<TemplateId>,
) -> Result<StatusCode, Problem> {
    who.tenant
        .remove_template(&who.ctx, &Whose::Shared, &template)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the caller's own reply templates, by id.
#[utoipa::path(get, path = "", tag = "knowledge", params(Paging), responses((status = 200, body = Page<TemplateView>)))]
pub(crate) async fn list_own_templates(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<TemplateView>> {
    list(&who, own(&who), &paging).await
}

/// Keeps a reply template of the caller's own; nobody else sees it.
#[utoipa::path(put, path = "", tag = "knowledge", params(("template" = String, Path)), request_body = TemplateBody, responses((status = 200, body = TemplateView)))]
pub(crate) async fn put_own_template(
    who: InTenant,
    Path(template): Path<TemplateId>,
    Json(body): Json<TemplateBody>,
) -> Answer<TemplateView> {
    put(&who, own(&who), template, body).await
}

/// Removes a reply template of the caller's own.
#[utoipa::path(delete, path = "", tag = "knowledge", params(("template" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_own_template(
    who: InTenant,
    Path(template): Path<TemplateId>,
) -> Result<StatusCode, Problem> {
    who.tenant
        .remove_template(&who.ctx, &own(&who), &template)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what a template says in a conversation, before it is sent.
#[utoipa::path(post, path = "", tag = "knowledge", params(("interaction" = String, Path)), request_body = TemplateUse, responses((status = 200, body = FilledView)))]
pub(crate) async fn fill_template(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Json(body): Json<TemplateUse>,
) -> Answer<FilledView> {
    find(&who, interaction, SEES_ALL).await?;
    let text = filled(&who, interaction, None, body).await?;
    Ok(Json(FilledView { text }))
}

/// The text of a template in a conversation.
pub(crate) async fn filled(
    who: &InTenant,
    interaction: InteractionId,
    agent: Option<jackfield_types::AgentId>,
    wanted: TemplateUse,
) -> Result<String, Problem> {
    let whose = if wanted.own { own(who) } else { Whose::Shared };
    let template = who
        .tenant
        .template(&who.ctx, &whose, &TemplateId::new(&wanted.id)?)
        .await;
    // The id stands in the body.
    let template = template.map_err(|error| Problem::from(error).unprocessable("template"))?;
    let filling = Filling {
        interaction: Some(interaction),
        agent,
        variables: wanted.variables,
    };
    Ok(who
        .tenant
        .fill_template(&who.ctx, &template.text, &filling)
        .await?)
}
