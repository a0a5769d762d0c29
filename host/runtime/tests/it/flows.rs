//! Conversations in progress stay with the version that wrote their state, also over a restart.

use jackfield_contact::config::ChatEntryConfig;
use jackfield_contact::event::Event;
use jackfield_contact::input::{Draft, Input};
use jackfield_registry::BindRequest;
use jackfield_runtime::{Platform, Tenant};
use jackfield_store::{Scan, Space, Tx};
use jackfield_testkit::guest::{keeping_chat, refusing_chat};
use jackfield_types::{ExtensionPoint, InteractionId, PluginKind, Timestamp};
use serde_json::json;

use crate::faults::{Site, ctx, id, in_time};

fn point() -> ExtensionPoint {
    "chat:web".parse().unwrap()
}

/// Versions as they come: 1 to 3, each with another schema. The odd ones take over what others have written.
async fn bind(platform: &Platform, version: u64) {
    let number = format!("{version}.0.0");
    let schema = u32::try_from(version).unwrap();
    let wasm = match version % 2 {
        1 => keeping_chat(&number, schema),
        _ => refusing_chat(&number, schema),
    };
    let registry = platform.registry();
    registry.upload(&ctx(), wasm, None, Timestamp(1)).await.unwrap();
    let request = BindRequest {
        point: point(),
        plugin: "chatter".parse().unwrap(),
        version: Some(number.parse().unwrap()),
        config: json!({}),
        why: None,
        record_percent: None,
    };
    registry.bind(&ctx(), request, Timestamp(1)).await.unwrap();
}

/// The customer writes; which version answers, or what is done because none does.
async fn says(tenant: &Tenant, interaction: InteractionId, text: &str) -> String {
    let mut entries = tenant.subscribe();
    let message = Draft {
        text: text.into(),
        ..Draft::default()
    };
    let written = Input::CustomerWrites { interaction, message };
    tenant.submit(written).await.unwrap();
    let answered = async {
        loop {
            match &entries.recv().await.unwrap().recorded.event {
                Event::ChatDecided { by, .. } => return by.version.to_string(),
                Event::DecisionFailed {
                    kind: PluginKind::ChatFlow,
                    fallback,
                    ..
                } => return fallback.to_string(),
                _ => {}
            }
        }
    };
    in_time(answered).await
}

/// A conversation that version 1 has begun.
async fn begun(platform: &Platform, tenant: &Tenant) -> InteractionId {
    let entry = ChatEntryConfig::new("web".parse().unwrap(), "Web", "support".parse().unwrap());
    tenant.submit(Input::SetChatEntry(entry)).await.unwrap();
    bind(platform, 1).await;
    let ctx = ctx();
    let chat = tenant.begin_chat(&ctx, "web".parse().unwrap(), "visitor".into(), None);
    let interaction = chat.await.unwrap();
    assert_eq!(says(tenant, interaction, "hello").await, "1.0.0");
    interaction
}

async fn restarted(site: &Site, platform: Platform, tenant: Tenant) -> (Platform, Tenant) {
    drop(tenant);
    in_time(platform.shutdown()).await;
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    (platform, tenant)
}

#[tokio::test]
async fn a_conversation_stays_with_its_version_over_a_restart() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let interaction = begun(&platform, &tenant).await;
    // The version before, then one that is only in the history: neither of the new ones reads its state.
    bind(&platform, 2).await;
    assert_eq!(says(&tenant, interaction, "one").await, "1.0.0");
    let (platform, tenant) = restarted(&site, platform, tenant).await;
    assert_eq!(says(&tenant, interaction, "two").await, "1.0.0");
    bind(&platform, 4).await;
    let (platform, tenant) = restarted(&site, platform, tenant).await;
    assert_eq!(says(&tenant, interaction, "three").await, "1.0.0");
    // One that takes the state over has it from then on, after another restart, too.
    bind(&platform, 3).await;
    let (platform, tenant) = restarted(&site, platform, tenant).await;
    assert_eq!(says(&tenant, interaction, "four").await, "3.0.0");
    bind(&platform, 2).await;
    let (_platform, tenant) = restarted(&site, platform, tenant).await;
    assert_eq!(says(&tenant, interaction, "five").await, "3.0.0");
}

#[tokio::test]
async fn a_conversation_whose_version_is_gone_goes_to_a_human() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let interaction = begun(&platform, &tenant).await;
    bind(&platform, 2).await;
    // As if it had been another point's, or of a folder that was put together anew.
    let history = Space::new("binding-history");
    let store = platform.store().clone();
    let rows = store
        .scan(&ctx(), history, Scan::prefix("chat:web "))
        .await
        .unwrap()
        .rows;
    let first = rows.first().unwrap().key.clone();
    store
        .commit(&ctx(), Tx::new().delete(history, first))
        .await
        .unwrap();
    let (_platform, tenant) = restarted(&site, platform, tenant).await;
    assert_eq!(says(&tenant, interaction, "two").await, "default-queue");
    let waits = tenant.read(move |centre| centre.interaction(interaction).unwrap().queue.clone());
    assert_eq!(waits.await.unwrap(), Some("support".parse().unwrap()));
}
