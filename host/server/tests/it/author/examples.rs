use std::fs;

use serde_json::Value;

use super::{plugin, repository};

/// Every example with case files passes them. One whose tools this machine lacks says so, as `cargo xtask test` does in
/// its summary.
#[test]
#[allow(clippy::print_stdout)]
fn examples_pass_their_cases() {
    let mut passed = 0;
    for example in fs::read_dir(repository().join("examples")).unwrap() {
        let dir = example.unwrap().path();
        if !dir.join("plugin.toml").is_file() || !dir.join("tests/").is_dir() {
            continue;
        }
        let output = plugin(&["test", dir.to_str().unwrap(), "--json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("is missing") {
            println!("{}: not tested: {said}", dir.display());
            continue;
        }
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {found} {said}", dir.display());
        let answer: Value = serde_json::from_str(&found).unwrap();
        passed += answer["passed"].as_u64().unwrap();
    }
    assert!(passed > 0);
}
