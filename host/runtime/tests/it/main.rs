//! The runtime over a real store: what is promised holds when the disk is slow, full or gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod campaigns;
mod customers;
mod faults;
mod flows;
mod knowledge;
mod replays;
mod rollouts;
