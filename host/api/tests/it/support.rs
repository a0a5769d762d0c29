//! A platform in memory without voice, its router, and requests to it.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use jackfield_contact::input::Input;
use jackfield_contact::leg::LegEvent;
use jackfield_runtime::{Platform, PlatformOptions, PluginOptions, StoreKind, Tenant};
pub(crate) use jackfield_testkit::guest::{
    broken_rule, broken_strategy, first_come_strategy, idle_strategy, lenient_rule, queueing_flow,
    reading_flow, refusing_flow, slow_strategy, stern_rule, strategy,
};
use jackfield_types::{AgentId, E164, InteractionId, LegId, TenantId};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const NUMBER: &str = "+442079460100";
pub(crate) const CALLER: &str = "+8613800138000";

pub(crate) struct TestApp {
    pub(crate) platform: Platform,
    router: Router,
    /// The operator's key.
    pub(crate) operator: String,
    _folder: TempDir,
    _end: End,
}

/// A platform with the tenant `one`, and the key of its admin.
pub(crate) struct Site {
    pub(crate) app: TestApp,
    pub(crate) admin: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        Self { app, admin }
    }

    /// The record of a decision.
    pub(crate) async fn decision(&self, id: &str) -> Reply {
        self.app
            .get(&format!("/v1/decisions/{id}"), &self.admin)
            .await
            .ok()
    }
}

/// Tenants know their platform and it knows them: somebody has to let go.
struct End(Platform);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// An answer, as snapshots show it.
#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    content_type: String,
    pub(crate) body: Value,
    #[serde(skip)]
    pub(crate) headers: HeaderMap,
    #[serde(skip)]
    pub(crate) bytes: Bytes,
}

impl Reply {
    pub(crate) fn text(&self, at: &str) -> &str {
        self.body.pointer(at).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:#?}");
        self
    }

    /// Code and field of a problem.
    pub(crate) fn problem(&self) -> (u16, &str, &str) {
        assert_eq!(self.content_type, "application/problem+json", "{self:#?}");
        (self.status, self.text("/code"), self.text("/field"))
    }
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(PluginOptions::default()).await
    }

    pub(crate) async fn start_with(plugins: PluginOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = PlatformOptions {
            data_dir: folder.path().to_owned(),
            store: StoreKind::Memory,
            voice: None,
            plugins,
        };
        let platform = Platform::start(options).await.unwrap();
        let operator = read_key(&folder.path().join("operator.key"));
        Self {
            router: jackfield_api::router(platform.clone()),
            _end: End(platform.clone()),
            platform,
            operator,
            _folder: folder,
        }
    }

    /// A tenant with a queue `support`, an agent `anna` with a phone, and a number. Answers the admin's key.
    pub(crate) async fn tenant(&self, id: &str, number: &str) -> String {
        let body = json!({"id": id, "name": "Test"});
        let made = self.post("/v1/tenants", &self.operator, body).await.ok();
        let admin = made.text("/key/key").to_owned();
        self.allow_unsigned(&admin).await;
        self.put("/v1/queues/support", &admin, json!({"name": "Support"}))
            .await
            .ok();
        let agent = json!({"name": "Anna", "queues": ["support"], "skills": {"en": 5}});
        self.put("/v1/agents/anna", &admin, agent).await.ok();
        let config = json!({"name": "Hotline", "language": "en", "default_queue": "support"});
        self.put(&format!("/v1/numbers/{number}"), &admin, config)
            .await
            .ok();
        admin
    }

    /// Lets plugins in that nobody has signed.
    pub(crate) async fn allow_unsigned(&self, admin: &str) {
        let policy = json!({"grants": "requested", "unsigned": "allowed"});
        self.put("/v1/plugin-policy", admin, policy).await.ok();
    }

    /// A user with a role, and the user's key.
    pub(crate) async fn user(&self, admin: &str, id: &str, role: &str) -> String {
        self.post("/v1/users", admin, json!({"id": id, "name": id, "roles": [role]}))
            .await
            .ok();
        let key = self
            .post(&format!("/v1/users/{id}/keys"), admin, json!({"label": "test"}))
            .await
            .ok();
        key.text("/key").to_owned()
    }

    /// The agent `anna`, who takes two written conversations at once: the key of her user.
    pub(crate) async fn writing_anna(&self, admin: &str) -> String {
        let agent = json!({"name": "Anna", "queues": ["support"], "capacity": {"chat": 2}});
        self.put("/v1/agents/anna", admin, agent).await.ok();
        self.put("/v1/agents/anna/state", admin, json!({"state": "available"}))
            .await
            .ok();
        self.user(admin, "anna", "agent").await
    }

    /// The events of an interaction, the oldest first.
    pub(crate) async fn events(&self, key: &str, interaction: InteractionId) -> Vec<Value> {
        let path = format!("/v1/interactions/{interaction}/events");
        let told = self.get(&path, key).await.ok();
        told.body["items"].as_array().unwrap().clone()
    }

    pub(crate) fn handle(&self, tenant: &str) -> Tenant {
        self.platform.tenant(&TenantId::new(tenant).unwrap()).unwrap()
    }

    /// A call that waits in `support` by its number's default, since no flow is bound.
    pub(crate) async fn call(&self, tenant: &str, number: &str) -> InteractionId {
        let interaction: InteractionId = uuid::Uuid::now_v7().to_string().parse().unwrap();
        let arrived = Input::CallArrived {
            interaction,
            caller: CALLER.into(),
            caller_name: None,
            number: E164::new(number).unwrap(),
            customer: format!("tel:{CALLER}").parse().ok(),
            last_agent: None,
        };
        self.handle(tenant).submit(arrived).await.unwrap();
        self.leg(tenant, LegId::customer(interaction), LegEvent::Answered)
            .await;
        self.until(tenant, interaction, "queued").await;
        interaction
    }

    /// A call that is connected to `anna`.
    pub(crate) async fn conversation(&self, tenant: &str, admin: &str, number: &str) -> InteractionId {
        let agent = AgentId::new("anna").unwrap();
        let phone = Input::Phone {
            agent,
            registered: true,
        };
        self.handle(tenant).submit(phone).await.unwrap();
        self.put("/v1/agents/anna/state", admin, json!({"state": "available"}))
            .await
            .ok();
        let interaction: InteractionId = uuid::Uuid::now_v7().to_string().parse().unwrap();
        let arrived = Input::CallArrived {
            interaction,
            caller: CALLER.into(),
            caller_name: Some("Li Lei".into()),
            number: E164::new(number).unwrap(),
            customer: format!("tel:{CALLER}").parse().ok(),
            last_agent: None,
        };
        self.handle(tenant).submit(arrived).await.unwrap();
        self.leg(tenant, LegId::customer(interaction), LegEvent::Answered)
            .await;
        self.until(tenant, interaction, "offered").await;
        self.leg(
            tenant,
            LegId {
                interaction,
                number: 1,
            },
            LegEvent::Answered,
        )
        .await;
        self.until(tenant, interaction, "talking").await;
        interaction
    }

    pub(crate) async fn leg(&self, tenant: &str, leg: LegId, event: LegEvent) {
        self.handle(tenant)
            .submit(Input::Leg { leg, event })
            .await
            .unwrap();
    }

    /// Waits until an interaction is in a stage, told of each change by the journal.
    pub(crate) async fn until(&self, tenant: &str, interaction: InteractionId, stage: &str) {
        let handle = self.handle(tenant);
        let mut entries = handle.subscribe();
        let wait = async {
            loop {
                let name = handle
                    .read(move |centre| {
                        let stage = centre
                            .interaction(interaction)
                            .map(|it| serde_json::to_value(&it.stage));
                        stage.and_then(Result::ok).map(|stage| stage["name"].clone())
                    })
                    .await
                    .unwrap();
                if name.unwrap_or_default() == stage {
                    return;
                }
                entries.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{interaction} is not {stage}"));
    }

    /// Waits until nothing more will happen to an interaction.
    pub(crate) async fn until_closed(&self, tenant: &str, interaction: InteractionId) {
        let handle = self.handle(tenant);
        let mut entries = handle.subscribe();
        let wait = async {
            while handle
                .read(move |centre| centre.interaction(interaction).is_some())
                .await
                .unwrap()
            {
                entries.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{interaction} is not closed"));
    }

    /// Any request; the body is JSON when it is one.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let answer = self.open(request).await;
        let (parts, body) = answer.into_parts();
        let bytes = tokio::time::timeout(PATIENCE, to_bytes(body, 64 << 20))
            .await
            .unwrap()
            .unwrap();
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map(|value| value.to_str().unwrap());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply {
            status: parts.status.as_u16(),
            content_type,
            body,
            headers: parts.headers,
            bytes,
        }
    }

    /// The answer with its body not yet read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.router.clone().oneshot(request);
        tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap()
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Reply {
        self.send(request("GET", path, key).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn delete(&self, path: &str, key: &str) -> Reply {
        self.send(request("DELETE", path, key).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn put(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send(with_json(request("PUT", path, key), &body)).await
    }

    pub(crate) async fn patch(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send(with_json(request("PATCH", path, key), &body)).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send(with_json(request("POST", path, key), &body)).await
    }

    pub(crate) async fn upload(&self, key: &str, component: Vec<u8>) -> Reply {
        let request = request("POST", "/v1/plugins", key).header("content-type", "application/wasm");
        self.send(request.body(component.into()).unwrap()).await
    }
}

pub(crate) fn request(method: &str, path: &str, key: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    if key.is_empty() {
        request
    } else {
        request.header("authorization", format!("Bearer {key}"))
    }
}

pub(crate) fn with_json(request: axum::http::request::Builder, body: &Value) -> Request<Body> {
    request
        .header("content-type", "application/json")
        .body(body.to_string().into())
        .unwrap()
}

fn read_key(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

pub(crate) const CREATED: u16 = StatusCode::CREATED.as_u16();
