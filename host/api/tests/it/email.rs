//! E-mail: what comes by SMTP becomes conversations, and what is written there goes out through relays, which misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

use jackfield_mail::{Networks, Relay, RelaySecurity, Relayed, SmtpListener, SmtpOptions};
use jackfield_runtime::{PluginOptions, ProviderAccess};
use jackfield_testkit::{Letter, MailRelay, Manner};
use jackfield_types::InteractionId;
use serde_json::{Value, json};

use crate::support::{NUMBER, PATIENCE, Reply, TestApp, request};

/// A picture of one pixel.
const PIXEL: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

struct World {
    app: TestApp,
    admin: String,
    anna: String,
    relay: Arc<MailRelay>,
    smtp: SocketAddr,
}

fn settings(account: &str, relay: &MailRelay) -> Value {
    json!({
        "name": "Support", "entry": "mail", "account": account, "retry_ms": 10, "attempts": 4,
        "email": {
            "from_name": "客服 One", "aliases": [format!("help-{account}")],
            "relay": {"host": "127.0.0.1", "port": relay.at.port(), "security": "none"},
        },
    })
}

impl World {
    /// A tenant with an agent and a mailbox, and a listener for all.
    async fn make() -> Self {
        let relay = Arc::new(MailRelay::start());
        let app = TestApp::start_with(PluginOptions {
            providers: ProviderAccess::StandIn(relay.at),
            ..PluginOptions::default()
        })
        .await;
        let options = SmtpOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            name: "mx.example".into(),
            from: Networks::default(),
            tls: None,
        };
        let listener = SmtpListener::open(options).await.unwrap();
        let smtp = listener.address();
        let house = Arc::new(app.platform.mail_house());
        tokio::spawn(listener.serve(house, std::future::pending()));
        let admin = furnish(&app, "one", NUMBER, &relay).await;
        let anna = app.user(&admin, "anna", "agent").await;
        Self {
            app,
            admin,
            anna,
            relay,
            smtp,
        }
    }

    /// What the server says to a mail.
    async fn send(&self, from: &str, to: &str, mail: &[u8]) -> Relayed {
        let relay = Relay {
            host: "localhost".into(),
            security: RelaySecurity::Plain,
            login: None,
            authority: None,
            hello: "gateway.example".into(),
        };
        relay.send(&[self.smtp], from, to, mail).await
    }

    /// Li Lei writes; the rest of the header, and the body.
    async fn li_writes(&self, rest: &str) {
        let mail = format!("From: Li Lei <li@example.com>\nTo: support@one.example\n{rest}");
        let told = self
            .send("li@example.com", "support@one.example", &crlf(&mail))
            .await;
        assert_eq!(told, Relayed::Taken, "{rest}");
    }

    async fn conversations(&self, admin: &str) -> Vec<Value> {
        let listed = self.app.get("/v1/interactions", admin).await.ok();
        let mut all = listed.body["items"].as_array().unwrap().clone();
        all.sort_by_key(|it| it["id"].as_str().unwrap().to_owned());
        all
    }

    async fn only(&self) -> InteractionId {
        let all = self.conversations(&self.admin).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        id_of(&all[0])
    }

    async fn messages(&self, id: InteractionId) -> Vec<Value> {
        let path = format!("/v1/interactions/{id}/messages");
        let page = self.app.get(&path, &self.admin).await.ok();
        page.body["items"].as_array().unwrap().clone()
    }

    async fn act(&self, id: InteractionId, what: &str, body: Value) -> Reply {
        self.app
            .post(&format!("/v1/interactions/{id}/{what}"), &self.anna, body)
            .await
    }

    async fn accept(&self, id: InteractionId) {
        self.app.until("one", id, "offered").await;
        self.act(id, "accept", json!({})).await.ok();
    }

    /// A conversation that Li Lei began and anna has taken.
    async fn taken(&self) -> InteractionId {
        self.li_writes("Subject: Order 12\nMessage-ID: <q1@example.com>\n\nWhere is it?\n")
            .await;
        let id = self.only().await;
        self.accept(id).await;
        id
    }

    async fn answer(&self, id: InteractionId, text: &str) -> u64 {
        let sent = self.act(id, "messages", json!({"text": text})).await.ok();
        sent.body["number"].as_u64().unwrap()
    }

    /// Waits until a message has come so far, told of each change by the journal.
    async fn until(&self, id: InteractionId, number: u64, state: &str) -> Value {
        let mut entries = self.app.handle("one").subscribe();
        let wait = async {
            loop {
                let messages = self.messages(id).await;
                let own = messages.iter().find(|message| message["number"] == number);
                if let Some(own) = own.filter(|own| own["delivery"]["state"] == state) {
                    return own["delivery"].clone();
                }
                entries.recv().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("message {number} is not {state}"))
    }

    async fn letters(&self, count: usize) -> Vec<Letter> {
        let relay = self.relay.clone();
        let wait = tokio::task::spawn_blocking(move || relay.wait_for(count, PATIENCE));
        wait.await.unwrap()
    }
}

async fn furnish(app: &TestApp, tenant: &str, number: &str, relay: &MailRelay) -> String {
    let admin = app.tenant(tenant, number).await;
    let agent = json!({"name": "Anna", "queues": ["support"], "capacity": {"email": 5}});
    app.put("/v1/agents/anna", &admin, agent).await.ok();
    app.put("/v1/agents/anna/state", &admin, json!({"state": "available"}))
        .await
        .ok();
    let entry = json!({"name": "Mail", "channel": "email", "default_queue": "support"});
    app.put("/v1/chat-entries/mail", &admin, entry).await.ok();
    let channel = settings(&format!("support@{tenant}.example"), relay);
    app.put("/v1/channels/mail", &admin, channel).await.ok();
    admin
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn id_of(it: &Value) -> InteractionId {
    it["id"].as_str().unwrap().parse().unwrap()
}

fn attribute<'a>(it: &'a Value, key: &str) -> &'a str {
    it["attributes"][key].as_str().unwrap_or_default()
}

/// Without the angle brackets.
fn bare(id: &str) -> &str {
    id.trim_start_matches('<').trim_end_matches('>')
}

fn refused(told: &Relayed) -> &str {
    match told {
        Relayed::Refused(_, words) => words.split(' ').next().unwrap(),
        _ => panic!("{told:?}"),
    }
}

#[tokio::test]
async fn settings_are_checked_and_addresses_are_one_tenants() {
    let world = World::make().await;
    let World {
        app, admin, relay, ..
    } = &world;
    let shown = app.get("/v1/channels/mail", admin).await.ok();
    assert_eq!((shown.text("/kind"), shown.text("/identity")), ("email", "email"));
    let entry = app.get("/v1/chat-entries/mail", admin).await.ok();
    assert_eq!(
        entry.body["unanswered"],
        json!([{"after_ms": 14_400_000, "action": "warn"}]),
        "no 15 seconds"
    );
    let account = "support@one.example";
    for (at, value, field) in [
        ("/account", json!("support"), "account"),
        ("/identity", json!("tel"), "identity"),
        ("/attempts", json!(1_001), "attempts"),
        ("/hosts", json!(["api.example.com"]), "hosts"),
        (
            "/verification",
            json!({"scheme": "token", "secret": "x"}),
            "verification",
        ),
        ("/email/aliases", json!(["x"]), "email.aliases"),
        ("/email/from_name", json!("a\nb"), "email.from_name"),
        ("/email/relay/host", json!("a b"), "email.relay.host"),
        ("/email/relay/port", json!(0), "email.relay.port"),
        ("/email/relay/user", json!("u"), "email.relay.user"),
        ("/email/relay/authority", json!("x"), "email.relay.authority"),
    ] {
        let mut bad = settings(account, relay);
        let (parent, name) = at.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[name] = value;
        let refused = app.put("/v1/channels/mail", admin, bad).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field), "{refused:#?}");
    }
    let mut other = settings("other@one.example", relay);
    other["entry"] = json!("chat");
    app.put(
        "/v1/chat-entries/chat",
        admin,
        json!({"name": "Chat", "default_queue": "support"}),
    )
    .await
    .ok();
    let refused = app.put("/v1/channels/other", admin, other.clone()).await;
    assert_eq!(
        refused.problem(),
        (400, "invalid-value", "entry"),
        "an entry of another channel"
    );
    let entry = json!({"name": "Mail", "channel": "email", "default_queue": "support"});
    app.put("/v1/chat-entries/other", admin, entry).await.ok();
    other["entry"] = json!("other");
    other["account"] = json!("HELP-support@one.example");
    let refused = app.put("/v1/channels/other", admin, other.clone()).await;
    assert_eq!(
        refused.problem(),
        (400, "invalid-value", "account"),
        "an address of another channel"
    );
    // Another tenant can't have it either, until it is let go of.
    let theirs = furnish(app, "two", "+8675500000002", relay).await;
    let taking = settings(account, relay);
    let refused = app.put("/v1/channels/mail", &theirs, taking.clone()).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "account"));
    assert_eq!(app.delete("/v1/channels/mail", admin).await.status, 204);
    app.put("/v1/channels/mail", &theirs, taking).await.ok();
    // No provider calls it.
    let called = app.post("/channels/two/mail", "", json!({})).await;
    assert_eq!(called.status, 404);
}

#[tokio::test]
async fn a_mail_that_is_missed_goes_to_the_next_agent_and_leaves_the_first_one_available() {
    let world = World::make().await;
    let World { app, admin, .. } = &world;
    let queue = json!({"name": "Support", "offer_timeout_ms": 1_000});
    app.put("/v1/queues/support", admin, queue).await.ok();
    world
        .li_writes("Subject: Order 12\nMessage-ID: <q1@example.com>\n\nWhere is it?\n")
        .await;
    let id = world.only().await;
    app.until("one", id, "offered").await;
    app.until("one", id, "queued").await;
    let missed = world.app.events(admin, id).await;
    let missed = missed
        .iter()
        .find(|event| event["type"] == "offer-failed")
        .unwrap();
    assert_eq!(
        (&missed["agent"], &missed["reason"]),
        (&json!("anna"), &json!("no-answer"))
    );
    let anna = app.get("/v1/agents/anna", admin).await.ok();
    assert_eq!(
        (anna.text("/state/name"), &anna.body["chats"]),
        ("available", &json!([]))
    );

    let bo = json!({"name": "Bo", "queues": ["support"], "capacity": {"email": 1}});
    app.put("/v1/agents/bo", admin, bo).await.ok();
    app.put("/v1/agents/bo/state", admin, json!({"state": "available"}))
        .await
        .ok();
    app.until("one", id, "offered").await;
    let offered = app.get(&format!("/v1/interactions/{id}"), admin).await.ok();
    assert_eq!(offered.text("/stage/agent"), "bo");
}

#[tokio::test]
async fn a_mail_is_answered_and_its_thread_goes_on() {
    let world = World::make().await;
    let subject: String = [0xb6, 0xa9, 0xb5, 0xa5]
        .map(|byte: u8| format!("={byte:02X}"))
        .concat();
    let first = [
        format!("Subject: =?gb2312?Q?{subject}?=\n").as_bytes(),
        b"Message-ID: <q1@example.com>\nContent-Type: text/plain; charset=gb2312\n\n\xc4\xfa\xba\xc3\n",
    ]
    .concat();
    let mail = [&b"From: =?gbk?Q?=C0=EE=C0=D7?= <Li@Example.com>\n"[..], &first].concat();
    let mail: Vec<u8> = mail
        .iter()
        .flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] })
        .collect();
    for _ in 0..3 {
        let told = world
            .send("li@example.com", "Help-Support@one.example", &mail)
            .await;
        assert_eq!(told, Relayed::Taken);
    }
    let all = world.conversations(&world.admin).await;
    assert_eq!(all.len(), 1, "the same mail counts once");
    let id = id_of(&all[0]);
    assert_eq!(
        (&all[0]["channel"], &all[0]["caller"]),
        (&json!("email"), &json!("li@example.com"))
    );
    assert_eq!(
        (all[0]["caller_name"].as_str(), attribute(&all[0], "subject")),
        (Some("李雷"), "订单")
    );
    let customer = world
        .app
        .get("/v1/customers/email:li@example.com", &world.admin)
        .await
        .ok();
    assert_eq!(customer.body["id"], all[0]["customer"]);
    let messages = world.messages(id).await;
    assert_eq!(
        (messages.len(), messages[0]["text"].as_str()),
        (1, Some("订单\n\n您好"))
    );

    // The answer is a mail in the same thread.
    world.accept(id).await;
    let number = world.answer(id, "您好，\n明天到。").await;
    assert_eq!(world.until(id, number, "sent").await["attempts"], 1);
    let letter = world.letters(1).await.remove(0);
    assert_eq!(
        (letter.from.as_str(), &letter.to[..]),
        ("support@one.example", &["li@example.com".to_owned()][..])
    );
    let read = jackfield_mail::Mail::read(&crlf(&letter.text), "x").unwrap();
    assert_eq!(
        (read.name.as_deref(), read.subject.as_str()),
        (Some("客服 One"), "Re: 订单")
    );
    assert_eq!(read.text, "您好，\n明天到。");
    assert_eq!(letter.header("in-reply-to"), "<q1@example.com>");
    assert!(
        letter.header("references").ends_with(" <q1@example.com>"),
        "{letter:?}"
    );
    assert!(!letter.header("date").is_empty() && letter.header("auto-submitted").is_empty());

    // The customer answers it, with all that was said before.
    let ours = letter.header("message-id");
    let reply = format!(
        "Subject: Re: 订单\nMessage-ID: <q2@example.com>\nIn-Reply-To: {ours}\nReferences: <q1@example.com> {ours}\n\
         Content-Type: text/html; charset=utf-8\n\n<div>谢谢！</div><script>alert(1)</script><div>On Monday, One wrote:</div>\
         <blockquote>您好，<br>明天到。</blockquote>\n"
    );
    world.li_writes(&reply).await;
    assert_eq!(world.only().await, id);
    let messages = world.messages(id).await;
    assert_eq!(messages[2]["text"], "谢谢！");
    let whole = &messages[2]["attachments"][0];
    assert_eq!(
        (&whole["name"], &whole["media_type"]),
        (&json!("whole-message.txt"), &json!("text/plain"))
    );
    let path = format!(
        "/v1/interactions/{id}/attachments/{}",
        whole["id"].as_str().unwrap()
    );
    let whole = world.app.get(&path, &world.anna).await.ok();
    assert!(
        String::from_utf8_lossy(&whole.bytes).contains("> 明天到。"),
        "{whole:?}"
    );

    // A mail about something else is another conversation, beside this one.
    world
        .li_writes("Subject: Bill\nMessage-ID: <q3@example.com>\n\nToo high\n")
        .await;
    assert_eq!(world.conversations(&world.admin).await.len(), 2);
    // When it is over, an answer begins one that says which it continues.
    world.act(id, "end", json!({})).await;
    world
        .app
        .post(&format!("/v1/interactions/{id}/end"), &world.admin, json!({}))
        .await;
    world.app.until_closed("one", id).await;
    world
        .li_writes(&reply.replace("q2@", "q4@").replace("谢谢！", "还没到"))
        .await;
    let all = world.conversations(&world.admin).await;
    assert_eq!(all.len(), 3);
    let next = all
        .iter()
        .find(|it| attribute(it, "continues") == id.to_string())
        .unwrap();
    assert_eq!(next["customer"], customer.body["id"]);
    assert_eq!(world.messages(id_of(next)).await[0]["text"], "Re: 订单\n\n还没到");
}

#[tokio::test]
async fn a_thread_that_was_passed_on_is_not_gone_on_with_by_others() {
    let world = World::make().await;
    let id = world.taken().await;
    world.answer(id, "Tomorrow.").await;
    let ours = world.letters(1).await[0].header("message-id");
    let reply = format!(
        "From: mallory@example.net\nSubject: Re: Order 12\nMessage-ID: <m@x>\nIn-Reply-To: {ours}\n\nRefund me\n"
    );
    let told = world
        .send("mallory@example.net", "support@one.example", &crlf(&reply))
        .await;
    assert_eq!(told, Relayed::Taken);
    assert_eq!(world.messages(id).await.len(), 2);
    let all = world.conversations(&world.admin).await;
    let other = all
        .iter()
        .find(|it| it["caller"] == "mallory@example.net")
        .unwrap();
    assert_eq!(attribute(other, "continues"), id.to_string());
    // Another address of the same customer is the same customer.
    let customer = world
        .app
        .get("/v1/customers/email:li@example.com", &world.admin)
        .await
        .ok();
    let path = format!(
        "/v1/customers/{}/identities/email:li@work.example",
        customer.text("/id")
    );
    world.app.put(&path, &world.admin, json!({})).await.ok();
    let reply = reply
        .replace("mallory@example.net", "li@work.example")
        .replace("<m@x>", "<n@x>");
    world
        .send("li@work.example", "support@one.example", &crlf(&reply))
        .await;
    assert_eq!(world.messages(id).await.len(), 3);
}

#[tokio::test]
async fn attachments_go_both_ways() {
    let world = World::make().await;
    world
        .li_writes(&format!(
            "Subject: Broken\nMessage-ID: <q1@example.com>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee here\n--b\n\
             Content-Type: application/octet-stream; name=\"=?utf-8?B?54Wn54mH?=.gif\"\nContent-Disposition: attachment\n\
             Content-Transfer-Encoding: base64\n\n{PIXEL}\n--b\nContent-Type: application/zip; name=all.zip\n\
             Content-Transfer-Encoding: base64\n\nUEsDBAoAAAAAAA==\n--b\nContent-Type: text/html; name=page.html\n\
             Content-Disposition: attachment\n\n<html><script>x</script>\n--b--\n"
        ))
        .await;
    let id = world.only().await;
    let first = world.messages(id).await.remove(0);
    let (kept, text) = (
        first["attachments"].as_array().unwrap(),
        first["text"].as_str().unwrap(),
    );
    assert_eq!(kept.len(), 1, "{first:#}");
    assert_eq!(
        (&kept[0]["name"], &kept[0]["media_type"]),
        (&json!("照片.gif"), &json!("image/gif"))
    );
    assert!(
        text.starts_with("Broken\n\nSee here\n[not kept: all.zip: "),
        "{text}"
    );
    assert!(
        text.contains("\n[not kept: page.html: ") && text.contains("text/html"),
        "{text}"
    );
    let path = format!(
        "/v1/interactions/{id}/attachments/{}",
        kept[0]["id"].as_str().unwrap()
    );
    let gif = world.app.get(&path, &world.admin).await.ok();
    assert!(gif.bytes.starts_with(b"GIF89a"));

    world.accept(id).await;
    let path = format!("/v1/interactions/{id}/attachments?name=notes.txt");
    let upload = request("POST", &path, &world.anna).header("content-type", "text/plain");
    let up = world
        .app
        .send(upload.body("Press it twice.".into()).unwrap())
        .await
        .ok();
    let body = json!({"text": "Like this:", "attachments": [up.text("/id")]});
    let number = world.act(id, "messages", body).await.ok().body["number"]
        .as_u64()
        .unwrap();
    world.until(id, number, "sent").await;
    let letter = world.letters(1).await.remove(0);
    let read = jackfield_mail::Mail::read(&crlf(&letter.text), "x").unwrap();
    assert_eq!((read.text.as_str(), read.parts.len()), ("Like this:", 1));
    assert_eq!(
        (read.parts[0].name.as_str(), &read.parts[0].bytes[..]),
        ("notes.txt", &b"Press it twice."[..])
    );
}

#[tokio::test]
async fn relays_that_misbehave_lose_and_double_nothing() {
    let world = World::make().await;
    let id = world.taken().await;
    world.relay.next(Manner::Absent);
    world.relay.next(Manner::Mail("451 4.7.1 greylisted".into()));
    world
        .relay
        .next(Manner::Rcpt("450 4.2.1 <li@example.com> is busy".into()));
    let number = world.answer(id, "one").await;
    assert_eq!(world.until(id, number, "sent").await["attempts"], 4);
    assert_eq!(world.letters(1).await.len(), 1);

    world.relay.next(Manner::Rcpt(
        "550 5.1.1 <li@example.com>: no such user here".into(),
    ));
    let number = world.answer(id, "two").await;
    let failed = world.until(id, number, "failed").await;
    assert_eq!(
        (&failed["reason"], &failed["words"]),
        (&json!("smtp-550"), &json!("5.1.1 no such user here"))
    );
    assert_eq!(failed["attempts"], 1);
    assert_eq!(world.letters(1).await.len(), 1, "it never got so far");

    // Nobody knows whether the relay has it: it comes again, as the same mail.
    world.relay.next(Manner::HangUp);
    let number = world.answer(id, "three").await;
    world.until(id, number, "sent").await;
    let letters = world.letters(3).await;
    assert_eq!(letters[1].header("message-id"), letters[2].header("message-id"));
    assert_eq!((letters[1].taken, letters[2].taken), (false, true));

    for _ in 0..4 {
        world.relay.next(Manner::Data("452 4.3.1 full".into()));
    }
    let number = world.answer(id, "four").await;
    let failed = world.until(id, number, "failed").await;
    assert_eq!(
        (&failed["attempts"], &failed["reason"]),
        (&json!(4), &json!("smtp-452"))
    );

    // A relay without TLS elsewhere than on this machine, or one that is not to be reached, is no place for a mail.
    let mut elsewhere = settings("support@one.example", &world.relay);
    elsewhere["email"]["relay"]["host"] = json!("203.0.113.9");
    elsewhere["attempts"] = json!(1);
    world
        .app
        .put("/v1/channels/mail", &world.admin, elsewhere)
        .await
        .ok();
    let number = world.answer(id, "five").await;
    assert_eq!(world.until(id, number, "failed").await["reason"], "no-connection");
}

fn bounce(original: &str, action: &str) -> Vec<u8> {
    crlf(&format!(
        "From: MAILER-DAEMON@relay.example\nTo: support@one.example\nSubject: Undelivered\nMessage-ID: <b@relay.example>\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\nFinal-Recipient: rfc822; li@example.com\n\
         Action: {action}\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 <li@example.com> mailbox full\n--b\n\
         Content-Type: text/rfc822-headers\n\nMessage-ID: {original}\n--b--\n"
    ))
}

#[tokio::test]
async fn a_bounce_is_a_receipt_and_nothing_that_comes_back_goes_round() {
    let world = World::make().await;
    let id = world.taken().await;
    let number = world.answer(id, "Tomorrow.").await;
    world.until(id, number, "sent").await;
    let letter = world.letters(1).await.remove(0);
    let ours = letter.header("message-id");
    let mine = "support@one.example";
    for (action, state) in [
        ("delayed", "sent"),
        ("delivered", "delivered"),
        ("failed", "failed"),
        ("delivered", "failed"),
    ] {
        assert_eq!(
            world
                .send("MAILER-DAEMON@relay.example", mine, &bounce(&ours, action))
                .await,
            Relayed::Taken
        );
        let told = world.until(id, number, state).await;
        if state == "failed" {
            assert_eq!(
                (&told["reason"], &told["words"]),
                (&json!("status-5.2.2"), &json!("552 5.2.2 mailbox full"))
            );
        }
    }
    assert_eq!(
        world.messages(id).await.len(),
        2,
        "nobody reads reports in a conversation"
    );
    // About nothing that was sent, or with a token that was made up.
    let forged = format!("<{}x{}", &ours[1..10], &ours[11..]);
    for original in ["<any@one.example>", forged.as_str()] {
        let told = world
            .send("MAILER-DAEMON@relay.example", mine, &bounce(original, "failed"))
            .await;
        assert_eq!(refused(&told), "5.7.1", "{original}");
    }
    // Our own mail, sent back to where it came from; and one from the mailbox to itself.
    let told = world.send("li@example.com", mine, &crlf(&letter.text)).await;
    assert_eq!(refused(&told), "5.4.6");
    let told = world
        .send(
            mine,
            mine,
            &crlf("From: Help-support@ONE.example\nSubject: x\n\nx\n"),
        )
        .await;
    assert_eq!(refused(&told), "5.4.6");
    let told = world
        .send("a@b.c", mine, &crlf("From: nobody\nSubject: x\n\nx\n"))
        .await;
    assert_eq!(refused(&told), "5.1.7");
    let told = world
        .send("a@b.c", "unknown@one.example", b"From: a@b.c\r\n\r\nx\r\n")
        .await;
    assert_eq!(refused(&told), "5.1.1");
    assert_eq!(world.conversations(&world.admin).await.len(), 1);
}

#[tokio::test]
async fn no_program_answers_a_program() {
    let world = World::make().await;
    let entry = json!({
        "name": "Mail", "channel": "email", "default_queue": "support",
        "unanswered": [{"after_ms": 1_000, "action": {"reply": "We have your mail."}}],
    });
    world
        .app
        .put("/v1/chat-entries/mail", &world.admin, entry)
        .await
        .ok();
    world
        .li_writes("Subject: Away\nMessage-ID: <q1@x>\nAuto-Submitted: auto-replied\n\nI am away\n")
        .await;
    let away = world.only().await;
    world
        .li_writes("Subject: Order\nMessage-ID: <q2@x>\n\nWhere?\n")
        .await;
    let all = world.conversations(&world.admin).await;
    let order = id_of(&all[1]);
    assert_eq!(
        (attribute(&all[0], "automatic"), attribute(&all[1], "automatic")),
        ("true", "")
    );
    assert_eq!(world.until(away, 2, "failed").await["reason"], "automatic-mail");
    world.until(order, 2, "sent").await;
    let letters = world.letters(1).await;
    assert_eq!(letters[0].header("auto-submitted"), "auto-replied");
    assert_eq!(letters[0].header("subject"), "Re: Order");
    // A person may answer it.
    world.accept(away).await;
    let number = world.answer(away, "Have a good time.").await;
    world.until(away, number, "sent").await;
}

#[tokio::test]
async fn tenants_on_one_listener_never_meet() {
    let world = World::make().await;
    let theirs = furnish(&world.app, "two", "+8675500000002", &world.relay).await;
    let id = world.taken().await;
    world.answer(id, "Tomorrow.").await;
    let ours = world.letters(1).await[0].header("message-id");
    assert!(bare(&ours).ends_with("@one.example"));
    // The same mail to both is one conversation of each, and a thread of one is nothing to the other.
    let both = crlf(&format!(
        "From: li@example.com\nMessage-ID: <both@x>\nSubject: Hi\nIn-Reply-To: {ours}\n\nHi\n"
    ));
    for to in ["support@one.example", "support@two.example"] {
        assert_eq!(world.send("li@example.com", to, &both).await, Relayed::Taken);
    }
    assert_eq!(world.messages(id).await.len(), 3);
    let found = world.conversations(&theirs).await;
    assert_eq!((found.len(), attribute(&found[0], "continues")), (1, ""));
    assert_eq!(found[0]["chat"]["messages"], 1);
    assert_ne!(
        found[0]["customer"],
        world.conversations(&world.admin).await[0]["customer"]
    );
    let told = world
        .send(
            "MAILER-DAEMON@relay.example",
            "support@two.example",
            &bounce(&ours, "failed"),
        )
        .await;
    assert_eq!(refused(&told), "5.7.1", "a report about another tenant's mail");
    // A channel that is switched off puts mail off, and its outbox waits.
    let mut off = settings("support@two.example", &world.relay);
    off["enabled"] = json!(false);
    world.app.put("/v1/channels/mail", &theirs, off).await.ok();
    let told = world
        .send(
            "li@example.com",
            "support@two.example",
            b"From: a@b.c\r\n\r\nx\r\n",
        )
        .await;
    assert!(
        matches!(&told, Relayed::Later(code, _) if code == "smtp-451"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_long_mail_is_shown_in_part_and_kept_in_whole() {
    let world = World::make().await;
    let long = "很长的一行。\n".repeat(2_000);
    world
        .li_writes(&format!(
            "Subject: Long\nMessage-ID: <q1@x>\nContent-Type: text/plain; charset=utf-8\n\n{long}"
        ))
        .await;
    let first = world.messages(world.only().await).await.remove(0);
    let text = first["text"].as_str().unwrap();
    assert!(text.len() <= 8_192 && text.len() > 8_000, "{}", text.len());
    assert_eq!(first["attachments"][0]["size"], long.trim().len());
    // An empty one is one all the same.
    world.li_writes("Message-ID: <q2@x>\n\n\n").await;
    let all = world.conversations(&world.admin).await;
    assert_eq!(world.messages(id_of(&all[1])).await[0]["text"], "(empty)");
}
