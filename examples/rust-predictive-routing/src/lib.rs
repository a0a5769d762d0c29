//! Offers each piece of work to the agent with whom such work is expected to go best.

mod learnt;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use jackfield_plugin::{
    host::{self, Level},
    routing_strategy::{self, Assignment, Error, Measure, Plan, RoutingStrategy, Snapshot, Work},
};
use learnt::Learnt;
use serde::Deserialize;

struct PredictiveRouting;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    measure: Success,
    prior: f64,
    explore: f64,
    most_idle_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            measure: Success::Survey,
            prior: 8.0,
            explore: 2.0,
            most_idle_ms: 600_000,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Success {
    Survey,
    Evaluation,
}

impl From<Success> for Measure {
    fn from(success: Success) -> Self {
        match success {
            Success::Survey => Self::Survey,
            Success::Evaluation => Self::Evaluation,
        }
    }
}

impl RoutingStrategy for PredictiveRouting {
    type Config = Config;

    fn assign(config: &Config, snapshot: &Snapshot) -> Result<Plan, Error> {
        if !routing_strategy::outcomes_known() {
            host::log(
                Level::Warn,
                "outcomes can't be seen: work goes to who has been idle longest",
            );
        }
        let mut learnt = Learnt::new(config, snapshot.agents.len());
        let mut left: Vec<u16> = snapshot
            .agents
            .iter()
            .map(|agent| agent.capacity.saturating_sub(agent.load))
            .collect();
        let mut plan = Plan::default();
        for index in in_order(&snapshot.work) {
            let work = &snapshot.work[index as usize];
            let expected = learnt.of(routing_strategy::reason(index));
            // One who has been idle too long comes first; the snapshot has the longest idle first.
            let value = |at: usize| match snapshot.agents[at].idle >= config.most_idle_ms {
                true => f64::INFINITY,
                false => expected.get(at).copied().unwrap_or_default(),
            };
            let mut best: Option<(f64, usize)> = None;
            for (at, agent) in snapshot.agents.iter().enumerate() {
                let value = value(at);
                if left[at] > 0
                    && agent.skills & work.needs == work.needs
                    && best.is_none_or(|(highest, _)| value > highest)
                    && can(index, work, at as u32)
                {
                    best = Some((value, at));
                }
            }
            if let Some((_, at)) = best {
                left[at] -= 1;
                plan.assignments.push(Assignment {
                    work: index,
                    agent: at as u32,
                });
            }
        }
        Ok(plan)
    }
}

/// Highest priority first, then longest waiting, which is the snapshot's own order.
fn in_order(work: &[Work]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(work.len()).collect();
    order.sort_by_key(|&index| Reverse(work[index as usize].priority));
    order
}

/// Whether the agent has the levels that the work asks for.
fn can(index: u32, work: &Work, agent: u32) -> bool {
    (0..64)
        .filter(|skill| work.needs >> skill & 1 == 1)
        .all(|skill| routing_strategy::level(agent, skill) >= routing_strategy::needed_level(index, skill))
}

routing_strategy::register!(PredictiveRouting);
