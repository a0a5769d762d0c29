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
    routing_strategy::{self, Agent, Assignment, Error, LevelNeed, Plan, RoutingStrategy, Snapshot, Work},
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
            match agents.choose(index, work, relaxed, config.prefer)? {
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
    /// Levels that have been asked for so far; empty before the first.
    levels: Vec<Option<Vec<u8>>>,
}

impl<'a> Agents<'a> {
    fn new(agents: &'a [Agent]) -> Self {
        let left: Vec<u16> = agents
            .iter()
            .map(|agent| agent.capacity.saturating_sub(agent.load))
            .collect();
        let free = left.iter().filter(|left| **left > 0).count();
        Self {
            agents,
            left,
            free,
            levels: Vec::new(),
        }
    }

    fn none_free(&self) -> bool {
        self.free == 0
    }

    /// Takes the agent for a piece of work; none when nobody fits.
    fn choose(
        &mut self,
        index: u32,
        work: &Work,
        relaxed: Relaxed,
        prefer: Prefer,
    ) -> Result<Option<u32>, Error> {
        let mask = if relaxed.ignore_skills { 0 } else { work.needs };
        let mut chosen = (0..self.agents.len()).find(|&at| self.fits(at, mask));
        if let Some(first) = chosen
            && mask != 0
        {
            // Levels are asked for only where one above 1 is left to be met, or where they decide.
            let mut needs = routing_strategy::needs(index)?;
            needs
                .iter_mut()
                .for_each(|need| need.level = need.level.saturating_sub(relaxed.lower_levels_by));
            let most_skilled = prefer == Prefer::MostSkilled;
            if most_skilled || needs.iter().any(|need| need.level > 1) {
                chosen = self.by_levels(first, mask, &needs, most_skilled)?;
            }
        }
        Ok(chosen.map(|at| {
            self.left[at] -= 1;
            self.free -= usize::from(self.left[at] == 0);
            at as u32
        }))
    }

    fn fits(&self, at: usize, mask: u64) -> bool {
        self.left[at] > 0 && self.agents[at].skills & mask == mask
    }

    /// The first agent who meets the levels, or of all who do the one with the highest.
    fn by_levels(
        &mut self,
        first: usize,
        mask: u64,
        needs: &[LevelNeed],
        most_skilled: bool,
    ) -> Result<Option<usize>, Error> {
        let mut best: Option<(u32, usize)> = None;
        for at in first..self.agents.len() {
            if !self.fits(at, mask) {
                continue;
            }
            let Some(sum) = meets(self.levels(at)?, needs) else {
                continue;
            };
            if best.is_none_or(|(most, _)| sum > most) {
                best = Some((sum, at));
            }
            if !most_skilled {
                break;
            }
        }
        Ok(best.map(|(_, at)| at))
    }

    fn levels(&mut self, at: usize) -> Result<&[u8], Error> {
        if self.levels.is_empty() {
            self.levels.resize(self.agents.len(), None);
        }
        if self.levels[at].is_none() {
            self.levels[at] = Some(routing_strategy::levels(at as u32)?);
        }
        Ok(self.levels[at].as_deref().unwrap_or_default())
    }
}

/// The sum of the levels in the skills asked for; none when one of them is too low.
fn meets(levels: &[u8], needs: &[LevelNeed]) -> Option<u32> {
    needs.iter().try_fold(0, |sum, need| {
        let level = levels.get(usize::from(need.skill)).copied().unwrap_or_default();
        (level >= need.level.max(1)).then_some(sum + u32::from(level))
    })
}

routing_strategy::register!(SkillsRouting);
