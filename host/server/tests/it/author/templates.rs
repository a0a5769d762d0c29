use std::fs;
use std::path::Path;

use jackfield_types::PluginKind;
use serde_json::Value;

use super::{begin, command, done, ended, plugin, refused};

#[test]
fn the_template_of_every_kind_builds_and_passes_its_test_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for kind in PluginKind::ALL {
        let dir = begin(&format!("my-{kind}"), kind.as_str(), folder.path());
        let answer: Value = serde_json::from_str(&done(&["test", &dir, "--json"])).unwrap();
        assert_eq!(answer["failed"], 0, "{kind}: {answer:#}");
        assert!(answer["passed"].as_u64() >= Some(1), "{kind}: {answer:#}");
        let sound: Value = serde_json::from_str(&done(&["check", &dir, "--json"])).unwrap();
        let notes = sound["points"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|point| point["stand"] != "good");
        assert_eq!(notes.count(), 0, "{kind}: {sound:#}");
    }
}

/// The templates of a language build and pass their tests at once. A language whose tools this machine lacks says so, as
/// `cargo xtask test` does in its summary.
#[allow(clippy::print_stdout)]
fn green_at_once(lang: &str, kinds: &[PluginKind]) {
    let folder = tempfile::tempdir().unwrap();
    for kind in kinds {
        let dir = folder.path().join(format!("my-{kind}"));
        let dir = dir.to_str().unwrap();
        done(&[
            "new",
            "mine",
            "--kind",
            kind.as_str(),
            "--lang",
            lang,
            "--dir",
            dir,
        ]);
        let output = plugin(&["test", dir, "--json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("is missing") {
            println!("{lang}: not tested: {said}");
            return;
        }
        assert!(output.status.success(), "{lang} {kind}: {output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["failed"], 0, "{lang} {kind}: {answer:#}");
        assert!(answer["passed"].as_u64() >= Some(1), "{lang} {kind}: {answer:#}");
        done(&["check", dir]);
    }
}

const SMALL: [PluginKind; 4] = [
    PluginKind::RoutingStrategy,
    PluginKind::OutboundRule,
    PluginKind::TagGenerator,
    PluginKind::QaScorecard,
];

#[test]
fn templates_in_c_are_green_at_once() {
    green_at_once("c", &SMALL);
}

#[test]
fn templates_in_go_are_green_at_once() {
    green_at_once("go", &SMALL);
}

#[test]
fn outside_of_a_checkout_the_binary_brings_the_sdk() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = command(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = run(&["new", "mine", "--kind", "outbound-rule", "--lang", "rust"]);
    assert!(told.contains("next: cd mine && jackfield plugin test"), "{told}");
    let toml = fs::read_to_string(folder.path().join("mine/Cargo.toml")).unwrap();
    assert!(toml.contains("path = \"vendor/sdk/rust\""), "{toml}");
    assert!(!folder.path().join("mine/vendor/sdk/rust/templates").exists());
    assert!(run(&["test", "mine"]).contains("1 passed, 0 failed"));
    // The builder of Go brings its SDK by itself.
    run(&["new", "quiet", "--kind", "outbound-rule", "--lang", "golang"]);
    assert!(!folder.path().join("quiet/vendor").exists());
}

#[test]
fn what_is_there_is_not_overwritten_and_what_is_unknown_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let dir = folder.path().to_str().unwrap();
    assert!(refused(1, &["new", "a", "--kind", "voice-flow", "--dir", dir]).contains("--dir"));
    assert!(refused(2, &["new", "a", "--kind", "fax"]).contains("voice-flow"));
    assert!(refused(2, &["new", "A", "--kind", "voice-flow"]).contains("a-z"));
    let unknown = refused(2, &["new", "a", "--kind", "voice-flow", "--lang", "cobol"]);
    assert!(unknown.contains("rust voice-flow"), "{unknown}");
    let odd = folder.path().join("x");
    let sdk = refused(
        2,
        &[
            "new",
            "a",
            "--kind",
            "voice-flow",
            "--dir",
            odd.to_str().unwrap(),
            "--sdk",
            "nowhere",
        ],
    );
    assert!(sdk.contains("nowhere"), "{sdk}");
}

#[test]
fn a_plugin_that_traps_shows_its_functions_and_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("boom", "pacing-strategy", folder.path());
    let source = Path::new(&dir).join("src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    let text = text.replace(
        "let law = &now.compliance;",
        "let law = &now.compliance;\n        light_the_fuse(now.free);",
    );
    let text = format!(
        "{text}\n#[inline(never)]\nfn light_the_fuse(free: u32) {{\n    assert!(free > 9, \"too few\");\n}}\n"
    );
    fs::write(&source, text).unwrap();
    let case = Path::new(&dir).join("tests/first.json");
    let (shown, said) = ended(1, &["run", &dir, "--case", case.to_str().unwrap()]);
    assert!(said.contains("no answer: trap"), "{said}");
    assert!(shown.contains("light_the_fuse"), "the function is named: {shown}");
    assert!(
        shown.contains("src/lib.rs:") && shown.contains("too few"),
        "the line is logged: {shown}"
    );
}

#[test]
fn shells_get_their_completions() {
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef jackfield"),
        ("fish", "complete -c jackfield"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_jackfield"))
            .args(["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains(part) && script.contains("publish"), "{shell}");
    }
}
