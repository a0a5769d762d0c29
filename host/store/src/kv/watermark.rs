use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

/// The number of the last acknowledged commit, kept beside the engine's own files.
///
/// The engine takes a damaged log for one that ends at the damage, and would go on with less than it
/// had. This number tells. It is written after each sync and not synced itself, so it never runs ahead
/// of the engine; after a power cut it may lag behind, which only makes it tell less.
pub(crate) struct Watermark(File);

impl Watermark {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(
            File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)?,
        ))
    }

    /// 0 when nothing was written yet, or it was torn.
    pub(crate) fn get(&self) -> io::Result<u64> {
        let (mut number, mut inverse) = ([0; 8], [0; 8]);
        match self
            .0
            .read_exact_at(&mut number, 0)
            .and_then(|()| self.0.read_exact_at(&mut inverse, 8))
        {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
            Ok(()) if u64::from_be_bytes(number) == !u64::from_be_bytes(inverse) => {
                Ok(u64::from_be_bytes(number))
            }
            Ok(()) => Ok(0),
        }
    }

    pub(crate) fn set(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..].copy_from_slice(&(!number).to_be_bytes());
        self.0.write_all_at(&bytes, 0)
    }
}
