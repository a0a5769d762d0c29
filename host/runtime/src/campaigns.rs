//! Campaigns: their ids and names. Rules and pacing are bound to them; what they dial is not kept here.
//!
//! Errors: `Store` means that it is unknown whether it was done; the others changed nothing and say what to do.

use jackfield_registry::RegistryError;
use jackfield_store::{Check, Error as StoreError, Scan, Space, Tx};
use jackfield_types::{
    CampaignId, ExtensionPoint, NAME_EXPECTED, OpContext, SegmentId, Timestamp, is_name, limits,
};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::tenant::Tenant;

const CAMPAIGNS: Space = Space::new("campaigns");

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignRecord {
    /// Its id; it never changes.
    pub id: CampaignId,
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// Whom it is to reach; `None`: that is not kept here.
    #[serde(default)]
    pub segment: Option<SegmentId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a campaign was not kept, shown or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// There is none of that id.
    #[error("there is no campaign {0}; make it first, or look for another spelling")]
    Unknown(CampaignId),
    /// Its name is none.
    #[error("name: {NAME_EXPECTED}")]
    Name,
    /// There is no such segment.
    #[error("segment: there is no segment {0}; make it first, or look for another spelling")]
    Segment(SegmentId),
    /// A plugin is bound there.
    #[error("a plugin is bound at {0}: take it out first")]
    InUse(ExtensionPoint),
    /// There are too many.
    #[error("a tenant can have {most} campaigns at most; remove one first", most = limits::MAX_CAMPAIGNS)]
    TooMany,
    /// The store refuses.
    #[error("{0}")]
    Store(String),
}

impl From<StoreError> for CampaignError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl Tenant {
    /// All campaigns, by id.
    pub async fn campaigns(&self, ctx: &OpContext) -> Result<Vec<CampaignRecord>, CampaignError> {
        let scan = Scan::all().limit(limits::MAX_CAMPAIGNS);
        let page = self.inner.shared.store.scan(ctx, CAMPAIGNS, scan).await?;
        page.rows.iter().map(|row| decode(&row.value)).collect()
    }

    /// One campaign.
    ///
    /// # Errors
    /// [`CampaignError::Unknown`] when there is none.
    pub async fn campaign(&self, ctx: &OpContext, id: &CampaignId) -> Result<CampaignRecord, CampaignError> {
        let store = &self.inner.shared.store;
        let row = store.get(ctx, CAMPAIGNS, id.as_str().as_bytes()).await?;
        let row = row.ok_or_else(|| CampaignError::Unknown(id.clone()))?;
        decode(&row.value)
    }

    /// Makes a campaign, or names it anew.
    pub async fn put_campaign(
        &self,
        ctx: &OpContext,
        id: CampaignId,
        name: String,
        segment: Option<SegmentId>,
    ) -> Result<CampaignRecord, CampaignError> {
        if !is_name(&name) {
            return Err(CampaignError::Name);
        }
        if let Some(segment) = segment.as_ref().filter(|segment| self.segment(segment).is_err()) {
            return Err(CampaignError::Segment(segment.clone()));
        }
        // So that two at once don't both find room for one.
        let _one_at_a_time = self.inner.shared.registry.unchanging(self.id()).await;
        let created_at = match self.campaign(ctx, &id).await {
            Ok(before) => before.created_at,
            Err(CampaignError::Unknown(_)) => {
                if self.campaigns(ctx).await?.len() >= limits::MAX_CAMPAIGNS {
                    return Err(CampaignError::TooMany);
                }
                clock::now()
            }
            Err(error) => return Err(error),
        };
        let record = CampaignRecord {
            id,
            name,
            segment,
            created_at,
        };
        let row = serde_json::to_vec(&record).map_err(|error| CampaignError::Store(error.to_string()))?;
        let tx = Tx::new().put(CAMPAIGNS, record.id.as_str(), row);
        self.inner.shared.store.commit(ctx, tx).await?;
        Ok(record)
    }

    /// Removes a campaign.
    ///
    /// # Errors
    /// [`CampaignError::InUse`] while a plugin is bound to it.
    pub async fn remove_campaign(&self, ctx: &OpContext, id: &CampaignId) -> Result<(), CampaignError> {
        let registry = &self.inner.shared.registry;
        let _nothing_is_bound_meanwhile = registry.unchanging(self.id()).await;
        self.campaign(ctx, id).await?;
        let rules =
            (1..=limits::MAX_CAMPAIGN_RULES).map(|place| ExtensionPoint::CampaignRule(id.clone(), place));
        let mut points = rules.chain([ExtensionPoint::CampaignPacing(id.clone())]);
        if let Some(point) = points.find(|point| registry.is_taken(self.id(), point)) {
            return Err(CampaignError::InUse(point));
        }
        let tx = Tx::new().delete(CAMPAIGNS, id.as_str());
        self.inner.shared.store.commit(ctx, tx).await?;
        Ok(())
    }
}

impl Tenant {
    /// What must hold of the campaign that a point belongs to when something becomes bound there; nothing for other points.
    pub(crate) async fn campaign_stays(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
    ) -> Result<Vec<Check>, RegistryError> {
        let (ExtensionPoint::CampaignRule(id, _) | ExtensionPoint::CampaignPacing(id)) = point else {
            return Ok(Vec::new());
        };
        let store = &self.inner.shared.store;
        let row = store.get(ctx, CAMPAIGNS, id.as_str().as_bytes()).await?;
        let version = row.ok_or_else(|| RegistryError::Changed(point.clone()))?.version;
        Ok(Tx::new().check(CAMPAIGNS, id.as_str(), version).checks)
    }
}

fn decode(row: &[u8]) -> Result<CampaignRecord, CampaignError> {
    serde_json::from_slice(row)
        .map_err(|error| CampaignError::Store(format!("a campaign can't be read: {error}")))
}
