use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{begin, command, done, ended, kept_command, refused, repository};

/// Every template that there is, by language and kind: whoever adds one has it tested.
fn templates() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for sdk in fs::read_dir(repository().join("sdk")).unwrap() {
        let sdk = sdk.unwrap();
        for template in fs::read_dir(sdk.path().join("templates")).into_iter().flatten() {
            let template = template.unwrap();
            if template.path().join("plugin.toml").is_file() {
                let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
                found.push((name(&sdk), name(&template)));
            }
        }
    }
    found.sort();
    found
}

/// The template as `plugin new` makes it, in a folder that keeps what was built of it before.
fn made(lang: &str, kind: &str) -> String {
    let name = format!("my-{kind}");
    let fresh = tempfile::tempdir().unwrap();
    if lang == "rust" {
        begin(&name, kind, fresh.path());
    } else {
        let dir = fresh.path().join(&name);
        done(&[
            "new",
            &name,
            "--kind",
            kind,
            "--lang",
            lang,
            "--dir",
            dir.to_str().unwrap(),
        ]);
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("templates")
        .join(lang)
        .join(&name);
    for entry in fs::read_dir(&kept).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::remove_file(entry.path()).unwrap();
        } else if entry.file_name() != "target" && entry.file_name() != "node_modules" {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    copy(&fresh.path().join(&name), &kept);
    kept.to_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = entry
            .map(|entry| (entry.path(), to.join(entry.file_name())))
            .unwrap();
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            fs::copy(entry, to).unwrap();
        }
    }
}

/// Asks the cases of a folder; none when this machine lacks the language's tools, which `cargo xtask test` reports.
#[allow(clippy::print_stdout)]
fn tested(dir: &str) -> Option<Value> {
    let output = kept_command(&["test", dir, "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains(" is missing, ") {
        println!("{dir}: {said}");
        return None;
    }
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{dir}: {said}"));
    assert_eq!(answer["failed"], 0, "{dir}: {answer:#}");
    assert!(answer["passed"].as_u64() >= Some(1), "{dir}: {answer:#}");
    Some(answer)
}

/// A test of each language, so that two are built at once.
macro_rules! templates_of {
    ($($lang:ident),*) => {
        const LANGUAGES: &[&str] = &[$(stringify!($lang)),*];

        mod the_templates_build_and_pass_their_tests_at_once {
            $(
                #[test]
                fn $lang() {
                    super::built_and_passed(stringify!($lang));
                }
            )*
        }
    };
}

templates_of!(c, go, js, python, rust);

#[test]
fn the_templates_of_every_language_are_tested() {
    let mut languages: Vec<_> = templates().into_iter().map(|(lang, _)| lang).collect();
    languages.dedup();
    assert_eq!(languages, LANGUAGES);
}

fn built_and_passed(language: &str) {
    for (lang, kind) in templates().into_iter().filter(|(lang, _)| lang == language) {
        let dir = made(&lang, &kind);
        if tested(&dir).is_none() {
            return;
        }
        let sound = kept_command(&["check", &dir, "--json"]).output().unwrap();
        let sound: Value = serde_json::from_slice(&sound.stdout).unwrap();
        let notes = sound["points"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|point| point["stand"] != "good");
        assert_eq!(notes.count(), 0, "{lang} {kind}: {sound:#}");
    }
}

#[test]
fn the_cases_of_every_example_pass() {
    for example in fs::read_dir(repository().join("examples")).unwrap() {
        let dir = example.unwrap().path();
        if dir.join("plugin.toml").is_file() && dir.join("tests").is_dir() {
            tested(dir.to_str().unwrap());
        }
    }
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
    assert!(
        unknown.contains("expected one of rust, ts, python, go, c"),
        "{unknown}"
    );
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
