//! QA scorecards: the evaluation of a finished interaction.

use serde::de::DeserializeOwned;

use crate::host;
pub use crate::{
    Error,
    bindings::qa_scorecard::cx::qa_scorecard::types::{
        Evaluation, Evidence, Interaction, Item, ItemResult, PhaseEmotion, Segment, SegmentKind, Speech,
        Survey,
    },
    register_qa_scorecard as register,
};

/// A scorecard, asked once after each interaction.
pub trait QaScorecard {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Evaluates one finished interaction: at most 100 items with differing ids, each phase at most once.
    ///
    /// # Errors
    /// The question is asked again later, with growing pauses.
    fn evaluate(config: &Self::Config, interaction: &Interaction) -> Result<Evaluation, Error>;
}

#[doc(hidden)]
pub fn run<P: QaScorecard>(interaction: Interaction) -> Result<Evaluation, Error> {
    P::evaluate(&host::config()?, &interaction)
}

/// Registers a type that implements [`QaScorecard`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_qa_scorecard {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::qa_scorecard::scorecard;
                use $crate::bindings::qa_scorecard as bindings;
                struct Plugin;
                impl scorecard::Guest for Plugin {
                    fn evaluate(
                        interaction: scorecard::Interaction,
                    ) -> Result<scorecard::Evaluation, scorecard::Error> {
                        $crate::start();
                        $crate::qa_scorecard::run::<$plugin>(interaction)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::qa_scorecard::Interaction,
            ) -> Result<$crate::qa_scorecard::Evaluation, $crate::Error> =
                $crate::qa_scorecard::run::<$plugin>;
        };
    };
}
