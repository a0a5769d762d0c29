//! The journal of fjall 3.1, in which a power cut may leave half a batch.
//!
//! fjall refuses a journal with a batch whose checksum is wrong. Here each batch is synced before the next one is written, so such a
//! batch at the very end was torn by a power cut before anybody was told of it, and is cut off. Anywhere else it is damage.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";

/// Cuts the newest journal where its last batch begins, if that one is torn; answers whether it was.
pub(super) fn cut_torn_batch(home: &Path) -> io::Result<bool> {
    let Some(path) = newest(home)? else {
        return Ok(false);
    };
    let Some(start) = torn(&fs::read(&path)?) else {
        return Ok(false);
    };
    tracing::warn!(journal = %path.display(), start, "a batch that was never acknowledged is torn, and is cut off");
    let journal = File::options().write(true).open(&path)?;
    journal.set_len(start as u64)?;
    journal.sync_all()?;
    Ok(true)
}

/// Journals are named by ascending numbers.
fn newest(home: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse::<u64>().ok());
        newest = newest.max(number.map(|number| (number, path)));
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where the last batch of a journal begins, if it is torn and nothing follows it.
fn torn(journal: &[u8]) -> Option<usize> {
    let mut rest = journal;
    loop {
        let start = journal.len() - rest.len();
        if !batch(&mut rest)? {
            // A journal's file is as long as it may become from the first, and is filled up with zeros.
            return rest.iter().all(|byte| *byte == 0).then_some(start);
        }
    }
}

/// Reads a batch; answers whether it is whole, or nothing if no batch is there.
fn batch(rest: &mut &[u8]) -> Option<bool> {
    if take::<1>(rest)? != [START] {
        return None;
    }
    let promised = u32::from_le_bytes(take(rest)?);
    let _sequence_number = take::<8>(rest)?;
    let items = *rest;
    for found in 0.. {
        let read = items.len() - rest.len();
        match take(rest)? {
            [ITEM] => {
                let _type_and_compression = take::<2>(rest)?;
                let _keyspace = take::<8>(rest)?;
                let key = u16::from_le_bytes(take(rest)?) as usize;
                let _uncompressed = take::<4>(rest)?;
                let value = u32::from_le_bytes(take(rest)?) as usize;
                *rest = rest.get(key + value..)?;
            }
            [CLEAR] => drop(take::<8>(rest)?),
            [END] => {
                let checksum = u64::from_le_bytes(take(rest)?);
                *rest = rest.strip_prefix(TRAILER)?;
                return Some(found == promised && checksum == xxh3_64(&items[..read]));
            }
            _ => return None,
        }
    }
    None
}

fn take<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::{super::Fjall, *};
    use crate::{
        Error,
        kv::{Batch, Change, Files, Kv},
    };

    /// A database of three batches, with a row of its own in each.
    fn database() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("fjall");
        Fjall::create(&home, b"format", b"1").unwrap();
        let engine = Fjall::open(&home).unwrap();
        for n in 1..=3 {
            let change = Change {
                old: None,
                new: Some(vec![n; 4_000]),
            };
            engine.apply(&Batch::from([(vec![n], change)])).unwrap();
        }
        drop(engine);
        let journal = newest(&home).unwrap().unwrap();
        (folder, journal)
    }

    /// Writes zeros over what a sector of a batch was.
    fn tear(journal: &Path, batch: u8) {
        let mut bytes = fs::read(journal).unwrap();
        let at = bytes
            .windows(4_000)
            .position(|value| value == [batch; 4_000])
            .unwrap();
        bytes[at + 1_000..at + 1_512].fill(0);
        fs::write(journal, bytes).unwrap();
    }

    #[test]
    fn a_batch_that_was_torn_at_the_end_is_cut_off() {
        let (folder, journal) = database();
        tear(&journal, 3);
        let engine = Fjall::open(&folder.path().join("fjall")).unwrap();
        let rows = [1, 2, 3].map(|n| engine.get(&[n]).unwrap());
        assert_eq!(rows, [Some(vec![1; 4_000]), Some(vec![2; 4_000]), None]);
    }

    #[test]
    fn a_torn_batch_before_others_is_damage_and_stays() {
        let (folder, journal) = database();
        tear(&journal, 2);
        let before = fs::read(&journal).unwrap();
        let opened = Fjall::open(&folder.path().join("fjall")).map(drop);
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
        assert!(before == fs::read(&journal).unwrap(), "the journal was changed");
    }
}
