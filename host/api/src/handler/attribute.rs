//! What a tenant says about its customers in general: attributes that they can have, and how they are treated.

use axum::http::StatusCode;
use jackfield_runtime::{AttributeDefinition, AttributeKind, CustomerSettings, UndefinedTags};
use jackfield_sandbox::PiiClass;
use jackfield_types::AttributeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// What an attribute is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "Tier", "type": "enum", "class": "none", "options": ["gold", "silver"]}))]
pub struct AttributeBody {
    /// For people, 1 to 128 bytes.
    pub label: String,
    /// `text`, `number`, `bool`, `date` or `enum`; it never changes.
    #[schema(value_type = String)]
    pub r#type: AttributeKind,
    /// `none`, `pseudonymous`, `personal` or `sensitive`. A sensitive one is shown to administrators and supervisors, and to
    /// no plugin.
    #[schema(value_type = String)]
    pub class: PiiClass,
    /// Of an `enum`: what can be chosen, 1 to 100.
    #[serde(default)]
    pub options: Vec<String>,
}

/// An attribute that customers can have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttributeView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    is: AttributeBody,
}

impl From<AttributeDefinition> for AttributeView {
    fn from(definition: AttributeDefinition) -> Self {
        Self {
            id: definition.id.to_string(),
            is: AttributeBody {
                label: definition.label,
                r#type: definition.kind,
                class: definition.class,
                options: definition.options,
            },
        }
    }
}

/// How the tenant treats customers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"default_region": "CN"}))]
pub struct CustomerSettingsBody {
    /// Where numbers that are written without their country are at home: ISO 3166-1 alpha-2. Without one they are refused,
    /// but for callers: theirs are taken for numbers of the country that was called.
    pub default_region: Option<String>,
    /// Days after the last contact at which sensitive attributes are taken away, 1 to 36,500; left out: they are kept.
    pub sensitive_days: Option<u32>,
    /// Days after the last contact at which a customer is erased, 1 to 36,500; left out: customers are kept.
    pub personal_days: Option<u32>,
    /// What becomes of tags of plugins that the library does not know: `keep` (when left out), under their own names, or
    /// `refuse`; then the timeline says so.
    #[serde(default)]
    #[schema(value_type = String)]
    pub undefined_tags: UndefinedTags,
    /// Purposes for which the tenant contacts customers, beside `sales`, `arrears`, `survey`, `requested-callback` and
    /// `service`: at most 32. An outbound check for another is refused.
    #[serde(default)]
    pub purposes: Vec<String>,
}

impl From<CustomerSettings> for CustomerSettingsBody {
    fn from(settings: CustomerSettings) -> Self {
        Self {
            default_region: settings.default_region,
            sensitive_days: settings.sensitive_days,
            personal_days: settings.personal_days,
            undefined_tags: settings.undefined_tags,
            purposes: settings.purposes,
        }
    }
}

impl From<CustomerSettingsBody> for CustomerSettings {
    fn from(body: CustomerSettingsBody) -> Self {
        Self {
            default_region: body.default_region,
            sensitive_days: body.sensitive_days,
            personal_days: body.personal_days,
            undefined_tags: body.undefined_tags,
            purposes: body.purposes,
        }
    }
}

/// Shows how the tenant treats customers.
#[utoipa::path(get, path = "", tag = "customers", responses((status = 200, body = CustomerSettingsBody)))]
pub(crate) async fn get_customer_settings(who: InTenant) -> Answer<CustomerSettingsBody> {
    Ok(Json(who.tenant.customer_settings().into()))
}

/// Sets how the tenant treats customers.
#[utoipa::path(put, path = "", tag = "customers", request_body = CustomerSettingsBody, responses((status = 200, body = CustomerSettingsBody)))]
pub(crate) async fn put_customer_settings(
    who: InTenant,
    Json(body): Json<CustomerSettingsBody>,
) -> Answer<CustomerSettingsBody> {
    who.tenant.put_customer_settings(&who.ctx, body.into()).await?;
    Ok(Json(who.tenant.customer_settings().into()))
}

/// Lists the attributes that customers can have, by id.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<AttributeView>)))]
pub(crate) async fn list_attributes(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<AttributeView>> {
    let all = who.tenant.attribute_definitions();
    let place = |attribute: &AttributeDefinition| attribute.id.to_string();
    Ok(Json(paging.cut(all.into_iter(), place, AttributeView::from)?))
}

/// Defines an attribute, or changes its label, class or options. Refused when a segment could not ask for it any more.
#[utoipa::path(put, path = "", tag = "customers", params(("attribute" = String, Path)), request_body = AttributeBody, responses((status = 200, body = AttributeView)))]
pub(crate) async fn put_attribute(
    who: InTenant,
    Path(attribute): Path<AttributeId>,
    Json(body): Json<AttributeBody>,
) -> Answer<AttributeView> {
    let definition = AttributeDefinition {
        id: attribute,
        label: body.label,
        kind: body.r#type,
        class: body.class,
        options: body.options,
    };
    who.tenant
        .put_attribute_definition(&who.ctx, definition.clone())
        .await?;
    Ok(Json(definition.into()))
}

/// Takes a definition away. Values that customers have stay, and count as sensitive. Refused while a segment asks for it.
#[utoipa::path(delete, path = "", tag = "customers", params(("attribute" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_attribute(
    who: InTenant,
    Path(attribute): Path<AttributeId>,
) -> Result<StatusCode, Problem> {
    who.tenant
        .remove_attribute_definition(&who.ctx, &attribute)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
