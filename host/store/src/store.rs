use std::{fmt, path::Path, str::FromStr, sync::Arc};

use jackfield_types::{
    OpContext,
    limits::{MAX_KEY_BYTES, MAX_PAGE},
};

use crate::{
    Blobs, Error, Space, Tx,
    committer::{Committer, Work},
    kv::{Fjall, Folder, Memory, Sled, holds},
    layout,
    plan::{number, split_row},
    tx::{key_fits, stream_fits},
    view::View,
};

/// A value and the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The number of the commit; never used twice, not even for a row removed and made anew.
    pub version: u64,
    /// The value.
    pub value: Vec<u8>,
}

/// A row of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: Vec<u8>,
    /// The number of the commit that wrote the row.
    pub version: u64,
    /// The value.
    pub value: Vec<u8>,
}

/// Rows of a table as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, in the order asked for.
    pub rows: Vec<Row>,
    /// Where the next page begins, for [`Scan::after`]; `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// Which rows of a table, in which order. Starts as all rows in key order, a page of 1,000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    limit: usize,
    reverse: bool,
}

impl Scan {
    /// All rows of the table.
    pub fn all() -> Self {
        Self {
            from: Vec::new(),
            to: None,
            after: None,
            limit: MAX_PAGE,
            reverse: false,
        }
    }

    /// The rows whose keys begin with these bytes.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let from = prefix.into();
        Self {
            to: layout::after_prefix(&from),
            from,
            ..Self::all()
        }
    }

    /// The rows from one key (inclusive) to another (exclusive).
    pub fn range(from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) -> Self {
        Self {
            from: from.into(),
            to: Some(to.into()),
            ..Self::all()
        }
    }

    /// From the last key to the first.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// Goes on after the page whose [`Page::next`] this is.
    #[must_use]
    pub fn after(mut self, cursor: Option<Vec<u8>>) -> Self {
        self.after = cursor;
        self
    }

    /// Rows in a page: 1 to 1,000; more is cut.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows.clamp(1, MAX_PAGE);
        self
    }
}

/// What keeps a store's rows in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// sled 0.34, guarded: small commits are cheapest.
    Sled,
    /// fjall 3: look-ups among millions of rows, and bulk, are cheapest.
    Fjall,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Fjall];

    /// The name used on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        }
    }

    /// Which engine's database a folder holds; `None` when there is none in it.
    pub fn of(folder: &Path) -> Option<Self> {
        // Both lie there after a conversion that was stopped at its end, and are the same.
        if holds::<Fjall>(folder) {
            Some(Self::Fjall)
        } else if holds::<Sled>(folder) {
            Some(Self::Sled)
        } else {
            None
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Engine {
    type Err = &'static str;

    /// Reads the name used on the command line; the error says what was expected.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|engine| engine.as_str() == text);
        named.ok_or("expected sled or fjall")
    }
}

/// A store: tables and journal streams of many tenants. Cheap to clone; the last clone to go
/// closes it, once everything submitted is durable.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // The committer goes first, so that everything submitted is durable before the engine closes.
    committer: Committer,
    view: Arc<View>,
    blobs: Blobs,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("blobs", &self.inner.blobs)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A store in memory, for tests and trials. Its blobs lie in a temporary folder that goes with it.
    pub fn memory() -> Result<Self, Error> {
        Self::start(View::new(Box::<Memory>::default()), Blobs::temporary()?)
    }

    /// Opens the store in a folder, or makes it with [`Engine::Fjall`] when there is none. Blocks while the engine recovers,
    /// up to seconds for a large store.
    ///
    /// `Unavailable` when another process has the folder open or the disk refuses; `Corrupt` when what is
    /// there is damaged or no store of this format.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Engine::of(folder).unwrap_or(Engine::Fjall))
    }

    /// [`open`](Self::open) with an engine of one's choice; `Refused` when the folder holds another one's database.
    pub fn open_with(folder: &Path, engine: Engine) -> Result<Self, Error> {
        if let Some(other) = Engine::of(folder).filter(|other| *other != engine) {
            return Err(Error::refused(format!(
                "{} holds a database of {other}, not of {engine}",
                folder.display()
            )));
        }
        let view = match engine {
            Engine::Sled => View::new(Box::new(Folder::<Sled>::open(folder)?)),
            Engine::Fjall => View::new(Box::new(Folder::<Fjall>::open(folder)?)),
        };
        Self::start(view, Blobs::open(&folder.join("blobs"))?)
    }

    pub(crate) fn start(view: View, blobs: Blobs) -> Result<Self, Error> {
        let view = Arc::new(view);
        let committer = Committer::start(view.clone())?;
        Ok(Self {
            inner: Arc::new(Inner {
                committer,
                view,
                blobs,
            }),
        })
    }

    pub(crate) fn view(&self) -> &View {
        &self.inner.view
    }

    pub(crate) async fn submit(&self, work: Work) -> Result<u64, Error> {
        self.inner.committer.submit(work).await
    }

    /// The large objects: recordings, plugin components.
    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// The row of a key.
    pub async fn get(&self, ctx: &OpContext, space: Space, key: &[u8]) -> Result<Option<Versioned>, Error> {
        key_fits(key, || "key".into())?;
        let Some(row) = self
            .inner
            .view
            .get(&layout::row(&ctx.tenant, space.as_str(), key))?
        else {
            return Ok(None);
        };
        let (value, version) = split_row(row)?;
        Ok(Some(Versioned { version, value }))
    }

    /// A page of rows in key order, as of one moment.
    pub async fn scan(&self, ctx: &OpContext, space: Space, scan: Scan) -> Result<Page, Error> {
        for (field, key) in [
            ("from", Some(&scan.from)),
            ("to", scan.to.as_ref()),
            ("after", scan.after.as_ref()),
        ] {
            Error::at_most(
                || format!("scan.{field} (bytes)"),
                key.map_or(0, Vec::len),
                MAX_KEY_BYTES,
            )?;
        }
        let table = layout::row(&ctx.tenant, space.as_str(), &[]);
        let row = |key: &[u8]| [&table, key].concat();
        let mut from = row(&scan.from);
        let mut to = match &scan.to {
            Some(to) => row(to),
            None => layout::after_prefix(&table).unwrap_or_default(),
        };
        match scan.after.as_deref().map(row) {
            Some(after) if scan.reverse => to = to.min(after),
            Some(mut after) => {
                after.push(0);
                from = from.max(after);
            }
            None => {}
        }
        // A cursor from elsewhere may lie beyond the end; not every engine takes that.
        if from >= to {
            return Ok(Page {
                rows: Vec::new(),
                next: None,
            });
        }
        let mut pairs = self.inner.view.range(&from, &to, scan.reverse, scan.limit + 1)?;
        let more = pairs.len() > scan.limit;
        pairs.truncate(scan.limit);
        let rows = pairs
            .into_iter()
            .map(|(mut key, row)| {
                let (value, version) = split_row(row)?;
                Ok(Row {
                    key: key.split_off(table.len()),
                    version,
                    value,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let next = if more {
            rows.last().map(|row| row.key.clone())
        } else {
            None
        };
        Ok(Page { rows, next })
    }

    /// Events of a stream from number `from_seq` on, with their numbers; at most `limit` and 1,000.
    pub async fn read_stream(
        &self,
        ctx: &OpContext,
        stream: &str,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        stream_fits(stream, || "stream".into())?;
        let from = layout::event(&ctx.tenant, stream, from_seq);
        let to = layout::event(&ctx.tenant, stream, u64::MAX);
        let pairs = self.inner.view.range(&from, &to, false, limit.min(MAX_PAGE))?;
        pairs
            .into_iter()
            .zip(from_seq..)
            .map(|((key, event), seq)| {
                if number(&key[key.len() - 8..])? == seq {
                    return Ok((seq, event));
                }
                Err(Error::corrupt(format!(
                    "stream {stream} of tenant {} has no event {seq}",
                    ctx.tenant
                )))
            })
            .collect()
    }

    /// How many events a stream has, which is the number of the next; 0 when there is no such stream.
    pub async fn stream_len(&self, ctx: &OpContext, stream: &str) -> Result<u64, Error> {
        stream_fits(stream, || "stream".into())?;
        let from = layout::event(&ctx.tenant, stream, 0);
        let to = layout::event(&ctx.tenant, stream, u64::MAX);
        match self.inner.view.range(&from, &to, true, 1)?.first() {
            Some((key, _)) => Ok(number(&key[key.len() - 8..])? + 1),
            None => Ok(0),
        }
    }

    /// Commits a transaction; `Ok` means durable. Answers its version, which all rows put by it carry.
    ///
    /// Waits for its turn when many commit. A caller that stops waiting, at its deadline or otherwise, does
    /// not take the transaction back. The head of [`Error`]'s module says what each error means.
    pub async fn commit(&self, ctx: &OpContext, tx: Tx) -> Result<u64, Error> {
        let tx = tx.settled();
        tx.validate()?;
        self.inner
            .committer
            .submit(Work::Commit(ctx.tenant.clone(), tx))
            .await
    }

    /// Waits until the store has failed: damage was found, or a write did not reach the disk. From then on
    /// every call is refused, and the process has to end; opening again shows what is durable.
    pub async fn failure(&self) -> Error {
        self.inner.view.failure().await
    }

    /// Makes the caller the owner of a partition: answers the new epoch, and every transaction that
    /// carries an older one is `Fenced` from now on. Partitions cut across tenants, so the context must
    /// be the platform's.
    pub async fn raise_fence(&self, ctx: &OpContext, partition: u32) -> Result<u64, Error> {
        if !ctx.tenant.is_platform() {
            return Err(Error::invalid(
                "ctx.tenant",
                "the platform, since partitions cut across tenants",
            ));
        }
        self.inner.committer.submit(Work::RaiseFence(partition)).await
    }
}
