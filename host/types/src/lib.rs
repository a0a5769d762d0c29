//! Ids, value types and named limits of Jackfield (floor 0).
//!
//! Nothing here does input or output, reads a clock or draws a random number.

#![forbid(unsafe_code)]

mod capability;
mod case;
pub mod ceilings;
mod channel;
mod context;
mod digest;
mod id;
pub mod limits;
mod name;
mod phone;
mod plugin;
mod point;
mod time;

pub use capability::{Capability, Grants, UnknownCapability};
pub use case::{CaseId, CaseOwner, CaseRef};
pub use channel::Channel;
pub use context::{Actor, OpContext, Role, TraceId};
pub use digest::{Digest, InvalidDigest};
pub use id::{
    AgentId, ArticleId, AttachmentId, AttributeId, CallTypeId, CampaignId, CategoryId, ChatEntryId,
    ConnectorId, CustomerId, DecisionId, ImportId, InteractionId, InvalidId, KeyName, LegId, OfferId,
    OutletId, PluginId, QueueId, SegmentId, SkillId, TagRunId, TemplateId, TenantId, UserId,
};
pub use name::{NAME_EXPECTED, is_name};
pub use phone::{E164, InvalidNumber};
pub use plugin::{PluginKind, UnknownKind, article};
pub use point::{ExtensionPoint, InvalidPoint};
pub use semver::Version;
pub use time::Timestamp;
