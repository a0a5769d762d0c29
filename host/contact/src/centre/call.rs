//! The call itself: arrival, what its legs report, and its end from any side at any moment.

use std::sync::Arc;

use jackfield_types::{AgentId, Channel, CustomerId, E164, InteractionId, LegId, QueueId, limits};

use super::configure::unknown;
use super::{Step, TRANSFER_PRIORITY};
use crate::agent::AgentState;
use crate::decision::FlowEvent;
use crate::event::{AbandonStage, EndedBy, Event, LeftReason, OfferFailure};
use crate::input::Rejected;
use crate::interaction::{Interaction, Playing, Stage};
use crate::leg::{Cause, LegCommand, LegEvent};
use crate::timer::TimerKey;

/// How long the voice side may take to hand over a recording after the call.
const RECORDING_DUE_MS: u64 = 60_000;

impl Step<'_> {
    pub(super) fn call_arrived(
        &mut self,
        interaction: InteractionId,
        caller: Arc<str>,
        caller_name: Option<Arc<str>>,
        number: E164,
        customer: Option<CustomerId>,
        last_agent: Option<AgentId>,
    ) -> Result<(), Rejected> {
        if !self.centre.numbers.contains_key(&number) {
            return Err(unknown("number", &number));
        }
        if self.centre.interactions.contains_key(&interaction) {
            return Ok(());
        }
        self.check_live()?;
        let channel = Channel::Voice;
        self.record(Event::InteractionStarted {
            interaction,
            channel,
            caller,
            caller_name,
            number: Some(number),
            entry: None,
            customer,
            last_agent,
            outgoing: None,
        });
        self.order(LegId::customer(interaction), LegCommand::Answer);
        Ok(())
    }

    /// Whether there is room for one more live interaction.
    pub(super) fn check_live(&self) -> Result<(), Rejected> {
        let most = limits::MAX_LIVE_INTERACTIONS;
        let known = &self.centre.interactions;
        // Counting the live ones is needed only when there could be too many.
        if known.len() >= most && known.values().filter(|it| it.stage != Stage::Ended).count() >= most {
            return Err(Rejected::new(
                "too-many",
                format!("a tenant can have {most} live interactions; one more is refused"),
            ));
        }
        Ok(())
    }

    pub(super) fn leg_event(&mut self, leg: LegId, event: LegEvent) {
        let Some(it) = self.live(leg.interaction) else {
            return;
        };
        if it.stage == Stage::Ended || it.chat.is_some() {
            return;
        }
        if leg.number == 0 {
            self.customer_leg(leg.interaction, event);
        } else if it.live.agent_leg == Some(leg) {
            self.agent_leg(leg, event);
        } else if event == LegEvent::Answered {
            // The phone was answered just after we gave up calling it.
            self.order(leg, LegCommand::HangUp { cause: Cause::Normal });
        }
    }

    fn customer_leg(&mut self, id: InteractionId, event: LegEvent) {
        match event {
            LegEvent::Answered => {
                let Some(it) = self.live(id) else { return };
                if it.outgoing.is_some() {
                    return self.customer_answered(id);
                }
                if !std::mem::replace(&mut it.live.answered, true) {
                    it.live.flow.alive = true;
                    self.tell_flow(id, FlowEvent::Started);
                }
            }
            LegEvent::Digit(digit) => self.digit(id, digit),
            LegEvent::PlayFinished {
                action,
                interrupted,
                failed,
            } => {
                if let Some(problem) = failed {
                    self.record(Event::PromptFailed {
                        interaction: id,
                        problem,
                    });
                }
                let current = self
                    .live(id)
                    .is_some_and(|it| it.live.playing == Playing::Prompts(action));
                if current && !interrupted {
                    self.play_finished(id);
                }
            }
            LegEvent::Ended { cause, .. } => self.finish(id, EndedBy::Customer, cause),
            LegEvent::Ringing
            | LegEvent::Held
            | LegEvent::Resumed
            | LegEvent::Recorded(_)
            | LegEvent::RecordingFailed(_) => {}
        }
    }

    fn agent_leg(&mut self, leg: LegId, event: LegEvent) {
        let id = leg.interaction;
        let Some(it) = self.live(id) else { return };
        match (event, it.stage.clone()) {
            // Phones may say it again and again.
            (LegEvent::Ringing, Stage::Offered { offer, agent, .. }) if !it.live.ringing => {
                it.live.ringing = true;
                self.record(Event::OfferRinging {
                    interaction: id,
                    offer,
                    agent,
                });
            }
            (LegEvent::Answered, Stage::Offered { .. }) => self.connect(leg),
            (LegEvent::Answered, Stage::Dialling { .. }) => self.agent_picked_up(id),
            (LegEvent::Ended { cause, .. }, Stage::Dialling { .. }) => {
                self.finish(id, EndedBy::Agent, cause);
            }
            (LegEvent::Ended { cause, .. }, Stage::Offered { .. }) => {
                let reason = match cause {
                    Cause::Busy | Cause::Declined | Cause::Normal => OfferFailure::Declined,
                    Cause::NoAnswer | Cause::Cancelled => OfferFailure::NoAnswer,
                    Cause::Unreachable | Cause::UnknownNumber | Cause::Overloaded | Cause::MediaFailed => {
                        OfferFailure::Unreachable
                    }
                };
                self.offer_failed(id, reason);
            }
            (LegEvent::Ended { .. }, Stage::Talking { .. }) => {
                if let Some((agent, talked_ms)) = self.agent_left(id, None) {
                    self.after_agent(id, agent, talked_ms);
                }
            }
            (
                LegEvent::Held,
                Stage::Talking {
                    agent, held: false, ..
                },
            ) => {
                self.record(Event::Held {
                    interaction: id,
                    agent: agent.clone(),
                });
                self.set_state(&agent, AgentState::Hold, Some(id));
            }
            (
                LegEvent::Resumed,
                Stage::Talking {
                    agent, held: true, ..
                },
            ) => {
                self.record(Event::Resumed {
                    interaction: id,
                    agent: agent.clone(),
                });
                self.set_state(&agent, AgentState::Talking, Some(id));
            }
            _ => {}
        }
    }

    fn connect(&mut self, agent_leg: LegId) {
        let id = agent_leg.interaction;
        let Some(it) = self.live(id) else { return };
        let Stage::Offered { work, offer, agent } = it.stage.clone() else {
            return;
        };
        it.live.playing = Playing::Nothing;
        it.live.input = None;
        it.live.typed_ahead.clear();
        it.live.hang_up_after_play = false;
        it.live.overflow_hops = 0;
        let waited_ms = self.now.since(work.since);
        for key in [
            TimerKey::OfferTimeout(id),
            TimerKey::MaxWait(id),
            TimerKey::Progress(id),
            TimerKey::Keypad(id),
        ] {
            self.disarm(&key);
        }
        self.record(Event::Connected {
            interaction: id,
            offer,
            agent: agent.clone(),
            waited_ms,
        });
        self.bridge(agent_leg, &agent, &work.queue);
        self.tell_flow(id, FlowEvent::Answered(agent));
    }

    /// Lets customer and agent hear each other, and records them if the queue says so.
    pub(super) fn bridge(&mut self, agent_leg: LegId, agent: &AgentId, queue: &QueueId) {
        let id = agent_leg.interaction;
        self.set_state(agent, AgentState::Talking, Some(id));
        self.order(LegId::customer(id), LegCommand::Bridge { with: agent_leg });
        let queue = self.centre.queues.get(queue);
        if queue.is_some_and(|queue| queue.config.record) {
            self.start_recording(id);
        }
    }

    pub(super) fn start_recording(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        if !std::mem::replace(&mut it.live.recording, true) {
            it.live.recordings_due += 1;
            self.record(Event::RecordingStarted { interaction: id });
            self.order(LegId::customer(id), LegCommand::StartRecording);
        }
    }

    /// The agent's part is over; the agent goes into wrap-up. The customer stays. Says who it was, and how long they
    /// were connected.
    pub(super) fn agent_left(
        &mut self,
        id: InteractionId,
        transferred_to: Option<QueueId>,
    ) -> Option<(AgentId, u64)> {
        let it = self.live(id)?;
        let Stage::Talking { agent, since, .. } = it.stage.clone() else {
            return None;
        };
        it.live.agent_leg = None;
        let talked_ms = self.now.since(since);
        self.record(Event::AgentLeft {
            interaction: id,
            agent: agent.clone(),
            talked_ms,
            transferred_to,
        });
        if self.live(id).is_some_and(|it| it.chat.is_some()) {
            self.chat_left(id, &agent, talked_ms);
        } else {
            self.begin_wrap_up(&agent, id);
        }
        Some((agent, talked_ms))
    }

    /// The customer is alone after the agent hung up: the flow may ask a survey, else the call ends.
    pub(super) fn after_agent(&mut self, id: InteractionId, agent: AgentId, talked_ms: u64) {
        let Some(it) = self.live(id) else { return };
        match (it.has_flow(), it.chat.is_some()) {
            (false, _) => self.finish(id, EndedBy::Agent, Cause::Normal),
            (true, true) => self.pump(id),
            (true, false) => self.tell_flow(id, FlowEvent::AgentLeft { agent, talked_ms }),
        }
    }

    pub(super) fn transfer_to_queue(&mut self, id: InteractionId, queue: QueueId) -> Result<(), Rejected> {
        let Some(it) = self.centre.interactions.get(&id) else {
            return Err(unknown("interaction", &id));
        };
        let Stage::Talking { .. } = it.stage else {
            return Err(Rejected::new(
                "wrong-state",
                format!("interaction {id} is not connected to an agent, so it can't be transferred"),
            ));
        };
        let agent_leg = it.live.agent_leg;
        let Some(entry) = self.centre.queues.get(&queue) else {
            return Err(unknown("queue", &queue));
        };
        if entry.len() >= entry.config.max_waiting {
            return Err(Rejected::new(
                "queue-full",
                format!("queue {queue} is full; choose another"),
            ));
        }
        if let Some(leg) = agent_leg {
            self.order(leg, LegCommand::HangUp { cause: Cause::Normal });
        }
        self.agent_left(id, Some(queue.clone()));
        if let Some(it) = self.live(id) {
            it.live.passed_over.clear();
        }
        self.place_in_queue(id, queue, Vec::new(), TRANSFER_PRIORITY);
        self.play_waiting(id, Vec::new());
        Ok(())
    }

    pub(super) fn end_interaction(&mut self, id: InteractionId) -> Result<(), Rejected> {
        match self.centre.interactions.get(&id) {
            None => Err(unknown("interaction", &id)),
            Some(it) if it.stage == Stage::Ended => Err(Rejected::new(
                "wrong-state",
                format!("interaction {id} has ended already"),
            )),
            Some(_) => {
                self.finish(id, EndedBy::System, Cause::Normal);
                Ok(())
            }
        }
    }

    /// Ends the customer's part, whatever its stage.
    pub(super) fn finish(&mut self, id: InteractionId, by: EndedBy, cause: Cause) {
        let Some(it) = self.live(id) else { return };
        let stage = it.stage.clone();
        if stage == Stage::Ended {
            return;
        }
        let answered = it.agent.is_some();
        // Who never wrote has given nothing up.
        let silent = it.chat.as_ref().is_some_and(|chat| !chat.asked);
        let abandoned = match &stage {
            _ if by != EndedBy::Customer || answered || silent => None,
            Stage::Flow => Some(AbandonStage::Ivr),
            Stage::Queued(_) => Some(AbandonStage::Queue),
            Stage::Offered { .. } => Some(AbandonStage::Ringing),
            Stage::Dialling { .. } | Stage::Talking { .. } | Stage::Ended => None,
        };
        match &stage {
            Stage::Offered { .. } => self.withdraw_offer(id),
            Stage::Dialling { agent, .. } => self.stop_dialling(id, agent, cause),
            Stage::Talking { .. } => {
                if let Some(leg) = it.live.agent_leg {
                    self.order(leg, LegCommand::HangUp { cause: Cause::Normal });
                }
                self.agent_left(id, None);
            }
            Stage::Flow | Stage::Queued(_) | Stage::Ended => {}
        }
        let reason = if by == EndedBy::Customer {
            LeftReason::Abandoned
        } else {
            LeftReason::Flow
        };
        self.leave_queue(id, reason);
        for key in [
            TimerKey::MaxWait(id),
            TimerKey::Progress(id),
            TimerKey::Keypad(id),
            TimerKey::Reply(id),
            TimerKey::Typing(id),
            TimerKey::Unanswered(id),
            TimerKey::Idle(id),
        ] {
            self.disarm(&key);
        }
        self.centre.timers.disarm_flow(id);
        let written = self.live(id).is_some_and(|it| it.chat.is_some());
        if by != EndedBy::Customer && !written {
            self.order(LegId::customer(id), LegCommand::HangUp { cause });
        }
        self.record(Event::InteractionEnded {
            interaction: id,
            by,
            cause,
            abandoned,
        });
        let Some(it) = self.live(id) else { return };
        it.live.input = None;
        it.live.flow.backlog.clear();
        it.live.after.awaits_recording = it.live.recordings_due > 0;
        if it.live.after.awaits_recording {
            self.arm(TimerKey::RecordingDue(id), RECORDING_DUE_MS);
        }
        if written {
            self.pump(id);
        } else {
            self.tell_flow(id, FlowEvent::Ended);
        }
        self.advance_after_call(id);
    }

    /// Notes of every call that was live until when it is known to have been there: until the last fact in the journal, or
    /// until the end of its recording.
    fn cut_off_calls(&mut self) {
        let cut_off = |it: &Interaction| {
            let recorded = it.recording.as_ref();
            let heard_until = recorded.map(|recording| recording.started_at + recording.length_ms);
            let last_at = heard_until.max(Some(self.centre.lived_until))?;
            Some(Event::CutOff {
                interaction: it.id,
                last_at: last_at.max(it.started_at).min(self.now),
            })
        };
        let live = |it: &&Interaction| it.stage != Stage::Ended && it.chat.is_none() && it.cut_off.is_none();
        let all = self.centre.interactions.values();
        let noted: Vec<_> = all.filter(live).filter_map(cut_off).collect();
        noted.into_iter().for_each(|event| self.record(event));
    }

    /// After a start: sockets are gone, so calls that were live are orphaned, as of the moment of which they are known;
    /// written conversations go on; what is left to be done afterwards is done.
    pub(super) fn restarted(&mut self) {
        // All of them first: a start that dies after these knows their moments still.
        self.cut_off_calls();
        let all: Vec<_> = self.centre.interactions.keys().copied().collect();
        for id in &all {
            let Some(it) = self.centre.interactions.get(id) else {
                continue;
            };
            match it.stage.clone() {
                Stage::Ended => continue,
                _ if it.chat.is_some() => continue,
                Stage::Offered { offer, agent, .. } => self.record(Event::OfferFailed {
                    interaction: *id,
                    offer,
                    agent,
                    reason: OfferFailure::Orphaned,
                }),
                Stage::Talking { agent, since, .. } => {
                    let talked_ms = it.cut_off.map_or(0, |cut_off| cut_off.at.since(since));
                    self.record(Event::AgentLeft {
                        interaction: *id,
                        agent,
                        talked_ms,
                        transferred_to: None,
                    });
                }
                Stage::Flow | Stage::Queued(_) | Stage::Dialling { .. } => {}
            }
            self.leave_queue(*id, LeftReason::Orphaned);
            self.record(Event::Orphaned { interaction: *id });
        }
        let agents: Vec<_> = self
            .centre
            .agents
            .values()
            .map(|a| (a.config.id.clone(), a.state.clone(), a.interaction))
            .collect();
        for (agent, state, interaction) in agents {
            match (state, interaction) {
                (AgentState::Reserved, _) => self.release(&agent, AgentState::Available),
                (AgentState::Talking | AgentState::Hold, Some(id)) => self.begin_wrap_up(&agent, id),
                (AgentState::WrapUp { until }, _) => self.arm(TimerKey::WrapUp(agent), until.since(self.now)),
                _ => {}
            }
        }
        for id in all {
            self.resume_chat(id);
            self.advance_after_call(id);
        }
    }
}
