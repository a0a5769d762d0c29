//! The voice side against real peers, on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod media_calls;
mod media_phone;
mod media_prompts;
mod raw;
mod sip_calls;
mod sip_cancel;
mod sip_consent;
mod sip_fuzz;
mod sip_hold;
mod sip_peers;
mod sip_raw;
mod sip_register;
mod sip_start;
mod support;
