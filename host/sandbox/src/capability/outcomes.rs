use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::decision::{AgentOutcomes, Question, RoutingQuestion, Tally, call_type};
use jackfield_types::Capability;

use crate::{
    bindings::cx::scoring::outcomes::{Host, Measure},
    state::State,
};

/// What a routing strategy can see of outcomes, by index; read when it first asks.
#[derive(Default)]
pub(crate) struct Outcomes {
    known: bool,
    /// The reason of each piece of work.
    reasons: Vec<u32>,
    /// By agent and reason.
    tallies: BTreeMap<(u32, u32), [Tally; 2]>,
}

impl Outcomes {
    fn read(state: &State) -> Self {
        let Question::Routing(question) = &*state.question else {
            return Self::default();
        };
        let (names, reasons) = reasons(question);
        let mut found = Self {
            known: false,
            reasons,
            tallies: BTreeMap::new(),
        };
        if state.granted(Capability::Outcomes).is_err() {
            return found;
        }
        let agents: Vec<_> = question.agents.iter().map(|agent| &agent.agent).collect();
        if let Ok(known) = state.env.reads.outcomes(&agents, &names) {
            let reason_of = index(names.iter().map(|name| &**name));
            let agent_of = index(agents.iter().map(|agent| agent.as_str()));
            let place = |of: &AgentOutcomes| {
                let place = (*agent_of.get(of.agent.as_str())?, *reason_of.get(&*of.reason)?);
                Some((place, [of.survey, of.evaluation]))
            };
            found.known = true;
            found.tallies = known.iter().filter_map(place).collect();
        }
        found
    }

    fn tally(&self, agent: u32, reason: u32, by: Measure) -> Tally {
        let of = self.tallies.get(&(agent, reason)).copied().unwrap_or_default();
        match by {
            Measure::Survey => of[0],
            Measure::Evaluation => of[1],
        }
    }
}

fn index<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u32> {
    names.zip(0..).collect()
}

/// What the work is about, each once, and which of it each piece is about.
fn reasons(question: &RoutingQuestion) -> (Vec<Arc<str>>, Vec<u32>) {
    let (mut names, mut known) = (Vec::new(), BTreeMap::new());
    let mut number = |name: Arc<str>| {
        *known.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            names.len() as u32 - 1
        })
    };
    let of = question.work.iter();
    let of = of
        .map(|work| number(call_type(&work.attributes, Some(&question.queue))))
        .collect();
    (names, of)
}

impl State {
    fn outcomes(&mut self) -> &Outcomes {
        if self.outcomes.is_none() {
            self.outcomes = Some(Outcomes::read(self));
        }
        self.outcomes.get_or_insert_default()
    }
}

impl Host for State {
    fn known(&mut self) -> bool {
        self.outcomes().known
    }

    fn reason(&mut self, work: u32) -> u32 {
        let reason = self.outcomes().reasons.get(work as usize);
        reason.copied().unwrap_or(u32::MAX)
    }

    fn count(&mut self, agent: u32, reason: u32, by: Measure) -> u32 {
        self.outcomes().tally(agent, reason, by).count
    }

    fn total(&mut self, agent: u32, reason: u32, by: Measure) -> u32 {
        self.outcomes().tally(agent, reason, by).total
    }
}
