//! The pure contact-centre core: (state, now, input) to events and effects (floor 1).
#![forbid(unsafe_code)]

pub mod leg;
pub mod decision;
