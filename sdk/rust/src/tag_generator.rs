//! Tag generators: which tags a customer gets, keeps or loses.

use serde::de::DeserializeOwned;

pub use crate::{
    Error,
    bindings::tag_generator::exports::cx::tag_generator::tagger::{Occasion, TagChange},
    register_tag_generator as register,
};
use crate::{Tag, host};

impl Occasion {
    /// What gave rise to the question: `interaction`, or what the attribute `occasion` names.
    pub fn about(&self) -> &str {
        if self.id.is_empty() {
            self.fact("occasion").unwrap_or_default()
        } else {
            "interaction"
        }
    }

    /// An attribute, for example `intent.product`.
    pub fn fact(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.key == key);
        found.map(|attribute| attribute.value.as_str())
    }
}

/// Gives a tag of a family whose names begin alike, and ends the others of that family: adds it, or refreshes it where it is
/// held.
pub fn keep_one(changes: &mut Vec<TagChange>, held: &[Tag], family: &str, tag: Tag) {
    let others = held
        .iter()
        .filter(|other| other.name.starts_with(family) && other.name != tag.name);
    changes.extend(others.map(|other| TagChange::Expire(other.name.clone())));
    give(changes, held, tag);
}

/// Adds a tag, or refreshes it where it is held.
pub fn give(changes: &mut Vec<TagChange>, held: &[Tag], tag: Tag) {
    let is_held = held.iter().any(|other| other.name == tag.name);
    changes.push(if is_held {
        TagChange::Refresh(tag)
    } else {
        TagChange::Add(tag)
    });
}

/// Ends all tags of a family whose names begin alike.
pub fn end_all(changes: &mut Vec<TagChange>, held: &[Tag], family: &str) {
    let family = held.iter().filter(|tag| tag.name.starts_with(family));
    changes.extend(family.map(|tag| TagChange::Expire(tag.name.clone())));
}

/// A tag generator, asked after each interaction, about other occasions, and about all customers in runs.
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
