//! Calls that agents make. The outbound rules are asked first, and it fails closed: a call is made only when they allow it
//! now, and only once that stands in the journal. It counts for their caps from that moment on.

use jackfield_contact::decision::{Ruling, Verdict};
use jackfield_contact::input::Input;
use jackfield_contact::interaction::Outgoing;
use jackfield_types::{Channel, CustomerId, E164, InteractionId};

use crate::SubmitError;
use crate::outbound::{OutboundCheck, OutboundError};
use crate::tenant::Tenant;

/// A call that an agent wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallWanted {
    /// Whom.
    pub callee: E164,
    /// The tenant's number that the customer sees.
    pub number: E164,
    /// Who calls, in the name of which queue, and what for.
    pub outgoing: Outgoing,
}

/// Why a call was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no way out.
    #[error(
        "this deployment has no trunk, so nobody can be called: the operator names one (jackfield serve --sip-trunk)"
    )]
    NoTrunk,
    /// The rules don't allow it now.
    #[error("the outbound rules don't allow it now: {reason}{next}", reason = .0.reason, next = permitted(.0))]
    NotAllowed(Ruling),
    /// They could not be asked.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The agent can't call, or nothing can be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

fn permitted(ruling: &Ruling) -> String {
    let at = ruling.next_permitted_at;
    let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at.0.try_into().ok()?).ok());
    at.map_or_else(String::new, |at| format!("; ask again at {at}"))
}

impl Tenant {
    /// Calls a customer for an agent: first the agent's phone rings, then the customer's. `Ok`: the agent's phone is called.
    ///
    /// # Errors
    /// Nobody was called.
    pub async fn call(&self, wanted: CallWanted) -> Result<InteractionId, CallError> {
        let CallWanted {
            callee,
            number,
            outgoing,
        } = wanted;
        let _one_at_a_time = self.inner.calling.lock().await;
        let (own, asked) = (number.clone(), outgoing.clone());
        // A wish that can't be fulfilled needs no rule.
        let able = self.read(move |centre| centre.may_call(&own, &asked)).await?;
        able.map_err(SubmitError::from)?;
        if !self.inner.shared.voice().is_some_and(|voice| voice.has_trunk()) {
            return Err(CallError::NoTrunk);
        }
        let check = OutboundCheck {
            number: callee.clone(),
            channel: Channel::Voice,
            purpose: outgoing.purpose.to_string(),
            campaign: outgoing.campaign.clone(),
            jurisdiction: None,
            consent: None,
            zones: Vec::new(),
            holidays: Vec::new(),
            at: None,
            attempts: Vec::new(),
        };
        let ruling = self.check_outbound(check).await?.ruling;
        if ruling.verdict != Verdict::Allow {
            return Err(CallError::NotAllowed(ruling));
        }
        let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
        let customer = CustomerId::new(&format!("tel:{callee}")).ok();
        let calls = Input::AgentCalls {
            interaction,
            callee,
            number,
            customer,
            outgoing,
        };
        self.submit(calls).await?;
        Ok(interaction)
    }
}
