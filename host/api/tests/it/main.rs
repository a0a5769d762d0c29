//! The HTTP interface as its clients see it: whole answers over a platform in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod assist;
mod attachments;
mod bad_input;
mod calls;
mod campaigns;
mod cases;
mod ceilings;
mod channel_files;
mod channels;
mod chat;
mod contract;
mod customers;
mod denial;
mod denial_cases;
mod denial_knowledge;
mod email;
mod events;
mod floods;
mod flows;
mod idempotency;
mod identity;
mod knowledge;
mod outbound;
mod people;
mod personal;
mod plugins;
mod recording;
mod rollouts;
mod segments;
mod service;
mod settings;
mod support;
mod tags;
mod trust;
mod usage;
