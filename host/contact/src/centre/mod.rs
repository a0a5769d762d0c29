//! The contact centre of one tenant as a state machine.
//!
//! [`Centre::handle`] takes an input and its time and returns events and effects; it never waits, reads no clock and
//! draws no random number. Durable state changes in one place only, [`apply`](Centre::apply), which also rebuilds
//! the centre from its journal. What lives only as long as a call's sockets (`interaction::Live`, timers, questions
//! under way) is changed directly and is gone after a restart, when `Restarted` orphans the calls it belonged to.

mod after;
mod agents;
mod apply;
mod call;
mod configure;
mod flow;
mod keypad;
#[cfg(test)]
mod properties;
mod routing;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use jackfield_types::{
    AgentId, Channel, E164, ExtensionPoint, InteractionId, LegId, PluginKind, QueueId, Timestamp,
};

use crate::agent::{Agent, AgentState};
use crate::config::NumberConfig;
use crate::decision::{Answer, Failure, Provenance, Question, QueueStatus};
use crate::effect::{AskId, Effect, Outcome};
use crate::event::{Event, Recorded};
use crate::input::{Input, Rejected};
use crate::interaction::Interaction;
use crate::leg::{ActionId, LegCommand};
use crate::queue::Queue;
use crate::timer::{TimerKey, Timers};

/// The contact centre of one tenant.
#[derive(Debug, Clone, Default)]
pub struct Centre {
    numbers: BTreeMap<E164, NumberConfig>,
    queues: BTreeMap<QueueId, Queue>,
    agents: BTreeMap<AgentId, Agent>,
    interactions: BTreeMap<InteractionId, Interaction>,
    /// Agents who can be offered a call, longest idle first.
    free: BTreeSet<(Timestamp, AgentId)>,
    /// Queues whose routing has to be looked at.
    dirty: BTreeSet<QueueId>,
    timers: Timers,
    asks: BTreeMap<AskId, Asked>,
    last_ask: u64,
}

/// Whom a question under way is about.
#[derive(Debug, Clone)]
enum Asked {
    Flow(InteractionId),
    Routing {
        queue: QueueId,
        work: Vec<InteractionId>,
        agents: Vec<AgentId>,
    },
    AfterCall(InteractionId, PluginKind),
}

impl Asked {
    /// The fact that a plugin gave no valid answer.
    fn failed(&self, failure: Failure, fallback: &str) -> Event {
        let (interaction, queue, kind) = match self {
            Self::Flow(id) => (Some(*id), None, PluginKind::VoiceFlow),
            Self::Routing { queue, .. } => (None, Some(queue.clone()), PluginKind::RoutingStrategy),
            Self::AfterCall(id, kind) => (Some(*id), None, *kind),
        };
        Event::DecisionFailed {
            interaction,
            queue,
            kind,
            failure,
            fallback: fallback.into(),
        }
    }
}

/// One input being handled.
struct Step<'a> {
    centre: &'a mut Centre,
    now: Timestamp,
    out: &'a mut Outcome,
}

impl Centre {
    /// An empty centre.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles one input at a time and appends events and effects to `out`. `now` must never be earlier than in the
    /// call before, and is the time of the events.
    ///
    /// # Errors
    /// [`Rejected`] when what an administrator, agent or caller wishes can't be: then nothing was changed or appended.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Outcome) -> Result<(), Rejected> {
        let mut step = Step {
            centre: self,
            now,
            out,
        };
        step.dispatch(input)?;
        step.route_dirty_queues();
        Ok(())
    }

    /// Takes a fact from the journal; for rebuilding after a start.
    pub fn replay(&mut self, recorded: &Recorded) {
        self.apply(recorded.at, &recorded.event);
    }

    /// When `Input::Timeout` is due next.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// The tenant's numbers.
    pub fn numbers(&self) -> impl Iterator<Item = &NumberConfig> {
        self.numbers.values()
    }

    /// One number.
    pub fn number(&self, number: &E164) -> Option<&NumberConfig> {
        self.numbers.get(number)
    }

    /// The tenant's queues.
    pub fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values()
    }

    /// One queue.
    pub fn queue(&self, queue: &QueueId) -> Option<&Queue> {
        self.queues.get(queue)
    }

    /// The tenant's agents.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// One agent.
    pub fn agent(&self, agent: &AgentId) -> Option<&Agent> {
        self.agents.get(agent)
    }

    /// Interactions that are not closed yet, oldest first.
    pub fn interactions(&self) -> impl Iterator<Item = &Interaction> {
        self.interactions.values()
    }

    /// An interaction that is not closed yet.
    pub fn interaction(&self, interaction: InteractionId) -> Option<&Interaction> {
        self.interactions.get(&interaction)
    }

    /// How a queue stands.
    pub fn queue_status(&self, queue: &QueueId, now: Timestamp) -> Option<QueueStatus> {
        let entry = self.queues.get(queue)?;
        let serving = |agent: &&Agent| agent.config.queues.contains(queue);
        let free = |(_, id): &&(Timestamp, AgentId)| self.agents.get(id).is_some_and(|agent| serving(&agent));
        let signed_in = self.signed_in(queue);
        Some(QueueStatus {
            waiting: entry.len(),
            available: self.free.iter().filter(free).count() as u32,
            signed_in,
            longest_wait_ms: entry.waiting.first().map_or(0, |(since, _)| now.since(*since)),
            expected_wait_ms: entry.expected_wait_ms(entry.len() + 1, signed_in),
        })
    }

    /// Agents of a queue who are at work: neither signed out nor on a break.
    fn signed_in(&self, queue: &QueueId) -> u32 {
        let at_work = |agent: &&Agent| {
            agent.config.queues.contains(queue)
                && agent.config.capacity(Channel::Voice) > 0
                && !matches!(agent.state, AgentState::Offline | AgentState::Break { .. })
        };
        self.agents.values().filter(at_work).count() as u32
    }
}

impl Step<'_> {
    fn dispatch(&mut self, input: Input) -> Result<(), Rejected> {
        match input {
            Input::SetQueue(config) => self.set_queue(config)?,
            Input::RemoveQueue(queue) => self.remove_queue(queue)?,
            Input::SetNumber(config) => self.set_number(config)?,
            Input::RemoveNumber(number) => self.remove_number(number)?,
            Input::SetAgent(config) => self.set_agent(config)?,
            Input::RemoveAgent(agent) => self.remove_agent(agent)?,
            Input::RequestState { agent, wanted } => self.request_state(agent, wanted)?,
            Input::Phone { agent, registered } => self.set_phone(&agent, registered),
            Input::CallArrived {
                interaction,
                caller,
                caller_name,
                number,
                customer,
                last_agent,
            } => {
                self.call_arrived(interaction, caller, caller_name, number, customer, last_agent)?;
            }
            Input::Leg { leg, event } => self.leg_event(leg, event),
            Input::RecordingStored {
                interaction,
                digest,
                recording,
            } => {
                self.recording_stored(interaction, digest, &recording);
            }
            Input::RecordingFailed { interaction, problem } => self.recording_failed(interaction, problem),
            Input::TransferToQueue { interaction, queue } => self.transfer_to_queue(interaction, queue)?,
            Input::EndInteraction(interaction) => self.end_interaction(interaction)?,
            Input::Decided {
                ask,
                outcome,
                failed_before,
            } => self.decided(ask, outcome, failed_before),
            Input::BindingNoted {
                point,
                plugin,
                version,
                note,
            } => self.record(Event::BindingNoted {
                point,
                plugin,
                version,
                note,
            }),
            Input::DecisionsErased {
                customer,
                records,
                by,
            } => self.record(Event::DecisionsErased {
                customer,
                records,
                by,
            }),
            Input::OutboundChecked(check) => self.record(Event::OutboundChecked { check }),
            Input::BindingChanged(point) => {
                if let ExtensionPoint::Queue(queue) = point {
                    self.centre.dirty.insert(queue);
                }
            }
            Input::Timeout => self.run_due_timers(),
            Input::Restarted => self.restarted(),
        }
        Ok(())
    }

    /// Makes a fact true: the only way in which durable state changes.
    fn record(&mut self, event: Event) {
        self.centre.apply(self.now, &event);
        self.out.events.push(event);
    }

    fn live(&mut self, interaction: InteractionId) -> Option<&mut Interaction> {
        self.centre.interactions.get_mut(&interaction)
    }

    fn order(&mut self, leg: LegId, command: LegCommand) -> ActionId {
        let Some(interaction) = self.live(leg.interaction) else {
            return 0;
        };
        interaction.live.next_action += 1;
        let action = interaction.live.next_action;
        self.out.effects.push(Effect::Leg { leg, action, command });
        action
    }

    fn ask(&mut self, about: Asked, point: ExtensionPoint, question: Question) -> AskId {
        self.centre.last_ask += 1;
        let ask = AskId(self.centre.last_ask);
        let patience_ms = match question {
            Question::Flow(_)
            | Question::Chat(_)
            | Question::Routing(_)
            | Question::Outbound(_)
            | Question::Pacing(_)
            | Question::Assist(_) => 2_000,
            Question::Tags(_) | Question::Connector(_) => 10_000,
            Question::Scorecard(_) => 30_000,
        };
        self.arm(TimerKey::AskDeadline(ask), patience_ms);
        self.centre.asks.insert(ask, about);
        self.out.effects.push(Effect::Ask { ask, point, question });
        ask
    }

    fn decided(
        &mut self,
        ask: AskId,
        outcome: Result<(Answer, Provenance), Failure>,
        failed_before: Option<Failure>,
    ) {
        let Some(about) = self.centre.asks.remove(&ask) else {
            return;
        };
        self.disarm(&TimerKey::AskDeadline(ask));
        if let Some(failure) = failed_before {
            self.record(about.failed(failure, "last-good-version"));
        }
        match about {
            Asked::Flow(interaction) => self.flow_decided(interaction, ask, outcome),
            Asked::Routing { queue, work, agents } => self.routing_decided(&queue, &work, &agents, outcome),
            Asked::AfterCall(interaction, kind) => self.after_call_decided(interaction, kind, outcome),
        }
    }

    fn arm(&mut self, key: TimerKey, after_ms: u64) {
        self.centre.timers.arm(key, self.now + after_ms);
    }

    /// Sees to it that a queue's routing is looked at after so long at the latest.
    fn look_again(&mut self, queue: QueueId, after_ms: u64) {
        let at = self.now + after_ms;
        self.centre.timers.arm_at_latest(TimerKey::LookAgain(queue), at);
    }

    fn disarm(&mut self, key: &TimerKey) {
        self.centre.timers.disarm(key);
    }

    fn run_due_timers(&mut self) {
        while let Some(key) = self.centre.timers.pop_due(self.now) {
            match key {
                TimerKey::OfferTimeout(interaction) => self.offer_timed_out(interaction),
                TimerKey::MaxWait(interaction) => self.waited_too_long(interaction),
                TimerKey::Progress(interaction) => self.tell_progress(interaction),
                TimerKey::Keypad(interaction) => self.keypad_timed_out(interaction),
                TimerKey::Flow(interaction, name) => self.flow_timer(interaction, name),
                TimerKey::WrapUp(agent) => self.end_wrap_up(&agent),
                TimerKey::LookAgain(queue) => {
                    self.centre.dirty.insert(queue);
                }
                TimerKey::AskDeadline(ask) => {
                    let message = "no answer came in time; the host may be overloaded".into();
                    let code = "timeout".into();
                    self.decided(ask, Err(Failure { code, message }), None);
                }
                TimerKey::RetryAfterCall(interaction) => self.retry_after_call(interaction),
                TimerKey::RecordingDue(interaction) => self.recording_overdue(interaction),
            }
        }
    }
}
