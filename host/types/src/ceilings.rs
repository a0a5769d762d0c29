//! What one decision of each kind may use.

use serde::{Deserialize, Serialize};

use crate::PluginKind;

/// Limits that are asked for; `None`: the ceiling of the kind. None raises a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct RequestedLimits {
    /// Fuel of a decision.
    pub fuel: Option<u64>,
    /// Milliseconds of processor time of a decision.
    pub wall_ms: Option<u64>,
    /// Bytes of memory of a decision.
    pub memory_bytes: Option<u64>,
}

/// What one decision may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Fuel: about one unit per WebAssembly instruction. Deterministic; also what is billed.
    pub fuel: u64,
    /// Milliseconds of processor time. The decision is stopped at five times as much wall time even when the machine
    /// gave it less.
    pub wall_ms: u64,
    /// Bytes of memory, over all memories of the store.
    pub memory_bytes: usize,
    /// Bytes of the texts and lists of the question.
    pub input_bytes: usize,
    /// Bytes of the texts and lists of the answer.
    pub output_bytes: usize,
}

/// On a crowded machine a decision may wait for a processor through no fault of the plugin; beyond this many times
/// its ceiling it is stopped all the same.
pub const WALL_FACTOR: u64 = 5;

const MIB: usize = 1024 * 1024;
const KIB: usize = 1024;

/// Routing strategies, outbound rules and pacing strategies.
pub const DECISION: Ceilings = Ceilings {
    fuel: 10_000_000,
    wall_ms: 10,
    memory_bytes: 16 * MIB,
    input_bytes: 256 * KIB,
    output_bytes: 64 * KIB,
};
/// Steps of flows, connectors and agent assists.
pub const FLOW_STEP: Ceilings = Ceilings {
    fuel: 20_000_000,
    wall_ms: 20,
    memory_bytes: 16 * MIB,
    input_bytes: 256 * KIB,
    output_bytes: 64 * KIB,
};
/// Tag generators.
pub const TAGS: Ceilings = Ceilings {
    fuel: 50_000_000,
    wall_ms: 50,
    memory_bytes: 32 * MIB,
    input_bytes: MIB,
    output_bytes: 64 * KIB,
};
/// Scorecards.
pub const SCORECARD: Ceilings = Ceilings {
    fuel: 500_000_000,
    wall_ms: 1_000,
    memory_bytes: MAX_MEMORY_BYTES,
    input_bytes: 4 * MIB,
    output_bytes: 256 * KIB,
};

/// The most that any kind may have: what a slot of the pool must hold.
pub const MAX_MEMORY_BYTES: usize = 64 * MIB;
/// Bytes that one host call may carry in either direction. More from the plugin ends the decision (`oversize`), more
/// to the plugin is a returned error.
pub const MAX_HOST_CALL_BYTES: usize = MIB;
/// Core instances of one component. CPython needs 38.
pub const MAX_CORE_INSTANCES: u32 = 40;
/// Memories of one component. QuickJS needs 3.
pub const MAX_MEMORIES: u32 = 4;
/// Tables of one component.
pub const MAX_TABLES: u32 = 16;
/// Elements of one table. CPython needs 7,700.
pub const MAX_TABLE_ELEMENTS: usize = 10_000;
/// Bytes of stack of one decision.
pub const MAX_STACK_BYTES: usize = 512 * KIB;

impl Ceilings {
    /// No ceiling at all: what a budget has where nobody lowered anything.
    pub const NONE: Self = Self {
        fuel: u64::MAX,
        wall_ms: u64::MAX,
        memory_bytes: usize::MAX,
        input_bytes: usize::MAX,
        output_bytes: usize::MAX,
    };

    /// The ceilings of a kind.
    pub const fn of(kind: PluginKind) -> Self {
        match kind {
            PluginKind::RoutingStrategy | PluginKind::OutboundRule | PluginKind::PacingStrategy => DECISION,
            PluginKind::VoiceFlow
            | PluginKind::ChatFlow
            | PluginKind::ChannelConnector
            | PluginKind::AgentAssist => FLOW_STEP,
            PluginKind::TagGenerator => TAGS,
            PluginKind::QaScorecard => SCORECARD,
        }
    }

    /// These ceilings, each lowered to what somebody asks for. No wish raises a ceiling.
    #[must_use]
    pub fn limited(self, limits: &RequestedLimits) -> Self {
        let memory = limits
            .memory_bytes
            .map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Self {
            fuel: self.fuel.min(limits.fuel.unwrap_or(u64::MAX)),
            wall_ms: self.wall_ms.min(limits.wall_ms.unwrap_or(u64::MAX)),
            memory_bytes: self.memory_bytes.min(memory),
            ..self
        }
    }

    /// Those for components that bring the run time of a dynamic language with them, known by their importing WASI: ten
    /// times the fuel, five times the time, and memory for the run time itself.
    pub const fn with_run_time(self) -> Self {
        Self {
            fuel: self.fuel * 10,
            wall_ms: self.wall_ms * 5,
            memory_bytes: MAX_MEMORY_BYTES,
            ..self
        }
    }

    /// These ceilings, each lowered to that of `budget` where that is lower. A budget never raises a ceiling.
    pub fn lowered(self, budget: Option<Self>) -> Self {
        let Some(budget) = budget else { return self };
        Self {
            fuel: self.fuel.min(budget.fuel),
            wall_ms: self.wall_ms.min(budget.wall_ms),
            memory_bytes: self.memory_bytes.min(budget.memory_bytes),
            input_bytes: self.input_bytes.min(budget.input_bytes),
            output_bytes: self.output_bytes.min(budget.output_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lowers_and_never_raises() {
        let wish = Ceilings {
            fuel: 1,
            memory_bytes: usize::MAX,
            ..TAGS
        };
        let lowered = DECISION.lowered(Some(wish));
        assert_eq!(lowered, Ceilings { fuel: 1, ..DECISION });
        assert_eq!(DECISION.lowered(None), DECISION);
    }

    #[test]
    fn the_lowest_of_kind_manifest_and_budget_holds() {
        let asked = RequestedLimits {
            fuel: Some(5_000),
            wall_ms: Some(u64::MAX),
            memory_bytes: Some(u64::MAX),
        };
        let asked = DECISION.limited(&asked);
        assert_eq!(
            asked,
            Ceilings {
                fuel: 5_000,
                ..DECISION
            }
        );
        let budget = |fuel| Ceilings {
            fuel,
            wall_ms: 3,
            ..DECISION
        };
        assert_eq!(asked.lowered(Some(budget(7_000))).fuel, 5_000);
        let lowest = asked.lowered(Some(budget(1_000)));
        assert_eq!((lowest.fuel, lowest.wall_ms), (1_000, 3));
        assert_eq!(DECISION.limited(&RequestedLimits::default()), DECISION);
    }

    #[test]
    fn the_pool_holds_every_kind() {
        for kind in PluginKind::ALL {
            assert!(Ceilings::of(kind).memory_bytes <= MAX_MEMORY_BYTES);
        }
    }
}
