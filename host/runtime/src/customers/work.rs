//! What people want changed of customers. The tenant's loop does it, one thing after another, so that no two changes meet:
//! first everything is checked, then changed, and rows, timeline and journal are written in one commit.

use std::sync::Arc;

use jackfield_contact::event::CustomerChange;
use jackfield_types::{CustomerId, Timestamp, limits};
use tokio::sync::oneshot;

use super::import::{ImportBatch, ImportRecord};
use super::ledger::Ledger;
use super::profile::{ConsentRecord, Link, ProfilePatch, check_code, check_text};
use super::state::CustomerState;
use super::timeline::{Happened, TimelineEntry};
use super::{Address, CustomerError};
use crate::SubmitError;
use crate::cases::{self, CaseDone, CaseWork};
use crate::tags::{Facts, Occasion, RunStep, TagRun, TagWork};

/// How far ahead of this clock somebody's may be.
const MAX_AHEAD_MS: u64 = 60_000;

/// One change that is wanted.
pub(crate) enum Work {
    Create(Vec<Address>, ProfilePatch),
    Update(ProfilePatch),
    AddIdentity(Address),
    RemoveIdentity(Address),
    Merge {
        from: CustomerId,
        why: Option<Arc<str>>,
    },
    Unmerge(CustomerId),
    Note(Arc<str>),
    Consent(ConsentRecord),
    Intent(Intent),
    Link(Link),
    Unlink(CustomerId),
    Import(ImportBatch),
    Tags(TagWork),
    TagRun(Box<RunStep>),
    /// Takes away what is too old to be kept.
    ForgetSensitive,
    Erase,
    /// Of a case, which has its customer.
    Case(CaseWork),
}

impl Work {
    /// Whether it may change so many customers, or so much of them, that it has a commit for itself.
    pub(crate) fn is_large(&self) -> bool {
        matches!(
            self,
            Self::Import(_)
                | Self::TagRun(_)
                | Self::Unlink(_)
                | Self::ForgetSensitive
                | Self::Erase
                | Self::Case(_)
        )
    }
}

/// A wish to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// What, 1 to 64 bytes.
    pub product: Arc<str>,
    /// How sure that is, 0 to 100.
    pub confidence: u8,
    /// How much it would be, in the minor unit of the tenant's currency.
    pub value: Option<u64>,
    /// How it was seen, at most 2,048 bytes.
    pub note: Option<Arc<str>>,
}

/// What came of it.
pub(crate) enum Done {
    Customer(CustomerId),
    Imported(Box<ImportRecord>),
    TagRun(Box<TagRun>),
    Case(CaseDone),
}

/// Into the tenant's loop.
pub(crate) struct Order {
    /// The customer, by id; none for those that make some.
    pub(crate) customer: Option<CustomerId>,
    pub(crate) work: Work,
    pub(crate) by: Arc<str>,
    pub(crate) reply: oneshot::Sender<Result<Done, CustomerError>>,
}

/// Does one order.
pub(crate) async fn carry_out(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    customer: Option<&CustomerId>,
    work: Work,
    by: &Arc<str>,
) -> Result<Done, CustomerError> {
    let work = match work {
        Work::Create(identities, patch) => {
            return create(ledger, state, now, identities, patch, by)
                .await
                .map(Done::Customer);
        }
        Work::Import(batch) => {
            let done = batch.carry_out(ledger, state, now, by).await?;
            return Ok(Done::Imported(Box::new(done)));
        }
        Work::TagRun(step) => {
            let run = crate::tags::carry_out_run(ledger, state, now, *step, by).await?;
            return Ok(Done::TagRun(Box::new(run)));
        }
        Work::Case(work) => return cases::carry_out(ledger, now, work, by).await.map(Done::Case),
        work => work,
    };
    let Some(given) = customer else {
        return Err(CustomerError::unknown("customer", ""));
    };
    let unknown = || CustomerError::unknown("customer", given);
    let root = ledger.root(given).await?.ok_or_else(unknown)?;
    if let Work::Tags(work) = work {
        crate::tags::carry_out(ledger, state, now, &root, work, by).await?;
        return Ok(Done::Customer(root));
    }
    let occasion = occasion(&work);
    let step = Step {
        ledger: &mut *ledger,
        now,
        root: root.clone(),
        by,
    };
    match work {
        Work::Create(..) | Work::Import(_) | Work::Tags(_) | Work::TagRun(_) | Work::Case(_) => {}
        Work::Update(patch) => step.update(state, patch).await?,
        Work::AddIdentity(address) => step.add_identity(address).await?,
        Work::RemoveIdentity(address) => step.remove_identity(address).await?,
        Work::Merge { from, why } => step.merge(from, why).await?,
        Work::Unmerge(from) => step.unmerge(&from).await?,
        Work::Note(text) => step.note(text).await?,
        Work::Consent(consent) => step.consent(consent).await?,
        Work::Intent(intent) => step.intent(intent).await?,
        Work::Link(link) => step.link(link).await?,
        Work::Unlink(to) => step.unlink(&to).await?,
        Work::ForgetSensitive => step.forget_sensitive(state).await?,
        Work::Erase => super::erase::erase(step.ledger, &root, by).await?,
    }
    if let Some((occasion, facts)) = occasion {
        crate::tags::ask_later(ledger, &root, occasion, &facts, now).await?;
    }
    Ok(Done::Customer(root))
}

/// What tag generators are asked about when it is done, with what is said of it.
fn occasion(work: &Work) -> Option<(Occasion, Facts)> {
    let text = |key: &str, value: &dyn std::fmt::Display| (key.into(), value.to_string().into());
    Some(match work {
        Work::Update(_)
        | Work::AddIdentity(_)
        | Work::RemoveIdentity(_)
        | Work::Merge { .. }
        | Work::Unmerge(_) => (Occasion::Profile, Facts::new()),
        Work::Intent(intent) => {
            let mut facts = vec![
                text("intent.product", &intent.product),
                text("intent.confidence", &intent.confidence),
            ];
            facts.extend(intent.value.map(|value| text("intent.value", &value)));
            (Occasion::Intent, facts)
        }
        Work::Consent(consent) => {
            let mut facts = vec![
                text("consent.purpose", &consent.purpose),
                text("consent.granted", &consent.granted),
            ];
            facts.extend(
                consent
                    .channel
                    .map(|channel| text("consent.channel", &channel.as_str())),
            );
            (Occasion::Consent, facts)
        }
        _ => return None,
    })
}

async fn create(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    identities: Vec<Address>,
    mut patch: ProfilePatch,
    by: &Arc<str>,
) -> Result<CustomerId, CustomerError> {
    patch.check()?;
    patch.attributes = state.accept(patch.attributes)?;
    let mut own: Vec<Address> = Vec::new();
    for address in identities {
        if let Some(owner) = ledger.owner(&address).await? {
            return Err(in_use(&address, owner));
        }
        if !own.contains(&address) {
            own.push(address);
        }
    }
    if own.len() > limits::MAX_IDENTITIES {
        return Err(too_many_identities());
    }
    let id = CustomerId::from_uuid(uuid::Uuid::now_v7());
    let mut made = super::row::Record::new(ledger.keys, id.clone(), now)
        .map_err(|_| SubmitError::Unavailable("no random numbers".into()))?;
    patch.clone().apply(&mut made.personal);
    made.personal.identities.clone_from(&own);
    if !made.fits() {
        return Err(too_large());
    }
    for address in &own {
        ledger.hand(address, Some(&id));
    }
    ledger.named(&id, None, made.personal.name.as_deref());
    ledger.put(made);
    let what = Happened::Profile {
        fields: patch.fields(),
        by: by.clone(),
    };
    ledger.tell(&id, &unique(), &TimelineEntry { at: now, what })?;
    ledger.journal(&id, CustomerChange::Made, by);
    Ok(id)
}

/// One change of a customer that is known, who is a root.
struct Step<'l, 'a> {
    ledger: &'l mut Ledger<'a>,
    now: Timestamp,
    root: CustomerId,
    by: &'l Arc<str>,
}

impl Step<'_, '_> {
    /// The customer as it would be; nothing is changed yet.
    async fn draft(&mut self) -> Result<super::row::Record, CustomerError> {
        let record = self.ledger.record(&self.root).await?;
        record
            .cloned()
            .ok_or_else(|| CustomerError::unknown("customer", &self.root))
    }

    /// Keeps the draft, tells the timeline and the journal.
    async fn keep(
        self,
        draft: super::row::Record,
        what: Option<Happened>,
        change: CustomerChange,
    ) -> Result<(), CustomerError> {
        if !draft.fits() {
            return Err(too_large());
        }
        let Self {
            ledger,
            now,
            root,
            by,
        } = self;
        if let Some(record) = ledger.change(&root).await? {
            let before = record.personal.name.clone();
            let after = draft.personal.name.clone();
            record.personal = draft.personal;
            record.head = draft.head;
            ledger.named(&root, before.as_deref(), after.as_deref());
        }
        if let Some(what) = what {
            ledger.tell(&root, &unique(), &TimelineEntry { at: now, what })?;
        }
        ledger.journal(&root, change, by);
        Ok(())
    }

    async fn update(mut self, state: &CustomerState, mut patch: ProfilePatch) -> Result<(), CustomerError> {
        patch.check()?;
        patch.attributes = state.accept(patch.attributes)?;
        let fields = patch.fields();
        if fields.is_empty() {
            return Ok(());
        }
        let mut draft = self.draft().await?;
        patch.apply(&mut draft.personal);
        let what = Happened::Profile {
            fields: fields.clone(),
            by: self.by.clone(),
        };
        self.keep(draft, Some(what), CustomerChange::Updated(fields))
            .await
    }

    async fn forget_sensitive(self, state: &CustomerState) -> Result<(), CustomerError> {
        let Self { ledger, root, by, .. } = self;
        let mut fields: Vec<Arc<str>> = Vec::new();
        for id in ledger.group(&root).await? {
            if let Some(record) = ledger.change(&id).await? {
                record.personal.attributes.retain(|key, _| {
                    let stays = state.is_open(key);
                    fields.extend((!stays).then(|| format!("attributes.{key}").into()));
                    stays
                });
            }
        }
        ledger.journal(&root, CustomerChange::Updated(fields), by);
        Ok(())
    }

    async fn add_identity(mut self, address: Address) -> Result<(), CustomerError> {
        if let Some(owner) = self.ledger.owner(&address).await? {
            let group = self.ledger.group(&self.root).await?;
            return if group.contains(&owner) {
                Ok(())
            } else {
                Err(in_use(&address, owner))
            };
        }
        let mut draft = self.draft().await?;
        if draft.personal.identities.len() >= limits::MAX_IDENTITIES {
            return Err(too_many_identities());
        }
        draft.personal.identities.push(address.clone());
        if !draft.fits() {
            return Err(too_large());
        }
        self.ledger.hand(&address, Some(&self.root));
        let fields = vec!["identities".into()];
        let what = Happened::Profile {
            fields,
            by: self.by.clone(),
        };
        let change = CustomerChange::IdentityAdded(address.scheme().into());
        self.keep(draft, Some(what), change).await
    }

    async fn remove_identity(self, address: Address) -> Result<(), CustomerError> {
        let owner = self.ledger.owner(&address).await?;
        let group = self.ledger.group(&self.root).await?;
        let Some(owner) = owner.filter(|owner| group.contains(owner)) else {
            return Err(CustomerError::unknown("identity", &address));
        };
        let Self {
            ledger,
            now,
            root,
            by,
        } = self;
        if let Some(record) = ledger.change(&owner).await? {
            record.personal.identities.retain(|known| *known != address);
        }
        ledger.hand(&address, None);
        let what = Happened::Profile {
            fields: vec!["identities".into()],
            by: by.clone(),
        };
        ledger.tell(&owner, &unique(), &TimelineEntry { at: now, what })?;
        ledger.journal(
            &root,
            CustomerChange::IdentityRemoved(address.scheme().into()),
            by,
        );
        Ok(())
    }

    async fn merge(self, from: CustomerId, why: Option<Arc<str>>) -> Result<(), CustomerError> {
        if let Some(why) = &why {
            check_text("why", why)?;
        }
        let Self {
            ledger,
            now,
            root,
            by,
        } = self;
        let other = match ledger.record(&from).await? {
            None => return Err(CustomerError::unknown("customer", &from)),
            Some(other) => other.clone(),
        };
        if ledger.root(&from).await?.as_ref() == Some(&root) {
            return Err(CustomerError::Conflict(format!(
                "{from} is the same customer as {root} already"
            )));
        }
        if let Some(into) = other.head.merged_into {
            return Err(CustomerError::Conflict(format!(
                "{from} was merged into {into}: merge that one, or take that merge back first"
            )));
        }
        let theirs = ledger.group(&from).await?;
        if ledger.group(&root).await?.len() + theirs.len() > limits::MAX_MERGED {
            return Err(CustomerError::TooMany {
                what: "customers merged into one",
                most: limits::MAX_MERGED,
            });
        }
        let (mut identities, mut interactions) = (0, 0);
        for id in &theirs {
            if let Some(record) = ledger.record(id).await? {
                identities += record.personal.identities.len() as u64;
                interactions += record.head.interactions;
            }
        }
        if let Some(record) = ledger.change(&from).await? {
            record.head.merged_into = Some(root.clone());
        }
        if let Some(record) = ledger.change(&root).await? {
            record.head.merged.push(from.clone());
        }
        let what = Happened::Merged {
            from: from.clone(),
            why,
            by: by.clone(),
        };
        ledger.tell(&root, &unique(), &TimelineEntry { at: now, what })?;
        let change = CustomerChange::Merged {
            from,
            identities,
            interactions,
        };
        ledger.journal(&root, change, by);
        Ok(())
    }

    async fn unmerge(self, from: &CustomerId) -> Result<(), CustomerError> {
        let Self {
            ledger,
            now,
            root,
            by,
        } = self;
        let merged = ledger
            .record(from)
            .await?
            .and_then(|record| record.head.merged_into.clone());
        let Some(into) = merged.filter(|_| from != &root) else {
            return Err(CustomerError::unknown("merge", from));
        };
        if !ledger.group(&root).await?.contains(from) {
            return Err(CustomerError::unknown("merge", from));
        }
        if let Some(record) = ledger.change(from).await? {
            record.head.merged_into = None;
        }
        if let Some(record) = ledger.change(&into).await? {
            record.head.merged.retain(|known| known != from);
        }
        let what = Happened::Unmerged {
            from: from.clone(),
            by: by.clone(),
        };
        ledger.tell(&into, &unique(), &TimelineEntry { at: now, what })?;
        ledger.journal(&root, CustomerChange::Unmerged(from.clone()), by);
        Ok(())
    }

    async fn note(mut self, text: Arc<str>) -> Result<(), CustomerError> {
        check_text("text", &text)?;
        let draft = self.draft().await?;
        let what = Happened::Note {
            text,
            by: self.by.clone(),
        };
        self.keep(draft, Some(what), CustomerChange::Noted).await
    }

    async fn consent(mut self, consent: ConsentRecord) -> Result<(), CustomerError> {
        check_code("purpose", &consent.purpose)?;
        check_code("source", &consent.source)?;
        if let Some(proof) = &consent.proof {
            check_text("proof", proof)?;
        }
        if consent.from.0 > self.now.0 + MAX_AHEAD_MS {
            return Err(CustomerError::invalid(
                "from",
                "in the future: expected when it was said, since nobody has consented before",
            ));
        }
        if consent.expires_at.is_some_and(|at| at <= consent.from) {
            return Err(CustomerError::invalid(
                "expires_at",
                "expected a moment after from",
            ));
        }
        let mut draft = self.draft().await?;
        let known = &mut draft.personal.consents;
        let same = |said: &ConsentRecord| said.purpose == consent.purpose && said.channel == consent.channel;
        match known.iter().position(same) {
            // What was said later holds, in whatever order it is recorded.
            Some(at) if known[at].from > consent.from => {}
            Some(at) => known[at] = consent.clone(),
            None if known.len() >= limits::MAX_PROFILE_ITEMS => {
                return Err(CustomerError::TooMany {
                    what: "consents of a customer",
                    most: limits::MAX_PROFILE_ITEMS,
                });
            }
            None => known.push(consent.clone()),
        }
        let change = CustomerChange::Consent {
            purpose: consent.purpose.clone(),
            channel: consent.channel,
            granted: consent.granted,
        };
        let what = Happened::Consent {
            consent,
            by: self.by.clone(),
        };
        self.keep(draft, Some(what), change).await
    }

    async fn intent(mut self, intent: Intent) -> Result<(), CustomerError> {
        check_code("product", &intent.product)?;
        if let Some(note) = &intent.note {
            check_text("note", note)?;
        }
        if intent.confidence > 100 {
            return Err(CustomerError::invalid("confidence", "expected 0 to 100"));
        }
        let draft = self.draft().await?;
        let what = Happened::Intent {
            product: intent.product,
            confidence: intent.confidence,
            value: intent.value,
            note: intent.note,
            by: self.by.clone(),
        };
        self.keep(draft, Some(what), CustomerChange::Intent).await
    }

    async fn link(mut self, link: Link) -> Result<(), CustomerError> {
        check_code("kind", &link.kind)?;
        let unknown = || CustomerError::unknown("customer", &link.to);
        let other = self.ledger.root(&link.to).await?.ok_or_else(unknown)?;
        if other == self.root {
            return Err(CustomerError::Conflict(
                "a customer can't be linked to itself".into(),
            ));
        }
        let mut theirs = self.ledger.record(&other).await?.cloned().ok_or_else(unknown)?;
        let mut draft = self.draft().await?;
        for (links, to) in [
            (&mut draft.personal.links, &other),
            (&mut theirs.personal.links, &self.root),
        ] {
            links.retain(|known| known.to != *to);
            if links.len() >= limits::MAX_PROFILE_ITEMS {
                return Err(CustomerError::TooMany {
                    what: "links of a customer",
                    most: limits::MAX_PROFILE_ITEMS,
                });
            }
            links.push(Link {
                to: to.clone(),
                kind: link.kind.clone(),
            });
        }
        if !theirs.fits() || !draft.fits() {
            return Err(too_large());
        }
        if let Some(record) = self.ledger.change(&other).await? {
            record.personal = theirs.personal;
        }
        let change = CustomerChange::Linked {
            to: other,
            kind: link.kind,
        };
        self.keep(draft, None, change).await
    }

    async fn unlink(self, to: &CustomerId) -> Result<(), CustomerError> {
        let Self { ledger, root, by, .. } = self;
        let mine = ledger.group(&root).await?;
        let other = ledger.root(to).await?.unwrap_or_else(|| to.clone());
        let theirs = ledger.group(&other).await?;
        let mut was = false;
        for (ids, linked) in [(&mine, &theirs), (&theirs, &mine)] {
            for id in ids {
                let Some(record) = ledger.record(id).await? else {
                    continue;
                };
                if !record.personal.links.iter().any(|link| linked.contains(&link.to)) {
                    continue;
                }
                was = true;
                if let Some(record) = ledger.change(id).await? {
                    record.personal.links.retain(|link| !linked.contains(&link.to));
                }
            }
        }
        if !was {
            return Err(CustomerError::unknown("link", to));
        }
        ledger.journal(&root, CustomerChange::Unlinked(other), by);
        Ok(())
    }
}

pub(crate) fn unique() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn in_use(address: &Address, customer: CustomerId) -> CustomerError {
    CustomerError::InUse {
        identity: address.to_string(),
        customer,
    }
}

fn too_many_identities() -> CustomerError {
    CustomerError::TooMany {
        what: "identities of a customer",
        most: limits::MAX_IDENTITIES,
    }
}

pub(crate) fn too_large() -> CustomerError {
    CustomerError::Conflict(format!(
        "the customer would have more than {} bytes; take something away first",
        limits::MAX_PROFILE_BYTES
    ))
}
