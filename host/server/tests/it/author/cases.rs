use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{begin, done, ended, refused};

/// A template's first case, changed.
fn change(dir: &str, pointer: &str, value: Value) {
    let file = Path::new(dir).join("tests/first.json");
    let mut case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    *case.pointer_mut(pointer).unwrap() = value;
    fs::write(&file, case.to_string()).unwrap();
}

#[test]
fn a_case_that_fails_shows_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("ratio", "pacing-strategy", folder.path());
    change(&dir, "/expect/answer/pacing/launch", json!(6));
    let (shown, said) = ended(1, &["test", &dir]);
    assert!(
        shown.contains("✗ first") && shown.contains("-     \"launch\": 6"),
        "{shown}"
    );
    assert!(
        shown.contains("+     \"launch\": 5") && shown.contains("0 passed, 1 failed"),
        "{shown}"
    );
    assert!(said.contains("plugin run --case"), "{said}");

    change(&dir, "/expect", json!({"fuel_at_most": 10}));
    let (shown, _) = ended(1, &["test", &dir]);
    assert!(
        shown.contains("--update") && shown.contains("at most 10, found"),
        "{shown}"
    );
    change(&dir, "/expect", json!({}));
    assert!(done(&["test", &dir, "--update"]).contains("snapshot written"));
    assert!(done(&["test", &dir]).contains("1 passed"));
    change(&dir, "/question/pacing/free", json!(8));
    assert!(ended(1, &["test", &dir]).0.contains("snapshot's"));
    assert!(refused(1, &["test", &dir, "--only", "second"]).contains("no case"));

    // What the server would refuse to bind is refused here, and what the plugin can't be asked is said.
    change(
        &dir,
        "/expect",
        json!({"failure": "invalid-config", "message": "ratio"}),
    );
    change(&dir, "/now", json!(0));
    let file = Path::new(&dir).join("tests/first.json");
    let mut case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    case["config"] = json!({"ratio": 99});
    fs::write(&file, case.to_string()).unwrap();
    assert!(done(&["test", &dir]).contains("1 passed"));
    change(&dir, "/now", json!("yesterday"));
    assert!(refused(2, &["test", &dir]).contains("milliseconds since 1970"));
    fs::write(&file, "{").unwrap();
    assert!(refused(2, &["test", &dir]).contains("first.json"));
    fs::remove_file(&file).unwrap();
    assert!(refused(1, &["test", &dir]).contains("decision explain"));
}

#[test]
fn one_decision_is_explained_and_a_record_is_a_case() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("often", "tag-generator", folder.path());
    let case = Path::new(&dir).join("tests/first.json");
    let shown = done(&["run", &dir, "--case", case.to_str().unwrap()]);
    for part in [
        "answer",
        "frequent-caller",
        "read     {\"history\":",
        "fuel",
        "memory",
        "time",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = done(&["run", &dir, "--case", case.to_str().unwrap(), "--json"]);
    let step = serde_json::from_str::<Value>(&shown).unwrap()["steps"][0].clone();

    let case: Value = serde_json::from_slice(&fs::read(case).unwrap()).unwrap();
    let record = json!({
        "at": 1763803800000_u64, "engine": "wasmtime-48/1", "config": case["config"],
        "question": case["question"], "reads": step["reads"], "answer": step["answer"], "failure": null,
    });
    fs::write(Path::new(&dir).join("tests/recorded.json"), record.to_string()).unwrap();
    assert!(done(&["test", &dir, "--only", "recorded"]).contains("1 passed"));
}

#[test]
fn time_fuel_and_memory_are_measured_and_the_fuel_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let dir = begin("urgent", "routing-strategy", folder.path());
    let case = Path::new(&dir).join("tests/first.json");
    let picture = folder.path().join("fuel.svg");
    let bench = |runs| {
        let arguments = [
            "bench",
            &dir,
            "--case",
            case.to_str().unwrap(),
            "--runs",
            runs,
            "--flame",
            picture.to_str().unwrap(),
            "--json",
        ];
        let answer: Value = serde_json::from_str(&done(&arguments)).unwrap();
        (answer, fs::read_to_string(&picture).unwrap())
    };
    let (answer, drawn) = bench("50");
    assert_eq!(answer["runs"], 50);
    assert!(answer["p50_us"].as_f64() <= answer["p99_us"].as_f64(), "{answer}");
    assert!(answer["fuel"].as_u64() > Some(100) && answer["peak_memory_bytes"].as_u64() > Some(60_000));
    assert!(
        drawn.contains("cx:routing-strategy/strategy@0.1.0#assign"),
        "{drawn}"
    );
    assert!(drawn.contains("jackfield_plugin::"), "names are kept: {drawn}");
    assert_eq!(answer["steps"].as_array().unwrap().len(), 1);
    // Fuel is the same each time, and so is the picture.
    let (again, redrawn) = bench("5");
    assert_eq!((&again["fuel"], redrawn), (&answer["fuel"], drawn));
}

/// Bundled plugins that come with cases keep to them.
#[test]
fn bundled_plugins_keep_to_their_cases() {
    let mut folders: Vec<_> = fs::read_dir(super::repository().join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("plugin.toml").is_file() && folder.join("tests").is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 5, "{folders:?}");
    for folder in folders {
        let shown = done(&["test", folder.to_str().unwrap()]);
        assert!(shown.contains("0 failed"), "{}: {shown}", folder.display());
    }
}
