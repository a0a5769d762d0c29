//! The flow of a written conversation: what it is told, what it wants, and what happens when it fails.
//!
//! What a flow has to be told follows from the journal (`ChatFlow::owed`), so it is told after a restart what it had not
//! been told before.

use jackfield_types::{ExtensionPoint, InteractionId, PluginKind, limits};

use super::flow::failure;
use super::{Asked, Step};
use crate::chat::{Greeting, until_typing};
use crate::decision::{
    Answer, Author, ChatAction, ChatEvent, ChatInfo, ChatQuestion, Failure, Provenance, Question, SegmentKind,
};
use crate::effect::{AskId, Effect};
use crate::event::{EndedBy, Event};
use crate::input::Draft;
use crate::interaction::Stage;
use crate::leg::Cause;
use crate::timer::TimerKey;

impl Step<'_> {
    /// Has the flow told of something that the journal does not tell.
    pub(super) fn tell_chat(&mut self, id: InteractionId, event: ChatEvent) {
        if let Some(chat) = self.live(id).and_then(|it| it.chat.as_mut()) {
            chat.flow.owe(event);
        }
        self.pump(id);
    }

    /// Asks the flow about the next thing that it has to be told, unless it is busy.
    pub(super) fn pump(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get_mut(&id) else {
            return;
        };
        let Some(chat) = &mut it.chat else { return };
        let flow = &mut chat.flow;
        if flow.asked.is_some() || !flow.later.is_empty() {
            return;
        }
        let Some(event) = flow.owed.front().cloned() else {
            return;
        };
        if matches!(event, ChatEvent::QueueLeft(_)) {
            flow.steps_at_once += 1;
        } else {
            flow.steps_at_once = 0;
        }
        if flow.steps_at_once > limits::MAX_FLOW_STEPS_AT_ONCE {
            let why = "actions: the flow goes round in circles without waiting for anything";
            return self.chat_failed(id, event.named(), failure("invalid-answer", why));
        }
        let state = flow.state.clone();
        let entry = chat.entry.clone();
        let language = self.centre.chat_entries.get(&entry);
        let chat = ChatInfo {
            interaction: id,
            channel: it.channel,
            entry: entry.clone(),
            address: it.caller.clone(),
            started_at: it.started_at,
            language: language.map_or_else(|| "en".into(), |entry| entry.language.clone()),
            attributes: it.attributes.clone(),
        };
        let question = Question::Chat(Box::new(ChatQuestion {
            state,
            event: event.clone(),
            chat,
        }));
        let ask = self.ask(Asked::Chat(id), ExtensionPoint::Chat(entry), question);
        if let Some(chat) = self.live(id).and_then(|it| it.chat.as_mut()) {
            chat.flow.asked = Some((ask, event));
        }
    }

    pub(super) fn chat_decided(
        &mut self,
        id: InteractionId,
        ask: AskId,
        outcome: Result<(Answer, Provenance), Failure>,
    ) {
        let Some(it) = self.live(id) else { return };
        let Some(chat) = &mut it.chat else { return };
        let Some((_, event)) = chat.flow.asked.take_if(|(asked, _)| *asked == ask) else {
            return;
        };
        let on = event.named();
        match outcome {
            Ok((Answer::Chat(answer), by)) => {
                let actions = answer.actions.clone();
                self.record(Event::ChatDecided {
                    interaction: id,
                    on,
                    state: answer.state,
                    actions: answer.actions,
                    by,
                });
                self.follow_chat(id, until_typing(&actions).0);
            }
            Ok(_) => self.chat_failed(
                id,
                on,
                failure("invalid-answer", "the answer is not one of a chat flow"),
            ),
            Err(failure) => self.chat_failed(id, on, failure),
        }
        self.pump(id);
        if self.live(id).is_some_and(|it| it.stage == Stage::Ended) {
            self.advance_after_call(id);
        }
    }

    /// The conversation begins with what the flow had answered before.
    pub(super) fn greeted(&mut self, id: InteractionId, greeting: Greeting) {
        let chat = self.live(id).and_then(|it| it.chat.as_ref());
        let begins = chat.is_some_and(|chat| chat.flow.owed.front() == Some(&ChatEvent::Started));
        // One who has a conversation going on goes on with that.
        if !begins {
            return;
        }
        let actions = greeting.answer.actions.clone();
        self.record(Event::ChatDecided {
            interaction: id,
            on: ChatEvent::Started,
            state: greeting.answer.state,
            actions: greeting.answer.actions,
            by: greeting.by,
        });
        self.follow_chat(id, until_typing(&actions).0);
        self.pump(id);
        if self.live(id).is_some_and(|it| it.stage == Stage::Ended) {
            self.advance_after_call(id);
        }
    }

    /// The flow has shown long enough that it is writing.
    pub(super) fn continue_chat(&mut self, id: InteractionId) {
        let Some(chat) = self.live(id).and_then(|it| it.chat.as_mut()) else {
            return;
        };
        let actions: Vec<ChatAction> = chat.flow.later.iter().cloned().collect();
        self.record(Event::ChatContinued { interaction: id });
        self.follow_chat(id, until_typing(&actions).0);
        self.pump(id);
    }

    fn follow_chat(&mut self, id: InteractionId, actions: &[ChatAction]) {
        for action in actions {
            let Some(it) = self.live(id) else { return };
            let (talking, ended) = (
                matches!(it.stage, Stage::Talking { .. }),
                it.stage == Stage::Ended,
            );
            let in_flow = it.stage == Stage::Flow;
            match action {
                ChatAction::Set(key, value) => self.set_attribute(id, key.clone(), value.clone()),
                _ if ended => {}
                ChatAction::Send(message) => {
                    let draft = Draft {
                        text: message.text.clone(),
                        ..Draft::default()
                    };
                    self.send(id, Author::Bot, draft, message.choices.clone());
                }
                ChatAction::SetTimer(name, after_ms) => {
                    let armed = it
                        .chat
                        .as_ref()
                        .is_some_and(|chat| chat.flow.timers.contains_key(name));
                    if armed {
                        self.arm(TimerKey::Flow(id, name.clone()), *after_ms);
                    } else {
                        let most = limits::MAX_FLOW_TIMERS;
                        let message = format!(
                            "set-timer: {name} was dropped: a conversation has at most {most} timers"
                        );
                        self.action_dropped(id, &message);
                    }
                }
                ChatAction::Typing(ms) => {
                    let later = it.chat.as_ref().is_some_and(|chat| !chat.flow.later.is_empty());
                    self.out.effects.push(Effect::Typing {
                        interaction: id,
                        ms: *ms,
                    });
                    if later {
                        self.arm(TimerKey::Typing(id), *ms);
                    }
                }
                _ if talking => {}
                // Who waits in a queue is heard anyway.
                ChatAction::AwaitReply(_) | ChatAction::AskSurvey(_) if !in_flow => {}
                ChatAction::AwaitReply(_) => {}
                ChatAction::AskSurvey(question) => {
                    let choices = (question.lowest..=question.highest).map(|value| crate::decision::Choice {
                        id: value.to_string().into(),
                        label: value.to_string().into(),
                    });
                    let draft = Draft {
                        text: question.text.clone(),
                        ..Draft::default()
                    };
                    let choices = choices.take(limits::MAX_CHOICES + 1).collect();
                    self.send(id, Author::Bot, draft, choices);
                }
                ChatAction::Enqueue { enqueue, summary } => {
                    if let Some(summary) = summary {
                        self.set_attribute(id, "summary".into(), summary.clone());
                    }
                    self.enqueue(id, enqueue, Vec::new());
                }
                ChatAction::End => self.finish(id, EndedBy::Flow, Cause::Normal),
            }
        }
        self.arm_reply(id);
    }

    /// Sees to it that the flow is told when the customer does not answer in time.
    fn arm_reply(&mut self, id: InteractionId) {
        let now = self.now;
        let chat = self.live(id).and_then(|it| it.chat.as_ref());
        let until = chat
            .and_then(|chat| chat.flow.awaits.as_ref())
            .map(|awaits| awaits.until);
        match until {
            Some(until) => self.arm(TimerKey::Reply(id), until.since(now)),
            None => self.disarm(&TimerKey::Reply(id)),
        }
    }

    /// The customer has not answered in time.
    pub(super) fn reply_overdue(&mut self, id: InteractionId) {
        let heard = |event: &ChatEvent| {
            matches!(
                event,
                ChatEvent::Received { .. }
                    | ChatEvent::Chosen(_)
                    | ChatEvent::NoReply
                    | ChatEvent::SurveyAnswered { .. }
            )
        };
        let waits = self
            .live(id)
            .and_then(|it| it.chat.as_ref())
            .is_some_and(|chat| chat.flow.awaits.is_some() && !chat.flow.owed.iter().any(heard));
        if waits {
            self.tell_chat(id, ChatEvent::NoReply);
        }
    }

    /// The fail policy: never lose the customer.
    fn chat_failed(&mut self, id: InteractionId, on: ChatEvent, failure: Failure) {
        let Some(it) = self.live(id) else { return };
        let fallback = match it.stage {
            Stage::Flow if it.is_running(SegmentKind::Survey) => "close",
            Stage::Flow => "default-queue",
            Stage::Queued(_) | Stage::Offered { .. } => "stay-in-queue",
            Stage::Dialling { .. } | Stage::Talking { .. } | Stage::Ended => "skip-event",
        };
        self.record(Event::DecisionFailed {
            interaction: Some(id),
            queue: None,
            kind: PluginKind::ChatFlow,
            failure,
            fallback: fallback.into(),
        });
        if self.live(id).is_some_and(|it| it.has_flow()) {
            self.record(Event::ChatSkipped { interaction: id, on });
        } else {
            self.centre.timers.disarm_flow(id);
            for key in [TimerKey::Reply(id), TimerKey::Typing(id)] {
                self.disarm(&key);
            }
        }
        match fallback {
            "close" => self.finish(id, EndedBy::Agent, Cause::Normal),
            "default-queue" => self.enqueue_default(id),
            _ => {}
        }
    }
}
