//! What benches of a platform begin with.

// Not each of them needs everything.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::time::Duration;

use jackfield_runtime::{
    ImportFormat, ImportSettings, Platform, PlatformOptions, PluginOptions, StoreKind, Tenant, TenantRecord,
};
use jackfield_store::Engine;
use jackfield_types::{ImportId, OpContext, TenantId, Timestamp};
use tempfile::TempDir;

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS_OF_A_PART: u64 = 10_000;

/// Whether Cargo asks for this bench: it hands names of benches, and another one's is not ours.
pub(crate) fn is_asked(bench: &str) -> bool {
    let other = |name: String| !name.starts_with('-') && !bench.contains(&*name);
    !std::env::args().skip(1).any(other)
}

/// Measures on a runtime of its own.
pub(crate) fn run(measure: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure);
}

/// How many, by a variable of the environment, or as usual.
pub(crate) fn how_many(variable: &str, usual: u64) -> u64 {
    let asked = std::env::var(variable).ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(usual)
}

/// The embedded engines, or the one that `JACKFIELD_ENGINE` names.
pub(crate) fn engines() -> Vec<Engine> {
    match std::env::var("JACKFIELD_ENGINE") {
        Ok(name) => vec![name.parse().unwrap()],
        Err(_) => Engine::ALL.to_vec(),
    }
}

/// A platform with one tenant.
pub(crate) struct Site {
    pub(crate) platform: Platform,
    pub(crate) tenant: Tenant,
    pub(crate) ctx: OpContext,
    _folder: TempDir,
}

impl Site {
    /// In memory, or in an embedded engine.
    pub(crate) async fn start(engine: Option<Engine>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = match engine {
            None => StoreKind::Memory,
            Some(_) => StoreKind::Folder(folder.path().join("store"), engine),
        };
        let platform = Platform::start(PlatformOptions {
            data_dir: folder.path().to_owned(),
            store,
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
        Self {
            tenant: platform.create_tenant(record).await.unwrap(),
            ctx: OpContext::system(id, "bench"),
            platform,
            _folder: folder,
        }
    }

    /// Imports so many customers, with the numbers of [`number`]; which import that was.
    pub(crate) async fn import(&self, customers: u64) -> ImportId {
        let settings = ImportSettings {
            format: ImportFormat::Csv,
            encoding: "utf-8".into(),
            columns: [].into(),
            dry_run: false,
        };
        let import: ImportId = "all".parse().unwrap();
        self.tenant
            .begin_import(&self.ctx, import.clone(), settings)
            .await
            .unwrap();
        let mut row = 0;
        while row < customers {
            let mut part = String::new();
            if row == 0 {
                part.push_str("tel,name,language\n");
            }
            for n in row..customers.min(row + ROWS_OF_A_PART) {
                writeln!(part, "{},Customer {n},zh-CN", number(n)).unwrap();
            }
            row = self
                .tenant
                .import_part(&self.ctx, &import, row, part.into_bytes())
                .await
                .unwrap()
                .rows;
        }
        import
    }
}

/// The number of an imported customer.
pub(crate) fn number(n: u64) -> String {
    format!("+86138{n:08}")
}

/// What so many of these took at the most, a share from 0 to 1.
pub(crate) fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share) as usize]
}
