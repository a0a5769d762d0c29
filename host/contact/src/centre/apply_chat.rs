//! What events change about a written conversation, and about the agent who has it.

use jackfield_types::{AgentId, InteractionId, PluginKind, Timestamp};

use super::Centre;
use crate::chat::{Side, Unanswered};
use crate::decision::{Author, ChatEvent, QueueExit, ReceivedAttachment};
use crate::event::{Event, LeftReason};
use crate::interaction::Stage;

impl Centre {
    pub(super) fn apply_to_chat(&mut self, at: Timestamp, id: InteractionId, event: &Event) {
        let Some(it) = self.interactions.get_mut(&id) else {
            return;
        };
        let Some(chat) = &mut it.chat else { return };
        let (channel, in_flow) = (it.channel, it.stage == Stage::Flow);
        let flow = &mut chat.flow;
        match event {
            Event::MessageSent {
                message,
                choice,
                attachments,
                choices,
                client_id,
                ..
            } => {
                if !choices.is_empty() {
                    flow.choices.clone_from(choices);
                }
                let with_agent = matches!(it.stage, Stage::Talking { .. } | Stage::Ended);
                match &message.author {
                    Author::Customer => {
                        let awaited = flow.awaits.as_ref().and_then(|awaits| awaits.question.as_ref());
                        let told = match (awaited, choice) {
                            // An answer to the question has an event of its own.
                            (Some(question), _) if question.answer_in(&message.text).is_some() => None,
                            (Some(_), _) => Some(ChatEvent::NoReply),
                            (None, Some(choice)) => Some(ChatEvent::Chosen(choice.clone())),
                            (None, None) => Some(ChatEvent::Received {
                                message: message.clone(),
                                attachments: attachments.iter().map(as_told).collect(),
                            }),
                        };
                        told.filter(|_| !with_agent)
                            .into_iter()
                            .for_each(|told| flow.owe(told));
                        chat.unanswered.get_or_insert(Unanswered { since: at, steps: 0 });
                        chat.asked = true;
                    }
                    Author::Agent(_) => {
                        chat.unanswered = None;
                        chat.answered = true;
                    }
                    Author::Bot if in_flow => chat.unanswered = None,
                    Author::Bot | Author::System => {}
                }
                chat.messages = message.number;
                chat.latest_at = at;
                if let Some(client_id) = client_id {
                    chat.remember(&message.author, client_id, message.number);
                }
            }
            Event::MessagesRead { by, up_to, .. } => match by {
                Side::Customer => chat.customer_read = *up_to,
                Side::Agent => chat.agent_read = *up_to,
            },
            Event::Unanswered { .. } => {
                if let Some(unanswered) = &mut chat.unanswered {
                    unanswered.steps = unanswered.steps.saturating_add(1);
                }
            }
            Event::ChatDecided {
                on,
                state,
                actions,
                by,
                ..
            } => {
                flow.told(on);
                flow.state.clone_from(state);
                flow.by = Some(by.clone());
                if it.stage != Stage::Ended {
                    flow.wants(actions, at, in_flow);
                }
            }
            Event::ChatContinued { .. } => {
                let later: Vec<_> = flow.later.drain(..).collect();
                flow.wants(&later, at, in_flow);
            }
            Event::DecisionFailed {
                kind: PluginKind::ChatFlow,
                failure,
                fallback,
                ..
            } => match &**fallback {
                "default-queue" | "close" => flow.die(),
                "stay-in-queue" | "skip-event" if &*failure.code == "no-binding" => flow.die(),
                _ => {}
            },
            Event::ChatSkipped { on, .. } => flow.told(on),
            Event::SurveyAnswered { answer, .. } => {
                flow.owe(ChatEvent::SurveyAnswered {
                    question: answer.question.clone(),
                    value: answer.value,
                });
            }
            Event::Queued { .. } => {
                flow.awaits = None;
                chat.unanswered.get_or_insert(Unanswered { since: at, steps: 0 });
            }
            Event::LeftQueue {
                reason: LeftReason::MaxWait,
                ..
            } => flow.owe(ChatEvent::QueueLeft(QueueExit::MaxWait)),
            Event::Offered { agent, .. } => {
                self.change_agent(agent, |agent| {
                    agent.chats.insert(id, channel);
                    agent.chatted_at = at;
                });
            }
            Event::OfferFailed { agent, .. } => self.let_go(agent, id, at),
            Event::Connected { agent, .. } => {
                flow.awaits = None;
                flow.owe(ChatEvent::Answered(agent.clone()));
            }
            Event::AgentLeft {
                agent,
                talked_ms,
                transferred_to,
                ..
            } => {
                if transferred_to.is_none() {
                    chat.unanswered = None;
                    flow.owe(ChatEvent::AgentLeft {
                        agent: agent.clone(),
                        handled_ms: *talked_ms,
                    });
                }
                self.let_go(agent, id, at);
            }
            Event::InteractionEnded { .. } => {
                // The customer may have begun another meanwhile.
                let place = (chat.entry.clone(), it.caller.clone());
                if self.conversations.get(&place) == Some(&id) {
                    self.conversations.remove(&place);
                }
                chat.unanswered = None;
                flow.owed.clear();
                flow.owe(ChatEvent::Ended);
                flow.awaits = None;
                flow.timers.clear();
                flow.later.clear();
            }
            _ => {}
        }
    }

    fn let_go(&mut self, agent: &AgentId, id: InteractionId, at: Timestamp) {
        self.change_agent(agent, |agent| {
            agent.chats.remove(&id);
            agent.chatted_at = at;
        });
    }

    fn change_agent(&mut self, id: &AgentId, change: impl FnOnce(&mut crate::agent::Agent)) {
        self.unindex(id);
        if let Some(agent) = self.agents.get_mut(id) {
            change(agent);
        }
        self.reindex(id);
    }
}

/// What a flow is told of an attachment.
fn as_told(attachment: &ReceivedAttachment) -> ReceivedAttachment {
    ReceivedAttachment {
        source: None,
        ..attachment.clone()
    }
}
