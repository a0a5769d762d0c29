//! Tags: the tenant's library, and what people set by hand.

use axum::http::StatusCode;
use jackfield_runtime::{HeldTag, ManualTag, TagColour, TagDefinition, TagKind, TagSource, TagTitles};
use jackfield_types::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::customer::{CustomerView, shown};
use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A label on a customer, and where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagView {
    /// The name.
    pub name: String,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: String,
    /// When it stops holding; null: when it is taken away.
    pub expires_at: Option<u64>,
    /// When it was set; null: before this was kept.
    pub set_at: Option<u64>,
    /// When it was last confirmed, if it was.
    pub refreshed_at: Option<u64>,
    /// Whether somebody set it by hand, so that no plugin changes it.
    pub manual: bool,
    /// The person, or the plugin as `id@version`.
    pub by: String,
    /// The record of the plugin's decision, when one was kept.
    pub decision: Option<String>,
}

impl TagView {
    /// Those that hold.
    pub(crate) fn live(tags: &[HeldTag], now: Timestamp) -> Vec<Self> {
        let live = tags.iter().filter(|tag| tag.holds(now));
        live.map(Self::from).collect()
    }
}

impl From<&HeldTag> for TagView {
    fn from(tag: &HeldTag) -> Self {
        Self {
            name: tag.name.to_string(),
            confidence: tag.confidence,
            reason: tag.reason.to_string(),
            expires_at: tag.expires_at.map(|at| at.0),
            set_at: tag.set_at.map(|at| at.0),
            refreshed_at: tag.refreshed_at.map(|at| at.0),
            manual: tag.is_manual(),
            by: tag.source.name().to_string(),
            decision: match &tag.source {
                TagSource::Plugin { decision, .. } => decision.map(|id| id.to_string()),
                _ => None,
            },
        }
    }
}

/// What a tag is called.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TitlesBody {
    /// In Chinese, 1 to 128 bytes.
    pub zh: Option<String>,
    /// In English, 1 to 128 bytes.
    pub en: Option<String>,
}

/// What a tag of the library is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": {"zh": "贵宾", "en": "VIP"}, "description": "Spends more than 95 % of all.", "owner": "marketing", "kind": "generated", "lifetime_days": 180, "colour": "#b8860b", "zone": "value"}))]
pub struct TagBody {
    /// What it is called.
    #[serde(default)]
    pub title: TitlesBody,
    /// What it means and when it is given, at most 2,048 bytes.
    pub description: Option<String>,
    /// Who answers for it, 1 to 64 bytes.
    pub owner: Option<String>,
    /// `manual`: people alone give it; `generated`: plugins, and people too.
    #[schema(value_type = String)]
    pub kind: TagKind,
    /// Days after which it ends, counted from when it was last set or refreshed, 1 to 3,650; as long as whoever sets it says,
    /// when left out.
    pub lifetime_days: Option<u32>,
    /// How it is highlighted on the profile card: `#rrggbb`.
    pub colour: Option<String>,
    /// In which zone of the profile card it stands, 1 to 64 bytes.
    pub zone: Option<String>,
}

/// A tag of the library.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagDefinitionView {
    /// Its name, by which plugins and people set it.
    pub name: String,
    #[serde(flatten)]
    is: TagBody,
    /// When it was last changed.
    pub changed_at: u64,
}

impl From<TagDefinition> for TagDefinitionView {
    fn from(definition: TagDefinition) -> Self {
        let text = |text: Option<std::sync::Arc<str>>| text.map(|text| text.to_string());
        Self {
            name: definition.name.to_string(),
            is: TagBody {
                title: TitlesBody {
                    zh: text(definition.title.zh),
                    en: text(definition.title.en),
                },
                description: text(definition.description),
                owner: text(definition.owner),
                kind: definition.kind,
                lifetime_days: definition.lifetime_days,
                colour: definition.colour.map(|colour| colour.as_str().to_owned()),
                zone: text(definition.zone),
            },
            changed_at: definition.changed_at.0,
        }
    }
}

/// A tag that somebody sets by hand.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Asked for by the branch manager", "expires_at": 1_800_000_000_000_u64}))]
pub struct HandTagBody {
    /// 0 to 100; 100 when left out.
    pub confidence: Option<u8>,
    /// Why, at most 2,048 bytes.
    pub reason: Option<String>,
    /// When it stops holding; at the end of the tag's lifetime or when it is taken away, when left out.
    pub expires_at: Option<u64>,
}

/// Lists the tags of the library, by name.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<TagDefinitionView>)))]
pub(crate) async fn list_tags(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<TagDefinitionView>> {
    let all = who.tenant.tag_definitions();
    let place = |tag: &TagDefinition| tag.name.to_string();
    Ok(Json(paging.cut(
        all.into_iter(),
        place,
        TagDefinitionView::from,
    )?))
}

/// Shows one tag of the library.
#[utoipa::path(get, path = "", tag = "customers", params(("tag" = String, Path)), responses((status = 200, body = TagDefinitionView)))]
pub(crate) async fn get_tag(who: InTenant, Path(tag): Path<String>) -> Answer<TagDefinitionView> {
    Ok(Json(who.tenant.tag_definition(&tag)?.into()))
}

/// Defines a tag, or changes what is said of it. Customers who have it keep it as it is.
#[utoipa::path(put, path = "", tag = "customers", params(("tag" = String, Path)), request_body = TagBody, responses((status = 200, body = TagDefinitionView)))]
pub(crate) async fn put_tag(
    who: InTenant,
    Path(tag): Path<String>,
    Json(body): Json<TagBody>,
) -> Answer<TagDefinitionView> {
    let definition = TagDefinition {
        name: tag.into(),
        title: TagTitles {
            zh: body.title.zh.map(Into::into),
            en: body.title.en.map(Into::into),
        },
        description: body.description.map(Into::into),
        owner: body.owner.map(Into::into),
        kind: body.kind,
        lifetime_days: body.lifetime_days,
        colour: body.colour.as_deref().map(TagColour::new).transpose()?,
        zone: body.zone.map(Into::into),
        changed_at: Timestamp(0),
    };
    let kept = who.tenant.put_tag_definition(&who.ctx, definition).await?;
    Ok(Json(kept.into()))
}

/// Takes a tag out of the library. Customers who have it keep it until it ends or is taken away.
#[utoipa::path(delete, path = "", tag = "customers", params(("tag" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_tag(who: InTenant, Path(tag): Path<String>) -> Result<StatusCode, Problem> {
    who.tenant.remove_tag_definition(&who.ctx, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a tag of the library by hand. No plugin changes it from then on, until it ends or is taken away.
#[utoipa::path(put, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ("tag" = String, Path)), request_body = HandTagBody, responses((status = 200, body = CustomerView)))]
pub(crate) async fn set_customer_tag(
    who: InTenant,
    Path((customer, tag)): Path<(CustomerId, String)>,
    Json(body): Json<HandTagBody>,
) -> Answer<CustomerView> {
    let tag = ManualTag {
        name: tag.into(),
        confidence: body.confidence.unwrap_or(100),
        reason: body.reason.map(Into::into),
        expires_at: body.expires_at.map(Timestamp),
    };
    let id = who.tenant.set_tag(&who.ctx, &customer, tag).await?;
    shown(&who, &id).await
}

/// Takes a tag away from a customer, whoever set it. A plugin may set one of its own again.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ("tag" = String, Path)), responses((status = 200, body = CustomerView)))]
pub(crate) async fn remove_customer_tag(
    who: InTenant,
    Path((customer, tag)): Path<(CustomerId, String)>,
) -> Answer<CustomerView> {
    let id = who.tenant.remove_tag(&who.ctx, &customer, &tag).await?;
    shown(&who, &id).await
}
