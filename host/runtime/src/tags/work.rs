//! Changes of tags that the tenant's loop makes.

use std::sync::Arc;

use jackfield_contact::decision::TagChange;
use jackfield_contact::event::{CustomerChange, Event};
use jackfield_types::{CustomerId, OpContext, Timestamp, limits};

use super::apply::{Rules, Told, apply_and_tell};
use super::definition::check_tag_name;
use super::due::Next;
use super::held::{HeldTag, TagSource};
use crate::customers::{
    CustomerError, CustomerState, Done, Happened, Ledger, TimelineEntry, Work, check_text, too_large, unique,
};
use crate::tenant::Tenant;

/// A tag that somebody sets by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualTag {
    /// A tag of the library.
    pub name: Arc<str>,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, at most 2,048 bytes.
    pub reason: Option<Arc<str>>,
    /// When it stops holding; `None`: at the end of its lifetime, or when it is taken away.
    pub expires_at: Option<Timestamp>,
}

/// One change of tags.
pub(crate) enum TagWork {
    /// Set by hand.
    Set(ManualTag),
    /// Take away by hand.
    Remove(Arc<str>),
    /// Take away what no longer holds.
    Expire,
    /// What a plugin proposes, and what is due then.
    Proposed {
        changes: Vec<TagChange>,
        told: Told,
        next: Next,
    },
    /// A plugin gave no answer: the journal says so.
    Failed(Event, Next),
    /// Nothing is to be asked.
    Asked(Next),
}

/// In the loop: does one of them.
pub(crate) async fn carry_out(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    root: &CustomerId,
    work: TagWork,
    by: &Arc<str>,
) -> Result<(), CustomerError> {
    match work {
        TagWork::Set(tag) => set(ledger, state, now, root, tag, by).await,
        TagWork::Remove(name) => remove(ledger, now, root, &name, by).await,
        TagWork::Expire => super::expiry::expire(ledger, now, root).await,
        TagWork::Proposed { changes, told, next } => {
            let occasion = told.occasion;
            let by = told.source.name();
            let rules = Rules::new(state, now);
            let applied = apply_and_tell(ledger, &rules, root, &changes, told).await?;
            if !applied.changes.is_empty() {
                let change = CustomerChange::Tagged {
                    occasion: occasion.into(),
                    changed: applied.changes.len() as u32,
                };
                ledger.journal(root, change, &by);
            }
            Ok(next.carry_out(ledger).await?)
        }
        TagWork::Failed(event, next) => {
            ledger.events.push(event);
            Ok(next.carry_out(ledger).await?)
        }
        TagWork::Asked(next) => Ok(next.carry_out(ledger).await?),
    }
}

async fn set(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    root: &CustomerId,
    tag: ManualTag,
    by: &Arc<str>,
) -> Result<(), CustomerError> {
    check_tag_name(&tag.name)?;
    let unknown = || CustomerError::unknown("tag", &tag.name);
    let definition = state.tags.get(&tag.name).ok_or_else(unknown)?;
    if tag.confidence > 100 {
        return Err(CustomerError::invalid("confidence", "expected 0 to 100"));
    }
    if let Some(reason) = &tag.reason {
        check_text("reason", reason)?;
    }
    if tag.expires_at.is_some_and(|at| at <= now) {
        return Err(CustomerError::invalid(
            "expires_at",
            "expected a moment in the future",
        ));
    }
    let mut draft = ledger
        .record(root)
        .await?
        .cloned()
        .ok_or_else(|| CustomerError::unknown("customer", root))?;
    let held = HeldTag {
        expires_at: definition.ends(now, tag.expires_at),
        name: tag.name,
        confidence: tag.confidence,
        reason: tag.reason.unwrap_or_default(),
        set_at: Some(now),
        refreshed_at: None,
        source: TagSource::Person(by.clone()),
    };
    let tags = &mut draft.personal.tags;
    match tags.iter().position(|known| known.name == held.name) {
        Some(at) => tags[at] = held.clone(),
        None if tags.iter().filter(|known| known.holds(now)).count() >= limits::MAX_TAGS => {
            return Err(CustomerError::TooMany {
                what: "tags of a customer",
                most: limits::MAX_TAGS,
            });
        }
        None => tags.push(held.clone()),
    }
    if !draft.fits() {
        return Err(too_large());
    }
    if let Some(record) = ledger.change(root).await? {
        record.personal.tags = draft.personal.tags;
    }
    tell(ledger, now, root, vec![TagChange::Add(held.tag())], by)
}

async fn remove(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    root: &CustomerId,
    name: &Arc<str>,
    by: &Arc<str>,
) -> Result<(), CustomerError> {
    let mut was = false;
    for id in ledger.group(root).await? {
        let has = |tag: &HeldTag| tag.name == *name && tag.holds(now);
        let Some(record) = ledger.record(&id).await? else {
            continue;
        };
        if !record.personal.tags.iter().any(has) {
            continue;
        }
        was = true;
        if let Some(record) = ledger.change(&id).await? {
            record.personal.tags.retain(|tag| !has(tag));
        }
    }
    if !was {
        return Err(CustomerError::unknown("tag", name));
    }
    tell(ledger, now, root, vec![TagChange::Expire(name.clone())], by)
}

fn tell(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    root: &CustomerId,
    changes: Vec<TagChange>,
    by: &Arc<str>,
) -> Result<(), CustomerError> {
    let what = Happened::Tags {
        interaction: None,
        changes,
        by: by.clone(),
        refused: Vec::new(),
        decision: None,
        occasion: Some("manual".into()),
    };
    ledger.tell(root, &unique(), &TimelineEntry { at: now, what })?;
    let change = CustomerChange::Tagged {
        occasion: "manual".into(),
        changed: 1,
    };
    ledger.journal(root, change, by);
    Ok(())
}

impl Tenant {
    /// Sets a tag of the library by hand. No plugin changes it from then on, until it ends or is taken away.
    ///
    /// # Errors
    /// When the library has no such tag, a field is wrong, or the customer has as many tags as may be.
    pub async fn set_tag(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        tag: ManualTag,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Tags(TagWork::Set(tag))).await
    }

    /// Takes a tag away, whoever set it.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when the customer has no such tag.
    pub async fn remove_tag(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        name: &str,
    ) -> Result<CustomerId, CustomerError> {
        self.ordered(ctx, customer, Work::Tags(TagWork::Remove(name.into())))
            .await
    }

    pub(crate) async fn tags_done(
        &self,
        ctx: &OpContext,
        customer: CustomerId,
        work: TagWork,
    ) -> Result<Done, CustomerError> {
        self.order(ctx, Some(customer), Work::Tags(work)).await
    }
}
