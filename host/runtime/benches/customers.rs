//! Customers in bulk: a million are imported into the embedded store, then looked up by address. `JACKFIELD_CUSTOMERS` says
//! how many in place of a million; the goals are for a million.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use jackfield_runtime::{
    ImportFormat, ImportSettings, Platform, PlatformOptions, PluginOptions, StoreKind, TenantRecord,
};
use jackfield_types::{CustomerId, OpContext, TenantId, Timestamp};

const MILLION: u64 = 1_000_000;
const ROWS_OF_A_PART: u64 = 10_000;
const LOOK_UPS: u64 = 100_000;

/// Chance that is the same each time, so that look-ups are spread over all.
fn scattered(n: u64, of: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % of
}

fn number(n: u64) -> String {
    format!("+86138{n:08}")
}

/// The most memory that the process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

fn main() {
    // Cargo hands names of benches; another one's is not ours.
    if std::env::args()
        .skip(1)
        .any(|name| !name.starts_with('-') && !"customers".contains(&*name))
    {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let customers = std::env::var("JACKFIELD_CUSTOMERS")
        .ok()
        .and_then(|n| n.parse().ok());
    let customers: u64 = customers.unwrap_or(MILLION);
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(PlatformOptions {
        data_dir: folder.path().to_owned(),
        store: StoreKind::Folder(folder.path().join("store")),
        voice: None,
        plugins: PluginOptions::default(),
    })
    .await
    .unwrap();
    let id = TenantId::new("acme").unwrap();
    let record = TenantRecord {
        id: id.clone(),
        name: "Acme".into(),
        created_at: Timestamp(1),
    };
    let tenant = platform.create_tenant(record).await.unwrap();
    let ctx = OpContext::system(id, "bench");
    let settings = ImportSettings {
        format: ImportFormat::Csv,
        encoding: "utf-8".into(),
        columns: [].into(),
        dry_run: false,
    };
    let import = "million".parse().unwrap();
    tenant.begin_import(&ctx, import, settings).await.unwrap();
    let import = "million".parse().unwrap();
    let began = Instant::now();
    let mut row = 0;
    while row < customers {
        let mut part = String::new();
        if row == 0 {
            part.push_str("tel,name,language\n");
        }
        for n in row..customers.min(row + ROWS_OF_A_PART) {
            writeln!(part, "{},Customer {n},zh-CN", number(n)).unwrap();
        }
        row = tenant
            .import_part(&ctx, &import, row, part.into_bytes())
            .await
            .unwrap()
            .rows;
    }
    let took = began.elapsed();
    let done = tenant.import(&ctx, &import).await.unwrap();
    assert_eq!((done.made, done.failed), (customers, 0));
    let scale = MILLION as f64 / customers as f64;
    println!(
        "bench\tcustomers/import 1 M\t{:.1}\ts\t<= 60",
        took.as_secs_f64() * scale
    );
    println!(
        "bench\tcustomers/import peak memory\t{:.0}\tMiB\t<= 1024",
        peak_memory() as f64 / 1_048_576.0
    );

    let look = async |n: u64| {
        let address = CustomerId::new(&format!("tel:{}", number(scattered(n, customers)))).unwrap();
        let began = Instant::now();
        let found = tenant.customer(&ctx, &address).await.unwrap();
        let took = began.elapsed();
        assert!(found.is_some(), "{address}");
        took
    };
    for n in 0..LOOK_UPS / 10 {
        look(n + LOOK_UPS).await;
    }
    let mut times: Vec<Duration> = Vec::with_capacity(LOOK_UPS as usize);
    for n in 0..LOOK_UPS {
        times.push(look(n).await);
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1_000.0;
    println!("bench\tcustomers/look-up by identity p50\t{:.1}\tus", at(0.5));
    println!(
        "bench\tcustomers/look-up by identity p99\t{:.1}\tus\t<= 100",
        at(0.99)
    );
    platform.shutdown().await;
}
