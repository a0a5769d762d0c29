//! Offers the work that comes first to the agent who has been idle longest, whatever either is good at.

use std::cmp::Reverse;

use jackfield_plugin::routing_strategy::{Assignment, Error, Plan, RoutingStrategy, Snapshot};

struct LongestIdle;

impl RoutingStrategy for LongestIdle {
    type Config = ();

    fn assign((): &(), snapshot: &Snapshot) -> Result<Plan, Error> {
        // The snapshot lists work by waiting time already, and a stable sort keeps that order within a priority.
        let mut order: Vec<u32> = (0..).take(snapshot.work.len()).collect();
        order.sort_by_key(|&work| Reverse(snapshot.work[work as usize].priority));

        // Agents come longest idle first; one who can take several pieces of work gets one at a time.
        let agents = (0u32..)
            .zip(&snapshot.agents)
            .filter(|(_, agent)| agent.load < agent.capacity);
        let assignments = order
            .into_iter()
            .zip(agents)
            .map(|(work, (agent, _))| Assignment { work, agent })
            .collect();
        Ok(Plan {
            assignments,
            ..Plan::default()
        })
    }
}

jackfield_plugin::routing_strategy::register!(LongestIdle);

#[cfg(test)]
mod tests {
    use jackfield_plugin::{
        routing_strategy::{Agent, Assignment, Snapshot, Work},
        testing::Host,
    };

    use super::LongestIdle;

    #[test]
    fn priority_goes_first_and_full_agents_are_passed_over() {
        let snapshot = Snapshot {
            work: vec![
                Work::default(),
                Work {
                    priority: 5,
                    ..Work::default()
                },
                Work::default(),
            ],
            agents: vec![
                Agent {
                    idle: 9_000,
                    load: 1,
                    capacity: 1,
                    ..Agent::default()
                },
                Agent {
                    idle: 5_000,
                    ..Agent::default()
                },
                Agent {
                    idle: 1_000,
                    ..Agent::default()
                },
            ],
        };
        let plan = Host::new().assign::<LongestIdle>(snapshot).unwrap();
        assert_eq!(
            plan.assignments,
            [Assignment { work: 1, agent: 1 }, Assignment { work: 0, agent: 2 }]
        );
    }

    #[test]
    fn nothing_waits_or_nobody_is_free() {
        let empty = Snapshot {
            work: vec![Work::default()],
            agents: vec![],
        };
        assert!(
            Host::new()
                .assign::<LongestIdle>(empty)
                .unwrap()
                .assignments
                .is_empty()
        );
    }
}
