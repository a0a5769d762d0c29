//! Everything that the store promises, on every backend.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod blobs;
mod conformance;
mod export;
mod folder;
mod kill;
mod powercut;
mod support;
