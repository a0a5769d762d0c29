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
mod demo;
mod email;
mod firm;
mod journey;
mod providers;
mod story;
mod tags;
mod telemetry;
mod typing;
