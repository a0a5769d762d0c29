//! Articles go from draft to approved, and are found by who may find them, also with a slip of the pen.

use serde_json::{Value, json};

use crate::support::{NUMBER, Reply, TestApp};

fn article(title: &str, body: &str, language: &str) -> Value {
    json!({"title": title, "body": body, "language": language, "audience": ["agents", "bots"]})
}

/// Writes, reviews and approves.
async fn publish(app: &TestApp, key: &str, id: &str, body: Value) -> u64 {
    let path = format!("/v1/articles/{id}");
    let written = app.put(&path, key, body).await.ok();
    let number = written.body["version"]["number"].as_u64().unwrap();
    for step in ["review", "approve"] {
        let path = format!("{path}/versions/{number}/{step}");
        app.post(&path, key, json!({})).await.ok();
    }
    number
}

async fn search(app: &TestApp, key: &str, query: &str) -> Reply {
    app.get(&format!("/v1/knowledge/search?{query}"), key).await.ok()
}

fn ids(found: &Reply) -> Vec<&str> {
    let items = found.body["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// Pieces with what is marked in brackets.
fn marked(pieces: &Value) -> String {
    let piece = |piece: &Value| {
        let text = piece["text"].as_str().unwrap();
        if piece["hit"] == true {
            format!("[{text}]")
        } else {
            text.to_owned()
        }
    };
    pieces.as_array().unwrap().iter().map(piece).collect()
}

#[tokio::test]
async fn a_draft_is_found_once_it_is_reviewed_and_approved() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    assert_eq!(ids(&search(&app, &admin, "q=refund").await), [""; 0]);

    let path = "/v1/articles/refunds";
    let body = article("Refunds", "Money is back within <b>three</b> working days.", "en");
    let made = app.put(path, &admin, body).await.ok();
    assert_eq!(
        (made.text("/version/state"), &made.body["live"]),
        ("draft", &Value::Null)
    );
    let early = app
        .post(&format!("{path}/versions/1/approve"), &admin, json!({}))
        .await;
    assert_eq!(early.problem(), (409, "wrong-state", ""));
    app.post(&format!("{path}/versions/1/review"), &admin, json!({}))
        .await
        .ok();
    assert_eq!(ids(&search(&app, &admin, "q=refund").await), [""; 0]);
    app.post(&format!("{path}/versions/1/approve"), &admin, json!({}))
        .await
        .ok();
    let found = search(&app, &admin, "q=Refund%20working").await;
    assert_eq!(ids(&found), ["refunds"]);
    assert_eq!(marked(&found.body["items"][0]["title_pieces"]), "[Refunds]");
    let passage = marked(&found.body["items"][0]["passage"]);
    assert_eq!(passage, "Money is back within <b>three</b> [working] days.");

    // A new version changes nothing of what is found until it is approved; then it stands in its place.
    let body = article("Refunds", "Money is back at once.", "en");
    app.put(path, &admin, body).await.ok();
    assert_eq!(ids(&search(&app, &admin, "q=working").await), ["refunds"]);
    for step in ["review", "approve"] {
        app.post(&format!("{path}/versions/2/{step}"), &admin, json!({}))
            .await
            .ok();
    }
    assert_eq!(ids(&search(&app, &admin, "q=working").await), [""; 0]);
    let versions = app.get(&format!("{path}/versions"), &admin).await.ok();
    assert_eq!(versions.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(versions.text("/items/0/approved/by"), "user:admin");

    app.post(&format!("{path}/withdraw"), &admin, json!({}))
        .await
        .ok();
    assert_eq!(ids(&search(&app, &admin, "q=refund").await), [""; 0]);
    app.delete(path, &admin).await.ok();
    assert_eq!(
        app.get(path, &admin).await.problem(),
        (404, "unknown-article", "")
    );
}

#[tokio::test]
async fn chinese_and_english_are_found_with_slips_of_the_pen() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    publish(
        &app,
        &admin,
        "tuikuan",
        article("退款流程", "办理退款需要三个工作日，请保留订单号。", "zh-CN"),
    )
    .await;
    publish(
        &app,
        &admin,
        "nianfei",
        article("信用卡年费", "首年免年费，次年刷满六次免年费。", "zh-CN"),
    )
    .await;
    publish(
        &app,
        &admin,
        "passwords",
        article("Forgotten passwords", "Reset it on the sign-in page.", "en"),
    )
    .await;
    let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    for (asked, expected, title) in [
        ("怎么办理退款", "tuikuan", "[退款]流程"),
        ("信用卡", "nianfei", "[信用卡]年费"),
        // Another character in place of the right one.
        ("退歀", "tuikuan", "[退]款流程"),
        ("forgot my pasword", "passwords", "Forgotten [passwords]"),
        ("ＰＡＳＳＷＯＲＤ", "passwords", "Forgotten [passwords]"),
    ] {
        let found = search(&app, &admin, &format!("q={}", encoded(asked))).await;
        assert_eq!(ids(&found).first(), Some(&expected), "{asked} {found:#?}");
        assert_eq!(marked(&found.body["items"][0]["title_pieces"]), title, "{asked}");
    }
    let in_english = search(
        &app,
        &admin,
        &format!("q={}&language=en", encoded("退款 password")),
    )
    .await;
    assert_eq!(ids(&in_english), ["passwords"]);
    let in_chinese = search(
        &app,
        &admin,
        &format!("q={}&language=zh", encoded("退款 password")),
    )
    .await;
    assert_eq!(ids(&in_chinese), ["tuikuan"]);
    for strange in ["%00", "%22%28%29%3A%2A", "AND%20OR%20NOT", "%F0%9F%98%80"] {
        search(&app, &admin, &format!("q={strange}")).await;
    }
    for (query, field) in [
        ("q=", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=21", "limit"),
        ("q=a&language=!", "language"),
    ] {
        let refused = app.get(&format!("/v1/knowledge/search?{query}"), &admin).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field), "{query}");
    }
    let long = format!("/v1/knowledge/search?q={}", "a".repeat(513));
    assert_eq!(
        app.get(&long, &admin).await.problem(),
        (400, "invalid-value", "q")
    );
}

#[tokio::test]
async fn an_article_is_found_by_its_audience_in_its_queues_while_it_is_valid() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let anna = app.user(&admin, "anna", "agent").await;
    let mut for_all = article("Parcels to all", "parcel", "en");
    for_all["audience"] = json!(["customers", "agents"]);
    publish(&app, &admin, "all", for_all).await;
    let mut of_others = article("Parcels elsewhere", "parcel", "en");
    of_others["queues"] = json!(["billing"]);
    publish(&app, &admin, "elsewhere", of_others).await;
    let mut over = article("Parcels before", "parcel", "en");
    over["valid_until"] = json!(1_700_000_000_000_u64);
    publish(&app, &admin, "over", over).await;
    let mut later = article("Parcels some day", "parcel", "en");
    later["valid_from"] = json!(9_000_000_000_000_u64);
    publish(&app, &admin, "later", later).await;

    let found = search(&app, &admin, "q=parcel").await;
    assert_eq!(ids(&found).len(), 2, "{found:#?}");
    assert_eq!(ids(&search(&app, &anna, "q=parcel").await), ["all"]);
    assert_eq!(
        ids(&search(&app, &admin, "q=parcel&audience=customers").await),
        ["all"]
    );
    assert_eq!(
        ids(&search(&app, &admin, "q=parcel&audience=bots&queue=billing").await),
        ["elsewhere"]
    );
    // What an agent does not find, the agent does not read either.
    app.get("/v1/articles/all", &anna).await.ok();
    for id in ["elsewhere", "over", "later"] {
        let path = format!("/v1/articles/{id}");
        assert_eq!(
            app.get(&path, &anna).await.problem(),
            (404, "unknown-article", ""),
            "{id}"
        );
        app.get(&path, &admin).await.ok();
    }
    let two = app.tenant("two", "+442079460200").await;
    assert_eq!(ids(&search(&app, &two, "q=parcel").await), [""; 0]);
}

#[tokio::test]
async fn with_four_eyes_nobody_approves_the_own_work() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let sue = app.user(&admin, "sue", "supervisor").await;
    app.put("/v1/knowledge-settings", &admin, json!({"four_eyes": true}))
        .await
        .ok();
    app.put("/v1/articles/a", &sue, article("A", "a", "en"))
        .await
        .ok();
    let own = app
        .post("/v1/articles/a/versions/1/review", &sue, json!({}))
        .await;
    assert_eq!(own.problem(), (409, "own-work", ""));
    app.post("/v1/articles/a/versions/1/review", &admin, json!({}))
        .await
        .ok();
    let own = app
        .post("/v1/articles/a/versions/1/approve", &sue, json!({}))
        .await;
    assert_eq!(own.problem(), (409, "own-work", ""));
    app.post("/v1/articles/a/versions/1/approve", &admin, json!({}))
        .await
        .ok();
}

#[tokio::test]
async fn uses_are_counted_and_what_cannot_be_is_refused() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    publish(&app, &admin, "refunds", article("Refunds", "money", "en")).await;
    for _ in 0..3 {
        search(&app, &admin, "q=refunds").await;
    }
    for what in ["opened", "used", "helpful", "helpful", "unhelpful"] {
        app.post("/v1/articles/refunds/uses", &admin, json!({"what": what}))
            .await
            .ok();
    }
    let shown = app.get("/v1/articles/refunds", &admin).await.ok();
    let expected = json!({"shown": 3, "opened": 1, "used": 1, "helpful": 2, "unhelpful": 1});
    assert_eq!(shown.body["uses"], expected);
    for (field, wrong) in [
        ("title", json!("")),
        ("title", json!("x".repeat(129))),
        ("body", json!("x".repeat(16 * 1024 + 1))),
        ("body", json!("a\u{0}b")),
        ("language", json!("english language")),
        ("audience", json!([])),
        ("keywords", json!(vec!["k"; 33])),
        ("keywords", json!([""])),
        (
            "queues",
            json!((0..33).map(|n| format!("q{n}")).collect::<Vec<_>>()),
        ),
    ] {
        let mut body = article("T", "b", "en");
        body[field] = wrong;
        let refused = app.put("/v1/articles/x", &admin, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field), "{refused:#?}");
    }
    let mut body = article("T", "b", "en");
    body["valid_from"] = json!(5);
    body["valid_until"] = json!(5);
    let refused = app.put("/v1/articles/x", &admin, body).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "valid_until"));
}
