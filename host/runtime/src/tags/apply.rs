//! What becomes of the changes that a plugin proposes: each is applied, or left out with a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::decision::{Tag, TagChange};
use jackfield_store::Error as StoreError;
use jackfield_types::{CustomerId, InteractionId, Timestamp, limits};

use super::SEGMENT_PREFIX;
use super::definition::{TagDefinition, TagKind, UndefinedTags};
use super::held::{HeldTag, TagSource};
use crate::customers::{CustomerState, Happened, Ledger, TimelineEntry, unique};

/// By what changes are judged.
pub(crate) struct Rules {
    library: Arc<BTreeMap<Arc<str>, TagDefinition>>,
    undefined: UndefinedTags,
    now: Timestamp,
}

impl Rules {
    pub(crate) fn new(state: &CustomerState, now: Timestamp) -> Self {
        Self {
            library: state.tags.all(),
            undefined: state.settings.load().undefined_tags,
            now,
        }
    }

    /// Whether nothing was defined otherwise since.
    pub(crate) fn hold_still(&self, state: &CustomerState) -> bool {
        Arc::ptr_eq(&self.library, &state.tags.all())
            && self.undefined == state.settings.load().undefined_tags
    }

    /// Why a plugin may not change a tag of this name; `None`: it may.
    fn refuses(&self, name: &str) -> Option<&'static str> {
        if name.starts_with(SEGMENT_PREFIX) {
            return Some("reserved");
        }
        match (self.library.get(name), self.undefined) {
            (Some(found), _) if found.kind == TagKind::Manual => Some("manual"),
            (None, UndefinedTags::Refuse) => Some("undefined"),
            _ => None,
        }
    }

    fn ends(&self, tag: &Tag) -> Option<Timestamp> {
        match self.library.get(&tag.name) {
            Some(found) => found.ends(self.now, tag.expires_at),
            None => tag.expires_at,
        }
    }
}

/// What became of proposed changes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Applied {
    /// Tags that are new, or that say something else than before, as they are now; and those that went.
    pub(crate) changes: Vec<TagChange>,
    /// Tags that were only confirmed.
    pub(crate) refreshed: u32,
    /// Names that were left out, and why: `manual`, `undefined`, `reserved`, `too-many` or `too-large`.
    pub(crate) refused: Vec<(Arc<str>, &'static str)>,
}

impl Applied {
    /// Tags that are new or say something else.
    pub(crate) fn added(&self) -> u64 {
        let is_add = |change: &&TagChange| !matches!(change, TagChange::Expire(_));
        self.changes.iter().filter(is_add).count() as u64
    }

    /// Tags that went.
    pub(crate) fn removed(&self) -> u64 {
        self.changes.len() as u64 - self.added()
    }
}

/// Changes the tags of a customer and of all that count for it as a plugin proposes. What no longer holds counts as gone, and
/// stays for the sweep that tells of it.
pub(crate) async fn tag_customer(
    ledger: &mut Ledger<'_>,
    root: &CustomerId,
    changes: &[TagChange],
    source: &TagSource,
    rules: &Rules,
) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let group = ledger.group(root).await?;
    let mut held: Vec<(CustomerId, Vec<HeldTag>, bool)> = Vec::with_capacity(group.len());
    for id in group {
        if let Some(record) = ledger.record(&id).await? {
            held.push((id, record.personal.tags.clone(), false));
        }
    }
    for change in changes {
        let (TagChange::Add(Tag { name, .. })
        | TagChange::Refresh(Tag { name, .. })
        | TagChange::Expire(name)) = change;
        let by_hand = |tag: &HeldTag| tag.is_manual() && tag.holds(rules.now) && tag.name == *name;
        let protected = held.iter().any(|(_, tags, _)| tags.iter().any(by_hand));
        if let Some(why) = rules.refuses(name).or_else(|| protected.then_some("manual")) {
            applied.refused.push((name.clone(), why));
            continue;
        }
        propose(&mut held, change, source, rules, &mut applied);
    }
    for (id, tags, changed) in held {
        if !changed {
            continue;
        }
        let Some(record) = ledger.change(&id).await? else {
            continue;
        };
        let before = std::mem::replace(&mut record.personal.tags, tags);
        if !record.fits() {
            record.personal.tags = before;
            let names = std::mem::take(&mut applied.changes);
            applied.refreshed = 0;
            applied
                .refused
                .extend(names.into_iter().map(|change| match change {
                    TagChange::Add(tag) | TagChange::Refresh(tag) => (tag.name, "too-large"),
                    TagChange::Expire(name) => (name, "too-large"),
                }));
        }
    }
    Ok(applied)
}

/// What is said of a change in the timeline.
pub(crate) struct Told {
    /// Who proposed it.
    pub(crate) source: TagSource,
    /// What gave rise to it.
    pub(crate) occasion: &'static str,
    /// After which interaction.
    pub(crate) interaction: Option<InteractionId>,
}

/// [`tag_customer`], and tells the timeline where something came of it.
pub(crate) async fn apply_and_tell(
    ledger: &mut Ledger<'_>,
    rules: &Rules,
    root: &CustomerId,
    changes: &[TagChange],
    told: Told,
) -> Result<Applied, StoreError> {
    let mut applied = tag_customer(ledger, root, changes, &told.source, rules).await?;
    // What is refused again and again is told with an interaction, and else with what was changed.
    let telling = !applied.changes.is_empty() || (!applied.refused.is_empty() && told.interaction.is_some());
    if !telling {
        return Ok(applied);
    }
    let refused = applied.refused.iter();
    let what = Happened::Tags {
        interaction: told.interaction,
        changes: std::mem::take(&mut applied.changes),
        by: told.source.name(),
        refused: refused.map(|(name, why)| (name.clone(), (*why).into())).collect(),
        decision: told.source.decision(),
        occasion: Some(told.occasion.into()),
    };
    let entry = TimelineEntry { at: rules.now, what };
    ledger.tell(root, &format!("tags {}", unique()), &entry)?;
    if let Happened::Tags { changes, .. } = entry.what {
        applied.changes = changes;
    }
    Ok(applied)
}

/// The members of a group with their tags, and whether those were changed.
type Held = [(CustomerId, Vec<HeldTag>, bool)];

fn propose(held: &mut Held, change: &TagChange, source: &TagSource, rules: &Rules, applied: &mut Applied) {
    match change {
        TagChange::Add(tag) | TagChange::Refresh(tag) => {
            let holds = |known: &HeldTag| known.name == tag.name && known.holds(rules.now);
            let place = held
                .iter()
                .enumerate()
                .find_map(|(member, (_, tags, _))| Some((member, tags.iter().position(holds)?)));
            match place {
                Some((member, at)) => {
                    let (_, tags, changed) = &mut held[member];
                    let known = &mut tags[at];
                    let says_the_same = known.confidence == tag.confidence && known.reason == tag.reason;
                    *known = HeldTag {
                        confidence: tag.confidence,
                        reason: tag.reason.clone(),
                        expires_at: rules.ends(tag),
                        refreshed_at: Some(rules.now),
                        source: source.clone(),
                        ..known.clone()
                    };
                    *changed = true;
                    if says_the_same {
                        applied.refreshed += 1;
                    } else {
                        applied.changes.push(TagChange::Add(known.tag()));
                    }
                }
                None if matches!(change, TagChange::Refresh(_)) => {}
                None => {
                    let Some((_, tags, changed)) = held.first_mut() else {
                        return;
                    };
                    if tags.iter().filter(|known| known.holds(rules.now)).count() >= limits::MAX_TAGS {
                        applied.refused.push((tag.name.clone(), "too-many"));
                        return;
                    }
                    // One that has ended gives its place to the new one.
                    tags.retain(|known| known.name != tag.name);
                    let new = HeldTag {
                        expires_at: rules.ends(tag),
                        set_at: Some(rules.now),
                        source: source.clone(),
                        ..HeldTag::from(tag.clone())
                    };
                    applied.changes.push(TagChange::Add(new.tag()));
                    tags.push(new);
                    *changed = true;
                }
            }
        }
        // One that ends, ends for all that were merged.
        TagChange::Expire(name) => {
            let mut went = false;
            for (_, tags, changed) in held.iter_mut() {
                let before = tags.len();
                tags.retain(|known| known.name != *name || !known.holds(rules.now));
                if tags.len() < before {
                    (went, *changed) = (true, true);
                }
            }
            if went {
                applied.changes.push(TagChange::Expire(name.clone()));
            }
        }
    }
}
