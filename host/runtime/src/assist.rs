//! Assisting agents: when a customer writes, what is bound for it is asked what the agent might answer.
//!
//! While the customer is still writing it is told what is written so far, where the chat entry shows it (`typing`).
//!
//! Nobody waits for it. A message is delivered whatever becomes of the suggestions; of one conversation one question is
//! under way at a time, and what happens meanwhile leads to one more; of a tenant, [`AT_ONCE`] are. A failure leaves the
//! agent without suggestions. They are kept in memory, for as long as the agent has the conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jackfield_contact::Centre;
use jackfield_contact::decision::{
    Advice, Answer, AssistQuestion, AssistTrigger, Author, Failure, KnowledgeKind, Message, Provenance,
    Question, Suggestion,
};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Stage;
use jackfield_types::{CustomerId, ExtensionPoint, InteractionId, OpContext, PluginKind, Timestamp, limits};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::decide::{decide_once, failure};
use crate::knowledge::{ArticleUse, Audience, Filling, KnowledgeSearch};
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// Questions of a tenant under way; its other decisions have the rest of its places.
const AT_ONCE: usize = 4;
/// How long suggestions are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of messages that a question holds; older ones are left out.
const MESSAGE_BYTES: usize = 96 * 1024;

/// A suggestion as the agent gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggested {
    /// What the plugin said. An article that it names is there, and for agents.
    pub suggestion: Suggestion,
    /// The kind of the entry of the knowledge base that it names.
    pub entry: Option<KnowledgeKind>,
    /// Of a reply: variables of which nothing is known. They stand in the text as they were.
    pub missing: Vec<String>,
}

/// What is suggested in a conversation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suggestions {
    /// Goes up with every answer; 0 before the first. It begins anew when the server does.
    pub revision: u64,
    /// When it was asked.
    pub at: Timestamp,
    /// Best first; at most 10.
    pub items: Vec<Suggested>,
    /// Which plugin said so.
    pub by: Option<Provenance>,
    /// Why there is nothing.
    pub failure: Option<Failure>,
}

/// Conversations in which an agent is assisted.
pub(crate) struct Assist {
    desks: Mutex<BTreeMap<InteractionId, Desk>>,
    places: Semaphore,
}

struct Desk {
    asking: bool,
    /// Why to ask, or to ask again.
    wanted: Option<AssistTrigger>,
    latest: watch::Sender<Arc<Suggestions>>,
}

impl Default for Assist {
    fn default() -> Self {
        Self {
            desks: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
        }
    }
}

impl Assist {
    fn desks(&self) -> MutexGuard<'_, BTreeMap<InteractionId, Desk>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a question is wanted; whether nobody asks yet.
    fn want(&self, id: InteractionId, trigger: AssistTrigger) -> bool {
        let mut desks = self.desks();
        let desk = desks.entry(id).or_insert_with(Desk::new);
        // Whatever else is wanted tells more than that the customer goes on writing.
        if trigger != AssistTrigger::CustomerTyping || desk.wanted.is_none() {
            desk.wanted = Some(trigger);
        }
        !std::mem::replace(&mut desk.asking, true)
    }

    /// What to ask next; `None`: nothing more.
    fn next(&self, id: InteractionId) -> Option<AssistTrigger> {
        let mut desks = self.desks();
        let desk = desks.get_mut(&id)?;
        let wanted = desk.wanted.take();
        desk.asking = wanted.is_some();
        wanted
    }

    fn show(&self, id: InteractionId, suggestions: Suggestions) {
        if let Some(desk) = self.desks().get(&id) {
            desk.latest.send_modify(|latest| {
                *latest = Arc::new(Suggestions {
                    revision: latest.revision + 1,
                    ..suggestions
                });
            });
        }
    }

    fn listen(&self, id: InteractionId) -> Option<watch::Receiver<Arc<Suggestions>>> {
        self.desks().get(&id).map(|desk| desk.latest.subscribe())
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            asking: false,
            wanted: None,
            latest: watch::Sender::default(),
        }
    }
}

/// Something has happened that is durable: whether there is something to suggest now, or nothing any more.
pub(crate) fn noticed(tenant: &Tenant, centre: &Centre, event: &Event) {
    let (id, trigger) = match event {
        Event::MessageSent {
            interaction, message, ..
        } if message.author == Author::Customer => (*interaction, AssistTrigger::CustomerMessage),
        Event::Connected { interaction, .. } => (*interaction, AssistTrigger::Connected),
        Event::AgentLeft { interaction, .. } | Event::InteractionEnded { interaction, .. } => {
            tenant.inner.assist.desks().remove(interaction);
            return;
        }
        _ => return,
    };
    if is_assisted(tenant, centre, id).is_some() {
        tenant.assist_soon(id, trigger);
    }
}

/// Where to ask, when an agent has the conversation and something is bound for it.
pub(crate) fn is_assisted(tenant: &Tenant, centre: &Centre, id: InteractionId) -> Option<ExtensionPoint> {
    let it = centre.interaction(id)?;
    it.chat.as_ref()?;
    let Stage::Talking { .. } = it.stage else {
        return None;
    };
    let registry = &tenant.inner.shared.registry;
    let own = it.queue.clone().map(ExtensionPoint::QueueAssist);
    own.into_iter()
        .chain([ExtensionPoint::Tenant(PluginKind::AgentAssist)])
        .find(|point| registry.bound(tenant.id(), point).is_some())
}

impl Tenant {
    pub(crate) fn assist_soon(&self, id: InteractionId, trigger: AssistTrigger) {
        if self.inner.assist.want(id, trigger) {
            let tenant = self.clone();
            tokio::spawn(async move {
                while let Some(trigger) = tenant.inner.assist.next(id) {
                    let suggestions = tenant.suggest(id, trigger).await;
                    tenant.inner.assist.show(id, suggestions);
                }
            });
        }
    }

    /// What is suggested to the agent in a conversation. Waits at most so long for something else than `known`.
    pub async fn suggestions(&self, id: InteractionId, known: u64, wait: Duration) -> Arc<Suggestions> {
        let Some(mut latest) = self.inner.assist.listen(id) else {
            return Arc::default();
        };
        // That there is nothing new is an answer too.
        let _ = timeout(wait, latest.wait_for(|latest| latest.revision != known)).await;
        let latest = latest.borrow();
        latest.clone()
    }

    /// Has what is bound asked now, and waits for what it suggests.
    ///
    /// # Errors
    /// `Rejected` with `wrong-state` when no agent has the conversation, and with `no-binding` when nothing is bound.
    pub async fn request_suggestions(&self, id: InteractionId) -> Result<Arc<Suggestions>, SubmitError> {
        let tenant = self.clone();
        let (talks, point) = self
            .read(move |centre| {
                let talks = centre
                    .interaction(id)
                    .is_some_and(|it| it.chat.is_some() && matches!(it.stage, Stage::Talking { .. }));
                (talks, is_assisted(&tenant, centre, id))
            })
            .await?;
        let refused = |code, message: String| {
            Err(SubmitError::Rejected(jackfield_contact::input::Rejected {
                code,
                field: None,
                message,
            }))
        };
        if !talks {
            return refused(
                "wrong-state",
                format!("no agent has the written conversation {id}"),
            );
        }
        if point.is_none() {
            let message =
                "nothing is bound at tenant:agent-assist, nor at the queue's agent-assist".to_owned();
            return refused("wrong-state", message);
        }
        let known = self.suggestions(id, 0, Duration::ZERO).await.revision;
        self.assist_soon(id, AssistTrigger::Requested);
        Ok(self.suggestions(id, known, PATIENCE).await)
    }

    async fn suggest(&self, id: InteractionId, trigger: AssistTrigger) -> Suggestions {
        let at = clock::now();
        let nothing = |failure: Option<Failure>| Suggestions {
            at,
            failure,
            ..Suggestions::default()
        };
        let Ok(_place) = self.inner.assist.places.acquire().await else {
            return nothing(None);
        };
        let asked = match self.assist_question(id, trigger).await {
            Ok(asked) => asked,
            Err(error) => return nothing(Some(failure("unavailable", &error.to_string()))),
        };
        let Some((point, question, customer)) = asked else {
            return nothing(None);
        };
        let queue = question.queue.clone();
        // Else the first question after a start would find that nothing can be searched yet.
        self.be_ready_to_search().await;
        let tenant = self.clone();
        // On its own: what is given up has its receipt all the same.
        let asking = tokio::spawn(async move {
            let question = Question::Assist(Box::new(question));
            decide_once(&tenant, at, &point, question, customer).await
        });
        let (found, by) = match timeout(PATIENCE, asking).await {
            Ok(Ok(Ok((Answer::Assist(found), by)))) => (found, by),
            Ok(Ok(Ok(_))) => {
                return nothing(Some(failure(
                    "invalid-answer",
                    "the answer is no list of suggestions",
                )));
            }
            Ok(Ok(Err(failed))) => {
                tracing::debug!(tenant = %self.id(), %id, ?failed, "no suggestions");
                return nothing(Some(failed));
            }
            Ok(Err(error)) => return nothing(Some(failure("unavailable", &error.to_string()))),
            Err(_) => return nothing(Some(failure("timeout", "no suggestions came in time"))),
        };
        let looking = KnowledgeSearch {
            text: "".into(),
            audience: Audience::Agents,
            queues: Some(queue.into_iter().collect()),
            language: None,
            category: None,
            kind: None,
            at,
            limit: 1,
        };
        let mut items = Vec::with_capacity(found.len());
        for suggestion in found {
            items.extend(self.checked_suggestion(id, suggestion, &looking).await);
        }
        Suggestions {
            revision: 0,
            at,
            items,
            by: Some(by),
            failure: None,
        }
    }

    /// A suggestion with what stands behind it; none when it names an article that isn't there or not for agents.
    async fn checked_suggestion(
        &self,
        id: InteractionId,
        mut suggestion: Suggestion,
        looking: &KnowledgeSearch,
    ) -> Option<Suggested> {
        let ctx = OpContext::system(self.id().clone(), "assist");
        let (mut entry, mut missing) = (None, Vec::new());
        match &mut suggestion.advice {
            Advice::Knowledge(named) => {
                let (found, ..) = self.visible_entry(&ctx, named, looking).await.ok()??;
                if found.kind == KnowledgeKind::Article {
                    self.note_article(&found.id, ArticleUse::Shown);
                }
                entry = Some(found.kind);
            }
            Advice::Reply(text) => {
                let filling = Filling {
                    interaction: Some(id),
                    ..Filling::default()
                };
                let filled = self.fill_known(&ctx, text, &filling).await;
                if let Ok((filled, open)) = filled {
                    (*text, missing) = (filled.into(), open);
                }
            }
            Advice::Next { .. } | Advice::Hint(_) => {}
        }
        Some(Suggested {
            suggestion,
            entry,
            missing,
        })
    }

    async fn assist_question(
        &self,
        id: InteractionId,
        trigger: AssistTrigger,
    ) -> Result<Option<(ExtensionPoint, AssistQuestion, Option<CustomerId>)>, SubmitError> {
        let tenant = self.clone();
        let begun = self.read(move |centre| {
            let point = is_assisted(&tenant, centre, id)?;
            let it = centre.interaction(id)?;
            let Stage::Talking { agent, .. } = &it.stage else {
                return None;
            };
            let chat = it.chat.as_ref()?;
            let question = AssistQuestion {
                interaction: id,
                channel: it.channel,
                agent: agent.clone(),
                queue: it.queue.clone(),
                language: centre.chat_entry(&chat.entry)?.language.clone(),
                trigger,
                messages: Vec::new(),
                typing: None,
                attributes: it.attributes.clone(),
            };
            Some((point, question, it.customer.clone(), chat.messages))
        });
        let Some((point, mut question, customer, latest)) = begun.await? else {
            return Ok(None);
        };
        let ctx = OpContext::system(self.id().clone(), "assist");
        let most = limits::MAX_ASSIST_MESSAGES;
        let after = latest.saturating_sub(u32::try_from(most).unwrap_or(u32::MAX));
        let written = self.messages(&ctx, id, after, most).await?;
        question.typing = self.inner.typing.text(id);
        question.messages = fitting(written.into_iter().map(|stored| stored.message).collect());
        Ok(Some((point, question, customer)))
    }
}

/// The last messages that fit.
fn fitting(mut messages: Vec<Message>) -> Vec<Message> {
    let mut bytes = 0;
    let kept = messages
        .iter()
        .rev()
        .take_while(|message| {
            bytes += message.text.len();
            bytes <= MESSAGE_BYTES
        })
        .count();
    messages.split_off(messages.len() - kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_while_one_asks_leads_to_one_more_question() {
        let assist = Assist::default();
        let id: InteractionId = "0198f000-0000-7000-8000-000000000001".parse().unwrap();
        assert!(assist.want(id, AssistTrigger::Connected));
        assert_eq!(assist.next(id), Some(AssistTrigger::Connected));
        assert!(!assist.want(id, AssistTrigger::CustomerMessage));
        assert!(!assist.want(id, AssistTrigger::Requested));
        assert_eq!(assist.next(id), Some(AssistTrigger::Requested));
        assert_eq!(assist.next(id), None);
        assert!(assist.want(id, AssistTrigger::CustomerMessage));
        assert!(!assist.want(id, AssistTrigger::CustomerTyping));
        assert_eq!(assist.next(id), Some(AssistTrigger::CustomerMessage));
    }

    #[test]
    fn the_latest_messages_are_those_that_are_told() {
        let message = |number: u32, bytes: usize| Message {
            number,
            at: Timestamp(1),
            author: Author::Customer,
            text: "x".repeat(bytes).into(),
        };
        let numbers = |messages: Vec<Message>| messages.iter().map(|m| m.number).collect::<Vec<_>>();
        assert_eq!(numbers(fitting(vec![message(1, 5), message(2, 5)])), [1, 2]);
        assert_eq!(
            numbers(fitting(vec![message(1, MESSAGE_BYTES), message(2, 5)])),
            [2]
        );
        assert_eq!(numbers(fitting(vec![])), [0; 0]);
    }
}
