//! SIP, RTP, prompts, digits, recording: sockets in, leg events out (floor 2).
//!
//! [`Voice`] is the face: it reports [`VoiceEvent`]s and obeys `LegCommand`s. It decides nothing about a
//! call; who is rung, what is said and when it ends is the core's business.

#![forbid(unsafe_code)]

pub mod media;
pub mod prompt;

pub mod softphone;
pub mod speech;

mod activity;
mod directory;
mod error;
mod event;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod leg;
mod options;
mod recorder;
mod registrar;
mod sip;
mod voice;

pub use directory::{Directory, Ha1, InvalidHa1, REALM, parse_phone_user, phone_user};
pub use error::VoiceError;
pub use event::{RegisteredPhone, VoiceEvent, VoiceStats};
pub use options::{Trunk, VoiceOptions};
pub use recorder::salvage as salvage_recording;
pub use voice::Voice;
