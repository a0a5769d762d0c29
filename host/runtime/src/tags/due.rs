//! What tag generators are still to be asked about: after an interaction those beside the first, which the core asks; after a
//! change of the profile, a wish to buy or consent all of them.
//!
//! A row for each customer and occasion is written in the same commit as what gave rise to it, and goes in the commit that
//! changes the tags, so that a stop in between neither forgets nor repeats one. Of the same occasion the newest counts.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_contact::decision::{Answer, Failure, Question, TagQuestion};
use jackfield_contact::event::Event;
use jackfield_store::{Error as StoreError, Scan, Space};
use jackfield_types::{
    Channel, CustomerId, ExtensionPoint, InteractionId, OpContext, PluginKind, Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use super::apply::Told;
use super::work::TagWork;
use crate::customers::{CustomerError, Ledger, json, unique};
use crate::decide::decide_once;
use crate::history::decode;
use crate::tenant::{Inner, Tenant};
use crate::{SubmitError, clock};

/// Key `{customer} {occasion}`: a line of when and what, then the facts, sealed under the customer's key.
pub(crate) const DUE: Space = Space::new("customer-tags-due");
/// What the facts are bound to.
const SEALED: &str = "tags-due";
/// Tries before a generator is given up for one occasion.
const MAX_TRIES: u32 = 6;
const FIRST_RETRY_MS: u64 = 5_000;
/// Longest wait for the next look, when the store refuses or nothing is due.
const SELDOM: Duration = Duration::from_secs(60);

/// What gives rise to tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Occasion {
    /// An interaction is over.
    Interaction(InteractionId),
    /// The profile, an address or a merge.
    Profile,
    /// A wish to buy.
    Intent,
    /// Consent was given, refused or withdrawn.
    Consent,
}

impl Occasion {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Interaction(_) => "interaction",
            Self::Profile => "profile",
            Self::Intent => "intent",
            Self::Consent => "consent",
        }
    }

    /// The place of the first generator that is asked: the core has asked the first after an interaction.
    const fn first(self) -> u8 {
        match self {
            Self::Interaction(_) => 2,
            _ => 1,
        }
    }
}

/// What is said of an occasion.
pub(crate) type Facts = Vec<(Arc<str>, Arc<str>)>;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Due {
    /// Tells it from the same occasion coming again.
    stamp: String,
    occasion: Occasion,
    since: Timestamp,
    /// When to ask.
    at: Timestamp,
    tries: u32,
    /// The place of the generator to be asked next.
    place: u8,
}

/// What becomes of a row with the commit.
pub(crate) struct Next {
    key: Vec<u8>,
    stamp: String,
    row: Option<Vec<u8>>,
}

impl Next {
    /// In the loop. A row that has been written anew meanwhile stays.
    pub(super) async fn carry_out(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Some(row) = ledger.store.get(ledger.ctx, DUE, &self.key).await? else {
            return Ok(());
        };
        if head(&row.value).is_some_and(|due| due.stamp == self.stamp) {
            match self.row {
                Some(row) => ledger.beside.write(DUE, self.key, row),
                None => ledger.beside.remove(DUE, self.key),
            }
        }
        Ok(())
    }
}

fn head(row: &[u8]) -> Option<Due> {
    let line = row.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(line).ok()
}

/// In the loop: generators are to be asked about a customer, who has been read or made.
pub(crate) async fn ask_later(
    ledger: &mut Ledger<'_>,
    root: &CustomerId,
    occasion: Occasion,
    facts: &Facts,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(record) = ledger.record(root).await? else {
        return Ok(());
    };
    let due = Due {
        stamp: unique(),
        occasion,
        since: now,
        at: now,
        tries: 0,
        place: occasion.first(),
    };
    let broken = |error: serde_json::Error| StoreError::Corrupt {
        what: error.to_string(),
    };
    let mut row = serde_json::to_vec(&due).map_err(broken)?;
    row.push(b'\n');
    if !facts.is_empty() {
        let text = serde_json::to_vec(facts).map_err(broken)?;
        let sealed = record.key.seal(SEALED, &text);
        row.extend(sealed.map_err(|_| StoreError::Unavailable {
            what: "no random numbers".into(),
        })?);
    }
    let key = format!("{root} {}", occasion.as_str()).into_bytes();
    ledger.beside.write(DUE, key, row);
    Ok(())
}

/// Asks what is due of a tenant until its last handle is gone.
pub(crate) fn keep_asked(tenant: &Tenant) {
    let weak: Weak<Inner> = Arc::downgrade(&tenant.inner);
    let wake = tenant.inner.customers.tags_due.clone();
    tokio::spawn(async move {
        loop {
            let wait = match weak.upgrade() {
                None => return,
                Some(inner) => Tenant { inner }.ask_due(clock::now()).await,
            };
            // A stop of the platform drops the handle; until then nothing more is to be done than to wait.
            let wait = match wait {
                Ok(next) => next.map_or(SELDOM, |at| Duration::from_millis(at.since(clock::now()))),
                Err(error) => {
                    tracing::debug!(%error, "tag generators are asked later");
                    SELDOM
                }
            };
            // Woken or not: the rows say what is due.
            let _ = tokio::time::timeout(wait.min(SELDOM), wake.notified()).await;
        }
    });
}

/// Where the tag generator of a place is bound.
pub(crate) fn point(place: u8) -> ExtensionPoint {
    match place {
        1 => ExtensionPoint::Tenant(PluginKind::TagGenerator),
        place => ExtensionPoint::Tagger(place),
    }
}

impl Tenant {
    /// The first place from there on at which a tag generator is bound.
    fn tagger_from(&self, place: u8) -> Option<u8> {
        let registry = &self.inner.shared.registry;
        (place..=limits::MAX_TAGGERS).find(|place| registry.bound(self.id(), &point(*place)).is_some())
    }

    /// Whether any is bound.
    pub(crate) fn has_taggers(&self) -> bool {
        self.tagger_from(1).is_some()
    }

    /// Whether one is bound beside the first.
    pub(crate) fn has_more_taggers(&self) -> bool {
        self.tagger_from(2).is_some()
    }

    /// Asks what is due; when the next is.
    async fn ask_due(&self, now: Timestamp) -> Result<Option<Timestamp>, SubmitError> {
        let ctx = OpContext::system(self.id().clone(), "tags");
        let (mut next, mut cursor) = (None::<Timestamp>, None);
        loop {
            let page = self.store().scan(&ctx, DUE, Scan::all().after(cursor)).await?;
            for row in page.rows {
                let Some(due) = head(&row.value) else { continue };
                let again = if due.at <= now {
                    self.ask_about(&ctx, row.key, &row.value, due, now).await?
                } else {
                    Some(due.at)
                };
                next = next.into_iter().chain(again).min();
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(next);
            }
        }
    }

    /// Asks the generators about one occasion, from where it stands; when to try again, where one failed.
    async fn ask_about(
        &self,
        ctx: &OpContext,
        key: Vec<u8>,
        row: &[u8],
        mut due: Due,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, SubmitError> {
        let customer = String::from_utf8_lossy(&key);
        let customer = customer.split(' ').next().and_then(|id| CustomerId::new(id).ok());
        let Some(customer) = customer else { return Ok(None) };
        let facts = match row.iter().position(|byte| *byte == b'\n') {
            Some(at) if at + 1 < row.len() => &row[at + 1..],
            _ => &[],
        };
        loop {
            let place = self.tagger_from(due.place);
            let step = |due: &Due, next: Option<u8>| -> Result<Next, SubmitError> {
                let row = next.map(|place| {
                    let due = Due { place, ..due.clone() };
                    json(&due).map(|head| [head.as_slice(), b"\n", facts].concat())
                });
                Ok(Next {
                    key: key.clone(),
                    stamp: due.stamp.clone(),
                    row: row.transpose()?,
                })
            };
            let question = match place {
                Some(_) => self.question_about(ctx, &customer, &due, facts).await?,
                None => None,
            };
            let (Some(place), Some(question)) = (place, question) else {
                // Nobody to ask, or nobody to be asked about.
                let next = step(&due, None)?;
                self.due_done(ctx, customer, TagWork::Asked(next)).await?;
                return Ok(None);
            };
            let point = point(place);
            let after = Some(place + 1).filter(|next| self.tagger_from(*next).is_some());
            let outcome = decide_once(self, now, &point, question, Some(customer.clone())).await;
            let interaction = match due.occasion {
                Occasion::Interaction(id) => Some(id),
                _ => None,
            };
            let work = match outcome {
                Ok((Answer::Tags(changes), by)) => TagWork::Proposed {
                    changes,
                    told: Told {
                        source: (&by).into(),
                        occasion: due.occasion.as_str(),
                        interaction,
                    },
                    next: step(
                        &Due {
                            tries: 0,
                            ..due.clone()
                        },
                        after,
                    )?,
                },
                Ok(_) => TagWork::Asked(step(&due, after)?),
                Err(failure) => {
                    due.tries += 1;
                    let retry = due.tries < MAX_TRIES && &*failure.code != "no-binding";
                    let failed = failed(interaction, failure, retry);
                    if retry {
                        due.at = now + (FIRST_RETRY_MS << (due.tries - 1));
                        let work = TagWork::Failed(failed, step(&due, Some(place))?);
                        self.due_done(ctx, customer, work).await?;
                        return Ok(Some(due.at));
                    }
                    due.tries = 0;
                    TagWork::Failed(failed, step(&due, after)?)
                }
            };
            self.due_done(ctx, customer.clone(), work).await?;
            match after {
                Some(next) => due.place = next,
                None => return Ok(None),
            }
        }
    }

    async fn due_done(
        &self,
        ctx: &OpContext,
        customer: CustomerId,
        work: TagWork,
    ) -> Result<(), SubmitError> {
        match self.tags_done(ctx, customer, work).await {
            Err(CustomerError::Submit(error)) => Err(error),
            // Erased meanwhile, and the row with it.
            _ => Ok(()),
        }
    }

    /// `None` when customer or interaction is gone.
    async fn question_about(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        due: &Due,
        facts: &[u8],
    ) -> Result<Option<Question>, SubmitError> {
        if let Occasion::Interaction(id) = due.occasion {
            let it = self.interaction(ctx, id).await?;
            return Ok(it.map(|it| Question::Tags(Box::new(TagQuestion::after(&it)))));
        }
        let Some(root) = self.group(ctx, customer).await?.into_iter().next() else {
            return Ok(None);
        };
        let facts: Facts = match facts {
            [] => Facts::new(),
            sealed => {
                let text = root.key.open(SEALED, sealed);
                let text = text.map_err(|_| SubmitError::Unavailable("an occasion can't be read".into()))?;
                decode(&text)?
            }
        };
        let channel = root.personal.preferences.channel.unwrap_or(Channel::Voice);
        let question = TagQuestion::about(due.occasion.as_str(), channel, due.since, facts);
        Ok(Some(Question::Tags(Box::new(question))))
    }
}

fn failed(interaction: Option<InteractionId>, failure: Failure, retry: bool) -> Event {
    Event::DecisionFailed {
        interaction,
        queue: None,
        kind: PluginKind::TagGenerator,
        failure,
        fallback: if retry { "retry" } else { "give-up" }.into(),
    }
}
