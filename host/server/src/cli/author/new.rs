//! `jackfield plugin new`
//!
//! A template is `sdk/LANG/templates/KIND/` laid over `sdk/LANG/templates/common/`. In its files `{{name}}`, `{{kind}}`,
//! `{{sdk}}` and `{{wit}}` are filled in; the last two are folders, seen from the new one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jackfield_types::{PluginId, PluginKind, article};
use serde_json::json;

use super::super::failure::Failure;
use super::super::output::Output;

/// `sdk/` and `wit/` of the repository, path and content.
const SDK: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// Of every kind's template.
const COMMON: &str = "common";
/// Where the SDK goes within a plugin outside of a checkout.
const VENDOR: &str = "vendor";
/// The languages, as their folders are called.
const LANGUAGES: [&str; 5] = ["rust", "js", "python", "go", "c"];
/// Further names of languages.
const ALIASES: [(&str, &str); 5] = [
    ("ts", "js"),
    ("typescript", "js"),
    ("javascript", "js"),
    ("py", "python"),
    ("golang", "go"),
];

/// Begin a plugin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Kinds: voice-flow, chat-flow, routing-strategy, outbound-rule, pacing-strategy, tag-generator,
qa-scorecard, channel-connector, agent-assist.

Within a checkout of Jackfield the plugin uses the SDK there; else the SDK that this program carries, which goes into
vendor/ of the new folder, so that nothing has to be fetched. --sdk names another one.

Examples:
  jackfield plugin new gold-first --kind routing-strategy
  jackfield plugin new front-desk --kind voice-flow --lang ts --dir plugins/front-desk
  jackfield plugin new quiet --kind outbound-rule --lang go
  cd gold-first && jackfield plugin test"
)]
pub(crate) struct Arguments {
    /// The plugin's id: a-z, 0-9, '-' and '_'.
    name: PluginId,
    /// What it decides.
    #[arg(long)]
    kind: PluginKind,
    /// The language: rust, ts, python, go or c.
    #[arg(long, default_value = "rust")]
    lang: String,
    /// The new folder; by default the name.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The language's SDK: the folder sdk/LANG of a checkout.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let lang = ALIASES
        .iter()
        .find(|(alias, _)| *alias == arguments.lang)
        .map_or(arguments.lang.as_str(), |(_, lang)| lang);
    let files = template(lang, arguments.kind)?;
    let named = PathBuf::from(arguments.name.as_str());
    let dir = arguments.dir.as_ref().unwrap_or(&named);
    let trouble = |path: &Path, error: std::io::Error| Failure::Work(format!("{}: {error}", path.display()));
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
        return Err(Failure::Work(format!(
            "{} is there already, and not empty: choose another folder with --dir",
            dir.display()
        )));
    }
    std::fs::create_dir_all(dir).map_err(|error| trouble(dir, error))?;
    // The builders of other languages bring the SDK themselves.
    let vendored = files
        .iter()
        .any(|(_, content)| String::from_utf8_lossy(content).contains("{{sdk}}"));
    let (sdk, wit) = sdk(lang, dir, arguments.sdk.as_deref(), vendored)?;
    let fill = |text: &str| {
        text.replace("{{name}}", arguments.name.as_str())
            .replace("{{kind}}", arguments.kind.as_str())
            .replace("{{sdk}}", &sdk)
            .replace("{{wit}}", &wit)
    };
    for (path, content) in files {
        // A file of this name would count for the repository that the templates lie in.
        let path = dir.join(if path == "gitignore" { ".gitignore" } else { path });
        write(&path, fill(&String::from_utf8_lossy(content)).as_bytes())?;
    }
    let answer =
        json!({"id": arguments.name, "kind": arguments.kind, "language": lang, "dir": dir, "sdk": sdk});
    out.done(
        json,
        &answer,
        &format!("{} ({}) is in {}", arguments.name, arguments.kind, dir.display()),
    )?;
    if json {
        return Ok(());
    }
    out.line(&format!("  next: cd {} && jackfield plugin test", dir.display()))
}

/// The files of a template, those of its kind after those of all kinds.
fn template(lang: &str, kind: PluginKind) -> Result<Vec<(&'static str, &'static [u8])>, Failure> {
    let within = |folder: &str| {
        let prefix = format!("sdk/{lang}/templates/{folder}/");
        let files = SDK
            .iter()
            .filter_map(move |(path, content)| Some((path.strip_prefix(prefix.as_str())?, *content)));
        files.collect::<Vec<_>>()
    };
    let own = within(kind.as_str());
    if own.is_empty() {
        return Err(Failure::Usage(no_template(lang, kind)));
    }
    Ok([within(COMMON), own].concat())
}

/// Why there is none, and what there is.
fn no_template(lang: &str, kind: PluginKind) -> String {
    let folders = SDK
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("sdk/")?.split_once("/templates/"));
    let folders: BTreeSet<_> = folders
        .filter_map(|(lang, rest)| Some((lang, rest.split_once('/')?.0)))
        .filter(|(_, kind)| *kind != COMMON)
        .collect();
    let kinds: Vec<_> = folders.iter().filter(|(known, _)| *known == lang).collect();
    let kinds: Vec<_> = kinds.iter().map(|(_, kind)| *kind).collect();
    if kinds.is_empty() {
        return format!(
            "--lang {lang}: expected one of {}",
            LANGUAGES.map(said).join(", ")
        );
    }
    let others = LANGUAGES
        .iter()
        .filter(|other| folders.contains(&(**other, kind.as_str())));
    let others: Vec<_> = others.map(|other| said(other)).collect();
    format!(
        "no template for {} {kind} in {}: it has {}; templates for this kind are in {}",
        article(kind.as_str()),
        said(lang),
        kinds.join(", "),
        others.join(", ")
    )
}

/// What a language is called with `--lang`.
fn said(lang: &str) -> &str {
    if lang == "js" { "ts" } else { lang }
}

/// Where the SDK and the contract are, seen from the new folder.
fn sdk(lang: &str, dir: &Path, told: Option<&Path>, vendored: bool) -> Result<(String, String), Failure> {
    let canonical = |path: &Path| {
        path.canonicalize()
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
    };
    if let Some(told) = told {
        let sdk = canonical(told)?;
        let wit = canonical(&sdk.join("../../wit"))
            .map_err(|error| Failure::Usage(format!("--sdk: expected sdk/{lang} of a checkout: {error}")))?;
        return Ok((sdk.display().to_string(), wit.display().to_string()));
    }
    let here = canonical(dir)?;
    for (up, folder) in here.ancestors().enumerate().skip(1) {
        if folder.join("sdk").join(lang).is_dir() && folder.join("wit/types").is_dir() {
            let root = "../".repeat(up);
            return Ok((format!("{root}sdk/{lang}"), format!("{root}wit")));
        }
    }
    let (own, templates) = (format!("sdk/{lang}/"), format!("sdk/{lang}/templates/"));
    for (path, content) in SDK.iter().filter(|_| vendored) {
        let needed = path.starts_with("wit/") || path.starts_with(&own) && !path.starts_with(&templates);
        if needed {
            write(&dir.join(VENDOR).join(path), content)?;
        }
    }
    Ok((format!("{VENDOR}/sdk/{lang}"), format!("{VENDOR}/wit")))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, content));
    written.map_err(|error| Failure::Work(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_a_case() {
        for (lang, source) in [
            ("rust", "src/lib.rs"),
            ("js", "src/plugin.ts"),
            ("python", "plugin.py"),
        ] {
            for kind in PluginKind::ALL {
                let files = template(lang, kind).unwrap();
                for expected in [
                    "plugin.toml",
                    source,
                    "tests/first.json",
                    "gitignore",
                    "README.md",
                ] {
                    assert!(
                        files.iter().any(|(path, _)| *path == expected),
                        "{lang} {kind}: no {expected}"
                    );
                }
            }
        }
        for lang in ["c", "go"] {
            for kind in [
                PluginKind::RoutingStrategy,
                PluginKind::OutboundRule,
                PluginKind::TagGenerator,
                PluginKind::QaScorecard,
            ] {
                let files = template(lang, kind).unwrap();
                for expected in ["plugin.toml", "README.md", "tests/first.json", "gitignore"] {
                    assert!(
                        files.iter().any(|(path, _)| *path == expected),
                        "{lang} {kind}: no {expected}"
                    );
                }
            }
        }
        let told = |lang, kind| template(lang, kind).unwrap_err().to_string();
        assert_eq!(
            told("cobol", PluginKind::VoiceFlow),
            "--lang cobol: expected one of rust, ts, python, go, c"
        );
        assert_eq!(
            told("go", PluginKind::VoiceFlow),
            "no template for a voice-flow in go: it has outbound-rule, qa-scorecard, routing-strategy, tag-generator; \
             templates for this kind are in rust, ts, python"
        );
    }
}
