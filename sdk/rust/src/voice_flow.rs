//! Voice flows (IVR): the next actions of a call for each of its events.

use serde::{Serialize, de::DeserializeOwned};

pub use crate::straight::voice as straight;
pub use crate::{
    Error, bindings::voice_flow::exports::cx::voice_flow::flow::Next, call::*,
    register_voice_flow as register,
};
use crate::{host, state};

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
        state::read(state)
    }
}

#[doc(hidden)]
pub fn run<P: VoiceFlow>(state: Vec<u8>, event: CallEvent) -> Result<Next, Error> {
    let config = host::config()?;
    let mut state = match event {
        CallEvent::Migrated(schema) => P::migrate(schema, &state)?,
        _ => state::read(&state)?,
    };
    let actions = P::step(&config, &mut state, event)?;
    let state = state::write(&state)?;
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
                use bindings::exports::cx::voice_flow::flow;
                use $crate::bindings::voice_flow as bindings;
                struct Plugin;
                impl flow::Guest for Plugin {
                    fn step(state: Vec<u8>, event: flow::CallEvent) -> Result<flow::Next, flow::Error> {
                        $crate::start();
                        $crate::voice_flow::run::<$plugin>(state, event)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(Vec<u8>, $crate::call::CallEvent) -> Result<$crate::voice_flow::Next, $crate::Error> =
                $crate::voice_flow::run::<$plugin>;
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, Host};

    struct Counting;

    impl VoiceFlow for Counting {
        type Config = ();
        type State = u32;

        fn step((): &(), steps: &mut u32, event: CallEvent) -> Result<Vec<CallAction>, Error> {
            *steps += 1;
            let reached = *steps >= 3 || event == CallEvent::Ended;
            Ok(reached.then_some(CallAction::End).into_iter().collect())
        }

        fn migrate(old_schema: u32, state: &[u8]) -> Result<u32, Error> {
            let old = String::from_utf8_lossy(state).parse().unwrap_or(0);
            Ok(if old_schema == 1 { old * 2 } else { old })
        }
    }

    register_voice_flow!(Counting);

    #[test]
    fn state_is_kept_between_steps() {
        let mut call = Call::new(Host::new());
        assert_eq!(call.step::<Counting>(CallEvent::Started).unwrap(), []);
        assert_eq!(call.step::<Counting>(CallEvent::NoInput).unwrap(), []);
        assert_eq!(
            call.step::<Counting>(CallEvent::NoInput).unwrap(),
            [CallAction::End]
        );
        assert_eq!(call.state, b"3");
    }

    #[test]
    fn an_old_state_is_migrated_and_a_broken_one_is_named() {
        let mut call = Call {
            host: Host::new(),
            state: b"4".to_vec(),
        };
        call.step::<Counting>(CallEvent::Migrated(1)).unwrap();
        assert_eq!(call.state, b"9");
        call.state = b"{".to_vec();
        assert_eq!(
            call.step::<Counting>(CallEvent::NoInput).unwrap_err().code,
            "bad-state"
        );
    }
}
