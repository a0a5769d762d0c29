//! Greets, asks what it is about, and hands over to an agent.
//!
//! The conversation is written as one `async fn`. At each event it runs again from the beginning over what it awaited
//! before; `jackfield_plugin::straight` tells what that asks of it, and of what length it may be.

use jackfield_plugin::chat_flow::{
    self, Error,
    straight::{Answer, Chat, Script, Straight, WithAgent},
};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    greeting: String,
    queue: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            greeting: "Hello! What is it about?".to_owned(),
            queue: "support".to_owned(),
        }
    }
}

struct Greeter;

impl Script for Greeter {
    type Config = Config;

    async fn talk(config: &Config, chat: &Chat) -> Result<(), Error> {
        chat.offer(
            &config.greeting,
            [("order", "My order"), ("other", "Something else")],
        );
        let about = match chat.answer(120_000).await {
            Some(Answer::Choice(id)) => id,
            Some(Answer::Text(text)) => text,
            None => return Ok(()),
        };
        chat.set("about", &about);
        if chat.handed_over(&config.queue, Some(about)).await.is_err() {
            chat.say("Nobody is here now. We will write back.");
            return Ok(());
        }
        // Who waits long for the agent's answer gets a word from here.
        while let WithAgent::Unanswered(_) = chat.with_agent().await {
            chat.say("One moment, please.");
        }
        Ok(())
    }
}

chat_flow::register!(Straight<Greeter>);
