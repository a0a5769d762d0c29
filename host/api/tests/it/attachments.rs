//! Attachments of written conversations: sent by both sides, seen by those alone who may, and gone when they should be.

use axum::body::{Body, Bytes};
use jackfield_contact::chat::Side;
use jackfield_runtime::AttachmentUpload;
use jackfield_types::limits::{MAX_ATTACHMENT_BYTES, MAX_CONVERSATION_ATTACHMENTS, MAX_UNSENT_ATTACHMENT_MS};
use jackfield_types::{InteractionId, OpContext, TenantId, Timestamp};
use serde_json::json;

use crate::support::{CREATED, NUMBER, Reply, TestApp, request};

const DOOR: &str = "/chat/one/web";
/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";
/// With nonce and tag.
const SEALED: u64 = PNG.len() as u64 + 28;
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";

struct World {
    app: TestApp,
    admin: String,
    anna: String,
}

impl World {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        let anna = app.writing_anna(&admin).await;
        let entry = json!({"name": "Web shop", "default_queue": "support"});
        app.put("/v1/chat-entries/web", &admin, entry).await.ok();
        Self { app, admin, anna }
    }

    /// A conversation that anna has taken, and its visitor's token.
    async fn taken(&self) -> (String, InteractionId) {
        let begun = self
            .app
            .post(&format!("{DOOR}/sessions"), "", json!({}))
            .await
            .ok();
        let id = begun.text("/conversation").parse().unwrap();
        self.app.until("one", id, "offered").await;
        let accept = format!("/v1/interactions/{id}/accept");
        self.app.post(&accept, &self.anna, json!({})).await.ok();
        (begun.text("/token").to_owned(), id)
    }

    async fn visitor_uploads(
        &self,
        token: &str,
        (client_id, name): (&str, &str),
        media_type: &str,
        body: impl Into<Body>,
    ) -> Reply {
        let path = format!("{DOOR}/attachments?client_id={client_id}&name={name}");
        let request = request("POST", &path, token).header("content-type", media_type);
        self.app.send(request.body(body.into()).unwrap()).await
    }

    /// The visitor uploads the picture.
    async fn picture(&self, token: &str, client_id: &str) -> Reply {
        self.visitor_uploads(token, (client_id, "a.png"), "image/png", PNG)
            .await
    }

    async fn agent_uploads(&self, key: &str, id: InteractionId, name: &str, bytes: &'static [u8]) -> Reply {
        let path = format!("/v1/interactions/{id}/attachments?name={name}");
        let request = request("POST", &path, key)
            .header("content-type", "application/pdf")
            .header("idempotency-key", "same");
        self.app.send(request.body(bytes.into()).unwrap()).await
    }

    async fn visitor_sends(&self, token: &str, client_id: &str, attachments: &[&str]) -> Reply {
        let body = json!({"client_id": client_id, "attachments": attachments});
        self.app.post(&format!("{DOOR}/messages"), token, body).await
    }

    async fn at_visitor(&self, token: &str, id: InteractionId, attachment: &str) -> Reply {
        let path = format!("{DOOR}/attachments/{id}/{attachment}");
        self.app.get(&path, token).await
    }

    async fn at_staff(&self, key: &str, id: InteractionId, attachment: &str) -> Reply {
        let path = format!("/v1/interactions/{id}/attachments/{attachment}");
        self.app.get(&path, key).await
    }

    /// How many pictures of one pixel are stored, sealed.
    async fn stored(&self) -> u64 {
        let ctx = OpContext::system(TenantId::new("one").unwrap(), "test");
        let used = self.app.platform.store().blobs().used(&ctx).await.unwrap();
        assert_eq!(used % SEALED, 0, "{used} bytes");
        used / SEALED
    }
}

#[tokio::test]
async fn a_picture_goes_to_the_agent_and_a_paper_comes_back() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    let name = "%E6%94%B6%E6%8D%AE%20%E2%80%AE.png";
    let kept = world
        .visitor_uploads(&token, ("u1", name), "image/png", PNG)
        .await;
    assert_eq!(kept.status, CREATED, "{kept:#?}");
    let picture = kept.text("/id").to_owned();
    assert_eq!(kept.text("/name"), "收据 .png".replace(" .", "."));
    assert_eq!(kept.body["size"], PNG.len());
    assert_eq!(kept.text("/digest"), jackfield_types::Digest::of(PNG).to_string());

    // Before it is sent it is the visitor's alone.
    assert_eq!(world.at_staff(&world.anna, id, &picture).await.status, 404);
    assert_eq!(world.at_visitor(&token, id, &picture).await.ok().bytes, PNG);
    assert_eq!(
        world.visitor_sends(&token, "m1", &[&picture]).await.status,
        CREATED
    );

    let page = world
        .app
        .get(&format!("/v1/interactions/{id}/messages"), &world.anna)
        .await
        .ok();
    let seen = &page.body["items"][0]["attachments"][0];
    assert_eq!(*seen, kept.body);
    let shown = world.at_staff(&world.anna, id, &picture).await.ok();
    assert_eq!(shown.bytes, PNG);
    for (header, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "no-store"),
        (
            "content-disposition",
            "inline; filename=\"__.png\"; filename*=UTF-8''%E6%94%B6%E6%8D%AE.png",
        ),
    ] {
        assert_eq!(shown.header(header), value);
    }

    let paper = world
        .agent_uploads(&world.anna, id, "invoice.pdf", PDF)
        .await
        .ok();
    let paper = paper.text("/id").to_owned();
    assert_eq!(
        world.at_visitor(&token, id, &paper).await.status,
        404,
        "not sent yet"
    );
    let body = json!({"text": "Here it is.", "attachments": [paper]});
    let messages = format!("/v1/interactions/{id}/messages");
    world.app.post(&messages, &world.anna, body).await.ok();
    let read = world.at_visitor(&token, id, &paper).await.ok();
    assert_eq!(read.bytes, PDF);
    assert!(
        read.header("content-disposition")
            .starts_with("attachment; filename=\"invoice.pdf\"")
    );

    // The journal tells of it, and a conversation that is over still has it.
    let events = world
        .app
        .get(&format!("/v1/interactions/{id}/events"), &world.admin)
        .await
        .ok();
    let sent = events.body["items"].as_array().unwrap().iter();
    let sent: Vec<_> = sent.filter(|event| event["type"] == "message-sent").collect();
    assert_eq!(sent[0]["attachments"][0]["digest"], kept.body["digest"]);
    world
        .app
        .post(&format!("{DOOR}/end"), &token, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    assert_eq!(world.at_visitor(&token, id, &paper).await.ok().bytes, PDF);
    let late = world.picture(&token, "u9").await;
    assert_eq!(late.problem(), (409, "no-conversation", ""));
}

#[tokio::test]
async fn nobody_else_gets_it() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    let (other, another) = world.taken().await;
    let kept = world.picture(&token, "u1").await.ok();
    let picture = kept.text("/id").to_owned();

    // Another visitor neither reads nor sends it, nor does the agent's side.
    let stolen = world.visitor_sends(&other, "m1", &[&picture]).await;
    assert_eq!(stolen.problem(), (422, "unknown-attachment", "attachments[0]"));
    let messages = format!("/v1/interactions/{id}/messages");
    let taken = world
        .app
        .post(&messages, &world.anna, json!({"attachments": [picture]}))
        .await;
    assert_eq!(taken.problem(), (422, "unknown-attachment", "attachments[0]"));
    world.visitor_sends(&token, "m1", &[&picture]).await.ok();
    for (token, id) in [(&other, id), (&other, another), (&token, another)] {
        assert_eq!(world.at_visitor(token, id, &picture).await.problem().0, 404);
    }
    assert_eq!(world.at_visitor("", id, &picture).await.status, 401);
    assert_eq!(
        world
            .at_visitor(&token.replace("one", "two"), id, &picture)
            .await
            .status,
        401
    );

    // Agents have their own conversations, supervisors all, other tenants none.
    let agent = json!({"name": "Bo", "queues": ["support"]});
    world.app.put("/v1/agents/bo", &world.admin, agent).await.ok();
    let bo = world.app.user(&world.admin, "bo", "agent").await;
    let boss = world.app.user(&world.admin, "boss", "supervisor").await;
    let planner = world.app.user(&world.admin, "plan", "planner").await;
    let two = world.app.tenant("two", "+442079460999").await;
    for (key, status) in [(&bo, 404), (&boss, 200), (&planner, 403), (&two, 404)] {
        assert_eq!(world.at_staff(key, id, &picture).await.status, status);
    }
    assert_eq!(world.agent_uploads(&bo, id, "a.pdf", PDF).await.status, 404);
    let found = world.at_staff(&boss, another, &picture).await;
    assert_eq!(found.problem(), (404, "unknown-attachment", ""));
}

#[tokio::test]
async fn what_is_not_what_it_says_is_refused_and_leaves_nothing() {
    let world = World::make().await;
    let (token, _) = world.taken().await;
    let upload = async |n: usize, media_type: &str, body: Body| {
        world
            .visitor_uploads(&token, (&n.to_string(), "a.png"), media_type, body)
            .await
    };
    let zip = &b"PK\x03\x04\x14\0\0\0\x08\0"[..];
    for (n, (media_type, bytes, status, code)) in [
        (
            "image/svg+xml",
            &b"<svg onload=alert(1)>"[..],
            415,
            "type-not-allowed",
        ),
        ("text/html", b"<script>alert(1)</script>", 415, "type-not-allowed"),
        ("application/zip", zip, 415, "type-not-allowed"),
        ("", PNG, 415, "type-not-allowed"),
        ("image/png", b"<script>alert(1)</script>", 415, "wrong-type"),
        ("text/plain", b"<svg onload=alert(1)>", 415, "wrong-type"),
        ("application/pdf", zip, 415, "wrong-type"),
        ("image/jpeg", PNG, 415, "wrong-type"),
        ("image/png", &PNG[..PNG.len() - 1], 422, "damaged-file"),
        ("image/png", b"", 400, "empty-file"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = upload(n, media_type, bytes.into()).await;
        assert_eq!(refused.problem(), (status, code, ""), "{media_type}");
    }
    let refused = upload(20, "image/jpeg", PNG.into()).await;
    assert!(
        refused
            .text("/detail")
            .contains("said to be image/jpeg, and its bytes are image/png")
    );

    // Too large in pieces, without a word of how long it is; and one that breaks off.
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let pieces = MAX_ATTACHMENT_BYTES / piece.len() as u64 + 1;
    let stream = futures_util::stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let refused = upload(21, "text/plain", Body::from_stream(stream)).await;
    assert_eq!(refused.problem(), (413, "too-large", ""));
    let broken = [
        Ok(Bytes::from_static(b"half")),
        Err(std::io::Error::other("gone")),
    ];
    let refused = upload(
        22,
        "text/plain",
        Body::from_stream(futures_util::stream::iter(broken)),
    )
    .await;
    assert_eq!(refused.problem(), (400, "broken-body", ""));
    assert_eq!(world.stored().await, 0);
}

#[tokio::test]
async fn the_same_upload_counts_once_and_floods_are_told_to_wait() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    let first = world.picture(&token, "u1").await.ok();
    let again = world.picture(&token, "u1").await.ok();
    assert_eq!(first.body, again.body);
    assert_eq!(world.stored().await, 1);
    let other = world
        .visitor_uploads(&token, ("u1", "a.pdf"), "application/pdf", PDF)
        .await;
    assert_eq!(other.problem(), (422, "idempotency-key-reused", ""));
    let (one, two) = (
        world.agent_uploads(&world.anna, id, "a.pdf", PDF).await.ok(),
        world.agent_uploads(&world.anna, id, "a.pdf", PDF).await.ok(),
    );
    assert_eq!(one.body, two.body);

    // The same message again is the same message.
    let picture = first.text("/id").to_owned();
    let sent = world.visitor_sends(&token, "m1", &[&picture]).await.ok();
    let again = world.visitor_sends(&token, "m1", &[&picture]).await.ok();
    assert_eq!(sent.body, again.body);
    let nothing = world.visitor_sends(&token, "m2", &[]).await;
    assert_eq!(nothing.problem(), (422, "invalid-message", "text"));
    // In two messages it is still one; in one it is a slip.
    let more = world.visitor_sends(&token, "t1", &[&picture]).await;
    assert_eq!(more.status, CREATED, "{more:#?}");
    let twice = world.visitor_sends(&token, "t2", &[&picture, &picture]).await;
    assert_eq!(twice.problem(), (422, "duplicate-attachment", "attachments[1]"));
    let told = format!("attachments[1]: {picture} is attached already, as attachments[0]; name each once");
    assert_eq!(twice.text("/detail"), told);
    let many = vec![picture.as_str(); 17];
    let many = world.visitor_sends(&token, "m3", &many).await;
    assert_eq!(many.problem(), (422, "invalid-message", "attachments"));

    let mut refused = 0;
    for n in 0..20 {
        let reply = world.picture(&token, &format!("f{n}")).await;
        refused += usize::from(reply.status == 429);
    }
    assert!((1..20).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_full_store_and_a_full_conversation_refuse() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    let tenant = world.app.handle("one");
    let ctx = OpContext::system(TenantId::new("one").unwrap(), "test");
    // Not over HTTP, where floods are stopped earlier.
    for n in 0..MAX_CONVERSATION_ATTACHMENTS {
        let upload = AttachmentUpload {
            interaction: id,
            by: Side::Customer,
            upload: &format!("f{n}"),
            name: "a.png",
            media_type: "image/png",
        };
        let mut attaching = tenant.begin_attachment(&ctx, upload).await.unwrap();
        attaching.write(PNG).await.unwrap();
        attaching.finish().await.unwrap();
    }
    let full = world.picture(&token, "u0").await;
    assert_eq!(full.problem(), (409, "too-many", ""));
    assert_eq!(world.stored().await, MAX_CONVERSATION_ATTACHMENTS as u64);

    let world = World::make().await;
    let (token, _) = world.taken().await;
    let quota = json!({"storage_bytes": PNG.len() + 40});
    let path = "/v1/tenants/one/quota";
    world.app.put(path, &world.app.operator, quota).await.ok();
    world.picture(&token, "u1").await.ok();
    let full = world.picture(&token, "u2").await;
    assert_eq!(full.problem(), (429, "quota", ""));
    assert_eq!(world.stored().await, 1);
}

#[tokio::test]
async fn what_is_never_sent_goes_and_so_does_all_of_who_is_erased() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    let sent = world.picture(&token, "u1").await.ok();
    let unsent = world
        .visitor_uploads(&token, ("u2", "b.png"), "image/png", PNG)
        .await
        .ok();
    let (sent, unsent) = (sent.text("/id").to_owned(), unsent.text("/id").to_owned());
    world.visitor_sends(&token, "m1", &[&sent]).await.ok();
    assert_eq!(
        world.stored().await,
        2,
        "the same bytes are never the same sealed"
    );
    let tenant = world.app.handle("one");
    let now = Timestamp(now_ms());
    assert_eq!(tenant.sweep_unsent(now).await.unwrap(), 0);
    let tomorrow = now + MAX_UNSENT_ATTACHMENT_MS + 2 * 60 * 60 * 1_000;
    assert_eq!(tenant.sweep_unsent(tomorrow).await.unwrap(), 1);
    assert_eq!(world.at_visitor(&token, id, &unsent).await.status, 404);
    assert_eq!(world.visitor_sends(&token, "m2", &[&unsent]).await.status, 422);
    assert_eq!(world.at_visitor(&token, id, &sent).await.ok().bytes, PNG);
    assert_eq!(world.stored().await, 1);

    world
        .app
        .post(&format!("{DOOR}/end"), &token, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    let it = world
        .app
        .get(&format!("/v1/interactions/{id}"), &world.admin)
        .await
        .ok();
    let customer = format!("/v1/customers/{}", it.text("/customer"));
    let erased = world.app.delete(&customer, &world.admin).await.ok();
    assert_eq!(erased.body["attachments"], 1, "{:#}", erased.body);
    assert_eq!(world.stored().await, 0);
    assert_eq!(world.at_staff(&world.admin, id, &sent).await.status, 404);
    let events = world
        .app
        .get(&format!("/v1/interactions/{id}/events"), &world.admin)
        .await
        .ok();
    let told = events.body.to_string();
    assert!(!told.contains("a.png") && !told.contains(&sent), "{told}");
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis() as u64
}
