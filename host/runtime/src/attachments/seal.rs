//! The contents under the customer's key, in frames that are sealed one by one: neither a whole file nor what was read of
//! one is ever in memory, and frames that are left out, moved or of another file are found.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use jackfield_types::{AttachmentId, Digest};
use sha2::{Digest as _, Sha256};

use crate::customers::DataKey;

/// Bytes of a frame before it is sealed; the last has fewer.
const FRAME: usize = 64 * 1024;
/// And after: with its nonce and its tag.
pub(super) const SEALED: usize = FRAME + 12 + 16;

/// Frames of so many bytes.
pub(super) const fn frames(size: u64) -> u64 {
    size.div_ceil(FRAME as u64)
}

fn what(id: AttachmentId, frame: u64, of: u64) -> String {
    format!("attachment {id} {frame} of {of}")
}

/// Writes a file sealed into another; the digest of what was written.
pub(super) fn seal(
    key: &DataKey,
    id: AttachmentId,
    size: u64,
    from: &mut File,
    into: &mut File,
) -> std::io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut frame = Vec::with_capacity(FRAME);
    from.seek(SeekFrom::Start(0))?;
    for number in 0..frames(size) {
        frame.clear();
        Read::by_ref(from).take(FRAME as u64).read_to_end(&mut frame)?;
        let sealed = key
            .seal(&what(id, number, frames(size)), &frame)
            .map_err(|_| std::io::Error::other("no random bytes from the system"))?;
        hash.update(&sealed);
        into.write_all(&sealed)?;
    }
    into.seek(SeekFrom::Start(0))?;
    Ok(Digest::from_bytes(hash.finalize().into()))
}

/// Opens one frame; `None` when it is not what was sealed there.
pub(super) fn open(key: &DataKey, id: AttachmentId, size: u64, number: u64, frame: &[u8]) -> Option<Vec<u8>> {
    key.open(&what(id, number, frames(size)), frame).ok()
}
