//! A file per resource: its HTTP types and its handlers. A handler's arguments come in one order: who calls, where,
//! what; so a caller who may not is refused before anything is read.

pub mod agent;
pub mod attempt;
pub mod attribute;
pub mod binding;
pub mod campaign;
pub mod ceilings;
pub mod chat_entry;
pub mod customer;
pub mod customer_import;
pub mod customer_match;
pub mod customer_parts;
pub mod customer_privacy;
pub mod customer_story;
pub mod decision;
pub(crate) mod docs;
pub mod event;
pub(crate) mod health;
pub mod interaction;
pub mod key;
pub(crate) mod manual;
pub mod message;
pub mod number;
pub mod outbound;
pub mod page;
pub mod plugin;
pub mod queue;
pub(crate) mod recording;
pub mod response;
pub mod rollout;
pub mod tenant;
pub mod trust;
pub mod usage;
pub mod user;
pub mod visit;
