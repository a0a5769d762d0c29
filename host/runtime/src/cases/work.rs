//! What is changed of a case, in the tenant's loop: first everything is checked, then the row, what leads to it, the
//! journal's entry and the timeline's go into one commit. Each has a commit for itself.

use std::sync::Arc;

use jackfield_contact::case::{AssistanceStep, CaseChange, CaseStatus};
use jackfield_contact::event::Event;
use jackfield_types::{CaseId, CaseOwner, CustomerId, InteractionId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::assistance::{self, Assistance};
use super::case::{Case, CaseNote, Outcome, due_key, personal};
use super::directory::CaseCategory;
use super::notice::{self, NoticeEnd};
use super::{CASE_COUNTS, CASE_DUE, CASE_INDEX, CASES};
use crate::customers::{
    CustomerError, Happened, Ledger, Opener, TimelineEntry, check_text, json, seal_row, unique,
};
use crate::history::decode;

const COUNTS: &str = "counts";

/// One change that is wanted.
pub(crate) enum CaseWork {
    Open(Box<Opening>),
    Change(CaseId, CaseStep),
    /// A moment has come.
    Due(CaseId, Timestamp),
    Offer(Box<Assistance>),
    Assist(Arc<str>, AssistanceStep),
    NoticeEnd(Arc<str>, NoticeEnd),
}

/// A case to be opened; the category, owner and customer were looked for.
pub(crate) struct Opening {
    pub(crate) customer: CustomerId,
    pub(crate) category: CaseCategory,
    pub(crate) owner: CaseOwner,
    pub(crate) interaction: Option<InteractionId>,
    pub(crate) subject: Arc<str>,
    pub(crate) description: Option<Arc<str>>,
    pub(crate) promise_at: Option<Timestamp>,
}

/// What is to be changed of a case.
pub(crate) enum CaseStep {
    Status {
        status: CaseStatus,
        why: Option<Arc<str>>,
        promise_at: Option<Timestamp>,
        /// What the category promises, for a case that is taken up again.
        promise_ms: Option<u64>,
    },
    HandOver {
        to: CaseOwner,
        why: Option<Arc<str>>,
    },
    Promise {
        due_at: Timestamp,
        why: Option<Arc<str>>,
    },
    Note {
        text: Arc<str>,
        visible: bool,
    },
    Continue(InteractionId),
    /// Makes the customer's link, or revokes it.
    Link(bool),
}

/// What came of it.
pub(crate) enum CaseDone {
    Case(Box<Case>),
    Assistance(Box<Assistance>),
    /// It was done before, or there is nothing to be done any more.
    Nothing,
}

/// How many cases a tenant has had, and has to see to.
#[derive(Default, Serialize, Deserialize)]
struct Counts {
    last: u64,
    open: u64,
}

/// What happened, for journal and timeline.
struct Told {
    change: CaseChange,
    interaction: Option<InteractionId>,
    text: Option<Arc<str>>,
}

impl From<CaseChange> for Told {
    fn from(change: CaseChange) -> Self {
        Self {
            change,
            interaction: None,
            text: None,
        }
    }
}

/// Does one order.
pub(crate) async fn carry_out(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    work: CaseWork,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let done = |case| CaseDone::Case(Box::new(case));
    match work {
        CaseWork::Open(opening) => open(ledger, now, *opening, by).await.map(done),
        CaseWork::Change(id, step) => change(ledger, now, id, step, by).await.map(done),
        CaseWork::Due(id, at) => come_due(ledger, now, id, at, by).await,
        CaseWork::Offer(offer) => assistance::offer(ledger, now, *offer, by).await,
        CaseWork::Assist(code, step) => assistance::step(ledger, now, &code, step, by).await,
        CaseWork::NoticeEnd(code, end) => notice::end(ledger, now, &code, end, by).await,
    }
}

async fn counts(ledger: &Ledger<'_>) -> Result<Counts, CustomerError> {
    let row = ledger
        .store
        .get(ledger.ctx, CASE_COUNTS, COUNTS.as_bytes())
        .await?;
    Ok(row.map(|row| decode(&row.value)).transpose()?.unwrap_or_default())
}

async fn open(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    opening: Opening,
    by: &Arc<str>,
) -> Result<Case, CustomerError> {
    let Opening {
        customer,
        category,
        owner,
        interaction,
        subject,
        description,
        promise_at,
    } = opening;
    let counts = counts(ledger).await?;
    if counts.open >= limits::MAX_OPEN_CASES {
        return Err(CustomerError::Conflict(format!(
            "the tenant has {} cases that are open or waiting, the most there may be; settle some first",
            limits::MAX_OPEN_CASES
        )));
    }
    let promise_at = promise_at.unwrap_or(now + category.promise_ms);
    check_promise("promise_at", promise_at, now)?;
    let mut case = Case {
        id: CaseId::from_uuid(uuid::Uuid::now_v7()),
        number: counts.last + 1,
        customer,
        category: category.id.clone(),
        owner: owner.clone(),
        status: CaseStatus::Open,
        opened_at: now,
        opened_by: by.clone(),
        changed_at: now,
        interactions: interaction.into_iter().collect(),
        remind_before_ms: category.remind_before_ms,
        escalation: category.escalation,
        reminded: false,
        escalated: 0,
        promised_at: None,
        due: None,
        link: false,
        links_revoked: 0,
        subject,
        description,
        notes: Vec::new(),
        hand_overs: Vec::new(),
        promises: Vec::new(),
    };
    case.promise_for(promise_at, now, by, None);
    let category = category.id;
    let told = Told {
        change: CaseChange::Opened { category, owner },
        interaction,
        text: Some(case.subject.clone()),
    };
    keep(ledger, now, None, case, by, vec![told], limits::MAX_CASE_BYTES).await
}

fn check_promise(field: &'static str, at: Timestamp, now: Timestamp) -> Result<(), CustomerError> {
    if at > now && at.since(now) <= limits::MAX_PROMISE_MS {
        return Ok(());
    }
    Err(CustomerError::invalid(
        field,
        "expected a moment in the next ten years, in milliseconds since the Unix epoch",
    ))
}

/// A case whose customer is not erased.
async fn load(ledger: &mut Ledger<'_>, id: CaseId) -> Result<Option<Case>, CustomerError> {
    let key = id.to_string();
    let Some(row) = ledger.store.get(ledger.ctx, CASES, key.as_bytes()).await? else {
        return Ok(None);
    };
    let case: Case = Opener::new(ledger.store, ledger.ctx, ledger.keys)
        .open(&row.value)
        .await?;
    let known = ledger.record(&case.customer).await?.is_some();
    Ok(known.then_some(case))
}

async fn change(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    id: CaseId,
    step: CaseStep,
    by: &Arc<str>,
) -> Result<Case, CustomerError> {
    let before = load(ledger, id).await?;
    let before = before.ok_or_else(|| CustomerError::unknown("case", id))?;
    let mut case = before.clone();
    let told = apply(&mut case, now, step, by)?;
    if told.is_empty() {
        return Ok(before);
    }
    keep(ledger, now, Some(&before), case, by, told, limits::MAX_CASE_BYTES).await
}

/// Changes the case; what happened, nothing when it was so before.
fn apply(case: &mut Case, now: Timestamp, step: CaseStep, by: &Arc<str>) -> Result<Vec<Told>, CustomerError> {
    let why_checked = |why: &Option<Arc<str>>| why.as_ref().map_or(Ok(()), |why| check_text("why", why));
    let too_many = |what, most| CustomerError::TooMany { what, most };
    match step {
        CaseStep::Status {
            status,
            why,
            promise_at,
            promise_ms,
        } => {
            why_checked(&why)?;
            if status == case.status {
                return Ok(Vec::new());
            }
            let again = case.status.is_settled() && !status.is_settled();
            if case.status == CaseStatus::Closed && status == CaseStatus::Resolved {
                return Err(CustomerError::Conflict(format!(
                    "case {} is closed; open it again first",
                    case.number
                )));
            }
            if promise_at.is_some() && !again {
                return Err(CustomerError::invalid(
                    "promise_at",
                    "expected only for a case that is taken up again; promise it apart",
                ));
            }
            let mut told = Vec::new();
            let settles = status.is_settled() && !case.status.is_settled();
            if settles && let Some(last) = case.promises.last_mut().filter(|last| last.outcome.is_none()) {
                let kept = now <= last.due_at;
                last.outcome = Some(if kept { Outcome::Kept } else { Outcome::Broken });
                if !kept {
                    told.push(CaseChange::PromiseBroken.into());
                }
            }
            case.status = status;
            told.push(Told {
                change: CaseChange::Status(status),
                interaction: None,
                text: why,
            });
            let promise_at = promise_at.or(promise_ms.map(|ms| now + ms)).filter(|_| again);
            if let Some(due_at) = promise_at {
                check_promise("promise_at", due_at, now)?;
                told.push(promise(case, due_at, now, by, None)?);
            }
            Ok(told)
        }
        CaseStep::HandOver { to, why } => {
            why_checked(&why)?;
            not_settled(case)?;
            if to == case.owner {
                return Ok(Vec::new());
            }
            let from = case.hand_over(now, by, to.clone(), why.clone());
            Ok(vec![Told {
                change: CaseChange::HandedOver { from, to },
                interaction: None,
                text: why,
            }])
        }
        CaseStep::Promise { due_at, why } => {
            why_checked(&why)?;
            not_settled(case)?;
            if case.promise().is_some_and(|last| last.due_at == due_at) {
                return Ok(Vec::new());
            }
            check_promise("due_at", due_at, now)?;
            Ok(vec![promise(case, due_at, now, by, why)?])
        }
        CaseStep::Note { text, visible } => {
            check_text("text", &text)?;
            if case.notes.len() >= limits::MAX_CASE_NOTES {
                return Err(too_many("notes of a case", limits::MAX_CASE_NOTES));
            }
            case.notes.push(CaseNote {
                at: now,
                by: by.clone(),
                text: text.clone(),
                visible,
            });
            Ok(vec![Told {
                change: CaseChange::Noted { visible },
                interaction: None,
                text: Some(text),
            }])
        }
        CaseStep::Continue(interaction) => {
            if case.interactions.contains(&interaction) {
                return Ok(Vec::new());
            }
            if case.interactions.len() >= limits::MAX_CASE_INTERACTIONS {
                return Err(too_many("interactions of a case", limits::MAX_CASE_INTERACTIONS));
            }
            case.interactions.push(interaction);
            Ok(vec![Told {
                change: CaseChange::Continued(interaction),
                interaction: Some(interaction),
                text: None,
            }])
        }
        CaseStep::Link(wanted) => {
            if wanted == case.link {
                return Ok(Vec::new());
            }
            if !wanted {
                let next = case.links_revoked.checked_add(1);
                case.links_revoked =
                    next.ok_or_else(|| too_many("revoked links of a case", usize::from(u16::MAX)))?;
            }
            case.link = wanted;
            let change = if wanted {
                CaseChange::LinkMade
            } else {
                CaseChange::LinkRevoked
            };
            Ok(vec![change.into()])
        }
    }
}

fn not_settled(case: &Case) -> Result<(), CustomerError> {
    if case.status.is_settled() {
        return Err(CustomerError::Conflict(format!(
            "case {} is {}; open it again first",
            case.number,
            case.status.as_str()
        )));
    }
    Ok(())
}

fn promise(
    case: &mut Case,
    due_at: Timestamp,
    now: Timestamp,
    by: &Arc<str>,
    why: Option<Arc<str>>,
) -> Result<Told, CustomerError> {
    if case.promises.len() >= limits::MAX_CASE_PROMISES {
        return Err(CustomerError::TooMany {
            what: "promises of a case",
            most: limits::MAX_CASE_PROMISES,
        });
    }
    case.promise_for(due_at, now, by, why.clone());
    Ok(Told {
        change: CaseChange::Promised(due_at),
        interaction: None,
        text: why,
    })
}

/// Does what is due; a row that leads to nothing goes.
async fn come_due(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    id: CaseId,
    at: Timestamp,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let before = load(ledger, id).await?.filter(|case| case.due == Some(at));
    if let Some(before) = before {
        let mut case = before.clone();
        return match case.come_due(now, by) {
            Some(change) => {
                // A case that is full for people still has room for what follows from its promises.
                let most = limits::MAX_VALUE_BYTES;
                let kept = keep(ledger, now, Some(&before), case, by, vec![change.into()], most).await?;
                Ok(CaseDone::Case(Box::new(kept)))
            }
            // The loop's clock is behind; it stays due.
            None => Ok(CaseDone::Nothing),
        };
    }
    ledger.beside.remove(CASE_DUE, due_key(at, id).into_bytes());
    Ok(CaseDone::Nothing)
}

/// Writes the case, what leads to it, and what happened.
async fn keep(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    before: Option<&Case>,
    mut case: Case,
    by: &Arc<str>,
    told: Vec<Told>,
    most: usize,
) -> Result<Case, CustomerError> {
    case.changed_at = now;
    case.due = case.next_due().map(|(at, _)| at);
    let key = ledger.key(&case.customer).await?;
    let row = seal_row(&case, personal(), (&case.customer, &key))?;
    if row.len() > most {
        return Err(CustomerError::Conflict(format!(
            "case {} would have more than {most} bytes; open another one for the rest",
            case.number
        )));
    }
    let was_open = before.is_some_and(|case| !case.status.is_settled());
    let is_open = !case.status.is_settled();
    if before.is_none() || was_open != is_open {
        let mut counts = counts(ledger).await?;
        counts.last = counts.last.max(case.number);
        counts.open = (counts.open + u64::from(is_open)).saturating_sub(u64::from(was_open));
        let row = json(&counts)?;
        ledger.beside.write(CASE_COUNTS, COUNTS, row);
    }
    let (old, new) = (before.map(Case::index).unwrap_or_default(), case.index());
    let beside = &mut ledger.beside;
    for gone in old.difference(&new) {
        beside.remove(CASE_INDEX, gone.clone().into_bytes());
    }
    for come in new.difference(&old) {
        let id = case.id.to_string().into_bytes();
        beside.write(CASE_INDEX, come.clone().into_bytes(), id);
    }
    let was_due = before.and_then(|case| case.due);
    if was_due != case.due {
        let key = |at| due_key(at, case.id).into_bytes();
        if let Some(at) = was_due {
            beside.remove(CASE_DUE, key(at));
        }
        if let Some(at) = case.due {
            beside.write(CASE_DUE, key(at), Vec::new());
        }
    }
    beside.write(CASES, case.id.to_string().into_bytes(), row);
    for Told {
        change,
        interaction,
        text,
    } in told
    {
        let what = Happened::Case {
            case: case.id,
            number: case.number,
            category: case.category.clone(),
            change: change.clone(),
            text,
            by: by.clone(),
        };
        ledger.tell(&case.customer, &unique(), &TimelineEntry { at: now, what })?;
        ledger.events.push(Event::CaseChanged {
            case: case.id,
            number: case.number,
            customer: case.customer.clone(),
            interaction,
            change,
            by: by.clone(),
        });
    }
    Ok(case)
}
