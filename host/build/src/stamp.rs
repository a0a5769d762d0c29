//! Spares steps that would make what is there already.

use std::{fs, path::Path};

use jackfield_types::Digest;

use crate::{BuildError, Job, MANIFEST_FILE, OUTPUT_FOLDER};

/// Folders that hold what tools made.
const MADE: [&str; 3] = [OUTPUT_FOLDER, "node_modules", "__pycache__"];

/// What `make` makes of the plugin's folder, or what it made the last time when nothing has changed since: no file of
/// the folder, and none of `texts`, which is whatever else goes into it.
pub(crate) fn unless_known(
    job: &Job<'_>,
    texts: &[&str],
    make: impl FnOnce() -> Result<Vec<u8>, BuildError>,
) -> Result<Vec<u8>, BuildError> {
    let (stamp, kept) = (job.work.join("stamp"), job.work.join("kept.wasm"));
    let mut sources = Vec::new();
    for text in texts {
        sources.extend_from_slice(Digest::of(text.as_bytes()).as_bytes());
    }
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
    sources.truncate(texts.len() * 32);
    read(job.dir, &mut sources)?;
    put(&stamp, &Digest::of(&sources).to_string())?;
    Ok(component)
}

/// Names and contents of the sources, in the order of their names.
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
        if path.is_dir() && !MADE.contains(&&*name) {
            read(&path, into)?;
        } else if path.is_file() && (name == MANIFEST_FILE || !name.ends_with(".wasm")) {
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
