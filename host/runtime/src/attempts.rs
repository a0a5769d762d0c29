//! Attempts to reach somebody, as they were reported: what caps of the outbound rules count.
//!
//! Kept by number and purpose, newest last, and once more by age, so that what is 90 days old goes. Two hundred of a
//! number and purpose, as many as a rule is told of; the oldest goes for one more.

use jackfield_contact::decision::{Outcome, PastAttempt};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_contact::leg::Cause;
use jackfield_store::{Error as StoreError, Scan, Space, Store, Tx};
use jackfield_types::{CampaignId, Channel, E164, OpContext, TenantId, Timestamp, is_name, limits};
use serde::{Deserialize, Serialize};

use crate::outbound::OutboundError;
use crate::tenant::Tenant;
use crate::{CampaignError, SubmitError, clock};

/// By number, purpose and moment.
const ATTEMPTS: Space = Space::new("outbound-attempts");
/// Keys of [`ATTEMPTS`] by moment.
const BY_AGE: Space = Space::new("outbound-attempts-age");
/// Rows of one transaction; each has another beside it.
const MAX_ROWS: usize = 300;
/// Bytes of the end of a key: moment, space, UUID.
const SUFFIX: usize = 20 + 1 + 36;
/// How far ahead a reporter's clock may be.
const MAX_AHEAD_MS: u64 = 60_000;

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Whom.
    pub number: E164,
    /// On which channel.
    pub channel: Channel,
    /// What for, 1 to 64 bytes; caps are counted by it.
    pub purpose: String,
    /// The campaign that it belonged to.
    pub campaign: Option<CampaignId>,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Who reported it.
    pub reported_by: String,
}

impl From<&AttemptRecord> for PastAttempt {
    fn from(record: &AttemptRecord) -> Self {
        Self {
            at: record.at,
            channel: record.channel,
            outcome: record.outcome,
        }
    }
}

/// The beginning of the keys of a number and purpose. The length keeps purposes apart of which one begins another.
fn prefix(number: &E164, purpose: &str) -> String {
    format!("{number} {:02} {purpose} ", purpose.len())
}

fn suffix(key: &[u8]) -> Option<&[u8]> {
    key.last_chunk::<SUFFIX>().map(|end| &end[..])
}

impl Tenant {
    /// Keeps an attempt, so that rules are told of it.
    ///
    /// # Errors
    /// When a field is wrong, or the store refuses.
    pub async fn record_attempt(&self, ctx: &OpContext, record: &AttemptRecord) -> Result<(), OutboundError> {
        let invalid = |field, problem: String| OutboundError::Invalid { field, problem };
        self.known_purpose(&record.purpose)?;
        let now = clock::now();
        if record.at.0 > now.0 + MAX_AHEAD_MS {
            return Err(invalid("at", "in the future: expected when it was made".into()));
        }
        if now.since(record.at) > limits::MAX_ATTEMPT_AGE_MS {
            return Err(invalid(
                "at",
                "expected at most 90 days ago: older ones count for nothing".into(),
            ));
        }
        if let Some(campaign) = &record.campaign {
            self.known_campaign(ctx, campaign).await?;
        }
        let prefix = prefix(&record.number, &record.purpose);
        let end = format!("{:020} {}", record.at.0, uuid::Uuid::now_v7());
        let row = serde_json::to_vec(record).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        let store = &self.inner.shared.store;
        let key = format!("{prefix}{end}");
        let tx = Tx::new().put(BY_AGE, end, key.clone()).put(ATTEMPTS, key, row);
        store.commit(ctx, tx).await.map_err(SubmitError::from)?;
        // Afterwards, so that of several at once the last one sees them all.
        trim(store, ctx, &prefix).await.map_err(SubmitError::from)?;
        Ok(())
    }

    /// What is kept of a number and purpose, newest first, at most 200.
    pub async fn attempts(
        &self,
        ctx: &OpContext,
        number: &E164,
        purpose: &str,
    ) -> Result<Vec<AttemptRecord>, OutboundError> {
        check_purpose(purpose)?;
        let scan = Scan::prefix(prefix(number, purpose))
            .reverse()
            .limit(limits::MAX_PAST_ATTEMPTS);
        let page = self.inner.shared.store.scan(ctx, ATTEMPTS, scan).await;
        let rows = page.map_err(SubmitError::from)?.rows;
        rows.iter()
            .map(|row| {
                serde_json::from_slice(&row.value).map_err(|error| {
                    SubmitError::Unavailable(format!("a kept attempt can't be read: {error}")).into()
                })
            })
            .collect()
    }

    /// What is kept of a number, for whatever purpose; at most 1,000.
    pub(crate) async fn attempts_of(
        &self,
        ctx: &OpContext,
        number: &E164,
    ) -> Result<Vec<AttemptRecord>, SubmitError> {
        let scan = Scan::prefix(format!("{number} "));
        let page = self.inner.shared.store.scan(ctx, ATTEMPTS, scan).await?;
        page.rows
            .iter()
            .map(|row| crate::history::decode(&row.value))
            .collect()
    }

    /// That there is such a campaign.
    pub(crate) async fn known_campaign(&self, ctx: &OpContext, id: &CampaignId) -> Result<(), OutboundError> {
        match self.campaign(ctx, id).await {
            Ok(_) => Ok(()),
            Err(CampaignError::Unknown(id)) => Err(OutboundError::UnknownCampaign(id)),
            Err(error) => Err(SubmitError::Unavailable(error.to_string()).into()),
        }
    }

    /// Removes what is kept of a number; how many.
    pub(crate) async fn erase_attempts(&self, ctx: &OpContext, number: &E164) -> Result<u64, SubmitError> {
        let store = &self.inner.shared.store;
        let mut erased = 0;
        loop {
            let scan = Scan::prefix(format!("{number} ")).limit(MAX_ROWS);
            let page = store.scan(ctx, ATTEMPTS, scan).await?;
            if page.rows.is_empty() {
                return Ok(erased);
            }
            erased += page.rows.len() as u64;
            let tx = page
                .rows
                .into_iter()
                .fold(Tx::new(), |tx, row| removed(tx, row.key));
            store.commit(ctx, tx).await?;
        }
    }
}

/// Purposes that every tenant knows: rules and caps are written for these.
const PURPOSES: [&str; 5] = ["sales", "arrears", "survey", "requested-callback", "service"];

impl Tenant {
    /// Refuses a purpose that nobody has heard of: caps and consent are kept by purpose, so that a slip of the pen would pass
    /// by all of them.
    pub(crate) fn known_purpose(&self, purpose: &str) -> Result<(), OutboundError> {
        check_purpose(purpose)?;
        let own = &self.inner.customers.settings.load().purposes;
        if PURPOSES.contains(&purpose) || own.iter().any(|own| own == purpose) {
            return Ok(());
        }
        let known: Vec<&str> = PURPOSES
            .into_iter()
            .chain(own.iter().map(String::as_str))
            .collect();
        Err(OutboundError::Invalid {
            field: "purpose",
            problem: format!(
                "there is no purpose {purpose:?}: expected one of {}; an administrator can add one to purposes of \
                 /v1/customer-settings (jackfield customer settings set --purpose)",
                known.join(", ")
            ),
        })
    }
}

fn check_purpose(purpose: &str) -> Result<(), OutboundError> {
    if !is_name(purpose) || purpose.len() > limits::MAX_CODE_BYTES {
        return Err(OutboundError::Invalid {
            field: "purpose",
            problem: "expected 1 to 64 bytes without control characters, for example sales or service".into(),
        });
    }
    Ok(())
}

/// Whether an event says more about a call that an agent makes; the cause of its end, when it is that.
pub(crate) fn told_by(event: &Event) -> Option<Option<Cause>> {
    match event {
        Event::InteractionStarted { .. } | Event::Connected { .. } | Event::Orphaned { .. } => Some(None),
        Event::InteractionEnded { cause, .. } => Some(Some(*cause)),
        _ => None,
    }
}

/// Counts a call that an agent makes: from when the agent's phone is called, so that of two at once the second sees the
/// first. When the customer's phone was never called, it was none.
pub(crate) fn project(it: &Interaction, ended: Option<Cause>, tx: Tx) -> Tx {
    let Some((outgoing, number)) = it.outgoing.as_ref().zip(E164::new(&it.caller).ok()) else {
        return tx;
    };
    let outcome = match (&it.agent, it.dialled_at, ended) {
        (Some(_), ..) => Some(Outcome::Conversation),
        (None, None, _) if it.ending.is_some() => None,
        (None, Some(_), Some(Cause::Unreachable | Cause::UnknownNumber)) => Some(Outcome::Failed),
        _ => Some(Outcome::Unanswered),
    };
    let end = format!("{:020} {}", it.started_at.0, it.id);
    let key = format!("{}{end}", prefix(&number, &outgoing.purpose));
    let Some(outcome) = outcome else {
        return removed(tx, key.into_bytes());
    };
    let record = AttemptRecord {
        number,
        channel: it.channel,
        purpose: outgoing.purpose.to_string(),
        campaign: outgoing.campaign.clone(),
        at: it.started_at,
        outcome,
        reported_by: outgoing.agent.to_string(),
    };
    // It holds nothing that JSON can't say.
    let row = serde_json::to_vec(&record).unwrap_or_default();
    tx.put(BY_AGE, end, key.clone()).put(ATTEMPTS, key, row)
}

/// Removes the oldest of a number and purpose above what is kept.
async fn trim(store: &Store, ctx: &OpContext, prefix: &str) -> Result<(), StoreError> {
    let most = limits::MAX_PAST_ATTEMPTS;
    let known = store
        .scan(ctx, ATTEMPTS, Scan::prefix(prefix).limit(2 * most))
        .await?;
    let over = known.rows.len().saturating_sub(most);
    if over == 0 {
        return Ok(());
    }
    let oldest = known.rows.into_iter().take(over);
    let tx = oldest.fold(Tx::new(), |tx, row| removed(tx, row.key));
    store.commit(ctx, tx).await?;
    Ok(())
}

fn removed(tx: Tx, key: Vec<u8>) -> Tx {
    let tx = match suffix(&key) {
        Some(end) => tx.delete(BY_AGE, end.to_vec()),
        None => tx,
    };
    tx.delete(ATTEMPTS, key)
}

/// Removes attempts that were made before a moment.
pub(crate) async fn sweep(store: &Store, tenant: &TenantId, before: Timestamp) -> Result<(), StoreError> {
    let ctx = OpContext::system(tenant.clone(), "retention");
    loop {
        let old = Scan::range("0", format!("{:020}", before.0)).limit(MAX_ROWS);
        let page = store.scan(&ctx, BY_AGE, old).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let tx = page.rows.into_iter().fold(Tx::new(), |tx, row| {
            tx.delete(ATTEMPTS, row.value).delete(BY_AGE, row.key)
        });
        store.commit(&ctx, tx).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_too_old_goes_with_its_place() {
        let store = Store::memory().unwrap();
        let tenant = TenantId::new("acme").unwrap();
        let ctx = OpContext::system(tenant.clone(), "test");
        for at in [1_000u64, 5_000, 9_000] {
            let end = format!("{at:020} {}", uuid::Uuid::now_v7());
            let key = format!("+33612345678 05 sales {end}");
            let tx = Tx::new().put(BY_AGE, end, key.clone()).put(ATTEMPTS, key, "{}");
            store.commit(&ctx, tx).await.unwrap();
        }
        sweep(&store, &tenant, Timestamp(6_000)).await.unwrap();
        for space in [ATTEMPTS, BY_AGE] {
            let left = store.scan(&ctx, space, Scan::all()).await.unwrap().rows;
            assert_eq!(left.len(), 1);
            assert!(suffix(&left[0].key).unwrap().starts_with(b"00000000000000009000"));
        }
        let left = store.scan(&ctx, ATTEMPTS, Scan::all()).await.unwrap().rows;
        let tx = removed(Tx::new(), left[0].key.clone());
        store.commit(&ctx, tx).await.unwrap();
        assert!(
            store
                .scan(&ctx, BY_AGE, Scan::all())
                .await
                .unwrap()
                .rows
                .is_empty()
        );
    }
}
