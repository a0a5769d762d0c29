//! Files in a written conversation, in a real browser and on the command line; the server dies between upload and message.

use std::path::{Path, PathBuf};
use std::process::Command;

use jackfield_testkit::{Api, Browser, Server, Window};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");

/// An element of the chat window.
fn find(selector: &str) -> String {
    format!("document.querySelector('jackfield-chat').shadowRoot.querySelector({selector:?})")
}

fn count(selector: &str) -> String {
    format!("document.querySelector('jackfield-chat').shadowRoot.querySelectorAll({selector:?}).length")
}

/// Where pictures of what people see are left.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("chat").join(name)
}

/// Makes files in the page, `files`, as a camera and a desktop have them.
const FILES: &str = "(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [480, 320];
    const draw = canvas.getContext('2d');
    const sky = draw.createLinearGradient(0, 0, 480, 320);
    sky.addColorStop(0, '#7cc4ff'); sky.addColorStop(1, '#ffd9a0');
    draw.fillStyle = sky; draw.fillRect(0, 0, 480, 320);
    draw.fillStyle = '#2f5d3a'; draw.beginPath(); draw.moveTo(0, 320); draw.lineTo(170, 120); draw.lineTo(300, 320); draw.fill();
    draw.fillStyle = '#3f7d4e'; draw.beginPath(); draw.moveTo(180, 320); draw.lineTo(340, 170); draw.lineTo(480, 320); draw.fill();
    const bytes = (type) => new Promise((done) => canvas.toBlob(done, type));
    window.files = {
        picture: new File([await bytes('image/png')], '山上的房子.png', { type: 'image/png' }),
        photo: new File([await bytes('image/jpeg')], 'house.jpg', { type: 'image/jpeg' }),
        paper: new File(['%PDF-1.4\\n1 0 obj<<>>endobj\\ntrailer<<>>\\n%%EOF\\n'], '保修卡 2026.pdf', { type: 'application/pdf' }),
        page: new File(['<script>window.broken = 1</script>'], 'page.html', { type: 'text/html' }),
        liar: new File(['<script>window.broken = 2</script>'], 'liar.png', { type: 'image/png' }),
        large: new File([new Uint8Array(10 * 1024 * 1024 + 1)], 'large.pdf', { type: 'application/pdf' }),
    };
    window.carrying = (...names) => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(files[name]);
        return data;
    };
})()";

fn drop_files(browser: &mut Browser, names: &str) {
    browser.eval(&format!(
        "{}.dispatchEvent(new DragEvent('drop', {{ dataTransfer: carrying({names}), bubbles: true, cancelable: true }}))",
        find(".window")
    ));
}

fn says(browser: &mut Browser, words: &str) {
    browser.wait(&format!("{}.textContent.includes({words:?})", find(".trouble")));
}

fn act(api: &Api, interaction: &str, what: &str, body: &Value) -> Value {
    let (status, answer) = api.post(&format!("/v1/interactions/{interaction}/{what}"), body);
    assert!((200..300).contains(&status), "{what}: {answer}");
    answer
}

fn say(server: &Server, data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .args(["--url", server.api.url(), "--key-file"]);
    let said = command
        .arg(data.join("demo-admin.key"))
        .current_dir(data)
        .output()
        .unwrap();
    let problem = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{arguments:?}: {problem}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn a_visitor_and_an_agent_send_each_other_files() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let mut browser = Browser::open(&format!("{}/chat/demo/web", server.api.url()), 420, 780);
    browser.wait(&format!("{} > 0", count("li.bot")));
    browser.eval(FILES);

    // Chosen, dropped and pasted; what can't be sent is told in words.
    drop_files(&mut browser, "'page'");
    says(&mut browser, "page.html: only pictures, PDF and plain text");
    drop_files(&mut browser, "'large'");
    says(&mut browser, "large.pdf: larger than 10 MB");
    drop_files(&mut browser, "'liar'");
    says(&mut browser, "liar.png: only pictures");
    browser.wait(&format!("{} === 0", count(".chip")));
    drop_files(&mut browser, "'picture'");
    browser.eval(&format!(
        "{}.dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: carrying('photo'), bubbles: true, cancelable: true }}))",
        find("textarea")
    ));
    browser.eval(&format!(
        "(() => {{ const input = {}; input.files = carrying('paper').files; input.dispatchEvent(new Event('change')); }})()",
        find("input")
    ));
    browser.wait(&format!(
        "{} === 3 && {} === 0",
        count(".chip"),
        count(".chip progress")
    ));
    browser.screenshot(&picture("files-chosen.png"));
    browser.eval(&format!(
        "{}.click()",
        find(".chip button[aria-label='Remove house.jpg']")
    ));
    browser.eval(&format!("{}.focus()", find("textarea")));
    browser.type_text("The roof, I'd like a human");
    browser.enter();
    browser.wait(&format!(
        "{} === 1 && {} === 1",
        count(".customer .picture img"),
        count(".customer .file")
    ));

    // The agent sees them, and sends one from the command line.
    let mut events = server.api.events();
    let offered = events.wait_type("offered");
    let id = offered["interaction"].as_str().unwrap().to_owned();
    act(&server.api, &id, "accept", &json!({}));
    let listed = say(&server, data.path(), &["chat", "attachments", &id]);
    assert!(
        listed.contains("山上的房子.png") && listed.contains("保修卡 2026.pdf"),
        "{listed}"
    );
    let listed: Value = serde_json::from_str(&say(
        &server,
        data.path(),
        &["chat", "attachments", &id, "--json"],
    ))
    .unwrap();
    let png = listed[0]["id"].as_str().unwrap();
    say(&server, data.path(), &["chat", "attachment", &id, png]);
    let saved = std::fs::read(data.path().join("山上的房子.png")).unwrap();
    assert!(saved.starts_with(b"\x89PNG") && saved.len() as u64 == listed[0]["size"]);
    std::fs::rename(data.path().join("山上的房子.png"), data.path().join("plan.png")).unwrap();
    let sent = say(
        &server,
        data.path(),
        &[
            "chat",
            "attach",
            &id,
            "plan.png",
            "--text",
            "Our plan for the roof.",
        ],
    );
    assert!(sent.contains("sent"), "{sent}");
    browser.wait(&format!("{} === 1", count(".agent .picture img")));
    assert_eq!(browser.eval("typeof window.broken"), json!("undefined"));
    browser.screenshot(&picture("files.png"));

    // A reload shows them again.
    browser.reload();
    browser.wait(&format!(
        "{} === 2 && {} === 1",
        count(".picture img"),
        count(".file")
    ));
}

#[test]
fn a_telephone_shows_pictures_in_chinese() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let mut browser = Browser::open(&format!("{}/chat/demo/web-zh", server.api.url()), 390, 740);
    browser.wait(&format!("{} > 0", count("li.bot")));
    browser.eval(FILES);
    drop_files(&mut browser, "'page'");
    says(&mut browser, "只能发送图片");
    drop_files(&mut browser, "'photo', 'paper'");
    browser.wait(&format!(
        "{} === 2 && {} === 0",
        count(".chip"),
        count(".chip progress")
    ));
    browser.screenshot(&picture("files-telephone-chosen.png"));
    browser.eval(&format!("{}.click()", find(".send")));
    browser.wait(&format!("{} === 1", count(".customer .picture img")));
    browser.screenshot(&picture("files-telephone.png"));
    let wide = browser.eval("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(wide, json!(true), "nothing hangs over the edge");
}

#[test]
fn what_was_uploaded_before_a_kill_is_sent_after_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let http = server.api.url().trim_start_matches("http://").to_owned();
    let door = format!("{}/chat/demo/web", server.api.url());
    let session = Window::session(&door, &json!({}));
    let (token, id) = (
        session["token"].as_str().unwrap(),
        session["conversation"].as_str().unwrap(),
    );
    let upload = || {
        let mut kept = ureq::post(format!("{door}/attachments?client_id=u1&name=a.txt"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "text/plain")
            .send(&b"what happened"[..])
            .unwrap();
        kept.body_mut().read_json::<Value>().unwrap()
    };
    let kept = upload();
    server.kill();
    let server = Server::start_at(Path::new(BINARY), data.path(), &[], &http);
    assert_eq!(upload(), kept, "the same upload is the same attachment");
    let mut window = Window::open(&door, token, 0);
    window.send(&json!({"type": "send", "client_id": "m1", "attachments": [kept["id"]]}));
    window.wait("ack");
    server.kill();
    let server = Server::start_at(Path::new(BINARY), data.path(), &[], &http);
    let at = format!(
        "/v1/interactions/{id}/attachments/{}",
        kept["id"].as_str().unwrap()
    );
    assert_eq!(server.api.bytes(&at), b"what happened");
}
