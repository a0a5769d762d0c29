//! Cases and help from afar as customers see them, in a real browser; and promises over a server that dies.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_testkit::{Browser, Server, Window};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("case").join(name)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn put(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = server.api.put(path, body);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn post(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = server.api.post(path, body);
    assert_eq!(status, 201, "{path}: {answer}");
    answer
}

/// A category that reminds two seconds before and escalates at once and half a second later, and a customer.
fn prepare(server: &Server) {
    put(server, "/v1/outlets/west-lake", &json!({"name": "西湖营业厅"}));
    let repair = json!({
        "title_zh": "宽带报修", "title_en": "Broadband repair", "promise_ms": 172_800_000, "remind_before_ms": 2_000,
        "owner": "queue:support",
        "escalation": [{"after_ms": 0, "to": "outlet:west-lake"}, {"after_ms": 500, "to": "queue:support"}],
    });
    put(server, "/v1/case-categories/repair", &repair);
    post(
        server,
        "/v1/customers",
        &json!({"identities": ["tel:+8613800138000"]}),
    );
}

fn open(server: &Server, promise_at: Option<u64>) -> Value {
    let mut body =
        json!({"category": "repair", "subject": "Router restarts", "customer": "tel:+8613800138000"});
    if let Some(at) = promise_at {
        body["promise_at"] = at.into();
    }
    post(server, "/v1/cases", &body)
}

/// What was told of a case, in order, when it has come to this so many times.
fn told(server: &Server, case: &Value, last: &str, times: usize) -> Vec<String> {
    let name = |event: &Value| match &event["change"] {
        Value::String(name) => name.clone(),
        Value::Object(fields) => fields.keys().next().unwrap().clone(),
        other => panic!("{other}"),
    };
    let all = RefCell::new(Vec::new());
    let mut events = server.api.events();
    events.wait_for(last, Duration::from_secs(60), |event| {
        if event["type"] != "case-changed" || event["number"] != case["number"] {
            return false;
        }
        let mut all = all.borrow_mut();
        all.push(name(event));
        all.iter().filter(|name| *name == last).count() == times
    });
    all.into_inner()
}

#[test]
fn a_server_that_dies_forgets_no_promise_and_reminds_of_none_twice() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    prepare(&server);
    // One is reminded of before the server dies; one becomes due while it is down; one afterwards.
    let reminded = open(&server, Some(now() + 2_600));
    assert_eq!(told(&server, &reminded, "reminded", 1), ["opened", "reminded"]);
    let promise = now() + 2_100;
    let slept_over = open(&server, Some(promise));
    let later = open(&server, Some(now() + 20_000));
    server.kill();
    // Nobody is there to tell that the promise is broken, and the second step due.
    std::thread::sleep(Duration::from_millis((promise + 600).saturating_sub(now())));
    let server = Server::start(Path::new(BINARY), data.path());
    let escalated = |case: &Value| -> Vec<String> {
        // The second step is half a second after the promise, which may not be over yet.
        let mut seen = told(&server, case, "escalated", 2);
        let path = format!("/v1/cases/{}", case["number"]);
        assert_eq!(server.api.see(&path)["escalated"], 2);
        seen.push(server.api.see(&path)["owner"].as_str().unwrap().to_owned());
        seen
    };
    let broken = [
        "opened",
        "reminded",
        "promise-broken",
        "escalated",
        "escalated",
        "queue:support",
    ];
    assert_eq!(escalated(&reminded), broken);
    assert_eq!(
        escalated(&slept_over)[..1],
        ["opened"],
        "it was not reminded of twice"
    );
    let path = format!("/v1/cases/{}", slept_over["number"]);
    assert_eq!(server.api.see(&path)["promises"][0]["outcome"], "broken");
    // A case that is resolved is not reminded of: what was due of it is gone with it.
    let path = format!("/v1/cases/{}", later["number"]);
    assert_eq!(server.api.see(&path)["status"], "open");
    let resolved = put(&server, &format!("{path}/status"), &json!({"status": "resolved"}));
    assert_eq!(resolved["promises"][0]["outcome"], "kept");
    assert_eq!(resolved["due_at"], Value::Null);
    let all = told(&server, &later, "status", 1);
    assert_eq!(all, ["opened", "status"]);
    // The numbers go on where they were.
    assert_eq!(open(&server, None)["number"], 4);
}

#[test]
fn a_customer_looks_at_a_case_on_a_telephone_in_both_languages() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    prepare(&server);
    let case = open(&server, None);
    let at = format!("/v1/cases/{}", case["number"]);
    for text in [
        "Your new router is in our shop. <script>window.broken = 1</script>",
        "A technician comes on Monday between 9 and 11.\nPlease keep the old router.",
    ] {
        post(
            &server,
            &format!("{at}/notes"),
            &json!({"text": text, "visible": true}),
        );
    }
    let link = put(&server, &format!("{at}/link"), &json!({}));
    let url = link["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(server.api.url()), "{url}");
    let mut browser = Browser::open(&url, 390, 780);
    let heading = "document.querySelector('h1').textContent";
    browser.wait(&format!("{heading} === 'Broadband repair'"));
    assert_eq!(browser.eval("typeof window.broken"), json!("undefined"));
    // The script has put the moments into the viewer's words.
    browser.wait("!document.querySelector('.box time').textContent.includes('UTC')");
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.eval(fits), json!(true), "nothing hangs over the edge");
    browser.screenshot(&picture("case.png"));
    browser.eval("document.querySelector('footer a').click()");
    browser.wait(&format!("{heading} === '宽带报修'"));
    assert_eq!(browser.eval("document.documentElement.lang"), json!("zh-CN"));
    assert_eq!(browser.eval(fits), json!(true));
    browser.screenshot(&picture("case-zh.png"));
    put(&server, &format!("{at}/status"), &json!({"status": "resolved"}));
    browser.reload();
    browser.wait("document.querySelector('.pill.done')?.textContent === '已解决'");
    browser.screenshot(&picture("case-resolved.png"));
    let (status, _) = server.api.delete(&format!("{at}/link"));
    assert_eq!(status, 200);
    browser.reload();
    browser.wait(&format!("{heading} === '此链接无效'"));
    browser.screenshot(&picture("nowhere.png"));
}

#[test]
fn help_from_afar_comes_in_the_chat_and_the_agent_sees_it_done() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let http = server.api.url().to_owned();
    put(
        &server,
        "/v1/link-settings",
        &json!({"assistance_hosts": ["help.example"]}),
    );
    let door = format!("{http}/chat/demo/web");
    let session = Window::session(&door, &json!({}));
    let mut window = Window::open(&door, session["token"].as_str().unwrap(), 0);
    window.send(&json!({"type": "send", "client_id": "1", "text": "human"}));
    let offered = server.api.events().wait_type("offered");
    let id = offered["interaction"].as_str().unwrap().to_owned();
    let (status, _) = server
        .api
        .post(&format!("/v1/interactions/{id}/accept"), &json!({}));
    assert_eq!(status, 200);
    let at = format!("/v1/interactions/{id}/assistances");
    let file = json!({"name": "mail.mobileconfig", "media_type": "application/x-apple-aspen-config", "text": "<plist/>"});
    let sent = post(
        &server,
        &at,
        &json!({"title": "Mail on your telephone", "file": file}),
    );
    assert!(sent["message"].is_u64(), "{sent}");
    let text = loop {
        let message = window.wait("message");
        if message["author"] == "agent" {
            break message["text"].as_str().unwrap().to_owned();
        }
    };
    let url = text.lines().last().unwrap().to_owned();
    assert_eq!(sent["url"], *url);
    let mut browser = Browser::open(&url, 390, 700);
    browser.wait("document.querySelector('h1').textContent === 'Mail on your telephone'");
    browser.screenshot(&picture("assistance.png"));
    let mut events = server.api.events();
    let mut step = |wanted: &str| {
        events.wait_for(wanted, Duration::from_secs(60), |event| {
            event["type"] == "assistance-changed" && event["step"] == wanted && event["interaction"] == *id
        });
    };
    step("opened");
    browser.eval("document.querySelector('button').click()");
    browser.wait("document.querySelector('[role=status]').textContent.startsWith('Done')");
    step("done");
    browser.screenshot(&picture("assistance-done.png"));
    let links = server.api.see(&at);
    assert!(
        links["items"][0]["done_at"].as_u64() >= links["items"][0]["opened_at"].as_u64(),
        "{links}"
    );
    // Everything is still so after the server has died, and the link still leads there.
    let address = http.trim_start_matches("http://").to_owned();
    server.kill();
    let server = Server::start_at(Path::new(BINARY), data.path(), &[], &address);
    assert_eq!(server.api.see(&at)["items"], links["items"]);
    browser.reload();
    browser.wait("document.querySelector('[role=status]').textContent.startsWith('Done')");
    assert_eq!(
        server.api.see(&at)["items"],
        links["items"],
        "the first time counts"
    );
}
