//! Spares steps that would make what is there already.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jackfield_types::Digest;

use crate::{BuildError, Job, Language, MANIFEST_FILE, OUTPUT_FOLDER, contract};

/// Folders that hold what tools made.
const MADE: [&str; 3] = [OUTPUT_FOLDER, "node_modules", "__pycache__"];
/// Marks of this crate's own sources for each language whose builds are kept; `build.rs` makes them.
const BUILDERS: [(Language, &str); 3] = [
    (Language::Js, include_str!(concat!(env!("OUT_DIR"), "/js"))),
    (
        Language::Python,
        include_str!(concat!(env!("OUT_DIR"), "/python")),
    ),
    (Language::Go, include_str!(concat!(env!("OUT_DIR"), "/go"))),
];

/// What `make` makes of the plugin's folder, or what it made the last time when nothing has changed since: no source of
/// the folder, not the contract, none of `texts`, which is whatever else goes into it, none of the tools, and not the way
/// in which all that is put together.
pub(crate) fn unless_known(
    job: &Job<'_>,
    language: Language,
    texts: &[&str],
    tools: &[Option<PathBuf>],
    make: impl FnOnce() -> Result<Vec<u8>, BuildError>,
) -> Result<Vec<u8>, BuildError> {
    let (stamp, kept) = (job.work.join("stamp"), job.work.join("kept.wasm"));
    let contract = contract::PACKAGES.iter().map(|(_, text)| *text);
    let tools: Vec<_> = tools
        .iter()
        .map(|tool| tool.as_deref().map(mark).unwrap_or_default())
        .collect();
    let mut sources = Vec::new();
    let builder = BUILDERS.iter().filter(|(of, _)| *of == language);
    let builder = builder.map(|(_, mark)| *mark);
    let others = texts.iter().copied().chain(contract).chain(builder);
    for text in others.chain(tools.iter().map(String::as_str)) {
        sources.extend_from_slice(Digest::of(text.as_bytes()).as_bytes());
    }
    let before = sources.len();
    read(job.dir, &mut sources)?;
    let now = Digest::of(&sources).to_string();
    if fs::read_to_string(&stamp).is_ok_and(|then| then == now)
        && let Ok(component) = fs::read(&kept)
    {
        return Ok(component);
    }
    let component = make()?;
    fs::write(&kept, &component).map_err(|source| BuildError::file(&kept, source))?;
    // The folder may have got files by the making itself.
    sources.truncate(before);
    read(job.dir, &mut sources)?;
    put(&stamp, &Digest::of(&sources).to_string())?;
    Ok(component)
}

/// Tells one state of a tool from another: where it is, its size and time, and for one of npm its package.
fn mark(tool: &Path) -> String {
    let place = fs::canonicalize(tool).unwrap_or_else(|_| tool.to_owned());
    let file = fs::metadata(&place).ok();
    let time = file.as_ref().and_then(|file| file.modified().ok());
    let package = place
        .ancestors()
        .take(4)
        .find_map(|folder| fs::read_to_string(folder.join("package.json")).ok());
    format!(
        "{} {:?} {time:?} {package:?}",
        place.display(),
        file.map(|file| file.len())
    )
}

/// Names and contents of the sources, in the order of their names. Cases and papers are none.
fn read(folder: &Path, into: &mut Vec<u8>) -> Result<(), BuildError> {
    let entries = fs::read_dir(folder).map_err(|source| BuildError::file(folder, source))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_case = name == "tests" && folder.join(MANIFEST_FILE).is_file();
        if path.is_dir() && !MADE.contains(&&*name) && !is_case {
            read(&path, into)?;
        } else if path.is_file() && !name.ends_with(".wasm") && !name.ends_with(".md") {
            let bytes = fs::read(&path).map_err(|source| BuildError::file(&path, source))?;
            into.extend_from_slice(path.to_string_lossy().as_bytes());
            into.extend_from_slice(Digest::of(&bytes).as_bytes());
        }
    }
    Ok(())
}

/// Writes a text, unless it is there already.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|source| BuildError::file(path, source))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::ManifestHead;

    /// A plugin's folder, and how often it was built.
    struct Plugin {
        folder: tempfile::TempDir,
        made: Cell<u8>,
    }

    impl Plugin {
        fn build(&self, text: &str, tool: Option<PathBuf>) -> u8 {
            let dir = self.folder.path();
            let (head, _) = ManifestHead::read(dir).unwrap();
            let job = Job {
                dir,
                head: &head,
                work: &dir.join(OUTPUT_FOLDER),
                say: &|_| {},
            };
            let make = || {
                self.made.set(self.made.get() + 1);
                Ok(vec![self.made.get()])
            };
            unless_known(&job, Language::Python, &[text], &[tool], make).unwrap()[0]
        }

        fn write(&self, name: &str, text: &str) {
            put(&self.folder.path().join(name), text).unwrap();
        }
    }

    #[test]
    fn what_changes_sources_texts_or_tools_is_built_anew_and_nothing_else() {
        let plugin = Plugin {
            folder: tempfile::tempdir().unwrap(),
            made: Cell::new(0),
        };
        plugin.write(
            MANIFEST_FILE,
            "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'",
        );
        plugin.write("target/x", "");
        plugin.write("plugin.py", "1");
        let tool = plugin.folder.path().join("target/bin/tool");
        let build = |text| plugin.build(text, Some(tool.clone()));
        assert_eq!((build("sdk"), build("sdk")), (1, 1));
        plugin.write("README.md", "read me");
        plugin.write("tests/first.json", "{}");
        plugin.write("target/made", "by a tool");
        assert_eq!(build("sdk"), 1);
        plugin.write("plugin.py", "2");
        assert_eq!((build("sdk"), build("sdk")), (2, 2));
        assert_eq!(build("another sdk"), 3);
        plugin.write("target/bin/tool", "of another version");
        assert_eq!((build("another sdk"), build("another sdk")), (4, 4));
        plugin.write("target/package.json", "{\"version\": \"2\"}");
        assert_eq!(build("another sdk"), 5);
        assert_eq!(plugin.build("another sdk", None), 6);
    }

    #[test]
    fn every_language_has_a_mark_of_its_own() {
        let marks: std::collections::BTreeSet<_> = BUILDERS.iter().map(|(_, mark)| *mark).collect();
        assert_eq!(marks.len(), BUILDERS.len());
        assert!(marks.iter().all(|mark| mark.len() == 16));
    }
}
