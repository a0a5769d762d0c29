//! What happened with a customer, on whatever channel, in one list.
//!
//! A row for each: key `{customer} {moment} {what}`, value sealed under the customer's key. Customers that were merged keep
//! their rows; a page is read of all of them at once, so that a merge moves nothing.

use std::sync::Arc;

use jackfield_contact::decision::{SurveyAnswer, TagChange};
use jackfield_store::{Scan, Space};
use jackfield_types::{AgentId, Channel, CustomerId, InteractionId, OpContext, QueueId, Timestamp};
use serde::{Deserialize, Serialize};

use super::profile::ConsentRecord;
use super::{CustomerError, read};
use crate::history::Listing;
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
    /// The customer was in touch.
    Interaction {
        /// Its id.
        interaction: InteractionId,
        /// How.
        channel: Channel,
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
    /// Tags were changed by a plugin.
    Tags {
        /// After which interaction.
        interaction: Option<InteractionId>,
        /// The changes.
        changes: Vec<TagChange>,
        /// The plugin.
        by: Arc<str>,
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
    /// A merge was taken back.
    Unmerged {
        /// Of whom.
        from: CustomerId,
        /// Who.
        by: Arc<str>,
    },
}

impl Happened {
    /// The kind's name: `interaction`, `survey`, `evaluation`, `tags`, `note`, `consent`, `intent`, `profile`, `merged` or
    /// `unmerged`.
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
        let (mut items, mut cursor, mut looked_at) = (Vec::new(), cursor, 0);
        loop {
            let mut rows = Vec::new();
            let mut more = false;
            for member in &group {
                let prefix = format!("{} ", member.head.id);
                let after = cursor
                    .as_ref()
                    .map(|cursor| format!("{prefix}{cursor}").into_bytes());
                let scan = Scan::prefix(prefix.clone()).reverse().after(after).limit(limit);
                let page = self.store().scan(ctx, TIMELINE, scan).await?;
                more |= page.next.is_some();
                rows.extend(page.rows.into_iter().map(|row| {
                    let place = String::from_utf8_lossy(&row.key[prefix.len()..]).into_owned();
                    (place, member, row.value)
                }));
            }
            rows.sort_by(|one, other| other.0.cmp(&one.0));
            more |= rows.len() > limit;
            rows.truncate(limit);
            looked_at += rows.len();
            let last = rows.last().map(|(place, ..)| place.clone());
            for (place, member, sealed) in rows {
                let Ok(text) = member.key.open("timeline", &sealed) else {
                    return Err(read::unreadable("a timeline"));
                };
                let entry: TimelineEntry = crate::history::decode(&text)?;
                if kinds.is_empty() || kinds.iter().any(|kind| kind == entry.what.kind()) {
                    items.push(entry);
                    if items.len() == limit {
                        let next = (more || Some(&place) != last.as_ref()).then_some(place);
                        return Ok(Listing { items, next });
                    }
                }
            }
            cursor = last.filter(|_| more);
            if cursor.is_none() || looked_at >= MAX_LOOKED_AT {
                return Ok(Listing { items, next: cursor });
            }
        }
    }
}
