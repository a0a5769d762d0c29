//! Pages of several scans that are read as one.

use jackfield_store::{Error as StoreError, Scan, Space, Store};
use jackfield_types::OpContext;

/// Scans whose rows are told in one order: that of their places, which is what follows each scan's prefix.
pub(crate) struct Lanes {
    pub(crate) space: Space,
    pub(crate) prefixes: Vec<String>,
    /// Or backward.
    pub(crate) forward: bool,
}

/// A row of them.
pub(crate) struct Placed {
    pub(crate) place: String,
    /// Which of the prefixes it has.
    pub(crate) lane: usize,
    pub(crate) value: Vec<u8>,
}

/// Whether and where a list goes on after a page.
pub(crate) struct Rest {
    last: Option<String>,
    more: bool,
}

impl Lanes {
    /// At most `limit` rows after the place `cursor`.
    pub(crate) async fn page(
        &self,
        store: &Store,
        ctx: &OpContext,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Placed>, Rest), StoreError> {
        let (mut rows, mut more) = (Vec::new(), false);
        for (lane, prefix) in self.prefixes.iter().enumerate() {
            let after = cursor.map(|cursor| format!("{prefix}{cursor}").into_bytes());
            let scan = Scan::prefix(prefix.as_str()).after(after).limit(limit);
            let scan = if self.forward { scan } else { scan.reverse() };
            let page = store.scan(ctx, self.space, scan).await?;
            more |= page.next.is_some();
            rows.extend(page.rows.into_iter().map(|row| Placed {
                place: String::from_utf8_lossy(&row.key[prefix.len()..]).into_owned(),
                lane,
                value: row.value,
            }));
        }
        rows.sort_by(|one, other| {
            let order = one.place.cmp(&other.place);
            if self.forward { order } else { order.reverse() }
        });
        more |= rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|row| row.place.clone());
        Ok((rows, Rest { last, more }))
    }
}

impl Rest {
    /// Where the list goes on when it ends with the row at this place.
    pub(crate) fn after(&self, place: String) -> Option<String> {
        (self.more || Some(&place) != self.last.as_ref()).then_some(place)
    }

    /// Where it goes on after all rows of the page.
    pub(crate) fn cursor(self) -> Option<String> {
        self.last.filter(|_| self.more)
    }
}
