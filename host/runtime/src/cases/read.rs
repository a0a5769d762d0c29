//! Cases as read: one by id or number, and lists of them.

use jackfield_contact::case::CaseStatus;
use jackfield_store::{Error as StoreError, Scan, Tx};
use jackfield_types::{CaseId, CaseOwner, CaseRef, CategoryId, CustomerId, OpContext, Timestamp};

use super::case::{Case, due_key};
use super::{CASE_DUE, CASE_INDEX, CASES};
use crate::customers::CustomerError;
use crate::history::Listing;
use crate::merged::{Lanes, Placed};
use crate::tenant::Tenant;

/// Rows looked at for one page of a list; a page may be short, and its cursor goes on.
const MAX_LOOKED_AT: usize = 2_000;

/// Which cases are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFilter {
    /// Only those that stand so.
    pub status: Option<CaseStatus>,
    /// Only those that this one sees to; without a status, those that are open or waiting.
    pub owner: Option<CaseOwner>,
    /// Only those of this category; without a status, those that are open or waiting.
    pub category: Option<CategoryId>,
    /// Only those of this customer, by id or address, and of those that were merged into it.
    pub customer: Option<CustomerId>,
    /// Only those that are open or waiting and promised for before then, the earliest promise first.
    pub due_before: Option<Timestamp>,
}

impl CaseFilter {
    fn fits(&self, case: &Case) -> bool {
        self.status.is_none_or(|status| case.status == status)
            && self.owner.as_ref().is_none_or(|owner| case.owner == *owner)
            && self
                .category
                .as_ref()
                .is_none_or(|category| case.category == *category)
    }
}

impl Tenant {
    /// One case.
    ///
    /// # Errors
    /// `Unknown` when there is none, or its customer is erased.
    pub async fn case(&self, ctx: &OpContext, case: &CaseRef) -> Result<Case, CustomerError> {
        let unknown = || CustomerError::unknown("case", case);
        let id = match case {
            CaseRef::Id(id) => *id,
            CaseRef::Number(number) => {
                let key = format!("number {number:020}");
                let row = self.store().get(ctx, CASE_INDEX, key.as_bytes()).await?;
                let id = row.and_then(|row| std::str::from_utf8(&row.value).ok()?.parse().ok());
                id.ok_or_else(unknown)?
            }
        };
        self.read_case(ctx, id).await?.ok_or_else(unknown)
    }

    async fn read_case(&self, ctx: &OpContext, id: CaseId) -> Result<Option<Case>, CustomerError> {
        let key = id.to_string();
        let Some(row) = self.store().get(ctx, CASES, key.as_bytes()).await? else {
            return Ok(None);
        };
        let mut opener = self.opener(ctx);
        let case: Case = opener.open(&row.value).await?;
        Ok(opener.knows(&case.customer).await?.then_some(case))
    }

    /// Cases, the newest first, or by their promises.
    ///
    /// # Errors
    /// `Unknown` when there is no such customer.
    pub async fn cases(
        &self,
        ctx: &OpContext,
        filter: &CaseFilter,
        mut cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<Case>, CustomerError> {
        let lanes = self.lanes(ctx, filter).await?;
        let mut opener = self.opener(ctx);
        let (mut items, mut looked_at) = (Vec::new(), 0);
        loop {
            let (rows, rest) = lanes.page(self.store(), ctx, cursor.as_deref(), limit).await?;
            for Placed { place, .. } in rows {
                looked_at += 1;
                let (at, id) = place.split_once(' ').unwrap_or(("0", &place));
                if filter
                    .due_before
                    .is_some_and(|before| at.parse().is_ok_and(|at: u64| at >= before.0))
                {
                    return Ok(Listing { items, next: None });
                }
                let row = self.store().get(ctx, CASES, id.as_bytes()).await?;
                let Some(row) = row else { continue };
                let case: Case = opener.open(&row.value).await?;
                if !filter.fits(&case) || !opener.knows(&case.customer).await? {
                    continue;
                }
                items.push(case);
                if items.len() == limit {
                    let next = rest.after(place);
                    return Ok(Listing { items, next });
                }
            }
            cursor = rest.cursor();
            if cursor.is_none() || looked_at >= MAX_LOOKED_AT {
                return Ok(Listing { items, next: cursor });
            }
        }
    }

    /// Where there are fewest to be looked at: rows that begin so, with the case's id at their end.
    async fn lanes(&self, ctx: &OpContext, filter: &CaseFilter) -> Result<Lanes, CustomerError> {
        let settled = filter.status.is_some_and(CaseStatus::is_settled);
        let prefixes = match filter {
            CaseFilter {
                due_before: Some(_), ..
            } => {
                return Ok(Lanes {
                    space: CASE_INDEX,
                    prefixes: vec!["promise ".into()],
                    forward: true,
                });
            }
            CaseFilter {
                customer: Some(customer),
                ..
            } => {
                let group = self.known_group(ctx, customer).await?;
                let ids = group.iter().map(|record| format!("customer {} ", record.head.id));
                ids.collect()
            }
            CaseFilter {
                owner: Some(owner), ..
            } if !settled => vec![format!("owner {owner} ")],
            CaseFilter {
                category: Some(category),
                ..
            } if !settled => vec![format!("category {category} ")],
            CaseFilter {
                status: Some(status), ..
            } => vec![format!("status {} ", status.as_str())],
            _ => {
                return Ok(Lanes {
                    space: CASES,
                    prefixes: vec![String::new()],
                    forward: false,
                });
            }
        };
        Ok(Lanes {
            space: CASE_INDEX,
            prefixes,
            forward: false,
        })
    }

    /// Removes the cases of a customer who is erased; how many.
    pub(crate) async fn forget_cases(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<u64, StoreError> {
        let prefix = format!("customer {customer} ");
        let mut removed = 0;
        loop {
            let page = self
                .store()
                .scan(ctx, CASE_INDEX, Scan::prefix(prefix.as_str()).limit(20))
                .await?;
            if page.rows.is_empty() {
                return Ok(removed);
            }
            let mut tx = Tx::new();
            for row in page.rows {
                tx = tx.delete(CASE_INDEX, row.key);
                let Some(found) = self.store().get(ctx, CASES, &row.value).await? else {
                    continue;
                };
                // What leads to it is in the part of the row that is not sealed.
                let case: Case = self.opener(ctx).open(&found.value).await?;
                tx = tx.delete(CASES, row.value);
                for key in case.index().into_iter().filter(|key| !key.starts_with(&prefix)) {
                    tx = tx.delete(CASE_INDEX, key);
                }
                tx.deletes
                    .extend(case.due.map(|at| (CASE_DUE, due_key(at, case.id).into_bytes())));
                removed += 1;
            }
            self.store().commit(ctx, tx).await?;
        }
    }
}
