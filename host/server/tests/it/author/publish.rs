use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use jackfield_testkit::Server;
use serde_json::Value;

use super::{begin, command, done, repository};

#[test]
fn a_plugin_is_published_and_replayed_from_its_sources() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_jackfield")), data.path());
    let (url, key) = (server.api.url(), data.path().join("demo-admin.key"));
    let at_server = ["--url", url, "--key-file", key.to_str().unwrap()];

    let dir = begin("office", "outbound-rule", data.path());
    let publisher = data.path().join("publisher.key");
    let publisher = publisher.to_str().unwrap();
    done(&["keygen", publisher]);
    done(
        &[
            &["trust", "add", "me", &format!("{publisher}.pub")][..],
            &at_server,
        ]
        .concat(),
    );
    let told = done(&[&["publish", &dir, "--with", publisher][..], &at_server].concat());
    assert!(told.contains("office@0.1.0 is published, signed by me"), "{told}");
    assert!(
        told.contains("next: jackfield binding set tenant:outbound-rule office@0.1.0"),
        "{told}"
    );
    let sound = done(&[&["check", &dir, "--against", "office"][..], &at_server].concat());
    assert!(sound.contains("as it was published"), "{sound}");

    // The demo's rule decides some; its own sources decide the same.
    let body = serde_json::json!({"number": "+8613800138000", "channel": "voice", "purpose": "survey"});
    for _ in 0..3 {
        let (status, body) = server.api.post("/v1/outbound/checks", &body);
        assert_eq!(status, 200, "{body}");
    }
    let rule = repository().join("plugins/quiet-hours");
    let replay = [
        "replay",
        "--binding",
        "tenant:outbound-rule",
        "--dir",
        rule.to_str().unwrap(),
    ];
    let recorded = || {
        let page = server.api.see("/v1/decisions?point=tenant:outbound-rule");
        page["items"].as_array().map_or(0, Vec::len)
    };
    // Records are written beside the answers.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while recorded() < 3 && std::time::Instant::now() < end {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    let report = done(&[&replay[..], &["--json"], &at_server].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["decisions"], &report["identical"]),
        (&3.into(), &3.into()),
        "{report:#}"
    );

    // Another rule, and again when it changes.
    let watching = [
        "replay",
        "--binding",
        "tenant:outbound-rule",
        "--dir",
        &dir,
        "--watch",
    ];
    let mut child = command(&[&watching[..], &at_server].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut reports = || lines.find(|line| line.contains("decisions again on office"));
    assert!(reports().is_some());
    let manifest = Path::new(&dir).join("plugin.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("0.1.0\"\nkind", "0.1.1\"\nkind")).unwrap();
    let after = reports();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(after.is_some_and(|line| line.contains("office")));
}
