use super::Event;

impl Event {
    /// What `type` can be.
    pub const TYPES: [&str; 51] = [
        "queue-set",
        "queue-removed",
        "number-set",
        "number-removed",
        "chat-entry-set",
        "chat-entry-removed",
        "agent-set",
        "agent-removed",
        "agent-state-requested",
        "agent-state-changed",
        "interaction-started",
        "customer-dialled",
        "flow-decided",
        "message-sent",
        "messages-read",
        "message-delivery",
        "attachment-fetched",
        "attachment-opened",
        "unanswered",
        "chat-decided",
        "chat-continued",
        "chat-skipped",
        "decision-failed",
        "prompt-failed",
        "digits-entered",
        "attribute-set",
        "queued",
        "left-queue",
        "offered",
        "offer-ringing",
        "offer-failed",
        "connected",
        "held",
        "resumed",
        "agent-left",
        "survey-answered",
        "recording-started",
        "recording-stored",
        "recording-failed",
        "interaction-ended",
        "cut-off",
        "orphaned",
        "evaluated",
        "tagged",
        "binding-noted",
        "decisions-erased",
        "customer-changed",
        "case-changed",
        "assistance-changed",
        "outbound-checked",
        "closed",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_types_are_told() {
        let unknown = serde_json::json!({"type": ""});
        let error = serde_json::from_value::<Event>(unknown).unwrap_err().to_string();
        let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, Event::TYPES);
    }
}
