//! The binary as its users meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod author;
mod case;
mod channels;
mod chat;
mod chat_files;
mod compile;
mod journey;
mod tags;
mod telemetry;
