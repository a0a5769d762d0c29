use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{begin, done, ended, refused};

fn edit(dir: &str, from: &str, to: &str) {
    let file = Path::new(dir).join("plugin.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

#[test]
fn a_version_keeps_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("office", "outbound-rule", folder.path());
    let published = folder.path().join("office-0.1.0.wasm");
    let published = published.to_str().unwrap();
    done(&["build", &dir, "--out", published]);
    let check = |code| ended(code, &["check", &dir, "--against", published]).0;
    assert!(check(0).contains("0.1.0 as it was published"));

    edit(&dir, "description = \"Defers", "description = \"Always defers");
    assert!(check(1).contains("for example to 0.1.1"));
    edit(&dir, "version = \"0.1.0\"\nkind", "version = \"0.1.1\"\nkind");
    assert!(check(0).contains("0.1.1 follows 0.1.0"));

    edit(
        &dir,
        "properties.until = { type = \"integer\"",
        "properties.until = { type = \"number\"",
    );
    let shown = check(1);
    assert!(
        shown.contains("until has another type") && shown.contains("make it 0.2.0"),
        "{shown}"
    );
    edit(&dir, "version = \"0.1.1\"", "version = \"0.2.0\"");
    assert!(check(0).contains("says that it breaks"));
    edit(&dir, "version = \"0.2.0\"", "version = \"0.0.9\"");
    assert!(check(1).contains("older"));

    edit(&dir, "id = \"office\"", "id = \"other\"");
    assert!(check(1).contains("another plugin"));
    assert!(refused(2, &["check", &dir, "--against", "nowhere.wasm"]).contains("no such file"));
}

#[test]
fn what_is_odd_is_noted_and_what_is_wrong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("odd", "pacing-strategy", folder.path());
    edit(
        &dir,
        "[config-schema]",
        "[[capabilities]]\nname = \"cx:host/key-value\"\nreason = \"r\"\n[limits]\nfuel = 99000000\n[config-schema]",
    );
    let answer: Value = serde_json::from_str(&done(&["check", &dir, "--json"])).unwrap();
    let stands: Vec<(&str, &str)> = answer["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["name"].as_str().unwrap(), point["stand"].as_str().unwrap()))
        .collect();
    assert!(
        stands.contains(&("capabilities", "note")) && stands.contains(&("limits", "note")),
        "{answer:#}"
    );

    edit(&dir, "type = \"object\"", "type = \"thing\"");
    let (shown, said) = ended(1, &["check", &dir]);
    assert!(
        shown.contains("✗ config") && said.contains("wrong"),
        "{shown} {said}"
    );
    let none = folder.path().join("none.wasm");
    fs::write(&none, b"\0asm").unwrap();
    assert!(
        ended(1, &["check", none.to_str().unwrap()])
            .0
            .contains("✗ contract")
    );
}
