//! A written conversation in a real browser: bot, agent, survey; the server dies in the middle of a sentence.

use std::path::{Path, PathBuf};
use std::process::Command;

use jackfield_testkit::{Api, Browser, Server, Window};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");

/// An element of the chat window.
fn find(selector: &str) -> String {
    format!("document.querySelector('jackfield-chat').shadowRoot.querySelector({selector:?})")
}

/// How many messages of an author show a text.
fn shown(author: &str, text: &str) -> String {
    format!(
        "[...document.querySelector('jackfield-chat').shadowRoot.querySelectorAll('li.{author} .text')]\
         .filter((text) => text.textContent.includes({text:?})).length"
    )
}

fn write(browser: &mut Browser, text: &str) {
    browser.eval(&format!("{}.focus()", find("textarea")));
    browser.type_text(text);
    browser.enter();
}

/// Where pictures of what people see are left.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("chat").join(name)
}

fn offered(api: &Api) -> (String, String) {
    let mut events = api.events();
    let offered = events.wait_type("offered");
    let text = |field: &str| offered[field].as_str().unwrap().to_owned();
    (text("interaction"), text("agent"))
}

fn act(api: &Api, interaction: &str, what: &str, body: &Value) -> Value {
    let (status, answer) = api.post(&format!("/v1/interactions/{interaction}/{what}"), body);
    assert!((200..300).contains(&status), "{what}: {answer}");
    answer
}

#[test]
fn a_visitor_writes_with_bot_and_agent_while_the_server_dies_in_the_middle() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let url = server.api.url().to_owned();
    let mut browser = Browser::open(&format!("{url}/chat/demo/web"), 420, 780);

    // The bot greets; what the visitor writes is text and nothing else.
    browser.wait(&format!("{} > 0", shown("bot", "")));
    let begun = server.api.see("/v1/interactions");
    assert_eq!(begun["items"], json!([]), "opening the window begins nothing");
    write(
        &mut browser,
        "<img src=x onerror=\"window.broken = 1\"><b>human</b>",
    );
    browser.wait(&format!("{} === 1", shown("customer", "<b>human</b>")));
    let (id, agent) = offered(&server.api);
    assert_eq!(
        server.api.see("/v1/interactions")["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    browser.wait(&format!(
        "[...{}.children].map((item) => item.className).slice(0, 2).join() === 'bot,customer' && {} === 1",
        find("ol"),
        shown("bot", "What can we do")
    ));
    act(&server.api, &id, "accept", &json!({}));
    browser.wait(&format!(
        "{}.textContent.startsWith('You are talking')",
        find(".standing")
    ));
    let sent = act(
        &server.api,
        &id,
        "messages",
        &json!({"text": "Good morning! <script>window.broken = 2</script>", "client_id": "a-1"}),
    );
    assert_eq!(sent["agent"], json!(agent));
    browser.wait(&format!("{} === 1", shown("agent", "Good morning!")));
    assert_eq!(browser.eval("typeof window.broken"), json!("undefined"));
    browser.screenshot(&picture("conversation.png"));

    // The server dies; the visitor goes on writing.
    let http = url.trim_start_matches("http://").to_owned();
    server.kill();
    browser.wait(&format!("!{}.hidden", find(".notice")));
    write(&mut browser, "My order 4711");
    write(&mut browser, "has not arrived");
    browser.wait(&format!("{} === 1", shown("customer", "has not arrived")));
    browser.screenshot(&picture("offline.png"));
    let server = Server::start_at(Path::new(BINARY), data.path(), &[], &http);
    browser.wait(&format!("{}.hidden", find(".notice")));
    browser.wait(&format!(
        "[...{}.querySelectorAll('li')].every((item) => item.dataset.number)",
        find("ol")
    ));

    // The agent still has the conversation, with everything in it once.
    let page = server.api.see(&format!("/v1/interactions/{id}/messages"));
    let texts: Vec<_> = page["items"].as_array().unwrap().iter().collect();
    for text in ["My order 4711", "has not arrived"] {
        let times = texts.iter().filter(|message| message["text"] == text).count();
        assert_eq!(times, 1, "{text} in {page:#}");
    }
    let numbers: Vec<_> = texts
        .iter()
        .map(|message| message["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    act(
        &server.api,
        &id,
        "messages",
        &json!({"text": "It is on its way."}),
    );
    browser.wait(&format!("{} === 1", shown("agent", "on its way")));
    act(&server.api, &id, "read", &json!({"up_to": numbers.len()}));
    browser.wait(&format!(
        "[...{}.querySelectorAll('.state')].some((mark) => mark.textContent === 'Seen')",
        find("ol")
    ));

    // The agent leaves, the bot asks, the visitor picks.
    act(&server.api, &id, "leave", &json!({}));
    browser.wait(&format!(
        "{} === 5",
        find("ol") + ".querySelectorAll('.choices:not([hidden]) button').length"
    ));
    browser.screenshot(&picture("survey.png"));
    browser.eval(&format!(
        "{}.click()",
        find(".choices:not([hidden]) button:last-child")
    ));
    browser.wait(&format!("!{}.hidden", find(".again")));
    browser.screenshot(&picture("ended.png"));

    let mut events = server.api.events();
    let closed = events.wait_for("its end", std::time::Duration::from_secs(60), |event| {
        event["type"] == "closed" && event["interaction"] == *id
    });
    assert_eq!(closed["interaction"], json!(id));
    let it = server.api.see(&format!("/v1/interactions/{id}"));
    assert_eq!(it["channel"], "chat");
    assert_eq!(it["surveys"][0]["value"], 5);
    assert_eq!(it["orphaned"], false);
    assert_eq!(it["ending"]["by"], "flow");
    assert!(it["score"].is_number(), "{it:#}");
}

#[test]
fn a_window_speaks_chinese_on_a_telephone() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let url = format!("{}/chat/demo/web-zh", server.api.url());
    let mut browser = Browser::open(&url, 390, 740);
    browser.wait(&format!("{}.textContent === '在线客服'", find("h2")));
    browser.wait(&format!("{} > 0", shown("bot", "")));
    write(&mut browser, "我要找人工客服");
    browser.wait(&format!(
        "{}.textContent === '正在排队，请稍候'",
        find(".standing")
    ));
    browser.screenshot(&picture("chinese.png"));
    // A reload goes on with the same conversation.
    browser.reload();
    browser.wait(&format!("{} === 1", shown("customer", "我要找人工客服")));
    let wide = browser.eval("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(wide, json!(true), "nothing hangs over the edge");
}

#[test]
fn a_socket_that_talks_nonsense_ends_and_nobody_else_notices() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let door = format!("{}/chat/demo/web", server.api.url());
    let session = Window::session(&door, &json!({}));
    let token = session["token"].as_str().unwrap();
    let mut good = Window::open(&door, token, 0);

    let first = |frame: &str| {
        let mut window = Window::connect(&door);
        window.send_text(frame);
        let error = window.hear().unwrap();
        assert_eq!(window.hear(), None, "it ends after {frame}");
        error["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(first("nonsense"), "invalid-frame");
    assert_eq!(first(r#"{"type": "hello"}"#), "invalid-frame");
    assert_eq!(
        first(r#"{"type": "send", "client_id": "a", "text": "x"}"#),
        "hello-expected"
    );
    assert_eq!(
        first(r#"{"type": "hello", "token": "jv1.demo.x.1.00"}"#),
        "unknown-visitor"
    );
    let other = Window::session(&format!("{}/chat/demo/web-zh", server.api.url()), &json!({}));
    let elsewhere = json!({"type": "hello", "token": other["token"]}).to_string();
    assert_eq!(
        first(&elsewhere),
        "no-conversation",
        "a conversation is its entry's"
    );

    let mut bad = Window::open(&door, token, 0);
    bad.send(&json!({"type": "send", "client_id": "long", "text": "x".repeat(8_193)}));
    assert_eq!(bad.wait("error")["code"], "invalid-message");
    bad.send(&json!({"type": "read", "up_to": 4_000_000}));
    assert_eq!(bad.wait("error")["code"], "invalid-message");
    bad.send_text(&"x".repeat(100_000));
    while bad.hear().is_some() {}

    // Out of order, doubled, from two windows at once: each counts once, and both windows see all of it.
    let mut second = Window::open(&door, token, 0);
    for id in ["b", "a", "b", "a"] {
        good.send(&json!({"type": "send", "client_id": id, "text": format!("text {id}")}));
    }
    let mut acks: Vec<_> = (0..4)
        .map(|_| good.wait("ack"))
        .map(|ack| (ack["client_id"].clone(), ack["number"].clone()))
        .collect();
    acks.dedup();
    acks.sort_by_key(|(id, _)| id.to_string());
    acks.dedup();
    assert_eq!(acks.len(), 2, "{acks:?}");
    for id in ["b", "a"] {
        let seen = loop {
            let frame = second.wait("message");
            if frame["author"] == "customer" {
                break frame;
            }
        };
        assert_eq!(seen["client_id"], id);
    }
    // What the command line says of it.
    let say = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .args(["--url", server.api.url(), "--key-file"]);
        let said = command.arg(data.path().join("demo-admin.key")).output().unwrap();
        assert!(
            said.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8(said.stdout).unwrap()
    };
    let id = session["conversation"].as_str().unwrap();
    let messages = say(&["chat", "messages", id]);
    assert!(
        messages.contains("text a") && messages.contains("text b"),
        "{messages}"
    );
    assert!(say(&["chat", "entries"]).contains("web-zh"));
    let responses = say(&["chat", "responses", "--queue", "support", "--within", "20"]);
    assert!(responses.contains("turns"), "{responses}");
    second.send(&json!({"type": "end"}));
    loop {
        if good.wait("standing")["standing"] == "ended" {
            break;
        }
    }
    assert_eq!(good.hear(), None, "a window whose conversation is over is closed");
}

#[test]
fn who_floods_a_socket_is_told_to_wait() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let door = format!("{}/chat/demo/web", server.api.url());
    let session = Window::session(&door, &json!({}));
    let mut window = Window::open(&door, session["token"].as_str().unwrap(), 0);
    for n in 0..40 {
        window.send(&json!({"type": "send", "client_id": n.to_string(), "text": "spam"}));
    }
    let refused = window.wait("error");
    assert_eq!(refused["code"], "too-fast");
    assert!(refused["client_id"].is_string(), "{refused}");
    // Others are served as before.
    let other = Window::session(&door, &json!({}));
    let mut other = Window::open(&door, other["token"].as_str().unwrap(), 0);
    other.send(&json!({"type": "send", "client_id": "1", "text": "hello"}));
    // It is acknowledged first, and then shown like others.
    loop {
        let frame = other.hear().unwrap();
        if frame["type"] == "ack" {
            break;
        }
        assert_ne!(frame["client_id"], "1", "{frame}");
    }
    assert_eq!(other.wait("message")["client_id"], "1");
}

/// Begins conversations as a visitor of this address until one is refused; how many were not.
fn beginnings(door: &str, headers: &[(&str, &str)], most: usize) -> usize {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let refused = (0..most).find(|_| {
        let request = headers.iter().fold(
            agent.post(format!("{door}/sessions")),
            |request, (name, value)| request.header(*name, *value),
        );
        request.send_json(json!({})).unwrap().status() == 429
    });
    refused.unwrap_or(most)
}

#[test]
fn visitors_behind_a_proxy_have_an_allowance_each_and_nobody_takes_another_address() {
    const FORWARDED_FOR: &str = "x-forwarded-for";
    let data = tempfile::tempdir().unwrap();
    let env = [("JACKFIELD_TRUSTED_PROXY", "127.0.0.0/8,::1")];
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    let door = format!("{}/chat/demo/web", server.api.url());
    let used_up = beginnings(&door, &[(FORWARDED_FOR, "198.51.100.1")], 90);
    assert!((60..90).contains(&used_up), "{used_up}");
    // Other visitors of the same proxy are served, and whoever writes an address of his own into the header is not another.
    assert_eq!(beginnings(&door, &[(FORWARDED_FOR, "198.51.100.2")], 3), 3);
    let spoofed: usize = (0..5)
        .map(|n| {
            let said = format!("203.0.113.{n}, 198.51.100.1");
            beginnings(&door, &[(FORWARDED_FOR, &said)], 2)
        })
        .sum();
    assert!(spoofed <= 3, "{spoofed}");
    drop(server);

    // Where no proxy is trusted, what is said counts for nothing.
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let door = format!("{}/chat/demo/web", server.api.url());
    assert!(beginnings(&door, &[(FORWARDED_FOR, "198.51.100.1")], 90) < 90);
    let others: usize = (2..7)
        .map(|n| beginnings(&door, &[("forwarded", &format!("for=198.51.100.{n}"))], 2))
        .sum();
    assert!(others <= 3, "{others}");
}
