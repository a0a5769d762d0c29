//! Everything that the store promises, on every backend.

mod blobs;
mod conformance;
mod folder;
mod kill;
mod powercut;
mod support;
