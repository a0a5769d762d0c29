use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

/// The number of the last acknowledged commit, kept beside the engine's own files.
///
/// The engine takes a damaged log for one that ends at the damage, and would go on with less than it
/// had. This number tells. It is made and synced before the database, so one without the other is damage. Later it is
/// written after each sync and not synced itself, so it never runs ahead of the engine; after a power cut it may lag
/// behind, which only makes it tell less. 16 bytes at the beginning of a file are written whole or not at all.
pub(crate) struct Watermark(File);

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// There is no such file, or nothing in it: a folder that was never used.
    None,
    /// It is not what was written.
    Damaged,
    /// So many commits were acknowledged.
    At(u64),
}

impl Watermark {
    pub(crate) fn read(path: &Path) -> io::Result<Mark> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Mark::None),
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(Mark::None);
        }
        let (Some(number), Some(inverse), 16) =
            (bytes.first_chunk::<8>(), bytes.last_chunk::<8>(), bytes.len())
        else {
            return Ok(Mark::Damaged);
        };
        let number = u64::from_be_bytes(*number);
        Ok(if number == !u64::from_be_bytes(*inverse) {
            Mark::At(number)
        } else {
            Mark::Damaged
        })
    }

    /// Writes the first number, or one in the place of a damaged one. The caller syncs the folder; until then it is there whole
    /// or not at all.
    pub(crate) fn make(path: &Path, number: u64) -> io::Result<()> {
        let new = path.with_extension("new");
        let mark = Self(File::create(&new)?);
        mark.set(number)?;
        mark.0.sync_all()?;
        std::fs::rename(new, path)
    }

    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(File::options().read(true).write(true).open(path)?))
    }

    pub(crate) fn set(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..].copy_from_slice(&(!number).to_be_bytes());
        self.0.write_all_at(&bytes, 0)
    }
}
