//! Written conversations: how they begin, messages of both sides, their agents, and the customer who waits for an
//! answer. What their flow does is in `bot`.

use std::sync::Arc;

use jackfield_types::{AgentId, ChatEntryId, CustomerId, InteractionId, QueueId, limits};

use super::configure::unknown;
use super::{PASSED_OVER_MS, Step, TRANSFER_PRIORITY};
use crate::agent::AgentState;
use crate::chat::{Chat, Side};
use crate::config::UnansweredAction;
use crate::decision::{Author, ChatEvent, Choice, Message};
use crate::effect::Effect;
use crate::event::{EndedBy, Event, OfferFailure};
use crate::input::{Draft, Rejected};
use crate::interaction::{Interaction, Stage};
use crate::leg::Cause;
use crate::timer::TimerKey;

impl Step<'_> {
    #[expect(clippy::too_many_arguments, reason = "the fields of one input")]
    pub(super) fn chat_started(
        &mut self,
        interaction: InteractionId,
        (entry, address): (ChatEntryId, Arc<str>),
        anew: bool,
        attributes: Vec<(Arc<str>, Arc<str>)>,
        name: Option<Arc<str>>,
        customer: Option<CustomerId>,
        last_agent: Option<AgentId>,
    ) -> Result<(), Rejected> {
        let Some(config) = self.centre.chat_entries.get(&entry) else {
            return Err(unknown("chat entry", &entry));
        };
        let (channel, idle_ms) = (config.channel, config.idle_timeout_ms);
        let known = self.centre.interactions.contains_key(&interaction);
        if known || !anew && self.centre.conversation(&entry, &address).is_some() {
            return Ok(());
        }
        self.check_live()?;
        self.record(Event::InteractionStarted {
            interaction,
            channel,
            caller: address,
            caller_name: name,
            number: None,
            entry: Some(entry),
            customer,
            last_agent,
            outgoing: None,
        });
        for (key, value) in attributes {
            self.set_attribute(interaction, key, value);
        }
        self.arm(TimerKey::Idle(interaction), idle_ms);
        Ok(())
    }

    pub(super) fn customer_writes(&mut self, id: InteractionId, mut draft: Draft) -> Result<(), Rejected> {
        let chat = self.open_chat(id)?;
        if is_known(chat, Side::Customer, &draft) {
            return Ok(());
        }
        check_draft(chat, &draft)?;
        let question = chat
            .flow
            .awaits
            .as_ref()
            .and_then(|awaits| awaits.question.clone());
        let picked = draft
            .choice
            .as_ref()
            .map(|wanted| chat.flow.choices.iter().find(|choice| choice.id == *wanted));
        match picked {
            Some(None) => {
                return Err(invalid(
                    "choice",
                    "it is not among the choices offered last".into(),
                ));
            }
            Some(Some(choice)) if draft.text.is_empty() => draft.text = choice.label.clone(),
            _ => {}
        }
        let answer = question.and_then(|question| {
            let value = question.answer_in(&draft.text)?;
            Some(crate::decision::SurveyAnswer {
                question: question.id.clone(),
                value,
                lowest: question.lowest,
                highest: question.highest,
            })
        });
        self.send(id, Author::Customer, draft, Vec::new());
        if let Some(answer) = answer {
            self.record(Event::SurveyAnswered {
                interaction: id,
                answer,
            });
        }
        self.pump(id);
        Ok(())
    }

    pub(super) fn agent_writes(
        &mut self,
        id: InteractionId,
        agent: AgentId,
        draft: Draft,
    ) -> Result<(), Rejected> {
        let chat = self.open_chat(id)?;
        if is_known(chat, Side::Agent, &draft) {
            return Ok(());
        }
        check_draft(chat, &draft)?;
        if draft.choice.is_some() {
            return Err(invalid("choice", "only customers pick one".into()));
        }
        self.check_has(id, &agent)?;
        self.send(id, Author::Agent(agent), draft, Vec::new());
        Ok(())
    }

    pub(super) fn template_filled(&mut self, id: InteractionId, text: Arc<str>) -> Result<(), Rejected> {
        let chat = self.open_chat(id)?;
        if chat.unanswered.is_none() {
            return Ok(());
        }
        let draft = Draft {
            text,
            ..Draft::default()
        };
        check_draft(chat, &draft)?;
        self.send(id, Author::System, draft, Vec::new());
        Ok(())
    }

    pub(super) fn messages_read(&mut self, id: InteractionId, by: Side, up_to: u32) -> Result<(), Rejected> {
        let chat = self.open_chat(id)?;
        if up_to > chat.messages {
            let most = chat.messages;
            return Err(invalid(
                "up_to",
                format!("there are {most} messages, not {up_to}"),
            ));
        }
        let before = match by {
            Side::Customer => chat.customer_read,
            Side::Agent => chat.agent_read,
        };
        if up_to > before {
            self.record(Event::MessagesRead {
                interaction: id,
                by,
                up_to,
            });
        }
        Ok(())
    }

    pub(super) fn accept_offer(&mut self, id: InteractionId, agent: &AgentId) -> Result<(), Rejected> {
        self.check_offered(id, agent)?;
        self.connect_chat(id);
        Ok(())
    }

    pub(super) fn decline_offer(&mut self, id: InteractionId, agent: &AgentId) -> Result<(), Rejected> {
        self.check_offered(id, agent)?;
        self.offer_failed(id, OfferFailure::Declined);
        Ok(())
    }

    pub(super) fn leave_chat(&mut self, id: InteractionId, agent: &AgentId) -> Result<(), Rejected> {
        self.open_chat(id)?;
        self.check_has(id, agent)?;
        if let Some((agent, handled_ms)) = self.agent_left(id, None) {
            self.after_agent(id, agent, handled_ms);
        }
        Ok(())
    }

    pub(super) fn customer_leaves(&mut self, id: InteractionId) -> Result<(), Rejected> {
        self.open_chat(id)?;
        self.finish(id, EndedBy::Customer, Cause::Normal);
        Ok(())
    }

    /// Puts a message into the conversation.
    pub(super) fn send(&mut self, id: InteractionId, author: Author, draft: Draft, choices: Vec<Choice>) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let Some(chat) = &it.chat else { return };
        let waited = chat.unanswered.map(|unanswered| self.now.since(unanswered.since));
        let message = Message {
            number: chat.messages + 1,
            at: self.now,
            text: draft.text,
            author,
        };
        let first_response = !chat.answered && matches!(message.author, Author::Agent(_));
        let response_ms = waited.filter(|_| matches!(message.author, Author::Agent(_)));
        let idle_ms = self.entry_of(it).map(|entry| entry.idle_timeout_ms);
        self.record(Event::MessageSent {
            interaction: id,
            message,
            choice: draft.choice,
            attachments: draft.attachments,
            choices,
            client_id: draft.client_id,
            cut: draft.cut,
            response_ms,
            first_response,
        });
        if let Some(idle_ms) = idle_ms {
            self.arm(TimerKey::Idle(id), idle_ms);
        }
        self.arm_unanswered(id);
    }

    /// The agent has taken it.
    fn connect_chat(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        let Stage::Offered { work, offer, agent } = it.stage.clone() else {
            return;
        };
        it.live.overflow_hops = 0;
        let waited_ms = self.now.since(work.since);
        for key in [
            TimerKey::OfferTimeout(id),
            TimerKey::MaxWait(id),
            TimerKey::Progress(id),
            TimerKey::Reply(id),
        ] {
            self.disarm(&key);
        }
        self.record(Event::Connected {
            interaction: id,
            offer,
            agent,
            waited_ms,
        });
        self.pump(id);
    }

    /// Sees to it that the entry's next step is taken when the customer has waited that long.
    pub(super) fn arm_unanswered(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let key = TimerKey::Unanswered(id);
        let unanswered = it.chat.as_ref().and_then(|chat| chat.unanswered);
        let next = unanswered.and_then(|unanswered| {
            let step = self.entry_of(it)?.unanswered.get(usize::from(unanswered.steps))?;
            Some((unanswered.since + step.after_ms).since(self.now))
        });
        match next {
            Some(after_ms) => self.arm(key, after_ms),
            None => self.disarm(&key),
        }
    }

    /// The customer has waited for an answer as long as the entry's next step says.
    pub(super) fn unanswered_due(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let Some(unanswered) = it.chat.as_ref().and_then(|chat| chat.unanswered) else {
            return;
        };
        let step = self
            .entry_of(it)
            .and_then(|entry| entry.unanswered.get(usize::from(unanswered.steps)));
        let Some(step) = step else { return };
        let action = step.action.clone();
        let waited_ms = self.now.since(unanswered.since);
        let agent = match &it.stage {
            Stage::Talking { agent, .. } => Some(agent.clone()),
            _ => None,
        };
        self.record(Event::Unanswered {
            interaction: id,
            agent: agent.clone(),
            waited_ms,
            action: action.clone(),
        });
        match (action, agent) {
            (UnansweredAction::Reply(text), _) => {
                let draft = Draft {
                    text,
                    ..Draft::default()
                };
                self.send(id, Author::System, draft, Vec::new());
            }
            (UnansweredAction::ReplyTemplate(template), _) => {
                let interaction = id;
                self.out.effects.push(Effect::FillTemplate {
                    interaction,
                    template,
                });
            }
            (UnansweredAction::Cover, Some(agent)) => {
                self.tell_chat(id, ChatEvent::Unanswered { agent, waited_ms });
            }
            (UnansweredAction::Escalate(queue), Some(_)) => self.escalate(id, queue),
            _ => {}
        }
        self.arm_unanswered(id);
    }

    /// Takes the conversation from its agent; it waits before others.
    fn escalate(&mut self, id: InteractionId, queue: QueueId) {
        // The queue may have been removed since.
        if !self.centre.queues.contains_key(&queue) {
            return;
        }
        let left = self.agent_left(id, Some(queue.clone()));
        let until = self.now + PASSED_OVER_MS;
        if let (Some(it), Some((agent, _))) = (self.live(id), left) {
            it.live.passed_over.insert(agent, until);
        }
        self.place_in_queue(id, queue, Vec::new(), TRANSFER_PRIORITY);
    }

    /// Nobody has written for as long as the entry allows.
    pub(super) fn idle(&mut self, id: InteractionId) {
        self.finish(id, EndedBy::System, Cause::NoAnswer);
    }

    /// After a start: what has to happen at some time is armed again; an offer that was open is made again.
    pub(super) fn resume_chat(&mut self, id: InteractionId) {
        let live = |it: &&mut Interaction| it.chat.is_some();
        let Some(it) = self.live(id).filter(live) else {
            return;
        };
        if it.stage == Stage::Ended {
            return self.pump(id);
        }
        if let Some(Stage::Offered { offer, agent, .. }) = self.live(id).map(|it| it.stage.clone()) {
            self.record(Event::OfferFailed {
                interaction: id,
                offer,
                agent,
                reason: OfferFailure::Orphaned,
            });
        }
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let Some(chat) = &it.chat else { return };
        let now = self.now;
        let mut due = Vec::new();
        if let Some(entry) = self.entry_of(it) {
            due.push((TimerKey::Idle(id), chat.latest_at + entry.idle_timeout_ms));
        }
        if let Some(work) = it.work()
            && let Some(queue) = self.centre.queues.get(&work.queue)
        {
            due.push((TimerKey::MaxWait(id), work.since + queue.config.max_wait_ms));
            due.push((TimerKey::Progress(id), now + queue.config.progress_every_ms));
        }
        due.extend(
            chat.flow
                .awaits
                .as_ref()
                .map(|awaits| (TimerKey::Reply(id), awaits.until)),
        );
        if !chat.flow.later.is_empty() {
            due.push((TimerKey::Typing(id), chat.flow.later_at));
        }
        let timers = chat.flow.timers.iter();
        due.extend(timers.map(|(name, at)| (TimerKey::Flow(id, name.clone()), *at)));
        let queue = it.work().map(|work| work.queue.clone());
        self.centre.dirty.extend(queue);
        for (key, at) in due {
            self.arm(key, at.since(now));
        }
        self.arm_unanswered(id);
        self.pump(id);
    }

    pub(super) fn entry_of(&self, it: &Interaction) -> Option<&crate::config::ChatEntryConfig> {
        self.centre.chat_entries.get(&it.chat.as_ref()?.entry)
    }

    fn open_chat(&self, id: InteractionId) -> Result<&Chat, Rejected> {
        let it = self.centre.interactions.get(&id);
        let it = it.ok_or_else(|| unknown("interaction", &id))?;
        match &it.chat {
            None => Err(wrong_state(format!(
                "interaction {id} is a call, not a written conversation"
            ))),
            Some(_) if it.stage == Stage::Ended => Err(wrong_state(format!(
                "interaction {id} has ended; begin a new conversation"
            ))),
            Some(chat) => Ok(chat),
        }
    }

    fn check_has(&self, id: InteractionId, agent: &AgentId) -> Result<(), Rejected> {
        let stage = self.centre.interactions.get(&id).map(|it| &it.stage);
        match stage {
            Some(Stage::Talking { agent: has, .. }) if has == agent => Ok(()),
            _ => Err(wrong_state(format!(
                "agent {agent} does not have interaction {id} in hand"
            ))),
        }
    }

    fn check_offered(&self, id: InteractionId, agent: &AgentId) -> Result<(), Rejected> {
        self.open_chat(id)?;
        let stage = self.centre.interactions.get(&id).map(|it| &it.stage);
        match stage {
            Some(Stage::Offered { agent: to, .. }) if to == agent => Ok(()),
            _ => Err(wrong_state(format!(
                "interaction {id} is not on offer to agent {agent} (any longer)"
            ))),
        }
    }

    /// An agent has let go of a conversation: there is room for another.
    pub(super) fn chat_left(&mut self, id: InteractionId, agent: &AgentId, handled_ms: u64) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let channel = it.channel;
        let queue = it
            .queue
            .as_ref()
            .and_then(|queue| self.centre.queues.get_mut(queue));
        if let Some(queue) = queue {
            queue.learn_handle_time(channel, handled_ms);
        }
        self.arm_unanswered(id);
        self.has_room(agent);
    }

    /// An agent has a place free again: the agent's queues are looked at.
    fn has_room(&mut self, agent: &AgentId) {
        if let Some(entry) = self.centre.agents.get(agent) {
            self.centre.dirty.extend(entry.config.queues.iter().cloned());
        }
    }

    /// Who has not taken a conversation keeps the others in hand, but is not offered more.
    pub(super) fn missed_chat(&mut self, agent: &AgentId, state: AgentState) {
        let available = self
            .centre
            .agents
            .get(agent)
            .is_some_and(|agent| agent.state == AgentState::Available);
        if available && state != AgentState::Available {
            self.set_state(agent, state, None);
        }
        self.has_room(agent);
    }
}

fn is_known(chat: &Chat, side: Side, draft: &Draft) -> bool {
    let client_id = draft.client_id.as_ref();
    client_id.is_some_and(|client_id| chat.number_of(side, client_id).is_some())
}

fn check_draft(chat: &Chat, draft: &Draft) -> Result<(), Rejected> {
    if chat.messages >= limits::MAX_MESSAGES {
        let most = limits::MAX_MESSAGES;
        return Err(Rejected::new(
            "too-many",
            format!("a conversation has {most} messages at most; begin a new one"),
        ));
    }
    if draft.text.len() > limits::MAX_MESSAGE_BYTES {
        let most = limits::MAX_MESSAGE_BYTES;
        return Err(invalid(
            "text",
            format!("{} bytes: expected at most {most}", draft.text.len()),
        ));
    }
    if draft.text.trim().is_empty() && draft.choice.is_none() && draft.attachments.is_empty() {
        return Err(invalid(
            "text",
            "expected a text, a choice or an attachment".into(),
        ));
    }
    if draft.attachments.len() > limits::MAX_ATTACHMENTS {
        let (found, most) = (draft.attachments.len(), limits::MAX_ATTACHMENTS);
        return Err(invalid(
            "attachments",
            format!("{found} of them: expected at most {most}"),
        ));
    }
    let most = limits::MAX_CLIENT_ID_BYTES;
    if draft
        .client_id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > most)
    {
        return Err(invalid("client_id", format!("expected 1 to {most} bytes")));
    }
    Ok(())
}

fn invalid(field: &'static str, problem: String) -> Rejected {
    Rejected {
        code: "invalid-message",
        field: Some(field),
        message: format!("{field}: {problem}"),
    }
}

fn wrong_state(message: String) -> Rejected {
    Rejected::new("wrong-state", message)
}
