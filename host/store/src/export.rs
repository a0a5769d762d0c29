//! The whole store as text, one JSON object a line: for backups, and for moving to another backend.
//!
//! ```text
//! {"jackfield":1}
//! {"tenant":"acme","space":"agents","key":"ann","value":"{…}"}
//! {"tenant":"acme","stream":"journal","seq":0,"event":"{…}"}
//! {"partition":7,"epoch":3}
//! ```
//! Bytes that are no UTF-8 stand as `{"hex":"00ff"}`. Rows get new versions, and idempotency keys stay
//! behind: what they protect is a resend within seconds. Blobs are files and are copied as such.

use std::io::{BufRead, Write};

use jackfield_types::{
    TenantId,
    limits::{MAX_BATCH_BYTES, MAX_PAGE, MAX_TX_OPS, MAX_VALUE_BYTES},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Store,
    committer::Work,
    layout::{self, Place},
    plan::{Load, number, split_row},
    tx::{key_fits, space_fits, stream_fits},
};

const FORMAT: u32 = 1;
/// Bytes of one line: the largest value with each byte written as JSON's longest escape, and the rest.
const MAX_LINE_BYTES: usize = 6 * MAX_VALUE_BYTES + 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Head {
        jackfield: u32,
    },
    Row {
        tenant: String,
        space: String,
        key: Bytes,
        value: Bytes,
    },
    Event {
        tenant: String,
        stream: String,
        seq: u64,
        event: Bytes,
    },
    Fence {
        partition: u32,
        epoch: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Bytes {
    Text(String),
    Hex { hex: String },
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(
            |error| {
                let hex = error
                    .as_bytes()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                Self::Hex { hex }
            },
            Self::Text,
        )
    }
}

impl Bytes {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Hex { hex } => {
                let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
                let pair = |pair: &[u8]| match pair {
                    [high, low] => Some(digit(high)? << 4 | digit(low)?),
                    _ => None,
                };
                hex.as_bytes().chunks(2).map(pair).collect()
            }
        }
    }
}

impl Store {
    /// Writes all tenants' rows and streams and all epochs as lines of JSON; answers how many. Reads page
    /// by page, so nobody should write meanwhile. Blocks, and is meant for a command of its own.
    pub fn export(&self, out: &mut impl Write) -> Result<u64, Error> {
        let mut write = |line: &Line| {
            let line = serde_json::to_string(line).map_err(|error| Error::unavailable(error.to_string()))?;
            writeln!(out, "{line}").map_err(|error| Error::unavailable(format!("export: {error}")))
        };
        write(&Line::Head { jackfield: FORMAT })?;
        let (mut from, mut lines) = (vec![0], 0);
        loop {
            let page = self.view().range(&from, &[u8::MAX], false, MAX_PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(lines);
            };
            from = [last.as_slice(), &[0]].concat();
            for (key, value) in page {
                let line = match layout::place(&key) {
                    Place::Row { tenant, space, key } => Line::Row {
                        tenant,
                        space,
                        key: key.into(),
                        value: split_row(value)?.0.into(),
                    },
                    Place::Event { tenant, stream, seq } => Line::Event {
                        tenant,
                        stream,
                        seq,
                        event: value.into(),
                    },
                    Place::Fence { partition } => Line::Fence {
                        partition,
                        epoch: number(&value)?,
                    },
                    Place::Internal => continue,
                    Place::Unknown => return Err(Error::corrupt("a key of unknown kind")),
                };
                write(&line)?;
                lines += 1;
            }
        }
    }

    /// Reads what [`export`](Self::export) wrote into this store, which must be fresh; answers how many
    /// lines. A line that does not fit ends it with `Invalid`, naming the line; throw the store away then.
    pub async fn import(&self, input: &mut impl BufRead) -> Result<u64, Error> {
        if self.view().get(layout::LAST_COMMIT)?.is_some() {
            return Err(Error::Conflict {
                field: "store".into(),
                found: "it is not fresh".into(),
            });
        }
        let (mut loads, mut bytes, mut lines) = (Vec::new(), 0, 0);
        let mut next_event = (String::new(), String::new(), 0);
        let mut text = Vec::new();
        for at in 1u64.. {
            text.clear();
            let limit = MAX_LINE_BYTES as u64 + 1;
            std::io::Read::take(&mut *input, limit)
                .read_until(b'\n', &mut text)
                .map_err(|error| Error::unavailable(format!("import: {error}")))?;
            Error::at_most(|| format!("line {at} (bytes)"), text.len(), MAX_LINE_BYTES)?;
            if text.is_empty() {
                break;
            }
            let invalid = |expected| Error::invalid(format!("line {at}"), expected);
            let line: Line = serde_json::from_slice(&text)
                .map_err(|_| invalid("a JSON object of jackfield, a row, an event or a partition"))?;
            match (at, &line) {
                (1, Line::Head { jackfield: FORMAT }) => continue,
                (1, _) | (_, Line::Head { .. }) => {
                    return Err(invalid("{\"jackfield\":1} as the first line only"));
                }
                _ => {}
            }
            if let Line::Event {
                tenant, stream, seq, ..
            } = &line
            {
                if (&next_event.0, &next_event.1) != (tenant, stream) {
                    next_event = (tenant.clone(), stream.clone(), 0);
                }
                if *seq != next_event.2 {
                    return Err(invalid("the events of a stream one after the other, from 0 on"));
                }
                next_event.2 += 1;
            }
            let load = load(at, line)?;
            bytes += load.key.len() + load.value.len();
            loads.push(load);
            lines += 1;
            if loads.len() == MAX_TX_OPS || bytes > MAX_BATCH_BYTES / 2 {
                bytes = 0;
                self.submit(Work::Load(std::mem::take(&mut loads))).await?;
            }
        }
        if !loads.is_empty() {
            self.submit(Work::Load(loads)).await?;
        }
        Ok(lines)
    }
}

fn load(at: u64, line: Line) -> Result<Load, Error> {
    let named = |field: &str| format!("line {at}: {field}");
    let tenant = |slug: &str| {
        if slug == TenantId::platform().as_str() {
            return Ok(TenantId::platform());
        }
        TenantId::new(slug).map_err(|error| Error::invalid(named("tenant"), error.expected))
    };
    let plain = |field: &str, bytes: Bytes| {
        let bytes = bytes
            .bytes()
            .ok_or_else(|| Error::invalid(named(field), "text, or hex with two digits a byte"))?;
        Error::at_most(|| named(field), bytes.len(), MAX_VALUE_BYTES)?;
        Ok::<_, Error>(bytes)
    };
    Ok(match line {
        Line::Row {
            tenant: slug,
            space,
            key,
            value,
        } => {
            space_fits(&space).map_err(|expected| Error::invalid(named("space"), expected))?;
            let key = plain("key", key)?;
            key_fits(&key, || named("key"))?;
            Load {
                key: layout::row(&tenant(&slug)?, &space, &key),
                value: plain("value", value)?,
                versioned: true,
            }
        }
        Line::Event {
            tenant: slug,
            stream,
            seq,
            event,
        } => {
            stream_fits(&stream, || named("stream"))?;
            let key = layout::event(&tenant(&slug)?, &stream, seq);
            Load {
                key,
                value: plain("event", event)?,
                versioned: false,
            }
        }
        Line::Fence { partition, epoch } => Load {
            key: layout::fence(partition),
            value: epoch.to_be_bytes().to_vec(),
            versioned: false,
        },
        Line::Head { .. } => return Err(Error::invalid(format!("line {at}"), "no second head")),
    })
}
