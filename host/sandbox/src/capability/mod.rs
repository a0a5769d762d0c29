//! What a plugin may ask of the host, one module per interface of `wit/`. Refusals are returned, never trapped.

mod calls;
mod chats;
mod clock;
mod config;
mod customers;
mod details;
mod key_value;
mod knowledge;
mod log;
mod messages;
pub(crate) mod outcomes;
mod scores;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod written_tests;

use std::ops::RangeInclusive;

use jackfield_contact::decision::QueueStatus;
use jackfield_types::PluginKind;
use wasmtime::component::{HasSelf, Linker};

use crate::{
    bindings::cx::{self, types::types::Error},
    fault::cut,
    lower::refuse,
    state::State,
};

impl State {
    /// How a queue of the tenant stands.
    fn queue_status(&self, id: &str) -> Result<QueueStatus, Error> {
        let status = self.told(self.env.reads.queue_status(id))?;
        status.ok_or_else(|| refuse("unknown-queue", format!("there is no queue {:?}", cut(id, 64))))
    }
}

/// Links exactly what the world of a kind imports, and no other capability.
pub(crate) fn link(kind: PluginKind, linker: &mut Linker<State>) -> wasmtime::Result<()> {
    macro_rules! link {
        ($($interface:ident)::+) => {
            cx::$($interface)::+::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?
        };
    }
    link!(host::config);
    link!(host::clock);
    link!(host::log);
    link!(host::key_value);
    match kind {
        PluginKind::VoiceFlow => {
            link!(call::calls);
            link!(profile::customers);
            link!(scoring::scores);
        }
        PluginKind::ChatFlow => {
            link!(chat::chats);
            link!(chat::messages);
            link!(profile::customers);
            link!(scoring::scores);
            link!(knowledge::entries);
        }
        PluginKind::RoutingStrategy => {
            link!(routing_strategy::details);
            link!(scoring::outcomes);
        }
        PluginKind::OutboundRule => link!(profile::customers),
        PluginKind::PacingStrategy | PluginKind::ChannelConnector => {}
        PluginKind::TagGenerator | PluginKind::QaScorecard => {
            link!(profile::customers);
            link!(scoring::scores);
            link!(chat::messages);
        }
        PluginKind::AgentAssist => {
            link!(chat::messages);
            link!(profile::customers);
            link!(scoring::scores);
            link!(knowledge::entries);
        }
    }
    Ok(())
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
