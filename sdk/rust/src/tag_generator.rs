//! Tag generators: which tags a customer gets, keeps or loses.

use serde::de::DeserializeOwned;

use crate::host;
pub use crate::{
    Error,
    bindings::tag_generator::exports::cx::tag_generator::tagger::{Occasion, TagChange},
    register_tag_generator as register,
};

/// A tag generator, asked after each interaction.
pub trait TagGenerator {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Proposes changes; at most 100. Tags that a person set by hand are never changed.
    ///
    /// # Errors
    /// The question is asked again later, with growing pauses.
    fn tags(config: &Self::Config, occasion: &Occasion) -> Result<Vec<TagChange>, Error>;
}

#[doc(hidden)]
pub fn run<P: TagGenerator>(occasion: Occasion) -> Result<Vec<TagChange>, Error> {
    P::tags(&host::config()?, &occasion)
}

/// Registers a type that implements [`TagGenerator`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_tag_generator {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::tag_generator::tagger;
                use $crate::bindings::tag_generator as bindings;
                struct Plugin;
                impl tagger::Guest for Plugin {
                    fn tags(occasion: tagger::Occasion) -> Result<Vec<tagger::TagChange>, tagger::Error> {
                        $crate::start();
                        $crate::tag_generator::run::<$plugin>(occasion)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::tag_generator::Occasion,
            ) -> Result<Vec<$crate::tag_generator::TagChange>, $crate::Error> =
                $crate::tag_generator::run::<$plugin>;
        };
    };
}
