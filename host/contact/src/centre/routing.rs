//! Routing: snapshots of waiting work and free agents, plans, offers and their failures.

use jackfield_types::{
    AgentId, Channel, ExtensionPoint, InteractionId, LegId, OfferId, PluginKind, QueueId, SkillId, Timestamp,
    limits,
};

use super::flow::failure;
use super::{Asked, Centre, PASSED_OVER_MS, Step};
use crate::agent::{Agent, AgentState};
use crate::decision::{
    Answer, Failure, Plan, Provenance, Question, QueueExit, RoutingAgent, RoutingQuestion, RoutingWork,
};
use crate::event::{EndedBy, Event, LeftReason, OfferFailure};
use crate::fallback::longest_idle;
use crate::interaction::{Interaction, Stage};
use crate::leg::{Cause, LegCommand};
use crate::timer::TimerKey;

/// A strategy is not asked again earlier by its own wish.
const MIN_LOOK_AGAIN_MS: u64 = 100;

impl Centre {
    /// The queue's waiting work of a channel and the agents who are free for it; `None` when there is nothing to decide.
    fn routing_question(&self, queue: &QueueId, channel: Channel, now: Timestamp) -> Option<RoutingQuestion> {
        let entry = self.queues.get(queue)?;
        let free = self.free.get(&channel)?;
        if free.is_empty() || !entry.may_have(channel) {
            return None;
        }
        let mut free: Vec<_> = free
            .iter()
            .filter_map(|(_, id)| self.agents.get(id))
            .filter(|agent| agent.config.queues.contains(queue))
            .take(limits::MAX_SNAPSHOT_AGENTS)
            .collect();
        if free.is_empty() {
            return None;
        }
        let mut skills: Vec<SkillId> = Vec::new();
        let mut found = Vec::new();
        for (since, id) in &entry.waiting {
            let Some(it) = self.interactions.get(id) else {
                continue;
            };
            let Stage::Queued(waiting) = &it.stage else {
                continue;
            };
            if it.channel != channel {
                continue;
            }
            if free.iter().all(|agent| is_passed_over(it, agent, now)) {
                continue;
            }
            let Some(levels) = levels_over(&mut skills, &waiting.needs) else {
                continue;
            };
            found.push((*since, it, waiting.priority, levels));
            if found.len() == limits::MAX_SNAPSHOT_WORK {
                break;
            }
        }
        // Who may have none of it now would only be chosen in vain.
        free.retain(|agent| found.iter().any(|(_, it, _, _)| !is_passed_over(it, agent, now)));
        // Who has fewer conversations in hand is nearer to the front than who has more.
        free.sort_by_key(|agent| agent.load(channel));
        let work: Vec<_> = found
            .into_iter()
            .map(|(since, it, priority, levels)| {
                let last_agent = it.last_agent.as_ref();
                RoutingWork {
                    interaction: it.id,
                    channel: it.channel,
                    needs: levels.iter().fold(0, |bits, (skill, _)| bits | 1 << skill),
                    levels,
                    waiting_ms: now.since(since),
                    priority,
                    last_agent: free
                        .iter()
                        .position(|agent| Some(&agent.config.id) == last_agent)
                        .map(|index| index as u32),
                    attributes: it.attributes.clone(),
                }
            })
            .collect();
        if work.is_empty() {
            return None;
        }
        let agents = free
            .into_iter()
            .map(|agent| {
                let levels: Vec<u8> = skills
                    .iter()
                    .map(|skill| agent.config.skills.get(skill).copied().unwrap_or(0))
                    .collect();
                RoutingAgent {
                    agent: agent.config.id.clone(),
                    skills: levels
                        .iter()
                        .enumerate()
                        .fold(0, |bits, (bit, level)| bits | u64::from(*level > 0) << bit),
                    levels,
                    idle_ms: now.since(agent.idle_since(channel)),
                    load: agent.load(channel),
                    capacity: agent.config.capacity(channel),
                }
            })
            .collect();
        Some(RoutingQuestion {
            queue: queue.clone(),
            skills,
            work,
            agents,
        })
    }
}

fn is_passed_over(it: &Interaction, agent: &Agent, now: Timestamp) -> bool {
    it.passed_over_ms(&agent.config.id, now) > 0
}

/// The needs as indices into the skill table, which grows by what is new. `None` when the table would be too long:
/// such work waits for a later snapshot, where it stands nearer to the front.
fn levels_over(skills: &mut Vec<SkillId>, needs: &[crate::decision::Need]) -> Option<Vec<(u8, u8)>> {
    let mut levels = Vec::with_capacity(needs.len());
    for need in needs {
        let index = match skills.iter().position(|skill| *skill == need.skill) {
            Some(index) => index,
            None if skills.len() < limits::MAX_QUEUE_SKILLS => {
                skills.push(need.skill.clone());
                skills.len() - 1
            }
            None => return None,
        };
        levels.push((index as u8, need.level));
    }
    Some(levels)
}

impl Step<'_> {
    /// Asks about every queue where something has changed; a queue that is being asked about waits for its answer.
    pub(super) fn route_dirty_queues(&mut self) {
        let dirty = std::mem::take(&mut self.centre.dirty);
        for queue in dirty {
            for channel in Channel::ALL {
                self.route(&queue, channel);
            }
        }
    }

    fn route(&mut self, queue: &QueueId, channel: Channel) {
        let Some(entry) = self.centre.queues.get(queue) else {
            return;
        };
        if entry.asked.contains_key(&channel) {
            self.centre.dirty.insert(queue.clone());
            return;
        }
        let Some(question) = self.centre.routing_question(queue, channel, self.now) else {
            return;
        };
        let work = question.work.iter().map(|work| work.interaction).collect();
        let agents = question.agents.iter().map(|agent| agent.agent.clone()).collect();
        let point = ExtensionPoint::Queue(queue.clone());
        let about = Asked::Routing {
            queue: queue.clone(),
            channel,
            work,
            agents,
        };
        let ask = self.ask(about, point, Question::Routing(Box::new(question)));
        if let Some(entry) = self.centre.queues.get_mut(queue) {
            entry.asked.insert(channel, ask);
        }
    }

    pub(super) fn routing_decided(
        &mut self,
        queue: &QueueId,
        channel: Channel,
        work: &[InteractionId],
        agents: &[AgentId],
        outcome: Result<(Answer, Provenance), Failure>,
    ) {
        if let Some(entry) = self.centre.queues.get_mut(queue) {
            entry.asked.remove(&channel);
        }
        let outcome = outcome.and_then(|(answer, by)| match answer {
            Answer::Routing(plan) => Ok(vec![(plan, by)]),
            Answer::SplitRouting(parts) => Ok(parts),
            _ => Err(failure(
                "invalid-answer",
                "answer: expected one of a routing strategy",
            )),
        });
        match outcome {
            Ok(parts) => {
                for (plan, by) in parts {
                    self.follow_plan(queue, work, agents, plan, Some(&by));
                }
            }
            Err(failure) => {
                if &*failure.code != "no-binding" {
                    self.record(Event::DecisionFailed {
                        interaction: None,
                        queue: Some(queue.clone()),
                        kind: PluginKind::RoutingStrategy,
                        failure,
                        fallback: "longest-idle".into(),
                    });
                }
                let Some(question) = self.centre.routing_question(queue, channel, self.now) else {
                    return;
                };
                let plan = longest_idle(&question);
                let work: Vec<_> = question.work.iter().map(|work| work.interaction).collect();
                let agents: Vec<_> = question.agents.into_iter().map(|agent| agent.agent).collect();
                self.follow_plan(queue, &work, &agents, plan, None);
            }
        }
    }

    fn follow_plan(
        &mut self,
        queue: &QueueId,
        work: &[InteractionId],
        agents: &[AgentId],
        plan: Plan,
        by: Option<&Provenance>,
    ) {
        for pair in &plan.assignments {
            let (Some(&id), Some(agent)) = (work.get(pair.work as usize), agents.get(pair.agent as usize))
            else {
                continue;
            };
            if self.offer(queue, id, agent, by) {
                // There may be room for more.
                if self.live(id).is_some_and(|it| it.chat.is_some()) {
                    self.centre.dirty.insert(queue.clone());
                }
            } else {
                // Something changed while the plugin was thinking, or the agent has just declined: look again.
                let retry_ms = self.passed_over_ms(id, agent);
                self.look_again(queue.clone(), retry_ms.max(1));
            }
        }
        for index in &plan.overflows {
            let Some(&id) = work.get(*index as usize) else {
                continue;
            };
            if self
                .live(id)
                .and_then(|it| it.work())
                .is_some_and(|work| work.queue == *queue)
            {
                self.overflow(id);
            }
        }
        if let Some(at) = plan.look_again_at {
            self.look_again(queue.clone(), at.since(self.now).max(MIN_LOOK_AGAIN_MS));
        }
    }

    fn passed_over_ms(&self, id: InteractionId, agent: &AgentId) -> u64 {
        let it = self.centre.interactions.get(&id);
        it.map_or(0, |it| it.passed_over_ms(agent, self.now))
    }

    /// It is time to look at a queue again; for those who are passed over for longer, once more later.
    pub(super) fn look_again_due(&mut self, queue: QueueId) {
        let next = self.centre.queues.get(&queue).and_then(|entry| {
            let waiting = entry.waiting.iter();
            let waiting = waiting.filter_map(|(_, id)| self.centre.interactions.get(id));
            waiting.filter_map(|it| it.passed_over_until(self.now)).min()
        });
        if let Some(next) = next {
            self.look_again(queue.clone(), next.since(self.now));
        }
        self.centre.dirty.insert(queue);
    }

    /// Offers work to an agent. False when that is no longer possible.
    fn offer(
        &mut self,
        queue: &QueueId,
        id: InteractionId,
        agent: &AgentId,
        by: Option<&Provenance>,
    ) -> bool {
        let Some(channel) = self.live(id).map(|it| it.channel) else {
            return false;
        };
        let free = self
            .centre
            .agents
            .get(agent)
            .is_some_and(|entry| entry.is_free_for(channel));
        if !free || self.passed_over_ms(id, agent) > 0 {
            return false;
        }
        let Some(offer_timeout_ms) = self
            .centre
            .queues
            .get(queue)
            .map(|entry| entry.config.offer_timeout_ms)
        else {
            return false;
        };
        let Some(it) = self.live(id) else { return false };
        if !matches!(&it.stage, Stage::Queued(work) if work.queue == *queue) {
            return false;
        }
        let offer = OfferId(it.next_offer);
        if it.chat.is_some() {
            self.record(Event::Offered {
                interaction: id,
                offer,
                queue: queue.clone(),
                agent: agent.clone(),
                by: by.cloned(),
            });
            self.arm(TimerKey::OfferTimeout(id), offer_timeout_ms);
            return true;
        }
        let leg = LegId {
            interaction: id,
            number: it.live.next_leg,
        };
        it.live.next_leg = it.live.next_leg.saturating_add(1);
        it.live.agent_leg = Some(leg);
        it.live.ringing = false;
        let caller = it.caller.clone();
        let (queue, by) = (queue.clone(), by.cloned());
        self.record(Event::Offered {
            interaction: id,
            offer,
            queue,
            agent: agent.clone(),
            by,
        });
        self.set_state(agent, AgentState::Reserved, Some(id));
        self.order(
            leg,
            LegCommand::DialAgent {
                agent: agent.clone(),
                caller,
            },
        );
        self.arm(TimerKey::OfferTimeout(id), offer_timeout_ms);
        true
    }

    pub(super) fn offer_timed_out(&mut self, id: InteractionId) {
        let dialling = |it: &mut Interaction| matches!(it.stage, Stage::Dialling { .. });
        if self.live(id).is_some_and(dialling) {
            return self.finish(id, EndedBy::System, Cause::NoAnswer);
        }
        if let Some(leg) = self.live(id).and_then(|it| it.live.agent_leg) {
            self.order(
                leg,
                LegCommand::HangUp {
                    cause: Cause::NoAnswer,
                },
            );
        }
        self.offer_failed(id, OfferFailure::NoAnswer);
    }

    /// The offer came to nothing: the next agent is looked for.
    pub(super) fn offer_failed(&mut self, id: InteractionId, reason: OfferFailure) {
        let Some(it) = self.live(id) else { return };
        let Stage::Offered { work, offer, agent } = it.stage.clone() else {
            return;
        };
        let (written, asynchronous) = (it.chat.is_some(), it.channel.is_asynchronous());
        it.live.agent_leg = None;
        self.disarm(&TimerKey::OfferTimeout(id));
        self.record(Event::OfferFailed {
            interaction: id,
            offer,
            agent: agent.clone(),
            reason,
        });
        let state = match reason {
            // Who does not look at the mail may well answer the phone.
            OfferFailure::NoAnswer if asynchronous => AgentState::Available,
            OfferFailure::NoAnswer => AgentState::Break {
                reason: "missed-offer".into(),
            },
            OfferFailure::Unreachable => AgentState::Break {
                reason: "phone-unreachable".into(),
            },
            OfferFailure::Declined | OfferFailure::CustomerLeft | OfferFailure::Orphaned => {
                AgentState::Available
            }
        };
        if written {
            self.missed_chat(&agent, state);
        } else {
            self.release(&agent, state);
        }
        let passed_over_ms = match reason {
            OfferFailure::Declined => PASSED_OVER_MS,
            // What nobody takes is offered less and less often: of one agent in a day some 75 times.
            OfferFailure::NoAnswer if asynchronous => PASSED_OVER_MS * u64::from(offer.0),
            // Who has a call in hand stays at work, and would be offered it again at once.
            OfferFailure::NoAnswer if self.is_at_work(&agent) => PASSED_OVER_MS,
            _ => 0,
        };
        let until = self.now + passed_over_ms;
        if let Some(it) = self.live(id)
            && passed_over_ms > 0
        {
            it.live.passed_over.insert(agent, until);
            self.look_again(work.queue.clone(), passed_over_ms);
        }
        self.centre.dirty.insert(work.queue);
        let most = offer.0 >= limits::MAX_OFFERS && !asynchronous;
        if reason != OfferFailure::CustomerLeft && most && !self.overflow(id) {
            self.leave_queue(id, LeftReason::MaxWait);
            self.queue_gave_back(id, QueueExit::MaxWait);
        }
    }

    /// The customer's part ends while a phone rings.
    pub(super) fn withdraw_offer(&mut self, id: InteractionId) {
        if let Some(leg) = self.live(id).and_then(|it| it.live.agent_leg) {
            self.order(
                leg,
                LegCommand::HangUp {
                    cause: Cause::Cancelled,
                },
            );
        }
        self.offer_failed(id, OfferFailure::CustomerLeft);
    }
}
