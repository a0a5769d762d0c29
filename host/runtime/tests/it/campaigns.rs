//! Campaigns and attempts while several do something at once.

use jackfield_contact::decision::Outcome;
use jackfield_registry::BindRequest;
use jackfield_runtime::{AttemptRecord, Tenant};
use jackfield_types::{Channel, Timestamp, limits};
use serde_json::json;
use tokio::task::JoinSet;

use crate::faults::{Site, check, ctx, in_time};

async fn bind(tenant: &Tenant) -> bool {
    let request = BindRequest {
        point: "campaign:spring:outbound-rule:1".parse().unwrap(),
        plugin: "lenient".parse().unwrap(),
        version: None,
        config: json!({}),
        why: None,
        record_percent: None,
    };
    tenant.bind(&ctx(), request).await.is_ok()
}

/// Nothing is ever bound to a campaign that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_binding_and_removing_one_is_refused() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let (id, point) = (
        "spring".parse().unwrap(),
        "campaign:spring:outbound-rule:1".parse().unwrap(),
    );
    let mut removed = 0;
    for _ in 0..60 {
        tenant
            .put_campaign(
                &ctx(),
                jackfield_types::CampaignId::clone(&id),
                "Spring".into(),
                None,
            )
            .await
            .unwrap();
        let (other, gone) = (tenant.clone(), id.clone());
        let removing = tokio::spawn(async move { other.remove_campaign(&ctx(), &gone).await.is_ok() });
        let bound = bind(&tenant).await;
        let gone = removing.await.unwrap();
        assert!(bound != gone, "bound {bound}, removed {gone}");
        assert_eq!(tenant.campaign(&ctx(), &id).await.is_ok(), bound);
        if bound {
            tenant.unbind(&ctx(), &point, None).await.unwrap();
        }
        removed += usize::from(gone);
    }
    assert!(removed > 0, "removing never came first");
    in_time(platform.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_reported_at_once_are_as_many_as_are_kept() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    let mut reports = JoinSet::new();
    for n in 0..limits::MAX_PAST_ATTEMPTS as u64 + 40 {
        let record = AttemptRecord {
            number: check().number,
            channel: Channel::Voice,
            purpose: "sales".into(),
            campaign: None,
            at: Timestamp(now - n),
            outcome: Outcome::Unanswered,
            reported_by: "test".into(),
        };
        let tenant = tenant.clone();
        reports.spawn(async move { tenant.record_attempt(&ctx(), &record).await.unwrap() });
    }
    reports.join_all().await;
    let customer = format!("tel:{}", check().number).parse().unwrap();
    let erased = tenant.erase_decisions(&ctx(), &customer).await.unwrap();
    assert_eq!(erased.attempts, limits::MAX_PAST_ATTEMPTS as u64);
    in_time(platform.shutdown()).await;
}
