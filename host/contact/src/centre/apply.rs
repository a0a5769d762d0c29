//! Durable state changes here and nowhere else.

use jackfield_types::{AgentId, InteractionId, Timestamp};

use super::Centre;
use crate::agent::{Agent, AgentState};
use crate::chat::Chat;
use crate::decision::{ChatEvent, SegmentKind};
use crate::event::{EndedBy, Event, LeftReason};
use crate::interaction::{CutOff, Ending, Interaction, Live, Stage, StoredRecording, Work};
use crate::queue::Queue;

impl Centre {
    pub(super) fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::QueueSet { .. }
            | Event::QueueRemoved { .. }
            | Event::NumberSet { .. }
            | Event::NumberRemoved { .. }
            | Event::ChatEntrySet { .. }
            | Event::ChatEntryRemoved { .. }
            | Event::AgentSet { .. }
            | Event::AgentRemoved { .. } => self.apply_setting(at, event),
            Event::AgentStateRequested { agent, wanted } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.wanted = Some(wanted.clone());
                }
            }
            Event::AgentStateChanged {
                agent,
                state,
                interaction,
            } => {
                self.apply_agent_state(at, agent, state, *interaction);
            }
            Event::InteractionStarted {
                interaction,
                channel,
                caller,
                caller_name,
                number,
                entry,
                customer,
                last_agent,
                outgoing,
            } => {
                let mut new = Interaction {
                    id: *interaction,
                    channel: *channel,
                    caller: caller.clone(),
                    caller_name: caller_name.clone(),
                    number: number.clone(),
                    chat: entry.clone().map(|entry| Box::new(Chat::new(entry, at))),
                    outgoing: outgoing.clone(),
                    dialled_at: None,
                    customer: customer.clone(),
                    last_agent: last_agent.clone(),
                    started_at: at,
                    stage: Stage::Flow,
                    attributes: Vec::new(),
                    segments: Vec::new(),
                    queue: None,
                    agent: None,
                    waited_ms: 0,
                    talked_ms: 0,
                    surveys: Vec::new(),
                    recording: None,
                    ending: None,
                    orphaned: false,
                    score: None,
                    cut_off: None,
                    evaluated: false,
                    tagged: false,
                    running: Vec::new(),
                    next_offer: 1,
                    live: Live {
                        next_leg: 1,
                        ..Live::default()
                    },
                };
                match outgoing {
                    Some(outgoing) => {
                        let agent = outgoing.agent.clone();
                        new.queue = Some(outgoing.queue.clone());
                        new.open(SegmentKind::Ringing, Some(agent.clone()), None, at);
                        new.stage = Stage::Dialling {
                            agent,
                            picked_up: false,
                            since: at,
                        };
                    }
                    None => new.open(SegmentKind::Ivr, None, None, at),
                }
                if let Some(chat) = &mut new.chat {
                    chat.flow.owe(ChatEvent::Started);
                    let key = (chat.entry.clone(), caller.clone());
                    self.conversations.insert(key, *interaction);
                }
                self.interactions.insert(*interaction, new);
            }
            Event::Closed { interaction } => {
                self.interactions.remove(interaction);
            }
            other => {
                if let Some(interaction) = other.interaction() {
                    self.apply_to_interaction(at, interaction, other);
                    self.apply_to_chat(at, interaction, other);
                }
            }
        }
    }

    fn apply_setting(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::QueueSet { config } => match self.queues.get_mut(&config.id) {
                Some(queue) => queue.config = config.clone(),
                None => {
                    self.queues.insert(config.id.clone(), Queue::new(config.clone()));
                }
            },
            Event::QueueRemoved { queue } => {
                self.queues.remove(queue);
                self.dirty.remove(queue);
            }
            Event::NumberSet { config } => {
                self.numbers.insert(config.number.clone(), config.clone());
            }
            Event::NumberRemoved { number } => {
                self.numbers.remove(number);
            }
            Event::ChatEntrySet { config } => {
                self.chat_entries.insert(config.id.clone(), config.clone());
            }
            Event::ChatEntryRemoved { entry } => {
                self.chat_entries.remove(entry);
            }
            Event::AgentSet { config } => {
                self.unindex(&config.id);
                match self.agents.get_mut(&config.id) {
                    Some(agent) => agent.config = config.clone(),
                    None => {
                        self.agents
                            .insert(config.id.clone(), Agent::new(config.clone(), at));
                    }
                }
                self.reindex(&config.id);
            }
            Event::AgentRemoved { agent } => {
                self.unindex(agent);
                self.agents.remove(agent);
            }
            _ => {}
        }
    }

    fn apply_agent_state(
        &mut self,
        at: Timestamp,
        id: &AgentId,
        state: &AgentState,
        interaction: Option<InteractionId>,
    ) {
        self.unindex(id);
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        if let AgentState::WrapUp { until } = agent.state
            && let Some(work) = agent.interaction.and_then(|id| self.interactions.get_mut(&id))
        {
            // A server that was down may be late.
            work.close(SegmentKind::WrapUp, Some(id), at.min(until));
        }
        if matches!(state, AgentState::WrapUp { .. })
            && let Some(work) = interaction.and_then(|id| self.interactions.get_mut(&id))
        {
            work.open(SegmentKind::WrapUp, Some(id.clone()), None, at);
        }
        let busy = state.has_call() || matches!(state, AgentState::WrapUp { .. });
        agent.state = state.clone();
        agent.since = at;
        agent.interaction = interaction.filter(|_| busy);
        if !busy {
            agent.wanted = None;
        }
        self.reindex(id);
    }

    /// Takes an agent out of `free` before something about the agent changes; [`Self::reindex`] puts the agent in again.
    pub(super) fn unindex(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        for (channel, free) in &mut self.free {
            free.remove(&(agent.idle_since(*channel), id.clone()));
        }
    }

    pub(super) fn reindex(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        for channel in agent.config.capacity.keys().copied() {
            if agent.is_free_for(channel) {
                let entry = (agent.idle_since(channel), id.clone());
                self.free.entry(channel).or_default().insert(entry);
            }
        }
    }

    fn apply_to_interaction(&mut self, at: Timestamp, id: InteractionId, event: &Event) {
        let Some(it) = self.interactions.get_mut(&id) else {
            return;
        };
        // The time until the next start is nobody's.
        let at = it.cut_off.map_or(at, |cut_off| cut_off.at);
        match event {
            Event::AttributeSet { key, value, .. } => it.set_attribute(key, value),
            Event::Queued {
                queue,
                needs,
                priority,
                ..
            } => {
                it.close(SegmentKind::Ivr, None, at);
                it.close(SegmentKind::Survey, None, at);
                it.open(SegmentKind::Queue, None, Some(queue.clone()), at);
                it.queue = Some(queue.clone());
                it.stage = Stage::Queued(Work {
                    queue: queue.clone(),
                    since: at,
                    needs: needs.clone(),
                    priority: *priority,
                });
                if let Some(queue) = self.queues.get_mut(queue) {
                    queue.enter(at, id, it.channel);
                }
            }
            Event::LeftQueue { queue, reason, .. } => {
                let since = it.work().map_or(at, |work| work.since);
                it.waited_ms += at.since(since);
                it.close(SegmentKind::Queue, None, at);
                it.stage = Stage::Flow;
                if matches!(reason, LeftReason::MaxWait | LeftReason::Flow) {
                    it.open(SegmentKind::Ivr, None, None, at);
                }
                if let Some(queue) = self.queues.get_mut(queue) {
                    queue.leave(since, id, it.channel);
                }
            }
            Event::Offered { offer, agent, .. } => {
                it.next_offer = offer.0.saturating_add(1);
                if let Some(work) = it.work().cloned() {
                    it.stage = Stage::Offered {
                        work,
                        offer: *offer,
                        agent: agent.clone(),
                    };
                }
                it.open(SegmentKind::Ringing, Some(agent.clone()), None, at);
            }
            Event::OfferFailed { .. } => {
                it.close(SegmentKind::Ringing, None, at);
                if let Some(work) = it.work().cloned() {
                    it.stage = Stage::Queued(work);
                }
            }
            Event::CustomerDialled { agent, .. } => {
                it.dialled_at = Some(at);
                it.stage = Stage::Dialling {
                    agent: agent.clone(),
                    picked_up: true,
                    since: at,
                };
            }
            Event::Connected { agent, waited_ms, .. } => {
                it.close(SegmentKind::Ringing, None, at);
                it.close(SegmentKind::Queue, None, at);
                it.open(SegmentKind::Talk, Some(agent.clone()), None, at);
                it.waited_ms += waited_ms;
                if let Some(work) = it.work().cloned()
                    && let Some(queue) = self.queues.get_mut(&work.queue)
                {
                    queue.leave(work.since, id, it.channel);
                }
                it.agent = Some(agent.clone());
                it.stage = Stage::Talking {
                    agent: agent.clone(),
                    since: at,
                    held: false,
                };
            }
            Event::Held { agent, .. } => {
                it.close(SegmentKind::Talk, None, at);
                it.open(SegmentKind::Hold, Some(agent.clone()), None, at);
                if let Stage::Talking { held, .. } = &mut it.stage {
                    *held = true;
                }
            }
            Event::Resumed { agent, .. } => {
                it.close(SegmentKind::Hold, None, at);
                it.open(SegmentKind::Talk, Some(agent.clone()), None, at);
                if let Stage::Talking { held, .. } = &mut it.stage {
                    *held = false;
                }
            }
            Event::AgentLeft {
                talked_ms,
                transferred_to,
                ..
            } => {
                it.close(SegmentKind::Talk, None, at);
                it.close(SegmentKind::Hold, None, at);
                it.talked_ms += talked_ms;
                it.stage = Stage::Flow;
                if transferred_to.is_none() {
                    it.open(SegmentKind::Survey, None, None, at);
                }
            }
            Event::SurveyAnswered { answer, .. } => it.surveys.push(answer.clone()),
            Event::RecordingStored {
                digest,
                started_at,
                length_ms,
                speech,
                ..
            } => {
                it.recording = Some(StoredRecording {
                    digest: *digest,
                    started_at: *started_at,
                    length_ms: *length_ms,
                    speech: *speech,
                });
            }
            Event::InteractionEnded { by, abandoned, .. } => {
                it.close_all(at);
                it.stage = Stage::Ended;
                it.ending = Some(Ending {
                    at,
                    by: Some(*by),
                    abandoned: *abandoned,
                });
            }
            Event::CutOff { last_at, .. } => {
                it.cut_off = Some(CutOff {
                    at: *last_at,
                    talking: matches!(it.stage, Stage::Talking { .. }),
                });
            }
            Event::Orphaned { .. } => {
                if let Some(work) = it.work().cloned()
                    && let Some(queue) = self.queues.get_mut(&work.queue)
                {
                    queue.leave(work.since, id, it.channel);
                }
                it.close_all(at);
                it.orphaned = true;
                it.stage = Stage::Ended;
                it.ending = Some(Ending {
                    at,
                    by: Some(EndedBy::Restart),
                    abandoned: None,
                });
            }
            Event::Evaluated { score, .. } => {
                it.score = *score;
                it.evaluated = true;
            }
            Event::Tagged { .. } => it.tagged = true,
            _ => {}
        }
    }
}
