//! Going over all customers for a segment, a bounded part at a time: lists of who is in it, and its count, which is kept with
//! where it stands, so that whoever asks next goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CustomerId, OpContext, SegmentId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::Expression;
use super::record::{SEGMENTS, Segment};
use crate::clock;
use crate::customers::{CUSTOMERS, CustomerError, CustomerRow, Record, json};
use crate::history::decode;
use crate::tenant::Tenant;

pub(super) const COUNTS: Space = Space::new("segment-counts");
/// Rows read at once.
const PAGE: usize = 500;
/// Customers after which others get their turn.
const YIELD_EVERY: u64 = 16;
/// How long one request goes on at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many customers are in a segment, as far as it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentCount {
    /// The segment.
    pub segment: SegmentId,
    /// When counting began.
    pub started_at: Timestamp,
    /// When it last went on.
    pub moved_at: Timestamp,
    /// Whether all customers were looked at.
    pub done: bool,
    /// Customers that were looked at; those that were merged into others count with them.
    pub looked_at: u64,
    /// Of them, those that are in the segment.
    pub matched: u64,
    #[serde(default)]
    after: Option<CustomerId>,
}

/// Customers who are meant by an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentPage {
    /// The customers, by id.
    pub items: Vec<CustomerRow>,
    /// How many were looked at for it.
    pub looked_at: u64,
    /// How many of them are meant, those that have no place among the items included.
    pub matched: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// What one pass saw.
#[derive(Default)]
struct Pass {
    looked_at: u64,
    matched: u64,
    items: Vec<CustomerRow>,
    /// The last row that was looked at; `None`: there was none.
    last: Option<Vec<u8>>,
    /// Whether none follows.
    done: bool,
}

impl Tenant {
    /// Looks at customers after one, until enough were, enough are meant, or it takes too long.
    async fn pass(
        &self,
        ctx: &OpContext,
        expression: &Expression,
        after: Option<Vec<u8>>,
        most: usize,
        items: usize,
        stop_when_full: bool,
    ) -> Result<Pass, CustomerError> {
        let (began, now) = (Instant::now(), clock::now());
        let mut pass = Pass {
            last: after,
            ..Pass::default()
        };
        // Looking through customers is work for a processor, so a tenant does it a few times at once and lets others between.
        let _turn = self.inner.customers.looking.acquire().await;
        let mut rows = 0;
        loop {
            let limit = PAGE.min(most - rows);
            let scan = Scan::all().after(pass.last.clone()).limit(limit);
            let page = self.store().scan(ctx, CUSTOMERS, scan).await?;
            pass.done = page.next.is_none();
            let count = page.rows.len();
            for (n, row) in page.rows.into_iter().enumerate() {
                rows += 1;
                let record = Record::decode(&self.inner.customers.keys, &row.value)?;
                pass.last = Some(row.key);
                if record.head.merged_into.is_some() {
                    continue;
                }
                let group = match record.head.merged.is_empty() {
                    true => vec![record],
                    false => self.group(ctx, &record.head.id).await?,
                };
                let Some(found) = self.shown(group.clone()) else {
                    continue;
                };
                pass.looked_at += 1;
                if pass.looked_at.is_multiple_of(YIELD_EVERY) {
                    tokio::task::yield_now().await;
                }
                if !self.is_meant(ctx, expression, &group, &found, now).await? {
                    continue;
                }
                pass.matched += 1;
                if pass.items.len() < items {
                    pass.items.push(found);
                }
                if stop_when_full && pass.items.len() >= items {
                    pass.done &= n + 1 == count;
                    return Ok(pass);
                }
            }
            if pass.done || rows >= most || began.elapsed() > PATIENCE {
                return Ok(pass);
            }
        }
    }

    /// A page of those who are meant; it may be short and go on. `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn matching(
        &self,
        ctx: &OpContext,
        expression: &Expression,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<SegmentPage, CustomerError> {
        let after = cursor.map(String::into_bytes);
        let most = limits::MAX_SEGMENT_LOOKED_AT;
        let pass = self.pass(ctx, expression, after, most, limit, true).await?;
        Ok(pass.into())
    }

    /// What an expression would mean: of the first customers how many, and some of them.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn preview(
        &self,
        ctx: &OpContext,
        expression: &Expression,
        limit: usize,
    ) -> Result<SegmentPage, CustomerError> {
        let most = limits::MAX_SEGMENT_LOOKED_AT;
        let pass = self.pass(ctx, expression, None, most, limit, false).await?;
        Ok(pass.into())
    }

    /// How far a segment was counted.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is no such segment, or it was never counted.
    pub async fn segment_count(
        &self,
        ctx: &OpContext,
        id: &SegmentId,
    ) -> Result<SegmentCount, CustomerError> {
        self.segment(id)?;
        let row = self.store().get(ctx, COUNTS, id.as_str().as_bytes()).await?;
        let row = row.ok_or_else(|| CustomerError::unknown("count", id))?;
        Ok(decode(&row.value)?)
    }

    /// Counts a segment, or goes on counting: a bounded number of customers, so ask again until it is done. One that is done
    /// begins anew.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is no such segment; [`CustomerError::Conflict`] when somebody else counts it at
    /// the same time.
    pub async fn count_segment(
        &self,
        ctx: &OpContext,
        id: &SegmentId,
    ) -> Result<SegmentCount, CustomerError> {
        let defined = self.store().get(ctx, SEGMENTS, id.as_str().as_bytes()).await?;
        let defined = defined
            .ok_or_else(|| CustomerError::unknown("segment", id))?
            .version;
        let segment: Arc<Segment> = self.segment(id)?;
        let row = self.store().get(ctx, COUNTS, id.as_str().as_bytes()).await?;
        let before: Option<SegmentCount> = row.as_ref().map(|row| decode(&row.value)).transpose()?;
        let now = clock::now();
        let mut count = before.filter(|count| !count.done).unwrap_or(SegmentCount {
            segment: id.clone(),
            started_at: now,
            moved_at: now,
            done: false,
            looked_at: 0,
            matched: 0,
            after: None,
        });
        let after = count.after.as_ref().map(|id| id.as_str().as_bytes().to_vec());
        let most = limits::MAX_SEGMENT_COUNTED;
        let pass = self.pass(ctx, segment.meant()?, after, most, 0, false).await?;
        count.looked_at += pass.looked_at;
        count.matched += pass.matched;
        count.done = pass.done;
        count.moved_at = clock::now();
        let last = pass.last.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        count.after = last.and_then(|id| CustomerId::new(id).ok());
        let tx = match row {
            Some(row) => Tx::new().check(COUNTS, id.as_str(), row.version),
            None => Tx::new().check_absent(COUNTS, id.as_str()),
        };
        let tx = tx.check(SEGMENTS, id.as_str(), defined);
        match self
            .store()
            .commit(ctx, tx.put(COUNTS, id.as_str(), json(&count)?))
            .await
        {
            Ok(_) => Ok(count),
            Err(jackfield_store::Error::Conflict { .. }) => Err(CustomerError::Conflict(
                "somebody else counts the segment, or changed it; ask again how far it is".into(),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// The segments that a customer is in.
    ///
    /// # Errors
    /// When there is no such customer, or the store refuses.
    pub async fn segments_of(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Vec<Arc<Segment>>, CustomerError> {
        let id = self.known(ctx, customer).await?;
        let all = self.segments().into_iter();
        Ok(self.segments_among(ctx, all, &id, clock::now()).await?)
    }
}

impl From<Pass> for SegmentPage {
    fn from(pass: Pass) -> Self {
        let next = pass.last.filter(|_| !pass.done);
        Self {
            items: pass.items,
            looked_at: pass.looked_at,
            matched: pass.matched,
            next: next.map(|key| String::from_utf8_lossy(&key).into_owned()),
        }
    }
}
