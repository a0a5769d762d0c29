//! A plugin's decision as the journal tells it.

use jackfield_contact::decision::{Failure, Provenance};
use jackfield_contact::event::Event;
use jackfield_types::PluginKind;
use serde::Serialize;

/// One decision of a plugin.
pub(super) struct Decision<'a> {
    pub(super) kind: PluginKind,
    pub(super) result: Result<&'a Provenance, Failed<'a>>,
}

/// A decision that came to nothing.
pub(super) struct Failed<'a> {
    pub(super) failure: &'a Failure,
    /// What was done instead.
    pub(super) fallback: &'a str,
}

impl<'a> Decision<'a> {
    /// The decision that an event tells of.
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        let (kind, result) = match event {
            Event::FlowDecided { by, .. } => (PluginKind::VoiceFlow, Ok(by)),
            Event::Offered { by, .. } => (PluginKind::RoutingStrategy, Ok(by.as_ref()?)),
            Event::Evaluated { by, .. } => (PluginKind::QaScorecard, Ok(by)),
            Event::Tagged { by, .. } => (PluginKind::TagGenerator, Ok(by)),
            Event::DecisionFailed {
                kind,
                failure,
                fallback,
                ..
            } => (*kind, Err(Failed { failure, fallback })),
            _ => return None,
        };
        Some(Self { kind, result })
    }
}

/// The name that a value of an enum has in the journal's JSON, without what it holds.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(fields)) => fields
            .into_iter()
            .next()
            .map_or_else(String::new, |(word, _)| word),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::FlowEvent;
    use jackfield_contact::event::AbandonStage;

    use super::*;

    #[test]
    fn words_leave_out_what_the_caller_entered() {
        assert_eq!(word(&AbandonStage::Ringing), "ringing");
        assert_eq!(word(&FlowEvent::Started), "started");
        assert_eq!(word(&FlowEvent::Digits("4711".into())), "digits");
    }
}
