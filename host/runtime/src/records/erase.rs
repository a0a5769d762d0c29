//! Records that concern a customer go when somebody asks for it.

use std::collections::BTreeSet;

use jackfield_contact::decision::Question;
use jackfield_contact::input::Input;
use jackfield_sandbox::{DecisionRecord, Read};
use jackfield_store::{Error as StoreError, Scan, Store, Tx};
use jackfield_types::{CustomerId, E164, InteractionId, OpContext, limits};

use super::READ_ROWS;
use super::mentions::{Names, message_ids};
use super::segment::{DECISIONS, POINTS, decode, last_id, segments};
use crate::SubmitError;
use crate::customers::{Address, CustomerRow};
use crate::history::InteractionFilter;
use crate::tenant::Tenant;

/// Whose records go.
pub(super) struct Concerned {
    pub(super) customers: BTreeSet<CustomerId>,
    pub(super) numbers: BTreeSet<E164>,
    pub(super) interactions: BTreeSet<InteractionId>,
    /// How records call the customer, wherever they do.
    pub(super) names: Names,
}

impl Concerned {
    /// Whether a record tells of the customer: as the one it is about, among those who waited, as the number to be
    /// called, in what the plugin read, or anywhere by name.
    fn by(&self, record: &DecisionRecord) -> bool {
        let one = |interaction: &InteractionId| self.interactions.contains(interaction);
        let asked = match &*record.question {
            Question::Routing(routing) => routing.work.iter().any(|work| one(&work.interaction)),
            Question::Outbound(attempt) => self.numbers.contains(&attempt.number),
            question => question.interaction().as_ref().is_some_and(one),
        };
        asked
            || record.reads.iter().any(|read| match read {
                Read::Customer(Ok(Some(customer))) => self.customers.contains(&customer.id),
                Read::CustomerTags(interaction, _) => one(interaction),
                Read::History(_, Ok(past)) => past.iter().any(|past| one(&past.id)),
                Read::Surveys(_, Ok(surveys)) => surveys.iter().any(|survey| one(&survey.interaction)),
                Read::Evaluations(_, Ok(found)) => found.iter().any(|found| one(&found.interaction)),
                _ => false,
            })
            || self.names.are_in(record)
    }
}

/// What an erasure took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Recorded decisions.
    pub decisions: u64,
    /// Attempts to reach the customer's number.
    pub attempts: u64,
}

impl Tenant {
    /// Erases the recorded decisions that concern a customer and the attempts to reach the customer's number, and journals
    /// that it was done. What is decided afterwards is recorded as ever.
    ///
    /// One erasure or replay of a tenant runs at a time; another is refused as [`SubmitError::Overloaded`].
    pub async fn erase_decisions(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Erased, SubmitError> {
        let Ok(_turn) = self.inner.replaying.try_lock() else {
            return Err(SubmitError::Overloaded);
        };
        let found = self.customer(ctx, customer).await?;
        let addresses = addresses_of(found.as_ref(), customer);
        let numbers = addresses
            .iter()
            .filter_map(|address| address.as_str().strip_prefix("tel:"));
        let numbers: BTreeSet<E164> = numbers.filter_map(|number| E164::new(number).ok()).collect();
        let customers = self.ids_of(ctx, customer).await?;
        let concerned = Concerned {
            interactions: self.interactions_of(ctx, customer).await?,
            names: Names::of(customers.iter().chain(&addresses)),
            customers,
            numbers: numbers.clone(),
        };
        self.inner.shared.recorder.flush().await;
        let records = erase(&self.inner.shared.store, ctx, &concerned).await?;
        let mut attempts = 0;
        for number in &numbers {
            attempts += self.erase_attempts(ctx, number).await?;
        }
        let erased = Input::DecisionsErased {
            customer: found.map_or_else(|| customer.clone(), |row| row.customer.id),
            records,
            by: ctx.actor.to_string().into(),
        };
        self.submit(erased).await?;
        Ok(Erased {
            decisions: records,
            attempts,
        })
    }

    /// How records and kept answers call a customer: by its ids and its addresses. To be asked for before an erasure, which
    /// takes those away.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn names_of(&self, ctx: &OpContext, customer: &CustomerId) -> Result<Names, SubmitError> {
        let found = self.customer(ctx, customer).await?;
        let ids = self.ids_of(ctx, customer).await?;
        Ok(Names::of(
            ids.iter().chain(&addresses_of(found.as_ref(), customer)),
        ))
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

/// The addresses of a customer; of one who is not known, the one that was asked for.
fn addresses_of(found: Option<&CustomerRow>, customer: &CustomerId) -> BTreeSet<CustomerId> {
    match found {
        Some(row) => row.identities.iter().filter_map(Address::as_customer).collect(),
        None => [customer.clone()].into(),
    }
}

/// Looks all records through, writes rows that hold some of them again without, and answers how many went. Then once more
/// for what providers said about the customer's messages, by their ids alone.
pub(super) async fn erase(store: &Store, ctx: &OpContext, concerned: &Concerned) -> Result<u64, SubmitError> {
    let mut ids = BTreeSet::new();
    let erased = sift(store, ctx, |record| {
        let goes = concerned.by(record);
        if goes {
            ids.extend(message_ids(record));
        }
        goes
    })
    .await?;
    let messages = Names::of_messages(ids);
    if messages.is_empty() {
        return Ok(erased);
    }
    Ok(erased + sift(store, ctx, |record| messages.are_in(record)).await?)
}

async fn sift(
    store: &Store,
    ctx: &OpContext,
    mut goes: impl FnMut(&DecisionRecord) -> bool,
) -> Result<u64, SubmitError> {
    let (mut erased, mut cursor) = (0, None);
    loop {
        let scan = Scan::all().limit(READ_ROWS).after(cursor);
        let page = store.scan(ctx, DECISIONS, scan).await?;
        for row in page.rows {
            let records = decode(&row.value)?;
            let rest: Vec<_> = records.iter().filter(|record| !goes(record)).collect();
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

    use jackfield_contact::decision::{
        Answer, Conclusion, ConnectorAnswer, ConnectorQuestion, Customer, IncomingMessage, Method,
        OutgoingMessage, ProviderRequest, ProviderResponse, Received, RoutingQuestion, RoutingWork, Webhook,
    };
    use jackfield_sandbox::{LogLevel, LogLine};
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
            customers: [CALLER.parse().unwrap()].into(),
            numbers: BTreeSet::new(),
            interactions: [interaction(2)].into(),
            names: Names::of([&CALLER.parse().unwrap()]),
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

    fn connector(at: u64, asked: ConnectorQuestion, answer: ConnectorAnswer) -> DecisionRecord {
        DecisionRecord {
            question: Arc::new(Question::Connector(Box::new(asked))),
            result: Ok(Answer::Connector(Box::new(answer))),
            ..record("connector:sms", at)
        }
    }

    fn webhook(body: &str) -> ConnectorQuestion {
        ConnectorQuestion::Receive(Webhook {
            method: "POST".into(),
            query: vec![],
            headers: vec![],
            body: body.into(),
        })
    }

    fn received(id: &str) -> ConnectorAnswer {
        ConnectorAnswer::Received(Received {
            messages: vec![IncomingMessage {
                id: id.into(),
                sender: "someone".into(),
                recipient: "shop".into(),
                sender_name: None,
                at: None,
                text: "hello".into(),
                attachments: vec![],
                cut: false,
            }],
            ..Received::default()
        })
    }

    fn keeps(at: u64, value: &[u8]) -> DecisionRecord {
        DecisionRecord {
            kv_writes: vec![("last".into(), Some(value.to_vec()))],
            ..record("queue:c", at)
        }
    }

    /// By address in a provider's words, by the message's id in what follows, in what a plugin kept and wrote.
    #[tokio::test]
    async fn whoever_is_named_anywhere_is_found() {
        let rendered = OutgoingMessage {
            id: "message-7".into(),
            sender: "shop".into(),
            recipient: "+8613800138000".into(),
            text: "hello".into(),
            choices: vec![],
            in_reply_to: None,
        };
        let concluded = ProviderResponse {
            message: "message-7".into(),
            status: 200,
            headers: vec![],
            body: b"{}".to_vec(),
        };
        let accepted = ConnectorAnswer::Concluded(Conclusion::Accepted("SM-4711".into()));
        let log = |message: &str| LogLine {
            level: LogLevel::Info,
            message: message.into(),
        };
        let gone = [
            connector(
                5_001,
                webhook("From=%2B8613800138000&Body=hi"),
                received("SM-0001"),
            ),
            connector(
                5_002,
                ConnectorQuestion::Render(rendered),
                ConnectorAnswer::Rendered(ProviderRequest {
                    method: Method::Post,
                    url: "https://sms.example".into(),
                    query: vec![],
                    headers: vec![],
                    body: vec![],
                }),
            ),
            connector(5_003, ConnectorQuestion::Conclude(concluded), accepted),
            keeps(5_004, b"8613800138000"),
            DecisionRecord {
                log: vec![log("called by +8613800138000")],
                ..record("queue:c", 5_005)
            },
            DecisionRecord {
                reads: vec![Read::KvGet("x".into(), Ok(Some(b"+8613800138000".to_vec())))],
                ..record("queue:c", 5_006)
            },
            connector(5_007, webhook("receipt of SM-0001"), received("SM-0009")),
            DecisionRecord {
                log: vec![log("call 138-0013-8000 back")],
                ..record("queue:c", 5_008)
            },
            keeps(5_009, b"0086 138 0013 8000"),
        ];
        let stays = [
            connector(5_010, webhook("From=%2B442079460000"), received("SM-0002")),
            connector(5_011, webhook("receipt of SM-00011"), received("SM-0003")),
            keeps(5_012, b"86138001380001"),
        ];
        let all: Vec<_> = gone.iter().chain(&stays).cloned().collect();
        let store = kept(&all).await;
        let ctx = OpContext::system(tenant(), "test");
        let concerned = Concerned {
            customers: [CALLER.parse().unwrap()].into(),
            numbers: BTreeSet::new(),
            interactions: BTreeSet::new(),
            names: Names::of([&CALLER.parse().unwrap()]),
        };
        erase(&store, &ctx, &concerned).await.unwrap();
        for record in &gone {
            assert_eq!(find(&store, &ctx, record.id).await, Ok(None), "{record:#?}");
        }
        for record in &stays {
            assert_eq!(find(&store, &ctx, record.id).await, Ok(Some(record.clone())));
        }
    }
}
