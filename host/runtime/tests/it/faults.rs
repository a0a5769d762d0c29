//! A slow disk, a full one, and none.

use std::time::Duration;

use jackfield_contact::Centre;
use jackfield_contact::config::{NumberConfig, QueueConfig};
use jackfield_contact::decision::{Consent, Verdict};
use jackfield_contact::input::Input;
use jackfield_contact::leg::LegEvent;
use jackfield_registry::BindRequest;
use jackfield_runtime::{
    OutboundCheck, OutboundError, Platform, PlatformOptions, PluginOptions, StartError, StoreKind,
    SubmitError, Tenant, TenantRecord, UsageQuery,
};
use jackfield_store::FaultyDisk;
use jackfield_testkit::guest::lenient_rule;
use jackfield_types::{Channel, E164, InteractionId, LegId, OpContext, QueueId, TenantId, Timestamp};
use serde_json::json;
use tempfile::TempDir;

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
const NUMBER: &str = "+442079460100";

/// A platform without voice over a disk that outlives it.
pub(crate) struct Site {
    pub(crate) disk: FaultyDisk,
    data: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            disk: FaultyDisk::new().unwrap(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    /// Where the full-text indexes of tenants lie.
    pub(crate) fn indexes(&self) -> std::path::PathBuf {
        self.data.path().join("knowledge")
    }

    /// What a process does at its start.
    pub(crate) async fn start(&self) -> Result<Platform, StartError> {
        Platform::start(PlatformOptions {
            data_dir: self.data.path().to_owned(),
            store: StoreKind::Opened(self.disk.open()?),
            voice: None,
            plugins: PluginOptions::default(),
        })
        .await
    }

    /// With a tenant that has a queue, a number that leads there, and an outbound rule that allows everything.
    pub(crate) async fn open(&self) -> (Platform, Tenant) {
        let platform = self.start().await.unwrap();
        let record = TenantRecord {
            id: id(),
            name: "Acme".into(),
            created_at: Timestamp(1),
        };
        let tenant = platform.create_tenant(record).await.unwrap();
        tenant.submit(queue("support")).await.unwrap();
        let number = NumberConfig {
            number: E164::new(NUMBER).unwrap(),
            name: "Hotline".into(),
            language: "en".into(),
            default_queue: "support".parse().unwrap(),
        };
        tenant.submit(Input::SetNumber(number)).await.unwrap();
        let registry = platform.registry();
        registry
            .upload(&ctx(), lenient_rule("1.0.0"), None, Timestamp(1))
            .await
            .unwrap();
        let request = BindRequest {
            point: "tenant:outbound-rule".parse().unwrap(),
            plugin: "lenient".parse().unwrap(),
            version: None,
            config: json!({}),
            why: None,
            record_percent: None,
        };
        registry.bind(&ctx(), request, Timestamp(1)).await.unwrap();
        (platform, tenant)
    }
}

pub(crate) fn id() -> TenantId {
    TenantId::new("acme").unwrap()
}

pub(crate) fn ctx() -> OpContext {
    OpContext::system(id(), "test")
}

fn queue(id: &str) -> Input {
    Input::SetQueue(QueueConfig::new(id.parse().unwrap(), "A queue"))
}

fn call(interaction: InteractionId) -> Input {
    Input::CallArrived {
        interaction,
        caller: "+8613800138000".into(),
        caller_name: None,
        number: E164::new(NUMBER).unwrap(),
        customer: "tel:+8613800138000".parse().ok(),
        last_agent: None,
    }
}

fn answered(interaction: InteractionId) -> Input {
    Input::Leg {
        leg: LegId::customer(interaction),
        event: LegEvent::Answered,
    }
}

fn new_call() -> InteractionId {
    uuid::Uuid::now_v7().to_string().parse().unwrap()
}

pub(crate) fn check() -> OutboundCheck {
    OutboundCheck {
        number: E164::new("+33612345678").unwrap(),
        channel: Channel::Voice,
        purpose: "survey".into(),
        campaign: None,
        jurisdiction: None,
        consent: Some(Consent::Given),
        zones: vec![],
        holidays: vec![],
        at: None,
        attempts: vec![],
    }
}

/// Calls that wait in the queue.
async fn waiting(tenant: &Tenant) -> usize {
    let support: QueueId = "support".parse().unwrap();
    let status = tenant.read(move |centre| centre.queue_status(&support, Channel::Voice, Timestamp(0)));
    status.await.unwrap().unwrap().waiting as usize
}

/// Waits until a call is in the queue, told of each change by the journal.
async fn until_waiting(tenant: &Tenant, calls: usize) {
    let mut entries = tenant.subscribe();
    let wait = async {
        while waiting(tenant).await != calls {
            entries.recv().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

async fn journaled(tenant: &Tenant) -> u64 {
    tenant.journal_len(&ctx()).await.unwrap()
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// Nothing is acknowledged before it is durable, nobody is lost meanwhile, and it goes on by itself.
#[tokio::test]
async fn on_a_slow_disk_callers_wait_and_are_all_served_when_it_is_fast_again() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let before = journaled(&tenant).await;
    site.disk.slow();
    let calls: Vec<_> = (0..20).map(|_| new_call()).collect();
    let asked: Vec<_> = calls
        .iter()
        .map(|call_id| {
            let (tenant, call_id) = (tenant.clone(), *call_id);
            tokio::spawn(async move {
                tenant.submit(call(call_id)).await?;
                tenant.submit(answered(call_id)).await
            })
        })
        .collect();
    let mut checking = Box::pin(tenant.check_outbound(check()));
    tokio::select! {
        early = &mut checking => panic!("too early: {early:?}"),
        () = site.disk.holding() => {}
    }
    // The rule has decided long ago, and its answer must not be acted on before it is in the journal.
    for _ in 0..200 {
        tokio::select! {
            biased;
            early = &mut checking => panic!("too early: {early:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(asked.iter().all(|asked| !asked.is_finished()));
    assert_eq!(journaled(&tenant).await, before);
    platform.ready().await.unwrap();

    site.disk.heal();
    for asked in asked {
        in_time(asked).await.unwrap().unwrap();
    }
    until_waiting(&tenant, calls.len()).await;
    assert_eq!(in_time(checking).await.unwrap().ruling.verdict, Verdict::Allow);
    in_time(platform.shutdown()).await;

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    for call_id in calls {
        let row = tenant.interaction(&ctx(), call_id).await.unwrap();
        assert!(row.is_some(), "{call_id} is told of");
    }
    in_time(platform.shutdown()).await;
}

/// Who looks sees what is durable, and need not wait until what came along is; who wants something looks at once when it is.
#[tokio::test]
async fn looking_waits_for_no_commit_but_the_one_under_way() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let (first, second): (QueueId, QueueId) = ("first".parse().unwrap(), "second".parse().unwrap());
    let there = |queue: &QueueId| {
        let queue = queue.clone();
        move |centre: &Centre| centre.queue(&queue).is_some()
    };
    site.disk.slow();
    let set = tenant.submit_and(queue("first"), there(&first));
    let meanwhile = async {
        site.disk.holding().await;
        // Both come while the first is written, in this order.
        let set = tenant.submit_and(queue("second"), there(&second));
        let seen = tenant.read(there(&second));
        let healed = async { site.disk.heal() };
        tokio::join!(biased; set, seen, healed)
    };
    let (first, (second, seen, ())) = in_time(async { tokio::join!(set, meanwhile) }).await;
    assert_eq!((first, second), (Ok(true), Ok(true)));
    assert_eq!(seen, Ok(false), "the second is not durable yet");
    in_time(platform.shutdown()).await;
}

/// What is not durable is refused with the reason; the process ends instead of hanging, and the next one has all that
/// was acknowledged.
#[tokio::test]
async fn a_full_disk_ends_the_process_and_loses_nothing_that_was_acknowledged() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let live = new_call();
    tenant.submit(call(live)).await.unwrap();
    tenant.submit(answered(live)).await.unwrap();
    until_waiting(&tenant, 1).await;
    let checked = tenant.check_outbound(check()).await.unwrap();
    assert_eq!(checked.ruling.verdict, Verdict::Allow);
    tenant.usage(&UsageQuery::last_30_days()).await.unwrap();
    let acknowledged = journaled(&tenant).await;

    site.disk.fill();
    for _ in 0..2 {
        let refused = in_time(tenant.submit(queue("late"))).await.unwrap_err();
        let SubmitError::Unavailable(why) = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("the tenant's loop has stopped"), "{why}");
    }
    let refused = in_time(tenant.check_outbound(check())).await.unwrap_err();
    assert!(
        matches!(refused, OutboundError::Submit(_)),
        "not allowed: {refused:?}"
    );
    let why = in_time(platform.store().failure()).await.to_string();
    assert!(why.contains("no space left on the disk"), "{why}");
    platform.ready().await.unwrap_err();
    drop(tenant);
    in_time(platform.shutdown()).await;

    site.disk.heal();
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    let mut entries = tenant.subscribe();
    let known = tenant.read(|centre| centre.queues().map(|queue| queue.config.id.to_string()).collect());
    let known: Vec<String> = known.await.unwrap();
    assert_eq!(known, ["support"]);
    while journaled(&tenant).await == acknowledged {
        in_time(entries.recv()).await.unwrap();
    }
    let row = tenant.interaction(&ctx(), live).await.unwrap();
    assert!(row.is_some(), "the call is not forgotten");
    let rows = tenant.usage(&UsageQuery::last_30_days()).await.unwrap();
    assert_eq!(rows[0].decisions, 1);
    // And it serves again.
    let checked = tenant.check_outbound(check()).await.unwrap();
    assert_eq!(checked.ruling.verdict, Verdict::Allow);
    let next = new_call();
    tenant.submit(call(next)).await.unwrap();
    tenant.submit(answered(next)).await.unwrap();
    until_waiting(&tenant, 1).await;
    in_time(platform.shutdown()).await;
}

#[tokio::test]
async fn a_disk_that_is_gone_at_the_start_is_named_and_nothing_is_started_afresh() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let acknowledged = journaled(&tenant).await;
    drop(tenant);
    in_time(platform.shutdown()).await;

    site.disk.cut();
    let refused = site.start().await.err().expect("there is no disk");
    assert!(matches!(refused, StartError::Store(_)), "{refused}");
    assert!(cause(&refused).contains("the disk does not answer"), "{refused}");
    // Neither does one that is there and takes no more.
    site.disk.heal();
    let store = site.disk.open().unwrap();
    site.disk.cut();
    let refused = Platform::start(PlatformOptions {
        data_dir: site.data.path().to_owned(),
        store: StoreKind::Opened(store),
        voice: None,
        plugins: PluginOptions::default(),
    });
    let refused = in_time(refused).await.err().expect("there is no disk");
    assert!(cause(&refused).contains("the disk does not answer"), "{refused}");

    site.disk.heal();
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    assert!(journaled(&tenant).await >= acknowledged);
    let checked = tenant.check_outbound(check()).await.unwrap();
    assert_eq!(checked.ruling.verdict, Verdict::Allow);
    in_time(platform.shutdown()).await;
}

/// Reading what can't be read for a moment is an error for who asked, and for nobody else.
#[tokio::test]
async fn a_disk_that_can_not_be_read_for_a_moment_is_told_to_readers_only() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    site.disk.cut();
    let refused = tenant.journal_len(&ctx()).await.unwrap_err();
    assert!(matches!(&refused, SubmitError::Unavailable(why) if why.contains("does not answer")));
    let refused = platform.registry().plugins(&ctx()).await.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
    site.disk.heal();
    platform.ready().await.unwrap();
    assert!(journaled(&tenant).await > 0);
    tenant.submit(queue("late")).await.unwrap();
    in_time(platform.shutdown()).await;
}

/// What is behind all the sources of an error.
fn cause(mut error: &dyn std::error::Error) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
