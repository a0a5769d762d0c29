//! What comes with customers' messages through a provider is fetched, and what agents attach goes out as a link.

use std::time::Duration;

use axum::body::Body;
use jackfield_testkit::Conduct;
use jackfield_types::limits::{ATTACHMENT_LINK_MS, MAX_ATTACHMENT_BYTES};
use jackfield_types::{InteractionId, OpContext, TenantId, Timestamp};
use serde_json::{Value, json};

use crate::channels::{World, settings};
use crate::support::{PATIENCE, Reply, request};

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";
const MEDIA: &str = "https://media.example.com";

/// A channel that fetches from its media host with a credential, and from another without.
fn with_media() -> Value {
    let mut settings = settings();
    settings["hosts"] = json!(["api.example.com", "media.example.com", "cdn.example.com"]);
    settings["media"] = json!({"media.example.com": {"secret": "token", "prefix": "Basic "}});
    settings
}

async fn furnished() -> World {
    let world = World::make().await;
    world
        .app
        .put("/v1/channels/messenger", &world.admin, with_media())
        .await
        .ok();
    world
}

/// A customer sends one thing; the conversation and the message's number.
async fn sends(world: &World, id: &str, from: &str, attachments: Value) -> (InteractionId, u64) {
    let message = json!({"id": id, "from": from, "to": "shop", "text": "", "attachments": attachments});
    world.tell(json!({"messages": [message]})).await.ok();
    let conversations = world.conversations(&world.admin).await;
    let it = conversations.iter().find(|it| it["caller"] == from).unwrap();
    let number = it["chat"]["messages"].as_u64().unwrap();
    (it["id"].as_str().unwrap().parse().unwrap(), number)
}

async fn attachment(world: &World, id: InteractionId, number: u64) -> Value {
    let path = format!("/v1/interactions/{id}/messages?after={}&limit=1", number - 1);
    let page = world.app.get(&path, &world.admin).await.ok();
    page.body["items"][0]["attachments"][0].clone()
}

/// Waits until nothing more will come of an attachment.
async fn concluded(world: &World, id: InteractionId, number: u64) -> Value {
    let mut entries = world.app.handle("one").subscribe();
    let wait = async {
        loop {
            let found = attachment(world, id, number).await;
            if found["state"] != "fetching" {
                return found;
            }
            entries.recv().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("message {number} waits for what came with it"))
}

async fn file(world: &World, path: &str) -> Reply {
    world.app.get(path, "").await
}

/// Zeros in gzip, a hundred and more times as many as bytes: one literal, then repetitions of 258.
fn bomb(bytes: u64) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let (mut held, mut bits) = (0_u32, 0);
    let mut put = |code: u32, count: u32| {
        // Codes are packed with their first bit first.
        for at in (0..count).rev() {
            held |= (code >> at & 1) << bits;
            bits += 1;
            if bits == 8 {
                packed.push(held as u8);
                (held, bits) = (0, 0);
            }
        }
    };
    put(0b110, 3);
    put(0b0011_0000, 8);
    for _ in 0..bytes / 258 {
        put(0b1100_0101, 8);
        put(0, 5);
    }
    packed
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_message_is_there_at_once_and_its_picture_when_it_is_fetched() {
    let world = furnished().await;
    world.provider.next("/m/1", Conduct::Hang);
    world.provider.has_file("/m/1", "image/png", PNG);
    let sent = json!([{"url": format!("{MEDIA}/m/1?x=1"), "type": "image/jpeg", "name": "a.jpg"}]);
    let (id, number) = sends(&world, "m1", "u1", sent).await;

    let found = attachment(&world, id, number).await;
    assert_eq!(
        found,
        json!({"name": "a.jpg", "media_type": "image/jpeg", "state": "fetching"})
    );
    world.provider.let_go();
    let found = concluded(&world, id, number).await;
    assert_eq!(found["name"], "a.jpg.png", "it is what its bytes are");
    assert_eq!(found["media_type"], "image/png");
    assert_eq!(found["size"], PNG.len());
    assert_eq!(found["digest"], jackfield_types::Digest::of(PNG).to_string());
    let path = format!(
        "/v1/interactions/{id}/attachments/{}",
        found["id"].as_str().unwrap()
    );
    let read = world.app.get(&path, &world.admin).await.ok();
    assert_eq!(read.bytes, PNG);
    let heard = world.provider.heard("/m/1");
    assert_eq!(heard.len(), 2, "once more after a fault");
    assert_eq!(heard[1].header("authorization"), "Basic t0ps3cret");
    assert_eq!(heard[1].header("host"), "media.example.com");

    // The journal tells of it; of the address, which is a secret of the provider's, once.
    let events = world.app.events(&world.admin, id).await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "attachment-fetched")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["attachment"], found["id"]);
    // The same message again brings nothing new.
    let sent = json!({"messages": [{"id": "m1", "from": "u1", "attachments": [{"url": format!("{MEDIA}/m/1"), "type": "image/png"}]}]});
    world.tell(sent).await.ok();
    assert_eq!(world.provider.heard("/m/1").len(), 2);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let world = furnished().await;
    let mut large = vec![b'x'; MAX_ATTACHMENT_BYTES as usize + 1];
    large[0] = b'a';
    let found = |headers: Vec<(String, String)>, bytes: &[u8]| Conduct::File(200, headers, bytes.to_vec());
    let plain = |media_type: &str, bytes: &[u8]| found(vec![header("content-type", media_type)], bytes);
    let script = b"<script>alert(1)</script>";
    let packed = vec![
        header("content-type", "text/plain"),
        header("content-encoding", "gzip"),
    ];
    let elsewhere = |to: &str| Conduct::File(302, vec![header("location", to)], Vec::new());
    for (n, (media_type, conduct, code)) in [
        ("text/plain", plain("text/plain", &large), "too-large"),
        ("text/plain", Conduct::Endless("text/plain".into()), "too-large"),
        (
            "text/plain",
            found(packed, &bomb(4 * MAX_ATTACHMENT_BYTES)),
            "too-large",
        ),
        ("image/png", plain("image/png", script), "wrong-type"),
        (
            "application/octet-stream",
            plain("image/png", script),
            "wrong-type",
        ),
        ("application/pdf", plain("application/pdf", PNG), "wrong-type"),
        ("image/png", plain("image/png", &PNG[..PNG.len() - 1]), "damaged"),
        ("image/png", plain("image/png", b""), "empty"),
        ("image/png", elsewhere("https://evil.example/1"), "redirected"),
        ("image/png", elsewhere("http://cdn.example.com/1"), "redirected"),
        (
            "image/png",
            elsewhere("https://169.254.169.254/latest"),
            "redirected",
        ),
        ("image/png", elsewhere("m"), "redirected"),
        ("image/png", Conduct::Answer(404, String::new()), "not-available"),
        ("image/png", Conduct::Answer(500, String::new()), "not-available"),
        ("image/png", Conduct::HangUp, "not-available"),
        (
            "image/png",
            Conduct::Answer(200, r#"{"errcode": 40007}"#.into()),
            "not-available",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world.provider.always_does("/m/", conduct.clone());
        let sent = json!([{"url": format!("{MEDIA}/m/{n}"), "type": media_type}]);
        let (id, number) = sends(&world, &format!("m{n}"), &format!("u{n}"), sent).await;
        let found = concluded(&world, id, number).await;
        assert_eq!(found["refused"], code, "{media_type} {n}: {found}");
        assert_eq!(found["state"], "refused");
        assert!(
            found["problem"].as_str().unwrap().len() > 20 && found["id"].is_null(),
            "{found}"
        );
        let tries = world.provider.heard("/m/").len();
        if code == "not-available" {
            assert_eq!(world.provider.heard(&format!("/m/{n}")).len(), 4, "of {tries}");
        }
    }
    assert!(
        world.provider.endless() < 4 * MAX_ATTACHMENT_BYTES,
        "nobody takes the rest"
    );
    // What can't be taken, or lies where the channel doesn't lead, is not even asked for.
    let before = world.provider.heard("").len();
    for (n, url, media_type, code) in [
        (20, format!("{MEDIA}/v"), "video/mp4", "wrong-type"),
        (21, format!("{MEDIA}/a"), "audio/amr", "wrong-type"),
        (
            22,
            "https://evil.example/1".into(),
            "image/png",
            "host-not-allowed",
        ),
        (23, "https://127.0.0.1/1".into(), "image/png", "host-not-allowed"),
    ] {
        let sent = json!([{"url": url, "type": media_type}]);
        let (id, number) = sends(&world, &format!("m{n}"), &format!("u{n}"), sent).await;
        assert_eq!(concluded(&world, id, number).await["refused"], code);
    }
    assert_eq!(world.provider.heard("").len(), before);
}

#[tokio::test]
async fn a_redirect_within_the_hosts_is_followed_without_the_credential() {
    let world = furnished().await;
    let onwards = vec![header("location", "https://cdn.example.com/real/1?signed=1")];
    world
        .provider
        .always_does("/m/1", Conduct::File(307, onwards, Vec::new()));
    world.provider.has_file("/real/1", "image/png", PNG);
    let sent = json!([{"url": format!("{MEDIA}/m/1"), "type": "image/png"}]);
    let (id, number) = sends(&world, "m1", "u1", sent).await;
    assert_eq!(concluded(&world, id, number).await["size"], PNG.len());
    let asked = world.provider.heard("/m/1").remove(0);
    assert_eq!(asked.header("authorization"), "Basic t0ps3cret");
    let asked = world.provider.heard("/real/1").remove(0);
    assert_eq!(
        (asked.header("authorization"), asked.header("host")),
        ("", "cdn.example.com")
    );
}

#[tokio::test]
async fn a_credential_may_go_into_the_query_and_settings_are_checked() {
    let world = furnished().await;
    let mut settings = with_media();
    settings["media"] = json!({"media.example.com": {"secret": "token", "query": "access_token"}});
    let put = async |body: &Value| {
        let path = "/v1/channels/messenger";
        world.app.put(path, &world.admin, body.clone()).await
    };
    let shown = put(&settings).await.ok();
    assert_eq!(shown.body["media"], settings["media"]);
    world.provider.has_file("/m/1", "application/pdf", PDF);
    let sent = json!([{"url": format!("{MEDIA}/m/1?id=1"), "type": "application/pdf", "name": "../b.pdf"}]);
    let (id, number) = sends(&world, "m1", "u1", sent).await;
    assert_eq!(concluded(&world, id, number).await["name"], "b.pdf");
    let heard = world.provider.heard("/m/1").remove(0);
    assert_eq!(heard.path, "/m/1?id=1&access_token=t0ps3cret");

    for (host, access, field) in [
        ("evil.example", json!({"secret": "token"}), "media.evil.example"),
        (
            "cdn.example.com",
            json!({"secret": "none"}),
            "media.cdn.example.com.secret",
        ),
        (
            "cdn.example.com",
            json!({"secret": "token", "header": "x y"}),
            "media.cdn.example.com.header",
        ),
        (
            "cdn.example.com",
            json!({"secret": "token", "prefix": "a\nb"}),
            "media.cdn.example.com.prefix",
        ),
        (
            "cdn.example.com",
            json!({"secret": "token", "header": "x", "query": "y"}),
            "media.cdn.example.com.query",
        ),
    ] {
        settings["media"] = json!({host: access});
        assert_eq!(put(&settings).await.problem(), (400, "invalid-value", field));
    }
}

#[tokio::test]
async fn many_of_one_message_come_in_whatever_order_and_none_twice() {
    let world = furnished().await;
    for n in 0..16 {
        world.provider.has_file(&format!("/m/{n}x"), "image/png", PNG);
        if n % 3 == 0 {
            let slow = Conduct::Slow(Duration::from_millis(50), 503, String::new());
            world.provider.next(&format!("/m/{n}x"), slow);
        }
    }
    let all = (0..16)
        .map(|n| json!({"url": format!("{MEDIA}/m/{n}x"), "type": "image/png", "name": format!("{n}.png")}));
    let (id, number) = sends(&world, "m1", "u1", all.collect()).await;
    let mut entries = world.app.handle("one").subscribe();
    let path = format!("/v1/interactions/{id}/messages?after={}", number - 1);
    let all = loop {
        let page = world.app.get(&path, &world.admin).await.ok();
        let all = page.body["items"][0]["attachments"].as_array().unwrap().clone();
        if all.iter().all(|it| it["id"].is_string()) {
            break all;
        }
        tokio::time::timeout(PATIENCE, entries.recv())
            .await
            .unwrap()
            .unwrap();
    };
    for (n, it) in all.iter().enumerate() {
        assert_eq!(it["name"], format!("{n}.png"));
    }
}

#[tokio::test]
async fn an_agents_file_goes_out_as_a_link_that_opens_it_alone() {
    let world = furnished().await;
    let id = world.taken("u1").await;
    let uploads = async || {
        let path = format!("/v1/interactions/{id}/attachments?name=invoice.pdf");
        let request = request("POST", &path, &world.anna).header("content-type", "application/pdf");
        world.app.send(request.body(Body::from(PDF)).unwrap()).await
    };
    let refused = uploads().await;
    assert_eq!(refused.problem(), (409, "wrong-state", ""));
    assert!(refused.text("/detail").contains("/v1/link-settings"));
    let links = json!({"public_url": "https://cx.example", "assistance_hosts": []});
    world.app.put("/v1/link-settings", &world.admin, links).await.ok();
    let kept = uploads().await.ok();
    let body = json!({"text": "Here it is.", "attachments": [kept.text("/id")]});
    let sent = world.act(id, "messages", body).await.ok();
    let number = sent.body["number"].as_u64().unwrap();
    world.until(id, number, "sent").await;
    let heard = world.heard(1).await.remove(0);
    let out: Value = serde_json::from_str(&heard.body).unwrap();
    let text = out["text"].as_str().unwrap();
    let link = text
        .strip_prefix("Here it is.\ninvoice.pdf: https://cx.example")
        .unwrap();
    assert!(link.starts_with("/file/one/") && link.len() < 50, "{link}");

    // Who looks ahead has not opened it.
    for ahead in [
        request("HEAD", link, ""),
        request("GET", link, "").header("sec-purpose", "prefetch"),
    ] {
        world.app.send(ahead.body(Body::empty()).unwrap()).await.ok();
    }
    assert!(attachment(&world, id, number).await["opened_at"].is_null());
    let read = file(&world, link).await.ok();
    assert_eq!(read.bytes, PDF);
    for (header, value) in [
        ("content-type", "application/pdf"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(read.header(header), value);
    }
    assert!(
        read.header("content-disposition")
            .starts_with("attachment; filename=\"invoice.pdf\"")
    );
    let opened_at = attachment(&world, id, number).await["opened_at"].clone();
    assert!(opened_at.is_u64());
    file(&world, link).await.ok();
    assert_eq!(attachment(&world, id, number).await["opened_at"], opened_at);
    let told = world.app.events(&world.admin, id).await;
    let opened = told.iter().filter(|event| event["type"] == "attachment-opened");
    assert_eq!(opened.count(), 1);

    // Another token, tenant or day leads nowhere.
    world.app.tenant("two", "+442079460200").await;
    let last = link.chars().last().unwrap();
    let changed = format!(
        "{}{}",
        &link[..link.len() - 1],
        if last == 'z' { 'y' } else { 'z' }
    );
    for nowhere in [
        link.replace("/one/", "/two/"),
        changed,
        "/file/one/0000-0000".into(),
    ] {
        let answer = file(&world, &nowhere).await;
        assert_eq!(answer.status, 404, "{nowhere}");
        let page = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(page.contains("leads nowhere"), "{nowhere}: {page}");
    }
    let tenant = world.app.handle("one");
    let ctx = OpContext::system(TenantId::new("one").unwrap(), "test");
    let token = link.rsplit('/').next().unwrap();
    let at = Timestamp(sent.body["at"].as_u64().unwrap());
    for (after, there) in [
        (0, true),
        (ATTACHMENT_LINK_MS - 1, true),
        (ATTACHMENT_LINK_MS, false),
    ] {
        let found = tenant.linked_attachment(&ctx, token, at + after).await.unwrap();
        assert_eq!(found.is_some(), there, "{after}");
    }

    // And of an erased customer, nothing.
    world
        .app
        .post(&format!("/v1/interactions/{id}/end"), &world.admin, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    file(&world, link).await.ok();
    world
        .app
        .delete("/v1/customers/shopper:u1", &world.admin)
        .await
        .ok();
    assert_eq!(file(&world, link).await.status, 404);
}

#[tokio::test]
async fn what_is_fetched_after_the_end_is_there_and_of_the_erased_nothing_is() {
    let world = furnished().await;
    let ctx = OpContext::system(TenantId::new("one").unwrap(), "test");
    let used = async || world.app.platform.store().blobs().used(&ctx).await.unwrap();
    let before = used().await;
    world.provider.next("/m/1", Conduct::Hang);
    world.provider.has_file("/m/1", "image/png", PNG);
    let sent = json!([{"url": format!("{MEDIA}/m/1"), "type": "image/png"}]);
    let (id, number) = sends(&world, "m1", "u1", sent).await;
    world.app.until("one", id, "offered").await;
    world
        .app
        .post(&format!("/v1/interactions/{id}/end"), &world.admin, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    world.provider.let_go();
    let found = concluded(&world, id, number).await;
    assert_eq!(found["size"], PNG.len(), "{found}");

    world.provider.next(
        "/m/2",
        Conduct::Slow(Duration::from_millis(300), 503, String::new()),
    );
    let sent = json!([{"url": format!("{MEDIA}/m/2"), "type": "image/png"}]);
    let (id, _) = sends(&world, "m2", "u2", sent).await;
    world.app.until("one", id, "offered").await;
    world
        .app
        .post(&format!("/v1/interactions/{id}/end"), &world.admin, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    world
        .app
        .delete("/v1/customers/shopper:u2", &world.admin)
        .await
        .ok();
    let kept = used().await - before;
    assert_eq!(kept, PNG.len() as u64 + 28, "the first one's alone");
}
