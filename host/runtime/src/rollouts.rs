//! A candidate at work beside the active version: asked in shadow, deciding in a canary and compared in both, taken back
//! when it violates a gate.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use jackfield_contact::Centre;
use jackfield_contact::decision::compare::compare;
use jackfield_contact::decision::{Answer, Assignment, Plan, Question, RoutingAgent, RoutingQuestion};
use jackfield_contact::event::{BindingNote, Event, LeftReason, Recorded};
use jackfield_contact::input::Input;
use jackfield_registry::rollout::{Observed, Stage, Verdict, Window};
use jackfield_registry::{BindingRecord, Bound, Candidate, Move, RegistryError, RolloutRecord};
use jackfield_sandbox::{Decision, DecisionRecord, Replayed};
use jackfield_types::{Digest, ExtensionPoint, InteractionId, OpContext, PluginKind, Timestamp};
use uuid::Uuid;

use crate::clock;
use crate::decide::{Asking, Outcome};
use crate::flows::Flows;
use crate::metering::{Series, Tally, UsedFor};
use crate::reads::TenantReads;
use crate::tenant::Tenant;

impl Asking<'_> {
    /// Decides while a candidate is rolled out beside the active version.
    pub(crate) async fn beside(
        &self,
        question: Arc<Question>,
        active: &Arc<Bound>,
        candidate: &Arc<Candidate>,
        flows: &Flows,
    ) -> Outcome {
        match candidate.stage {
            Stage::Canary { .. } => match &*question {
                Question::Routing(routing) => self.split(routing, active, candidate, flows).await,
                _ if candidate.takes(group_of(&question)) => {
                    self.by_candidate(question, active, candidate, flows).await
                }
                _ => self.by_active(question, active, candidate, flows).await,
            },
            _ => {
                let outcome = self.by_active(question, active, candidate, flows).await;
                if let Some(record) = &outcome.record {
                    self.compare(record.clone(), candidate, &candidate.bound);
                }
                outcome
            }
        }
    }

    async fn by_active(
        &self,
        question: Arc<Question>,
        active: &Arc<Bound>,
        candidate: &Arc<Candidate>,
        flows: &Flows,
    ) -> Outcome {
        let outcome = self.by(question, active, active.previous.as_ref(), flows).await;
        self.observe(candidate, |seen| &mut seen.control, &outcome);
        outcome
    }

    async fn by_candidate(
        &self,
        question: Arc<Question>,
        active: &Arc<Bound>,
        candidate: &Arc<Candidate>,
        flows: &Flows,
    ) -> Outcome {
        let outcome = self.by(question, &candidate.bound, Some(active), flows).await;
        self.observe(candidate, |seen| &mut seen.candidate, &outcome);
        let told = |record: &&Arc<DecisionRecord>| {
            record.by.digest == candidate.bound.record.digest && !is_in_progress(&record.question)
        };
        if let Some(record) = outcome.record.as_ref().filter(told) {
            self.compare(record.clone(), candidate, active);
        }
        roll_back_if_due(self.tenant, candidate, clock::now());
        outcome
    }

    fn observe(
        &self,
        candidate: &Candidate,
        side: impl FnOnce(&mut jackfield_registry::Seen) -> &mut Window,
        outcome: &Outcome,
    ) {
        let failed = outcome.failed_before.as_ref().or(outcome.outcome.as_ref().err());
        let fuel = outcome.record.as_ref().map_or(0, |record| record.receipt.fuel);
        // A question may be about another moment than this one; the window is not.
        count(candidate, clock::now(), side, |seen| {
            seen.decision(
                fuel,
                failed.map(|failure| &*failure.code),
                outcome.failed_before.is_some(),
            );
        });
        if failed.is_some() {
            self.tenant.inner.shared.rollout_failed.notify_one();
        }
    }

    /// Routing is about many interactions at once: each version decides for its own share of the work, the one whose
    /// customer waits longest first; the other has the agents that are left.
    async fn split(
        &self,
        question: &RoutingQuestion,
        active: &Arc<Bound>,
        candidate: &Arc<Candidate>,
        flows: &Flows,
    ) -> Outcome {
        let mine = |work: &u32| {
            let work = &question.work[*work as usize];
            candidate.takes(work.interaction)
        };
        let (canary, control): (Vec<u32>, Vec<u32>) = (0..question.work.len() as u32).partition(mine);
        let mut shares = [(true, canary), (false, control)];
        shares.sort_by_key(|(_, work)| work.first().copied().unwrap_or(u32::MAX));
        let mut taken = vec![0; question.agents.len()];
        let (mut parts, mut kv_writes) = (Vec::new(), Vec::new());
        let (mut failure, mut failed_before, mut record) = (None, None, None);
        for (is_canary, work) in shares.iter().filter(|(_, work)| !work.is_empty()) {
            let (share, agents) = share(question, work, &taken);
            let share = Arc::new(Question::Routing(Box::new(share)));
            let outcome = if *is_canary {
                self.by_candidate(share, active, candidate, flows).await
            } else {
                self.by_active(share, active, candidate, flows).await
            };
            match outcome.outcome {
                Ok((Answer::Routing(plan), by)) => {
                    let plan = whole(plan, work, &agents);
                    for pair in &plan.assignments {
                        taken[pair.agent as usize] += 1;
                    }
                    parts.push((plan, by));
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
            kv_writes.extend(outcome.kv_writes);
            failed_before = failed_before.or(outcome.failed_before);
            record = record.or(outcome.record);
        }
        let outcome = match (parts.first().map(|(_, by)| by.clone()), failure) {
            (Some(by), _) => Ok((Answer::SplitRouting(parts), by)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(crate::decide::failure(
                "invalid-answer",
                "there is no work to route",
            )),
        };
        Outcome {
            outcome,
            failed_before,
            kv_writes,
            record,
        }
    }

    /// Asks one version what the other has decided, and compares; nothing takes effect. In shadow the candidate is asked, in
    /// a canary the active version. Left out when the tenant's turns are taken: those who wait go first.
    fn compare(&self, record: Arc<DecisionRecord>, candidate: &Arc<Candidate>, other: &Arc<Bound>) {
        let (tenant, candidate, other) = (self.tenant.clone(), candidate.clone(), other.clone());
        let reads = TenantReads::new(
            tenant.clone(),
            self.point.clone(),
            record.question.interaction(),
            self.customer.clone(),
            self.now,
        );
        tokio::spawn(async move {
            let admission = &tenant.inner.shared.admission;
            let Some(turn) = admission.turn(tenant.id(), PluginKind::TagGenerator).await else {
                return;
            };
            let asked = other.clone();
            let done = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let beyond = Some(Arc::new(reads) as _);
                let replayed = asked.plugin.replay(&record, asked.by.config.clone(), beyond);
                (record, replayed)
            });
            let Ok((record, replayed)) = done.await else {
                return;
            };
            if let Replayed::Decided(decision) = &replayed {
                meter_shadow(&tenant, &other, decision);
            }
            let in_shadow = candidate.stage == Stage::Shadow;
            let seen = |seen: &mut Observed| match &replayed {
                Replayed::Decided(decision) if in_shadow => {
                    let failed = decision.result.as_ref().err().map(|failure| &*failure.code);
                    seen.decision(decision.receipt.fuel, failed, false);
                    seen.compared(compare(&record.question, &record.result, &decision.result).grade);
                }
                // That the candidate failed was counted when it decided.
                Replayed::Decided(decision) if decision.result.is_ok() && record.result.is_ok() => {
                    seen.compared(compare(&record.question, &decision.result, &record.result).grade);
                }
                Replayed::Decided(_) => {}
                Replayed::Unreplayable(_) => seen.unreplayable(),
            };
            let failed =
                in_shadow && matches!(&replayed, Replayed::Decided(decision) if decision.result.is_err());
            let seen_at = clock::now();
            count(&candidate, seen_at, |both| &mut both.candidate, seen);
            if failed {
                tenant.inner.shared.rollout_failed.notify_one();
            }
            roll_back_if_due(&tenant, &candidate, seen_at);
        });
    }
}

/// Whether a question carries the state of the version that answered before: no other can be compared with it.
fn is_in_progress(question: &Question) -> bool {
    match question {
        Question::Flow(flow) => !flow.state.is_empty(),
        Question::Chat(chat) => !chat.state.is_empty(),
        _ => false,
    }
}

fn meter_shadow(tenant: &Tenant, asked: &Bound, decision: &Decision) {
    let BindingRecord {
        point,
        plugin,
        version,
        ..
    } = &asked.record;
    let series = Series::of(clock::now(), UsedFor::Shadow, point, plugin, version);
    let tally = Tally::of(&decision.receipt, decision.result.as_ref().err());
    tenant.inner.meter.record_trial(series, &tally);
}

fn count(
    candidate: &Candidate,
    now: Timestamp,
    side: impl FnOnce(&mut jackfield_registry::Seen) -> &mut Window,
    what: impl FnOnce(&mut Observed),
) {
    let mut seen = candidate
        .seen
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let moment = seen.moment(now);
    what(side(&mut seen).at(moment));
    seen.changed = true;
}

/// What a question's group hangs on: the interaction; for an outbound attempt the number; for what is about neither the
/// question itself.
fn group_of(question: &Question) -> InteractionId {
    let stands_for = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        InteractionId::from_uuid(Uuid::from_bytes(std::array::from_fn(|n| digest.as_bytes()[n])))
    };
    match (question.interaction(), question) {
        (Some(interaction), _) => interaction,
        (None, Question::Outbound(attempt)) => stands_for(attempt.number.as_str().as_bytes()),
        (None, question) => stands_for(&serde_json::to_vec(question).unwrap_or_default()),
    }
}

/// A question about some of the work, with the agents that are still free, and which agents those are.
fn share(question: &RoutingQuestion, work: &[u32], taken: &[u16]) -> (RoutingQuestion, Vec<u32>) {
    let free = |(n, agent): (usize, &RoutingAgent)| {
        let load = agent.load.saturating_add(taken[n]);
        (load < agent.capacity).then(|| {
            let agent = RoutingAgent {
                load,
                ..agent.clone()
            };
            (n as u32, agent)
        })
    };
    let (agents, entries): (Vec<u32>, Vec<RoutingAgent>) =
        question.agents.iter().enumerate().filter_map(free).unzip();
    let place = |agent: u32| agents.iter().position(|known| *known == agent).map(|n| n as u32);
    let work = work.iter().map(|n| {
        let mut work = question.work[*n as usize].clone();
        work.last_agent = work.last_agent.and_then(place);
        work
    });
    let share = RoutingQuestion {
        queue: question.queue.clone(),
        skills: question.skills.clone(),
        work: work.collect(),
        agents: entries,
    };
    (share, agents)
}

/// A share's plan in the indices of the whole question.
fn whole(plan: Plan, work: &[u32], agents: &[u32]) -> Plan {
    Plan {
        assignments: plan
            .assignments
            .iter()
            .map(|pair| Assignment {
                work: work[pair.work as usize],
                agent: agents[pair.agent as usize],
            })
            .collect(),
        overflows: plan.overflows.iter().map(|n| work[*n as usize]).collect(),
        look_again_at: plan.look_again_at,
    }
}

/// Counts what became of a waiting customer towards the service level of both groups.
pub(crate) fn served(tenant: &Tenant, centre: &Centre, recorded: &Recorded) {
    let (interaction, waited_ms, queue) = match &recorded.event {
        Event::Connected {
            interaction,
            waited_ms,
            ..
        } => {
            let queue = centre.interaction(*interaction).and_then(|it| it.queue.as_ref());
            let Some(queue) = queue else { return };
            (*interaction, Some(*waited_ms), queue)
        }
        Event::LeftQueue {
            interaction,
            queue,
            reason: LeftReason::Abandoned,
        } => (*interaction, None, queue),
        _ => return,
    };
    let now = recorded.at;
    let point = ExtensionPoint::Queue(queue.clone());
    let Some(bound) = tenant.inner.shared.registry.bound(tenant.id(), &point) else {
        return;
    };
    let Some(candidate) = &bound.candidate else { return };
    if !matches!(candidate.stage, Stage::Canary { .. }) {
        return;
    }
    let is_canary = candidate.takes(interaction);
    count(
        candidate,
        now,
        |seen| side_of(seen, is_canary),
        |seen| match waited_ms {
            Some(waited_ms) => seen.answered(waited_ms, &candidate.gates),
            None => seen.abandoned(),
        },
    );
    roll_back_if_due(tenant, candidate, now);
}

fn side_of(seen: &mut jackfield_registry::Seen, is_canary: bool) -> &mut Window {
    if is_canary {
        &mut seen.candidate
    } else {
        &mut seen.control
    }
}

/// Takes a candidate back that violates a gate.
pub(crate) fn roll_back_if_due(tenant: &Tenant, candidate: &Arc<Candidate>, now: Timestamp) {
    let (evidence, verdict) = candidate.evidence(now);
    let Verdict::Violated { message, .. } = verdict else {
        return;
    };
    if candidate.moving.swap(true, Relaxed) {
        return;
    }
    let back = Move {
        to: Stage::RolledBack,
        why: message,
        evidence,
    };
    let (tenant, candidate) = (tenant.clone(), candidate.clone());
    tokio::spawn(async move { move_by_itself(&tenant, &candidate, back).await });
}

/// Moves a candidate because of what was seen. When that can't be stored now, whoever looks next tries again.
pub(crate) async fn move_by_itself(tenant: &Tenant, candidate: &Candidate, to: Move) {
    let ctx = OpContext::system(tenant.id().clone(), "gates");
    let (point, number) = (&candidate.bound.record.point, Some(candidate.number));
    let stage = shown(to.to);
    let registry = &tenant.inner.shared.registry;
    match registry.move_rollout(&ctx, point, to, number, clock::now()).await {
        Ok(record) => note(tenant, &record).await,
        // Somebody moved it first.
        Err(RegistryError::NoRollout(_)) => {}
        Err(error) => {
            tracing::error!(tenant = %tenant.id(), %point, %error, "a candidate can't be moved to {stage}; it is tried again");
            candidate.moving.store(false, Relaxed);
        }
    }
}

/// Journals where a rollout went, and has waiting work looked at again.
pub(crate) async fn note(tenant: &Tenant, record: &RolloutRecord) {
    let note = BindingNote::RolloutMoved {
        to: shown(record.stage).into(),
        by: record.moved_by.as_str().into(),
        why: record.why.as_str().into(),
        evidence: record.evidence.to_string().into(),
    };
    let noted = Input::BindingNoted {
        point: record.point.clone(),
        plugin: record.plugin.clone(),
        version: record.version.clone(),
        note,
    };
    for input in [noted, Input::BindingChanged(record.point.clone())] {
        if let Err(error) = tenant.submit(input).await {
            tracing::warn!(tenant = %tenant.id(), point = %record.point, %error, "a rollout's event is missing in the journal; its history has it");
        }
    }
}

fn shown(stage: Stage) -> String {
    match stage {
        Stage::Replayed => "replayed".into(),
        Stage::Shadow => "shadow".into(),
        Stage::Canary { percent } => format!("canary {percent} %"),
        Stage::Active => "active".into(),
        Stage::RolledBack => "rolled-back".into(),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::RoutingWork;
    use jackfield_types::{AgentId, Channel, QueueId};

    use super::*;

    fn question(work: u32, agents: u32) -> RoutingQuestion {
        RoutingQuestion {
            queue: QueueId::new("support").unwrap(),
            skills: vec![],
            work: (0..work)
                .map(|n| RoutingWork {
                    interaction: InteractionId::from_uuid(Uuid::from_u128(n.into())),
                    channel: Channel::Voice,
                    needs: 0,
                    levels: vec![],
                    waiting_ms: 1_000,
                    priority: 0,
                    last_agent: Some(agents - 1),
                    attributes: vec![],
                })
                .collect(),
            agents: (0..agents)
                .map(|n| RoutingAgent {
                    agent: AgentId::new(&format!("a{n}")).unwrap(),
                    skills: 0,
                    levels: vec![],
                    idle_ms: 1,
                    load: 0,
                    capacity: 1,
                })
                .collect(),
        }
    }

    #[test]
    fn a_share_has_its_own_work_and_the_agents_that_are_left() {
        let question = question(4, 3);
        let (share, agents) = share(&question, &[1, 3], &[0, 1, 0]);
        assert_eq!(agents, [0, 2]);
        assert_eq!(share.work[0].interaction, question.work[1].interaction);
        assert_eq!(
            share.work[0].last_agent,
            Some(1),
            "the index moves with the agent"
        );
        let plan = Plan {
            assignments: vec![Assignment { work: 1, agent: 1 }],
            overflows: vec![0],
            look_again_at: None,
        };
        let whole = whole(plan, &[1, 3], &agents);
        assert_eq!(whole.assignments, [Assignment { work: 3, agent: 2 }]);
        assert_eq!(whole.overflows, [1]);
    }

    #[test]
    fn a_last_agent_who_is_taken_is_no_longer_named() {
        let (share, _) = share(&question(1, 2), &[0], &[0, 1]);
        assert_eq!(share.work[0].last_agent, None);
    }
}
