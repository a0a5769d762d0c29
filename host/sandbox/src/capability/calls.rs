use jackfield_contact::decision::Question;
use jackfield_types::Capability;

use crate::{
    bindings::cx::{
        call::calls::{CallInfo, Host, QueueStatus},
        types::types::Error,
    },
    lower::{Lower, refuse},
    state::State,
};

impl Host for State {
    fn current(&mut self) -> Result<CallInfo, Error> {
        self.granted(Capability::Calls)?;
        let Question::Flow(question) = &*self.question else {
            return Err(refuse("no-call", "this decision is not about a call".to_owned()));
        };
        let call = &question.call;
        let mut lower = Lower::reply();
        let info = CallInfo {
            id: lower.shown(call.interaction),
            caller: lower.text(&call.caller),
            number: lower.text(call.number.as_str()),
            started_at: call.started_at.0,
            language: lower.text(&call.language),
            attributes: lower.attributes(&call.attributes),
        };
        lower.replied(info)
    }

    fn queue(&mut self, id: String) -> Result<QueueStatus, Error> {
        self.granted(Capability::Calls)?;
        let status = self.queue_status(&id)?;
        Ok(QueueStatus {
            waiting: status.waiting,
            available: status.available,
            signed_in: status.signed_in,
            longest_wait: status.longest_wait_ms,
            expected_wait: status.expected_wait_ms,
        })
    }
}
