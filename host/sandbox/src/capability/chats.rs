use jackfield_contact::decision::Question;
use jackfield_types::Capability;

use crate::{
    bindings::cx::{
        chat::chats::{ChatInfo, Host, QueueStatus},
        types::types::Error,
    },
    lower::{Lower, refuse},
    state::State,
};

impl Host for State {
    fn current(&mut self) -> Result<ChatInfo, Error> {
        self.granted(Capability::Chats)?;
        let Question::Chat(question) = &*self.question else {
            return Err(refuse(
                "no-chat",
                "this decision is not about a written conversation".to_owned(),
            ));
        };
        let chat = &question.chat;
        let mut lower = Lower::reply();
        let info = ChatInfo {
            id: lower.shown(chat.interaction),
            channel: chat.channel.into(),
            entry: lower.text(chat.entry.as_str()),
            address: lower.text(&chat.address),
            started_at: chat.started_at.0,
            language: lower.text(&chat.language),
            attributes: lower.attributes(&chat.attributes),
        };
        lower.replied(info)
    }

    fn queue(&mut self, id: String) -> Result<QueueStatus, Error> {
        self.granted(Capability::Chats)?;
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
