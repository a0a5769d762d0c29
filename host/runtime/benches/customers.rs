//! Customers in bulk: a million are imported into each embedded engine, then looked up by address. `JACKFIELD_CUSTOMERS` says
//! how many in place of a million, `JACKFIELD_ENGINE` which engine alone; the goals are for a million.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod shared;

use std::time::{Duration, Instant};

use jackfield_store::Engine;
use jackfield_types::CustomerId;
use shared::{Site, engines, how_many, is_asked, number, quantile};

const MILLION: u64 = 1_000_000;
const LOOK_UPS: u64 = 100_000;

/// Chance that is the same each time, so that look-ups are spread over all.
fn scattered(n: u64, of: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % of
}

/// Forgets the most memory that the process had so far.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The most memory that the process had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

fn main() {
    if is_asked("customers") {
        engines()
            .into_iter()
            .for_each(|engine| shared::run(measure(engine)));
    }
}

async fn measure(engine: Engine) {
    let customers = how_many("JACKFIELD_CUSTOMERS", MILLION);
    forget_peak();
    let site = Site::start(Some(engine)).await;
    let (tenant, ctx) = (&site.tenant, &site.ctx);
    let began = Instant::now();
    let import = site.import(customers).await;
    let took = began.elapsed();
    let done = tenant.import(ctx, &import).await.unwrap();
    assert_eq!((done.made, done.failed), (customers, 0));
    let scale = MILLION as f64 / customers as f64;
    println!(
        "bench\tcustomers/import 1 M, {engine}\t{:.1}\ts\t<= 60",
        took.as_secs_f64() * scale
    );
    println!(
        "bench\tcustomers/import peak memory, {engine}\t{:.0}\tMiB\t<= 1024",
        peak_memory() as f64 / 1_048_576.0
    );

    let look = async |n: u64| {
        let address = CustomerId::new(&format!("tel:{}", number(scattered(n, customers)))).unwrap();
        let began = Instant::now();
        let found = tenant.customer(ctx, &address).await.unwrap();
        let took = began.elapsed();
        assert!(found.is_some(), "{address}");
        took
    };
    // At first nothing of them is in memory; later what fits.
    for state in ["cold", "warm"] {
        let mut times: Vec<Duration> = Vec::with_capacity(LOOK_UPS as usize);
        for n in 0..LOOK_UPS {
            times.push(look(n).await);
        }
        let mut at = |share: f64| quantile(&mut times, share).as_nanos() as f64 / 1_000.0;
        println!(
            "bench\tcustomers/look-up by identity p50, {state}, {engine}\t{:.1}\tus",
            at(0.5)
        );
        println!(
            "bench\tcustomers/look-up by identity p99, {state}, {engine}\t{:.1}\tus\t<= 100",
            at(0.99)
        );
        for n in 0..4 * LOOK_UPS {
            look(n + LOOK_UPS).await;
        }
    }
    site.platform.shutdown().await;
}
