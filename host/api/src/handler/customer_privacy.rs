//! What a customer has a right to: to have everything that is kept of one, and to have it erased.

use jackfield_runtime::{CustomerExport, ErasedCustomer};
use jackfield_types::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::attempt::AttemptView;
use super::case::CaseView;
use super::customer::CustomerView;
use super::customer_story::TimelineView;
use super::event::EventView;
use super::interaction::InteractionView;
use crate::auth::InTenant;
use crate::extract::{Answer, Json, Path, Query};
use crate::idempotency;

/// A part of what is kept of a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExportView {
    /// The profile.
    pub customer: CustomerView,
    /// What happened, newest first: the newest 500 entries, in the next part the ones before.
    pub timeline: Vec<TimelineView>,
    /// The interactions in this part of the timeline, each with everything that the journal tells of it. Recordings are at
    /// `/v1/interactions/{interaction}/recording`.
    pub interactions: Vec<ExportedInteraction>,
    /// Survey answers; in the first part.
    #[schema(value_type = Vec<Object>)]
    pub surveys: Vec<serde_json::Value>,
    /// Evaluations of interactions; in the first part.
    #[schema(value_type = Vec<Object>)]
    pub evaluations: Vec<serde_json::Value>,
    /// Cases, the newest 1,000; in the first part.
    pub cases: Vec<CaseView>,
    /// Attempts to reach the customer; in the first part.
    pub attempts: Vec<AttemptView>,
    /// Where the next part begins, to be sent as `cursor`; null at the end.
    pub next: Option<String>,
}

/// An interaction with its story.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExportedInteraction {
    /// The interaction.
    pub interaction: InteractionView,
    /// What the journal tells of it.
    pub events: Vec<EventView>,
}

fn plain<T: Serialize>(items: &[T]) -> Vec<serde_json::Value> {
    items
        .iter()
        .filter_map(|item| serde_json::to_value(item).ok())
        .collect()
}

/// Which part of an export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// The `next` of the part before.
    cursor: Option<String>,
}

/// What an erasure took.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErasedCustomerView {
    /// Customers: the one, and those that were merged into it.
    pub customers: u64,
    /// Entries of the timeline.
    pub timeline: u64,
    /// Cases.
    pub cases: u64,
    /// Recordings of conversations.
    pub recordings: u64,
    /// Attachments of written conversations.
    pub attachments: u64,
    /// Recorded decisions of plugins.
    pub decisions: u64,
    /// Attempts to reach the customer.
    pub attempts: u64,
    /// Answers that were kept for idempotency keys.
    pub answers: u64,
}

impl ErasedCustomerView {
    fn of(erased: ErasedCustomer, answers: u64) -> Self {
        let ErasedCustomer {
            customers,
            timeline,
            cases,
            recordings,
            attachments,
            decisions,
            attempts,
        } = erased;
        Self {
            customers,
            timeline,
            cases,
            recordings,
            attachments,
            decisions,
            attempts,
            answers,
        }
    }
}

/// Exports everything that is kept of a customer and of all that were merged into it, in parts.
#[utoipa::path(get, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ExportQuery), responses((status = 200, body = ExportView)))]
pub(crate) async fn export_customer(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Query(query): Query<ExportQuery>,
) -> Answer<ExportView> {
    super::page::checked(None, query.cursor.as_deref())?;
    let export = who
        .tenant
        .export_customer(&who.ctx, &customer, query.cursor)
        .await?;
    let CustomerExport {
        customer,
        timeline,
        interactions,
        surveys,
        evaluations,
        cases,
        attempts,
        next,
    } = export;
    let interactions = interactions
        .into_iter()
        .map(|(interaction, events)| ExportedInteraction {
            interaction: interaction.into(),
            events: events.iter().map(EventView::from).collect(),
        });
    Ok(Json(ExportView {
        customer: CustomerView::of(customer, &who),
        timeline: timeline.into_iter().map(Into::into).collect(),
        interactions: interactions.collect(),
        surveys: plain(&surveys),
        evaluations: plain(&evaluations),
        cases: cases.into_iter().map(Into::into).collect(),
        attempts: attempts.into_iter().map(Into::into).collect(),
        next,
    }))
}

/// Erases a customer and all that were merged into it: the profile, the timeline, recordings, attachments, recorded decisions, attempts,
/// and what the journal holds of the person, by destroying the only key to it. What happened stays countable: when a call
/// came, how long it waited, who took it. Refused while the customer is in touch. Journals of before customers were sealed
/// keep what they say.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address.")), responses((status = 200, body = ErasedCustomerView)))]
pub(crate) async fn erase_customer(
    who: InTenant,
    Path(customer): Path<CustomerId>,
) -> Answer<ErasedCustomerView> {
    let names = who.tenant.names_of(&who.ctx, &customer).await?;
    let erased = who.tenant.erase_customer(&who.ctx, &customer).await?;
    let answers = idempotency::erase(who.platform.store(), &who.ctx, &names).await?;
    Ok(Json(ErasedCustomerView::of(erased, answers)))
}
