use jackfield_contact::decision::Question;
use jackfield_types::Channel;

use crate::{
    bindings::cx::{
        chat::messages::{Host, Message},
        types::types::Error,
    },
    capability::checked_limit,
    lower::refuse,
    state::State,
};

impl Host for State {
    fn list(&mut self, _after: u32, limit: u32) -> Result<Vec<Message>, Error> {
        checked_limit(limit, 1..=200)?;
        match &*self.question {
            Question::Tags(question) if question.channel != Channel::Voice => {}
            Question::Scorecard(question) if question.channel != Channel::Voice => {}
            // A call has no written messages.
            _ => return Ok(Vec::new()),
        }
        Err(refuse(
            "unavailable",
            "this host keeps no written messages: it serves calls only".to_owned(),
        ))
    }
}
