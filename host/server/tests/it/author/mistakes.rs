use std::fs;
use std::path::Path;

use super::{begin, done, refused};

/// A template whose source was changed: what its build says. None when this machine lacks the language's tools.
#[allow(clippy::print_stdout)]
fn said(lang: &str, kind: &str, source: &str, change: impl FnOnce(String) -> String) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let dir = if lang == "rust" {
        begin("wrong", kind, folder.path())
    } else {
        let dir = folder.path().join("wrong").to_str().unwrap().to_owned();
        done(&["new", "wrong", "--kind", kind, "--lang", lang, "--dir", &dir]);
        dir
    };
    let path = Path::new(&dir).join(source);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    let said = refused(1, &["build", &dir]);
    if said.contains("; install it: ") {
        println!("{lang}: {said}");
        return None;
    }
    Some(said)
}

fn told(said: Option<String>, parts: &[&str]) {
    let Some(said) = said else { return };
    for part in parts {
        assert!(said.contains(part), "expected {part}: {said}");
    }
    // What the build makes is nobody's to look at.
    for internal in [
        "wit_component",
        "target/go",
        "lto.tmp",
        "check.ts",
        "jackfield_app",
    ] {
        assert!(!said.contains(internal), "{internal}: {said}");
    }
}

#[test]
fn a_missing_function_is_named_as_its_author_writes_it() {
    let rename = |from: &'static str, to: &'static str| move |text: String| text.replace(from, to);
    told(
        said(
            "c",
            "routing-strategy",
            "src/plugin.c",
            rename("exports_strategy_assign(", "my_assign("),
        ),
        &[
            "src/plugin.c: the function `exports_strategy_assign` is missing",
            "bool exports_strategy_assign(exports_strategy_snapshot_t *snapshot",
        ],
    );
    told(
        said(
            "go",
            "routing-strategy",
            "plugin.go",
            rename("func Assign(", "func Assing("),
        ),
        &[
            "the function `Assign` is missing",
            "func Assign(snapshot routing.Snapshot) (routing.Plan, error)",
        ],
    );
    told(
        said("rust", "routing-strategy", "src/lib.rs", |text| {
            text.replace("routing_strategy::register!", "// routing_strategy::register!")
        }),
        &[
            "src/lib.rs: no routing-strategy is registered",
            "jackfield_plugin::routing_strategy::register!(TYPE);",
        ],
    );
    told(
        said("ts", "channel-connector", "src/plugin.ts", |_| {
            "export default { receive: () => 1 };\n".to_owned()
        }),
        &["src/plugin.ts: its default export lacks the functions `render`, `conclude`"],
    );
    told(
        said(
            "ts",
            "routing-strategy",
            "src/plugin.ts",
            rename("export default", "export const plugin ="),
        ),
        &["src/plugin.ts: the plugin is no default export"],
    );
    told(
        said(
            "python",
            "routing-strategy",
            "plugin.py",
            rename("def assign(", "def assing("),
        ),
        &["plugin.py: no function `assign`"],
    );
}

#[test]
fn a_function_of_another_form_is_told_with_the_contracts() {
    told(
        said("go", "routing-strategy", "plugin.go", |text| {
            text.replace(
                "(snapshot routing.Snapshot)",
                "(snapshot routing.Snapshot, at uint64)",
            )
        }),
        &[
            "the function `Assign` has another form than the contract's",
            "func Assign(snapshot routing.Snapshot) (routing.Plan, error)",
        ],
    );
}

#[test]
fn a_syntax_error_in_python_is_told_before_the_long_step() {
    let Some(said) = said("python", "routing-strategy", "plugin.py", |text| {
        text.replace("def assign(snapshot):", "def assign(snapshot:")
    }) else {
        return;
    };
    let at = |part: &str| said.find(part).unwrap_or(usize::MAX);
    let mistake = at("plugin.py:7: SyntaxError: ");
    assert!(mistake < at("putting CPython") && mistake < usize::MAX, "{said}");
}
