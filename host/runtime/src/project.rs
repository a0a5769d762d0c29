//! Rows that follow from events, written in the same commit as the events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_contact::Centre;
use jackfield_contact::decision::{
    Customer, EvaluationRecord, PastInteraction, PhaseEmotion, SurveyRecord, Tag, TagChange,
};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{CustomerId, OpContext, Timestamp, limits};
use serde::Serialize;

use crate::chats::{MESSAGES, StoredMessage, message_key};
use crate::history::{
    CUSTOMER_EVALUATIONS, CUSTOMER_HISTORY, CUSTOMER_SURVEYS, CUSTOMERS, CustomerRow, INTERACTION_EVENTS,
    INTERACTIONS, JournalEntry, changes_interaction,
};
use crate::outcomes::Outcomes;
use crate::responses;

pub(crate) struct Projector {
    ctx: OpContext,
}

impl Projector {
    pub(crate) fn new(ctx: OpContext) -> Self {
        Self { ctx }
    }

    /// Adds the rows of these entries to their transaction. The loop is the only writer of these rows.
    pub(crate) async fn project(
        &self,
        store: &Store,
        mut tx: Tx,
        entries: &[Arc<JournalEntry>],
        centre: &Centre,
        closed: &[Interaction],
    ) -> Result<Tx, StoreError> {
        let find = |id| {
            centre
                .interaction(id)
                .or_else(|| closed.iter().find(|it| it.id == id))
        };
        let changed: BTreeSet<_> = entries
            .iter()
            .filter_map(|entry| changes_interaction(&entry.recorded.event))
            .collect();
        for it in changed.into_iter().filter_map(find) {
            tx = tx.put(INTERACTIONS, it.id.to_string(), interaction_row(it));
        }
        let mut customers = Customers {
            ctx: &self.ctx,
            store,
            rows: BTreeMap::new(),
        };
        let mut outcomes = Outcomes::new(&self.ctx, store);
        for entry in entries {
            let (at, event) = (entry.recorded.at, &entry.recorded.event);
            if let Some(id) = event.interaction() {
                tx = tx.put(INTERACTION_EVENTS, format!("{id} {:020}", entry.seq), Vec::new());
            }
            if let (Some(id), Some(message)) = (event.interaction(), StoredMessage::of(event)) {
                tx = tx.put(MESSAGES, message_key(id, message.message.number), json(&message));
            }
            let it = event.interaction().and_then(find);
            if let Some((key, row)) = it.and_then(|it| responses::row(at, event, it)) {
                tx = tx.put(responses::RESPONSES, key, json(&row));
            }
            match (event, it) {
                (
                    Event::InteractionStarted {
                        customer: Some(customer),
                        caller_name,
                        ..
                    },
                    Some(it),
                ) => {
                    let row = customers.row(customer, at, it).await?;
                    row.interactions += 1;
                    row.last_seen_at = at;
                    if row.customer.name.is_none() {
                        row.customer.name.clone_from(caller_name);
                    }
                }
                (Event::Connected { agent, .. }, Some(it)) => {
                    if let Some(customer) = &it.customer {
                        customers.row(customer, at, it).await?.last_agent = Some(agent.clone());
                    }
                }
                (
                    Event::Tagged {
                        customer, changes, ..
                    },
                    Some(it),
                ) => {
                    apply_tags(&mut customers.row(customer, at, it).await?.customer.tags, changes);
                }
                (Event::AgentRemoved { agent }, _) => outcomes.forget(agent),
                (Event::SurveyAnswered { answer, .. }, Some(it)) => {
                    outcomes.survey(it, at, answer).await?;
                    let record = SurveyRecord {
                        interaction: it.id,
                        at,
                        answer: answer.clone(),
                    };
                    tx = of_customer(
                        tx,
                        CUSTOMER_SURVEYS,
                        it,
                        &format!("{} {:020}", it.id, entry.seq),
                        &record,
                    );
                }
                (
                    Event::Evaluated {
                        evaluation, score, ..
                    },
                    Some(it),
                ) => {
                    outcomes.evaluation(it, at, *score).await?;
                    let emotions = evaluation.emotions.iter().map(|e| PhaseEmotion {
                        phase: e.phase,
                        emotion: e.emotion,
                    });
                    let record = EvaluationRecord {
                        interaction: it.id,
                        at,
                        agent: it.agent.clone(),
                        score: *score,
                        emotions: emotions.collect(),
                    };
                    tx = of_customer(tx, CUSTOMER_EVALUATIONS, it, &it.id.to_string(), &record);
                }
                (Event::InteractionEnded { .. } | Event::Orphaned { .. }, Some(it)) => {
                    let record = PastInteraction {
                        id: it.id,
                        channel: it.channel,
                        started_at: it.started_at,
                        length_ms: at.since(it.started_at),
                        queue: it.queue.clone(),
                        agent: it.agent.clone(),
                        talked_ms: it.talked_ms,
                        abandoned: it.abandoned(),
                        value: value_of(it),
                    };
                    tx = of_customer(tx, CUSTOMER_HISTORY, it, &it.id.to_string(), &record);
                }
                _ => {}
            }
        }
        tx = outcomes.put_into(tx);
        for (id, row) in customers.rows {
            tx = tx.put(CUSTOMERS, id.as_str(), json(&row));
        }
        Ok(tx)
    }
}

/// Customers that a commit changes, read once.
struct Customers<'a> {
    ctx: &'a OpContext,
    store: &'a Store,
    rows: BTreeMap<CustomerId, CustomerRow>,
}

impl Customers<'_> {
    async fn row(
        &mut self,
        id: &CustomerId,
        at: Timestamp,
        it: &Interaction,
    ) -> Result<&mut CustomerRow, StoreError> {
        if !self.rows.contains_key(id) {
            let stored = self
                .store
                .get(self.ctx, CUSTOMERS, id.as_str().as_bytes())
                .await?;
            let row = match stored {
                Some(stored) => {
                    serde_json::from_slice(&stored.value).map_err(|error| StoreError::Corrupt {
                        what: format!("customer {id}: {error}"),
                    })?
                }
                None => new_customer(id, at, it),
            };
            self.rows.insert(id.clone(), row);
        }
        Ok(self
            .rows
            .entry(id.clone())
            .or_insert_with(|| new_customer(id, at, it)))
    }
}

fn new_customer(id: &CustomerId, at: Timestamp, it: &Interaction) -> CustomerRow {
    let customer = Customer {
        id: id.clone(),
        name: it.caller_name.clone(),
        language: None,
        first_seen_at: at,
        attributes: Vec::new(),
        tags: Vec::new(),
    };
    CustomerRow {
        customer,
        last_seen_at: at,
        interactions: 0,
        last_agent: None,
    }
}

/// What came of the interaction in money: the attribute `value`, in the currency's minor unit.
fn value_of(it: &Interaction) -> u64 {
    it.attributes
        .iter()
        .find(|(key, _)| &**key == "value")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

fn apply_tags(tags: &mut Vec<Tag>, changes: &[TagChange]) {
    for change in changes {
        let at = |name: &str| tags.iter().position(|known| &*known.name == name);
        match change {
            TagChange::Add(tag) => match at(&tag.name) {
                Some(index) => tags[index] = tag.clone(),
                None if tags.len() < limits::MAX_TAGS => tags.push(tag.clone()),
                None => {
                    tracing::warn!(tag = %tag.name, "tag refused: the customer has {} tags", limits::MAX_TAGS)
                }
            },
            TagChange::Refresh(tag) => {
                if let Some(index) = at(&tag.name) {
                    tags[index] = tag.clone();
                }
            }
            TagChange::Expire(name) => tags.retain(|known| known.name != *name),
        }
    }
}

fn of_customer(tx: Tx, space: Space, it: &Interaction, key: &str, record: &impl Serialize) -> Tx {
    match &it.customer {
        Some(customer) => tx.put(space, format!("{customer} {key}"), json(record)),
        None => tx,
    }
}

/// The row of an interaction; one that is too long for the store is kept without its stretches, which the journal
/// still tells.
fn interaction_row(it: &Interaction) -> Vec<u8> {
    let row = json(it);
    if row.len() <= limits::MAX_VALUE_BYTES {
        return row;
    }
    let mut short = it.clone();
    short.segments.clear();
    json(&short)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // These types hold nothing that JSON can't say.
    serde_json::to_vec(value).unwrap_or_default()
}
