//! How tenants, tables and streams lie in one ordered key space.
//!
//! Every key of a tenant begins with its slug and a zero byte, which no slug contains; what belongs to
//! the store itself begins with the zero byte. So no key of one tenant lies in a range of another.

use jackfield_types::TenantId;

/// Names the format of everything below; the row says which one a folder has.
pub(crate) const FORMAT: &[u8] = b"\0format";
/// The number of the last commit.
pub(crate) const LAST_COMMIT: &[u8] = b"\0commit";

const FENCE: &[u8] = b"\0fence";

/// The epoch of a partition.
pub(crate) fn fence(partition: u32) -> Vec<u8> {
    [FENCE, &partition.to_be_bytes()].concat()
}

fn of(tenant: &TenantId, tag: u8, rest: &[&[u8]]) -> Vec<u8> {
    let mut key =
        Vec::with_capacity(tenant.as_str().len() + 2 + rest.iter().map(|part| part.len()).sum::<usize>());
    key.extend_from_slice(tenant.as_str().as_bytes());
    key.extend_from_slice(&[0, tag]);
    rest.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// A row of a table. With an empty `key`: where the table begins.
pub(crate) fn row(tenant: &TenantId, space: &str, key: &[u8]) -> Vec<u8> {
    of(tenant, b'r', &[space.as_bytes(), &[0], key])
}

/// One event of a stream. A stream has no gaps, so its last event tells its length.
pub(crate) fn event(tenant: &TenantId, stream: &str, seq: u64) -> Vec<u8> {
    of(tenant, b's', &[stream.as_bytes(), &[0], &seq.to_be_bytes()])
}

/// What was answered under an idempotency key.
pub(crate) fn idem(tenant: &TenantId, key: &[u8]) -> Vec<u8> {
    of(tenant, b'i', &[key])
}

/// The idempotency key with this number, so that the oldest can be forgotten.
pub(crate) fn idem_nth(tenant: &TenantId, nth: u64) -> Vec<u8> {
    of(tenant, b'j', &[&nth.to_be_bytes()])
}

/// How many idempotency keys there have been.
pub(crate) fn idem_count(tenant: &TenantId) -> Vec<u8> {
    of(tenant, b'k', &[])
}

/// The first key after all that begin with `prefix`; `None` when there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// What stands under a key.
pub(crate) enum Place {
    Row {
        tenant: String,
        space: String,
        key: Vec<u8>,
    },
    Event {
        tenant: String,
        stream: String,
        seq: u64,
    },
    Fence {
        partition: u32,
    },
    /// Only of use to this very store.
    Internal,
    Unknown,
}

/// Reads a key back.
pub(crate) fn place(key: &[u8]) -> Place {
    known(key).unwrap_or(Place::Unknown)
}

fn known(key: &[u8]) -> Option<Place> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let split = |bytes: &[u8]| {
        let zero = bytes.iter().position(|byte| *byte == 0)?;
        Some((text(&bytes[..zero])?, bytes[zero + 1..].to_vec()))
    };
    if key == FORMAT || key == LAST_COMMIT {
        return Some(Place::Internal);
    }
    if let Some(partition) = key.strip_prefix(FENCE) {
        let partition = u32::from_be_bytes(partition.try_into().ok()?);
        return Some(Place::Fence { partition });
    }
    let (tenant, rest) = split(key)?;
    let (tag, rest) = rest.split_first()?;
    match tag {
        b'r' => {
            let (space, key) = split(rest)?;
            Some(Place::Row { tenant, space, key })
        }
        b's' => {
            let (stream, seq) = split(rest)?;
            let seq = u64::from_be_bytes(seq.try_into().ok()?);
            Some(Place::Event { tenant, stream, seq })
        }
        b'i' | b'j' | b'k' => Some(Place::Internal),
        _ => None,
    }
}
