use jackfield_contact::decision::{Question, RoutingQuestion};
use jackfield_types::Capability;

use crate::{
    bindings::cx::{
        routing_strategy::details::{Host, Need, WorkDetails},
        types::types::Error,
    },
    lower::{Lower, refuse},
    state::State,
};

impl State {
    fn routing(&self) -> Option<&RoutingQuestion> {
        match &*self.question {
            Question::Routing(question) => Some(question),
            _ => None,
        }
    }
}

/// The entry that an index of the plugin names.
fn entry<'a, T>(list: &'static str, from: Option<&'a Vec<T>>, index: u32) -> Result<&'a T, Error> {
    let entries = from.map_or(&[][..], Vec::as_slice);
    entries.get(index as usize).ok_or_else(|| {
        refuse(
            "unknown-index",
            format!("{list} {index}: expected an index below {}", entries.len()),
        )
    })
}

impl Host for State {
    fn queue(&mut self) -> String {
        self.routing()
            .map_or_else(String::new, |question| question.queue.to_string())
    }

    fn skills(&mut self) -> Vec<String> {
        self.routing().map_or_else(Vec::new, |question| {
            question.skills.iter().map(ToString::to_string).collect()
        })
    }

    fn needs(&mut self, work: u32) -> Result<Vec<Need>, Error> {
        let work = entry("work", self.routing().map(|question| &question.work), work)?;
        Ok(work
            .levels
            .iter()
            .map(|&(skill, level)| Need { skill, level })
            .collect())
    }

    fn levels(&mut self, agent: u32) -> Result<Vec<u8>, Error> {
        Ok(
            entry("agent", self.routing().map(|question| &question.agents), agent)?
                .levels
                .clone(),
        )
    }

    fn needed_level(&mut self, work: u32, skill: u8) -> u8 {
        let work = self
            .routing()
            .and_then(|question| question.work.get(work as usize));
        let need = work.and_then(|work| work.levels.iter().find(|(asked, _)| *asked == skill));
        need.map_or(0, |(_, level)| *level)
    }

    fn level(&mut self, agent: u32, skill: u8) -> u8 {
        let agent = self
            .routing()
            .and_then(|question| question.agents.get(agent as usize));
        let level = agent.and_then(|agent| agent.levels.get(usize::from(skill)));
        level.copied().unwrap_or_default()
    }

    fn agent_id(&mut self, agent: u32) -> Result<String, Error> {
        Ok(
            entry("agent", self.routing().map(|question| &question.agents), agent)?
                .agent
                .to_string(),
        )
    }

    fn work(&mut self, work: u32) -> Result<WorkDetails, Error> {
        self.granted(Capability::Customers)?;
        let work = entry("work", self.routing().map(|question| &question.work), work)?;
        let tags = self.told(self.env.reads.customer_tags(work.interaction))?;
        let mut lower = Lower::reply();
        let details = WorkDetails {
            id: lower.shown(work.interaction),
            channel: work.channel.into(),
            attributes: lower.attributes(&work.attributes),
            tags: lower.tags(&tags, self.env.now),
        };
        lower.replied(details)
    }
}
