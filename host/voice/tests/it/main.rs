//! The voice side against real peers, on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod media_calls;
mod media_phone;
mod media_prompts;
mod sip_calls;
mod sip_cancel;
mod sip_hold;
mod sip_register;
mod support;
