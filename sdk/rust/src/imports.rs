//! The host's side as the plugin sees it: the generated imports.

pub(crate) use crate::bindings::host::cx::{
    call::calls,
    chat::{chats, messages},
    host::{clock, config, key_value, log},
    knowledge::entries,
    profile::customers,
    scoring::{outcomes, scores},
};
pub(crate) use crate::bindings::routing_strategy::cx::routing_strategy::details;
