//! From one embedded engine to another: every key and value as it is, so that versions, journals and idempotency keys stay.

use std::path::Path;

use jackfield_types::limits::{MAX_BATCH_BYTES, MAX_PAGE};

use crate::{
    Engine, Error, Store,
    kv::{Batch, Change, Files, Fjall, Folder, Kv, Pair, Sled},
};

impl Store {
    /// Puts the database of a folder into another engine's files and removes the old ones; answers how many rows there are. Tells
    /// `progress` how many are done. Blocks. A stop in between leaves the old
    /// database or the new one, whole.
    ///
    /// `Refused` when there is no database in the folder, or it is this engine's already; `Unavailable` when another process
    /// has the folder open, or the disk refuses.
    pub fn convert(folder: &Path, to: Engine, progress: &mut dyn FnMut(u64)) -> Result<u64, Error> {
        match (Engine::of(folder), to) {
            (None, _) => Err(Error::refused(format!(
                "there is no database in {}: name the folder where the server keeps it",
                folder.display()
            ))),
            (Some(from), to) if from == to => Err(Error::refused(format!(
                "{} holds a database of {to} already: there is nothing to convert",
                folder.display()
            ))),
            (Some(_), Engine::Sled) => convert::<Fjall, Sled>(folder, progress),
            (Some(_), Engine::Fjall) => convert::<Sled, Fjall>(folder, progress),
        }
    }
}

fn convert<From: Files, To: Files>(folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<u64, Error> {
    let mut done = 0;
    Folder::<From>::open(folder)?.replace::<To>(|from, to| {
        let mut next = vec![0];
        loop {
            let page = from.range(&next, &[u8::MAX], false, MAX_PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            next = [last.as_slice(), &[0]].concat();
            done += page.len() as u64;
            write(to, page)?;
            progress(done);
        }
    })?;
    Ok(done)
}

/// A page, in batches as large as the engine is used to.
fn write(to: &impl Kv, page: Vec<Pair>) -> Result<(), Error> {
    let (mut batch, mut bytes) = (Batch::new(), 0);
    for (key, value) in page {
        bytes += key.len() + value.len();
        let change = Change {
            old: None,
            new: Some(value),
        };
        batch.insert(key, change);
        if bytes > MAX_BATCH_BYTES / 2 {
            to.apply(&std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    to.apply(&batch)
}
