//! Replays beside live decisions.

use std::time::{Duration, Instant};

use jackfield_runtime::{RecordQuery, ReplayRequest, TenantRecord};
use jackfield_testkit::guest::busy_rule;
use jackfield_types::{OpContext, TenantId, Timestamp};

use crate::faults::{Site, check, ctx, in_time};

/// Who replays a long day on a slow candidate delays neither the own calls nor those of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_delays_no_live_decision() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let other = TenantRecord {
        id: TenantId::new("other").unwrap(),
        name: "Other".into(),
        created_at: Timestamp(1),
    };
    let other = platform.create_tenant(other).await.unwrap();
    let theirs = OpContext::system(other.id().clone(), "test");
    for (ctx, tenant) in [(&ctx(), &tenant), (&theirs, &other)] {
        let registry = platform.registry();
        let rule = jackfield_testkit::guest::lenient_rule("1.0.0");
        registry.upload(ctx, rule, None, Timestamp(1)).await.unwrap();
        registry
            .upload(ctx, busy_rule("1.0.0", 300_000), None, Timestamp(1))
            .await
            .unwrap();
        let request = jackfield_registry::BindRequest {
            point: "tenant:outbound-rule".parse().unwrap(),
            plugin: "lenient".parse().unwrap(),
            version: None,
            config: serde_json::json!({}),
            why: None,
            record_percent: None,
        };
        registry.bind(ctx, request, Timestamp(2)).await.unwrap();
        for _ in 0..300 {
            in_time(tenant.check_outbound(check())).await.unwrap();
        }
    }
    let replay = ReplayRequest {
        records: RecordQuery {
            point: "tenant:outbound-rule".parse().unwrap(),
            since: Timestamp(0),
            until: Timestamp(1 << 46),
            limit: 300,
        },
        plugin: "busy".parse().unwrap(),
        version: None,
        config: None,
    };
    let replaying = {
        let (tenant, other, theirs) = (tenant.clone(), other.clone(), theirs.clone());
        let again = replay.clone();
        tokio::spawn(async move {
            let (one, two) = (ctx(), theirs);
            tokio::join!(tenant.replay(&one, replay), other.replay(&two, again))
        })
    };
    let (mut live, mut longest) = (0, Duration::ZERO);
    while !replaying.is_finished() {
        for tenant in [&tenant, &other] {
            let asked = Instant::now();
            let checked = in_time(tenant.check_outbound(check())).await.unwrap();
            assert!(checked.rules[0].point.to_string() == "tenant:outbound-rule");
            longest = longest.max(asked.elapsed());
            live += 1;
        }
    }
    let (one, two) = replaying.await.unwrap();
    for report in [one.unwrap(), two.unwrap()] {
        assert_eq!((report.decisions, report.failures), (300, 0), "{report:?}");
    }
    assert!(live >= 20, "only {live} live decisions were made meanwhile");
    assert!(longest < Duration::from_secs(1), "one waited {longest:?}");
    in_time(platform.shutdown()).await;
}
