//! The host's side as the plugin sees it: the generated imports.

pub(crate) use crate::bindings::host::cx::{
    call::calls,
    chat::messages,
    host::{clock, config, key_value, log},
    profile::customers,
    scoring::scores,
};
pub(crate) use crate::bindings::routing_strategy::cx::routing_strategy::details;
