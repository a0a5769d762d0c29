//! Rows that follow from events, written in the same commit as the events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_contact::Centre;
use jackfield_contact::decision::{EvaluationRecord, PastInteraction, PhaseEmotion, SurveyRecord};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{CustomerId, OpContext, Timestamp, limits};
use serde::Serialize;

use crate::centre_loop::JOURNAL;
use crate::channels::{self, Channels};
use crate::chats::{MESSAGES, StoredMessage, message_key};
use crate::customers::{
    Address, CustomerState, DataKey, Happened, Ledger, TimelineEntry, seal_event, seal_interaction,
    seal_message,
};
use crate::history::{
    CUSTOMER_EVALUATIONS, CUSTOMER_HISTORY, CUSTOMER_SURVEYS, INTERACTIONS, JournalEntry,
    changes_interaction, index_events,
};
use crate::outcomes::Outcomes;
use crate::{attachments, attempts, responses, tags};

/// Customers whose first contact is in the making, by address: ids that were given, and that become rows with the event.
pub(crate) type FirstContacts = BTreeMap<Address, CustomerId>;

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
        entries: &[Arc<JournalEntry>],
        seen: Seen<'_>,
    ) -> Result<Tx, StoreError> {
        let Seen {
            centre,
            closed,
            customers: state,
            channels,
            first_contacts,
            more_taggers,
        } = seen;
        let find = |id| {
            centre
                .interaction(id)
                .or_else(|| closed.iter().find(|it| it.id == id))
        };
        let mut tx = index_events(entries, Tx::new());
        let changed: BTreeSet<_> = entries
            .iter()
            .filter_map(|entry| changes_interaction(&entry.recorded.event))
            .collect();
        let mut ledger = Ledger::new(store, &self.ctx, &state.keys);
        let mut journal = Vec::with_capacity(entries.len());
        let mut calls = BTreeMap::new();
        let mut outcomes = Outcomes::new(&self.ctx, store);
        let mut changed_messages = attachments::Changed::new();
        for entry in entries {
            let (at, event) = (entry.recorded.at, &entry.recorded.event);
            let it = event.interaction().and_then(find);
            tx = channels::project(channels, store, &self.ctx, entry, it, tx).await?;
            tx = attachments::project(event, tx);
            if let Some(it) = it.filter(|it| it.outgoing.is_some())
                && let Some(cause) = attempts::told_by(event)
            {
                calls.insert(it.id, cause);
            }
            let through_provider = it
                .and_then(|it| it.chat.as_ref())
                .and_then(|chat| channels.of_entry(&chat.entry))
                .is_some_and(|channel| !channel.is_email());
            tx = attachments::put_links(&state.keys, event, through_provider, tx);
            let told = (at, event);
            tx = attachments::changed_message(store, &self.ctx, &state.keys, told, &mut changed_messages, tx)
                .await?;
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
                    first_contact(&mut ledger, customer, at, first_contacts).await?;
                    let mut named = None;
                    // Who is called has not been in touch before answering.
                    if it.outgoing.is_none()
                        && let Some(record) = ledger.change(customer).await?
                    {
                        record.head.interactions += 1;
                        record.head.last_seen_at = at;
                        if record.personal.name.is_none() && caller_name.is_some() {
                            record.personal.name.clone_from(caller_name);
                            named.clone_from(caller_name);
                        }
                    }
                    ledger.named(customer, None, named.as_deref());
                    tell_of(&mut ledger, it, false)?;
                }
                (Event::Connected { agent, offer, .. }, Some(it)) => {
                    if let Some(customer) = &it.customer
                        && let Some(record) = ledger.change(customer).await?
                    {
                        record.head.last_agent = Some(agent.clone());
                        // Of no offer: it is the customer who has answered an agent's call.
                        if offer.0 == 0 {
                            record.head.interactions += 1;
                            record.head.last_seen_at = at;
                        }
                    }
                }
                (
                    Event::Tagged {
                        customer,
                        changes,
                        by,
                        ..
                    },
                    Some(it),
                ) => {
                    if let Some(root) = ledger.root(customer).await? {
                        let told = tags::Told {
                            source: by.into(),
                            occasion: "interaction",
                            interaction: Some(it.id),
                        };
                        let rules = tags::Rules::new(state, at);
                        tags::apply_and_tell(&mut ledger, &rules, &root, changes, told).await?;
                    }
                }
                (Event::Closed { interaction }, Some(it)) if more_taggers => {
                    let root = match &it.customer {
                        Some(customer) => ledger.root(customer).await?,
                        None => None,
                    };
                    if let Some(root) = root {
                        let occasion = tags::Occasion::Interaction(*interaction);
                        tags::ask_later(&mut ledger, &root, occasion, &Vec::new(), at).await?;
                    }
                }
                (Event::AgentRemoved { agent }, _) => outcomes.forget(agent),
                (Event::SurveyAnswered { answer, .. }, Some(it)) => {
                    outcomes.survey(it, at, answer).await?;
                    let record = SurveyRecord {
                        interaction: it.id,
                        at,
                        answer: answer.clone(),
                    };
                    let what = Happened::Survey {
                        interaction: it.id,
                        answer: answer.clone(),
                    };
                    tell(
                        &mut ledger,
                        it,
                        &format!("survey {:020}", entry.seq),
                        TimelineEntry { at, what },
                    )
                    .await?;
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
                    let what = Happened::Evaluation {
                        interaction: it.id,
                        score: *score,
                    };
                    tell(
                        &mut ledger,
                        it,
                        &format!("evaluation {}", it.id),
                        TimelineEntry { at, what },
                    )
                    .await?;
                }
                (Event::InteractionEnded { .. } | Event::Orphaned { .. }, Some(it)) => {
                    let record = PastInteraction {
                        id: it.id,
                        channel: it.channel,
                        started_at: it.started_at,
                        length_ms: it
                            .ending
                            .as_ref()
                            .map_or(at, |ending| ending.at)
                            .since(it.started_at),
                        queue: it.queue.clone(),
                        agent: it.agent.clone(),
                        talked_ms: it.talked_ms,
                        abandoned: it.abandoned(),
                        value: value_of(it),
                    };
                    // A call that nobody answered is no contact that plugins should learn from.
                    if it.outgoing.is_none() || it.agent.is_some() {
                        tx = of_customer(tx, CUSTOMER_HISTORY, it, &it.id.to_string(), &record);
                    }
                    if let Some(customer) = &it.customer
                        && ledger.record(customer).await?.is_some()
                    {
                        tell_of(&mut ledger, it, true)?;
                    }
                }
                _ => {}
            }
            let customer = match (it, event) {
                (Some(it), _) => it.customer.clone(),
                (None, Event::OutboundChecked { check }) => {
                    match Address::new(&format!("tel:{}", check.number), None) {
                        Ok(address) => ledger.owner(&address).await?,
                        Err(_) => None,
                    }
                }
                _ => None,
            };
            let key = key_of(&mut ledger, customer.as_ref()).await?;
            if let (Some(id), Some(message)) = (event.interaction(), StoredMessage::of(event)) {
                let row = seal_message(&message, customer.as_ref().zip(key.as_deref()))?;
                tx = tx.put(MESSAGES, message_key(id, message.message.number), row);
            }
            journal.push(seal_event(
                &entry.recorded,
                customer.as_ref().zip(key.as_deref()),
            )?);
        }
        for (id, cause) in calls {
            if let Some(it) = find(id) {
                tx = attempts::project(it, cause, tx);
            }
        }
        for it in changed.into_iter().filter_map(find) {
            let key = key_of(&mut ledger, it.customer.as_ref()).await?;
            let row = interaction_row(it, it.customer.as_ref().zip(key.as_deref()))?;
            tx = tx.put(INTERACTIONS, it.id.to_string(), row);
        }
        if let Some(first) = entries.first() {
            tx = tx.append(JOURNAL, first.seq, journal);
        }
        ledger.into_tx(outcomes.put_into(tx))
    }
}

/// The key of a customer; none of one who is not known by a row.
async fn key_of(
    ledger: &mut Ledger<'_>,
    customer: Option<&CustomerId>,
) -> Result<Option<Arc<DataKey>>, StoreError> {
    let Some(customer) = customer else { return Ok(None) };
    Ok(ledger.record(customer).await?.map(|record| record.key.clone()))
}

/// What entries are projected from, beside themselves.
pub(crate) struct Seen<'a> {
    /// The centre after the entries.
    pub(crate) centre: &'a Centre,
    /// Interactions that it has forgotten with them.
    pub(crate) closed: &'a [Interaction],
    /// What the tenant says about customers.
    pub(crate) customers: &'a CustomerState,
    /// Its channels.
    pub(crate) channels: &'a Channels,
    /// Who is in touch for the first time.
    pub(crate) first_contacts: &'a FirstContacts,
    /// Whether tag generators are bound that the core does not ask.
    pub(crate) more_taggers: bool,
}

/// Makes the customer of an event that names somebody unknown, with the address that the loop has given the id for. A
/// journal of before names customers by address; such a one keeps that name.
async fn first_contact(
    ledger: &mut Ledger<'_>,
    customer: &CustomerId,
    at: Timestamp,
    first_contacts: &FirstContacts,
) -> Result<(), StoreError> {
    if ledger.record(customer).await?.is_some() {
        return Ok(());
    }
    let given = first_contacts
        .iter()
        .find(|(_, id)| *id == customer)
        .map(|(address, _)| address.clone());
    let address = given.or_else(|| Address::new(customer.as_str(), None).ok());
    ledger
        .make(customer, at)?
        .personal
        .identities
        .extend(address.clone());
    if let Some(address) = &address {
        ledger.hand(address, Some(customer));
    }
    Ok(())
}

/// Adds to the timeline of an interaction's customer.
async fn tell(
    ledger: &mut Ledger<'_>,
    it: &Interaction,
    of: &str,
    entry: TimelineEntry,
) -> Result<(), StoreError> {
    if let Some(customer) = &it.customer
        && ledger.record(customer).await?.is_some()
    {
        ledger.tell(customer, of, &entry)?;
    }
    Ok(())
}

/// Tells of an interaction, where it began; again when it is over. Its customer has been read.
fn tell_of(ledger: &mut Ledger<'_>, it: &Interaction, over: bool) -> Result<(), StoreError> {
    let Some(customer) = &it.customer else {
        return Ok(());
    };
    let what = Happened::Interaction {
        interaction: it.id,
        channel: it.channel,
        outgoing: it.outgoing.is_some(),
        over,
        queue: it.queue.clone(),
        agent: it.agent.clone(),
        talked_ms: it.talked_ms,
        abandoned: over && it.abandoned(),
    };
    let at = it.started_at;
    ledger.tell(
        customer,
        &format!("interaction {}", it.id),
        &TimelineEntry { at, what },
    )
}

/// What came of the interaction in money: the attribute `value`, in the currency's minor unit.
fn value_of(it: &Interaction) -> u64 {
    it.attributes
        .iter()
        .find(|(key, _)| &**key == "value")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

fn of_customer(tx: Tx, space: Space, it: &Interaction, key: &str, record: &impl Serialize) -> Tx {
    match &it.customer {
        Some(customer) => tx.put(space, format!("{customer} {key}"), json(record)),
        None => tx,
    }
}

/// The row of an interaction; one that is too long for the store is kept without its stretches, which the journal
/// still tells.
fn interaction_row(
    it: &Interaction,
    customer: Option<(&CustomerId, &DataKey)>,
) -> Result<Vec<u8>, StoreError> {
    let row = seal_interaction(it, customer)?;
    if row.len() <= limits::MAX_VALUE_BYTES {
        return Ok(row);
    }
    let mut short = it.clone();
    short.segments.clear();
    seal_interaction(&short, customer)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // These types hold nothing that JSON can't say.
    serde_json::to_vec(value).unwrap_or_default()
}
