//! A call that an agent makes: first the agent's phone rings, then the customer's, then they talk.

use std::sync::Arc;

use jackfield_types::{AgentId, Channel, CustomerId, E164, InteractionId, LegId, OfferId};

use super::configure::unknown;
use super::{Centre, Step};
use crate::agent::AgentState;
use crate::event::Event;
use crate::input::Rejected;
use crate::interaction::{Outgoing, Stage};
use crate::leg::{Cause, LegCommand, Prompt};
use crate::timer::TimerKey;

/// How long the customer's phone may ring.
const RING_MS: u64 = 45_000;
/// Of no offer: the agent called.
const NO_OFFER: OfferId = OfferId(0);

impl Centre {
    /// Whether an agent could call with one of the tenant's numbers now.
    ///
    /// # Errors
    /// `unknown-number`, `unknown-agent`, `unknown-queue` or `wrong-state`, with what to do.
    pub fn may_call(&self, number: &E164, outgoing: &Outgoing) -> Result<(), Rejected> {
        let Outgoing { agent, queue, .. } = outgoing;
        let refused = |why: String| Err(Rejected::new("wrong-state", why));
        if self.number(number).is_none() {
            return Err(unknown("number", number));
        }
        if self.queue(queue).is_none() {
            return Err(unknown("queue", queue));
        }
        let Some(entry) = self.agent(agent) else {
            return Err(unknown("agent", agent));
        };
        if !entry.config.queues.contains(queue) {
            return refused(format!(
                "agent {agent} does not serve queue {queue}: call in the name of another"
            ));
        }
        // Who has written conversations in hand may call all the same: it is the agent who wants to.
        if entry.state != AgentState::Available {
            let state = entry.state.as_said();
            return refused(format!(
                "agent {agent} is {state}: only who is available can call; change the state first"
            ));
        }
        if !entry.phone {
            return refused(format!(
                "the phone of agent {agent} is not registered: sign it in first"
            ));
        }
        Ok(())
    }
}

impl Step<'_> {
    pub(super) fn agent_calls(
        &mut self,
        interaction: InteractionId,
        callee: E164,
        number: E164,
        customer: Option<CustomerId>,
        outgoing: Outgoing,
    ) -> Result<(), Rejected> {
        if self.centre.interactions.contains_key(&interaction) {
            return Ok(());
        }
        self.centre.may_call(&number, &outgoing)?;
        self.check_live()?;
        let agent = outgoing.agent.clone();
        let queue = self.centre.queues.get(&outgoing.queue);
        let ring_ms = queue.map_or(RING_MS, |queue| queue.config.offer_timeout_ms);
        let caller: Arc<str> = callee.as_str().into();
        self.record(Event::InteractionStarted {
            interaction,
            channel: Channel::Voice,
            caller: caller.clone(),
            caller_name: None,
            number: Some(number),
            entry: None,
            customer,
            last_agent: None,
            outgoing: Some(Box::new(outgoing)),
        });
        self.set_state(&agent, AgentState::Reserved, Some(interaction));
        let Some(it) = self.live(interaction) else {
            return Ok(());
        };
        let leg = LegId {
            interaction,
            number: it.live.next_leg,
        };
        it.live.next_leg = it.live.next_leg.saturating_add(1);
        it.live.agent_leg = Some(leg);
        self.order(leg, LegCommand::DialAgent { agent, caller });
        self.arm(TimerKey::OfferTimeout(interaction), ring_ms);
        Ok(())
    }

    /// The agent is there: now the customer is called. The agent hears music meanwhile.
    pub(super) fn agent_picked_up(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        let Stage::Dialling {
            agent,
            picked_up: false,
            ..
        } = it.stage.clone()
        else {
            return;
        };
        let (Some(leg), Some(number)) = (it.live.agent_leg, it.number.clone()) else {
            return;
        };
        let callee = it.caller.clone();
        self.record(Event::CustomerDialled {
            interaction: id,
            agent,
        });
        self.order(
            leg,
            LegCommand::Play {
                prompts: vec![Prompt::HoldMusic],
                barge_in: false,
            },
        );
        self.order(
            LegId::customer(id),
            LegCommand::DialNumber {
                number: callee,
                caller: number.as_str().into(),
            },
        );
        self.arm(TimerKey::OfferTimeout(id), RING_MS);
    }

    pub(super) fn customer_answered(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        let Stage::Dialling {
            agent,
            picked_up: true,
            ..
        } = it.stage.clone()
        else {
            return;
        };
        let Some((leg, outgoing)) = it.live.agent_leg.zip(it.outgoing.clone()) else {
            return;
        };
        it.live.answered = true;
        it.live.typed_ahead.clear();
        self.disarm(&TimerKey::OfferTimeout(id));
        self.record(Event::Connected {
            interaction: id,
            offer: NO_OFFER,
            agent: agent.clone(),
            waited_ms: 0,
        });
        self.bridge(leg, &agent, &outgoing.queue);
    }

    /// It came to nothing: the agent is let go.
    pub(super) fn stop_dialling(&mut self, id: InteractionId, agent: &AgentId, cause: Cause) {
        self.disarm(&TimerKey::OfferTimeout(id));
        if let Some(leg) = self.live(id).and_then(|it| it.live.agent_leg.take()) {
            self.order(leg, LegCommand::HangUp { cause });
        }
        self.release(agent, AgentState::Available);
    }
}
