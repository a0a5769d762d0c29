//! The questions, and the rule in native Rust.

use std::cmp::Reverse;

use jackfield_contact::decision::{Assignment, Plan, RoutingAgent, RoutingQuestion, RoutingWork};
use jackfield_types::{AgentId, Channel, QueueId, SkillId};

/// So much work, half of it asking for other skills than the rest, and so many agents, half of whom have them.
pub(crate) fn queue(work: u32, agents: u32) -> RoutingQuestion {
    RoutingQuestion {
        queue: QueueId::new("support").unwrap(),
        skills: ["zh", "en", "billing"]
            .map(|skill| SkillId::new(skill).unwrap())
            .to_vec(),
        work: (0..work)
            .map(|n| RoutingWork {
                interaction: format!("0198f000-0000-7000-8000-{n:012}").parse().unwrap(),
                channel: Channel::Voice,
                needs: if n % 2 == 0 { 0b011 } else { 0b101 },
                levels: vec![(0, 1), (if n % 2 == 0 { 1 } else { 2 }, 1)],
                waiting_ms: u64::from(4_000 - n),
                priority: 0,
                last_agent: None,
                attributes: vec![],
            })
            .collect(),
        agents: (0..agents)
            .map(|n| RoutingAgent {
                agent: AgentId::new(&format!("agent-{n}")).unwrap(),
                skills: if n < agents / 2 { 0b101 } else { 0b011 },
                levels: vec![5, 5, 5],
                idle_ms: u64::from(60_000 - n),
                load: 0,
                capacity: 1,
            })
            .collect(),
    }
}

/// What the plugin does, without a border: priority, then waiting; the longest idle of those who fit.
pub(crate) fn native(question: &RoutingQuestion) -> Plan {
    let mut left: Vec<u16> = question
        .agents
        .iter()
        .map(|agent| agent.capacity.saturating_sub(agent.load))
        .collect();
    let mut order: Vec<u32> = (0..question.work.len() as u32).collect();
    order.sort_by_key(|&work| Reverse(question.work[work as usize].priority));
    let mut plan = Plan::default();
    for index in order {
        let work = &question.work[index as usize];
        let fits = |(n, agent): &(usize, &RoutingAgent)| {
            left[*n] > 0
                && agent.skills & work.needs == work.needs
                && work
                    .levels
                    .iter()
                    .all(|&(skill, level)| agent.levels[usize::from(skill)] >= level)
        };
        if let Some((agent, _)) = question.agents.iter().enumerate().find(fits) {
            left[agent] -= 1;
            plan.assignments.push(Assignment {
                work: index,
                agent: agent as u32,
            });
        }
    }
    plan
}
