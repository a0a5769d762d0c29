//! A mailbox is set up by the command line, a customer writes a mail, and an agent answers it, though the relay hangs and
//! the server is killed on both ways.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jackfield_testkit::{MailRelay, Manner, Server};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a mail; what is said at its end.
fn sends(at: SocketAddr, mail: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let text = format!(
        "EHLO gateway.example\nMAIL FROM:<li@example.com>\nRCPT TO:<support@shop.example>\nDATA\n{mail}\n.\nQUIT\n"
    );
    stream.write_all(text.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let last = said.lines().rev().find(|line| !line.starts_with("221"));
    last.unwrap_or_default().to_owned()
}

fn run(server: &Server, data: &Path, line: &str) -> String {
    let output = Command::new(BINARY)
        .args(line.split_whitespace())
        .env("JACKFIELD_URL", server.api.url())
        .env("JACKFIELD_KEY_FILE", data.join("demo-admin.key"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn done((status, body): (u16, Value)) -> Value {
    assert!((200..300).contains(&status), "{status}: {body:#}");
    body
}

#[test]
fn a_mail_is_answered_once_though_the_server_is_killed_on_both_ways() {
    let relay = MailRelay::start();
    let data = tempfile::tempdir().unwrap();
    let env = [
        ("JACKFIELD_SMTP", "127.0.0.1:0"),
        ("JACKFIELD_PROVIDERS_ANYWHERE", "true"),
    ];
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    let at = relay.at.to_string();
    run(
        &server,
        data.path(),
        "chat entry-set mail --channel email --queue support",
    );
    let set = format!(
        "channel set mail --kind email --entry mail --account support@shop.example --from-name Shop --relay {at} \
         --relay-security none --json"
    );
    let shown = run(&server, data.path(), &set);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["kind"], &shown["email"]["from_name"]),
        (&json!("email"), &json!("Shop"))
    );
    // One thing is changed, the rest stays.
    let changed = run(
        &server,
        data.path(),
        "channel set mail --alias help@shop.example --json",
    );
    let changed: Value = serde_json::from_str(&changed).unwrap();
    assert_eq!(changed["email"]["relay"], shown["email"]["relay"]);
    assert!(run(&server, data.path(), "channel list").contains("support@shop.example"));

    // What was acknowledged survives, and comes once though its sender has not heard of it.
    let mail =
        "From: Li Lei <li@example.com>\nSubject: Order 12\nMessage-ID: <q1@example.com>\n\nWhere is it?\n";
    assert_eq!(sends(server.smtp.unwrap(), mail), "250 2.6.0 Taken");
    server.kill();
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    assert_eq!(sends(server.smtp.unwrap(), mail), "250 2.6.0 Taken");
    let found = server.api.see("/v1/interactions");
    let mails: Vec<&Value> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["channel"] == "email")
        .collect();
    assert_eq!(mails.len(), 1, "{found:#}");
    assert_eq!(mails[0]["chat"]["messages"], 1);
    let id = mails[0]["id"].as_str().unwrap().to_owned();

    // The agent answers while the relay hangs, and the server is killed.
    let mut events = server.api.events();
    let accept = format!("/v1/interactions/{id}/accept");
    // The offer of before is made again.
    loop {
        events.wait_for("an offer", PATIENCE, |event| {
            event["type"] == "offered" && event["interaction"] == *id
        });
        if (200..300).contains(&server.api.post(&accept, &json!({})).0) {
            break;
        }
    }
    relay.next(Manner::Hang);
    let written = json!({"text": "Tomorrow."});
    let sent = done(
        server
            .api
            .post(&format!("/v1/interactions/{id}/messages"), &written),
    );
    relay.wait_for(1, PATIENCE);
    server.kill();
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    let mut events = server.api.events();
    let letters = relay.wait_for(2, PATIENCE);
    assert_eq!(letters[0].header("message-id"), letters[1].header("message-id"));
    assert_eq!((letters[0].taken, letters[1].taken), (false, true));
    assert_eq!(letters[1].header("from"), "Shop <support@shop.example>");
    let page = server.api.see(&format!("/v1/interactions/{id}/messages"));
    let is_sent = |page: &Value| page["items"][1]["delivery"]["state"] == "sent";
    if !is_sent(&page) {
        events.wait_for("its delivery", PATIENCE, |event| {
            event["type"] == "message-delivery"
                && event["number"] == sent["number"]
                && event["delivery"] == "sent"
        });
    }

    // The customer answers; the thread goes on.
    let ours = letters[1].header("message-id");
    let reply = format!(
        "From: li@example.com\nSubject: Re: Order 12\nMessage-ID: <q2@example.com>\nIn-Reply-To: {ours}\n\nThanks!\n"
    );
    assert_eq!(sends(server.smtp.unwrap(), &reply), "250 2.6.0 Taken");
    let page = server.api.see(&format!("/v1/interactions/{id}/messages"));
    let texts: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["text"].as_str())
        .collect();
    assert_eq!(texts, ["Order 12\n\nWhere is it?", "Tomorrow.", "Thanks!"]);
    // Nobody else's mail is taken.
    let told = sends(server.smtp.unwrap(), "From: support@shop.example\n\nx");
    assert!(told.starts_with("550 5.4.6"), "{told}");
}
