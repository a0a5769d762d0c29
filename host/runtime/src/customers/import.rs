//! Customers in bulk: tables (CSV) and lines of JSON, in parts, each row once.
//!
//! A part is read and made ready here, row by row, and handed to the loop a batch at a time; while the loop writes one, the next
//! is made ready. The number of rows that are done stands in the
//! import's own row and is written with each batch's customers, so that a stop in between neither loses nor repeats one:
//! whoever sends asks where to go on. What is wrong with a row is kept beside it, and the others go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::event::CustomerChange;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{AgentId, AttributeId, CustomerId, ImportId, OpContext, Timestamp, limits};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::import_ready::{Ready, ready};
use super::import_rows::{Parsed, rows_of};
use super::ledger::Ledger;
use super::profile::{Personal, ProfilePatch};
use super::row::{Record, no_chance};
use super::state::{CustomerState, json};
use super::work::{Done, Work, too_large};
use super::{Address, CustomerError};
use crate::clock;
use crate::history::{Listing, decode};
use crate::tenant::Tenant;

const IMPORTS: Space = Space::new("customer-imports");
/// What is wrong with rows: key `{import} {row}`, sealed under the tenant's key, since it may quote the row.
const ERRORS: Space = Space::new("customer-import-errors");
/// Operations after which a batch is committed.
const MAX_OPS: usize = 850;
/// Bytes of customers after which a batch is committed.
const MAX_BYTES: usize = 512 * 1024;
/// What errors are bound to.
const SEALED: &str = "import-error";

/// How an import is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// A table whose first row names the columns.
    Csv,
    /// A JSON object to a line.
    Ndjson,
}

/// How to read an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSettings {
    /// How it is written.
    pub format: ImportFormat,
    /// In which letters: `utf-8`, `gbk`, `gb18030` or `big5`.
    pub encoding: String,
    /// Of a table: what columns mean, by their names: an address's scheme (`tel`, `email`…), `name`, `language`,
    /// `account-manager`, `since`, an attribute's id, or `-` for one that is left out. A column that is not here has the
    /// meaning that its name has.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Only to say what would come of it. Addresses that come again in another batch count as made again.
    #[serde(default)]
    pub dry_run: bool,
}

/// An import, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// Its id.
    pub id: ImportId,
    /// How to read it.
    #[serde(flatten)]
    pub settings: ImportSettings,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Of a table: the columns, once the first row was read.
    #[serde(default)]
    pub header: Option<Vec<String>>,
    /// Rows that are done; the next part begins with the row after them. The row of names does not count.
    pub rows: u64,
    /// Customers that were made.
    pub made: u64,
    /// Customers that were known and were changed.
    pub changed: u64,
    /// Rows that were refused.
    pub failed: u64,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFailure {
    /// Which, from 1; the row of names does not count.
    pub row: u64,
    /// The column or field, when it is one.
    pub field: Option<String>,
    /// What was found, and what was expected.
    pub problem: String,
}

/// A batch on its way to the loop.
pub(crate) struct ImportBatch {
    pub(crate) import: ImportId,
    /// The number of the first row, from 0.
    pub(crate) from: u64,
    pub(crate) header: Option<Vec<String>>,
    pub(crate) rows: Arc<[Ready]>,
    /// Of these, the first that are not done yet.
    pub(crate) at: usize,
}

enum Came {
    Made,
    Changed,
}

impl ImportBatch {
    /// In the loop: as many rows as fit into one commit.
    pub(crate) async fn carry_out(
        self,
        ledger: &mut Ledger<'_>,
        state: &CustomerState,
        now: Timestamp,
        by: &Arc<str>,
    ) -> Result<ImportRecord, CustomerError> {
        let key = self.import.as_str();
        let row = ledger.store.get(ledger.ctx, IMPORTS, key.as_bytes()).await?;
        let row = row.ok_or_else(|| CustomerError::unknown("import", &self.import))?;
        let mut record: ImportRecord = decode(&row.value)?;
        if record.rows != self.from {
            return Err(out_of_step(record.rows));
        }
        record.header = record.header.or(self.header);
        let mut trial = Ledger::new(ledger.store, ledger.ctx, ledger.keys);
        let (mut made, mut changed, mut bytes, mut first) = (0, 0, 0, None);
        for ready in self.rows.iter().skip(self.at) {
            let target = if record.settings.dry_run {
                &mut trial
            } else {
                &mut *ledger
            };
            let came = keep(target, state, now, ready).await;
            record.rows += 1;
            match came {
                Ok((came, id, size)) => {
                    bytes += size;
                    first.get_or_insert(id);
                    match came {
                        Came::Made => made += 1,
                        Came::Changed => changed += 1,
                    }
                }
                Err(CustomerError::Submit(error)) => return Err(error.into()),
                Err(error) => {
                    record.failed += 1;
                    if record.failed <= limits::MAX_IMPORT_ERRORS {
                        let failure = failure(record.rows, error);
                        let sealed = ledger
                            .keys
                            .seal(SEALED, &json(&failure)?)
                            .map_err(|_| no_chance())?;
                        let key = format!("{} {:012}", self.import, record.rows);
                        ledger.beside.write(ERRORS, key, sealed);
                    }
                }
            }
            if ledger.ops() > MAX_OPS || bytes > MAX_BYTES {
                break;
            }
        }
        record.made += made;
        record.changed += changed;
        if let Some(first) = first.filter(|_| !record.settings.dry_run) {
            let change = CustomerChange::Imported {
                import: key.into(),
                made,
                changed,
            };
            ledger.journal(&first, change, by);
        }
        ledger.beside.write(IMPORTS, key, json(&record)?);
        Ok(record)
    }
}

/// Keeps one row: changes whoever has one of its addresses, or makes a customer. Answers how many bytes that one has.
async fn keep(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    ready: &Ready,
) -> Result<(Came, CustomerId, usize), CustomerError> {
    if let Some(new) = &ready.new
        && ledger.put_sealed(new).await?
    {
        return Ok((Came::Made, new.id.clone(), new.row.len() + 256));
    }
    let mut row = ready.row.clone()?;
    row.accept(state)?;
    let (mut owner, mut new) = (None, Vec::new());
    for address in std::mem::take(&mut row.identities) {
        match ledger.owner(&address).await? {
            None if new.contains(&address) => {}
            None => new.push(address),
            Some(found) => {
                let root = ledger.root(&found).await?;
                match (&owner, root) {
                    (None, root) => owner = root,
                    (Some(one), Some(other)) if *one != other => {
                        return Err(CustomerError::Conflict(format!(
                            "its addresses belong to different customers, {one} and {other}: merge them first"
                        )));
                    }
                    _ => {}
                }
            }
        }
    }
    let (came, mut draft) = match &owner {
        Some(id) => match ledger.record(id).await?.cloned() {
            Some(known) => (Came::Changed, known),
            None => return Err(CustomerError::unknown("customer", id)),
        },
        None if new.is_empty() => {
            return Err(CustomerError::invalid(
                "identities",
                "expected an address at least",
            ));
        }
        None => {
            let id = CustomerId::from_uuid(uuid::Uuid::now_v7());
            (
                Came::Made,
                Record::new(ledger.keys, id, now).map_err(|_| no_chance())?,
            )
        }
    };
    let before = draft.personal.name.clone();
    draft.personal.identities.extend(new.iter().cloned());
    if draft.personal.identities.len() > limits::MAX_IDENTITIES {
        return Err(CustomerError::TooMany {
            what: "identities of a customer",
            most: limits::MAX_IDENTITIES,
        });
    }
    row.describe(&mut draft.personal)?;
    let size = draft.size();
    if size > limits::MAX_PROFILE_BYTES {
        return Err(too_large());
    }
    let id = draft.head.id.clone();
    for address in &new {
        ledger.hand(address, Some(&id));
    }
    ledger.named(
        &id,
        before.as_deref().filter(|_| owner.is_some()),
        draft.personal.name.as_deref(),
    );
    match owner {
        Some(id) => {
            if let Some(record) = ledger.change(&id).await? {
                record.personal = draft.personal;
            }
        }
        None => ledger.put(draft),
    }
    Ok((came, id, size + 512))
}

fn failure(row: u64, error: CustomerError) -> ImportFailure {
    match error {
        CustomerError::Invalid { field, problem } => ImportFailure {
            row,
            field: Some(field),
            problem,
        },
        error => ImportFailure {
            row,
            field: None,
            problem: error.to_string(),
        },
    }
}

fn out_of_step(rows: u64) -> CustomerError {
    CustomerError::Conflict(format!(
        "{rows} rows are done: send the part that begins with the row after them"
    ))
}

/// One row as read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ImportRow {
    pub(crate) identities: Vec<Address>,
    pub(crate) patch: ProfilePatch,
    pub(crate) account_manager: Option<AgentId>,
    pub(crate) since: Option<Arc<str>>,
}

impl ImportRow {
    /// That what it says of a customer can be said.
    pub(super) fn accept(&mut self, state: &CustomerState) -> Result<(), CustomerError> {
        self.patch.check()?;
        self.patch.attributes = state.accept(std::mem::take(&mut self.patch.attributes))?;
        Ok(())
    }

    /// Says it, all but the addresses.
    pub(super) fn describe(mut self, personal: &mut Personal) -> Result<(), CustomerError> {
        if self.account_manager.is_some() || self.since.is_some() {
            let mut relationship = personal.relationship.clone();
            relationship.account_manager = self.account_manager.or(relationship.account_manager);
            relationship.since = self.since.or(relationship.since);
            self.patch.relationship = Some(relationship);
            self.patch.check()?;
        }
        self.patch.apply(personal);
        Ok(())
    }
}

impl Tenant {
    /// Begins an import.
    ///
    /// # Errors
    /// When there is one of that id, or the encoding or a column is none.
    pub async fn begin_import(
        &self,
        ctx: &OpContext,
        id: ImportId,
        settings: ImportSettings,
    ) -> Result<ImportRecord, CustomerError> {
        super::import_rows::check(&settings)?;
        if self.imports(ctx).await?.len() >= limits::MAX_IMPORTS {
            return Err(CustomerError::TooMany {
                what: "imports",
                most: limits::MAX_IMPORTS,
            });
        }
        let record = ImportRecord {
            id: id.clone(),
            settings,
            created_at: clock::now(),
            header: None,
            rows: 0,
            made: 0,
            changed: 0,
            failed: 0,
        };
        let tx = Tx::new()
            .check_absent(IMPORTS, id.as_str())
            .put(IMPORTS, id.as_str(), json(&record)?);
        match self.store().commit(ctx, tx).await {
            Ok(_) => Ok(record),
            Err(jackfield_store::Error::Conflict { .. }) => Err(CustomerError::Conflict(format!(
                "there is an import {id} already; go on with it, or choose another id"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// All imports, by id.
    pub async fn imports(&self, ctx: &OpContext) -> Result<Vec<ImportRecord>, CustomerError> {
        let scan = Scan::all().limit(limits::MAX_IMPORTS);
        let page = self.store().scan(ctx, IMPORTS, scan).await?;
        Ok(page
            .rows
            .iter()
            .map(|row| decode(&row.value))
            .collect::<Result<_, _>>()?)
    }

    /// One import, and how far it is.
    pub async fn import(&self, ctx: &OpContext, id: &ImportId) -> Result<ImportRecord, CustomerError> {
        let row = self.store().get(ctx, IMPORTS, id.as_str().as_bytes()).await?;
        let row = row.ok_or_else(|| CustomerError::unknown("import", id))?;
        Ok(decode(&row.value)?)
    }

    /// Takes a part of an import, whole rows of it, that begins with this row (from 0; the row of names does not count, and
    /// stands in the first part alone). Every row is done once, whatever comes between: after an error, [`Tenant::import`]
    /// says with which row to go on.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] when the part does not begin where the one before ended.
    pub async fn import_part(
        &self,
        ctx: &OpContext,
        id: &ImportId,
        row: u64,
        part: Vec<u8>,
    ) -> Result<ImportRecord, CustomerError> {
        let mut record = self.import(ctx, id).await?;
        if record.rows != row {
            return Err(out_of_step(record.rows));
        }
        let (tenant, before) = (self.clone(), record.clone());
        let read =
            tokio::task::spawn_blocking(move || rows_of(&before, &part, &tenant.inner.customers)).await;
        let (header, rows) = read
            .map_err(|error| crate::SubmitError::Unavailable(format!("the part was not read: {error}")))??;
        // Of a table with no row yet, the names are kept.
        if rows.is_empty() && record.header.is_none() && header.is_some() {
            record = self
                .import_batch(ctx, &record, &header, Arc::default(), 0)
                .await?;
        }
        let all = record.rows + rows.len() as u64;
        let mut batches = self.make_ready(rows);
        while let Some(rows) = batches.recv().await {
            let rows: Arc<[Ready]> = rows.into();
            let mut at = 0;
            while at < rows.len() {
                let from = record.rows;
                record = self.import_batch(ctx, &record, &header, rows.clone(), at).await?;
                at += (record.rows - from) as usize;
            }
        }
        if record.rows < all {
            let rows = record.rows;
            return Err(crate::SubmitError::Unavailable(format!(
                "the part was taken up to row {rows} alone"
            ))
            .into());
        }
        Ok(record)
    }

    /// Makes rows ready on another thread, a batch ahead of whoever takes them.
    fn make_ready(&self, rows: Vec<Parsed>) -> mpsc::Receiver<Vec<Ready>> {
        let (ahead, batches) = mpsc::channel(1);
        let (tenant, now) = (self.clone(), clock::now());
        tokio::task::spawn_blocking(move || {
            let mut rows = rows.into_iter().peekable();
            while rows.peek().is_some() {
                let batch = rows.by_ref().take(limits::MAX_IMPORT_BATCH);
                let batch = ready(batch, &tenant.inner.customers, now);
                if ahead.blocking_send(batch).is_err() {
                    return;
                }
            }
        });
        batches
    }

    /// Has the loop take rows of a batch from this one on.
    async fn import_batch(
        &self,
        ctx: &OpContext,
        before: &ImportRecord,
        header: &Option<Vec<String>>,
        rows: Arc<[Ready]>,
        at: usize,
    ) -> Result<ImportRecord, CustomerError> {
        let batch = ImportBatch {
            import: before.id.clone(),
            from: before.rows,
            header: header.clone(),
            rows,
            at,
        };
        match self.order(ctx, None, Work::Import(batch)).await? {
            Done::Imported(record) => Ok(*record),
            _ => Err(CustomerError::unknown("import", &before.id)),
        }
    }

    /// What is wrong with rows of an import, by row; of the first 10,000 that were refused.
    pub async fn import_failures(
        &self,
        ctx: &OpContext,
        id: &ImportId,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<ImportFailure>, CustomerError> {
        self.import(ctx, id).await?;
        let prefix = format!("{id} ");
        let after = cursor.map(|cursor| format!("{prefix}{cursor}").into_bytes());
        let scan = Scan::prefix(prefix.clone()).after(after).limit(limit);
        let page = self.store().scan(ctx, ERRORS, scan).await?;
        let mut items = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let text = self.inner.customers.keys.unseal(SEALED, &row.value);
            let text = text.map_err(|_| super::read::unreadable("an import"))?;
            items.push(decode(&text)?);
        }
        let next = page
            .next
            .map(|key| String::from_utf8_lossy(&key[prefix.len()..]).into_owned());
        Ok(Listing { items, next })
    }

    /// Forgets an import and what was wrong with it; its customers stay.
    pub async fn remove_import(&self, ctx: &OpContext, id: &ImportId) -> Result<(), CustomerError> {
        self.import(ctx, id).await?;
        loop {
            let scan = Scan::prefix(format!("{id} ")).limit(300);
            let page = self.store().scan(ctx, ERRORS, scan).await?;
            if page.rows.is_empty() {
                break;
            }
            let tx = page
                .rows
                .into_iter()
                .fold(Tx::new(), |tx, row| tx.delete(ERRORS, row.key));
            self.store().commit(ctx, tx).await?;
        }
        let tx = Tx::new().delete(IMPORTS, id.as_str());
        self.store().commit(ctx, tx).await?;
        Ok(())
    }
}

/// A line of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportLine {
    #[serde(default)]
    pub(crate) identities: Vec<String>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) language: Option<Arc<str>>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<AttributeId, super::AttributeValue>,
    pub(crate) account_manager: Option<AgentId>,
    pub(crate) since: Option<Arc<str>>,
}
