//! Worked examples: the templates, which the tests build and run.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use jackfield_types::PluginKind;
use serde::Deserialize;

use crate::{BuildError, MANIFEST_FILE};

/// Folder of `sdk/`, name for people, and name for code blocks.
const LANGUAGES: [(&str, &str, &str); 5] = [
    ("rust", "Rust", "rust"),
    ("js", "TypeScript", "ts"),
    ("python", "Python", "python"),
    ("go", "Go", "go"),
    ("c", "C", "c"),
];

/// The template of a kind in every language that has one: manifest, code and a case.
pub(super) fn section(kind: PluginKind, root: &Path, text: &mut String) -> Result<(), BuildError> {
    let _ = writeln!(
        text,
        "## Worked example\n\n`jackfield plugin new my-{kind} --kind {kind} --lang LANGUAGE` begins with this; `jackfield plugin test` \
         builds it and asks its [cases](../cases.md).\n"
    );
    let mut shown = false;
    for (folder, name, fence) in LANGUAGES {
        let template = root
            .join("sdk")
            .join(folder)
            .join("templates")
            .join(kind.as_str());
        if !template.join(MANIFEST_FILE).is_file() {
            continue;
        }
        let _ = writeln!(text, "### {name}\n");
        for source in sources(&template, fence)? {
            block(text, &template, &source, fence, kind)?;
        }
        if !shown {
            let mut first = String::new();
            block(&mut first, &template, &template.join(MANIFEST_FILE), "toml", kind)?;
            block(
                &mut first,
                &template,
                &template.join("tests/first.json"),
                "json",
                kind,
            )?;
            text.push_str(&first);
            shown = true;
        }
    }
    if shown {
        text.push_str("The manifest and the case are alike in the other languages.\n\n");
    }
    more(kind, root, text)
}

/// Files of code, in the order of their names.
fn sources(template: &Path, fence: &str) -> Result<Vec<PathBuf>, BuildError> {
    let extension = if fence == "rust" {
        "rs"
    } else if fence == "python" {
        "py"
    } else {
        fence
    };
    let mut found = Vec::new();
    for folder in [template.to_owned(), template.join("src")] {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.map_err(|source| BuildError::file(&folder, source))?.path();
            if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn block(
    text: &mut String,
    template: &Path,
    file: &Path,
    fence: &str,
    kind: PluginKind,
) -> Result<(), BuildError> {
    let code = fs::read_to_string(file).map_err(|source| BuildError::file(file, source))?;
    let code = code.replace("{{name}}", &format!("my-{kind}"));
    let name = file.strip_prefix(template).unwrap_or(file).display();
    let _ = writeln!(text, "`{name}`\n\n```{fence}\n{}\n```\n", code.trim_end());
    Ok(())
}

/// Plugins of the kind that come with Jackfield.
fn more(kind: PluginKind, root: &Path, text: &mut String) -> Result<(), BuildError> {
    #[derive(Deserialize)]
    struct Manifest {
        kind: String,
        description: Option<String>,
    }
    let mut found = Vec::new();
    for folder in ["plugins", "examples"] {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let path = entry.path().join(MANIFEST_FILE);
            let Ok(manifest) = fs::read_to_string(&path) else {
                continue;
            };
            let manifest: Manifest = toml::from_str(&manifest).map_err(|error| BuildError::Manifest {
                path,
                why: error.to_string(),
            })?;
            if manifest.kind.split('@').next() == Some(kind.as_str()) {
                let about = manifest.description.unwrap_or_default();
                found.push(format!(
                    "- `{folder}/{}`: {about}",
                    entry.file_name().to_string_lossy()
                ));
            }
        }
    }
    found.sort();
    if !found.is_empty() {
        let _ = writeln!(
            text,
            "Whole plugins of this kind in the repository:\n\n{}",
            found.join("\n")
        );
    }
    Ok(())
}
