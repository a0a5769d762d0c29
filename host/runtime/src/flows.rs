//! Which version a conversation in progress goes on with.
//!
//! A flow's state belongs to the version that wrote it. When another is bound, a conversation moves over if the new
//! version is the same plugin with the same state schema, or if it takes the state over itself (`migrated`). Else the
//! conversation ends with the version, and the configuration, that it is with; a binding that refused the state, or
//! failed over it, is not asked for it again in that conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_contact::decision::{Answer, ChatAnswer, ChatEvent, FlowAnswer, FlowEvent, Question};
use jackfield_registry::Bound;
use jackfield_types::{Digest, InteractionId};

use crate::breaker::of_host;
use crate::decide::Asking;

/// The conversations of a tenant.
#[derive(Default)]
pub(crate) struct Flows(Mutex<BTreeMap<InteractionId, Conversation>>);

#[derive(Clone)]
struct Conversation {
    /// The version that answered last, which wrote the state.
    by: Arc<Bound>,
    /// The version, and its binding's revision, that did not take the state over.
    refused: Option<(Digest, u64)>,
}

/// The conversation that a question to a flow is about, and the state that comes with it.
fn flow_of(question: &Question) -> Option<(InteractionId, &[u8])> {
    match question {
        Question::Flow(flow) => Some((flow.call.interaction, &flow.state)),
        Question::Chat(chat) => Some((chat.chat.interaction, &chat.state)),
        _ => None,
    }
}

fn is_last(question: &Question) -> bool {
    match question {
        Question::Flow(flow) => flow.event == FlowEvent::Ended,
        Question::Chat(chat) => chat.event == ChatEvent::Ended,
        _ => false,
    }
}

/// Asks to take over the state, which has the schema of another version.
fn migrated(question: &Question, schema: u32) -> Question {
    let mut question = question.clone();
    match &mut question {
        Question::Flow(flow) => flow.event = FlowEvent::Migrated(schema),
        Question::Chat(chat) => chat.event = ChatEvent::Migrated(schema),
        _ => {}
    }
    question
}

fn with_state(question: &Question, taken_over: Vec<u8>) -> Question {
    let mut question = question.clone();
    match &mut question {
        Question::Flow(flow) => flow.state = taken_over,
        Question::Chat(chat) => chat.state = taken_over,
        _ => {}
    }
    question
}

fn binding(bound: &Bound) -> (Digest, u64) {
    (bound.record.digest, bound.record.revision)
}

impl Flows {
    /// The version that is to be asked, and the question with a state that it understands.
    pub(crate) async fn version_for(
        &self,
        asking: &Asking<'_>,
        question: Arc<Question>,
        wanted: &Arc<Bound>,
    ) -> (Arc<Question>, Arc<Bound>) {
        let Some((interaction, state)) = flow_of(&question) else {
            return (question, wanted.clone());
        };
        let known = self.lock().get(&interaction).cloned();
        let Some(Conversation { by: before, refused }) =
            known.filter(|known| known.by.record.digest != wanted.record.digest)
        else {
            return (question, wanted.clone());
        };
        let schema = |bound: &Bound| (bound.record.plugin.clone(), bound.plugin.manifest().state_schema);
        if state.is_empty() || schema(&before) == schema(wanted) {
            return (question, wanted.clone());
        }
        if refused == Some(binding(wanted)) {
            return (question, before);
        }
        let takes_over = migrated(&question, before.plugin.manifest().state_schema);
        let taken = asking.version(Arc::new(takes_over), wanted).await;
        match taken.outcome {
            Ok((Answer::Flow(FlowAnswer { state, .. }) | Answer::Chat(ChatAnswer { state, .. }), _)) => {
                (Arc::new(with_state(&question, state)), wanted.clone())
            }
            Err(failure) if of_host(&failure.code) => (question, before),
            _ => {
                if let Some(known) = self.lock().get_mut(&interaction) {
                    known.refused = Some(binding(wanted));
                }
                (question, before)
            }
        }
    }

    /// Remembers who answered. Only valid answers count: they are what the state is from.
    pub(crate) fn answered(&self, question: &Question, by: &Arc<Bound>) {
        let Some((interaction, _)) = flow_of(question) else {
            return;
        };
        let mut flows = self.lock();
        if is_last(question) {
            flows.remove(&interaction);
        } else {
            let known = flows.entry(interaction);
            let known = known.or_insert_with(|| Conversation {
                by: by.clone(),
                refused: None,
            });
            known.by = by.clone();
        }
    }

    /// Forgets a conversation that is over, however it ended.
    pub(crate) fn over(&self, interaction: InteractionId) {
        self.lock().remove(&interaction);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<InteractionId, Conversation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
