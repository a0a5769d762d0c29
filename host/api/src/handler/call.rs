//! Calls that agents make.

use std::fmt::Display;

use axum::http::StatusCode;
use jackfield_contact::interaction::Outgoing;
use jackfield_runtime::{CallError, CallWanted};
use jackfield_types::{AgentId, CampaignId, CustomerId, E164, InteractionId, QueueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interaction::{InteractionView, SEES_ALL, STEERS_ALL, find};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::Json;

/// A call that an agent wants to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"about": "019b76da-0000-7000-8000-000000000000", "purpose": "requested-callback"}))]
pub struct CallBody {
    /// The agent who calls, whose phone rings first. An agent's own key needs not say it.
    #[schema(value_type = Option<String>)]
    pub agent: Option<AgentId>,
    /// The interaction that it is about, when it is a call back.
    #[schema(value_type = Option<String>)]
    pub about: Option<InteractionId>,
    /// Whom: the customer's id or address. Left out: the customer of `about`.
    #[schema(value_type = Option<String>)]
    pub customer: Option<CustomerId>,
    /// The number to be called, E.164. Left out: the only one that is known of the customer.
    #[schema(value_type = Option<String>)]
    pub number: Option<E164>,
    /// The tenant's number that the customer sees. Left out: the only one that the tenant has.
    #[schema(value_type = Option<String>)]
    pub from: Option<E164>,
    /// In the name of which of the agent's queues: it says whether the call is recorded and how long the work after it may
    /// take. Left out: that of `about`, else the only one of the agent.
    #[schema(value_type = Option<String>)]
    pub queue: Option<QueueId>,
    /// What for, as the outbound rules are asked: `requested-callback`, `service`…; 1 to 64 bytes.
    pub purpose: String,
    /// The campaign that it belongs to: its rules are asked before the tenant's.
    #[schema(value_type = Option<String>)]
    pub campaign: Option<CampaignId>,
}

/// What only a call has that an agent makes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OutgoingView {
    /// Who calls.
    pub agent: String,
    /// What for.
    pub purpose: String,
    /// The campaign that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The interaction that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl From<&Outgoing> for OutgoingView {
    fn from(outgoing: &Outgoing) -> Self {
        Self {
            agent: outgoing.agent.to_string(),
            purpose: outgoing.purpose.to_string(),
            campaign: outgoing.campaign.as_ref().map(ToString::to_string),
            about: outgoing.about.map(|about| about.to_string()),
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        match error {
            CallError::NoTrunk => Self::conflict("no-trunk", detail),
            CallError::NotAllowed(_) => Self::conflict("not-allowed", detail),
            CallError::Outbound(error) => error.into(),
            CallError::Submit(error) => error.into(),
        }
    }
}

/// Of several, those that a refusal names.
const NAMED: usize = 10;

/// The one of them; else which field has to say it, and what there is.
fn only<T: Display>(mut all: Vec<T>, field: &str, whose: &str, what: &str) -> Result<T, Problem> {
    match (all.len(), all.pop()) {
        (1, Some(one)) => Ok(one),
        (many, Some(last)) => {
            let named = all.iter().chain([&last]).take(NAMED).map(ToString::to_string);
            let named = named.collect::<Vec<_>>().join(", ");
            let more = if many > NAMED { "…" } else { "" };
            let detail = format!("{field}: {whose} has {many} {what}s, {named}{more}: say which");
            Err(Problem::invalid(field, detail))
        }
        (_, None) => Err(Problem::invalid(field, format!("{field}: {whose} has no {what}"))),
    }
}

async fn wanted(who: &InTenant, body: CallBody) -> Result<CallWanted, Problem> {
    let agent = match (who.only_agent(STEERS_ALL)?, body.agent) {
        (Some(own), Some(agent)) if own != agent => return Err(Problem::forbidden(STEERS_ALL)),
        (Some(own), _) => own,
        (None, Some(agent)) => agent,
        (None, None) => return Err(Problem::invalid("agent", "agent: say whose phone rings first")),
    };
    let about = match body.about {
        Some(about) => Some(find(who, about, SEES_ALL).await?),
        None => None,
    };
    let (caller, own_queues) = (agent.clone(), body.queue.is_none());
    let (numbers, queues) = who
        .tenant
        .read(move |centre| {
            let numbers: Vec<_> = centre.numbers().map(|known| known.number.clone()).collect();
            let queues = centre.agent(&caller).filter(|_| own_queues);
            (
                numbers,
                queues.map_or_else(Vec::new, |agent| agent.config.queues.iter().cloned().collect()),
            )
        })
        .await?;
    let queue = body
        .queue
        .or_else(|| about.as_ref().and_then(|about| about.queue.clone()));
    let queue = match queue {
        Some(queue) => queue,
        None => only(queues, "queue", "the agent", "queue")?,
    };
    let number = match body.from {
        Some(number) => number,
        None => only(numbers, "from", "the tenant", "number")?,
    };
    let customer = body
        .customer
        .or_else(|| about.as_ref().and_then(|about| about.customer.clone()));
    let callee = match (body.number, customer) {
        (Some(callee), _) => callee,
        (None, None) => {
            let detail = "number: say whom to call, by a number, a customer or what it is about";
            return Err(Problem::invalid("number", detail));
        }
        (None, Some(customer)) => {
            let row = who.tenant.customer(&who.ctx, &customer).await?;
            let row =
                row.ok_or_else(|| Problem::not_found("customer", &customer).unprocessable("customer"))?;
            let known = row.identities.iter().filter_map(|identity| identity.number());
            only(known.collect(), "number", "the customer", "number")?
        }
    };
    let outgoing = Outgoing {
        agent,
        queue,
        purpose: body.purpose.into(),
        campaign: body.campaign,
        about: body.about,
    };
    Ok(CallWanted {
        callee,
        number,
        outgoing,
    })
}

/// Calls a customer for an agent: the agent's phone rings first, then the customer's. The outbound rules are asked before,
/// as in `/v1/outbound/checks`; unless they allow it now, nobody is called (409 `not-allowed`). The call counts for their
/// caps. An agent's own key calls for that agent alone.
#[utoipa::path(post, path = "", tag = "calls", request_body = CallBody, responses((status = 201, body = InteractionView)))]
pub(crate) async fn make_call(
    who: InTenant,
    Json(body): Json<CallBody>,
) -> Result<(StatusCode, Json<InteractionView>), Problem> {
    let wanted = wanted(&who, body).await?;
    let interaction = who.tenant.call(wanted).await?;
    let made = find(&who, interaction, SEES_ALL).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
