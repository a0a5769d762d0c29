//! Customers: who they are, on whatever channel, and what is known of them.
//!
//! A customer has an id of its own that says nothing, and addresses; an index leads from an address to the customer. What
//! is personal is sealed under a key of the customer's own ([`keys`]), in rows, timeline and journal, so that erasing is
//! destroying a key. An interaction belongs to the customer whose address it came by; a merge says that one customer counts
//! for another and moves nothing, so it can be taken back without loss.
//!
//! All is changed in the tenant's loop: what follows from events by [`project`](crate::project), what people want by
//! [`work`]; both change a [`ledger`], which becomes rows of the events' own transaction.

mod address;
mod ahead;
mod erase;
mod error;
mod export;
mod handle;
mod import;
mod import_ready;
mod import_rows;
mod keys;
mod ledger;
mod matches;
mod profile;
mod quotes;
mod read;
mod recent;
mod retention;
mod row;
mod sealed;
mod state;
mod timeline;
mod work;

pub use address::{Address, Region};
pub use erase::ErasedCustomer;
pub use error::CustomerError;
pub use export::CustomerExport;
pub use import::{ImportFailure, ImportFormat, ImportRecord, ImportSettings};
pub use matches::CustomerMatch;
pub use profile::{
    AttributeValue, ConsentRecord, CustomerRow, Hours, Link, Preferences, Product, ProfilePatch, Relationship,
};
pub use quotes::Quotes;
pub use state::{AttributeDefinition, AttributeKind, CustomerSettings};
pub use timeline::{Happened, TimelineEntry};
pub use work::Intent;

pub(crate) use address::number;
pub(crate) use ahead::Ahead;
pub(crate) use erase::in_touch;
pub(crate) use keys::{DataKey, Keys};
pub(crate) use ledger::{Ledger, owner_of};
pub(crate) use profile::{check_code, check_text, is_date};
pub(crate) use recent::Moment;
pub(crate) use retention::keep_retained;
pub(crate) use row::{Record, tags_end_at};
pub(crate) use sealed::{Opener, seal_event, seal_interaction, seal_message, seal_row, sealed_for};
pub(crate) use state::{CustomerState, Definitions, json};
pub(crate) use timeline::TIMELINE;
pub(crate) use work::{Done, Order, Work, carry_out, too_large, unique};

use jackfield_store::{Space, Tx};

/// Customers by id.
pub(crate) const CUSTOMERS: Space = Space::new("customers");
/// From what stands for an address to the customer that has it.
pub(crate) const IDENTITIES: Space = Space::new("customer-identities");
/// What stands for a name, then the customer; no value.
pub(crate) const NAMES: Space = Space::new("customer-names");

/// Whose rows a transaction changes.
pub(crate) fn changed_by(tx: &Tx) -> impl Iterator<Item = &[u8]> {
    let puts = tx.puts.iter().map(|(space, key, _)| (space, key));
    let deletes = tx.deletes.iter().map(|(space, key)| (space, key));
    let customers = puts.chain(deletes).filter(|(space, _)| **space == CUSTOMERS);
    customers.map(|(_, key)| key.as_slice())
}
