//! Offers the most urgent work to the agent who has been idle longest, skills willing.

use std::cmp::Reverse;

use jackfield_plugin::routing_strategy::{
    self, Assignment, Error, Plan, RoutingStrategy, Snapshot,
};

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Offers of one decision; as many as there are when left out.
    at_once: Option<usize>,
}

struct Urgent;

impl RoutingStrategy for Urgent {
    type Config = Config;

    fn assign(config: &Config, snapshot: &Snapshot) -> Result<Plan, Error> {
        // The snapshot lists work by waiting time, and a stable sort keeps that order within a priority.
        let mut order: Vec<u32> = (0..).take(snapshot.work.len()).collect();
        order.sort_by_key(|&work| Reverse(snapshot.work[work as usize].priority));

        // Agents come longest idle first; each is offered one piece of work.
        let mut agents: Vec<u32> = (0..).take(snapshot.agents.len()).collect();
        let mut assignments = Vec::new();
        for work in order.into_iter().take(config.at_once.unwrap_or(usize::MAX)) {
            let needs = snapshot.work[work as usize].needs;
            let fits = |&agent: &u32| {
                let agent = &snapshot.agents[agent as usize];
                agent.load < agent.capacity && needs & agent.skills == needs
            };
            if let Some(at) = agents.iter().position(fits) {
                let agent = agents.remove(at);
                assignments.push(Assignment { work, agent });
            }
        }
        Ok(Plan {
            assignments,
            ..Plan::default()
        })
    }
}

routing_strategy::register!(Urgent);
