//! The loop: one bounded inbox per tenant; commits, then carries effects out (floor 4).
//!
//! [`Platform`] composes store, sandbox, registry and voice; [`Tenant`] is the handle to one tenant's loop. What
//! happens goes one way: datagram, request, timer or decision → input → the core decides → its events are durable →
//! its effects are carried out → their results come back as inputs.

#![forbid(unsafe_code)]

mod accounts;
mod admission;
mod assist;
mod attachments;
mod attempts;
mod breaker;
mod calls;
mod campaigns;
mod cases;
mod ceilings;
mod centre_loop;
mod channels;
mod chats;
mod clock;
mod customers;
mod decide;
mod directory;
mod error;
mod flows;
mod greetings;
mod history;
mod identify;
mod idle;
mod knowledge;
mod merged;
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
mod rounds;
mod segments;
mod tags;
mod tenant;
mod typing;
mod visitors;
mod zones;

pub use accounts::{AccountError, Accounts, Identity, KeyRecord, NewKey, UserRecord};
pub use assist::{Suggested, Suggestions};
pub use attachments::{
    Attaching, Attachment, AttachmentError, AttachmentUpload, LinkedAttachment, OpenAttachment, refusal,
};
pub use attempts::AttemptRecord;
pub use calls::{CallError, CallWanted};
pub use campaigns::{CampaignError, CampaignRecord};
pub use cases::{
    Assistance, AssistanceWant, AssistanceWhat, Case, CaseCategory, CaseFilter, CaseNote, EscalationStep,
    HandOver, LinkSettings, NewCase, Notice, Outcome, Outlet, Promise, StatusChange, assistance_url,
};
pub use ceilings::{CeilingsError, LoweredCeilings};
pub use channels::{
    ChannelError, ChannelRecord, ChannelSettings, DeliveryState, EmailSettings, Encoding, HashAlgorithm,
    MailHouse, MediaAccess, MessageDelivery, ProviderAccess, ProviderCall, ProviderReply, RelaySecurity,
    RelaySettings, TokenField, TokenMethod, TokenSource, Verification,
};
pub use chats::{ChatNews, StoredMessage};
pub use customers::{
    Address, AttributeDefinition, AttributeKind, AttributeValue, ConsentRecord, CustomerError,
    CustomerExport, CustomerMatch, CustomerRow, CustomerSettings, ErasedCustomer, Happened, Hours,
    ImportFailure, ImportFormat, ImportRecord, ImportSettings, Intent, Link, Preferences, Product,
    ProfilePatch, Quotes, Region, Relationship, TimelineEntry,
};
pub use error::{ReplayError, RolloutError, StartError, SubmitError};
pub use history::{InteractionFilter, JournalEntry, Listing};
pub use identify::{IdentifyError, IdentityLink};
pub use knowledge::{
    ArticleRecord, ArticleState, ArticleText, ArticleUse, ArticleUses, ArticleVersion, Audience, Filling,
    KnowledgeError, KnowledgeFound, KnowledgeSearch, KnowledgeSettings, Piece, ReplyTemplate, Signed, Whose,
};
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

pub use segments::{Expression, Segment, SegmentCount, SegmentDraft, SegmentPage};
pub use tags::{
    HeldTag, ManualTag, TagColour, TagCounts, TagDefinition, TagKind, TagReceipt, TagRun, TagRunState,
    TagSchedule, TagSource, TagTitles, UndefinedTags,
};
pub use tenant::Tenant;
pub use typing::CustomerTyping;
pub use visitors::{Visitor, Visitors};
