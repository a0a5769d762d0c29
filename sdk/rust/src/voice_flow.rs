//! Voice flows (IVR): the next actions of a call for each of its events.

use serde::{Serialize, de::DeserializeOwned};

use crate::host;
pub use crate::{
    Error, bindings::voice_flow::exports::cx::voice_flow::flow::Next, call::*,
    register_voice_flow as register,
};

/// A voice flow. It keeps nothing in memory between steps: what it wants to remember is its [`State`](Self::State).
pub trait VoiceFlow {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Kept as JSON between the steps of one call; at most 16 KiB. The default at `started`.
    type State: Serialize + DeserializeOwned + Default;

    /// Decides what follows an event: actions in order, at most 32; none means to wait for the next event.
    /// `gather`, `enqueue`, `ask-survey` and `end` come last.
    ///
    /// # Errors
    /// The host repeats the step on the last good version, or puts the caller into the number's default queue.
    fn step(
        config: &Self::Config,
        state: &mut Self::State,
        event: CallEvent,
    ) -> Result<Vec<CallAction>, Error>;

    /// Reads a state that another version wrote; asked before `step` is given `migrated`. Unless this is
    /// overridden, the old state must read as the new one.
    ///
    /// # Errors
    /// The call stays with the old version.
    fn migrate(_old_schema: u32, state: &[u8]) -> Result<Self::State, Error> {
        decode(state)
    }
}

fn decode<T: DeserializeOwned + Default>(state: &[u8]) -> Result<T, Error> {
    if state.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(state)
        .map_err(|error| Error::new("bad-state", format!("the call's state: {error}")))
}

#[doc(hidden)]
pub fn run<P: VoiceFlow>(state: Vec<u8>, event: CallEvent) -> Result<Next, Error> {
    let config = host::config()?;
    let mut state = match event {
        CallEvent::Migrated(schema) => P::migrate(schema, &state)?,
        _ => decode(&state)?,
    };
    let actions = P::step(&config, &mut state, event)?;
    let state = serde_json::to_vec(&state)
        .map_err(|error| Error::new("bad-state", format!("the new state: {error}")))?;
    Ok(Next { state, actions })
}

/// Registers a type that implements [`VoiceFlow`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_voice_flow {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use $crate::bindings::voice_flow::exports::cx::voice_flow::flow;
                struct Plugin;
                impl flow::Guest for Plugin {
                    fn step(state: Vec<u8>, event: flow::CallEvent) -> Result<flow::Next, flow::Error> {
                        $crate::start();
                        $crate::voice_flow::run::<$plugin>(state, event)
                    }
                }
        $crate::bindings::voice_flow::export!(Plugin with_types_in $crate::bindings::voice_flow);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(Vec<u8>, $crate::call::CallEvent) -> Result<$crate::voice_flow::Next, $crate::Error> =
                $crate::voice_flow::run::<$plugin>;
        };
    };
}
