//! The built-in routing rule, for queues without a strategy and for strategies that fail.

use crate::decision::{Assignment, Plan, RoutingQuestion};

/// Longest idle: work by priority, then by wait; each goes to the longest-idle agent who has the skills at the
/// levels asked for.
pub(crate) fn longest_idle(question: &RoutingQuestion) -> Plan {
    let mut order: Vec<usize> = (0..question.work.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(question.work[index].priority), index));
    let mut room: Vec<u16> = question
        .agents
        .iter()
        .map(|agent| agent.capacity.saturating_sub(agent.load))
        .collect();
    let mut plan = Plan::default();
    for work in order {
        let levels = &question.work[work].levels;
        let able = |agent: usize| {
            levels.iter().all(|&(skill, level)| {
                question.agents[agent]
                    .levels
                    .get(usize::from(skill))
                    .is_some_and(|&has| has >= level)
            })
        };
        if let Some(agent) = (0..question.agents.len()).find(|&agent| room[agent] > 0 && able(agent)) {
            room[agent] -= 1;
            plan.assignments.push(Assignment {
                work: work as u32,
                agent: agent as u32,
            });
        }
    }
    plan
}
