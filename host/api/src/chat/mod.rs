//! What visitors of a chat window meet: no key, but a visitor's token; limits on what one visitor and one address may
//! do; and the rules of browsers about pages of other hosts.

pub(crate) mod cors;
pub(crate) mod flood;
pub(crate) mod frame;
pub(crate) mod socket;
pub(crate) mod sockets;

use jackfield_contact::interaction::Stage;
use jackfield_runtime::{SubmitError, Tenant};
use jackfield_types::InteractionId;

use self::frame::{Standing, StandingName};

/// How a conversation stands, as the customer is told.
pub(crate) async fn standing(tenant: &Tenant, interaction: InteractionId) -> Result<Standing, SubmitError> {
    tenant
        .read(move |centre| {
            let named = |name| Standing { name, agent: None };
            let Some(it) = centre.interaction(interaction) else {
                return named(StandingName::Ended);
            };
            match &it.stage {
                Stage::Flow => named(StandingName::Bot),
                Stage::Queued(_) | Stage::Offered { .. } | Stage::Dialling { .. } => {
                    named(StandingName::Waiting)
                }
                Stage::Ended => named(StandingName::Ended),
                Stage::Talking { agent, .. } => Standing {
                    name: StandingName::Agent,
                    agent: centre.agent(agent).map(|agent| agent.config.name.to_string()),
                },
            }
        })
        .await
}
