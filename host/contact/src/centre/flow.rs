//! The flow's conversation with its call: events out, actions in, and what happens when it fails.

use std::sync::Arc;

use jackfield_types::{ExtensionPoint, InteractionId, LegId, PluginKind, limits};

use super::{Asked, Step};
use crate::decision::{
    Answer, CallInfo, ChatEvent, Failure, FlowAction, FlowAnswer, FlowEvent, FlowQuestion, Provenance,
    Question, QueueExit, SegmentKind,
};
use crate::effect::AskId;
use crate::event::{EndedBy, Event, LeftReason};
use crate::interaction::{Interaction, KeypadInput, Playing, Stage, Wants};
use crate::leg::{Cause, LegCommand, Prompt};
use crate::timer::TimerKey;

/// Events that a flow has not seen yet; older progress is worth less than none.
const MAX_BACKLOG: usize = 32;

impl Step<'_> {
    /// Tells the flow, now or when it has answered what it was told before.
    pub(super) fn tell_flow(&mut self, id: InteractionId, event: FlowEvent) {
        let Some(it) = self.live(id) else { return };
        let flow = &mut it.live.flow;
        if !flow.alive {
            return;
        }
        if flow.asked.is_some() {
            if flow.backlog.len() < MAX_BACKLOG {
                flow.backlog.push_back(event);
            }
            return;
        }
        if matches!(event, FlowEvent::QueueLeft(_)) {
            flow.steps_at_once += 1;
        } else {
            flow.steps_at_once = 0;
        }
        if flow.steps_at_once > limits::MAX_FLOW_STEPS_AT_ONCE {
            let failure = failure(
                "invalid-answer",
                "actions: the flow goes round in circles without waiting for anything",
            );
            return self.flow_failed(id, &event, failure);
        }
        let state = flow.state.clone();
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let Some(number) = it.number.clone() else { return };
        let language = self
            .centre
            .numbers
            .get(&number)
            .map_or_else(|| "en".into(), |number| number.language.clone());
        let call = CallInfo {
            interaction: id,
            caller: it.caller.clone(),
            number: number.clone(),
            started_at: it.started_at,
            language,
            attributes: it.attributes.clone(),
        };
        let point = ExtensionPoint::Number(number);
        let question = Question::Flow(Box::new(FlowQuestion {
            state,
            event: event.clone(),
            call,
        }));
        let ask = self.ask(Asked::Flow(id), point, question);
        if let Some(it) = self.live(id) {
            it.live.flow.asked = Some((ask, event));
        }
    }

    pub(super) fn flow_decided(
        &mut self,
        id: InteractionId,
        ask: AskId,
        outcome: Result<(Answer, Provenance), Failure>,
    ) {
        let Some(it) = self.live(id) else { return };
        let Some((_, event)) = it.live.flow.asked.take_if(|(asked, _)| *asked == ask) else {
            return;
        };
        match outcome {
            Ok((Answer::Flow(answer), by)) => {
                let FlowAnswer { state, actions } = answer;
                it.live.flow.state = state;
                let on = event.clone();
                self.record(Event::FlowDecided {
                    interaction: id,
                    on,
                    actions: actions.clone(),
                    by,
                });
                self.carry_out(id, &event, actions);
            }
            Ok(_) => self.flow_failed(
                id,
                &event,
                failure("invalid-answer", "the answer is not one of a flow"),
            ),
            Err(failure) => self.flow_failed(id, &event, failure),
        }
        let Some(it) = self.live(id) else { return };
        if it.live.flow.asked.is_none() {
            match it.live.flow.backlog.pop_front() {
                Some(next) => self.tell_flow(id, next),
                None if it.stage == Stage::Ended => self.advance_after_call(id),
                None => {}
            }
        }
    }

    fn carry_out(&mut self, id: InteractionId, event: &FlowEvent, actions: Vec<FlowAction>) {
        let mut prompts = Vec::new();
        for action in actions {
            let Some(it) = self.live(id) else { return };
            let (talking, ended) = (
                matches!(it.stage, Stage::Talking { .. }),
                it.stage == Stage::Ended,
            );
            match action {
                FlowAction::Set(key, value) => self.set_attribute(id, key, value),
                _ if talking || ended => {}
                FlowAction::Play(more) => prompts.extend(more),
                FlowAction::Gather(gather) => {
                    prompts.extend(gather.prompts.iter().cloned());
                    self.take_input(id, std::mem::take(&mut prompts), Wants::from(&gather));
                }
                FlowAction::AskSurvey(question) => {
                    prompts.extend(question.prompts.iter().cloned());
                    self.take_input(id, std::mem::take(&mut prompts), Wants::Survey(question));
                }
                FlowAction::Enqueue(enqueue) => self.enqueue(id, &enqueue, std::mem::take(&mut prompts)),
                FlowAction::Record(true) => self.start_recording(id),
                FlowAction::Record(false) => {
                    if std::mem::take(&mut it.live.recording) {
                        self.order(LegId::customer(id), LegCommand::StopRecording);
                    }
                }
                FlowAction::SetTimer(name, after_ms) => self.set_flow_timer(id, name, after_ms),
                FlowAction::End if prompts.is_empty() => self.finish(id, EndedBy::Flow, Cause::Normal),
                FlowAction::End => self.say_goodbye(id, std::mem::take(&mut prompts)),
            }
        }
        if !prompts.is_empty() {
            let waiting = self.live(id).is_some_and(|it| it.work().is_some());
            if waiting {
                self.play_waiting(id, prompts)
            } else {
                self.play(id, prompts, false)
            }
        }
        if self.waits_for_nothing(id) {
            let failure = failure(
                "invalid-answer",
                "actions: the flow waits for nothing, so the caller would be left in silence",
            );
            self.flow_failed(id, event, failure);
        }
    }

    fn waits_for_nothing(&self, id: InteractionId) -> bool {
        let Some(it) = self.centre.interactions.get(&id) else {
            return false;
        };
        let live = &it.live;
        it.stage == Stage::Flow
            && live.playing == Playing::Nothing
            && live.input.is_none()
            && live.flow.asked.is_none()
            && live.flow.backlog.is_empty()
            && self.centre.timers.count_flow(id) == 0
    }

    /// The fail policy: never lose the customer.
    pub(super) fn flow_failed(&mut self, id: InteractionId, event: &FlowEvent, failure: Failure) {
        let Some(it) = self.live(id) else { return };
        let bound = &*failure.code != "no-binding";
        let after_agent = it.is_running(SegmentKind::Survey);
        let fallback = match it.stage {
            Stage::Flow if after_agent => "hang-up",
            Stage::Flow => "default-queue",
            Stage::Queued(_) | Stage::Offered { .. } => "stay-in-queue",
            Stage::Dialling { .. } | Stage::Talking { .. } | Stage::Ended => "ignore",
        };
        // A flow that fails before the queue has lost its place in the conversation; one that fails on an
        // announcement may well answer the next event.
        if matches!(it.stage, Stage::Flow | Stage::Ended) || !bound {
            it.live.flow.alive = false;
            it.live.flow.backlog.clear();
        }
        if bound || !matches!(event, FlowEvent::Ended) {
            self.record(Event::DecisionFailed {
                interaction: Some(id),
                queue: None,
                kind: PluginKind::VoiceFlow,
                failure,
                fallback: fallback.into(),
            });
        }
        match fallback {
            "hang-up" => self.finish(id, EndedBy::Agent, Cause::Normal),
            "default-queue" => {
                self.abort_input(id);
                self.enqueue_default(id);
            }
            _ => {}
        }
    }

    pub(super) fn set_attribute(&mut self, id: InteractionId, key: Arc<str>, value: Arc<str>) {
        let Some(it) = self.live(id) else { return };
        let known = it.attributes.iter().any(|(existing, _)| *existing == key);
        if known || it.attributes.len() < limits::MAX_ATTRIBUTES {
            self.record(Event::AttributeSet {
                interaction: id,
                key,
                value,
            });
        } else {
            let most = limits::MAX_ATTRIBUTES;
            let message = format!("attributes: {key} was dropped: an interaction holds at most {most}");
            self.action_dropped(id, &message);
        }
    }

    fn set_flow_timer(&mut self, id: InteractionId, name: Arc<str>, after_ms: u64) {
        let most = limits::MAX_FLOW_TIMERS;
        let key = TimerKey::Flow(id, name.clone());
        if self.centre.timers.is_armed(&key) || self.centre.timers.count_flow(id) < most {
            self.arm(key, after_ms);
        } else {
            let message = format!("set-timer: {name} was dropped: a call has at most {most} timers");
            self.action_dropped(id, &message);
        }
    }

    pub(super) fn action_dropped(&mut self, id: InteractionId, message: &str) {
        let written = self.live(id).is_some_and(|it| it.chat.is_some());
        self.record(Event::DecisionFailed {
            interaction: Some(id),
            queue: None,
            kind: if written {
                PluginKind::ChatFlow
            } else {
                PluginKind::VoiceFlow
            },
            failure: failure("oversize", message),
            fallback: "ignore".into(),
        });
    }

    /// Hangs up when these prompts have been played. Whoever waits is not offered to agents any longer.
    fn say_goodbye(&mut self, id: InteractionId, prompts: Vec<Prompt>) {
        self.withdraw_offer(id);
        self.leave_queue(id, LeftReason::Flow);
        self.abort_input(id);
        self.play(id, prompts, false);
        if let Some(it) = self.live(id) {
            it.live.hang_up_after_play = true;
        }
    }

    fn play(&mut self, id: InteractionId, prompts: Vec<Prompt>, barge_in: bool) {
        let action = self.order(LegId::customer(id), LegCommand::Play { prompts, barge_in });
        if let Some(it) = self.live(id) {
            it.live.playing = Playing::Prompts(action);
            it.live.hang_up_after_play = false;
        }
    }

    /// Plays prompts to a waiting caller, then hold music without end.
    pub(super) fn play_waiting(&mut self, id: InteractionId, mut prompts: Vec<Prompt>) {
        let Some(it) = self.live(id).filter(|it| it.chat.is_none()) else {
            return;
        };
        it.live.playing = Playing::Waiting;
        it.live.hang_up_after_play = false;
        prompts.push(Prompt::HoldMusic);
        self.order(
            LegId::customer(id),
            LegCommand::Play {
                prompts,
                barge_in: false,
            },
        );
    }

    pub(super) fn take_input(&mut self, id: InteractionId, prompts: Vec<Prompt>, wants: Wants) {
        let Some(it) = self.live(id) else { return };
        it.live.input = Some(KeypadInput {
            digits: String::new(),
            wants,
        });
        let typed = typed_ahead(it);
        if typed.is_empty() && !prompts.is_empty() {
            self.play(id, prompts, true);
        } else {
            it.live.playing = Playing::Nothing;
            it.live.hang_up_after_play = false;
            self.await_first_digit(id);
            typed.chars().for_each(|digit| self.digit(id, digit));
        }
    }

    pub(super) fn play_finished(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        it.live.playing = Playing::Nothing;
        if std::mem::take(&mut it.live.hang_up_after_play) {
            self.finish(id, EndedBy::Flow, Cause::Normal);
        } else if it.live.input.is_some() {
            self.await_first_digit(id);
        } else if it.stage == Stage::Flow {
            self.tell_flow(id, FlowEvent::PromptFinished);
        }
    }

    pub(super) fn flow_timer(&mut self, id: InteractionId, name: Arc<str>) {
        if self.live(id).is_some_and(|it| it.chat.is_some()) {
            self.tell_chat(id, ChatEvent::Timer(name));
        } else {
            self.tell_flow(id, FlowEvent::Timer(name));
        }
    }

    pub(super) fn queue_gave_back(&mut self, id: InteractionId, exit: QueueExit) {
        let Some(it) = self.live(id) else { return };
        if it.chat.is_some() && it.has_flow() {
            // That the longest wait is over follows from the journal.
            if exit != QueueExit::MaxWait {
                return self.tell_chat(id, ChatEvent::QueueLeft(exit));
            }
            self.pump(id);
        } else if it.live.flow.alive {
            self.abort_input(id);
            let Some(it) = self.live(id) else { return };
            it.live.playing = Playing::Nothing;
            self.order(LegId::customer(id), LegCommand::StopPlay);
            self.tell_flow(id, FlowEvent::QueueLeft(exit));
        } else {
            self.enqueue_default(id);
        }
    }
}

/// Takes the digits typed before they were asked for. A key that only ends the input before is not among them.
fn typed_ahead(it: &mut Interaction) -> String {
    let mut typed = std::mem::take(&mut it.live.typed_ahead);
    let wants = it.live.input.as_ref().map(|input| &input.wants);
    let kept = match wants {
        Some(Wants::Digits { terminator, .. }) => {
            typed.trim_start_matches(|digit| Some(digit) == *terminator)
        }
        _ => typed.trim_start_matches(|digit: char| !digit.is_ascii_digit()),
    };
    typed.drain(..typed.len() - kept.len());
    typed
}

pub(super) fn failure(code: &str, message: &str) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
    }
}
