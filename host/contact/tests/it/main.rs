//! The core, driven through its public face; voice and plugins are played by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod after_call;
mod arrival;
mod configuration;
mod endings;
mod keypad;
mod offers;
mod outgoing;
mod queues;
mod restart;
mod routing;
mod transfer;
mod world;
