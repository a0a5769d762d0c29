//! Which version a conversation in progress goes on with.
//!
//! A flow's state belongs to the version that wrote it. When another is bound, a conversation moves over if the new
//! version is the same plugin with the same state schema, or if it takes the state over itself (`migrated`). Else the
//! conversation ends with the version, and the configuration, that it is with; a binding that refused the state, or
//! failed over it, is not asked for it again in that conversation.
//!
//! Which version that is follows from the journal, so a restart changes nothing: it is found among what is bound, and what was
//! bound there before. When it can't be loaded any more, and the present one does not take the state over, the flow has
//! failed, and the customer goes to the default queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_contact::Centre;
use jackfield_contact::decision::{
    Answer, ChatAnswer, ChatEvent, Failure, FlowAnswer, FlowEvent, Provenance, Question,
};
use jackfield_registry::Bound;
use jackfield_types::{Digest, InteractionId, OpContext};

use crate::breaker::of_host;
use crate::decide::{Asking, failure};

/// The conversations of a tenant.
#[derive(Default)]
pub(crate) struct Flows(Mutex<BTreeMap<InteractionId, Known>>);

#[derive(Clone)]
enum Known {
    /// It was answered since the start.
    Here {
        /// The version that answered last, which wrote the state.
        by: Arc<Bound>,
        /// The version, and its binding's revision, that did not take the state over.
        refused: Option<(Digest, u64)>,
    },
    /// It was answered by this version before the start, as the journal says.
    Before(Provenance),
}

impl Known {
    fn of(by: &Arc<Bound>) -> Self {
        Self::Here {
            by: by.clone(),
            refused: None,
        }
    }
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

/// Who wrote the state of a conversation.
enum Writer {
    /// A version that can be asked.
    Loaded(Arc<Bound>),
    /// One that was never bound here by itself, or can't be loaded any more.
    Gone {
        by: Provenance,
        /// Its state's schema, when its component is still known.
        schema: Option<u32>,
    },
}

impl Writer {
    fn is(&self, bound: &Bound) -> bool {
        let digest = match self {
            Self::Loaded(by) => by.record.digest,
            Self::Gone { by, .. } => by.digest,
        };
        digest == bound.record.digest
    }

    fn schema(&self) -> Option<u32> {
        match self {
            Self::Loaded(by) => Some(by.plugin.manifest().state_schema),
            Self::Gone { schema, .. } => *schema,
        }
    }

    fn shares_state_with(&self, bound: &Bound) -> bool {
        let plugin = match self {
            Self::Loaded(by) => &by.record.plugin,
            Self::Gone { by, .. } => &by.plugin,
        };
        *plugin == bound.record.plugin && self.schema() == Some(bound.plugin.manifest().state_schema)
    }
}

/// The version that the journal names, among what is bound and what was.
async fn found_again(asking: &Asking<'_>, by: &Provenance, wanted: &Arc<Bound>) -> Writer {
    let digest = by.digest;
    let candidate = wanted.candidate.as_ref().map(|candidate| &candidate.bound);
    let at_hand = [Some(wanted), wanted.previous.as_ref(), candidate];
    if let Some(bound) = at_hand
        .into_iter()
        .flatten()
        .find(|bound| bound.record.digest == digest)
    {
        return Writer::Loaded(bound.clone());
    }
    let registry = &asking.tenant.inner.shared.registry;
    let ctx = OpContext::system(asking.tenant.id().clone(), "runtime");
    match registry.was_bound(&ctx, asking.point, digest).await {
        Ok(Some(bound)) => return Writer::Loaded(bound),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(plugin = %by.plugin, version = %by.version, %error, "a conversation's version can't be loaded")
        }
    }
    let known = registry.version(&ctx, &by.plugin, Some(&by.version)).await.ok();
    let known = known.filter(|(record, _)| record.digest == digest);
    Writer::Gone {
        by: by.clone(),
        schema: known.map(|(_, plugin)| plugin.manifest().state_schema),
    }
}

impl Flows {
    /// Conversations that were begun before this start, with the versions that the journal says they are with.
    pub(crate) fn of(centre: &Centre) -> Self {
        let written = centre.interactions().filter_map(|it| {
            let by = it.chat.as_ref()?.written_by()?;
            Some((it.id, Known::Before(by.clone())))
        });
        Self(Mutex::new(written.collect()))
    }

    /// The version that is to be asked, and the question with a state that it understands.
    ///
    /// # Errors
    /// The version that wrote the state is gone, and the present one does not take it over.
    pub(crate) async fn version_for(
        &self,
        asking: &Asking<'_>,
        question: Arc<Question>,
        wanted: &Arc<Bound>,
    ) -> Result<(Arc<Question>, Arc<Bound>), Failure> {
        let Some((interaction, state)) = flow_of(&question) else {
            return Ok((question, wanted.clone()));
        };
        let known = self.lock().get(&interaction).cloned();
        let (before, refused) = match known {
            _ if state.is_empty() => return Ok((question, wanted.clone())),
            None => return Ok((question, wanted.clone())),
            Some(Known::Here { by, refused }) => (Writer::Loaded(by), refused),
            Some(Known::Before(by)) => {
                let found = found_again(asking, &by, wanted).await;
                if let Writer::Loaded(by) = &found {
                    self.lock().insert(interaction, Known::of(by));
                }
                (found, None)
            }
        };
        if before.is(wanted) || before.shares_state_with(wanted) {
            return Ok((question, wanted.clone()));
        }
        if let (true, Writer::Loaded(before)) = (refused == Some(binding(wanted)), &before) {
            return Ok((question, before.clone()));
        }
        let taken = match before.schema() {
            Some(schema) => {
                let takes_over = Arc::new(migrated(&question, schema));
                asking.version(takes_over, wanted).await.outcome
            }
            None => Err(failure("unavailable", "nothing is known of it")),
        };
        match (taken, before) {
            (Ok((Answer::Flow(FlowAnswer { state, .. }) | Answer::Chat(ChatAnswer { state, .. }), _)), _) => {
                Ok((Arc::new(with_state(&question, state)), wanted.clone()))
            }
            (Err(failure), Writer::Loaded(before)) if of_host(&failure.code) => Ok((question, before)),
            (_, Writer::Loaded(before)) => {
                if let Some(Known::Here { refused, .. }) = self.lock().get_mut(&interaction) {
                    *refused = Some(binding(wanted));
                }
                Ok((question, before))
            }
            (_, Writer::Gone { by, .. }) => {
                let (present, now) = (&wanted.record.plugin, &wanted.record.version);
                let message = format!(
                    "{} {}, with which the conversation was, can't be loaded, and {present} {now} does not take its \
                     state over",
                    by.plugin, by.version
                );
                Err(failure("unavailable", &message))
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
            match flows.get_mut(&interaction) {
                Some(Known::Here { by: known, .. }) => known.clone_from(by),
                _ => drop(flows.insert(interaction, Known::of(by))),
            }
        }
    }

    /// Forgets a conversation that is over, however it ended.
    pub(crate) fn over(&self, interaction: InteractionId) {
        self.lock().remove(&interaction);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<InteractionId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
