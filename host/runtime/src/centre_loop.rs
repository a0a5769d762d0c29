//! One tenant's loop: inputs in, events committed, effects carried out, in that order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jackfield_contact::Centre;
use jackfield_contact::chat::Side;
use jackfield_contact::decision::{Answer, Failure, Provenance};
use jackfield_contact::effect::{AskId, Effect, Outcome};
use jackfield_contact::event::{Event, Recorded};
use jackfield_contact::input::Input;
use jackfield_store::{Error as StoreError, Tx};
use jackfield_types::{CustomerId, E164, ExtensionPoint, OpContext, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::chats::ChatNews;
use crate::customers::{
    Address, CustomerError, Done, Ledger, Opener, Order, Work, carry_out, changed_by, in_touch, owner_of,
    seal_event,
};
use crate::decide::{Decider, KV, kv_key};
use crate::history::{JournalEntry, index_events};
use crate::metrics::add;
use crate::project::{FirstContacts, Projector, Seen};
use crate::tags::DUE;
use crate::tenant::{Inner, Tenant};
use crate::{StartError, SubmitError, assist, clock, rollouts};

/// The stream of a tenant's journal.
pub(crate) const JOURNAL: &str = "journal";
/// Inputs handled before their events are committed; more wait for the next commit.
const MAX_BATCH: usize = 128;
/// Events after which a commit is due, so that it stays within the store's limits.
const MAX_EVENTS: usize = 120;
/// Changes of customers in one commit: each changes two at most, so that they stay within the store's limits.
const MAX_ORDERS: usize = 16;
/// Keys of other tables that may be written beside the events of one commit.
const MAX_KV_WRITES: usize = 64;
/// Entries that a subscriber may fall behind; whoever falls further reads the journal. Room for them is taken for each
/// tenant at once.
pub(crate) const BROADCAST: usize = 1_024;

/// Somebody who waits for an input to be durable, and then looks at the state.
pub(crate) type Reply = Box<dyn FnOnce(Result<&Centre, SubmitError>) + Send>;
/// Somebody who looks at the state.
type Look = Box<dyn FnOnce(&Centre) + Send>;

/// Into the bounded inbox.
pub(crate) enum Message {
    /// Something is wanted.
    Input { input: Box<Input>, reply: Option<Reply> },
    /// Something about a customer is to be changed.
    Customer(Box<Order>),
    /// Somebody looks.
    Read(Look),
    /// End after the next commit.
    Stop(oneshot::Sender<()>),
}

/// What effects brought back.
pub(crate) enum Report {
    /// From legs and recordings.
    Input(Input),
    /// From plugins.
    Decided(Decided),
}

pub(crate) struct Decided {
    pub(crate) ask: AskId,
    pub(crate) outcome: Result<(Answer, Provenance), Failure>,
    pub(crate) failed_before: Option<Failure>,
    pub(crate) point: ExtensionPoint,
    pub(crate) kv_writes: Vec<(String, Option<Vec<u8>>)>,
}

impl Decided {
    pub(crate) fn failed(ask: AskId, point: ExtensionPoint, failure: Failure) -> Self {
        Self {
            ask,
            outcome: Err(failure),
            failed_before: None,
            point,
            kv_writes: Vec::new(),
        }
    }
}

pub(crate) struct CentreLoop {
    tenant: Tenant,
    ctx: OpContext,
    centre: Centre,
    decider: Decider,
    projector: Projector,
    inbox: mpsc::Receiver<Message>,
    reports: mpsc::UnboundedReceiver<Report>,
    /// Length of the journal, which is the number of its next entry.
    next_seq: u64,
    /// Makes resending a commit harmless: unique per start, counts up.
    boot: uuid::Uuid,
    commits: u64,
    last_now: Timestamp,
    /// Answers that need no plugin.
    at_once: VecDeque<Report>,
}

/// What a commit in the making will tell whom.
#[derive(Default)]
struct Batch {
    outcome: Outcome,
    kv: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    replies: Vec<Reply>,
    orders: Vec<Order>,
    first_contacts: FirstContacts,
    stop: Option<oneshot::Sender<()>>,
}

/// The store refused for good; the loop ends, and its askers are told.
struct Fatal(String);

impl CentreLoop {
    /// Rebuilds the centre from its journal and orphans what was live.
    pub(crate) async fn rebuild(
        tenant: Tenant,
        inbox: mpsc::Receiver<Message>,
        reports: mpsc::UnboundedReceiver<Report>,
        left_behind: Vec<Input>,
    ) -> Result<Self, StartError> {
        let ctx = OpContext::system(tenant.id().clone(), "runtime");
        let mut centre = Centre::new();
        let mut next_seq = 0;
        let store = &tenant.inner.shared.store;
        let mut opener = Opener::new(store, &ctx, &tenant.inner.customers.keys);
        loop {
            let page = store
                .read_stream(&ctx, JOURNAL, next_seq, jackfield_types::limits::MAX_PAGE)
                .await?;
            if page.is_empty() {
                break;
            }
            for (seq, bytes) in page {
                let recorded: Recorded = opener.open(&bytes).await?;
                centre.replay(&recorded);
                next_seq = seq + 1;
            }
        }
        Ok(Self {
            decider: Decider::new(tenant.clone(), &centre),
            projector: Projector::new(ctx.clone()),
            tenant,
            ctx,
            centre,
            inbox,
            reports,
            next_seq,
            boot: uuid::Uuid::now_v7(),
            commits: 0,
            last_now: Timestamp::default(),
            // Recordings first, so that scorecards of orphaned calls have them.
            at_once: left_behind
                .into_iter()
                .chain([Input::Restarted])
                .map(Report::Input)
                .collect(),
        })
    }

    /// The numbers that the journal has set.
    pub(crate) fn numbers(&self) -> Vec<E164> {
        self.centre
            .numbers()
            .map(|number| number.number.clone())
            .collect()
    }

    /// Runs until it is stopped or the store refuses for good.
    pub(crate) async fn run(mut self) {
        loop {
            let mut batch = Batch::default();
            if !self.gather(&mut batch).await {
                return;
            }
            let mut done = self.commit(&mut batch).await;
            if done.is_ok() {
                let orders = std::mem::take(&mut batch.orders);
                done = self.change_customers(orders).await;
            }
            match done {
                Ok(()) => {}
                Err(Fatal(why)) => {
                    tracing::error!(tenant = %self.tenant.id(), %why, "the tenant's loop has stopped");
                    let gone = SubmitError::Unavailable(format!("the tenant's loop has stopped: {why}"));
                    batch
                        .replies
                        .into_iter()
                        .for_each(|reply| reply(Err(gone.clone())));
                    return;
                }
            }
            batch
                .replies
                .into_iter()
                .for_each(|reply| reply(Ok(&self.centre)));
            for closed in &batch.outcome.closed {
                self.decider.over(closed.id);
            }
            self.carry_out(std::mem::take(&mut batch.outcome.effects));
            if let Some(done) = batch.stop {
                let _ = done.send(());
                return;
            }
        }
    }

    /// Waits for something to do and handles what is there. False when every handle is gone.
    async fn gather(&mut self, batch: &mut Batch) -> bool {
        let mut messages = Vec::new();
        let mut reports: Vec<Report> = self.at_once.drain(..).collect();
        if reports.is_empty() {
            let due = self
                .centre
                .next_timeout()
                .map(|at| Duration::from_millis(at.since(clock::now())));
            tokio::select! {
                biased;
                got = self.reports.recv_many(&mut reports, MAX_BATCH) => if got == 0 { return false },
                got = self.inbox.recv_many(&mut messages, MAX_BATCH) => if got == 0 { return false },
                () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
            }
        }
        let mut inputs = Vec::with_capacity(messages.len());
        for message in messages {
            match message {
                Message::Input { input, reply } => inputs.push((input, reply)),
                Message::Customer(order) => batch.orders.push(*order),
                // What the state tells is durable until something is handled: who only looks waits for no commit.
                Message::Read(look) => look(&self.centre),
                Message::Stop(done) => batch.stop = Some(done),
            }
        }
        let now = self.now();
        if self.centre.next_timeout().is_some_and(|at| at <= now) {
            self.handle(now, Input::Timeout, batch, None);
        }
        let mut reports = VecDeque::from(reports);
        while let Some(report) = reports.pop_front() {
            self.take_report(now, report, batch);
            if batch.outcome.events.len() >= MAX_EVENTS || batch.kv.len() >= MAX_KV_WRITES {
                break;
            }
        }
        // What did not fit goes first the next time.
        self.at_once.extend(reports);
        for (mut input, reply) in inputs {
            match self.know_customer(&mut input, batch).await {
                Ok(()) => self.handle(now, *input, batch, reply),
                Err(error) => match reply {
                    Some(reply) => reply(Err(error.into())),
                    None => tracing::warn!(tenant = %self.tenant.id(), %error, "input dropped"),
                },
            }
        }
        true
    }

    /// Puts the customer in the place of the address that somebody got in touch by.
    async fn know_customer(&self, input: &mut Input, batch: &mut Batch) -> Result<(), StoreError> {
        if let Input::CallArrived {
            customer: customer @ Some(_),
            ..
        }
        | Input::AgentCalls {
            customer: customer @ Some(_),
            ..
        }
        | Input::ChatStarted {
            customer: customer @ Some(_),
            ..
        } = input
            && let Some(id) = customer.take()
        {
            *customer = Some(self.customer_at(id, &mut batch.first_contacts).await?);
        }
        Ok(())
    }

    /// Whose an address is; of nobody's, the id of the customer who is made with the event that names it. What is no
    /// address, and what none can be made of, stays as it is.
    async fn customer_at(
        &self,
        address: CustomerId,
        first_contacts: &mut FirstContacts,
    ) -> Result<CustomerId, StoreError> {
        let state = &self.tenant.inner.customers;
        if !address.is_address() {
            return Ok(address);
        }
        let Ok(known) = Address::new(address.as_str(), state.region()) else {
            return Ok(address);
        };
        if let Some(id) = first_contacts.get(&known) {
            return Ok(id.clone());
        }
        let store = &self.tenant.inner.shared.store;
        if let Some(id) = owner_of(store, &self.ctx, &state.keys, &known).await? {
            return Ok(id);
        }
        let id = CustomerId::from_uuid(uuid::Uuid::now_v7());
        first_contacts.insert(known, id.clone());
        Ok(id)
    }

    /// Does what people want changed of customers, as many as fit into each commit.
    async fn change_customers(&mut self, orders: Vec<Order>) -> Result<(), Fatal> {
        let mut orders = orders.into_iter().peekable();
        while orders.peek().is_some() {
            let tenant = self.tenant.clone();
            let state = &tenant.inner.customers;
            let ctx = self.ctx.clone();
            let mut ledger = Ledger::new(&tenant.inner.shared.store, &ctx, &state.keys);
            let mut replies: Vec<(_, Done)> = Vec::new();
            let now = self.now();
            let mut taken = 0;
            while let Some(order) = orders.next_if(|order| taken == 0 || !order.work.is_large()) {
                taken = if order.work.is_large() {
                    MAX_ORDERS
                } else {
                    taken + 1
                };
                let Order {
                    customer,
                    work,
                    by,
                    reply,
                } = order;
                let done = match self.in_touch(&mut ledger, customer.as_ref(), &work).await {
                    Ok(()) => carry_out(&mut ledger, state, now, customer.as_ref(), work, &by).await,
                    Err(error) => Err(error),
                };
                match done {
                    Ok(done) => replies.push((reply, done)),
                    Err(error) => drop(reply.send(Err(error))),
                }
                if taken >= MAX_ORDERS {
                    break;
                }
            }
            let entries = self.entries(&std::mem::take(&mut ledger.events), now);
            let mut tx = Tx::new();
            if !entries.is_empty() {
                tx = tx.append(JOURNAL, self.next_seq, encoded(&entries)?);
                tx = index_events(&entries, tx);
                for entry in &entries {
                    let store = &tenant.inner.shared.store;
                    let projected =
                        crate::channels::project(&tenant.inner.channels, store, &ctx, entry, None, tx).await;
                    tx = projected.map_err(|error| Fatal(error.to_string()))?;
                }
            }
            let tx = ledger.into_tx(tx).map_err(|error| Fatal(error.to_string()))?;
            if tx != Tx::new() {
                self.commit_durably(tx).await?;
                self.next_seq += entries.len() as u64;
                self.announce(entries);
            }
            replies
                .into_iter()
                .for_each(|(reply, done)| drop(reply.send(Ok(done))));
        }
        Ok(())
    }

    /// Refuses to erase somebody who is in touch: events are still to come that have to be read again.
    async fn in_touch(
        &self,
        ledger: &mut Ledger<'_>,
        customer: Option<&CustomerId>,
        work: &Work,
    ) -> Result<(), CustomerError> {
        let (Some(customer), Work::Erase) = (customer, work) else {
            return Ok(());
        };
        let group = ledger.group(customer).await?;
        in_touch(&self.centre, &group)
    }

    fn entries(&self, events: &[Event], at: Timestamp) -> Vec<Arc<JournalEntry>> {
        let entry = |(event, seq): (&Event, u64)| {
            let recorded = Recorded {
                at,
                event: event.clone(),
            };
            Arc::new(JournalEntry { seq, recorded })
        };
        events.iter().zip(self.next_seq..).map(entry).collect()
    }

    /// The wall clock, never going back: a clock that is set back would confuse durations.
    fn now(&mut self) -> Timestamp {
        self.last_now = self.last_now.max(clock::now());
        self.last_now
    }

    fn take_report(&mut self, now: Timestamp, report: Report, batch: &mut Batch) {
        match report {
            Report::Input(input) => self.handle(now, input, batch, None),
            Report::Decided(decided) => {
                let Decided {
                    ask,
                    outcome,
                    failed_before,
                    point,
                    kv_writes,
                } = decided;
                batch.kv.extend(
                    kv_writes
                        .into_iter()
                        .map(|(key, value)| (kv_key(&point, &key), value)),
                );
                self.handle(
                    now,
                    Input::Decided {
                        ask,
                        outcome,
                        failed_before,
                    },
                    batch,
                    None,
                );
            }
        }
    }

    fn handle(&mut self, now: Timestamp, input: Input, batch: &mut Batch, reply: Option<Reply>) {
        let metrics = &self.tenant.inner.shared.metrics;
        add(&metrics.inputs, 1);
        match self.centre.handle(now, input, &mut batch.outcome) {
            Ok(()) => batch.replies.extend(reply),
            Err(rejected) => {
                add(&metrics.rejected, 1);
                match reply {
                    Some(reply) => reply(Err(rejected.into())),
                    None => tracing::debug!(tenant = %self.tenant.id(), %rejected, "input refused"),
                }
            }
        }
    }

    /// Makes the batch's events durable, a part at a time when they are many.
    async fn commit(&mut self, batch: &mut Batch) -> Result<(), Fatal> {
        let events = std::mem::take(&mut batch.outcome.events);
        let mut kv = std::mem::take(&mut batch.kv);
        if events.is_empty() && kv.is_empty() {
            return Ok(());
        }
        let at = self.last_now;
        let mut rest = events.as_slice();
        loop {
            let mut most = rest.len().min(MAX_EVENTS);
            let (entries, mut tx) = loop {
                let entries = self.entries(&rest[..most], at);
                let store = &self.tenant.inner.shared.store;
                let seen = Seen {
                    centre: &self.centre,
                    closed: &batch.outcome.closed,
                    customers: &self.tenant.inner.customers,
                    channels: &self.tenant.inner.channels,
                    first_contacts: &batch.first_contacts,
                    more_taggers: self.tenant.has_more_taggers(),
                };
                let projected = self.projector.project(store, &entries, seen).await;
                let tx = projected.map_err(|error| Fatal(error.to_string()))?;
                // Rows of customers may be long.
                if most <= 1 || tx.fits() {
                    break (entries, tx);
                }
                most = most.div_ceil(2);
            };
            rest = &rest[most..];
            for (key, value) in kv.drain(..) {
                match value {
                    Some(value) => tx.write(KV, key, value),
                    None => tx.remove(KV, key),
                }
            }
            self.commit_durably(tx).await?;
            self.next_seq += entries.len() as u64;
            self.announce(entries);
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Commits, however long the store needs: meanwhile calls keep their sound, and nothing is acknowledged.
    async fn commit_durably(&mut self, tx: Tx) -> Result<(), Fatal> {
        self.commits += 1;
        let tx = tx.idem(format!("{}-{}", self.boot, self.commits));
        let shared = &self.tenant.inner.shared;
        let tags_are_due = tx.puts.iter().any(|(space, ..)| *space == DUE);
        let mut pause = Duration::from_millis(20);
        loop {
            match shared.store.commit(&self.ctx, tx.clone()).await {
                Ok(_) => {
                    add(&shared.metrics.commits, 1);
                    self.tenant.inner.customers.recent.note(changed_by(&tx));
                    if tags_are_due {
                        self.tenant.inner.customers.tags_due.notify_one();
                    }
                    return Ok(());
                }
                Err(error @ (StoreError::Ambiguous { .. } | StoreError::Unavailable { .. })) => {
                    add(&shared.metrics.commit_retries, 1);
                    tracing::warn!(tenant = %self.tenant.id(), %error, "commit is tried again");
                    tokio::select! {
                        // It stays so: the process has to end, and whoever waits is told.
                        error = shared.store.failure() => return Err(Fatal(error.to_string())),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(Fatal(error.to_string())),
            }
        }
    }

    fn announce(&self, entries: Vec<Arc<JournalEntry>>) {
        let Inner {
            shared,
            entries: subscribers,
            ..
        } = &*self.tenant.inner;
        add(&shared.metrics.events, entries.len() as u64);
        for entry in entries {
            rollouts::served(&self.tenant, &self.centre, &entry.recorded);
            self.tenant.inner.channels.written(&entry.recorded.event);
            // First, so that what is asked about a message is not told that it is still being written.
            self.tenant.inner.typing.noticed(&entry.recorded.event);
            assist::noticed(&self.tenant, &self.centre, &entry.recorded.event);
            match &entry.recorded.event {
                Event::InteractionStarted { .. } => add(&shared.metrics.interactions, 1),
                Event::InteractionEnded {
                    abandoned: Some(_), ..
                } => add(&shared.metrics.abandoned, 1),
                _ => {}
            }
            if let Some(interaction) = entry.recorded.event.interaction() {
                let news = ChatNews::Entry(entry.clone());
                self.tenant.inner.listeners.tell(interaction, &news);
            }
            // Nobody listening is fine.
            let _ = shared.followers.send((self.tenant.id().clone(), entry.clone()));
            let _ = subscribers.send(entry);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Leg { leg, action, command } => match self.tenant.inner.shared.voice() {
                    Some(voice) => voice.command(self.tenant.id(), leg, action, command),
                    None => tracing::debug!(%leg, ?command, "no voice side: the order is dropped"),
                },
                Effect::FillTemplate {
                    interaction,
                    template,
                } => self.tenant.fill_for(interaction, template),
                Effect::Typing { interaction, ms } => {
                    self.tenant.show_typing(interaction, Side::Agent, ms);
                }
                Effect::Ask { ask, point, question } => {
                    let customer = question
                        .interaction()
                        .and_then(|id| self.centre.interaction(id)?.customer.clone());
                    if let Some(report) = self.decider.ask(self.last_now, ask, point, question, customer) {
                        self.at_once.push_back(report);
                    }
                }
            }
        }
    }
}

/// Entries that hold nothing of a person.
fn encoded(entries: &[Arc<JournalEntry>]) -> Result<Vec<Vec<u8>>, Fatal> {
    let encode = |entry: &Arc<JournalEntry>| {
        seal_event(&entry.recorded, None)
            .map_err(|error| Fatal(format!("an event can't be written: {error}")))
    };
    entries.iter().map(encode).collect()
}
