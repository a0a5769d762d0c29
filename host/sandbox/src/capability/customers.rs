use jackfield_types::Capability;

use crate::{
    bindings::cx::{
        profile::customers::{Customer, Host, PastInteraction},
        types::types::Error,
    },
    capability::checked_limit,
    lower::Lower,
    state::State,
};

impl Host for State {
    fn current(&mut self) -> Result<Option<Customer>, Error> {
        self.granted(Capability::Customers)?;
        let Some(customer) = self.told(self.env.reads.customer())? else {
            return Ok(None);
        };
        let mut lower = Lower::reply();
        let customer = Customer {
            id: lower.text(customer.id.as_str()),
            name: customer.name.as_deref().map(|name| lower.text(name)),
            language: customer.language.as_deref().map(|language| lower.text(language)),
            first_seen_at: customer.first_seen_at.0,
            attributes: lower.attributes(&customer.attributes),
            tags: lower.tags(&customer.tags, self.env.now),
        };
        lower.replied(Some(customer))
    }

    fn history(&mut self, limit: u32) -> Result<Vec<PastInteraction>, Error> {
        self.granted(Capability::Customers)?;
        let limit = checked_limit(limit, 1..=50)?;
        let mut past = self.told(self.env.reads.history(limit))?;
        past.truncate(limit);
        let mut lower = Lower::reply();
        let past = lower.list(&past, |lower, past| PastInteraction {
            id: lower.shown(past.id),
            channel: past.channel.into(),
            started_at: past.started_at.0,
            length: past.length_ms,
            queue: past.queue.as_ref().map(|queue| lower.text(queue.as_str())),
            agent: past.agent.as_ref().map(|agent| lower.text(agent.as_str())),
            talked: past.talked_ms,
            abandoned: past.abandoned,
            value: past.value,
        });
        lower.replied(past)
    }
}
