//! The binary as its users meet it.

mod journey;
mod telemetry;
