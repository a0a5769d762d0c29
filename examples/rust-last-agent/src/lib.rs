//! Offers work to the agent of the customer's last conversation, when that agent is free.

use jackfield_plugin::routing_strategy::{Assignment, Error, Plan, RoutingStrategy, Snapshot};

struct LastAgent;

impl RoutingStrategy for LastAgent {
    type Config = ();

    fn assign((): &(), snapshot: &Snapshot) -> Result<Plan, Error> {
        let mut room: Vec<u16> = snapshot
            .agents
            .iter()
            .map(|agent| agent.capacity.saturating_sub(agent.load))
            .collect();
        let mut assignments = Vec::new();
        for (work, wanted) in (0u32..).zip(&snapshot.work) {
            let last = wanted.last_agent.map(|agent| agent as usize);
            let longest_idle = || room.iter().position(|room| *room > 0);
            let agent = last.filter(|agent| room[*agent] > 0).or_else(longest_idle);
            let Some(agent) = agent else { break };
            room[agent] -= 1;
            assignments.push(Assignment {
                work,
                agent: agent as u32,
            });
        }
        Ok(Plan {
            assignments,
            ..Plan::default()
        })
    }
}

jackfield_plugin::routing_strategy::register!(LastAgent);

#[cfg(test)]
mod tests {
    use jackfield_plugin::routing_strategy::{Agent, Work};
    use jackfield_plugin::testing::Host;

    use super::*;

    #[test]
    fn the_last_agent_comes_before_the_longest_idle() {
        let known = Work {
            last_agent: Some(1),
            ..Work::default()
        };
        let snapshot = Snapshot {
            work: vec![known, Work::default(), Work::default()],
            agents: vec![Agent::default(); 2],
        };
        let plan = Host::new().assign::<LastAgent>(snapshot).unwrap();
        let pairs: Vec<_> = plan
            .assignments
            .iter()
            .map(|pair| (pair.work, pair.agent))
            .collect();
        assert_eq!(pairs, [(0, 1), (1, 0)]);
    }
}
