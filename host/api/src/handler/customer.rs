//! Customers, as far as calls have made them known.

use std::collections::BTreeMap;

use jackfield_contact::decision::Tag;
use jackfield_runtime::{CustomerRow, Names};
use jackfield_types::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};
use crate::idempotency;

/// A customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerView {
    /// The first identity seen, for example `tel:+8613800138000`.
    pub id: String,
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
    /// Attributes of the profile.
    pub attributes: BTreeMap<String, String>,
    /// Labels, expired ones included.
    pub tags: Vec<TagView>,
}

/// A label on a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagView {
    /// The name.
    pub name: String,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: String,
    /// When it stops holding; null: until it is taken away.
    pub expires_at: Option<u64>,
}

impl From<CustomerRow> for CustomerView {
    fn from(row: CustomerRow) -> Self {
        let customer = row.customer;
        let attributes = customer.attributes.iter();
        Self {
            id: customer.id.to_string(),
            name: customer.name.as_ref().map(ToString::to_string),
            language: customer.language.as_ref().map(ToString::to_string),
            first_seen_at: customer.first_seen_at.0,
            last_seen_at: row.last_seen_at.0,
            interactions: row.interactions,
            last_agent: row.last_agent.as_ref().map(ToString::to_string),
            attributes: attributes
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            tags: customer.tags.iter().map(TagView::from).collect(),
        }
    }
}

impl From<&Tag> for TagView {
    fn from(tag: &Tag) -> Self {
        Self {
            name: tag.name.to_string(),
            confidence: tag.confidence,
            reason: tag.reason.to_string(),
            expires_at: tag.expires_at.map(|at| at.0),
        }
    }
}

/// Lists the customers.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<CustomerView>)))]
pub(crate) async fn list_customers(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<CustomerView>> {
    let limit = paging.limit()?;
    Ok(Json(
        who.tenant.customers(&who.ctx, paging.cursor, limit).await?.into(),
    ))
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
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "For example `tel:+8613800138000`.")), responses((status = 200, body = ErasedView)))]
pub(crate) async fn erase_decisions(who: InTenant, Path(customer): Path<CustomerId>) -> Answer<ErasedView> {
    let erased = who.tenant.erase_decisions(&who.ctx, &customer).await?;
    let answers = idempotency::erase(who.platform.store(), &who.ctx, &Names::of(&customer)).await?;
    Ok(Json(ErasedView {
        customer: customer.to_string(),
        decisions: erased.decisions,
        attempts: erased.attempts,
        answers,
    }))
}

/// Shows one customer.
#[utoipa::path(get, path = "", tag = "customers", params(("customer" = String, Path, description = "For example `tel:+8613800138000`.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn get_customer(who: InTenant, Path(customer): Path<CustomerId>) -> Answer<CustomerView> {
    let found = who.tenant.customer(&who.ctx, &customer).await?;
    Ok(Json(
        found
            .ok_or_else(|| Problem::not_found("customer", customer))?
            .into(),
    ))
}
