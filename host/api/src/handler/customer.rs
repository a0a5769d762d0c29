//! Customers: who they are, on whatever channel, and what is known of them.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jackfield_runtime::{AttributeValue, CustomerRow, ProfilePatch};
use jackfield_types::{AttributeId, CustomerId, Role};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::customer_parts::{ConsentView, LinkView, PreferencesBody, RelationshipBody};
use super::page::{Page, Paging};
use super::tag::TagView;
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};
use crate::idempotency::{self, KeptBody};

/// Who sees sensitive attributes.
const TRUSTED: [Role; 2] = [Role::Admin, Role::Supervisor];

/// A customer, with all that was merged into it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerView {
    /// The id, which says nothing of the person.
    pub id: String,
    /// How the customer is known on channels, for example `tel:+8613800138000`.
    pub identities: Vec<String>,
    /// The name, when one is known.
    pub name: Option<String>,
    /// The preferred language (BCP 47), when one is known.
    pub language: Option<String>,
    /// When the customer was first seen.
    pub first_seen_at: u64,
    /// When the customer was last in touch.
    pub last_seen_at: u64,
    /// Interactions so far.
    pub interactions: u64,
    /// The agent of the last conversation.
    pub last_agent: Option<String>,
    /// Attributes: texts, numbers and truth values. Sensitive ones are left out but for administrators and supervisors.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// Labels that hold now.
    pub tags: Vec<TagView>,
    /// How the customer wants to be reached.
    pub preferences: PreferencesBody,
    /// What binds the customer to the firm.
    pub relationship: RelationshipBody,
    /// Household and firm.
    pub links: Vec<LinkView>,
    /// What the customer last said to being contacted.
    pub consents: Vec<ConsentView>,
    /// The customers that were merged into this one.
    pub merged: Vec<String>,
}

impl CustomerView {
    /// As much as the caller may see.
    pub(crate) fn of(row: CustomerRow, who: &InTenant) -> Self {
        let all = who.ctx.has_any(&TRUSTED);
        let CustomerRow {
            customer,
            last_seen_at,
            interactions,
            last_agent,
            identities,
            attributes,
            preferences,
            relationship,
            links,
            consents,
            merged,
            tags,
        } = row;
        let seen =
            |id: &AttributeId| all || customer.attributes.iter().any(|(open, _)| **open == *id.as_str());
        Self {
            id: customer.id.to_string(),
            identities: identities.iter().map(ToString::to_string).collect(),
            name: customer.name.as_ref().map(ToString::to_string),
            language: customer.language.as_ref().map(ToString::to_string),
            first_seen_at: customer.first_seen_at.0,
            last_seen_at: last_seen_at.0,
            interactions,
            last_agent: last_agent.as_ref().map(ToString::to_string),
            attributes: attributes
                .into_iter()
                .filter(|(id, _)| seen(id))
                .map(|(id, value)| (id.to_string(), serde_json::to_value(value).unwrap_or_default()))
                .collect(),
            tags: TagView::live(&tags, clock::now()),
            preferences: preferences.into(),
            relationship: relationship.into(),
            links: links.into_iter().map(LinkView::from).collect(),
            consents: consents.into_iter().map(ConsentView::from).collect(),
            merged: merged.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What is known of a customer from the beginning.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"identities": ["tel:+8613800138000", "email:li@example.com"], "name": "Li Lei", "attributes": {"tier": "gold"}}))]
pub struct NewCustomer {
    /// Addresses, `scheme:value`, at most 20; a number without its country is one of the tenant's default region.
    #[serde(default)]
    pub identities: Vec<String>,
    /// The name, 1 to 128 bytes.
    pub name: Option<String>,
    /// The preferred language (BCP 47).
    pub language: Option<String>,
    /// Attributes that the tenant has defined.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// How the customer wants to be reached.
    pub preferences: Option<PreferencesBody>,
    /// What binds the customer to the firm.
    pub relationship: Option<RelationshipBody>,
}

/// What is to be changed of a customer. What is left out stays; null takes away.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Li Lei", "attributes": {"tier": "gold", "birthday": null}}))]
pub struct CustomerPatch {
    /// The name, 1 to 128 bytes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// The preferred language (BCP 47).
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
    /// Attributes that the tenant has defined.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub attributes: BTreeMap<AttributeId, Option<AttributeValue>>,
    /// How the customer wants to be reached, whole.
    pub preferences: Option<PreferencesBody>,
    /// What binds the customer to the firm, whole.
    pub relationship: Option<RelationshipBody>,
}

/// A field that may be null is told from one that is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Lists the customers, by id; those that were merged into others are not listed.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<CustomerView>)))]
pub(crate) async fn list_customers(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<CustomerView>> {
    let limit = paging.limit()?;
    let found = who.tenant.customers(&who.ctx, paging.cursor, limit).await?;
    Ok(Json(Page {
        next: found.next,
        items: found
            .items
            .into_iter()
            .map(|row| CustomerView::of(row, &who))
            .collect(),
    }))
}

/// Makes a customer. Refused when an address is somebody's already. Who gets in touch by an address that is nobody's becomes
/// a customer without this. Sent again under an idempotency key, it answers the id alone.
#[utoipa::path(post, path = "", tag = "customers", request_body = NewCustomer, responses((status = 201, body = CustomerView)))]
pub(crate) async fn create_customer(
    who: InTenant,
    Json(body): Json<NewCustomer>,
) -> Result<Response, Problem> {
    let identities = body.identities.iter().map(|text| who.tenant.address(text));
    let identities = identities.collect::<Result<_, _>>()?;
    let attributes = body.attributes.into_iter().map(|(id, value)| (id, Some(value)));
    let profile = ProfilePatch {
        name: body.name.map(|name| Some(name.into())),
        language: body.language.map(|language| Some(language.into())),
        attributes: attributes.collect(),
        preferences: body.preferences.map(Into::into),
        relationship: body.relationship.map(TryInto::try_into).transpose()?,
    };
    let id = who.tenant.create_customer(&who.ctx, identities, profile).await?;
    created(&who, &id).await
}

/// Shows a customer after something was made. For an idempotency key no more is kept of that than the id.
pub(crate) async fn created(who: &InTenant, customer: &CustomerId) -> Result<Response, Problem> {
    let kept = serde_json::json!({ "id": customer }).to_string();
    let mut response = (StatusCode::CREATED, shown(who, customer).await?).into_response();
    response.extensions_mut().insert(KeptBody(kept.into_bytes()));
    Ok(response)
}

/// Changes fields of a customer. What is left out stays; null takes away.
#[utoipa::path(patch, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address such as `tel:+8613800138000`.")), request_body = CustomerPatch, responses((status = 200, body = CustomerView)))]
pub(crate) async fn update_customer(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Json(body): Json<CustomerPatch>,
) -> Answer<CustomerView> {
    let profile = ProfilePatch {
        name: body.name.map(|name| name.map(Into::into)),
        language: body.language.map(|language| language.map(Into::into)),
        attributes: body.attributes,
        preferences: body.preferences.map(Into::into),
        relationship: body.relationship.map(TryInto::try_into).transpose()?,
    };
    let id = who.tenant.update_customer(&who.ctx, &customer, profile).await?;
    shown(&who, &id).await
}

/// Gives a customer an address. Refused when it is somebody else's.
#[utoipa::path(put, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address such as `tel:+8613800138000`."), ("identity" = String, Path, description = "`scheme:value`.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn add_identity(
    who: InTenant,
    Path((customer, identity)): Path<(CustomerId, String)>,
) -> Answer<CustomerView> {
    let address = who.tenant.address(&identity)?;
    let id = who.tenant.add_identity(&who.ctx, &customer, address).await?;
    shown(&who, &id).await
}

/// Takes an address away from a customer. Who gets in touch by it next becomes another customer.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address such as `tel:+8613800138000`."), ("identity" = String, Path, description = "`scheme:value`.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn remove_identity(
    who: InTenant,
    Path((customer, identity)): Path<(CustomerId, String)>,
) -> Answer<CustomerView> {
    let address = who.tenant.address(&identity)?;
    let id = who.tenant.remove_identity(&who.ctx, &customer, address).await?;
    shown(&who, &id).await
}

/// A customer as the caller may see it.
pub(crate) async fn shown(who: &InTenant, customer: &CustomerId) -> Answer<CustomerView> {
    let found = who.tenant.customer(&who.ctx, customer).await?;
    let found = found.ok_or_else(|| Problem::not_found("customer", customer))?;
    Ok(Json(CustomerView::of(found, who)))
}

/// What was erased.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErasedView {
    /// The customer.
    pub customer: String,
    /// How many recorded decisions.
    pub decisions: u64,
    /// How many kept attempts to reach the number.
    pub attempts: u64,
    /// How many answers that were kept for idempotency keys.
    pub answers: u64,
}

/// Erases the recorded plugin decisions that concern a customer: those about the customer's interactions, also where
/// others waited with them, about attempts to call the number, those that read the customer, and those in which a plugin
/// was told, read, kept or wrote the customer's address, such as a provider's requests; a number in any common spelling.
/// The attempts to reach the number that are kept for caps go too, so caps begin anew, and the answers that are kept for
/// idempotency keys and name the customer; such a request sent again answers 410. The journal keeps an event
/// `decisions-erased`. What is decided afterwards is recorded as ever.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address such as `tel:+8613800138000`.")), responses((status = 200, body = ErasedView)))]
pub(crate) async fn erase_decisions(who: InTenant, Path(customer): Path<CustomerId>) -> Answer<ErasedView> {
    let names = who.tenant.names_of(&who.ctx, &customer).await?;
    let erased = who.tenant.erase_decisions(&who.ctx, &customer).await?;
    let answers = idempotency::erase(who.platform.store(), &who.ctx, &names).await?;
    Ok(Json(ErasedView {
        customer: customer.to_string(),
        decisions: erased.decisions,
        attempts: erased.attempts,
        answers,
    }))
}

/// Shows one customer, by id or by address.
#[utoipa::path(get, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address such as `tel:+8613800138000`.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn get_customer(who: InTenant, Path(customer): Path<CustomerId>) -> Answer<CustomerView> {
    shown(&who, &customer).await
}
