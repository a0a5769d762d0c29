//! Chat flows (bots): the next actions of a written conversation for each of its events.

use serde::{Serialize, de::DeserializeOwned};

pub use crate::straight::chat as straight;
pub use crate::{
    Error, bindings::chat_flow::exports::cx::chat_flow::flow::Next, chat::*, register_chat_flow as register,
};
use crate::{host, state};

/// A chat flow. It keeps nothing in memory between steps: what it wants to remember is its [`State`](Self::State).
pub trait ChatFlow {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Kept as JSON between the steps of one conversation; at most 16 KiB. The default at `started`.
    type State: Serialize + DeserializeOwned + Default;

    /// Decides what follows an event: actions in order, at most 32; none means to wait for the next event.
    /// `await-reply`, `enqueue`, `ask-survey` and `end` come last.
    ///
    /// # Errors
    /// The host repeats the step on the last good version, or puts the customer into the entry's default queue.
    fn step(
        config: &Self::Config,
        state: &mut Self::State,
        event: ChatEvent,
    ) -> Result<Vec<ChatAction>, Error>;

    /// Reads a state that another version wrote; asked before `step` is given `migrated`. Unless this is
    /// overridden, the old state must read as the new one.
    ///
    /// # Errors
    /// The conversation stays with the old version.
    fn migrate(_old_schema: u32, state: &[u8]) -> Result<Self::State, Error> {
        state::read(state)
    }
}

#[doc(hidden)]
pub fn run<P: ChatFlow>(state: Vec<u8>, event: ChatEvent) -> Result<Next, Error> {
    let config = host::config()?;
    let mut state = match event {
        ChatEvent::Migrated(schema) => P::migrate(schema, &state)?,
        _ => state::read(&state)?,
    };
    let actions = P::step(&config, &mut state, event)?;
    let state = state::write(&state)?;
    Ok(Next { state, actions })
}

/// Registers a type that implements [`ChatFlow`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_chat_flow {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::chat_flow::flow;
                use $crate::bindings::chat_flow as bindings;
                struct Plugin;
                impl flow::Guest for Plugin {
                    fn step(state: Vec<u8>, event: flow::ChatEvent) -> Result<flow::Next, flow::Error> {
                        $crate::start();
                        $crate::chat_flow::run::<$plugin>(state, event)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(Vec<u8>, $crate::chat::ChatEvent) -> Result<$crate::chat_flow::Next, $crate::Error> =
                $crate::chat_flow::run::<$plugin>;
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Chat, Host};

    struct Echo;

    impl ChatFlow for Echo {
        type Config = ();
        type State = u32;

        fn step((): &(), heard: &mut u32, event: ChatEvent) -> Result<Vec<ChatAction>, Error> {
            match event {
                ChatEvent::Received(received) => {
                    *heard += 1;
                    Ok(vec![ChatAction::say(format!(
                        "{heard}: {}",
                        received.message.text
                    ))])
                }
                ChatEvent::NoReply => Ok(vec![ChatAction::End]),
                _ => Ok(vec![ChatAction::AwaitReply(15_000)]),
            }
        }

        fn migrate(old_schema: u32, _state: &[u8]) -> Result<u32, Error> {
            Ok(old_schema * 10)
        }
    }

    register_chat_flow!(Echo);

    #[test]
    fn state_and_messages_are_kept_between_steps() {
        let mut chat = Chat::new(Host::new());
        chat.step::<Echo>(ChatEvent::Started).unwrap();
        assert_eq!(chat.say::<Echo>("a").unwrap(), [ChatAction::say("1: a")]);
        assert_eq!(chat.say::<Echo>("b").unwrap(), [ChatAction::say("2: b")]);
        let texts: Vec<_> = chat
            .host
            .messages
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        assert_eq!(texts, ["a", "1: a", "b", "2: b"]);
        chat.step::<Echo>(ChatEvent::Migrated(1)).unwrap();
        assert_eq!(chat.state, b"10");
        chat.state = b"{".to_vec();
        assert_eq!(
            chat.step::<Echo>(ChatEvent::NoReply).unwrap_err().code,
            "bad-state"
        );
    }
}
