//! Lists come in pages.

use jackfield_runtime::Listing;
use jackfield_types::limits::MAX_HTTP_PAGE;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::Problem;

/// Items of a page when the client doesn't say.
const USUAL: usize = 50;

/// Bytes of a cursor; a longer one is none of ours.
const MAX_CURSOR_BYTES: usize = 256;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins, to be sent as `cursor`; null at the end.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 when left out.
    pub(crate) limit: Option<usize>,
}

impl Paging {
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        checked(self.limit, self.cursor.as_deref())
    }

    /// The page of a sorted list that this asks for; `key` gives an item's place in the order, which is its cursor.
    pub(crate) fn cut<I, T>(
        &self,
        items: impl Iterator<Item = I>,
        key: impl Fn(&I) -> String,
        mut view: impl FnMut(I) -> T,
    ) -> Result<Page<T>, Problem> {
        let limit = self.limit()?;
        let after = self.cursor.as_deref();
        let mut rest = items
            .filter(|item| after.is_none_or(|after| key(item).as_str() > after))
            .peekable();
        let (mut items, mut last) = (Vec::new(), None);
        while let Some(item) = rest.next_if(|_| items.len() < limit) {
            last = Some(key(&item));
            items.push(view(item));
        }
        let next = if rest.peek().is_some() { last } else { None };
        Ok(Page { items, next })
    }
}

pub(crate) fn checked(limit: Option<usize>, cursor: Option<&str>) -> Result<usize, Problem> {
    if cursor.is_some_and(|cursor| cursor.is_empty() || cursor.len() > MAX_CURSOR_BYTES) {
        return Err(Problem::invalid(
            "cursor",
            "cursor: expected the `next` of the page before",
        ));
    }
    let limit = limit.unwrap_or(USUAL);
    if (1..=MAX_HTTP_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::invalid(
        "limit",
        format!("limit: {limit} is out of range: expected 1 to {MAX_HTTP_PAGE}"),
    ))
}

impl<T, U: From<T>> From<Listing<T>> for Page<U> {
    fn from(page: Listing<T>) -> Self {
        Self {
            items: page.items.into_iter().map(U::from).collect(),
            next: page.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(cursor: Option<&str>, limit: usize) -> (String, Option<String>) {
        let paging = Paging {
            cursor: cursor.map(Into::into),
            limit: Some(limit),
        };
        let page = paging
            .cut("abcde".chars(), ToString::to_string, |item| item)
            .unwrap();
        (page.items.into_iter().collect(), page.next)
    }

    #[test]
    fn pages_join_without_gap_or_double() {
        assert_eq!(cut(None, 2), ("ab".into(), Some("b".into())));
        assert_eq!(cut(Some("b"), 2), ("cd".into(), Some("d".into())));
        assert_eq!(cut(Some("d"), 2), ("e".into(), None));
        assert_eq!(cut(None, 5), ("abcde".into(), None));
        assert!(
            Paging {
                cursor: None,
                limit: Some(0)
            }
            .limit()
            .is_err()
        );
        assert!(
            Paging {
                cursor: None,
                limit: Some(201)
            }
            .limit()
            .is_err()
        );
    }
}
