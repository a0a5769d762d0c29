//! What can be asked of a tenant about a case: each is an order to the tenant's loop.

use std::sync::Arc;

use jackfield_contact::case::CaseStatus;
use jackfield_types::{
    CaseOwner, CaseRef, CategoryId, CustomerId, InteractionId, NAME_EXPECTED, OpContext, Timestamp, is_name,
};

use super::case::Case;
use super::token::{self, CASE_LINK};
use super::work::{CaseDone, CaseStep, CaseWork, Opening};
use crate::customers::{CustomerError, Done, Work, check_text};
use crate::tenant::Tenant;

/// A case to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// What it is about.
    pub category: CategoryId,
    /// What it is called, 1 to 128 bytes.
    pub subject: Arc<str>,
    /// What it is about in more words, at most 2,048 bytes.
    pub description: Option<Arc<str>>,
    /// Whose it is, by id or address; `None`: the interaction's customer's.
    pub customer: Option<CustomerId>,
    /// In which interaction it is opened.
    pub interaction: Option<InteractionId>,
    /// Who sees to it; `None`: whom the category names.
    pub owner: Option<CaseOwner>,
    /// For when it is promised; `None`: as the category says.
    pub promise_at: Option<Timestamp>,
}

/// How a case is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// How.
    pub status: CaseStatus,
    /// Why, for people.
    pub why: Option<Arc<str>>,
    /// For when a case is promised that is taken up again; `None`: as its category says.
    pub promise_at: Option<Timestamp>,
}

impl Tenant {
    /// Hands an order about cases to the loop.
    pub(crate) async fn case_order(
        &self,
        ctx: &OpContext,
        work: CaseWork,
    ) -> Result<CaseDone, CustomerError> {
        match self.order(ctx, None, Work::Case(work)).await? {
            Done::Case(done) => {
                self.inner.cases.changed.notify_one();
                Ok(done)
            }
            Done::Customer(_) | Done::Imported(_) | Done::TagRun(_) => Ok(CaseDone::Nothing),
        }
    }

    async fn change_case(&self, ctx: &OpContext, case: &Case, step: CaseStep) -> Result<Case, CustomerError> {
        match self.case_order(ctx, CaseWork::Change(case.id, step)).await? {
            CaseDone::Case(case) => Ok(*case),
            _ => Err(CustomerError::unknown("case", case.number)),
        }
    }

    /// Opens a case.
    ///
    /// # Errors
    /// When customer, interaction, category or owner are not known, or the interaction is another customer's.
    pub async fn open_case(&self, ctx: &OpContext, new: NewCase) -> Result<Case, CustomerError> {
        if !is_name(&new.subject) {
            return Err(CustomerError::invalid("subject", NAME_EXPECTED));
        }
        if let Some(description) = &new.description {
            check_text("description", description)?;
        }
        let category = match self.case_category(ctx, &new.category).await {
            Ok(category) => category,
            Err(CustomerError::Unknown { .. }) => {
                return Err(CustomerError::invalid(
                    "category",
                    format!(
                        "there is no category {}; make it first, or look for another spelling",
                        new.category
                    ),
                ));
            }
            Err(error) => return Err(error),
        };
        let owner = new.owner.or_else(|| category.owner.clone()).ok_or_else(|| {
            CustomerError::invalid(
                "owner",
                "expected agent:ID, queue:ID or outlet:ID, since the category names nobody",
            )
        })?;
        self.check_owner(ctx, "owner", &owner).await?;
        let customer = match (&new.customer, new.interaction) {
            (None, None) => {
                return Err(CustomerError::invalid(
                    "customer",
                    "expected a customer, an interaction, or both",
                ));
            }
            (Some(customer), None) => self.known(ctx, customer).await?,
            (customer, Some(interaction)) => self.customer_in(ctx, customer.as_ref(), interaction).await?,
        };
        let opening = Opening {
            customer,
            category,
            owner,
            interaction: new.interaction,
            subject: new.subject,
            description: new.description,
            promise_at: new.promise_at,
        };
        match self.case_order(ctx, CaseWork::Open(Box::new(opening))).await? {
            CaseDone::Case(case) => Ok(*case),
            _ => Err(CustomerError::unknown("case", "")),
        }
    }

    /// The customer of an interaction, who must be the named one, if one is named.
    async fn customer_in(
        &self,
        ctx: &OpContext,
        named: Option<&CustomerId>,
        interaction: InteractionId,
    ) -> Result<CustomerId, CustomerError> {
        let unknown = || CustomerError::unknown("interaction", interaction);
        let it = self.interaction(ctx, interaction).await?.ok_or_else(unknown)?;
        let theirs = it.customer.filter(|id| !id.is_address());
        match (theirs, named) {
            (Some(theirs), None) => Ok(theirs),
            (Some(theirs), Some(named)) => {
                if self.known(ctx, named).await? == self.known(ctx, &theirs).await? {
                    return Ok(theirs);
                }
                Err(CustomerError::invalid(
                    "interaction",
                    format!("{interaction} is another customer's; merge the two, or leave one out"),
                ))
            }
            (None, Some(named)) => self.known(ctx, named).await,
            (None, None) => Err(CustomerError::invalid(
                "customer",
                format!("who got in touch in {interaction} is not known: name the customer"),
            )),
        }
    }

    /// Says how a case stands: taken up, waiting, resolved, closed, or opened again.
    pub async fn set_case_status(
        &self,
        ctx: &OpContext,
        case: &CaseRef,
        change: StatusChange,
    ) -> Result<Case, CustomerError> {
        let case = self.case(ctx, case).await?;
        let promise_ms = match self.case_category(ctx, &case.category).await {
            Ok(category) => Some(category.promise_ms),
            Err(CustomerError::Unknown { .. }) => None,
            Err(error) => return Err(error),
        };
        let step = CaseStep::Status {
            status: change.status,
            why: change.why,
            promise_at: change.promise_at,
            promise_ms,
        };
        self.change_case(ctx, &case, step).await
    }

    /// Hands a case over.
    pub async fn hand_case_over(
        &self,
        ctx: &OpContext,
        case: &CaseRef,
        to: CaseOwner,
        why: Option<Arc<str>>,
    ) -> Result<Case, CustomerError> {
        self.check_owner(ctx, "to", &to).await?;
        let case = self.case(ctx, case).await?;
        self.change_case(ctx, &case, CaseStep::HandOver { to, why }).await
    }

    /// Promises the customer another moment.
    pub async fn promise_case(
        &self,
        ctx: &OpContext,
        case: &CaseRef,
        due_at: Timestamp,
        why: Option<Arc<str>>,
    ) -> Result<Case, CustomerError> {
        let case = self.case(ctx, case).await?;
        self.change_case(ctx, &case, CaseStep::Promise { due_at, why })
            .await
    }

    /// Writes a note about a case; the customer sees it when it is `visible`.
    pub async fn note_on_case(
        &self,
        ctx: &OpContext,
        case: &CaseRef,
        text: Arc<str>,
        visible: bool,
    ) -> Result<Case, CustomerError> {
        let case = self.case(ctx, case).await?;
        self.change_case(ctx, &case, CaseStep::Note { text, visible })
            .await
    }

    /// Says that another interaction of the customer has to do with a case.
    pub async fn continue_case(
        &self,
        ctx: &OpContext,
        case: &CaseRef,
        interaction: InteractionId,
    ) -> Result<Case, CustomerError> {
        let case = self.case(ctx, case).await?;
        self.customer_in(ctx, Some(&case.customer), interaction).await?;
        self.change_case(ctx, &case, CaseStep::Continue(interaction))
            .await
    }

    /// The token with which the customer looks at a case; the same until it is revoked.
    pub async fn link_case(&self, ctx: &OpContext, case: &CaseRef) -> Result<(Case, String), CustomerError> {
        let case = self.case(ctx, case).await?;
        let case = self.change_case(ctx, &case, CaseStep::Link(true)).await?;
        let token = token::make(&self.inner.customers.keys, CASE_LINK, &link_body(&case));
        Ok((case, token))
    }

    /// Revokes the customer's link to a case; the next one is another.
    pub async fn unlink_case(&self, ctx: &OpContext, case: &CaseRef) -> Result<Case, CustomerError> {
        let case = self.case(ctx, case).await?;
        self.change_case(ctx, &case, CaseStep::Link(false)).await
    }

    /// The case that a customer's link leads to. `None` says nothing of why: of another tenant, revoked, or no token at all.
    pub async fn linked_case(&self, ctx: &OpContext, token: &str) -> Result<Option<Case>, CustomerError> {
        let Some(body) = token::open(&self.inner.customers.keys, CASE_LINK, token) else {
            return Ok(None);
        };
        let number = body
            .iter()
            .take(5)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        match self.case(ctx, &CaseRef::Number(number)).await {
            Ok(case) => Ok(Some(case).filter(|case| case.link && link_body(case)[..] == body)),
            Err(CustomerError::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a case's link says: five bytes of its number, two of how many links were revoked.
fn link_body(case: &Case) -> [u8; 7] {
    let mut body = [0; 7];
    body[..5].copy_from_slice(&case.number.to_be_bytes()[3..]);
    body[5..].copy_from_slice(&case.links_revoked.to_be_bytes());
    body
}
