//! Agent assist: replies, knowledge and next steps suggested to the agent while a conversation goes on.

use serde::de::DeserializeOwned;

use crate::host;
pub use crate::{
    Error,
    bindings::agent_assist::cx::agent_assist::types::{
        Advice, Conversation, NextAction, Suggestion, Trigger,
    },
    chat::{Author, Message},
    register_agent_assist as register,
};

/// An agent assist. Nobody waits for it.
pub trait AgentAssist {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Suggests, best first; at most 10.
    ///
    /// # Errors
    /// The agent sees no suggestion.
    fn suggest(config: &Self::Config, conversation: &Conversation) -> Result<Vec<Suggestion>, Error>;
}

#[doc(hidden)]
pub fn run<P: AgentAssist>(conversation: Conversation) -> Result<Vec<Suggestion>, Error> {
    P::suggest(&host::config()?, &conversation)
}

/// Registers a type that implements [`AgentAssist`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_agent_assist {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::agent_assist::assist;
                use $crate::bindings::agent_assist as bindings;
                struct Plugin;
                impl assist::Guest for Plugin {
                    fn suggest(
                        conversation: assist::Conversation,
                    ) -> Result<Vec<assist::Suggestion>, assist::Error> {
                        $crate::start();
                        $crate::agent_assist::run::<$plugin>(conversation)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::agent_assist::Conversation,
            ) -> Result<Vec<$crate::agent_assist::Suggestion>, $crate::Error> =
                $crate::agent_assist::run::<$plugin>;
        };
    };
}
