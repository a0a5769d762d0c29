//! Which version a conversation in progress goes on with.
//!
//! A flow's state belongs to the version that wrote it. When another is bound, a conversation moves over if the new
//! version is the same plugin with the same state schema, or if it takes the state over itself (`migrated`). Else the
//! conversation ends with the version, and the configuration, that it is with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_contact::decision::{Answer, FlowEvent, FlowQuestion, Question};
use jackfield_registry::Bound;
use jackfield_types::InteractionId;

use crate::decide::Asking;

/// The version that answered last in each conversation of a tenant.
#[derive(Default)]
pub(crate) struct Flows(Mutex<BTreeMap<InteractionId, Arc<Bound>>>);

impl Flows {
    /// The version that is to be asked, and the question with a state that it understands.
    pub(crate) async fn version_for(
        &self,
        asking: &Asking<'_>,
        question: Arc<Question>,
        wanted: &Arc<Bound>,
    ) -> (Arc<Question>, Arc<Bound>) {
        let Question::Flow(flow) = &*question else {
            return (question, wanted.clone());
        };
        let before = self.lock().get(&flow.call.interaction).cloned();
        let Some(before) = before.filter(|before| before.record.digest != wanted.record.digest) else {
            return (question, wanted.clone());
        };
        let schema = |bound: &Bound| (bound.record.plugin.clone(), bound.plugin.manifest().state_schema);
        if flow.state.is_empty() || schema(&before) == schema(wanted) {
            return (question, wanted.clone());
        }
        let old_schema = before.plugin.manifest().state_schema;
        let takes_over = FlowQuestion {
            event: FlowEvent::Migrated(old_schema),
            ..(**flow).clone()
        };
        let taken = asking
            .version(Arc::new(Question::Flow(Box::new(takes_over))), wanted)
            .await;
        match taken.outcome {
            Ok((Answer::Flow(answer), _)) => {
                let goes_on = FlowQuestion {
                    state: answer.state,
                    ..(**flow).clone()
                };
                (Arc::new(Question::Flow(Box::new(goes_on))), wanted.clone())
            }
            _ => (question, before),
        }
    }

    /// Remembers who answered. Only valid answers count: they are what the state is from.
    pub(crate) fn answered(&self, question: &Question, by: &Arc<Bound>) {
        let Question::Flow(flow) = question else { return };
        let mut flows = self.lock();
        if flow.event == FlowEvent::Ended {
            flows.remove(&flow.call.interaction);
        } else {
            flows.insert(flow.call.interaction, by.clone());
        }
    }

    /// Forgets a conversation that is over, however it ended.
    pub(crate) fn over(&self, interaction: InteractionId) {
        self.lock().remove(&interaction);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<InteractionId, Arc<Bound>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
