//! What agents do: requested states, reservation, wrap-up, phones.

use jackfield_types::{AgentId, Channel, InteractionId};

use super::Step;
use super::configure::unknown;
use crate::agent::AgentState;
use crate::decision::SegmentKind;
use crate::event::Event;
use crate::input::{Rejected, WantedState};
use crate::timer::TimerKey;

impl Step<'_> {
    pub(super) fn request_state(&mut self, agent: AgentId, wanted: WantedState) -> Result<(), Rejected> {
        let Some(entry) = self.centre.agents.get(&agent) else {
            return Err(unknown("agent", &agent));
        };
        if let WantedState::Break(reason) = &wanted
            && (reason.is_empty() || reason.len() > jackfield_types::limits::MAX_CODE_BYTES)
        {
            let message = "reason: expected 1 to 64 bytes of text".into();
            return Err(Rejected {
                code: "invalid-config",
                field: Some("reason"),
                message,
            });
        }
        if entry.state.has_call() {
            self.record(Event::AgentStateRequested { agent, wanted });
        } else if matches!(entry.state, AgentState::WrapUp { .. }) {
            self.record(Event::AgentStateRequested {
                agent: agent.clone(),
                wanted,
            });
            self.end_wrap_up(&agent);
        } else if entry.state != wanted.clone().into() {
            self.set_state(&agent, wanted.into(), None);
        }
        Ok(())
    }

    /// Neither signed out nor on a break.
    pub(super) fn is_at_work(&self, agent: &AgentId) -> bool {
        let agent = self.centre.agents.get(agent);
        agent.is_some_and(|agent| agent.state.is_at_work())
    }

    pub(super) fn set_phone(&mut self, agent: &AgentId, registered: bool) {
        if let Some(entry) = self.centre.agents.get(agent)
            && entry.phone != registered
        {
            let queues = entry.config.queues.clone();
            self.centre.unindex(agent);
            if let Some(entry) = self.centre.agents.get_mut(agent) {
                entry.phone = registered;
            }
            self.centre.reindex(agent);
            self.centre.dirty.extend(queues);
        }
    }

    pub(super) fn set_state(
        &mut self,
        agent: &AgentId,
        state: AgentState,
        interaction: Option<InteractionId>,
    ) {
        let available = state == AgentState::Available;
        self.record(Event::AgentStateChanged {
            agent: agent.clone(),
            state,
            interaction,
        });
        if available && let Some(entry) = self.centre.agents.get(agent) {
            self.centre.dirty.extend(entry.config.queues.iter().cloned());
        }
    }

    /// Lets an agent go who had work in hand: into the break or end of work wanted meanwhile, else into `otherwise`.
    pub(super) fn release(&mut self, agent: &AgentId, otherwise: AgentState) {
        let Some(entry) = self.centre.agents.get(agent) else {
            return;
        };
        let interaction = entry.interaction;
        let state = match &entry.wanted {
            // Who wants work but has missed it is not there.
            None | Some(WantedState::Available) => otherwise,
            Some(wanted) => wanted.clone().into(),
        };
        self.set_state(agent, state, interaction);
    }

    pub(super) fn begin_wrap_up(&mut self, agent: &AgentId, interaction: InteractionId) {
        let queue = self.live(interaction).and_then(|it| it.queue.clone());
        let wrap_up_ms = queue
            .and_then(|queue| self.centre.queues.get(&queue))
            .map_or(0, |queue| queue.config.wrap_up_ms);
        let until = self.now + wrap_up_ms;
        self.set_state(agent, AgentState::WrapUp { until }, Some(interaction));
        if wrap_up_ms == 0 {
            self.end_wrap_up(agent);
        } else {
            self.arm(TimerKey::WrapUp(agent.clone()), wrap_up_ms);
        }
    }

    pub(super) fn end_wrap_up(&mut self, agent: &AgentId) {
        let Some(entry) = self.centre.agents.get(agent) else {
            return;
        };
        if !matches!(entry.state, AgentState::WrapUp { .. }) {
            return;
        }
        let interaction = entry.interaction;
        self.disarm(&TimerKey::WrapUp(agent.clone()));
        self.release(agent, AgentState::Available);
        let Some(it) = interaction.and_then(|id| self.centre.interactions.get(&id)) else {
            return;
        };
        let mine = |kind| matches!(kind, SegmentKind::Talk | SegmentKind::Hold | SegmentKind::WrapUp);
        let handled_ms = it
            .segments
            .iter()
            .filter(|segment| segment.agent.as_ref() == Some(agent) && mine(segment.kind))
            .map(|segment| segment.end_ms - segment.start_ms)
            .sum();
        let (id, queue) = (it.id, it.queue.clone());
        if let Some(queue) = queue.and_then(|queue| self.centre.queues.get_mut(&queue)) {
            queue.learn_handle_time(Channel::Voice, handled_ms);
        }
        self.advance_after_call(id);
    }
}
