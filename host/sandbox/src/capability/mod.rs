//! What a plugin may ask of the host, one module per interface of `wit/`. Refusals are returned, never trapped.

mod calls;
mod clock;
mod config;
mod customers;
mod details;
mod key_value;
mod log;
mod messages;
mod scores;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use jackfield_types::PluginKind;
use wasmtime::component::{HasSelf, Linker};

use crate::{
    bindings::cx::{self, types::types::Error},
    lower::refuse,
    state::State,
};

/// Links exactly what the world of a kind imports, and nothing else: no WASI, no other capability.
pub(crate) fn link(kind: PluginKind, linker: &mut Linker<State>) -> wasmtime::Result<()> {
    cx::host::config::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    cx::host::clock::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    cx::host::log::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    cx::host::key_value::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    if kind == PluginKind::RoutingStrategy {
        return cx::routing_strategy::details::add_to_linker::<_, HasSelf<State>>(linker, |state| state);
    }
    cx::profile::customers::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    if kind == PluginKind::OutboundRule {
        return Ok(());
    }
    cx::scoring::scores::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    if kind == PluginKind::VoiceFlow {
        cx::call::calls::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
    } else {
        cx::chat::messages::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
    }
}

/// A `limit` that the plugin gave.
fn checked_limit(limit: u32, range: RangeInclusive<u32>) -> Result<usize, Error> {
    if range.contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(refuse(
            "bad-limit",
            format!("limit {limit}: expected {} to {}", range.start(), range.end()),
        ))
    }
}
