//! Every route refuses who may not use it. A route that is missing here fails the test.

mod channels;
mod customers;

use std::collections::BTreeMap;

use axum::body::Body;
use jackfield_api::{Access, RouteInfo, route_table};
use serde_json::{Value, json};

use crate::support::{NUMBER, TestApp, idle_strategy, request, strategy, with_json};

/// What a request to a route takes, and what it means to another tenant's key.
pub(crate) struct Entry {
    /// The variable parts of the path; they name things that the first tenant has.
    path: &'static [(&'static str, &'static str)],
    body: Option<Value>,
    /// What another tenant's administrator gets: 404 for things that it hasn't, else its own (empty) view.
    stranger: u16,
    /// A role of the tenant that doesn't suffice.
    too_small: &'static str,
}

pub(crate) fn entry(
    path: &'static [(&'static str, &'static str)],
    body: Option<Value>,
    stranger: u16,
    too_small: &'static str,
) -> Entry {
    Entry {
        path,
        body,
        stranger,
        too_small,
    }
}

/// What every route takes. Public routes and `whoami` are listed too, so that nothing is forgotten.
fn entries() -> BTreeMap<&'static str, Entry> {
    const AGENT: &[(&str, &str)] = &[("agent", "anna")];
    const QUEUE: &[(&str, &str)] = &[("queue", "support")];
    const PHONE: &[(&str, &str)] = &[("number", NUMBER)];
    const POINT: &[(&str, &str)] = &[("point", "queue:support")];
    const PLUGIN: &[(&str, &str)] = &[("plugin", "kept")];
    const VERSION: &[(&str, &str)] = &[("plugin", "kept"), ("version", "1.0.0")];
    const CALL: &[(&str, &str)] = &[("interaction", "CALL")];
    const CAMPAIGN: &[(&str, &str)] = &[("campaign", "spring")];
    const USER: &[(&str, &str)] = &[("user", "ann")];
    const KEY: &[(&str, &str)] = &[("user", "ann"), ("key", "KEY")];
    let mut entries = BTreeMap::from([
        ("GET /v1/tenants", entry(&[], None, 403, "admin")),
        (
            "POST /v1/tenants",
            entry(&[], Some(json!({"id": "x", "name": "X"})), 403, "admin"),
        ),
        (
            "GET /v1/tenants/{tenant}",
            entry(&[("tenant", "one")], None, 403, "admin"),
        ),
        (
            "POST /v1/tenants/{tenant}/admin-key",
            entry(&[("tenant", "one")], Some(json!({})), 403, "admin"),
        ),
        (
            "GET /v1/tenants/{tenant}/quota",
            entry(&[("tenant", "one")], None, 403, "admin"),
        ),
        (
            "PUT /v1/tenants/{tenant}/quota",
            entry(&[("tenant", "one")], Some(json!({})), 403, "admin"),
        ),
        (
            "GET /v1/tenants/{tenant}/ceilings",
            entry(&[("tenant", "one")], None, 403, "admin"),
        ),
        (
            "PUT /v1/tenants/{tenant}/ceilings",
            entry(&[("tenant", "one")], Some(json!({})), 403, "admin"),
        ),
        ("GET /v1/usage", entry(&[], None, 200, "supervisor")),
        ("GET /v1/users", entry(&[], None, 200, "supervisor")),
        (
            "POST /v1/users",
            entry(
                &[],
                Some(json!({"id": "x", "name": "X", "roles": ["agent"]})),
                201,
                "supervisor",
            ),
        ),
        ("GET /v1/users/{user}", entry(USER, None, 404, "supervisor")),
        ("DELETE /v1/users/{user}", entry(USER, None, 404, "supervisor")),
        ("GET /v1/users/{user}/keys", entry(USER, None, 404, "supervisor")),
        (
            "POST /v1/users/{user}/keys",
            entry(USER, Some(json!({"label": "x"})), 404, "supervisor"),
        ),
        (
            "DELETE /v1/users/{user}/keys/{key}",
            entry(KEY, None, 404, "supervisor"),
        ),
        ("GET /v1/agents", entry(&[], None, 200, "operator")),
        ("GET /v1/agents/{agent}", entry(AGENT, None, 404, "operator")),
        (
            "PUT /v1/agents/{agent}",
            entry(
                AGENT,
                Some(json!({"name": "A", "queues": ["support"]})),
                422,
                "supervisor",
            ),
        ),
        ("DELETE /v1/agents/{agent}", entry(AGENT, None, 404, "supervisor")),
        (
            "PUT /v1/agents/{agent}/state",
            entry(AGENT, Some(json!({"state": "offline"})), 404, "analyst"),
        ),
        (
            "PUT /v1/agents/{agent}/phone-password",
            entry(AGENT, Some(json!({"password": "long-enough"})), 404, "agent"),
        ),
        ("GET /v1/queues", entry(&[], None, 200, "operator")),
        ("GET /v1/queues/{queue}", entry(QUEUE, None, 404, "operator")),
        (
            "PUT /v1/queues/{queue}",
            entry(QUEUE, Some(json!({"name": "Q"})), 200, "supervisor"),
        ),
        (
            "DELETE /v1/queues/{queue}",
            entry(&[("queue", "spare")], None, 404, "supervisor"),
        ),
        ("GET /v1/numbers", entry(&[], None, 200, "operator")),
        ("GET /v1/numbers/{number}", entry(PHONE, None, 404, "operator")),
        (
            "PUT /v1/numbers/{number}",
            entry(
                PHONE,
                Some(json!({"name": "N", "language": "en", "default_queue": "support"})),
                409,
                "supervisor",
            ),
        ),
        (
            "DELETE /v1/numbers/{number}",
            entry(PHONE, None, 404, "supervisor"),
        ),
        ("GET /v1/plugins", entry(&[], None, 200, "agent")),
        ("POST /v1/plugins", entry(&[], None, 201, "supervisor")),
        (
            "GET /v1/plugins/{plugin}/{version}",
            entry(VERSION, None, 404, "agent"),
        ),
        (
            "POST /v1/plugins/{plugin}/{version}/yank",
            entry(VERSION, Some(json!({})), 404, "supervisor"),
        ),
        (
            "POST /v1/plugins/{plugin}/{version}/unyank",
            entry(VERSION, None, 404, "supervisor"),
        ),
        ("GET /v1/plugin-policy", entry(&[], None, 200, "agent")),
        (
            "PUT /v1/plugin-policy",
            entry(
                &[],
                Some(json!({"grants": "requested", "unsigned": "allowed"})),
                200,
                "integrator",
            ),
        ),
        (
            "GET /v1/plugin-grants/{plugin}",
            entry(PLUGIN, None, 404, "agent"),
        ),
        (
            "PUT /v1/plugin-grants/{plugin}",
            entry(PLUGIN, Some(json!({"capabilities": []})), 404, "integrator"),
        ),
        (
            "DELETE /v1/plugin-grants/{plugin}",
            entry(PLUGIN, None, 404, "integrator"),
        ),
        ("GET /v1/trusted-keys", entry(&[], None, 200, "agent")),
        (
            "PUT /v1/trusted-keys/{name}",
            entry(
                &[("name", "x")],
                Some(json!({"key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"})),
                200,
                "integrator",
            ),
        ),
        (
            "DELETE /v1/trusted-keys/{name}",
            entry(&[("name", "publisher")], None, 404, "integrator"),
        ),
        ("GET /v1/bindings", entry(&[], None, 200, "agent")),
        ("GET /v1/bindings/{point}", entry(POINT, None, 404, "agent")),
        (
            "PUT /v1/bindings/{point}",
            entry(
                &[("point", "queue:spare")],
                Some(json!({"plugin": "idle"})),
                404,
                "supervisor",
            ),
        ),
        (
            "DELETE /v1/bindings/{point}",
            entry(POINT, None, 404, "supervisor"),
        ),
        (
            "GET /v1/bindings/{point}/history",
            entry(POINT, None, 404, "agent"),
        ),
        (
            "GET /v1/bindings/{point}/rollout",
            entry(POINT, None, 404, "agent"),
        ),
        (
            "PUT /v1/bindings/{point}/rollout",
            entry(POINT, Some(json!({"plugin": "idle"})), 404, "supervisor"),
        ),
        (
            "POST /v1/bindings/{point}/rollout/promote",
            entry(POINT, Some(json!({})), 404, "supervisor"),
        ),
        (
            "POST /v1/bindings/{point}/rollout/rollback",
            entry(POINT, Some(json!({})), 404, "supervisor"),
        ),
        (
            "GET /v1/bindings/{point}/rollout/history",
            entry(POINT, None, 200, "agent"),
        ),
        ("GET /v1/decisions", entry(&[], None, 400, "agent")),
        (
            "GET /v1/decisions/{decision}",
            entry(
                &[("decision", "019ab4c2-6f0e-7c31-9d1f-2a5d9a6d3b10")],
                None,
                404,
                "agent",
            ),
        ),
        (
            "POST /v1/replays",
            entry(
                &[],
                Some(json!({"point": "queue:support", "plugin": "idle"})),
                200,
                "supervisor",
            ),
        ),
        ("GET /v1/interactions", entry(&[], None, 200, "planner")),
        (
            "POST /v1/interactions",
            entry(
                &[],
                Some(
                    json!({"agent": "anna", "number": "+33612345678", "from": NUMBER, "queue": "support", "purpose": "service"}),
                ),
                404,
                "analyst",
            ),
        ),
        (
            "GET /v1/interactions/{interaction}",
            entry(CALL, None, 404, "planner"),
        ),
        (
            "GET /v1/interactions/{interaction}/events",
            entry(CALL, None, 404, "planner"),
        ),
        (
            "GET /v1/interactions/{interaction}/recording",
            entry(CALL, None, 404, "planner"),
        ),
        (
            "POST /v1/interactions/{interaction}/transfer",
            entry(CALL, Some(json!({"queue": "support"})), 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/end",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "GET /v1/interactions/{interaction}/messages",
            entry(CALL, None, 404, "planner"),
        ),
        (
            "POST /v1/interactions/{interaction}/messages",
            entry(CALL, Some(json!({"text": "x"})), 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/attachments",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "GET /v1/interactions/{interaction}/attachments/{attachment}",
            entry(
                &[
                    ("interaction", "CALL"),
                    ("attachment", "019b76da-0000-7000-8000-000000000000"),
                ],
                None,
                404,
                "planner",
            ),
        ),
        (
            "POST /v1/interactions/{interaction}/accept",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/decline",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/leave",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/read",
            entry(CALL, Some(json!({"up_to": 0})), 404, "analyst"),
        ),
        (
            "GET /v1/interactions/{interaction}/typing",
            entry(CALL, None, 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/typing",
            entry(CALL, None, 404, "analyst"),
        ),
        ("GET /v1/chat-responses", entry(&[], None, 200, "agent")),
        ("GET /v1/chat-entries", entry(&[], None, 200, "operator")),
        (
            "GET /v1/chat-entries/{entry}",
            entry(&[("entry", "web")], None, 404, "operator"),
        ),
        (
            "PUT /v1/chat-entries/{entry}",
            entry(
                &[("entry", "web")],
                Some(json!({"name": "Web", "default_queue": "support"})),
                200,
                "supervisor",
            ),
        ),
        (
            "DELETE /v1/chat-entries/{entry}",
            entry(&[("entry", "spare")], None, 404, "supervisor"),
        ),
        ("GET /v1/events", entry(&[], None, 200, "agent")),
        ("GET /v1/campaigns", entry(&[], None, 200, "operator")),
        (
            "GET /v1/campaigns/{campaign}",
            entry(CAMPAIGN, None, 404, "operator"),
        ),
        (
            "PUT /v1/campaigns/{campaign}",
            entry(CAMPAIGN, Some(json!({"name": "Spring"})), 200, "agent"),
        ),
        (
            "DELETE /v1/campaigns/{campaign}",
            entry(&[("campaign", "autumn")], None, 404, "agent"),
        ),
        ("GET /v1/outbound/attempts", entry(&[], None, 400, "analyst")),
        (
            "POST /v1/outbound/attempts",
            entry(
                &[],
                Some(json!({"number": "+8613800138000", "purpose": "sales", "outcome": "unanswered"})),
                201,
                "analyst",
            ),
        ),
        (
            "POST /v1/outbound/checks",
            entry(
                &[],
                Some(json!({"number": "+8613800138000", "purpose": "sales"})),
                200,
                "analyst",
            ),
        ),
    ]);
    entries.extend(channels::entries());
    entries.extend(customers::entries());
    entries
}

struct World {
    app: TestApp,
    one: String,
    two: String,
    call: String,
    key: String,
    /// A key of the first tenant for each role; `operator` is the platform's.
    roles: BTreeMap<String, String>,
}

impl World {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let one = app.tenant("one", NUMBER).await;
        app.put("/v1/queues/spare", &one, json!({"name": "Spare"}))
            .await
            .ok();
        for entry in ["web", "spare", "sms"] {
            let path = format!("/v1/chat-entries/{entry}");
            let body = json!({"name": entry, "default_queue": "support"});
            app.put(&path, &one, body).await.ok();
        }
        let channel = json!({"name": "S", "entry": "sms", "verification": {"scheme": "none"}});
        app.put("/v1/channels/sms", &one, channel).await.ok();
        for campaign in ["spring", "autumn"] {
            let path = format!("/v1/campaigns/{campaign}");
            app.put(&path, &one, json!({"name": campaign})).await.ok();
        }
        for article in ["refunds", "kept", "spare"] {
            let path = format!("/v1/articles/{article}");
            let body = json!({"title": "T", "body": "B", "language": "en"});
            app.put(&path, &one, body).await.ok();
        }
        for template in ["hello", "sparing"] {
            let path = format!("/v1/reply-templates/{template}");
            let body = json!({"title": "T", "text": "B", "language": "en"});
            app.put(&path, &one, body).await.ok();
        }
        let known = json!({"identities": ["crm:4711"]});
        app.post("/v1/customers", &one, known).await.ok();
        crate::denial_cases::make(&app, &one).await;
        let import = json!({"format": "csv"});
        app.put("/v1/customer-imports/spring", &one, import).await.ok();
        let kept = json!({"label": "Kept", "type": "text", "class": "none"});
        app.put("/v1/customer-attributes/kept", &one, kept).await.ok();
        let kept = json!({"name": "Kept", "expression": {"tag": "vip"}});
        app.put("/v1/segments/kept", &one, kept).await.ok();
        for tag in ["vip", "kept"] {
            app.put(&format!("/v1/tags/{tag}"), &one, json!({"kind": "manual"}))
                .await
                .ok();
        }
        let two = app
            .post("/v1/tenants", &app.operator, json!({"id": "two", "name": "Two"}))
            .await
            .ok();
        let two = two.text("/key/key").to_owned();
        app.allow_unsigned(&two).await;
        let mut roles = BTreeMap::from([
            ("operator".to_owned(), app.operator.clone()),
            ("admin".into(), one.clone()),
        ]);
        for role in [
            "supervisor",
            "analyst",
            "planner",
            "marketer",
            "agent",
            "integrator",
        ] {
            let user = if role == "agent" { "anna" } else { role };
            roles.insert(role.into(), app.user(&one, user, role).await);
        }
        app.user(&one, "ann", "planner").await;
        let keys = app.get("/v1/users/ann/keys", &one).await.ok();
        let key_id = keys.text("/items/0/id").to_owned();
        app.upload(&one, idle_strategy("1.0.0")).await.ok();
        app.upload(&one, strategy("kept", "1.0.0", "")).await.ok();
        app.put("/v1/plugin-grants/kept", &one, json!({"capabilities": []}))
            .await
            .ok();
        let key = json!({"key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"});
        app.put("/v1/trusted-keys/publisher", &one, key).await.ok();
        app.put("/v1/bindings/queue:support", &one, json!({"plugin": "idle"}))
            .await
            .ok();
        let call = app.call("one", NUMBER).await.to_string();
        Self {
            app,
            one,
            two,
            call,
            key: key_id,
            roles,
        }
    }

    async fn status(&self, route: &RouteInfo, entry: &Entry, key: &str) -> (u16, String) {
        let mut path = route.path.to_owned();
        for (name, value) in entry.path {
            let value = value.replace("CALL", &self.call).replace("KEY", &self.key);
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        assert!(
            !path.contains('{'),
            "{path}: the entry leaves a part of the path open"
        );
        let builder = request(route.method, &path, key);
        let request = match (&entry.body, path.as_str()) {
            (Some(body), _) => with_json(builder, body),
            (None, "/v1/plugins") if route.method == "POST" => builder
                .header("content-type", "application/wasm")
                .body(idle_strategy("1.0.0").into())
                .unwrap(),
            (None, _) => builder.body(Body::empty()).unwrap(),
        };
        let answer = self.app.open(request).await;
        let challenge = answer
            .headers()
            .get("www-authenticate")
            .map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), challenge.unwrap_or_default())
    }
}

#[tokio::test]
async fn every_route_refuses_who_may_not() {
    let world = World::make().await;
    let mut entries = entries();
    entries.extend(crate::denial_cases::entries());
    entries.extend(crate::denial_knowledge::entries());
    for route in route_table() {
        let name = format!("{} {}", route.method, route.path);
        // What visitors may do is in `chat`, providers in `channels`.
        if matches!(route.access, Access::Public | Access::Visitor | Access::Provider) {
            continue;
        }
        if route.access == Access::AnyKey {
            assert_eq!(name, "GET /v1/whoami", "a route for any key needs a reason");
            let open = entry(&[], None, 200, "");
            assert_eq!(
                world.status(&route, &open, "").await,
                (401, "Bearer realm=\"jackfield\"".into())
            );
            continue;
        }
        let entry = entries.remove(name.as_str());
        let entry = entry.unwrap_or_else(|| panic!("{name} has no entry in the denial test: write one"));

        let challenge = "Bearer realm=\"jackfield\"".to_owned();
        assert_eq!(
            world.status(&route, &entry, "").await,
            (401, challenge.clone()),
            "{name} without a key"
        );
        let unknown = "jf_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert_eq!(
            world.status(&route, &entry, unknown).await,
            (401, challenge),
            "{name} with an unknown key"
        );

        let small = &world.roles[entry.too_small];
        assert_eq!(
            world.status(&route, &entry, small).await.0,
            403,
            "{name} as {}",
            entry.too_small
        );
        assert_eq!(
            world.status(&route, &entry, &world.two).await.0,
            entry.stranger,
            "{name} from another tenant"
        );

        // The table of roles holds to the letter: who is not in it is refused.
        let allowed = match route.access {
            Access::Tenant(roles) | Access::OperatorOrTenant(roles) => roles,
            _ => &[jackfield_types::Role::Operator],
        };
        let operator_too = matches!(route.access, Access::OperatorOrTenant(_));
        for (role, key) in &world.roles {
            let fits =
                allowed.iter().any(|allowed| allowed.as_str() == role) || operator_too && role == "operator";
            if !fits {
                assert_eq!(world.status(&route, &entry, key).await.0, 403, "{name} as {role}");
            }
        }
    }
    assert!(
        entries.is_empty(),
        "entries without a route: {:?}",
        entries.keys()
    );
    // Nothing of the first tenant was touched by all that.
    world.app.get("/v1/agents/anna", &world.one).await.ok();
    world.app.get("/v1/queues/spare", &world.one).await.ok();
    assert_eq!(world.app.get("/v1/users/x", &world.one).await.status, 404);
}

#[tokio::test]
async fn public_routes_are_few() {
    let public: Vec<_> = route_table()
        .into_iter()
        .filter(|route| route.access == Access::Public)
        .collect();
    let paths: Vec<_> = public
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let known = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/{asset}",
        "/docs/plugins",
        "/docs/plugins/{page}",
        "/chat/widget.js",
    ];
    assert_eq!(paths, known.map(|path| format!("GET {path}")));
}

#[tokio::test]
async fn what_another_tenant_has_is_not_seen_in_lists() {
    let world = World::make().await;
    for path in [
        "/v1/agents",
        "/v1/queues",
        "/v1/numbers",
        "/v1/chat-entries",
        "/v1/channels",
        "/v1/plugins",
        "/v1/bindings",
        "/v1/interactions",
        "/v1/customers",
        "/v1/cases",
        "/v1/case-categories",
        "/v1/outlets",
    ] {
        assert_ne!(
            world.app.get(path, &world.one).await.ok().body["items"],
            json!([]),
            "{path}"
        );
        assert_eq!(
            world.app.get(path, &world.two).await.ok().body["items"],
            json!([]),
            "{path}"
        );
    }
    let users = world.app.get("/v1/users", &world.two).await.ok();
    assert_eq!(users.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn agents_see_and_steer_their_own() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.put(
        "/v1/agents/bo",
        &admin,
        json!({"name": "Bo", "queues": ["support"]}),
    )
    .await
    .ok();
    let (anna, bo) = (
        app.user(&admin, "anna", "agent").await,
        app.user(&admin, "bo", "agent").await,
    );
    let call = app.conversation("one", &admin, NUMBER).await;

    for path in ["", "/events"] {
        app.get(&format!("/v1/interactions/{call}{path}"), &anna)
            .await
            .ok();
        assert_eq!(
            app.get(&format!("/v1/interactions/{call}{path}"), &bo)
                .await
                .status,
            404
        );
    }
    assert_eq!(
        app.get("/v1/interactions", &anna).await.ok().body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        app.get("/v1/interactions", &bo).await.ok().body["items"],
        json!([])
    );
    assert_eq!(app.get("/v1/interactions?agent=anna", &bo).await.status, 403);

    let own = json!({"state": "break", "reason": "lunch"});
    assert_eq!(
        app.put("/v1/agents/anna/state", &bo, own.clone()).await.status,
        403
    );
    let told = app.put("/v1/agents/anna/state", &anna, own).await.ok();
    assert_eq!(told.text("/state/name"), "talking");
    assert_eq!(told.text("/wanted/reason"), "lunch");

    let end = format!("/v1/interactions/{call}/end");
    assert_eq!(app.post(&end, &bo, json!({})).await.status, 404);
    app.post(&end, &anna, json!({})).await.ok();
}
