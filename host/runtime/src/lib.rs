//! The loop: one bounded inbox per tenant; commits, then carries effects out (floor 4).
//!
//! [`Platform`] composes store, sandbox, registry and voice; [`Tenant`] is the handle to one tenant's loop. What
//! happens goes one way: datagram, request, timer or decision → input → the core decides → its events are durable →
//! its effects are carried out → their results come back as inputs.

#![forbid(unsafe_code)]

mod accounts;
mod admission;
mod attempts;
mod breaker;
mod campaigns;
mod ceilings;
mod centre_loop;
mod chats;
mod clock;
mod customers;
mod decide;
mod directory;
mod error;
mod flows;
mod history;
mod metering;
mod metrics;
mod narrower;
mod outbound;
mod outcomes;
mod platform;
mod project;
mod reads;
mod recordings;
mod records;
mod replay;
mod responses;
mod rollout_moves;
mod rollout_watch;
mod rollouts;
mod tenant;
mod visitors;
mod zones;

pub use accounts::{AccountError, Accounts, Identity, KeyRecord, NewKey, UserRecord};
pub use attempts::AttemptRecord;
pub use campaigns::{CampaignError, CampaignRecord};
pub use ceilings::{CeilingsError, LoweredCeilings};
pub use chats::{ChatNews, StoredMessage};
pub use customers::{
    Address, AttributeDefinition, AttributeKind, AttributeValue, ConsentRecord, CustomerError,
    CustomerExport, CustomerMatch, CustomerRow, CustomerSettings, ErasedCustomer, Happened, Hours,
    ImportFailure, ImportFormat, ImportRecord, ImportSettings, Intent, Link, Preferences, Product,
    ProfilePatch, Region, Relationship, TimelineEntry,
};
pub use error::{ReplayError, RolloutError, StartError, SubmitError};
pub use history::{InteractionFilter, JournalEntry, Listing};
pub use metering::{
    Level, Quota, QuotaExceeded, QuotaState, UsageError, UsageQuery, UsageRow, UsageStep, UsedFor,
};
pub use metrics::{Metrics, MetricsSnapshot};
pub use outbound::{OutboundCheck, OutboundError};
pub use platform::{
    Following, Platform, PlatformOptions, PluginOptions, StoreKind, TenantError, TenantRecord, secret_file,
    write_secret,
};
pub use records::{Erased, Names, RecordQuery};
// For the bench of what recording costs.
#[doc(hidden)]
pub use records::Recorder;
pub use replay::{Example, ReplayReport, ReplayRequest};
pub use responses::{Distribution, ResponseQuery, ResponseReport};
pub use rollout_moves::RolloutStatus;
pub use tenant::Tenant;
pub use visitors::{Visitor, Visitors};
