//! The HTTP interface as its clients see it: whole answers over a platform in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod bad_input;
mod calls;
mod campaigns;
mod ceilings;
mod chat;
mod contract;
mod customers;
mod denial;
mod events;
mod floods;
mod flows;
mod idempotency;
mod outbound;
mod people;
mod personal;
mod plugins;
mod recording;
mod rollouts;
mod service;
mod settings;
mod support;
mod trust;
mod usage;
