//! Interactions: their story, transfer, end, recording.

use axum::body::Body;
use insta::assert_json_snapshot;
use jackfield_contact::input::Input;
use jackfield_contact::leg::{Recording, Speech};
use jackfield_types::{InteractionId, OpContext, TenantId, Timestamp};
use serde_json::json;

use crate::support::{NUMBER, PATIENCE, Reply, TestApp, request};

#[tokio::test]
async fn a_waiting_call_is_shown_whole() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let call = app.call("one", NUMBER).await;
    let shown = app.get(&format!("/v1/interactions/{call}"), &admin).await;
    assert_json_snapshot!(shown, {
        ".body.id" => "[id]", ".body.customer" => "[id]", ".body.started_at" => "[time]", ".body.stage.since" => "[time]",
        // A stretch of no length is left out, so how many there are hangs on the clock.
        ".body.segments" => "[segments]",
        ".body.waited_ms" => "[so far]",
    }, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "agent": null,
        "attributes": {},
        "caller": "+8613800138000",
        "caller_name": null,
        "channel": "voice",
        "customer": "[id]",
        "ending": null,
        "id": "[id]",
        "number": "+442079460100",
        "orphaned": false,
        "queue": "support",
        "recording": null,
        "score": null,
        "segments": "[segments]",
        "stage": {
          "name": "queued",
          "queue": "support",
          "since": "[time]"
        },
        "started_at": "[time]",
        "surveys": [],
        "talked_ms": 0,
        "waited_ms": "[so far]"
      }
    }
    "##);
    let events = app.events(&admin, call).await;
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types.first(), Some(&"interaction-started"));
    assert!(types.contains(&"queued"), "{types:?}");
    let customer = app.get("/v1/customers/tel:+8613800138000", &admin).await.ok();
    assert_json_snapshot!(customer.body, {".id" => "[id]", ".first_seen_at" => "[time]", ".last_seen_at" => "[time]"}, @r##"
    {
      "attributes": {},
      "consents": [],
      "first_seen_at": "[time]",
      "id": "[id]",
      "identities": [
        "tel:+8613800138000"
      ],
      "interactions": 1,
      "language": null,
      "last_agent": null,
      "last_seen_at": "[time]",
      "links": [],
      "merged": [],
      "name": null,
      "preferences": {
        "channel": null,
        "hours": [],
        "zone": null
      },
      "relationship": {
        "account_manager": null,
        "products": [],
        "since": null
      },
      "tags": []
    }
    "##);
}

#[tokio::test]
async fn what_goes_on_counts_up_to_now() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let grows = async |call: InteractionId, field: &str| {
        let look = async || {
            let at = format!("/v1/interactions/{call}");
            app.get(&at, &admin).await.ok().body[field].as_u64().unwrap()
        };
        let before = look().await;
        let wait = async {
            while look().await <= before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    };
    grows(app.conversation("one", &admin, NUMBER).await, "talked_ms").await;
    grows(app.call("one", NUMBER).await, "waited_ms").await;
    let listed = app.get("/v1/interactions?limit=1", &admin).await.ok();
    assert!(listed.body["items"][0]["waited_ms"].as_u64() > Some(0));
}

#[tokio::test]
async fn lists_are_filtered_and_newest_first() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let (older, newer) = (app.call("one", NUMBER).await, app.call("one", NUMBER).await);
    let ids = async |query: &str| {
        let page = app.get(&format!("/v1/interactions{query}"), &admin).await.ok();
        let items = page.body["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [newer.to_string(), older.to_string()]);
    assert_eq!(ids("?live=true&queue=support&limit=1").await, [newer.to_string()]);
    assert_eq!(ids("?live=false").await, [""; 0]);
    assert_eq!(ids("?agent=anna").await, [""; 0]);
    assert_eq!(ids("?since=99999999999999").await, [""; 0]);
    let page = app.get("/v1/interactions?limit=1", &admin).await.ok();
    let cursor = page.text("/next");
    assert_eq!(
        ids(&format!("?limit=1&cursor={cursor}")).await,
        [older.to_string()]
    );
}

#[tokio::test]
async fn a_conversation_is_transferred_and_ended() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.put("/v1/queues/billing", &admin, json!({"name": "Billing"}))
        .await
        .ok();
    let call = app.conversation("one", &admin, NUMBER).await;
    let at = format!("/v1/interactions/{call}");

    let nowhere = app
        .post(&format!("{at}/transfer"), &admin, json!({"queue": "nowhere"}))
        .await;
    assert!(
        matches!(nowhere.problem(), (404 | 422, "unknown-queue", _)),
        "{nowhere:?}"
    );
    let moved = app
        .post(&format!("{at}/transfer"), &admin, json!({"queue": "billing"}))
        .await
        .ok();
    assert_eq!(
        (moved.text("/stage/name"), moved.text("/stage/queue")),
        ("queued", "billing")
    );
    let again = app
        .post(&format!("{at}/transfer"), &admin, json!({"queue": "support"}))
        .await;
    assert_eq!(again.problem().0, 409, "only who talks is transferred");

    app.post(&format!("{at}/end"), &admin, json!({})).await.ok();
    app.leg(
        "one",
        jackfield_types::LegId::customer(call),
        jackfield_contact::leg::LegEvent::Ended {
            cause: jackfield_contact::leg::Cause::Normal,
            sip_status: None,
        },
    )
    .await;
    let shown = app.get(&at, &admin).await.ok();
    assert_eq!(
        (shown.text("/stage/name"), shown.text("/ending/by")),
        ("ended", "system")
    );
    let unknown = "/v1/interactions/019b76da-0000-7000-8000-000000000000";
    assert_eq!(
        app.get(unknown, &admin).await.problem(),
        (404, "unknown-interaction", "")
    );
}

/// A call with a recording of these bytes.
async fn recorded(app: &TestApp, admin: &str, sound: &[u8]) -> InteractionId {
    let call = app.conversation("one", admin, NUMBER).await;
    let ctx = OpContext::system(TenantId::new("one").unwrap(), "test");
    let digest = app
        .platform
        .store()
        .blobs()
        .put_stream(&ctx, sound)
        .await
        .unwrap();
    let recording = Recording {
        file: "gone.wav".into(),
        started_at: Timestamp(1),
        length_ms: 1_000,
        speech: Speech::default(),
    };
    let stored = Input::RecordingStored {
        interaction: call,
        digest,
        recording,
    };
    app.handle("one").submit(stored).await.unwrap();
    call
}

async fn range(app: &TestApp, key: &str, call: InteractionId, range: &str) -> Reply {
    let path = format!("/v1/interactions/{call}/recording");
    app.send(
        request("GET", &path, key)
            .header("range", range)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn a_recording_is_given_whole_and_in_stretches() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let sound: Vec<u8> = (0..700_000_u32).map(|at| (at / 7) as u8).collect();
    let call = recorded(&app, &admin, &sound).await;

    let whole = app
        .get(&format!("/v1/interactions/{call}/recording"), &admin)
        .await
        .ok();
    assert_eq!(whole.bytes, sound);
    assert_eq!(
        (whole.header("content-type"), whole.header("accept-ranges")),
        ("audio/wav", "bytes")
    );
    assert_eq!(whole.header("content-length"), "700000");

    for (asked, first, last) in [
        ("bytes=0-99", 0, 99),
        ("bytes=600000-", 600_000, 699_999),
        ("bytes=-5", 699_995, 699_999),
    ] {
        let part = range(&app, &admin, call, asked).await;
        assert_eq!(
            (part.status, &part.bytes[..]),
            (206, &sound[first..=last]),
            "{asked}"
        );
        assert_eq!(
            part.header("content-range"),
            format!("bytes {first}-{last}/700000")
        );
    }
    for wrong in [
        "bytes=700000-",
        "bytes=9-2",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-1,4-5",
    ] {
        let refused = range(&app, &admin, call, wrong).await;
        assert_eq!(refused.problem(), (416, "range", "Range"), "{wrong}");
        assert_eq!(refused.header("content-range"), "bytes */700000");
    }
    let without = app.call("one", NUMBER).await;
    let missing = app
        .get(&format!("/v1/interactions/{without}/recording"), &admin)
        .await;
    assert_eq!(missing.problem(), (404, "unknown-recording", ""));
}
