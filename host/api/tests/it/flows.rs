//! Conversations in progress while another version of their flow is bound.

use std::sync::Arc;

use jackfield_contact::input::Input;
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_runtime::JournalEntry;
use jackfield_types::{AgentId, LegId};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::support::{NUMBER, PATIENCE, TestApp, queueing_flow, refusing_flow};

/// The version that answered the event.
async fn decided(entries: &mut Receiver<Arc<JournalEntry>>, on: &str) -> Value {
    loop {
        let entry = entries.recv().await.unwrap();
        let event = serde_json::to_value(&entry.recorded.event).unwrap();
        if event["type"] == "flow-decided" && (event["on"] == on || event["on"].get(on).is_some()) {
            return event["by"]["version"].clone();
        }
    }
}

#[tokio::test]
async fn a_version_that_refused_a_conversation_is_not_asked_for_it_again() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, queueing_flow("1.0.0", 1)).await.ok();
    app.upload(&admin, refusing_flow("2.0.0", 2)).await.ok();
    let (point, body) = (
        format!("/v1/bindings/number:{NUMBER}"),
        json!({"plugin": "menu", "version": "1.0.0"}),
    );
    app.put(&point, &admin, body).await.ok();
    let interaction = app.call("one", NUMBER).await;
    app.put(&point, &admin, json!({"plugin": "menu", "version": "2.0.0"}))
        .await
        .ok();

    // Two more events for the flow: an agent answers, and the caller hangs up.
    let mut entries = app.handle("one").subscribe();
    let agent = AgentId::new("anna").unwrap();
    let phone = Input::Phone {
        agent,
        registered: true,
    };
    app.handle("one").submit(phone).await.unwrap();
    app.put("/v1/agents/anna/state", &admin, json!({"state": "available"}))
        .await
        .ok();
    app.until("one", interaction, "offered").await;
    let hung_up = LegEvent::Ended {
        cause: Cause::Normal,
        sip_status: None,
    };
    let leg = LegId {
        interaction,
        number: 1,
    };
    for (leg, event, on) in [
        (leg, LegEvent::Answered, "answered"),
        (LegId::customer(interaction), hung_up, "ended"),
    ] {
        app.leg("one", leg, event).await;
        let by = tokio::time::timeout(PATIENCE, decided(&mut entries, on)).await;
        assert_eq!(
            by.unwrap_or_else(|_| panic!("nothing is decided on {on}")),
            "1.0.0"
        );
    }

    let list = app
        .get(&format!("/v1/decisions?point=number:%2B{}", &NUMBER[1..]), &admin)
        .await
        .ok();
    let records = list.body["items"].as_array().unwrap();
    let of = |version: &str| -> Vec<&Value> {
        records
            .iter()
            .filter(|record| record["version"] == version)
            .collect()
    };
    assert_eq!(of("1.0.0").len(), 3, "{records:#?}");
    let refused = of("2.0.0");
    assert_eq!(refused.len(), 1, "asked once in two events: {records:#?}");
    assert!(
        refused[0]["failure"]
            .as_str()
            .unwrap()
            .starts_with("plugin-error")
    );
}
