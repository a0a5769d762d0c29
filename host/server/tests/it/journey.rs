//! A telephone call from end to end: sipp calls, plugins decide, baresip answers.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_testkit::{Baresip, Server, sipp};
use jackfield_voice::softphone::{PhoneEvent, Softphone, SoftphoneOptions, tone, tone_level};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");
const CHINESE: &str = "+861055550100";
const ENGLISH: &str = "+442079460100";
const PATIENCE: Duration = Duration::from_secs(60);

fn server(data: &Path) -> Server {
    Server::start(Path::new(BINARY), data)
}

async fn phone(server: &Server, user: &str, password: Option<&str>) -> Softphone {
    let options = SoftphoneOptions::loopback(server.sip, user);
    let mut phone = Softphone::start(SoftphoneOptions {
        password: password.map(str::to_owned),
        ..options
    })
    .await
    .unwrap();
    if password.is_some() {
        phone.register(Duration::from_secs(600)).await.unwrap();
    }
    phone
}

/// How well a channel of a recording holds a tone somewhere: 1 is a pure one.
fn best_tone(samples: &[i16], hz: f64) -> f64 {
    samples
        .chunks(1_600)
        .map(|chunk| tone_level(chunk, hz))
        .fold(0.0, f64::max)
}

/// The types of an interaction's events, in order.
fn story(api: &jackfield_testkit::Api, interaction: &str) -> Vec<Value> {
    let page = api.see(&format!("/v1/interactions/{interaction}/events"));
    page["items"].as_array().unwrap().clone()
}

fn position(story: &[Value], kind: &str) -> usize {
    story
        .iter()
        .position(|event| event["type"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {story:#?}"))
}

#[test]
fn sipp_calls_plugins_decide_baresip_answers_and_all_of_it_is_known_afterwards() {
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path());
    // Only anna has a phone, so the call goes to her; her Chinese is weak, so the strategy relaxes first.
    let (status, body) = server.api.put(
        "/v1/bindings/number:+861055550100",
        &json!({ "plugin": "ivr-menu", "config": { "language-skill": false } }),
    );
    assert_eq!(status, 200, "{body}");
    let agent = Baresip::start(server.sip, "anna.demo", "demo-anna-phone", 440);
    let sip = server.sip;
    let caller = std::thread::spawn(move || sipp(sip, false, CHINESE, include_str!("sipp/customer.xml")));
    let mut events = server.api.events();
    let started = events.wait_type("interaction-started");
    let id = started["interaction"].as_str().unwrap().to_owned();
    assert_eq!(started["caller"], "+8613900139000");
    assert_eq!(started["caller_name"], "Li Lei");
    events.wait_type("connected");
    // They talk for a while, until the agent hangs up.
    std::thread::sleep(Duration::from_secs(4));
    agent.hang_up();
    events.wait_type("survey-answered");
    caller.join().unwrap();
    events.wait_for("the end of it all", PATIENCE, |event| {
        event["type"] == "closed" && event["interaction"] == *id
    });

    let story = story(&server.api, &id);
    let order = [
        "interaction-started",
        "flow-decided",
        "digits-entered",
        "queued",
        "offered",
        "connected",
        "recording-started",
        "agent-left",
        "survey-answered",
        "interaction-ended",
        "recording-stored",
        "evaluated",
        "tagged",
        "closed",
    ];
    let positions: Vec<_> = order.iter().map(|kind| position(&story, kind)).collect();
    assert!(positions.is_sorted(), "{order:?} at {positions:?}");
    let of = |kind: &str| &story[position(&story, kind)];
    assert_eq!(of("digits-entered")["digits"], "2");
    assert_eq!(of("queued")["queue"], "support");
    assert_eq!(of("offered")["by"]["plugin"], "skills-routing");
    assert!(of("offered")["by"]["fuel"].as_u64().unwrap() > 0);
    assert_eq!(of("survey-answered")["answer"]["value"], 5);
    assert_eq!(of("evaluated")["by"]["plugin"], "etiquette-scorecard");

    let call = server.api.see(&format!("/v1/interactions/{id}"));
    assert_eq!(call["agent"], "anna");
    assert!(call["talked_ms"].as_u64().unwrap() >= 4_000, "{call}");
    assert!((0.0..=100.0).contains(&call["score"].as_f64().unwrap()), "{call}");
    let wav = server.api.bytes(&format!("/v1/interactions/{id}/recording"));
    let mut reader = hound::WavReader::new(&wav[..]).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
    let side = |offset: usize| {
        samples
            .iter()
            .skip(offset)
            .step_by(2)
            .copied()
            .collect::<Vec<_>>()
    };
    let (left, right) = (side(0), side(1));
    assert!(
        best_tone(&left, 500.0) > 0.7,
        "the customer is on the left: {}",
        best_tone(&left, 500.0)
    );
    assert!(
        best_tone(&right, 440.0) > 0.7,
        "the agent is on the right: {}",
        best_tone(&right, 440.0)
    );
    assert!(
        best_tone(&left, 440.0) < 0.2 && best_tone(&right, 500.0) < 0.2,
        "the channels are apart"
    );

    let customer = server.api.see("/v1/customers/tel:+8613900139000");
    assert!(!customer["tags"].as_array().unwrap().is_empty(), "{customer}");
    assert_eq!(customer["name"], "Li Lei");
}

#[tokio::test(flavor = "multi_thread")]
async fn routing_is_swapped_while_calls_wait_and_not_one_is_lost() {
    const CALLERS: usize = 6;
    let data = tempfile::tempdir().unwrap();
    let server = server(data.path());
    let api = server.api.clone();
    let mut anna = phone(&server, "anna.demo", Some("demo-anna-phone")).await;
    for agent in ["anna", "bo", "chen"] {
        let (status, body) = api.put(
            &format!("/v1/agents/{agent}/state"),
            &json!({ "state": "break", "reason": "lunch" }),
        );
        assert!(status < 300, "{body}");
    }
    let (status, body) = api.put(
        "/v1/queues/support",
        &json!({ "name": "Support", "wrap_up_ms": 0, "max_wait_ms": 600_000, "offer_timeout_ms": 15_000 }),
    );
    assert!(status < 300, "{body}");
    let mut events = api.events();
    let customer = phone(&server, "+442079460001", None).await;
    let mut calls = Vec::new();
    for _ in 0..CALLERS {
        let mut call = customer.call(ENGLISH).unwrap();
        call.answered().await.unwrap();
        call.send_digits("0");
        calls.push(call);
    }
    let mut events = tokio::task::spawn_blocking(move || {
        for _ in 0..CALLERS {
            events.wait_type("queued");
        }
        events
    })
    .await
    .unwrap();
    // Everybody waits. Another strategy is uploaded and bound.
    let wasm =
        std::fs::read(jackfield_testkit::plugins_dir(Path::new(BINARY)).join("longest-idle-0.1.0.wasm"))
            .unwrap();
    let (status, body) = api.upload(&wasm);
    assert!(status < 300, "{body}");
    let (status, body) = api.put("/v1/bindings/queue:support", &json!({ "plugin": "longest-idle" }));
    assert!(status < 300, "{body}");
    let (status, body) = api.put("/v1/agents/anna/state", &json!({ "state": "available" }));
    assert!(status < 300, "{body}");
    for _ in 0..CALLERS {
        let mut ringing = tokio::time::timeout(PATIENCE, anna.incoming())
            .await
            .expect("the next call rings")
            .unwrap();
        ringing.answer();
        ringing.answered().await.unwrap();
        ringing.play(tone(600.0, Duration::from_secs(1)));
        ringing.wait_for(PhoneEvent::Played).await.unwrap();
        ringing.hang_up();
        ringing.ended().await;
    }
    drop(calls);
    let seen = tokio::task::spawn_blocking(move || {
        let mut closed = 0;
        while closed < CALLERS {
            events.wait_type("closed");
            closed += 1;
        }
        events.seen
    })
    .await
    .unwrap();
    let of = |kind: &str| {
        seen.iter()
            .filter(|event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("connected").len(), CALLERS, "not one call is lost");
    for offer in of("offered") {
        assert_eq!(
            offer["by"]["plugin"], "longest-idle",
            "the next decision is the new version's: {offer}"
        );
    }
    assert!(
        of("interaction-ended")
            .iter()
            .all(|event| event["abandoned"].is_null())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_call_it_knows_everything_it_had_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let first = server(data.path());
    let mut bo = phone(&first, "bo.demo", Some("demo-bo-phone")).await;
    let (status, body) = first.api.put(
        "/v1/agents/chen/state",
        &json!({ "state": "break", "reason": "training" }),
    );
    assert!(status < 300, "{body}");
    let customer = phone(&first, "+8613800138000", None).await;
    let mut talking = customer.call(CHINESE).unwrap();
    talking.answered().await.unwrap();
    talking.send_digits("1");
    let mut ringing = tokio::time::timeout(PATIENCE, bo.incoming())
        .await
        .expect("bo's phone rings")
        .unwrap();
    ringing.answer();
    ringing.answered().await.unwrap();
    let mut waiting = customer.call(CHINESE).unwrap();
    waiting.answered().await.unwrap();
    waiting.send_digits("1");
    let mut events = first.api.events();
    let events = tokio::task::spawn_blocking(move || {
        events.wait_type("connected");
        events.wait_type("queued");
        events.seen
    })
    .await
    .unwrap();
    let agents_before = first.api.see("/v1/agents");
    first.kill();
    let killed_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;

    let second = server(data.path());
    let mut after = second.api.events();
    let seen = tokio::task::spawn_blocking(move || {
        after.wait_type("orphaned");
        after.wait_type("orphaned");
        after.seen
    })
    .await
    .unwrap();
    assert_eq!(
        seen[..events.len()],
        events[..],
        "every acknowledged event is there, unchanged"
    );
    let live = second.api.see("/v1/interactions?live=true");
    assert_eq!(live["items"].as_array().unwrap().len(), 0, "{live}");
    let orphaned = second.api.see("/v1/interactions");
    assert!(
        orphaned["items"].as_array().unwrap().iter().all(|call| {
            let ending = &call["ending"];
            call["orphaned"] == true && ending["by"] == "restart" && ending["at"].as_u64() <= Some(killed_at)
        }),
        "{orphaned}"
    );
    let agents = second.api.see("/v1/agents");
    let names = |agents: &Value| {
        agents["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|agent| agent["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&agents), names(&agents_before));
    let queue = second.api.see("/v1/queues/sales");
    assert_eq!(
        queue["status"]["waiting"].as_u64().or(queue["waiting"].as_u64()),
        Some(0),
        "{queue}"
    );
}
