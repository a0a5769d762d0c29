//! Outbound rules (do not disturb): may this attempt be made now, on this channel, for this purpose?

use serde::de::DeserializeOwned;

pub use crate::{
    Error,
    bindings::outbound_rule::cx::outbound_rule::types::{
        Attempt, Consent, LocalTime, Outcome, PastAttempt, Ruling, Verdict,
    },
    register_outbound_rule as register,
};
use crate::{Timestamp, host};

/// An outbound rule. It fails closed: an error, trap or time-out means `deny`.
pub trait OutboundRule {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Judges one attempt.
    ///
    /// # Errors
    /// The attempt is denied, and the number is tried later.
    fn check(config: &Self::Config, attempt: &Attempt) -> Result<Ruling, Error>;
}

#[doc(hidden)]
pub fn run<P: OutboundRule>(attempt: Attempt) -> Result<Ruling, Error> {
    P::check(&host::config()?, &attempt)
}

impl Ruling {
    /// The attempt may be made now.
    pub fn allow() -> Self {
        Self {
            verdict: Verdict::Allow,
            reason: "allowed".to_owned(),
            next_permitted_at: None,
        }
    }

    /// Not before this moment. `reason` is a stable code of at most 64 bytes.
    pub fn defer(until: Timestamp, reason: &str) -> Self {
        Self {
            verdict: Verdict::Defer(until),
            reason: reason.to_owned(),
            next_permitted_at: Some(until),
        }
    }

    /// Not at all. `reason` is a stable code of at most 64 bytes.
    pub fn deny(reason: &str) -> Self {
        Self {
            verdict: Verdict::Deny,
            reason: reason.to_owned(),
            next_permitted_at: None,
        }
    }
}

/// Registers a type that implements [`OutboundRule`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_outbound_rule {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::outbound_rule::rule;
                use $crate::bindings::outbound_rule as bindings;
                struct Plugin;
                impl rule::Guest for Plugin {
                    fn check(attempt: rule::Attempt) -> Result<rule::Ruling, rule::Error> {
                        $crate::start();
                        $crate::outbound_rule::run::<$plugin>(attempt)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::outbound_rule::Attempt,
            ) -> Result<$crate::outbound_rule::Ruling, $crate::Error> = $crate::outbound_rule::run::<$plugin>;
        };
    };
}
