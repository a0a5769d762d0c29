//! Straight-line chat flows; [`straight`](crate::straight) tells how they work.

use std::{future::Future, marker::PhantomData};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use super::{Exit, InQueue, Log, Progress};
use super::{PAUSE, Shared, kept, run};
use crate::{
    Error, Milliseconds, Timestamp,
    chat::{ChatAction, ChatEvent, Enqueue, Outgoing, QueueExit, QueueProgress, SurveyQuestion, Timer},
    chat_flow::ChatFlow,
};

/// Bytes of a customer's message that a script keeps.
const MAX_KEPT_BYTES: usize = 1_024;

/// A written conversation, from its beginning to its end.
pub trait Script {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Conducts the conversation. When it returns, the conversation is closed.
    ///
    /// # Errors
    /// The host repeats the step on the last good version, or puts the customer into the entry's default queue.
    fn talk(config: &Self::Config, chat: &Chat) -> impl Future<Output = Result<(), Error>>;
}

/// Makes a [`ChatFlow`] of a [`Script`]: `chat_flow::register!(Straight<MyScript>)`.
pub struct Straight<S>(PhantomData<S>);

/// The conversation at hand, as a script conducts it.
pub struct Chat(Shared<ChatAction>);

/// What a customer answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A message; its first 1,024 bytes.
    Text(String),
    /// A choice; its id.
    Choice(String),
}

/// What happens while an agent has the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithAgent {
    /// The customer has waited so many milliseconds for the agent's answer.
    Unanswered(Milliseconds),
    /// The agent, by id, has closed the conversation after so many milliseconds.
    Left(String, Milliseconds),
}

impl Chat {
    /// The moment of what came last; the same in each run.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Asks the host something and keeps the answer, so that each run goes the same way.
    ///
    /// # Errors
    /// `diverged`, `bad-state`.
    pub fn once<T: Serialize + DeserializeOwned>(&self, ask: impl FnOnce() -> T) -> Result<T, Error> {
        self.0.once(ask)
    }

    /// Sends a message; the script goes on at once.
    pub fn send(&self, message: Outgoing) {
        self.0.order(ChatAction::Send(message));
    }

    /// Sends a text.
    pub fn say(&self, text: impl Into<String>) {
        self.0.order(ChatAction::say(text));
    }

    /// Sends a text with choices: what comes back, and what the customer sees; at most 10.
    pub fn offer<'a>(&self, text: impl Into<String>, choices: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.0.order(ChatAction::offer(text, choices));
    }

    /// Shows that an answer is being written, 100 to 10,000 ms.
    pub fn typing(&self, ms: Milliseconds) {
        self.0.order(ChatAction::Typing(ms));
    }

    /// Sets an attribute of the interaction.
    pub fn set(&self, key: &str, value: impl Into<String>) {
        self.0.order(ChatAction::set(key, value));
    }

    /// Waits so many milliseconds for the customer, 1,000 to 86,400,000; none when nothing came.
    pub async fn answer(&self, within: Milliseconds) -> Option<Answer> {
        self.0.order(ChatAction::AwaitReply(within));
        self.0.wait("answer").await
    }

    /// Waits so long, 100 to 86,400,000 ms.
    pub async fn pause(&self, ms: Milliseconds) {
        let name = PAUSE.to_owned();
        self.0.order(ChatAction::SetTimer(Timer { name, after: ms }));
        self.0.wait("pause").await
    }

    /// Asks one survey question; none when it was not answered.
    pub async fn ask(&self, question: SurveyQuestion) -> Option<u8> {
        self.0.order(ChatAction::AskSurvey(question));
        self.0.wait("survey").await
    }

    /// Puts the customer into a queue, and waits for what happens first.
    pub async fn enqueue(&self, enqueue: Enqueue) -> InQueue {
        self.0.order(ChatAction::Enqueue(enqueue));
        self.in_queue().await
    }

    /// Waits for what happens next in the queue.
    pub async fn in_queue(&self) -> InQueue {
        self.0.wait("queue").await
    }

    /// Puts the customer into a queue until an agent takes over; with the agent's id. `summary` is what the agent
    /// should know beforehand.
    ///
    /// # Errors
    /// Why the queue gave the customer back.
    pub async fn handed_over(
        &self,
        queue: impl Into<String>,
        summary: Option<String>,
    ) -> Result<String, Exit> {
        let queue = queue.into();
        self.0.order(ChatAction::Enqueue(Enqueue {
            queue,
            needs: Vec::new(),
            priority: 0,
            summary,
        }));
        self.0.wait("agent").await
    }

    /// Waits for what happens while an agent has the conversation.
    pub async fn with_agent(&self) -> WithAgent {
        self.0.wait("with-agent").await
    }
}

/// What an event means to a script that waits for something; none when it is not what it waits for.
fn result(waiting: &str, event: ChatEvent) -> Option<Value> {
    match (waiting, event) {
        ("answer", ChatEvent::Received(received)) => {
            let mut text = received.message.text;
            let mut end = text.len().min(MAX_KEPT_BYTES);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            kept(Some(Answer::Text(text)))
        }
        ("answer", ChatEvent::Chosen(id)) => kept(Some(Answer::Choice(id))),
        ("answer" | "survey", ChatEvent::NoReply) => kept(None::<u8>),
        ("survey", ChatEvent::SurveyAnswered(answer)) => kept(Some(answer.value)),
        ("pause", ChatEvent::Timer(name)) if name == PAUSE => kept(()),
        ("queue", ChatEvent::QueueProgress(progress)) => kept(InQueue::Waiting(progress.into())),
        ("queue", ChatEvent::Answered(agent)) => kept(InQueue::Answered(agent)),
        ("queue", ChatEvent::QueueLeft(exit)) => kept(InQueue::Left(exit.into())),
        ("agent", ChatEvent::Answered(agent)) => kept(Ok::<_, Exit>(agent)),
        ("agent", ChatEvent::QueueLeft(exit)) => kept(Err::<String, _>(Exit::from(exit))),
        ("with-agent", ChatEvent::Unanswered(waits)) => kept(WithAgent::Unanswered(waits.waited)),
        ("with-agent", ChatEvent::AgentLeft(left)) => kept(WithAgent::Left(left.agent, left.handled)),
        _ => None,
    }
}

straight_flow!(ChatFlow, Chat, ChatEvent, ChatAction);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chat::{Author, Message, Received},
        testing::{self, Host},
    };

    /// Offers, listens, hands over.
    struct Greeter;

    impl Script for Greeter {
        type Config = ();

        async fn talk((): &(), chat: &Chat) -> Result<(), Error> {
            chat.offer(
                "What is it about?",
                [("order", "My order"), ("other", "Something else")],
            );
            let about = match chat.answer(60_000).await {
                Some(Answer::Choice(id)) => id,
                Some(Answer::Text(text)) => text,
                None => {
                    chat.say("Are you still there?");
                    match chat.answer(60_000).await {
                        Some(Answer::Text(text) | Answer::Choice(text)) => text,
                        None => return Ok(()),
                    }
                }
            };
            chat.set("about", about.clone());
            if chat.handed_over("support", Some(about)).await.is_err() {
                chat.say("We will write back.");
                return Ok(());
            }
            while let WithAgent::Unanswered(_) = chat.with_agent().await {
                chat.say("One moment please.");
            }
            Ok(())
        }
    }

    fn received(text: &str) -> ChatEvent {
        ChatEvent::Received(Received {
            message: Message {
                number: 1,
                at: 1,
                author: Author::Customer,
                agent: None,
                text: text.into(),
            },
            attachments: vec![],
        })
    }

    #[test]
    fn a_conversation_goes_on_where_it_stopped() {
        let mut chat = testing::Chat::new(Host::new());
        let mut step = |event| chat.step::<Straight<Greeter>>(event).unwrap();
        let begun = step(ChatEvent::Started);
        assert!(
            matches!(begun[..], [ChatAction::Send(_), ChatAction::AwaitReply(60_000)]),
            "{begun:?}"
        );
        let again = step(ChatEvent::NoReply);
        assert!(
            matches!(again[..], [ChatAction::Send(_), ChatAction::AwaitReply(_)]),
            "{again:?}"
        );
        let long = "退".repeat(1_000);
        let over = step(received(&long));
        let [ChatAction::Set(set), ChatAction::Enqueue(enqueue)] = &over[..] else {
            panic!("{over:?}")
        };
        assert_eq!((set.value.len(), enqueue.queue.as_str()), (1_023, "support"));
        assert_eq!(step(ChatEvent::Answered("anna".into())), []);
        let waits = crate::chat::Unanswered {
            agent: "anna".into(),
            waited: 15_000,
        };
        assert_eq!(step(ChatEvent::Unanswered(waits)).len(), 1);
        let left = crate::chat::AgentLeft {
            agent: "anna".into(),
            handled: 1,
        };
        assert_eq!(step(ChatEvent::AgentLeft(left)), [ChatAction::End]);
    }

    #[test]
    fn nobody_answers() {
        let mut chat = testing::Chat::new(Host::new());
        let mut step = |event| chat.step::<Straight<Greeter>>(event).unwrap();
        step(ChatEvent::Started);
        step(ChatEvent::NoReply);
        assert_eq!(step(ChatEvent::NoReply), [ChatAction::End]);
        assert_eq!(step(received("late")), []);
    }
}
