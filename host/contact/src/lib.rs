//! The pure contact-centre core: (state, now, input) to events and effects (floor 1).
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod agent;
mod base64;
pub mod case;
mod centre;
pub mod chat;
pub mod config;
pub mod decision;
pub mod effect;
pub mod event;
mod fallback;
pub mod input;
pub mod interaction;
pub mod leg;
pub mod queue;
mod timer;

pub use centre::Centre;
