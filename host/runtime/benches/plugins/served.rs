//! Decisions as a tenant gets them, through the running platform: admission, the plugin, the record, the journal. What
//! recording costs of those, and what ten thousand tenants cost one another.

use std::time::{Duration, Instant};

use jackfield_registry::BindRequest;
use jackfield_runtime::{
    OutboundCheck, Platform, PlatformOptions, PluginOptions, StoreKind, Tenant, TenantRecord,
};
use jackfield_types::{Channel, ExtensionPoint, PluginKind};

use crate::{NOW, built, quantile, report, tenant, version};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(200);
/// Checks under way at once where throughput is measured.
const AT_ONCE: usize = 64;
const TENANTS: usize = 10_000;
const DIGESTS: usize = 100;
const ROUNDS_OF_TENANTS: usize = 5;

pub(crate) fn measure(_: &[u8]) {
    let Some(rule) = built("quiet-hours-0.1.0.wasm") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(recording(&rule));
    runtime.block_on(tenants(&rule));
}

async fn platform(folder: &tempfile::TempDir) -> Platform {
    Platform::start(PlatformOptions {
        data_dir: folder.path().to_owned(),
        store: StoreKind::Memory,
        voice: None,
        plugins: PluginOptions::default(),
    })
    .await
    .unwrap()
}

/// A tenant of its own with the rule bound, of which `percent` of the decisions are recorded.
async fn take_in(platform: &Platform, n: usize, rule: Vec<u8>, percent: u8) -> Tenant {
    let ctx = tenant(n);
    let record = TenantRecord {
        id: ctx.tenant.clone(),
        name: format!("Tenant {n}"),
        created_at: NOW,
    };
    let tenant = platform.create_tenant(record).await.unwrap();
    let registry = platform.registry();
    let uploaded = registry.upload(&ctx, rule, None, NOW).await.unwrap();
    let request = BindRequest {
        point: ExtensionPoint::Tenant(PluginKind::OutboundRule),
        plugin: uploaded.id,
        version: Some(uploaded.version),
        config: serde_json::json!({}),
        why: None,
        record_percent: Some(percent),
    };
    tenant.bind(&ctx, request).await.unwrap();
    tenant
}

fn attempt() -> OutboundCheck {
    OutboundCheck {
        number: "+8613800000001".parse().unwrap(),
        channel: Channel::Voice,
        purpose: "sales".into(),
        campaign: None,
        jurisdiction: None,
        consent: None,
        zones: vec!["Asia/Shanghai".into()],
        holidays: vec![],
        at: Some(NOW),
        attempts: vec![],
    }
}

/// Checks a second.
async fn rate(tenant: &Tenant) -> f64 {
    let began = Instant::now();
    let checking: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let tenant = tenant.clone();
            tokio::spawn(async move {
                let mut checked = 0_u64;
                while began.elapsed() < ROUND {
                    tenant.check_outbound(attempt()).await.unwrap();
                    checked += 1;
                }
                checked
            })
        })
        .collect();
    let mut checked = 0;
    for checking in checking {
        checked += checking.await.unwrap();
    }
    checked as f64 / began.elapsed().as_secs_f64()
}

async fn recording(rule: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&folder).await;
    let none = take_in(&platform, 0, rule.to_vec(), 0).await;
    let every = take_in(&platform, 1, rule.to_vec(), 100).await;
    let (mut plain, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(rate(&none).await);
        with.push(rate(&every).await);
    }
    let (plain, with) = (quantile(&mut plain, 0.5), quantile(&mut with, 0.5));
    report("served/unrecorded", plain, "/s", None);
    report("served/recorded", with, "/s", None);
    report(
        "served/record-cost",
        100.0 * (1.0 - with / plain),
        "%",
        Some("<= 20"),
    );
}

async fn tenants(rule: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&folder).await;
    let versions: Vec<Vec<u8>> = (0..DIGESTS).map(|n| version(rule, n)).collect();
    let mut tenants = Vec::with_capacity(TENANTS);
    for n in 0..TENANTS {
        tenants.push(take_in(&platform, n, versions[n % DIGESTS].clone(), 100).await);
    }
    let check = async |n: usize| {
        let began = Instant::now();
        tenants[n].check_outbound(attempt()).await.unwrap();
        began.elapsed().as_nanos() as f64
    };
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_OF_TENANTS {
        for _ in 0..TENANTS {
            one.push(check(0).await);
        }
        for n in 0..TENANTS {
            all.push(check(n * 7_919 % TENANTS).await);
        }
    }
    report(
        "served-10000/resident",
        crate::tenants::resident(),
        "MiB",
        Some("<= 1536"),
    );
    report("served-10000/median-one", quantile(&mut one, 0.5), "ns", None);
    report("served-10000/median-all", quantile(&mut all, 0.5), "ns", None);
    let (one, all) = (quantile(&mut one, 0.99), quantile(&mut all, 0.99));
    report("served-10000/p99-one", one, "ns", None);
    report("served-10000/p99-all", all, "ns", None);
    report("served-10000/p99-ratio", all / one, "times", Some("<= 2"));
}
