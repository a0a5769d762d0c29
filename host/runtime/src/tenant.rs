//! The handle to one tenant's loop.

use std::sync::Arc;

use jackfield_contact::Centre;
use jackfield_contact::input::{Input, Rejected};
use jackfield_store::{Error as StoreError, Space, Tx};
use jackfield_types::{AgentId, E164, OpContext, TenantId};
use jackfield_voice::{Ha1, RegisteredPhone};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::assist::Assist;
use crate::attachments::AttachmentState;
use crate::breaker::Breakers;
use crate::cases::CaseState;
use crate::ceilings::Lowered;
use crate::centre_loop::{Message, Reply, Report};
use crate::channels::Channels;
use crate::chats::Listeners;
use crate::customers::CustomerState;
use crate::greetings::Greetings;
use crate::history::JournalEntry;
use crate::knowledge::Knowledge;
use crate::metering::Meter;
use crate::platform::Shared;
use crate::typing::Typing;
use crate::{SubmitError, directory};

pub(crate) const NUMBER_OWNERS: Space = Space::new("number-owners");
pub(crate) const PHONE_SECRETS: Space = Space::new("phone-secrets");

/// The handle to one tenant's loop. Cheap to clone.
#[derive(Clone)]
pub struct Tenant {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) id: TenantId,
    pub(crate) shared: Arc<Shared>,
    /// Requests and calls; bounded.
    pub(crate) inbox: mpsc::Sender<Message>,
    /// What legs and plugins report; as many as there are legs and questions under way, which are bounded.
    pub(crate) reports: mpsc::UnboundedSender<Report>,
    pub(crate) entries: broadcast::Sender<Arc<JournalEntry>>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) breakers: Breakers,
    pub(crate) ceilings: Lowered,
    pub(crate) listeners: Listeners,
    pub(crate) customers: CustomerState,
    pub(crate) cases: CaseState,
    pub(crate) channels: Channels,
    pub(crate) knowledge: Knowledge,
    pub(crate) assist: Assist,
    pub(crate) typing: Typing,
    pub(crate) attachments: AttachmentState,
    /// Held while rules are asked about a call that is then made, so that of two at once the second sees the first.
    pub(crate) calling: tokio::sync::Mutex<()>,
    pub(crate) greetings: Greetings,
    /// Held by a replay: one at a time.
    pub(crate) replaying: tokio::sync::Mutex<()>,
}

impl Tenant {
    /// The tenant's id.
    pub fn id(&self) -> &TenantId {
        &self.inner.id
    }

    /// Hands an input to the core. `Ok`: its events are durable.
    ///
    /// A number is claimed for the tenant before it is set, since it must be unique in the deployment: a number of
    /// another tenant answers `Rejected` with code `in-use`.
    pub async fn submit(&self, input: Input) -> Result<(), SubmitError> {
        self.submit_and(input, |_| ()).await
    }

    /// The same, and looks at the core's state as soon as the input's events are durable. A [`read`](Self::read) after it
    /// would wait for the commit of what came meanwhile.
    pub async fn submit_and<R: Send + 'static>(
        &self,
        input: Input,
        look: impl FnOnce(&Centre) -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        match &input {
            Input::SetNumber(config) => {
                let number = config.number.clone();
                let new = self.claim(&number).await?;
                let done = self.send(input, look).await;
                match &done {
                    Ok(_) => self.inner.shared.directory.add_number(&number, &self.inner.id),
                    Err(SubmitError::Rejected(_)) if new => self.release(&number).await?,
                    Err(_) => {}
                }
                done
            }
            Input::RemoveNumber(number) => {
                let number = number.clone();
                let done = self.send(input, look).await?;
                self.inner.shared.directory.remove_number(&number);
                self.release(&number).await?;
                Ok(done)
            }
            _ => self.send(input, look).await,
        }
    }

    async fn send<R: Send + 'static>(
        &self,
        input: Input,
        look: impl FnOnce(&Centre) -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let reply: Reply = Box::new(move |done: Result<&Centre, SubmitError>| {
            let _ = reply.send(done.map(look));
        });
        self.try_send(Message::Input {
            input: Box::new(input),
            reply: Some(reply),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(crate) fn try_send(&self, message: Message) -> Result<(), SubmitError> {
        self.inner.inbox.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }

    pub(crate) fn report(&self, report: Report) {
        // A loop that has stopped needs no reports.
        let _ = self.inner.reports.send(report);
    }

    /// Looks at the core's state, between two commits: at what is durable.
    pub async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Centre) -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |centre: &Centre| {
            let _ = reply.send(look(centre));
        });
        self.try_send(Message::Read(look))?;
        answer.await.map_err(|_| stopped())
    }

    /// What becomes durable from now on. A receiver that falls more than 4,096 entries behind is told so and goes on
    /// from the journal.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<JournalEntry>> {
        self.inner.entries.subscribe()
    }

    /// The registered phones.
    pub fn phones(&self) -> Vec<RegisteredPhone> {
        self.inner
            .shared
            .voice()
            .map_or_else(Vec::new, |voice| voice.registered_phones(&self.inner.id))
    }

    /// Sets the password of an agent's phone. Only a digest of it is stored.
    pub async fn set_phone_secret(
        &self,
        ctx: &OpContext,
        agent: &AgentId,
        password: &str,
    ) -> Result<(), SubmitError> {
        if !(8..=128).contains(&password.len()) {
            let message = "password: expected 8 to 128 bytes".into();
            return Err(Rejected {
                code: "invalid-config",
                field: Some("password"),
                message,
            }
            .into());
        }
        let wanted = agent.clone();
        if !self.read(move |centre| centre.agent(&wanted).is_some()).await? {
            let message = format!("there is no agent {agent}; make the agent first");
            return Err(Rejected {
                code: "unknown-agent",
                field: None,
                message,
            }
            .into());
        }
        let secret = Ha1::new(&self.inner.id, agent, password);
        let tx = Tx::new().put(PHONE_SECRETS, agent.as_str(), secret.to_string());
        self.inner.shared.store.commit(ctx, tx).await?;
        self.inner
            .shared
            .directory
            .set_secret(&self.inner.id, agent, secret);
        Ok(())
    }

    /// Claims a number; whether it was free before.
    async fn claim(&self, number: &E164) -> Result<bool, SubmitError> {
        let ctx = directory::platform();
        let store = &self.inner.shared.store;
        let tx = Tx::new().check_absent(NUMBER_OWNERS, number.as_str()).put(
            NUMBER_OWNERS,
            number.as_str(),
            self.inner.id.as_str(),
        );
        match store.commit(&ctx, tx).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => {
                let owner = store.get(&ctx, NUMBER_OWNERS, number.as_str().as_bytes()).await?;
                if owner.is_some_and(|owner| owner.value == self.inner.id.as_str().as_bytes()) {
                    return Ok(false);
                }
                let message = format!("number {number} is not free in this deployment; choose another");
                Err(Rejected {
                    code: "in-use",
                    field: Some("number"),
                    message,
                }
                .into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn release(&self, number: &E164) -> Result<(), SubmitError> {
        let tx = Tx::new().delete(NUMBER_OWNERS, number.as_str());
        self.inner.shared.store.commit(&directory::platform(), tx).await?;
        Ok(())
    }
}

fn stopped() -> SubmitError {
    SubmitError::Unavailable("the tenant's loop has stopped; see the log of the server".into())
}
