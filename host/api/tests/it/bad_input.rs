//! What is wrong is refused with the field's name, and nothing changes.

use axum::body::Body;
use insta::assert_json_snapshot;
use jackfield_types::limits::{MAX_BODY_BYTES, MAX_COMPONENT_BYTES};
use serde_json::json;

use crate::support::{NUMBER, Site, TestApp, request};

#[tokio::test]
async fn wrong_json_names_the_field() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let cases = [
        ("{", "invalid-json", ""),
        ("[]", "invalid-value", ""),
        (
            r#" ["A", {"en": 3}, ["support"], {}, false]"#,
            "invalid-value",
            "",
        ),
        ("{} {}", "invalid-value", "name"),
        (r#"{"name": "A"} x"#, "invalid-json", ""),
        (r#"{"skills": {}}"#, "invalid-value", ""),
        (r#"{"name": 7}"#, "invalid-value", "name"),
        (
            r#"{"name": "A", "skills": {"en": 300}}"#,
            "invalid-value",
            "skills.en",
        ),
        (
            r#"{"name": "A", "skills": {"E N": 3}}"#,
            "invalid-value",
            "skills",
        ),
        (
            r#"{"name": "A", "queues": ["support", "Not A Slug"]}"#,
            "invalid-value",
            "queues[1]",
        ),
        (r#"{"name": "A", "nmae": "B"}"#, "invalid-value", "nmae"),
        ("\u{0}", "invalid-json", ""),
    ];
    for (body, code, field) in cases {
        let sent = request("PUT", "/v1/agents/bad", &admin).header("content-type", "application/json");
        let refused = app.send(sent.body(body.to_owned().into()).unwrap()).await;
        let (status, found, at) = refused.problem();
        assert_eq!((status, found), (400, code), "{body}");
        assert!(
            at == field || field == "name" || field == "skills",
            "{body}: {at}"
        );
    }
    let checked = [
        (json!({"name": " "}), "name"),
        (json!({"name": "A", "skills": {"en": 11}}), "skills"),
        (json!({"name": "A", "capacity": {"voice": 2}}), "capacity"),
        (json!({"name": "A", "queues": ["nowhere"]}), "queues"),
    ];
    for (body, field) in checked {
        let refused = app.put("/v1/agents/bad", &admin, body).await;
        let (status, _, at) = refused.problem();
        assert_eq!((status, at), (422, field));
    }
    assert_eq!(app.get("/v1/agents/bad", &admin).await.status, 404);
    let sent = request("PUT", "/v1/agents/bad", &admin).header("content-type", "application/json");
    let refused = app
        .send(sent.body(r#"{"name": "A", "queues": [7]}"#.into()).unwrap())
        .await;
    assert_json_snapshot!(refused, {".body.instance" => "[request]"}, @r##"
    {
      "status": 400,
      "content_type": "application/problem+json",
      "body": {
        "code": "invalid-value",
        "detail": "queues[0]: invalid type: integer `7`, expected a string",
        "field": "queues[0]",
        "instance": "[request]",
        "status": 400,
        "title": "Bad Request",
        "type": "urn:jackfield:problem:invalid-value"
      }
    }
    "##);
}

#[tokio::test]
async fn wrong_paths_and_queries_name_the_field() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for (path, code, field) in [
        ("/v1/agents/Not%20A%20Slug", "invalid-value", "agent"),
        ("/v1/agents/%FF", "invalid-value", "agent"),
        ("/v1/numbers/123", "invalid-value", "number"),
        ("/v1/bindings/queue", "invalid-value", "point"),
        ("/v1/interactions/7", "invalid-value", "interaction"),
        ("/v1/customers/x", "invalid-value", "customer"),
        ("/v1/agents?limit=x", "invalid-query", "limit"),
        ("/v1/agents?limit=0", "invalid-value", "limit"),
        ("/v1/agents?limit=201", "invalid-value", "limit"),
        ("/v1/agents?cursor=", "invalid-value", "cursor"),
        ("/v1/agents?page=2", "invalid-query", "page"),
        ("/v1/interactions?live=maybe", "invalid-query", "live"),
        ("/v1/interactions?queue=A+B", "invalid-query", "queue"),
        ("/v1/events?from=-1", "invalid-query", "from"),
    ] {
        assert_eq!(
            app.get(path, &admin).await.problem(),
            (400, code, field),
            "{path}"
        );
    }
    // Beyond the end of every list, and times beyond all ids.
    for path in [
        "/v1/customers?cursor=%7F%7F",
        "/v1/interactions?cursor=%F4%8F%BF%BF",
        "/v1/users?cursor=~",
        "/v1/events?from=18446744073709551615&follow=false",
        "/v1/decisions?point=queue:support&since=1&until=281474976710656",
        "/v1/decisions?point=queue:support&since=18446744073709551614&until=18446744073709551615",
        "/v1/usage?from=18446744073709551000&to=18446744073709551615",
        "/v1/usage?from=18446744073709551000&to=18446744073709551615&step=day",
    ] {
        let reply = app.get(path, &admin).await;
        assert!(matches!(reply.status, 200 | 400 | 422), "{path}: {reply:#?}");
    }
    let far = json!({
        "number": "+33612345678", "purpose": "sales", "at": u64::MAX, "zones": ["Asia/Shanghai"],
        "attempts": [{"at": u64::MAX, "channel": "voice", "outcome": "unanswered"}],
    });
    let reply = app.post("/v1/outbound/checks", &admin, far).await;
    assert!(reply.status < 500, "{reply:#?}");
    let long = format!("/v1/interactions?cursor={}", "x".repeat(300));
    assert_eq!(
        app.get(&long, &admin).await.problem(),
        (400, "invalid-value", "cursor")
    );
}

#[tokio::test]
async fn bodies_have_a_type_and_a_limit() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let untyped = request("PUT", "/v1/queues/q", &admin)
        .body("{\"name\": \"Q\"}".into())
        .unwrap();
    assert_eq!(app.send(untyped).await.problem(), (415, "media-type", ""));
    let json = request("POST", "/v1/plugins", &admin).header("content-type", "application/json");
    assert_eq!(
        app.send(json.body("{}".into()).unwrap()).await.problem(),
        (415, "media-type", "")
    );

    let large = json!({"name": "x".repeat(MAX_BODY_BYTES)});
    assert_eq!(
        app.put("/v1/queues/q", &admin, large.clone()).await.problem(),
        (413, "too-large", "")
    );
    // The same without a Content-Length, in pieces.
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = large
        .to_string()
        .into_bytes()
        .chunks(10_000)
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let chunked = request("PUT", "/v1/queues/q", &admin).header("content-type", "application/json");
    assert_eq!(
        app.send(chunked.body(body).unwrap()).await.problem(),
        (413, "too-large", "")
    );
    let component = vec![0; MAX_COMPONENT_BYTES + 1];
    assert_eq!(
        app.upload(&admin, component).await.problem(),
        (413, "too-large", "")
    );
    // Who says to send too much is refused before it is sent.
    let said = request("POST", "/v1/plugins", &admin)
        .header("content-type", "application/wasm")
        .header("content-length", "99999999999");
    assert_eq!(
        app.send(said.body(Body::empty()).unwrap()).await.problem(),
        (413, "too-large", "")
    );
    // A body whose sender breaks off.
    let broken = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("gone"))]);
    let cut = request("PUT", "/v1/queues/q", &admin).header("content-type", "application/json");
    assert_eq!(
        app.send(cut.body(Body::from_stream(broken)).unwrap())
            .await
            .problem(),
        (400, "broken-body", "")
    );
}

#[tokio::test]
async fn an_id_that_is_none_is_told_what_one_looks_like() {
    let app = TestApp::start().await;
    let admin = app.tenant("acme", "+861055550100").await;
    for (path, field) in [
        ("/v1/interactions/nonsense", "interaction"),
        ("/v1/decisions/foo", "decision"),
    ] {
        let answer = app.get(path, &admin).await;
        assert_eq!(answer.problem(), (400, "invalid-value", field));
        let detail = answer.body["detail"].as_str().unwrap();
        assert_eq!(
            detail,
            format!("{field}: expected an id, for example 019b76da-0000-7000-8000-000000000000")
        );
    }
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there_are_problems_too() {
    let app = TestApp::start().await;
    let front = app.get("/", "").await;
    assert_eq!((front.status, front.header("location")), (307, "/docs"));
    let nowhere = app.get("/v2/agents", "").await;
    assert_json_snapshot!(nowhere, {".body.instance" => "[request]"}, @r##"
    {
      "status": 404,
      "content_type": "application/problem+json",
      "body": {
        "code": "unknown-route",
        "detail": "there is no such route; /docs shows all that there are",
        "instance": "[request]",
        "status": 404,
        "title": "Not Found",
        "type": "urn:jackfield:problem:unknown-route"
      }
    }
    "##);
    let wrong = app
        .send(
            request("PATCH", "/v1/queues/support", "")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_json_snapshot!(wrong, {".body.instance" => "[request]"}, @r##"
    {
      "status": 405,
      "content_type": "application/problem+json",
      "body": {
        "code": "method-not-allowed",
        "detail": "this route doesn't take this method; the Allow header says which it takes",
        "instance": "[request]",
        "status": 405,
        "title": "Method Not Allowed",
        "type": "urn:jackfield:problem:method-not-allowed"
      }
    }
    "##);
    let mut methods: Vec<_> = wrong.header("allow").split(',').map(str::trim).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["DELETE", "GET", "HEAD", "PUT"]);
    let id = wrong.header("x-request-id");
    assert_eq!(wrong.text("/instance"), format!("urn:uuid:{id}"));
    // The client's own id is no evidence.
    let own = request("GET", "/healthz", "")
        .header("x-request-id", "mine")
        .body(Body::empty())
        .unwrap();
    assert_ne!(app.send(own).await.header("x-request-id"), "mine");
}

#[tokio::test]
async fn outbound_checks_fail_closed_and_name_what_is_wrong() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let check = async |body| app.post("/v1/outbound/checks", &admin, body).await;
    let denied = check(json!({"number": "+8613800138000", "purpose": "sales", "consent": "given"})).await;
    assert_json_snapshot!(denied, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "by": null,
        "failure": null,
        "next_permitted_at": null,
        "reason": "no-rule",
        "rules": [],
        "verdict": "deny"
      }
    }
    "##);
    for (body, field) in [
        (json!({"number": "+8613800138000", "purpose": ""}), "purpose"),
        (json!({"number": "+8613800138000", "purpose": "sale"}), "purpose"),
        (
            json!({"number": "+8613800138000", "purpose": "sales", "jurisdiction": "china"}),
            "jurisdiction",
        ),
        (
            json!({"number": "+8613800138000", "purpose": "sales", "zones": ["Mars/Base"]}),
            "zones",
        ),
        (json!({"number": "138", "purpose": "sales"}), "number"),
        (
            json!({"number": "+8613800138000", "purpose": "sales", "consent": "maybe"}),
            "consent",
        ),
        (
            json!({"number": "+8613800138000", "purpose": "sales", "attempts": [{"at": 1, "outcome": "won"}]}),
            "attempts[0].outcome",
        ),
    ] {
        let refused = check(body).await;
        let (status, _, at) = refused.problem();
        assert_eq!((status, at), (400, field));
    }
}

#[tokio::test]
async fn what_has_no_room_in_its_row_is_refused_by_its_field() {
    let Site { app, admin } = Site::start().await;
    let long = format!("{}.example", "a".repeat(70_000));
    for (body, field) in [
        (json!({"assistance_hosts": [long]}), "assistance_hosts[0]"),
        (json!({"public_url": format!("https://{long}")}), "public_url"),
    ] {
        let refused = app.put("/v1/link-settings", &admin, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }
    let columns = json!({"format": "csv", "columns": {"a".repeat(70_000): "name"}});
    let refused = app.put("/v1/customer-imports/x", &admin, columns).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "columns"));
}
