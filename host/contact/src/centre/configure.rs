//! Settings of the tenant: checked whole before anything changes.

use jackfield_types::{AgentId, ChatEntryId, E164, QueueId, limits};

use super::Step;
use crate::config::{AgentConfig, ChatEntryConfig, NumberConfig, QueueConfig, UnansweredAction};
use crate::event::Event;
use crate::input::Rejected;
use crate::interaction::{Interaction, Stage};

impl Step<'_> {
    pub(super) fn set_queue(&mut self, config: QueueConfig) -> Result<(), Rejected> {
        config.check()?;
        let new = !self.centre.queues.contains_key(&config.id);
        self.check_room(new, self.centre.queues.len(), limits::MAX_QUEUES, "queues")?;
        if let Some(overflow) = &config.overflow {
            self.check_queue("overflow", overflow)?;
        }
        self.centre.dirty.insert(config.id.clone());
        self.record(Event::QueueSet { config });
        Ok(())
    }

    pub(super) fn remove_queue(&mut self, queue: QueueId) -> Result<(), Rejected> {
        let Some(entry) = self.centre.queues.get(&queue) else {
            return Err(unknown("queue", &queue));
        };
        let in_use = |by: String| {
            Err(Rejected::new(
                "in-use",
                format!("queue {queue} is still used by {by}; change that first"),
            ))
        };
        if !entry.is_empty() {
            return in_use(format!("{} waiting interactions", entry.len()));
        }
        if let Some(number) = self
            .centre
            .numbers
            .values()
            .find(|number| number.default_queue == queue)
        {
            return in_use(format!("number {} as its default queue", number.number));
        }
        let escalates = |entry: &ChatEntryConfig| {
            let to = UnansweredAction::Escalate(queue.clone());
            entry.default_queue == queue || entry.unanswered.iter().any(|step| step.action == to)
        };
        if let Some(entry) = self.centre.chat_entries.values().find(|entry| escalates(entry)) {
            return in_use(format!("chat entry {}", entry.id));
        }
        if let Some(other) = self
            .centre
            .queues
            .values()
            .find(|other| other.config.overflow.as_ref() == Some(&queue))
        {
            return in_use(format!("queue {} as its overflow", other.config.id));
        }
        if let Some(agent) = self
            .centre
            .agents
            .values()
            .find(|agent| agent.config.queues.contains(&queue))
        {
            return in_use(format!("agent {}", agent.config.id));
        }
        self.record(Event::QueueRemoved { queue });
        Ok(())
    }

    pub(super) fn set_number(&mut self, config: NumberConfig) -> Result<(), Rejected> {
        config.check()?;
        let new = !self.centre.numbers.contains_key(&config.number);
        self.check_room(new, self.centre.numbers.len(), limits::MAX_NUMBERS, "numbers")?;
        self.check_queue("default_queue", &config.default_queue)?;
        self.record(Event::NumberSet { config });
        Ok(())
    }

    pub(super) fn remove_number(&mut self, number: E164) -> Result<(), Rejected> {
        if !self.centre.numbers.contains_key(&number) {
            return Err(unknown("number", &number));
        }
        self.record(Event::NumberRemoved { number });
        Ok(())
    }

    pub(super) fn set_chat_entry(&mut self, config: ChatEntryConfig) -> Result<(), Rejected> {
        config.check()?;
        let new = !self.centre.chat_entries.contains_key(&config.id);
        let have = self.centre.chat_entries.len();
        self.check_room(new, have, limits::MAX_CHAT_ENTRIES, "chat entries")?;
        self.check_queue("default_queue", &config.default_queue)?;
        for step in &config.unanswered {
            if let UnansweredAction::Escalate(queue) = &step.action {
                self.check_queue("unanswered", queue)?;
            }
        }
        self.record(Event::ChatEntrySet { config });
        Ok(())
    }

    pub(super) fn remove_chat_entry(&mut self, entry: ChatEntryId) -> Result<(), Rejected> {
        if !self.centre.chat_entries.contains_key(&entry) {
            return Err(unknown("chat entry", &entry));
        }
        let live = |it: &&Interaction| {
            it.stage != Stage::Ended && it.chat.as_ref().is_some_and(|chat| chat.entry == entry)
        };
        let open = self.centre.interactions.values().filter(live).count();
        if open > 0 {
            let message =
                format!("chat entry {entry} has {open} conversations going on; end them first, or wait");
            return Err(Rejected::new("in-use", message));
        }
        self.record(Event::ChatEntryRemoved { entry });
        Ok(())
    }

    pub(super) fn set_agent(&mut self, config: AgentConfig) -> Result<(), Rejected> {
        config.check()?;
        let new = !self.centre.agents.contains_key(&config.id);
        self.check_room(new, self.centre.agents.len(), limits::MAX_AGENTS, "agents")?;
        for queue in &config.queues {
            self.check_queue("queues", queue)?;
        }
        self.centre.dirty.extend(config.queues.iter().cloned());
        self.record(Event::AgentSet { config });
        Ok(())
    }

    pub(super) fn remove_agent(&mut self, agent: AgentId) -> Result<(), Rejected> {
        let Some(entry) = self.centre.agents.get(&agent) else {
            return Err(unknown("agent", &agent));
        };
        if !entry.chats.is_empty() {
            let message = format!(
                "agent {agent} has {} written conversations; wait until they are done, or transfer them",
                entry.chats.len()
            );
            return Err(Rejected::new("in-use", message));
        }
        if entry.interaction.is_some() {
            let message = format!(
                "agent {agent} is {}; wait until the work is done",
                entry.state.as_said()
            );
            return Err(Rejected::new("in-use", message));
        }
        self.record(Event::AgentRemoved { agent });
        Ok(())
    }

    fn check_queue(&self, field: &'static str, queue: &QueueId) -> Result<(), Rejected> {
        if self.centre.queues.contains_key(queue) {
            return Ok(());
        }
        let message = format!("{field}: there is no queue {queue}; make it first");
        Err(Rejected {
            code: "unknown-queue",
            field: Some(field),
            message,
        })
    }

    fn check_room(&self, new: bool, have: usize, most: usize, what: &str) -> Result<(), Rejected> {
        if new && have >= most {
            return Err(Rejected::new(
                "too-many",
                format!("a tenant can have {most} {what} at most; remove one first"),
            ));
        }
        Ok(())
    }
}

pub(super) fn unknown(what: &'static str, id: &impl std::fmt::Display) -> Rejected {
    let code = match what {
        "queue" => "unknown-queue",
        "agent" => "unknown-agent",
        "number" => "unknown-number",
        "chat entry" => "unknown-chat-entry",
        _ => "unknown-interaction",
    };
    Rejected::new(code, format!("there is no {what} {id}"))
}
