//! SIP, RTP, prompts, digits, recording: sockets in, leg events out (floor 2).

#![forbid(unsafe_code)]

pub mod media;
pub mod prompt;
pub mod recorder;
pub mod sip;
pub mod softphone;
pub mod speech;

mod activity;
mod registrar;
