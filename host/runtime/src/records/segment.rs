//! Rows of records: those of one point that were made within a second lie together in one row, up to the size of a
//! value, since the store's work is by row.
//!
//! A row has the id of its last record in its key, and a row beside it, by that id alone, tells the point and the id of
//! the first. A row of an older version holds one record, or its fields by name; all are read alike. Now fields go by
//! their place, which is a third of the bytes: what a record is made of gets new fields at its end only, with a default.

use std::io::Cursor;

use jackfield_sandbox::DecisionRecord;
use jackfield_store::{Row, Space};
use jackfield_types::{DecisionId, ExtensionPoint, Timestamp, limits};

use crate::SubmitError;

/// Records by point and last id.
pub(super) const DECISIONS: Space = Space::new("decisions");
/// Point and first id, by last id.
pub(super) const POINTS: Space = Space::new("decision-points");
/// Between the first and the last record of a row, in milliseconds.
pub(super) const SPAN_MS: u64 = 1_000;

/// Records of one point that become one row, in the order of their ids.
pub(super) struct Segment {
    pub(super) first: DecisionId,
    pub(super) last: DecisionId,
    pub(super) records: usize,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    /// The row that tells where it lies.
    pub(super) fn place(&self, point: &ExtensionPoint) -> String {
        format!("{point} {}", self.first)
    }

    fn takes(&self, record: &DecisionRecord, bytes: usize) -> bool {
        self.bytes.len() + bytes <= limits::MAX_VALUE_BYTES
            && record.id.made_at().since(self.first.made_at()) < SPAN_MS
    }
}

/// Lays records of one point, sorted by id, into rows. Those that fit into no row are left out.
pub(super) fn segments<'a>(records: impl IntoIterator<Item = &'a DecisionRecord>) -> Vec<Segment> {
    let (mut segments, mut row) = (Vec::<Segment>::new(), Vec::new());
    for record in records {
        row.clear();
        if !encode(record, &mut row) {
            continue;
        }
        match segments.last_mut().filter(|open| open.takes(record, row.len())) {
            Some(open) => {
                open.last = record.id;
                open.records += 1;
                open.bytes.extend_from_slice(&row);
            }
            None => segments.push(Segment {
                first: record.id,
                last: record.id,
                records: 1,
                bytes: row.clone(),
            }),
        }
    }
    segments
}

/// A record, at most as large as the store takes: one that is too large is kept without reads and log, as one that can
/// be explained in part and not replayed. False when even that does not fit.
fn encode(record: &DecisionRecord, row: &mut Vec<u8>) -> bool {
    if rmp_serde::encode::write(row, record).is_err() {
        return false;
    }
    if row.len() <= limits::MAX_VALUE_BYTES {
        return true;
    }
    row.clear();
    rmp_serde::encode::write(row, &record.cut()).is_ok() && row.len() <= limits::MAX_VALUE_BYTES
}

/// The records of a row, in the order of their ids.
pub(super) fn decode(row: &[u8]) -> Result<Vec<DecisionRecord>, SubmitError> {
    let (mut records, mut rest) = (Vec::new(), Cursor::new(row));
    while rest.position() < row.len() as u64 {
        records.push(rmp_serde::from_read(&mut rest).map_err(unreadable)?);
    }
    Ok(records)
}

/// The key of a row.
pub(super) fn key(point: &ExtensionPoint, last: DecisionId) -> Vec<u8> {
    key_of(&point.to_string(), last.as_bytes())
}

fn key_of(point: &str, last: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(point.len() + 1 + last.len());
    key.extend_from_slice(point.as_bytes());
    key.push(b' ');
    key.extend_from_slice(last);
    key
}

/// The last id of a row, which ends its key.
pub(super) fn last_id(key: &[u8]) -> Option<DecisionId> {
    DecisionId::from_bytes(key.last_chunk::<16>()?)
}

/// Where a row of records lies, and the first id in it.
pub(super) struct Place {
    pub(super) key: Vec<u8>,
    pub(super) first: Option<DecisionId>,
}

impl Place {
    /// Reads a row that tells where records lie; `None`: it tells nothing.
    pub(super) fn read(row: &Row) -> Option<Self> {
        let text = std::str::from_utf8(&row.value).ok()?;
        let (point, first) = text
            .split_once(' ')
            .map_or((text, None), |(point, first)| (point, Some(first)));
        Some(Self {
            key: key_of(point, &row.key),
            first: first.and_then(|first| first.parse().ok()),
        })
    }
}

/// Ids after which no row can begin that holds this one.
pub(super) fn after(id: DecisionId) -> DecisionId {
    DecisionId::lowest_at(Timestamp(id.made_at().0.saturating_add(SPAN_MS + 1)))
}

fn unreadable(error: rmp_serde::decode::Error) -> SubmitError {
    SubmitError::Unavailable(format!("a decision record can't be read: {error}"))
}
