//! Rows of records: those of one point that were made within a second lie together in one row, up to the size of a
//! value, since the store's work is by row.
//!
//! A row has the id of its last record in its key, and a row beside it, by that id alone, tells the point and the id of
//! the first. In a row, what decided stands before the records that it made, once; the fields of both go by their place:
//! both get new fields at their end only, with a default. A row of an older version tells with each record what decided, by
//! place or by name; it is read alike.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use jackfield_contact::decision::{Answer, Failure, Question};
use jackfield_sandbox::{Ceilings, DecidedBy, DecisionRecord, LogLine, Projection, Read, Receipt};
use jackfield_store::{Row, Space};
use jackfield_types::{DecisionId, Digest, ExtensionPoint, Grants, PluginId, Timestamp, Version, limits};
use serde::{Deserialize, Serialize};

use crate::SubmitError;

/// Records by point and last id.
pub(super) const DECISIONS: Space = Space::new("decisions");
/// Point and first id, by last id.
pub(super) const POINTS: Space = Space::new("decision-points");
/// Between the first and the last record of a row, in milliseconds.
pub(super) const SPAN_MS: u64 = 1_000;
/// Room for some ten records at the start of a row.
const ROW_BYTES: usize = 4 * 1024;
/// Stands before what decided: no value of MessagePack begins with it.
const BY: u8 = 0xc1;

/// What decided the records behind it, and what it was granted.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    by: Cow<'a, Arc<DecidedBy>>,
    grants: Grants,
    budget: Option<Ceilings>,
}

impl<'a> Head<'a> {
    fn of(record: &'a DecisionRecord) -> Self {
        Self {
            by: Cow::Borrowed(&record.by),
            grants: record.grants,
            budget: record.budget,
        }
    }

    fn is_of(record: &DecisionRecord, other: &DecisionRecord) -> bool {
        (Arc::ptr_eq(&record.by, &other.by) || record.by == other.by)
            && (record.grants, record.budget) == (other.grants, other.budget)
    }
}

/// What a record has of its own.
#[derive(Serialize, Deserialize)]
struct Own<'a> {
    id: DecisionId,
    at: Timestamp,
    question: Cow<'a, Arc<Question>>,
    reads: Cow<'a, [Read]>,
    result: Cow<'a, Result<Answer, Failure>>,
    kv_writes: Cow<'a, [(String, Option<Vec<u8>>)]>,
    receipt: Receipt,
    log: Cow<'a, [LogLine]>,
    complete: bool,
}

impl<'a> Own<'a> {
    fn of(record: &'a DecisionRecord) -> Self {
        Self {
            id: record.id,
            at: record.at,
            question: Cow::Borrowed(&record.question),
            reads: Cow::Borrowed(&record.reads),
            result: Cow::Borrowed(&record.result),
            kv_writes: Cow::Borrowed(&record.kv_writes),
            receipt: record.receipt,
            log: Cow::Borrowed(&record.log),
            complete: record.complete,
        }
    }

    /// Without what may be large.
    fn cut(self) -> Self {
        Self {
            reads: Cow::Borrowed(&[]),
            log: Cow::Borrowed(&[]),
            complete: false,
            ..self
        }
    }

    fn behind(self, head: &Head<'_>) -> DecisionRecord {
        DecisionRecord {
            id: self.id,
            at: self.at,
            by: Arc::clone(&head.by),
            question: self.question.into_owned(),
            reads: self.reads.into_owned(),
            result: self.result.into_owned(),
            kv_writes: self.kv_writes.into_owned(),
            receipt: self.receipt,
            log: self.log.into_owned(),
            complete: self.complete,
            grants: head.grants,
            budget: head.budget,
        }
    }
}

/// A record as rows held it before.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Old {
    pub(super) id: DecisionId,
    pub(super) at: Timestamp,
    pub(super) point: ExtensionPoint,
    pub(super) revision: u64,
    pub(super) plugin: PluginId,
    pub(super) version: Version,
    pub(super) digest: Digest,
    pub(super) config: Arc<str>,
    pub(super) engine: Arc<str>,
    pub(super) question: Arc<Question>,
    pub(super) reads: Vec<Read>,
    pub(super) result: Result<Answer, Failure>,
    pub(super) kv_writes: Vec<(String, Option<Vec<u8>>)>,
    pub(super) receipt: Receipt,
    pub(super) log: Vec<LogLine>,
    pub(super) complete: bool,
    #[serde(default)]
    pub(super) grants: Grants,
    #[serde(default)]
    pub(super) budget: Option<Ceilings>,
    #[serde(default)]
    pub(super) projection: Projection,
}

impl From<Old> for DecisionRecord {
    fn from(old: Old) -> Self {
        Self {
            id: old.id,
            at: old.at,
            by: Arc::new(DecidedBy {
                point: old.point,
                revision: old.revision,
                plugin: old.plugin,
                version: old.version,
                digest: old.digest,
                config: old.config,
                engine: old.engine,
                projection: old.projection,
            }),
            question: old.question,
            reads: old.reads,
            result: old.result,
            kv_writes: old.kv_writes,
            receipt: old.receipt,
            log: old.log,
            complete: old.complete,
            grants: old.grants,
            budget: old.budget,
        }
    }
}

/// Records of one point that become one row, in the order of their ids.
pub(super) struct Segment<'a> {
    pub(super) first: DecisionId,
    pub(super) last: DecisionId,
    pub(super) records: usize,
    pub(super) bytes: Vec<u8>,
    /// The last of them.
    latest: &'a DecisionRecord,
}

impl<'a> Segment<'a> {
    fn begin(record: &'a DecisionRecord) -> Self {
        Self {
            first: record.id,
            last: record.id,
            records: 0,
            bytes: Vec::with_capacity(ROW_BYTES),
            latest: record,
        }
    }

    /// The row that tells where it lies.
    pub(super) fn place(&self, point: &ExtensionPoint) -> String {
        format!("{point} {}", self.first)
    }

    /// Takes a record in; false, and nothing has changed, when it does not fit.
    fn take(&mut self, record: &'a DecisionRecord, own: &Own<'_>) -> bool {
        let before = self.bytes.len();
        let known = self.records > 0 && Head::is_of(record, self.latest);
        let written = (known || encode(&Head::of(record), &mut self.bytes))
            && rmp_serde::encode::write(&mut self.bytes, own).is_ok();
        if !written || self.bytes.len() > limits::MAX_VALUE_BYTES {
            self.bytes.truncate(before);
            return false;
        }
        (self.last, self.latest) = (record.id, record);
        self.records += 1;
        true
    }
}

fn encode(head: &Head<'_>, row: &mut Vec<u8>) -> bool {
    row.push(BY);
    rmp_serde::encode::write(row, head).is_ok()
}

/// Lays records of one point, sorted by id, into rows. One that is too large for a row is laid there without reads and
/// log, as one that can be explained in part and not replayed; one that fits into none even so is left out.
pub(super) fn segments<'a>(records: impl IntoIterator<Item = &'a DecisionRecord>) -> Vec<Segment<'a>> {
    let mut segments = Vec::<Segment<'a>>::new();
    for record in records {
        let whole = Own::of(record);
        if !lay(&mut segments, record, &whole) {
            lay(&mut segments, record, &whole.cut());
        }
    }
    segments
}

fn lay<'a>(segments: &mut Vec<Segment<'a>>, record: &'a DecisionRecord, own: &Own<'_>) -> bool {
    let of_its_second = |open: &Segment<'_>| record.id.made_at().since(open.first.made_at()) < SPAN_MS;
    if let Some(open) = segments.last_mut()
        && of_its_second(open)
        && open.take(record, own)
    {
        return true;
    }
    let mut next = Segment::begin(record);
    let taken = next.take(record, own);
    if taken {
        segments.push(next);
    }
    taken
}

/// The records of a row, in the order of their ids.
pub(super) fn decode(row: &[u8]) -> Result<Vec<DecisionRecord>, SubmitError> {
    let (mut records, mut head, mut rest) = (Vec::new(), None, Cursor::new(row));
    while let Some(first) = row.get(rest.position() as usize) {
        if *first == BY {
            rest.set_position(rest.position() + 1);
            head = Some(rmp_serde::from_read::<_, Head<'_>>(&mut rest).map_err(unreadable)?);
            continue;
        }
        records.push(match &head {
            Some(head) => rmp_serde::from_read::<_, Own<'_>>(&mut rest)
                .map_err(unreadable)?
                .behind(head),
            None => rmp_serde::from_read::<_, Old>(&mut rest)
                .map_err(unreadable)?
                .into(),
        });
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
