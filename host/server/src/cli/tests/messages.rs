//! What commands tell people: of what, since when, and what to do next.

use clap::Parser;
use serde_json::json;

use super::{CommandLine, Server, Written};
use crate::cli::output::Output;
use crate::cli::rollout;

/// What is told of a rollout.
fn of_rollout(answer: &serde_json::Value) -> String {
    let written = Written::default();
    rollout::tell(answer, &mut Output::into(written.clone())).unwrap();
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_rollout_says_of_which_time_its_figures_are_and_what_is_missing() {
    let side = json!({"decisions": 0, "traps": 0, "answered": 0});
    let mut status = json!({
        "plugin": "last-agent", "version": "0.1.0", "point": "queue:support", "stage": "shadow", "steps": [],
        "seen": {
            "candidate": side, "control": side, "watched_ms": 1_200_000, "window_ms": 900_000,
            "max_stage_ms": 604_800_000u64, "estimate": null,
            "verdict": {"wait": ["answers of the candidate with fuel: 0 of 20 (max_fuel_p99_ratio)", "comparisons: 0 of 50 (min_decisions)"]},
        },
    });
    let told = of_rollout(&status);
    for line in [
        "In the last 15 minutes:",
        "Nothing was decided in that time, and what was before it counts no longer.",
        "Not enough was seen for its gates:",
        "  answers of the candidate with fuel: 0 of 20 (max_fuel_p99_ratio)",
        "  comparisons: 0 of 50 (min_decisions)",
        "Watched for 20 minutes; its window is 15 minutes. Somebody has to promote it.",
        "Without enough it is taken back after 7 days of this stage.",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}\n{told}");
    }
    status["seen"]["watched_ms"] = 37_000.into();
    let told = of_rollout(&status);
    assert!(told.contains("In the 37 seconds of this stage so far:"), "{told}");
    assert!(!told.contains("Nothing was decided"), "{told}");
}

#[test]
fn a_rollout_that_is_over_says_how_it_ended() {
    let over = |stage: &str, why: &str| {
        let status = json!({
            "plugin": "p", "version": "0.1.0", "point": "queue:support", "stage": stage, "seen": null, "why": why,
            "moved_by": "user:admin", "moved_at": 1_767_225_600_000u64,
        });
        let told = of_rollout(&status);
        told.lines().nth(1).unwrap().to_owned()
    };
    let back = over("rolled-back", "");
    assert!(
        back.starts_with("It is over: it was taken back by user:admin on 20"),
        "{back}"
    );
    assert!(back.ends_with(": no reason was given"), "{back}");
    assert!(over("active", "it kept to its gates").ends_with(": it kept to its gates"));
    assert_eq!(
        over("shadow", "a try"),
        "It is over: what is bound at queue:support has changed since."
    );
}

#[test]
fn who_has_to_choose_is_told_among_what_and_by_which_flag() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments);
    for queue in ["sales", "support"] {
        run(&["queue", "set", queue]).unwrap();
    }
    for number in ["+861055550100", "+442079460100"] {
        run(&["number", "set", number, "--language", "en", "--queue", "support"]).unwrap();
    }
    run(&["agent", "set", "anna", "--queue", "support", "--queue", "sales"]).unwrap();
    let make = |more: &[&str]| {
        let line = [
            "calls",
            "make",
            "--agent",
            "anna",
            "--number",
            "+33612345678",
            "--purpose",
            "service",
        ];
        let refused = run(&[&line, more].concat()).unwrap_err().to_string();
        refused.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        make(&[]),
        "queue: the agent has 2 queues, sales, support: say which (--queue)"
    );
    assert_eq!(
        make(&["--queue", "support"]),
        "from: the tenant has 2 numbers, +442079460100, +861055550100: say which (--from)"
    );
    assert_eq!(
        make(&["--queue", "support", "--from", "+442079460100"]),
        "agent anna is signed out: only who is available can call; change the state first"
    );
}

#[test]
fn a_text_of_several_lines_keeps_its_column() {
    let written = Written::default();
    let columns = &[("NUMBER", "/number"), ("TEXT", "/text"), ("CUT", "/cut")];
    let items = vec![
        json!({"number": 1, "text": "Where is it?\r\n\n您好\u{1b}[2J\n", "cut": true}),
        json!({"number": 2, "text": "On its way."}),
    ];
    let mut out = Output::into(written.clone());
    out.list(false, items, columns).unwrap();
    out.show(false, &json!({"text": "one\ntwo"}), &[("text", "/text")])
        .unwrap();
    let bytes = written.0.lock().unwrap().clone();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r"
    NUMBER  TEXT          CUT
    1       Where is it?  yes

            您好�[2J
    2       On its way.
    text  one
          two
    ");
}

#[test]
fn refusals_are_told_in_words_that_lead_on() {
    let server = Server::start();
    let key = server.tenant();
    let told = |key: &str, arguments: &[&str]| server.run(key, arguments).unwrap_err().to_string();
    let first = |told: String| told.lines().next().unwrap().to_owned();

    let hint = told("jf_no", &["whoami"]);
    assert!(
        hint.ends_with("--key-file, JACKFIELD_KEY or JACKFIELD_KEY_FILE"),
        "{hint}"
    );
    let refused = first(told(&key, &["tenant", "create", "two"]));
    assert_eq!(
        refused,
        "this needs the role operator, which the key doesn't have"
    );
    assert_eq!(first(told(&key, &["case", "show", "99"])), "there is no case 99");
    let bad_id = told(&key, &["agent", "set", "anna", "--queue", "Not A Slug"]);
    assert!(bad_id.contains("code: invalid-value (400)"), "{bad_id}");

    let module = server.folder.path().join("core.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    assert_eq!(
        first(told(&key, &["plugin", "upload", module.to_str().unwrap()])),
        "not a WebAssembly component: it is a core module; `jackfield plugin build` makes a component of a plugin's folder"
    );
    let secret = server.folder.path().join("publisher.key");
    let keygen = ["plugin", "keygen", secret.to_str().unwrap()];
    server.run(&key, &keygen).unwrap();
    let again = told(&key, &keygen);
    assert!(
        again.ends_with("publisher.key: is there already, and no key is written over: choose another name"),
        "{again}"
    );

    let line = [
        "jackfield",
        "plugin",
        "promote",
        "--binding",
        "queue:support",
        "--percent",
        "500",
    ];
    let wrong = CommandLine::try_parse_from(line).err().unwrap().to_string();
    assert!(wrong.contains("500 is not in 1..=99"), "{wrong}");
}
