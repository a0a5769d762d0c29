//! Pacing strategies: how many calls a campaign launches now.

use serde::de::DeserializeOwned;

use crate::host;
pub use crate::{
    Error,
    bindings::pacing_strategy::cx::pacing_strategy::types::{
        Activity, BusyAgent, Compliance, Measurements, Plan, Recent,
    },
    register_pacing_strategy as register,
};

/// A pacing strategy. It fails closed: an error, trap, time-out or invalid answer means that nothing is launched.
pub trait PacingStrategy {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Decides how many calls to launch now: at most `lines` and at most `callable`.
    ///
    /// # Errors
    /// Nothing is launched; it is asked again later.
    fn pace(config: &Self::Config, measurements: &Measurements) -> Result<Plan, Error>;
}

#[doc(hidden)]
pub fn run<P: PacingStrategy>(measurements: Measurements) -> Result<Plan, Error> {
    P::pace(&host::config()?, &measurements)
}

impl Plan {
    /// Launches so many calls. `reason` is a stable code of 1 to 64 bytes, `detail` the same for people.
    pub fn launch(launch: u32, reason: &str, detail: impl Into<String>) -> Self {
        Self {
            launch,
            reason: reason.to_owned(),
            detail: detail.into(),
            look_again_at: None,
        }
    }
}

impl Default for Recent {
    /// Nothing has been measured.
    fn default() -> Self {
        Self {
            period: 0,
            attempts: 0,
            answered: 0,
            mean_ring: 0,
            mean_talk: 0,
            mean_wrap_up: 0,
        }
    }
}

impl Default for Compliance {
    /// No attempt was answered, and none may be abandoned.
    fn default() -> Self {
        Self {
            answered: 0,
            abandoned: 0,
            allowed: 0,
        }
    }
}

impl Default for Measurements {
    /// A campaign without agents, lines and numbers.
    fn default() -> Self {
        Self {
            free: 0,
            busy: Vec::new(),
            ringing: 0,
            waiting: 0,
            lines: 0,
            callable: 0,
            recent: Recent::default(),
            compliance: Compliance::default(),
        }
    }
}

/// Registers a type that implements [`PacingStrategy`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_pacing_strategy {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::pacing_strategy::strategy;
                use $crate::bindings::pacing_strategy as bindings;
                struct Plugin;
                impl strategy::Guest for Plugin {
                    fn pace(measurements: strategy::Measurements) -> Result<strategy::Plan, strategy::Error> {
                        $crate::start();
                        $crate::pacing_strategy::run::<$plugin>(measurements)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::pacing_strategy::Measurements,
            ) -> Result<$crate::pacing_strategy::Plan, $crate::Error> =
                $crate::pacing_strategy::run::<$plugin>;
        };
    };
}
