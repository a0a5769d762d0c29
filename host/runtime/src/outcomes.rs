//! How conversations went, by agent and by what they were about: counts that routing strategies may see.
//!
//! A row for each agent, written in the commit of the event that counts. No customer is named in it; it goes with the agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::decision::{AgentOutcomes, SurveyAnswer, Tally, call_type};
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{AgentId, OpContext, Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::SubmitError;
use crate::history::decode;
use crate::tenant::Tenant;

/// Keys: agents.
const OUTCOMES: Space = Space::new("agent-outcomes");

/// What is kept of one agent.
type Row = Vec<ReasonRow>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReasonRow {
    reason: Arc<str>,
    /// When the newest outcome came.
    at: Timestamp,
    survey: Tally,
    evaluation: Tally,
}

/// The agents whose rows a commit changes, read once; `None` for one who was removed.
pub(crate) struct Outcomes<'a> {
    ctx: &'a OpContext,
    store: &'a Store,
    rows: BTreeMap<AgentId, Option<Row>>,
}

impl<'a> Outcomes<'a> {
    pub(crate) fn new(ctx: &'a OpContext, store: &'a Store) -> Self {
        Self {
            ctx,
            store,
            rows: BTreeMap::new(),
        }
    }

    pub(crate) async fn survey(
        &mut self,
        it: &Interaction,
        at: Timestamp,
        answer: &SurveyAnswer,
    ) -> Result<(), StoreError> {
        match points_of(answer) {
            Some(points) => self.count(it, at, |row| row.survey.add(points)).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn evaluation(
        &mut self,
        it: &Interaction,
        at: Timestamp,
        score: Option<f64>,
    ) -> Result<(), StoreError> {
        match score {
            Some(score) => {
                let points = score.round().clamp(0.0, 100.0) as u8;
                self.count(it, at, |row| row.evaluation.add(points)).await
            }
            None => Ok(()),
        }
    }

    pub(crate) fn forget(&mut self, agent: &AgentId) {
        self.rows.insert(agent.clone(), None);
    }

    async fn count(
        &mut self,
        it: &Interaction,
        at: Timestamp,
        add: impl FnOnce(&mut ReasonRow),
    ) -> Result<(), StoreError> {
        let reason = call_type(&it.attributes, it.queue.as_ref());
        let Some(agent) = &it.agent else { return Ok(()) };
        if reason.is_empty() || reason.len() > limits::MAX_OUTCOME_REASON_BYTES {
            return Ok(());
        }
        if !self.rows.contains_key(agent) {
            let stored = self
                .store
                .get(self.ctx, OUTCOMES, agent.as_str().as_bytes())
                .await?;
            let row = stored.map(|stored| serde_json::from_slice(&stored.value));
            let row = row.transpose().map_err(|error| StoreError::Corrupt {
                what: format!("outcomes of agent {agent}: {error}"),
            })?;
            self.rows.insert(agent.clone(), Some(row.unwrap_or_default()));
        }
        // One who was removed in this very commit leaves nothing.
        if let Some(Some(row)) = self.rows.get_mut(agent) {
            add(entry(row, reason, at));
        }
        Ok(())
    }

    /// Adds the changed rows to their transaction.
    pub(crate) fn put_into(self, mut tx: Tx) -> Tx {
        for (agent, row) in self.rows {
            tx = match row {
                // These types hold nothing that JSON can't say.
                Some(row) => tx.put(
                    OUTCOMES,
                    agent.as_str(),
                    serde_json::to_vec(&row).unwrap_or_default(),
                ),
                None => tx.delete(OUTCOMES, agent.as_str()),
            };
        }
        tx
    }
}

/// The entry of a reason; a new one takes the place of that without outcomes for longest, when there are as many as may be.
fn entry(row: &mut Row, reason: Arc<str>, at: Timestamp) -> &mut ReasonRow {
    let index = row
        .iter()
        .position(|known| known.reason == reason)
        .unwrap_or_else(|| {
            if row.len() >= limits::MAX_OUTCOME_REASONS
                && let Some(oldest) = (0..row.len()).min_by_key(|&index| row[index].at)
            {
                row.swap_remove(oldest);
            }
            row.push(ReasonRow {
                reason,
                at,
                survey: Tally::default(),
                evaluation: Tally::default(),
            });
            row.len() - 1
        });
    row[index].at = at;
    &mut row[index]
}

/// 0 for the lowest answer to 100 for the highest; a question with one answer says nothing.
fn points_of(answer: &SurveyAnswer) -> Option<u8> {
    let range = answer
        .highest
        .checked_sub(answer.lowest)
        .filter(|range| *range > 0)?;
    let above = answer.value.saturating_sub(answer.lowest).min(range);
    Some((u32::from(above) * 100 / u32::from(range)) as u8)
}

impl Tenant {
    /// How conversations of these agents about these reasons went, those that there are.
    pub(crate) async fn outcomes(
        &self,
        ctx: &OpContext,
        agents: &[&AgentId],
        reasons: &[Arc<str>],
    ) -> Result<Vec<AgentOutcomes>, SubmitError> {
        read(&self.inner.shared.store, ctx, agents, reasons).await
    }
}

async fn read(
    store: &Store,
    ctx: &OpContext,
    agents: &[&AgentId],
    reasons: &[Arc<str>],
) -> Result<Vec<AgentOutcomes>, SubmitError> {
    let mut found = Vec::new();
    for agent in agents {
        let Some(stored) = store.get(ctx, OUTCOMES, agent.as_str().as_bytes()).await? else {
            continue;
        };
        let row: Row = decode(&stored.value)?;
        let wanted = row.into_iter().filter(|row| reasons.contains(&row.reason));
        found.extend(wanted.map(|row| AgentOutcomes {
            agent: (*agent).clone(),
            reason: row.reason,
            survey: row.survey,
            evaluation: row.evaluation,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_points_between_lowest_and_highest() {
        let points = |value, lowest, highest| {
            points_of(&SurveyAnswer {
                question: "csat".into(),
                value,
                lowest,
                highest,
            })
        };
        assert_eq!(
            [1, 2, 5].map(|value| points(value, 1, 5)),
            [Some(0), Some(25), Some(100)]
        );
        assert_eq!(points(9, 1, 5), Some(100));
        assert_eq!(points(0, 1, 5), Some(0));
        assert_eq!((points(1, 1, 1), points(1, 2, 1)), (None, None));
    }

    /// A conversation of an agent, about the queue `support` or else a call type.
    fn conversation(agent: &str, call_type: Option<&str>) -> Interaction {
        let attributes: Vec<_> = call_type.map(|it| ("call-type", it)).into_iter().collect();
        serde_json::from_value(serde_json::json!({
            "id": "0198f000-0000-7000-8000-000000000001", "channel": "voice", "caller": "+8613800138000",
            "caller_name": null, "number": "+8675512345678", "customer": null, "last_agent": null, "started_at": 1,
            "stage": {"name": "ended"}, "attributes": attributes, "segments": [], "queue": "support", "agent": agent,
            "waited_ms": 0, "talked_ms": 1, "surveys": [], "recording": null, "ending": null, "orphaned": false,
            "score": null,
        }))
        .unwrap()
    }

    fn of_tenant(name: &str) -> OpContext {
        OpContext::system(name.parse().unwrap(), "test")
    }

    #[tokio::test]
    async fn outcomes_are_kept_by_agent_and_reason_for_one_tenant_and_go_with_the_agent() {
        let (store, ctx) = (Store::memory().unwrap(), of_tenant("acme"));
        let answer = SurveyAnswer {
            question: "csat".into(),
            value: 4,
            lowest: 1,
            highest: 5,
        };
        let (anna, ben): (AgentId, AgentId) = ("anna".parse().unwrap(), "ben".parse().unwrap());
        // Twice, so that the second commit goes on from the first one's rows.
        for at in [1, 2] {
            let mut outcomes = Outcomes::new(&ctx, &store);
            let (refund, plain) = (conversation("anna", Some("refund")), conversation("anna", None));
            outcomes.survey(&refund, Timestamp(at), &answer).await.unwrap();
            outcomes
                .evaluation(&refund, Timestamp(at), Some(61.4))
                .await
                .unwrap();
            outcomes.evaluation(&plain, Timestamp(at), None).await.unwrap();
            outcomes
                .survey(&conversation("ben", None), Timestamp(at), &answer)
                .await
                .unwrap();
            let long = conversation("ben", Some(&"x".repeat(65)));
            outcomes.survey(&long, Timestamp(at), &answer).await.unwrap();
            store.commit(&ctx, outcomes.put_into(Tx::new())).await.unwrap();
        }
        let reasons = ["refund".into(), "support".into(), "x".repeat(65).into()];
        let found = read(&store, &ctx, &[&anna, &ben], &reasons).await.unwrap();
        let of = |agent: &AgentId, reason: &str, survey, evaluation| AgentOutcomes {
            agent: agent.clone(),
            reason: reason.into(),
            survey,
            evaluation,
        };
        let tally = |count, total| Tally { count, total };
        let nothing = Tally::default();
        assert_eq!(
            found,
            [
                of(&anna, "refund", tally(2, 150), tally(2, 122)),
                of(&ben, "support", tally(2, 150), nothing),
            ]
        );
        assert_eq!(read(&store, &ctx, &[&anna], &reasons[1..]).await.unwrap(), []);
        assert_eq!(
            read(&store, &of_tenant("other"), &[&anna], &reasons)
                .await
                .unwrap(),
            []
        );

        let mut outcomes = Outcomes::new(&ctx, &store);
        outcomes.forget(&anna);
        outcomes
            .survey(&conversation("anna", None), Timestamp(3), &answer)
            .await
            .unwrap();
        store.commit(&ctx, outcomes.put_into(Tx::new())).await.unwrap();
        assert_eq!(read(&store, &ctx, &[&anna], &reasons).await.unwrap(), []);
    }

    #[test]
    fn the_reason_without_outcomes_for_longest_makes_room() {
        let mut row = Row::new();
        for n in 0..limits::MAX_OUTCOME_REASONS as u64 {
            entry(&mut row, format!("reason-{n}").into(), Timestamp(n))
                .survey
                .add(50);
        }
        entry(&mut row, "reason-0".into(), Timestamp(1_000))
            .survey
            .add(50);
        entry(&mut row, "one-more".into(), Timestamp(1_001));
        assert_eq!(row.len(), limits::MAX_OUTCOME_REASONS);
        let kept = |reason: &str| row.iter().find(|row| &*row.reason == reason);
        assert_eq!(kept("reason-0").unwrap().survey.count, 2);
        assert!(kept("reason-1").is_none() && kept("one-more").is_some());
        let longest = ReasonRow {
            reason: "\u{1}".repeat(limits::MAX_OUTCOME_REASON_BYTES).into(),
            at: Timestamp(u64::MAX),
            ..row[0].clone()
        };
        let full = vec![longest; limits::MAX_OUTCOME_REASONS];
        assert!(serde_json::to_vec(&full).unwrap().len() <= limits::MAX_VALUE_BYTES);
    }
}
