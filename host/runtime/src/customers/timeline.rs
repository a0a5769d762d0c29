//! What happened with a customer, on whatever channel, in one list.
//!
//! A row for each: key `{customer} {moment} {what}`, value sealed under the customer's key. Customers that were merged keep
//! their rows; a page is read of all of them at once, so that a merge moves nothing.

use std::sync::Arc;

use jackfield_contact::case::CaseChange;
use jackfield_contact::decision::{SurveyAnswer, TagChange};
use jackfield_store::Space;
use jackfield_types::{
    AgentId, CaseId, CategoryId, Channel, CustomerId, DecisionId, InteractionId, OpContext, QueueId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::profile::ConsentRecord;
use super::{CustomerError, read};
use crate::history::Listing;
use crate::merged::{Lanes, Placed};
use crate::tenant::Tenant;

pub(crate) const TIMELINE: Space = Space::new("customer-timeline");
/// Entries looked at for one page of a filtered timeline; a page may be short, and its cursor goes on.
const MAX_LOOKED_AT: usize = 2_000;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Happened {
    /// The customer was in touch, or an agent called.
    Interaction {
        /// Its id.
        interaction: InteractionId,
        /// How.
        channel: Channel,
        /// Whether an agent called; `agent` is none when nobody answered.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        outgoing: bool,
        /// Whether it is over.
        over: bool,
        /// Where it last waited.
        queue: Option<QueueId>,
        /// Who last served the customer.
        agent: Option<AgentId>,
        /// How long agents talked with the customer, in milliseconds.
        talked_ms: u64,
        /// Whether the customer gave up.
        abandoned: bool,
    },
    /// A survey question was answered.
    Survey {
        /// In which interaction.
        interaction: InteractionId,
        /// Question and answer.
        answer: SurveyAnswer,
    },
    /// An interaction was evaluated.
    Evaluation {
        /// Which.
        interaction: InteractionId,
        /// Weighted score, 0 to 100.
        score: Option<f64>,
    },
    /// Tags were changed: by a plugin, by hand, or because they ended.
    Tags {
        /// After which interaction.
        interaction: Option<InteractionId>,
        /// What changed: tags that are new or say something else, as they are now, and those that went.
        changes: Vec<TagChange>,
        /// The plugin with its version, the person, or `expiry`.
        by: Arc<str>,
        /// What the plugin wanted besides and did not get: names, and why (`manual`, `undefined`, `reserved`, `too-many` or
        /// `too-large`).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<(Arc<str>, Arc<str>)>,
        /// The record of the plugin's decision, when one was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<DecisionId>,
        /// What gave rise to it: `interaction`, `profile`, `intent`, `consent`, `run`, `manual` or `expiry`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occasion: Option<Arc<str>>,
    },
    /// Somebody wrote a note.
    Note {
        /// The text.
        text: Arc<str>,
        /// Who.
        by: Arc<str>,
    },
    /// Consent was given, refused or withdrawn.
    Consent {
        /// What was said.
        consent: ConsentRecord,
        /// Who recorded it.
        by: Arc<str>,
    },
    /// The customer wants to buy something.
    Intent {
        /// What.
        product: Arc<str>,
        /// How sure that is, 0 to 100.
        confidence: u8,
        /// How much it would be, in the minor unit of the tenant's currency.
        value: Option<u64>,
        /// How it was seen.
        note: Option<Arc<str>>,
        /// Who recorded it.
        by: Arc<str>,
    },
    /// Fields of the profile were changed.
    Profile {
        /// Which.
        fields: Vec<Arc<str>>,
        /// Who.
        by: Arc<str>,
    },
    /// Another customer was merged into this one.
    Merged {
        /// Which.
        from: CustomerId,
        /// Why, for people.
        why: Option<Arc<str>>,
        /// Who.
        by: Arc<str>,
    },
    /// Something happened with a case.
    Case {
        /// The case.
        case: CaseId,
        /// Its number.
        number: u64,
        /// Its category.
        category: CategoryId,
        /// What.
        change: CaseChange,
        /// What people wrote of it: the subject, a note, why.
        text: Option<Arc<str>>,
        /// Who.
        by: Arc<str>,
    },
    /// A merge was taken back.
    Unmerged {
        /// Of whom.
        from: CustomerId,
        /// Who.
        by: Arc<str>,
    },
}

impl Happened {
    /// Every kind.
    pub const KINDS: [&'static str; 11] = [
        "interaction",
        "survey",
        "evaluation",
        "tags",
        "note",
        "consent",
        "intent",
        "profile",
        "case",
        "merged",
        "unmerged",
    ];

    /// The kind's name: `interaction`, `survey`, `evaluation`, `tags`, `note`, `consent`, `intent`, `profile`, `case`, `merged`
    /// or `unmerged`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Interaction { .. } => "interaction",
            Self::Survey { .. } => "survey",
            Self::Evaluation { .. } => "evaluation",
            Self::Tags { .. } => "tags",
            Self::Note { .. } => "note",
            Self::Consent { .. } => "consent",
            Self::Intent { .. } => "intent",
            Self::Profile { .. } => "profile",
            Self::Merged { .. } => "merged",
            Self::Case { .. } => "case",
            Self::Unmerged { .. } => "unmerged",
        }
    }
}

/// `of` tells things of one moment apart; the same again replaces what was told.
pub(crate) fn timeline_key(customer: &CustomerId, at: Timestamp, of: &str) -> String {
    format!("{customer} {:020} {of}", at.0)
}

impl Tenant {
    /// What happened with a customer, and with all that were merged into it, newest first; of the wanted kinds, when some
    /// are named. `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// When there is no such customer, or the store refuses.
    pub async fn timeline(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        kinds: &[String],
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<TimelineEntry>, CustomerError> {
        let group = self.known_group(ctx, customer).await?;
        let prefixes = group.iter().map(|member| format!("{} ", member.head.id));
        let lanes = Lanes {
            space: TIMELINE,
            prefixes: prefixes.collect(),
            forward: false,
        };
        let (mut items, mut cursor, mut looked_at) = (Vec::new(), cursor, 0);
        loop {
            let (rows, rest) = lanes.page(self.store(), ctx, cursor.as_deref(), limit).await?;
            looked_at += rows.len();
            for Placed { place, lane, value } in rows {
                let Ok(text) = group[lane].key.open("timeline", &value) else {
                    return Err(read::unreadable("a timeline"));
                };
                let entry: TimelineEntry = crate::history::decode(&text)?;
                if kinds.is_empty() || kinds.iter().any(|kind| kind == entry.what.kind()) {
                    items.push(entry);
                    if items.len() == limit {
                        let next = rest.after(place);
                        return Ok(Listing { items, next });
                    }
                }
            }
            cursor = rest.cursor();
            if cursor.is_none() || looked_at >= MAX_LOOKED_AT {
                return Ok(Listing { items, next: cursor });
            }
        }
    }
}
