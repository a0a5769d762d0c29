//! A routing strategy with a mistake: its loop looks one agent too far.

use jackfield_plugin::routing_strategy::{Assignment, Error, Plan, RoutingStrategy, Snapshot};

struct OffByOne;

impl RoutingStrategy for OffByOne {
    type Config = ();

    fn assign((): &(), snapshot: &Snapshot) -> Result<Plan, Error> {
        let mut best = 0;
        // Should be `1..snapshot.agents.len()`. With one agent the loop is empty, and nobody notices.
        for agent in 1..snapshot.agents.len() + usize::from(snapshot.agents.len() > 1) {
            if snapshot.agents[agent].idle > snapshot.agents[best].idle {
                best = agent;
            }
        }
        let assignments = snapshot.work.first().map(|_| Assignment {
            work: 0,
            agent: best as u32,
        });
        Ok(Plan {
            assignments: assignments.into_iter().collect(),
            ..Plan::default()
        })
    }
}

jackfield_plugin::routing_strategy::register!(OffByOne);

#[cfg(test)]
mod tests {
    use jackfield_plugin::routing_strategy::{Agent, Work};
    use jackfield_plugin::testing::Host;

    use super::*;

    #[test]
    fn one_agent_gets_the_work() {
        let snapshot = Snapshot {
            work: vec![Work::default()],
            agents: vec![Agent::default()],
        };
        let plan = Host::new().assign::<OffByOne>(snapshot).unwrap();
        assert_eq!(plan.assignments.len(), 1);
    }
}
