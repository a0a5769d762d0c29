//! What is expected of each agent, from the outcomes of the past.

use jackfield_plugin::routing_strategy::{self, Measure, Outcomes};

use crate::Config;

/// Reasons of one snapshot that are learnt from; work of further ones goes to who has been idle longest.
const MAX_REASONS: usize = 16;
/// The mean of all, in outcomes of half the points, before anything is known.
const NOBODY_KNOWS: f64 = 2.0;

/// What is expected of the agents of a snapshot, worked out for a reason when work of it comes up.
pub(crate) struct Learnt<'a> {
    config: &'a Config,
    agents: usize,
    by_reason: Vec<(u32, Vec<f64>)>,
}

impl<'a> Learnt<'a> {
    pub(crate) fn new(config: &'a Config, agents: usize) -> Self {
        Self {
            config,
            agents,
            by_reason: Vec::new(),
        }
    }

    /// For each agent how well work with this reason may go, 0 to 1 and above for doubt; nothing is known of a reason
    /// without an entry.
    pub(crate) fn of(&mut self, reason: u32) -> &[f64] {
        let known = self.by_reason.iter().position(|(known, _)| *known == reason);
        let at = match known {
            Some(at) => at,
            None if self.by_reason.len() < MAX_REASONS => {
                let bounds = self.learn(reason);
                self.by_reason.push((reason, bounds));
                self.by_reason.len() - 1
            }
            None => return &[],
        };
        &self.by_reason[at].1
    }

    fn learn(&self, reason: u32) -> Vec<f64> {
        let by: Measure = self.config.measure.into();
        let of = |agent| routing_strategy::outcomes(agent, reason, by);
        let outcomes: Vec<Outcomes> = (0..self.agents as u32).map(of).collect();
        let mean = self.mean_of_all(&outcomes);
        outcomes
            .iter()
            .map(|outcomes| self.bound(*outcomes, mean))
            .collect()
    }

    /// The mean of a Beta distribution, whose prior is the mean of all, and so many standard deviations.
    fn bound(&self, outcomes: Outcomes, mean_of_all: f64) -> f64 {
        let weight = f64::from(outcomes.count) + self.config.prior;
        let mean = (f64::from(outcomes.total) / 100.0 + self.config.prior * mean_of_all) / weight;
        mean + self.config.explore * (mean * (1.0 - mean) / (weight + 1.0)).sqrt()
    }

    /// Over all agents of the snapshot, each with the weight of a few outcomes at most, so that one who has had many does
    /// not speak for all; with a little doubt, so that it is never 0 or 1.
    fn mean_of_all(&self, outcomes: &[Outcomes]) -> f64 {
        let (mut weights, mut sum) = (NOBODY_KNOWS, NOBODY_KNOWS / 2.0);
        for of in outcomes.iter().filter(|of| of.count > 0) {
            let weight = f64::from(of.count).min(self.config.prior);
            weights += weight;
            sum += weight * f64::from(of.total) / (100.0 * f64::from(of.count));
        }
        sum / weights
    }
}
