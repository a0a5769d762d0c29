//! Greets, asks for a digit, and puts the caller into a queue.
//!
//! The call is written as one `async fn`. At each event it runs again from the beginning over what it awaited before;
//! `jackfield_plugin::straight` tells what that asks of it, and of what length it may be.

use std::collections::BTreeMap;

use jackfield_plugin::voice_flow::{
    self, Error, Prompt,
    straight::{Call, Script, Straight},
};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    language: String,
    greeting: String,
    /// Queues by digit.
    queues: BTreeMap<String, String>,
    default_queue: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            greeting: "Welcome. For billing press 1, for anything else press 2.".to_owned(),
            queues: BTreeMap::from([("1".to_owned(), "billing".to_owned())]),
            default_queue: "support".to_owned(),
        }
    }
}

struct Menu;

impl Script for Menu {
    type Config = Config;

    async fn talk(config: &Config, call: &Call) -> Result<(), Error> {
        let say = |text: &str| vec![Prompt::say(&config.language, text)];
        let mut queue = &config.default_queue;
        // Asked twice; who presses nothing then is put through all the same.
        for _ in 0..2 {
            if let Some(digit) = call.digit(say(&config.greeting), 5_000).await {
                queue = config.queues.get(&digit).unwrap_or(queue);
                break;
            }
        }
        call.set("menu", queue.as_str());
        if call.handed_over(queue.as_str()).await.is_err() {
            call.play(say(
                "Nobody can take your call now. Please call again later.",
            ));
        }
        Ok(())
    }
}

voice_flow::register!(Straight<Menu>);
