//! Whole calls through a tenant's loop with the durable journal: 64 interactions at once, each input acknowledged when
//! its events are durable. Nothing is bound, so the default queue and the built-in rule decide. Then how long a start takes
//! that rebuilds all of it from the journal. On each embedded engine, or on the one that `JACKFIELD_ENGINE` names.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod shared;

use std::time::{Duration, Instant};

use jackfield_contact::agent::AgentState;
use jackfield_contact::config::{AgentConfig, NumberConfig, QueueConfig};
use jackfield_contact::event::Event;
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_runtime::{Platform, PlatformOptions, PluginOptions, StoreKind, Tenant, TenantRecord};
use jackfield_store::Engine;
use jackfield_types::{AgentId, Channel, E164, InteractionId, LegId, QueueId, TenantId, Timestamp};
use shared::engines;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use uuid::Uuid;

const INTERACTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(8);

fn number() -> E164 {
    E164::new("+861055550100").unwrap()
}

async fn tenant(platform: &Platform) -> Tenant {
    let tenant = platform
        .create_tenant(TenantRecord {
            id: TenantId::new("acme").unwrap(),
            name: "Acme".into(),
            created_at: Timestamp(1),
        })
        .await
        .unwrap();
    let queue = QueueId::new("support").unwrap();
    let mut config = QueueConfig::new(queue.clone(), "Support");
    (config.wrap_up_ms, config.record) = (0, false);
    tenant.submit(Input::SetQueue(config)).await.unwrap();
    let config = NumberConfig {
        number: number(),
        name: "Main".into(),
        language: "en".into(),
        default_queue: queue.clone(),
    };
    tenant.submit(Input::SetNumber(config)).await.unwrap();
    for n in 0..INTERACTIONS {
        let agent = AgentId::new(&format!("agent-{n}")).unwrap();
        let config = AgentConfig {
            id: agent.clone(),
            name: "Agent".into(),
            skills: [].into(),
            queues: [queue.clone()].into(),
            capacity: [(Channel::Voice, 1)].into(),
            blended: false,
        };
        tenant.submit(Input::SetAgent(config)).await.unwrap();
        let registered = true;
        let phone = Input::Phone {
            agent: agent.clone(),
            registered,
        };
        tenant.submit(phone).await.unwrap();
        let wanted = WantedState::Available;
        tenant
            .submit(Input::RequestState { agent, wanted })
            .await
            .unwrap();
    }
    tenant
}

/// One call from its arrival to its end, each step when the one before is durable.
async fn call(tenant: &Tenant) {
    let mut journal = tenant.subscribe();
    let interaction = InteractionId::from_uuid(Uuid::now_v7());
    let arrival = Input::CallArrived {
        interaction,
        caller: "+8613800138000".into(),
        caller_name: None,
        number: number(),
        customer: None,
        last_agent: None,
    };
    tenant.submit(arrival).await.unwrap();
    let (customer, agent) = (
        LegId::customer(interaction),
        LegId {
            interaction,
            number: 1,
        },
    );
    let tell = async |leg, event| tenant.submit(Input::Leg { leg, event }).await.unwrap();
    tell(customer, LegEvent::Answered).await;
    loop {
        match journal.recv().await {
            Ok(entry) if entry.recorded.event.interaction() == Some(interaction) => {
                if matches!(entry.recorded.event, Event::Offered { .. }) {
                    break;
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                let offered = tenant.read(move |centre| {
                    let agents = centre.agents().filter(|it| it.interaction == Some(interaction));
                    agents
                        .filter(|it| matches!(it.state, AgentState::Reserved))
                        .count()
                });
                if offered.await.unwrap() > 0 {
                    break;
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
    drop(journal);
    for event in [
        LegEvent::Ringing,
        LegEvent::Answered,
        LegEvent::Held,
        LegEvent::Resumed,
        LegEvent::Ended {
            cause: Cause::Normal,
            sip_status: None,
        },
    ] {
        tell(agent, event).await;
    }
}

async fn measure(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Platform::start(PlatformOptions {
            data_dir: folder.path().to_owned(),
            store: StoreKind::Folder(folder.path().join("store"), Some(engine)),
            voice: None,
            plugins: PluginOptions::default(),
        })
    };
    let platform = start().await.unwrap();
    let tenant = tenant(&platform).await;
    let end = Instant::now() + WARM_UP + MEASURED;
    let mut callers = JoinSet::new();
    for _ in 0..INTERACTIONS {
        let tenant = tenant.clone();
        callers.spawn(async move {
            while Instant::now() < end {
                call(&tenant).await;
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, began) = (platform.metrics().snapshot(), Instant::now());
    tokio::time::sleep(MEASURED).await;
    let (after, took) = (platform.metrics().snapshot(), began.elapsed().as_secs_f64());
    callers.join_all().await;
    let (events, commits) = (after.events - before.events, after.commits - before.commits);
    let rate = events as f64 / took;
    println!("bench\truntime/journal-64-interactions, {engine}\t{rate:.0}\tevents/s\t>= 15000");
    let each = events as f64 / commits as f64;
    println!("bench\truntime/journal-64-interactions/events-per-commit, {engine}\t{each:.1}\tevents");
    let written = platform.metrics().snapshot().events;
    drop(tenant);
    platform.shutdown().await;
    // The last of the tasks that hold the store end a moment after.
    let (platform, took) = loop {
        let began = Instant::now();
        match start().await {
            Ok(platform) => break (platform, began.elapsed().as_secs_f64()),
            Err(error) => assert!(end.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    println!("bench\truntime/rebuild-of-{written}-events, {engine}\t{took:.2}\ts");
    let rate = written as f64 / took;
    println!("bench\truntime/rebuilt, {engine}\t{rate:.0}\tevents/s");
    platform.shutdown().await;
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for engine in engines() {
        shared::run(measure(engine));
    }
}
