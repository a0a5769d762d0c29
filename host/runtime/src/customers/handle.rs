//! What can be asked of a tenant about its customers: each is an order to the tenant's loop.

use std::sync::Arc;

use jackfield_contact::decision::Consent;
use jackfield_types::{Channel, CustomerId, OpContext, Timestamp};
use tokio::sync::oneshot;

use super::profile::{ConsentRecord, Link, ProfilePatch};
use super::work::{Done, Intent, Order, Work};
use super::{Address, CustomerError};
use crate::SubmitError;
use crate::centre_loop::Message;
use crate::tenant::Tenant;

impl Tenant {
    /// Hands an order to the loop; answered when it is durable.
    pub(crate) async fn order(
        &self,
        ctx: &OpContext,
        customer: Option<CustomerId>,
        work: Work,
    ) -> Result<Done, CustomerError> {
        let (reply, answer) = oneshot::channel();
        let order = Order {
            customer,
            work,
            by: ctx.actor.to_string().into(),
            reply,
        };
        self.try_send(Message::Customer(Box::new(order)))?;
        let stopped = || SubmitError::Unavailable("the tenant's loop has stopped; see the log".into());
        answer.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    pub(crate) async fn ordered(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        work: Work,
    ) -> Result<CustomerId, CustomerError> {
        let id = self.known(ctx, customer).await?;
        match self.order(ctx, Some(id.clone()), work).await? {
            Done::Customer(id) => Ok(id),
            Done::Imported(_) | Done::TagRun(_) | Done::Case(_) => Ok(id),
        }
    }

    /// The customer that an id or address stands for.
    pub(crate) async fn known(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<CustomerId, CustomerError> {
        let found = self.resolve(ctx, customer).await?;
        found.ok_or_else(|| CustomerError::unknown("customer", customer))
    }

    /// An address as people write it, in its one form; a number without its country is one of the tenant's region.
    pub fn address(&self, text: &str) -> Result<Address, CustomerError> {
        Address::new(text, self.inner.customers.region())
    }

    /// Makes a customer with these addresses.
    ///
    /// # Errors
    /// [`CustomerError::InUse`] when one of them is somebody's.
    pub async fn create_customer(
        &self,
        ctx: &OpContext,
        identities: Vec<Address>,
        profile: ProfilePatch,
    ) -> Result<CustomerId, CustomerError> {
        match self.order(ctx, None, Work::Create(identities, profile)).await? {
            Done::Customer(id) => Ok(id),
            Done::Imported(_) | Done::TagRun(_) | Done::Case(_) => {
                Err(CustomerError::unknown("customer", ""))
            }
        }
    }

    /// Changes fields of a customer.
    pub async fn update_customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        patch: ProfilePatch,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Update(patch)).await
    }

    /// Gives a customer an address; one that it has already is no error.
    pub async fn add_identity(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        address: Address,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::AddIdentity(address)).await
    }

    /// Takes an address away from a customer: who gets in touch by it next is another customer.
    pub async fn remove_identity(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        address: Address,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::RemoveIdentity(address)).await
    }

    /// Merges a customer into another. Nothing moves: what is and will be known through the addresses of `from` counts for
    /// `customer` until the merge is taken back.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] when they are one already, or `from` was merged into a third.
    pub async fn merge_customers(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        from: &CustomerId,
        why: Option<Arc<str>>,
    ) -> Result<CustomerId, CustomerError> {
        // An id means that customer itself, an address whoever it counts for.
        let from = if from.is_address() {
            self.known(ctx, from).await?
        } else {
            from.clone()
        };
        self.ordered(ctx, customer, Work::Merge { from, why }).await
    }

    /// Takes a merge back: `from` is a customer of its own again, with what it had and what came through its addresses.
    pub async fn unmerge_customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        from: &CustomerId,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Unmerge(from.clone())).await
    }

    /// Writes a note, 1 to 2,048 bytes.
    pub async fn note(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        text: Arc<str>,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Note(text)).await
    }

    /// Records what a customer said to being contacted.
    pub async fn record_consent(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        consent: ConsentRecord,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Consent(consent)).await
    }

    /// Records that a customer wants to buy something.
    pub async fn record_intent(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        intent: Intent,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Intent(intent)).await
    }

    /// Links two customers, both ways.
    pub async fn link_customers(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        to: &CustomerId,
        kind: Arc<str>,
    ) -> Result<CustomerId, CustomerError> {
        let to = self.known(ctx, to).await?;
        self.ordered(ctx, customer, Work::Link(Link { to, kind })).await
    }

    /// Takes a link away, both ways.
    pub async fn unlink_customers(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        to: &CustomerId,
    ) -> Result<CustomerId, CustomerError> {
        let to = self.known(ctx, to).await?;
        self.ordered(ctx, customer, Work::Unlink(to)).await
    }

    /// What a customer says to being contacted for a purpose on a channel; `Unknown` of somebody who is not known.
    pub(crate) async fn consent_of(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        purpose: &str,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Consent, SubmitError> {
        let found = self.customer(ctx, customer).await?;
        Ok(found.map_or(Consent::Unknown, |row| row.consent(purpose, channel, now)))
    }
}
