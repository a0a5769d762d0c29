//! The contact centre of one tenant as a state machine.
//!
//! [`Centre::handle`] takes an input and its time and returns events and effects; it never waits, reads no clock and
//! draws no random number. Durable state changes in one place only, [`apply`](Centre::apply), which also rebuilds
//! the centre from its journal. What lives only as long as a call's sockets (`interaction::Live`, timers, questions
//! under way) is changed directly and is gone after a restart, when `Restarted` orphans the calls it belonged to.

mod after;
mod agents;
mod apply;
mod apply_chat;
mod bot;
mod call;
mod chat;
mod configure;
mod flow;
mod keypad;
mod outgoing;
#[cfg(test)]
mod properties;
mod routing;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_types::{
    AgentId, Channel, ChatEntryId, E164, ExtensionPoint, InteractionId, LegId, PluginKind, QueueId, Timestamp,
};

use crate::agent::Agent;
use crate::config::{ChatEntryConfig, NumberConfig};
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
    chat_entries: BTreeMap<ChatEntryId, ChatEntryConfig>,
    queues: BTreeMap<QueueId, Queue>,
    agents: BTreeMap<AgentId, Agent>,
    interactions: BTreeMap<InteractionId, Interaction>,
    /// Written conversations that go on, by entry and the customer's address.
    conversations: BTreeMap<(ChatEntryId, Arc<str>), InteractionId>,
    /// Agents who can be offered work of a channel, longest idle first.
    free: BTreeMap<Channel, BTreeSet<(Timestamp, AgentId)>>,
    /// Queues whose routing has to be looked at.
    dirty: BTreeSet<QueueId>,
    timers: Timers,
    asks: BTreeMap<AskId, Asked>,
    last_ask: u64,
    /// The time of the last fact that was written while calls lived, of those that were read from the journal.
    lived_until: Timestamp,
}

/// A transferred customer has waited once already.
const TRANSFER_PRIORITY: i32 = 10;
/// An agent who has declined work, or has lost it to another queue, is not offered it again for so long.
const PASSED_OVER_MS: u64 = 30_000;

/// Whom a question under way is about.
#[derive(Debug, Clone)]
enum Asked {
    Flow(InteractionId),
    Chat(InteractionId),
    Routing {
        queue: QueueId,
        channel: Channel,
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
            Self::Chat(id) => (Some(*id), None, PluginKind::ChatFlow),
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
        match recorded.event {
            // What a start writes first, before it ends the calls: it may have died on the way.
            Event::CutOff { .. } | Event::RecordingStored { .. } | Event::RecordingFailed { .. } => {}
            _ => self.lived_until = recorded.at,
        }
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

    /// The tenant's chat entries.
    pub fn chat_entries(&self) -> impl Iterator<Item = &ChatEntryConfig> {
        self.chat_entries.values()
    }

    /// One chat entry.
    pub fn chat_entry(&self, entry: &ChatEntryId) -> Option<&ChatEntryConfig> {
        self.chat_entries.get(entry)
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

    /// The conversation that a customer has going on at an entry.
    pub fn conversation(&self, entry: &ChatEntryId, address: &str) -> Option<&Interaction> {
        let key = (entry.clone(), address.into());
        self.interaction(*self.conversations.get(&key)?)
    }

    /// How a queue stands, for work of a channel: all that waits, and the agents who serve that channel.
    pub fn queue_status(&self, queue: &QueueId, channel: Channel, now: Timestamp) -> Option<QueueStatus> {
        let entry = self.queues.get(queue)?;
        let serving = |(_, id): &&(Timestamp, AgentId)| {
            let agent = self.agents.get(id);
            agent.is_some_and(|agent| agent.config.queues.contains(queue))
        };
        let free = self.free.get(&channel);
        Some(QueueStatus {
            waiting: entry.len(),
            available: free.map_or(0, |free| free.iter().filter(serving).count() as u32),
            signed_in: self.at_work(queue, channel).count() as u32,
            longest_wait_ms: entry.waiting.first().map_or(0, |(since, _)| now.since(*since)),
            expected_wait_ms: self.expected_wait_ms(entry, channel, entry.len() + 1),
        })
    }

    /// Agents of a queue who serve a channel and are at work: neither signed out nor on a break.
    fn at_work(&self, queue: &QueueId, channel: Channel) -> impl Iterator<Item = &Agent> {
        self.agents.values().filter(move |agent| {
            agent.config.queues.contains(queue)
                && agent.config.capacity(channel) > 0
                && agent.state.is_at_work()
        })
    }

    /// Expected wait of the work at `position` (1 is next): what is in hand ends evenly spread over as many places as
    /// the agents at work have.
    fn expected_wait_ms(&self, queue: &Queue, channel: Channel, position: u32) -> Option<u64> {
        let places = self
            .at_work(&queue.config.id, channel)
            .map(|agent| u32::from(agent.config.capacity(channel)))
            .sum();
        queue.expected_wait_ms(channel, position, places)
    }
}

impl Step<'_> {
    fn dispatch(&mut self, input: Input) -> Result<(), Rejected> {
        match input {
            Input::SetQueue(config) => self.set_queue(config)?,
            Input::RemoveQueue(queue) => self.remove_queue(queue)?,
            Input::SetNumber(config) => self.set_number(config)?,
            Input::RemoveNumber(number) => self.remove_number(number)?,
            Input::SetChatEntry(config) => self.set_chat_entry(config)?,
            Input::RemoveChatEntry(entry) => self.remove_chat_entry(entry)?,
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
            Input::AgentCalls {
                interaction,
                callee,
                number,
                customer,
                outgoing,
            } => self.agent_calls(interaction, callee, number, customer, outgoing)?,
            Input::ChatStarted {
                interaction,
                entry,
                address,
                anew,
                attributes,
                name,
                customer,
                last_agent,
                greeting,
            } => {
                let place = (entry, address);
                self.chat_started(interaction, place, anew, attributes, name, customer, last_agent)?;
                if let Some(greeting) = greeting {
                    self.greeted(interaction, *greeting);
                }
                self.pump(interaction);
            }
            Input::CustomerWrites { interaction, message } => self.customer_writes(interaction, message)?,
            Input::AgentWrites {
                interaction,
                agent,
                message,
            } => self.agent_writes(interaction, agent, message)?,
            Input::MessagesRead {
                interaction,
                by,
                up_to,
            } => self.messages_read(interaction, by, up_to)?,
            Input::MessageDelivery {
                interaction,
                number,
                delivery,
                attempts,
                reason,
                words,
                provider_id,
            } => self.record(Event::MessageDelivery {
                interaction,
                number,
                delivery,
                attempts,
                reason,
                words,
                provider_id,
            }),
            Input::AttachmentFetched {
                interaction,
                number,
                index,
                outcome,
            } => {
                let (attachment, refused) = match outcome {
                    Ok(attachment) => (Some(attachment), None),
                    Err(code) => (None, Some(code)),
                };
                self.record(Event::AttachmentFetched {
                    interaction,
                    number,
                    index,
                    attachment,
                    refused,
                });
            }
            Input::AttachmentOpened {
                interaction,
                number,
                attachment,
            } => self.record(Event::AttachmentOpened {
                interaction,
                number,
                attachment,
            }),
            Input::AcceptOffer { interaction, agent } => self.accept_offer(interaction, &agent)?,
            Input::DeclineOffer { interaction, agent } => self.decline_offer(interaction, &agent)?,
            Input::LeaveChat { interaction, agent } => self.leave_chat(interaction, &agent)?,
            Input::TemplateFilled { interaction, text } => self.template_filled(interaction, text)?,
            Input::CustomerLeaves(interaction) => self.customer_leaves(interaction)?,
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
            Asked::Chat(interaction) => self.chat_decided(interaction, ask, outcome),
            Asked::Routing {
                queue,
                channel,
                work,
                agents,
            } => self.routing_decided(&queue, channel, &work, &agents, outcome),
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
                TimerKey::Reply(interaction) => self.reply_overdue(interaction),
                TimerKey::Typing(interaction) => self.continue_chat(interaction),
                TimerKey::Unanswered(interaction) => self.unanswered_due(interaction),
                TimerKey::Idle(interaction) => self.idle(interaction),
                TimerKey::WrapUp(agent) => self.end_wrap_up(&agent),
                TimerKey::LookAgain(queue) => self.look_again_due(queue),
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
