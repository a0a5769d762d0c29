//! What customers are writing and have not sent yet: shown to the agent who has the conversation, and told to what assists the
//! agent. It is in memory alone, for a few seconds, and never longer than the agent has the conversation; nothing of it is
//! journaled. The text is kept only where the chat entry says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jackfield_contact::decision::{AssistTrigger, Author};
use jackfield_contact::event::Event;
use jackfield_contact::input::Rejected;
use jackfield_contact::interaction::Stage;
use jackfield_types::{InteractionId, Timestamp, limits};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::assist::is_assisted;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// How long it is shown, unless it is said again.
const SHOWN_MS: u64 = 5_000;
/// Conversations of a tenant in which it is shown at once; in more it is not.
const MAX_SHOWN: usize = 1_000;

/// Whether the customer of a conversation is writing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerTyping {
    /// Goes up with every change; 0 before the first. It begins anew with every agent, and when the server does.
    pub revision: u64,
    /// Until when it is taken for so, unless it is said again; none: the customer is not writing.
    pub until: Option<Timestamp>,
    /// What is written so far and not sent, at most 8,192 bytes; none where the chat entry does not show it.
    pub text: Option<Arc<str>>,
}

type Shown = BTreeMap<InteractionId, watch::Sender<CustomerTyping>>;

/// Who is writing.
#[derive(Default)]
pub(crate) struct Typing(Mutex<State>);

#[derive(Default)]
struct State {
    shown: Shown,
    /// Whether somebody sees to it that what is too old goes.
    swept: bool,
}

impl Typing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows it; whether somebody has to sweep from now on.
    fn show(&self, id: InteractionId, until: Timestamp, text: Option<Arc<str>>) -> bool {
        let mut state = self.state();
        let Some(shown) = place(&mut state.shown, id) else {
            return false;
        };
        change(shown, Some(until), text);
        !std::mem::replace(&mut state.swept, true)
    }

    /// Takes away what is too old; when to look again.
    fn sweep(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        let mut next: Option<Timestamp> = None;
        state.shown.retain(|_, shown| {
            let until = shown.borrow().until;
            match until {
                Some(until) if until > now => next = Some(next.map_or(until, |next| next.min(until))),
                Some(_) => change(shown, None, None),
                None => {}
            }
            shown.borrow().until.is_some() || shown.receiver_count() > 0
        });
        state.swept = next.is_some();
        next
    }

    fn listen(&self, id: InteractionId) -> Option<watch::Receiver<CustomerTyping>> {
        place(&mut self.state().shown, id).map(|shown| shown.subscribe())
    }

    /// What is written and not sent.
    pub(crate) fn text(&self, id: InteractionId) -> Option<Arc<str>> {
        self.state().shown.get(&id)?.borrow().text.clone()
    }

    /// Something is durable: what was being written is sent, or it is no longer the agent's to see.
    pub(crate) fn noticed(&self, event: &Event) {
        match event {
            Event::MessageSent {
                interaction, message, ..
            } if message.author == Author::Customer => {
                let state = self.state();
                let shown = state.shown.get(interaction);
                if let Some(shown) = shown.filter(|shown| shown.borrow().until.is_some()) {
                    change(shown, None, None);
                }
            }
            Event::AgentLeft { interaction, .. } | Event::InteractionEnded { interaction, .. } => {
                self.state().shown.remove(interaction);
            }
            _ => {}
        }
    }
}

/// The place of a conversation; none when there are too many.
fn place(shown: &mut Shown, id: InteractionId) -> Option<&watch::Sender<CustomerTyping>> {
    if !shown.contains_key(&id) && shown.len() >= MAX_SHOWN {
        shown.retain(|_, shown| shown.borrow().until.is_some() || shown.receiver_count() > 0);
        if shown.len() >= MAX_SHOWN {
            return None;
        }
    }
    Some(shown.entry(id).or_default())
}

fn change(shown: &watch::Sender<CustomerTyping>, until: Option<Timestamp>, text: Option<Arc<str>>) {
    shown.send_modify(|shown| {
        *shown = CustomerTyping {
            revision: shown.revision + 1,
            until,
            text,
        };
    });
}

impl Tenant {
    /// The customer of a conversation is writing: its agent is shown so for five seconds, and what assists the agent is told
    /// the text. Nothing happens while no agent has the conversation.
    ///
    /// # Errors
    /// `invalid-message` when the text is too long.
    pub async fn customer_types(&self, id: InteractionId, text: Option<Arc<str>>) -> Result<(), SubmitError> {
        let most = limits::MAX_MESSAGE_BYTES;
        if let Some(found) = text.as_ref().map(|text| text.len()).filter(|found| *found > most) {
            return Err(SubmitError::Rejected(Rejected {
                code: "invalid-message",
                field: Some("text"),
                message: format!("text: {found} bytes: expected at most {most}"),
            }));
        }
        let tenant = self.clone();
        let seen = self.read(move |centre| {
            let it = centre.interaction(id)?;
            let entry = centre.chat_entry(&it.chat.as_ref()?.entry)?;
            let Stage::Talking { .. } = it.stage else {
                return None;
            };
            Some((entry.typing_preview, is_assisted(&tenant, centre, id).is_some()))
        });
        let Some((preview, assisted)) = seen.await? else {
            return Ok(());
        };
        let text = text.filter(|text| preview && !text.is_empty());
        let tells = text.is_some() && text != self.inner.typing.text(id);
        if self.inner.typing.show(id, clock::now() + SHOWN_MS, text) {
            let tenant = self.clone();
            tokio::spawn(async move {
                while let Some(next) = tenant.inner.typing.sweep(clock::now()) {
                    tokio::time::sleep(Duration::from_millis(next.since(clock::now()) + 1)).await;
                }
            });
        }
        if tells && assisted {
            self.assist_soon(id, AssistTrigger::CustomerTyping);
        }
        Ok(())
    }

    /// Whether the customer of a conversation is writing, for the agent who has it. Waits at most so long for something else
    /// than `known`.
    pub async fn customer_typing(&self, id: InteractionId, known: u64, wait: Duration) -> CustomerTyping {
        let Some(mut latest) = self.inner.typing.listen(id) else {
            return CustomerTyping::default();
        };
        let waited = timeout(wait, latest.wait_for(|latest| latest.revision != known)).await;
        if matches!(waited, Ok(Err(_))) {
            // The agent has let the conversation go.
            return CustomerTyping::default();
        }
        drop(waited);
        // That there is nothing new is an answer too.
        let latest = latest.borrow();
        latest.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> InteractionId {
        InteractionId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn what_was_not_said_again_goes_and_so_does_its_text() {
        let typing = Typing::default();
        assert!(
            typing.show(id(1), Timestamp(5_000), Some("how".into())),
            "somebody has to sweep"
        );
        assert!(!typing.show(id(2), Timestamp(7_000), None));
        let watched = typing.listen(id(1)).unwrap();
        assert_eq!(typing.sweep(Timestamp(4_999)), Some(Timestamp(5_000)));
        assert_eq!(typing.text(id(1)).as_deref(), Some("how"));
        assert_eq!(typing.sweep(Timestamp(5_000)), Some(Timestamp(7_000)));
        assert_eq!(
            *watched.borrow(),
            CustomerTyping {
                revision: 2,
                until: None,
                text: None
            }
        );
        drop(watched);
        assert_eq!(typing.sweep(Timestamp(7_000)), None);
        assert!(typing.state().shown.is_empty(), "nothing is left of it");
        assert!(typing.show(id(1), Timestamp(9_000), None), "it begins anew");
    }

    #[test]
    fn there_are_only_so_many() {
        let typing = Typing::default();
        for number in 0..MAX_SHOWN as u128 {
            typing.show(id(number), Timestamp(5_000), Some("x".into()));
        }
        typing.show(id(9_999_999), Timestamp(5_000), Some("x".into()));
        assert_eq!(typing.text(id(9_999_999)), None, "it is not shown");
        assert!(typing.listen(id(9_999_999)).is_none());
        typing.sweep(Timestamp(5_000));
        typing.show(id(9_999_999), Timestamp(9_000), Some("x".into()));
        assert_eq!(typing.text(id(9_999_999)).as_deref(), Some("x"));
    }
}
