//! Segments: which customers are meant, as an expression over tags, attributes, what is known of them and what happened.
//!
//! Whether a customer is in a segment is worked out when it is asked for, so it is never stale. Nobody goes over all customers
//! in one request: lists are pages, and a count goes on where it stood ([`count`]).

mod count;
mod expression;
mod matches;
mod record;

pub use count::{SegmentCount, SegmentPage};
pub use expression::Expression;
pub use record::{Segment, SegmentDraft};

pub(crate) use record::Segments;
