//! Everything that is kept of a customer, for whoever has a right to it.

use jackfield_contact::decision::{EvaluationRecord, SurveyRecord};
use jackfield_contact::interaction::Interaction;
use jackfield_types::{CustomerId, OpContext, limits};

use super::{CustomerError, CustomerRow, Happened, TimelineEntry};
use crate::attempts::AttemptRecord;
use crate::cases::{Case, CaseFilter};
use crate::history::JournalEntry;
use crate::tenant::Tenant;

/// One part of what is kept of a customer: the newest part of the timeline and, of the interactions in it, everything. The
/// first part has the rest as well.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerExport {
    /// The profile.
    pub customer: CustomerRow,
    /// This part of the timeline, newest first.
    pub timeline: Vec<TimelineEntry>,
    /// Its interactions, and what the journal tells of each.
    pub interactions: Vec<(Interaction, Vec<JournalEntry>)>,
    /// Survey answers; in the first part.
    pub surveys: Vec<SurveyRecord>,
    /// Evaluations of interactions; in the first part.
    pub evaluations: Vec<EvaluationRecord>,
    /// Cases, the newest 1,000; in the first part.
    pub cases: Vec<Case>,
    /// Attempts to reach the numbers; in the first part.
    pub attempts: Vec<AttemptRecord>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<String>,
}

impl Tenant {
    /// A part of what is kept of a customer and of all that were merged into it. `cursor` is the `next` of the part before.
    ///
    /// # Errors
    /// When there is no such customer, or the store refuses.
    pub async fn export_customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        cursor: Option<String>,
    ) -> Result<CustomerExport, CustomerError> {
        let found = self.customer(ctx, customer).await?;
        let found = found.ok_or_else(|| CustomerError::unknown("customer", customer))?;
        let first = cursor.is_none();
        let id = found.customer.id.clone();
        let timeline = self
            .timeline(ctx, &id, &[], cursor, limits::MAX_EXPORT_ENTRIES)
            .await?;
        let mut interactions = Vec::new();
        for entry in &timeline.items {
            if let Happened::Interaction { interaction, .. } = entry.what
                && let Some(it) = self.interaction(ctx, interaction).await?
            {
                interactions.push((it, self.interaction_events(ctx, interaction).await?));
            }
        }
        let (mut surveys, mut evaluations, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
        let mut cases = Vec::new();
        if first {
            surveys = self.customer_surveys(ctx, &id, limits::MAX_PAGE).await?;
            evaluations = self.customer_evaluations(ctx, &id, limits::MAX_PAGE).await?;
            let theirs = CaseFilter {
                customer: Some(id.clone()),
                ..CaseFilter::default()
            };
            cases = self.cases(ctx, &theirs, None, limits::MAX_PAGE).await?.items;
            for number in found.identities.iter().filter_map(super::Address::number) {
                attempts.extend(self.attempts_of(ctx, &number).await?);
            }
        }
        Ok(CustomerExport {
            customer: found,
            timeline: timeline.items,
            interactions,
            surveys,
            evaluations,
            cases,
            attempts,
            next: timeline.next,
        })
    }
}
