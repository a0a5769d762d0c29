//! A platform in memory without voice, its router, and requests to it.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use jackfield_contact::input::Input;
use jackfield_contact::leg::LegEvent;
use jackfield_runtime::{Platform, PlatformOptions, PluginOptions, StoreKind, Tenant};
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
        let folder = tempfile::tempdir().unwrap();
        let options = PlatformOptions {
            data_dir: folder.path().to_owned(),
            store: StoreKind::Memory,
            voice: None,
            plugins: PluginOptions::default(),
        };
        let platform = Platform::start(options).await.unwrap();
        let operator = read_key(&folder.path().join("operator.key"));
        Self {
            router: jackfield_api::router(platform.clone()),
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

/// A routing strategy that never assigns anything.
pub(crate) fn idle_strategy(version: &str) -> Vec<u8> {
    routing("idle", version, "Assigns nothing", "(i32.const 1024)", "")
}

/// A routing strategy that gives the work that waits longest to the agent who is idle longest.
pub(crate) fn first_come_strategy(version: &str) -> Vec<u8> {
    // One assignment, of work 0 to agent 0, whose pair of zeros lies at 2048.
    let data = r#"(data (i32.const 1032) "\00\08\00\00\01\00\00\00")"#;
    routing("first-come", version, "In order", "(i32.const 1024)", data)
}

/// A routing strategy that traps.
pub(crate) fn broken_strategy(version: &str) -> Vec<u8> {
    routing("broken", version, "Traps", "(unreachable)", "")
}

/// A routing strategy that never assigns anything, with more in its manifest.
pub(crate) fn strategy(id: &str, version: &str, more: &str) -> Vec<u8> {
    let export = assign("(i32.const 1024)", "");
    component("routing-strategy", id, version, "Assigns nothing", &export, more)
}

fn routing(id: &str, version: &str, description: &str, body: &str, data: &str) -> Vec<u8> {
    component(
        "routing-strategy",
        id,
        version,
        description,
        &assign(body, data),
        "",
    )
}

fn assign(body: &str, data: &str) -> String {
    format!(
        r#"{data} (func (export "cx:routing-strategy/strategy@0.1.0#assign") (param i32 i32 i32 i32) (result i32)
        {body})"#
    )
}

/// A voice flow `menu` that puts the call into `support` when it begins, keeps a state of one byte, and does nothing
/// later.
pub(crate) fn queueing_flow(version: &str, state_schema: u32) -> Vec<u8> {
    // Two answers: with one action, case 2, `enqueue`, whose queue's name lies at 2000; and with none.
    let data = r#"(data (i32.const 2000) "support")
        (data (i32.const 1028) "\d0\07\00\00\01\00\00\00\20\04\00\00\01\00\00\00")
        (data (i32.const 1056) "\02") (data (i32.const 1064) "\d0\07\00\00\07\00\00\00")
        (data (i32.const 1156) "\d0\07\00\00\01\00\00\00")"#;
    let begins = "(i32.eqz (local.get 2))";
    let body = format!("(select (i32.const 1024) (i32.const 1152) {begins})");
    menu(version, state_schema, &body, data)
}

/// A version of the voice flow `menu` that answers every event with an error.
pub(crate) fn refusing_flow(version: &str, state_schema: u32) -> Vec<u8> {
    let data = r#"(data (i32.const 2000) "no-state")
        (data (i32.const 1024) "\01\00\00\00\d0\07\00\00\08\00\00\00\d0\07\00\00\08\00\00\00")"#;
    menu(version, state_schema, "(i32.const 1024)", data)
}

fn menu(version: &str, state_schema: u32, body: &str, data: &str) -> Vec<u8> {
    let export = format!(
        r#"{data} (func (export "cx:voice-flow/flow@0.1.0#step")
        (param i32 i32 i32 i32 i32 i64 i64 i32 i64) (result i32) {body})"#
    );
    let more = format!("state-schema = {state_schema}");
    component("voice-flow", "menu", version, "Into the queue", &export, &more)
}

/// An outbound rule that allows everything, for the reason `ok`.
pub(crate) fn lenient_rule(version: &str) -> Vec<u8> {
    rule("lenient", version, r"\00", "(i32.const 1024)")
}

/// An outbound rule that denies everything, for the reason `ok`.
pub(crate) fn stern_rule(version: &str) -> Vec<u8> {
    rule("stern", version, r"\03", "(i32.const 1024)")
}

/// An outbound rule that traps.
pub(crate) fn broken_rule(version: &str) -> Vec<u8> {
    rule("broken-rule", version, r"\00", "(unreachable)")
}

fn rule(id: &str, version: &str, verdict: &str, body: &str) -> Vec<u8> {
    let params = ["i32"; 12].join(" ");
    let export = format!(
        r#"(data (i32.const 1032) "{verdict}")
        (data (i32.const 1048) "\d0\07\00\00\02\00\00\00") (data (i32.const 2000) "ok")
        (func (export "cx:outbound-rule/rule@0.1.0#check") (param {params}) (result i32) {body})"#
    );
    component("outbound-rule", id, version, "Says always the same", &export, "")
}

/// A core module in text form, wrapped for the world of its kind, with more in its manifest.
fn component(kind: &str, id: &str, version: &str, description: &str, export: &str, more: &str) -> Vec<u8> {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    for package in ["types", "host", "call", "chat", "profile", "scoring", kind] {
        resolve.push_dir(wit.join(package)).unwrap();
    }
    let (world, _) = resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == kind)
        .unwrap();
    let text = format!(
        r#"(module
        (memory (export "memory") 2)
        (global $heap (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
            (global.get $heap)
            (global.set $heap (i32.add (global.get $heap) (local.get 3))))
        {export})"#
    );
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let mut component = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();
    let name = "jackfield:manifest";
    let manifest = format!(
        "id = \"{id}\"\nversion = \"{version}\"\nkind = \"{kind}@0.1.0\"\ndescription = \"{description}.\"\n{more}"
    );
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(manifest.as_bytes());
    component.push(0);
    // LEB128.
    let mut length = section.len();
    while length > 0x7f {
        component.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(section);
    component
}
