//! A case as kept, and what is due of it when.

use std::collections::BTreeSet;
use std::sync::Arc;

use jackfield_contact::case::{CaseChange, CaseStatus};
use jackfield_types::{CaseId, CaseOwner, CategoryId, CustomerId, InteractionId, Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What was promised to a customer, who sees to it, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The number that people say on the telephone; counts up from 1 within the tenant.
    pub number: u64,
    /// Whose it is. Its timeline tells of the case.
    pub customer: CustomerId,
    /// What it is about.
    pub category: CategoryId,
    /// Who sees to it.
    pub owner: CaseOwner,
    /// How it stands.
    pub status: CaseStatus,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: Arc<str>,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The interactions that have to do with it; the first opened it, if any did.
    pub interactions: Vec<InteractionId>,
    /// So long before a promised moment the owner is reminded: milliseconds, as the category said when the case was opened.
    pub remind_before_ms: Option<u64>,
    /// To whom the case goes when a promise is broken, as the category said when the case was opened.
    pub escalation: Vec<EscalationStep>,
    /// Whether the owner was reminded of the present promise, or it was too late for that when it was made.
    pub reminded: bool,
    /// Steps of the escalation that were taken for the present promise.
    pub escalated: u32,
    /// For when it is promised at present.
    pub promised_at: Option<Timestamp>,
    /// When something is due next.
    pub due: Option<Timestamp>,
    /// Whether the customer has a link to look at it.
    pub link: bool,
    /// Links that were revoked.
    pub links_revoked: u16,
    /// What it is called, 1 to 128 bytes.
    pub subject: Arc<str>,
    /// What it is about, at most 2,048 bytes.
    pub description: Option<Arc<str>>,
    /// What was written about it, oldest first.
    pub notes: Vec<CaseNote>,
    /// How it went from hand to hand, oldest first.
    pub hand_overs: Vec<HandOver>,
    /// What was promised, oldest first; the last one counts.
    pub promises: Vec<Promise>,
}

/// A step of an escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationStep {
    /// Milliseconds after the promised moment.
    pub after_ms: u64,
    /// To whom the case goes.
    pub to: CaseOwner,
}

/// Something that was written about a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Arc<str>,
    /// What, 1 to 2,048 bytes.
    pub text: Arc<str>,
    /// Whether the customer sees it.
    pub visible: bool,
}

/// A case went from one to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// When.
    pub at: Timestamp,
    /// Who handed it over.
    pub by: Arc<str>,
    /// Who had it.
    pub from: CaseOwner,
    /// Who has it now.
    pub to: CaseOwner,
    /// Why, for people.
    pub why: Option<Arc<str>>,
}

/// Something was promised for a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// When it was promised.
    pub made_at: Timestamp,
    /// Who promised it.
    pub by: Arc<str>,
    /// For when.
    pub due_at: Timestamp,
    /// Why it is another moment than before, for people.
    pub why: Option<Arc<str>>,
    /// What came of it; `None`: that is still open.
    pub outcome: Option<Outcome>,
}

/// What came of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The case was resolved in time.
    Kept,
    /// It was not.
    Broken,
    /// Another moment was promised in time.
    Moved,
}

/// What is due of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Remind,
    Break,
    Escalate,
}

/// What a case's row holds of a person, and what is read when its key is gone.
pub(crate) fn personal() -> Vec<(&'static str, Value)> {
    vec![
        ("/subject", json!("erased")),
        ("/description", Value::Null),
        ("/notes", json!([])),
        ("/hand_overs", json!([])),
        ("/promises", json!([])),
    ]
}

impl Case {
    /// The promise that counts.
    pub fn promise(&self) -> Option<&Promise> {
        self.promises.last()
    }

    /// What is due next, and when.
    pub(crate) fn next_due(&self) -> Option<(Timestamp, Due)> {
        if self.status.is_settled() {
            return None;
        }
        let promise = self.promise()?;
        match promise.outcome {
            Some(Outcome::Kept | Outcome::Moved) => None,
            Some(Outcome::Broken) => {
                let step = self.escalation.get(self.escalated as usize)?;
                Some((promise.due_at + step.after_ms, Due::Escalate))
            }
            None => match self.remind_before_ms {
                Some(before) if !self.reminded => {
                    Some((Timestamp(promise.due_at.0.saturating_sub(before)), Due::Remind))
                }
                _ => Some((promise.due_at, Due::Break)),
            },
        }
    }

    /// Does what is due by now, one thing of it; what that was.
    pub(crate) fn come_due(&mut self, now: Timestamp, by: &Arc<str>) -> Option<CaseChange> {
        let (_, due) = self.next_due().filter(|(at, _)| *at <= now)?;
        let promise = self.promises.last_mut()?;
        match due {
            Due::Remind if now < promise.due_at => {
                self.reminded = true;
                Some(CaseChange::Reminded)
            }
            // It is too late to remind of it: the process was down.
            Due::Remind | Due::Break => {
                promise.outcome = Some(Outcome::Broken);
                Some(CaseChange::PromiseBroken)
            }
            Due::Escalate => {
                let to = self.escalation.get(self.escalated as usize)?.to.clone();
                self.escalated += 1;
                let step = self.escalated;
                let from = self.hand_over(now, by, to.clone(), None);
                Some(CaseChange::Escalated { from, to, step })
            }
        }
    }

    /// Gives it to another; who had it.
    pub(crate) fn hand_over(
        &mut self,
        at: Timestamp,
        by: &Arc<str>,
        to: CaseOwner,
        why: Option<Arc<str>>,
    ) -> CaseOwner {
        let from = std::mem::replace(&mut self.owner, to.clone());
        if self.hand_overs.len() >= limits::MAX_CASE_HAND_OVERS {
            self.hand_overs.remove(1);
        }
        self.hand_overs.push(HandOver {
            at,
            by: by.clone(),
            from: from.clone(),
            to,
            why,
        });
        from
    }

    /// Promises a moment.
    pub(crate) fn promise_for(
        &mut self,
        due_at: Timestamp,
        now: Timestamp,
        by: &Arc<str>,
        why: Option<Arc<str>>,
    ) {
        if let Some(last) = self.promises.last_mut().filter(|last| last.outcome.is_none()) {
            last.outcome = Some(if now < last.due_at {
                Outcome::Moved
            } else {
                Outcome::Broken
            });
        }
        self.promises.push(Promise {
            made_at: now,
            by: by.clone(),
            due_at,
            why,
            outcome: None,
        });
        self.promised_at = Some(due_at);
        self.escalated = 0;
        self.reminded = self
            .remind_before_ms
            .is_none_or(|before| now.0 >= due_at.0.saturating_sub(before));
    }

    /// Keys of the index that lead to it.
    pub(crate) fn index(&self) -> BTreeSet<String> {
        let id = self.id;
        let mut keys = BTreeSet::from([
            format!("number {:020}", self.number),
            format!("status {} {id}", self.status.as_str()),
            format!("customer {} {id}", self.customer),
        ]);
        if !self.status.is_settled() {
            keys.insert(format!("owner {} {id}", self.owner));
            keys.insert(format!("category {} {id}", self.category));
            if let Some(at) = self.promised_at {
                keys.insert(format!("promise {:020} {id}", at.0));
            }
        }
        keys
    }
}

/// The row that says when something is due.
pub(crate) fn due_key(at: Timestamp, case: CaseId) -> String {
    format!("{:020} {case}", at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by() -> Arc<str> {
        "user:anna".into()
    }

    fn case(remind_before_ms: Option<u64>, promised: u64) -> Case {
        let step = |after_ms, to: &str| EscalationStep {
            after_ms,
            to: to.parse().unwrap(),
        };
        let mut case = Case {
            id: CaseId::from_uuid(uuid::Uuid::nil()),
            number: 7,
            customer: CustomerId::new("crm:1").unwrap(),
            category: CategoryId::new("repair").unwrap(),
            owner: "queue:support".parse().unwrap(),
            status: CaseStatus::Open,
            opened_at: Timestamp(0),
            opened_by: by(),
            changed_at: Timestamp(0),
            interactions: Vec::new(),
            remind_before_ms,
            escalation: vec![step(0, "agent:lead"), step(500, "outlet:head-office")],
            reminded: false,
            escalated: 0,
            promised_at: None,
            due: None,
            link: false,
            links_revoked: 0,
            subject: "Router".into(),
            description: None,
            notes: Vec::new(),
            hand_overs: Vec::new(),
            promises: Vec::new(),
        };
        case.promise_for(Timestamp(promised), Timestamp(0), &by(), None);
        case
    }

    #[test]
    fn a_promise_is_reminded_of_broken_and_escalated_once_each_and_never_early() {
        let mut case = case(Some(300), 1_000);
        let mut told = Vec::new();
        while let Some((at, _)) = case.next_due() {
            assert_eq!(case.clone().come_due(Timestamp(at.0 - 1), &by()), None, "early");
            told.push((at.0, case.come_due(at, &by()).unwrap()));
        }
        let escalated = |from: &str, to: &str, step| CaseChange::Escalated {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            step,
        };
        assert_eq!(
            told,
            [
                (700, CaseChange::Reminded),
                (1_000, CaseChange::PromiseBroken),
                (1_000, escalated("queue:support", "agent:lead", 1)),
                (1_500, escalated("agent:lead", "outlet:head-office", 2)),
            ]
        );
        assert_eq!(case.hand_overs.len(), 2);
        assert_eq!(case.promise().unwrap().outcome, Some(Outcome::Broken));
    }

    #[test]
    fn after_a_long_sleep_nothing_is_forgotten_and_a_reminder_too_late_is_none() {
        let mut case = case(Some(300), 1_000);
        let late = Timestamp(9_000);
        let told: Vec<_> = std::iter::from_fn(|| case.come_due(late, &by())).collect();
        assert_eq!(told[0], CaseChange::PromiseBroken);
        assert_eq!(told.len(), 3, "{told:?}");
    }

    #[test]
    fn another_promise_begins_anew_and_a_near_one_needs_no_reminder() {
        let mut case = case(Some(300), 1_000);
        case.promise_for(
            Timestamp(2_000),
            Timestamp(900),
            &by(),
            Some("parts are late".into()),
        );
        assert_eq!(case.promises[0].outcome, Some(Outcome::Moved));
        assert_eq!(case.next_due(), Some((Timestamp(1_700), Due::Remind)));
        case.promise_for(Timestamp(2_100), Timestamp(1_900), &by(), None);
        assert_eq!(case.next_due(), Some((Timestamp(2_100), Due::Break)));
        case.come_due(Timestamp(2_100), &by()).unwrap();
        case.promise_for(Timestamp(5_000), Timestamp(2_200), &by(), None);
        assert_eq!(case.promises[2].outcome, Some(Outcome::Broken));
        case.status = CaseStatus::Resolved;
        assert_eq!(case.next_due(), None);
    }
}
