//! Routing strategies: which waiting work goes to which free agent, a whole queue at a time.

use serde::de::DeserializeOwned;

pub use crate::{
    Error,
    bindings::host::cx::scoring::outcomes::Measure,
    bindings::routing_strategy::cx::routing_strategy::{
        details::{Need as LevelNeed, WorkDetails},
        types::{Agent, Assignment, Plan, Snapshot, Work},
    },
    register_routing_strategy as register,
};
use crate::{
    host,
    imports::{details, outcomes as counted},
};

/// A routing strategy. The snapshot holds numbers only; names, levels and profiles are asked for by index.
pub trait RoutingStrategy {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Assigns waiting work. Asked when work arrives, an agent becomes free, an offer fails, or `look-again-at` comes.
    ///
    /// # Errors
    /// The last good version is asked, and then the built-in longest-idle rule decides.
    fn assign(config: &Self::Config, snapshot: &Snapshot) -> Result<Plan, Error>;
}

#[doc(hidden)]
pub fn run<P: RoutingStrategy>(snapshot: Snapshot) -> Result<Plan, Error> {
    P::assign(&host::config_in_words()?, &snapshot)
}

impl Default for Work {
    /// Work that asks for no skill and has not waited yet.
    fn default() -> Self {
        Self {
            needs: 0,
            waiting: 0,
            priority: 0,
            last_agent: None,
        }
    }
}

impl Default for Agent {
    /// An agent without skills who has just become free and can take one piece of work.
    fn default() -> Self {
        Self {
            skills: 0,
            idle: 0,
            load: 0,
            capacity: 1,
        }
    }
}

impl Default for Plan {
    /// Nobody is offered anything.
    fn default() -> Self {
        Self {
            assignments: Vec::new(),
            overflows: Vec::new(),
            look_again_at: None,
        }
    }
}

/// The queue's id.
pub fn queue() -> String {
    details::queue()
}

/// The queue's skill table, at most 64 skills; bit 0 is the first.
pub fn skills() -> Vec<String> {
    details::skills()
}

/// What a piece of work asks for, with levels.
///
/// # Errors
/// `out-of-range` when the snapshot has no such work.
pub fn needs(work: u32) -> Result<Vec<LevelNeed>, Error> {
    details::needs(work)
}

/// An agent's levels, 0 to 10, one for each skill of the table in its order.
///
/// # Errors
/// `out-of-range` when the snapshot has no such agent.
pub fn levels(agent: u32) -> Result<Vec<u8>, Error> {
    details::levels(agent)
}

/// The lowest level of one skill that will do for a piece of work, 1 to 10; 0 when the work does not ask for the
/// skill, or the snapshot has no such work. Much cheaper than [`needs`].
pub fn needed_level(work: u32, skill: u8) -> u8 {
    details::needed_level(work, skill)
}

/// An agent's level of one skill, 1 to 10; 0 when the agent has it not, or the snapshot has no such agent. Much cheaper
/// than [`levels`].
pub fn level(agent: u32, skill: u8) -> u8 {
    details::level(agent, skill)
}

/// An agent's id.
///
/// # Errors
/// `out-of-range` when the snapshot has no such agent.
pub fn agent_id(agent: u32) -> Result<String, Error> {
    details::agent_id(agent)
}

/// More about a piece of work.
///
/// # Errors
/// `out-of-range` when the snapshot has no such work; `not-granted`.
pub fn work(work: u32) -> Result<WorkDetails, Error> {
    details::work(work)
}

/// How an agent's conversations about something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// How many outcomes there are, at most 256.
    pub count: u32,
    /// Their points together, 0 to 100 each.
    pub total: u32,
}

/// Whether [`outcomes`] can be seen: false when `cx:scoring/outcomes` is not granted, or can't be read now.
pub fn outcomes_known() -> bool {
    counted::known()
}

/// What a piece of work is about: a number from 0, the same for work with the same reason; `u32::MAX` when the snapshot
/// has no such work.
pub fn reason(work: u32) -> u32 {
    counted::reason(work)
}

/// How an agent's conversations with a reason went; of none, nothing.
pub fn outcomes(agent: u32, reason: u32, by: Measure) -> Outcomes {
    Outcomes {
        count: counted::count(agent, reason, by),
        total: counted::total(agent, reason, by),
    }
}

/// Registers a type that implements [`RoutingStrategy`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_routing_strategy {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::routing_strategy::strategy;
                use $crate::bindings::routing_strategy as bindings;
                struct Plugin;
                impl strategy::Guest for Plugin {
                    fn assign(snapshot: strategy::Snapshot) -> Result<strategy::Plan, strategy::Error> {
                        $crate::start();
                        $crate::routing_strategy::run::<$plugin>(snapshot)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::routing_strategy::Snapshot,
            ) -> Result<$crate::routing_strategy::Plan, $crate::Error> =
                $crate::routing_strategy::run::<$plugin>;
        };
    };
}
