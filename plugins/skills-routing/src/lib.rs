//! Skills routing: offers work to the agents who can do it, and asks less of them the longer a customer waits.
//!
//! Work goes in the order of priority, then of waiting. Of the agents who fit, the one who has been idle longest is
//! taken, or the most skilled one when the configuration prefers that.

mod config;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use config::{Config, Prefer, Relaxed};
use jackfield_plugin::{
    host,
    routing_strategy::{self, Agent, Assignment, Error, Plan, RoutingStrategy, Snapshot, Work},
};

struct SkillsRouting;

impl RoutingStrategy for SkillsRouting {
    type Config = Config;

    fn assign(config: &Config, snapshot: &Snapshot) -> Result<Plan, Error> {
        let mut agents = Agents::new(&snapshot.agents);
        let mut plan = Plan::default();
        let mut relaxes_in: Option<u32> = None;
        for index in in_order(&snapshot.work) {
            if agents.none_free() {
                break; // A change of agents asks again by itself.
            }
            let work = &snapshot.work[index as usize];
            let relaxed = config.relaxed(work.waiting);
            match agents.choose(index, work, relaxed, config.prefer) {
                Some(agent) => plan.assignments.push(Assignment { work: index, agent }),
                None => {
                    relaxes_in = relaxes_in
                        .into_iter()
                        .chain(config.relaxes_in(work.waiting))
                        .min()
                }
            }
        }
        plan.look_again_at = relaxes_in.map(|wait| host::now() + u64::from(wait));
        Ok(plan)
    }
}

/// Indices of the work: highest priority first, then longest waiting, which is the snapshot's own order.
fn in_order(work: &[Work]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(work.len()).collect();
    if work.windows(2).any(|pair| pair[0].priority < pair[1].priority) {
        order.sort_by_key(|&index| Reverse(work[index as usize].priority));
    }
    order
}

/// The snapshot's agents, longest idle first, with what is left of their capacity.
struct Agents<'a> {
    agents: &'a [Agent],
    left: Vec<u16>,
    free: usize,
}

impl<'a> Agents<'a> {
    fn new(agents: &'a [Agent]) -> Self {
        let left: Vec<u16> = agents
            .iter()
            .map(|agent| agent.capacity.saturating_sub(agent.load))
            .collect();
        let free = left.iter().filter(|left| **left > 0).count();
        Self { agents, left, free }
    }

    fn none_free(&self) -> bool {
        self.free == 0
    }

    /// Takes the agent for a piece of work; none when nobody fits.
    fn choose(&mut self, index: u32, work: &Work, relaxed: Relaxed, prefer: Prefer) -> Option<u32> {
        let mask = if relaxed.ignore_skills { 0 } else { work.needs };
        let mut chosen = (0..self.agents.len()).find(|&at| self.fits(at, mask));
        if let Some(first) = chosen
            && mask != 0
        {
            // Levels are asked for only where one above 1 is left to be met, or where they decide.
            let needs: Vec<Need> = skills(mask)
                .map(|skill| {
                    let needed = routing_strategy::needed_level(index, skill);
                    let level = needed.saturating_sub(relaxed.lower_levels_by).max(1);
                    Need { skill, level }
                })
                .collect();
            let most_skilled = prefer == Prefer::MostSkilled;
            if most_skilled || needs.iter().any(|need| need.level > 1) {
                chosen = self.by_levels(first, mask, &needs, most_skilled);
            }
        }
        let at = chosen?;
        self.left[at] -= 1;
        self.free -= usize::from(self.left[at] == 0);
        Some(at as u32)
    }

    fn fits(&self, at: usize, mask: u64) -> bool {
        self.left[at] > 0 && self.agents[at].skills & mask == mask
    }

    /// The first agent who meets the levels, or of all who do the one with the highest.
    fn by_levels(&self, first: usize, mask: u64, needs: &[Need], most_skilled: bool) -> Option<usize> {
        let mut best: Option<(u32, usize)> = None;
        for at in first..self.agents.len() {
            if !self.fits(at, mask) {
                continue;
            }
            let Some(sum) = meets(at as u32, needs) else {
                continue;
            };
            if best.is_none_or(|(most, _)| sum > most) {
                best = Some((sum, at));
            }
            if !most_skilled {
                break;
            }
        }
        best.map(|(_, at)| at)
    }
}

/// A skill asked for and the lowest level that will do.
struct Need {
    skill: u8,
    level: u8,
}

/// The skills of a mask, as indices into the queue's skill table.
fn skills(mut mask: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let skill = (mask != 0).then(|| mask.trailing_zeros() as u8);
        mask &= mask.wrapping_sub(1);
        skill
    })
}

/// The sum of the agent's levels in the skills asked for; none when one of them is too low.
fn meets(agent: u32, needs: &[Need]) -> Option<u32> {
    needs.iter().try_fold(0, |sum, need| {
        let level = routing_strategy::level(agent, need.skill);
        (level >= need.level).then_some(sum + u32::from(level))
    })
}

routing_strategy::register!(SkillsRouting);
