//! Records that concern a customer go when somebody asks for it.

use std::collections::BTreeSet;

use jackfield_contact::decision::Question;
use jackfield_contact::input::Input;
use jackfield_sandbox::{DecisionRecord, Read};
use jackfield_store::{Error as StoreError, Scan, Store, Tx};
use jackfield_types::{CustomerId, InteractionId, OpContext, limits};

use super::READ_ROWS;
use super::segment::{DECISIONS, POINTS, decode, last_id, segments};
use crate::SubmitError;
use crate::history::InteractionFilter;
use crate::tenant::Tenant;

/// Whose records go.
pub(super) struct Concerned {
    pub(super) customer: CustomerId,
    pub(super) interactions: BTreeSet<InteractionId>,
}

impl Concerned {
    /// Whether a record tells of the customer: as the one it is about, among those who waited, as the number to be
    /// called, or in what the plugin read.
    fn by(&self, record: &DecisionRecord) -> bool {
        let one = |interaction: &InteractionId| self.interactions.contains(interaction);
        let asked = match &*record.question {
            Question::Routing(routing) => routing.work.iter().any(|work| one(&work.interaction)),
            Question::Outbound(attempt) => {
                self.customer.as_str().strip_prefix("tel:") == Some(attempt.number.as_str())
            }
            question => question.interaction().as_ref().is_some_and(one),
        };
        asked
            || record.reads.iter().any(|read| match read {
                Read::Customer(Ok(Some(customer))) => customer.id == self.customer,
                Read::CustomerTags(interaction, _) => one(interaction),
                _ => false,
            })
    }
}

impl Tenant {
    /// Erases the recorded decisions that concern a customer, and journals that it was done. Answers how many. What is
    /// decided afterwards is recorded as ever.
    ///
    /// One erasure or replay of a tenant runs at a time; another is refused as [`SubmitError::Overloaded`].
    pub async fn erase_decisions(&self, ctx: &OpContext, customer: &CustomerId) -> Result<u64, SubmitError> {
        let Ok(_turn) = self.inner.replaying.try_lock() else {
            return Err(SubmitError::Overloaded);
        };
        let concerned = Concerned {
            customer: customer.clone(),
            interactions: self.interactions_of(ctx, customer).await?,
        };
        self.inner.shared.recorder.flush().await;
        let records = erase(&self.inner.shared.store, ctx, &concerned).await?;
        let erased = Input::DecisionsErased {
            customer: customer.clone(),
            records,
            by: ctx.actor.to_string().into(),
        };
        self.submit(erased).await?;
        Ok(records)
    }

    async fn interactions_of(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<BTreeSet<InteractionId>, SubmitError> {
        let filter = InteractionFilter {
            customer: Some(customer.clone()),
            ..InteractionFilter::default()
        };
        let (mut found, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = self.interactions(ctx, &filter, cursor, limits::MAX_PAGE).await?;
            found.extend(page.items.iter().map(|it| it.id));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Looks all records through, writes rows that hold some of them again without, and answers how many went.
pub(super) async fn erase(store: &Store, ctx: &OpContext, concerned: &Concerned) -> Result<u64, SubmitError> {
    let (mut erased, mut cursor) = (0, None);
    loop {
        let scan = Scan::all().limit(READ_ROWS).after(cursor);
        let page = store.scan(ctx, DECISIONS, scan).await?;
        for row in page.rows {
            let records = decode(&row.value)?;
            let rest: Vec<_> = records.iter().filter(|record| !concerned.by(record)).collect();
            let gone = records.len() - rest.len();
            let Some(last) = last_id(&row.key).filter(|_| gone > 0) else {
                continue;
            };
            let mut rest = segments(rest);
            let tx = Tx::new().check(DECISIONS, row.key.clone(), row.version);
            let tx = match rest.pop() {
                // Fewer records of one row are one row again.
                Some(segment) if rest.is_empty() => tx.put(DECISIONS, row.key, segment.bytes),
                _ => tx
                    .delete(DECISIONS, row.key)
                    .delete(POINTS, last.as_bytes().as_slice()),
            };
            match store.commit(ctx, tx).await {
                Ok(_) => erased += gone as u64,
                // It became too old meanwhile.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(erased);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jackfield_contact::decision::{Customer, RoutingQuestion, RoutingWork};
    use jackfield_types::{Channel, Timestamp};

    use super::super::tests::{kept, record, tenant};
    use super::super::{decisions_of, find};
    use super::*;

    const CALLER: &str = "tel:+8613800138000";

    fn interaction(n: u32) -> InteractionId {
        format!("0198f000-0000-7000-8000-{n:012}").parse().unwrap()
    }

    fn routed(at: u64, interactions: &[u32]) -> DecisionRecord {
        let work = interactions.iter().map(|n| RoutingWork {
            interaction: interaction(*n),
            channel: Channel::Voice,
            needs: 0,
            levels: vec![],
            waiting_ms: 0,
            priority: 0,
            last_agent: None,
            attributes: vec![],
        });
        let question = RoutingQuestion {
            queue: "a".parse().unwrap(),
            skills: vec![],
            work: work.collect(),
            agents: vec![],
        };
        DecisionRecord {
            question: Arc::new(Question::Routing(Box::new(question))),
            ..record("queue:a", at)
        }
    }

    fn read_of(at: u64, id: &str) -> DecisionRecord {
        let customer = Customer {
            id: id.parse().unwrap(),
            name: None,
            language: None,
            first_seen_at: Timestamp(0),
            attributes: vec![],
            tags: vec![],
        };
        DecisionRecord {
            reads: vec![Read::Customer(Ok(Some(customer)))],
            ..record("queue:b", at)
        }
    }

    #[tokio::test]
    async fn what_concerns_the_customer_goes_and_the_rest_stays_readable() {
        let gone = [
            routed(5_001, &[1, 2]),
            read_of(5_002, CALLER),
            DecisionRecord {
                reads: vec![Read::CustomerTags(interaction(2), Ok(vec![]))],
                ..record("queue:a", 5_003)
            },
            routed(9_000, &[2]),
        ];
        let stays = [
            routed(5_000, &[1]),
            read_of(5_004, "tel:+442079460000"),
            routed(5_005, &[3]),
        ];
        let all: Vec<_> = gone.iter().chain(&stays).cloned().collect();
        let store = kept(&all).await;
        let ctx = OpContext::system(tenant(), "test");
        let concerned = Concerned {
            customer: CALLER.parse().unwrap(),
            interactions: [interaction(2)].into(),
        };
        assert_eq!(erase(&store, &ctx, &concerned).await, Ok(4));
        for record in &gone {
            assert_eq!(find(&store, &ctx, record.id).await, Ok(None));
        }
        for record in &stays {
            assert_eq!(find(&store, &ctx, record.id).await, Ok(Some(record.clone())));
        }
        let point = "queue:a".parse().unwrap();
        let left = decisions_of(&store, &ctx, &point, 0, 20_000, 9).await.unwrap();
        assert_eq!(left.len(), 2);
        assert_eq!(erase(&store, &ctx, &concerned).await, Ok(0), "once");
    }
}
