//! How many calls this machine carries: `cargo bench -p jackfield-voice --bench calls`.
//!
//! 1. 300 bridged and recorded two-way calls: how late frames are, and what a call costs.
//! 2. Calls by sipp, set up and ended at once: what a set-up costs.
//! 3. 300 calls held by sipp at once, with sound both ways.
//!
//! The phones are a process of their own, this program started anew, so that theirs is not our CPU time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cost;
mod phones;
mod table;

mod bridged;
mod by_sipp;

fn main() {
    if std::env::var_os(phones::ROLE).is_some() {
        return phones::run();
    }
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "load before: {}",
        load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
    );
    bridged::measure();
    by_sipp::measure();
}
