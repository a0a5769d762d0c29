//! The segments of a tenant, as kept and as held in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::{AttributeId, NAME_EXPECTED, OpContext, SegmentId, Timestamp, is_name, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Expression;
use super::count::COUNTS;
use crate::customers::{CustomerError, CustomerState, Definitions, check_text, json};
use crate::tags::UndefinedTags;
use crate::tenant::Tenant;
use crate::{StartError, clock};

pub(super) const SEGMENTS: Space = Space::new("segments");
/// Segments that an error names; of more it says how many.
const NAMED: usize = 10;

/// What is wished of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDraft {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// For people, at most 2,048 bytes.
    pub description: Option<String>,
    /// Who is meant, as JSON.
    pub expression: Value,
    /// Whether plugins see who is in it, as the tag `segment:ID`.
    pub shown: bool,
}

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its id; it never changes.
    pub id: SegmentId,
    /// For people.
    pub name: Arc<str>,
    /// For people.
    pub description: Option<String>,
    /// Who is meant, as it was given.
    pub source: Value,
    /// Who is meant; or, when it asks for what there is not any more, what is wrong with it: then nobody is.
    pub expression: Result<Expression, Arc<str>>,
    /// Whether plugins see who is in it, as the tag `segment:ID`.
    pub shown: bool,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    id: SegmentId,
    name: Arc<str>,
    description: Option<String>,
    expression: Value,
    shown: bool,
    changed_at: Timestamp,
}

/// The segments as one tenant holds them in memory, by id.
#[derive(Default)]
pub(crate) struct Segments(ArcSwap<BTreeMap<SegmentId, Arc<Segment>>>);

impl Segments {
    /// Reads them; one that asks for an attribute that is gone says so, and nobody is in it.
    pub(crate) async fn load(
        store: &Store,
        ctx: &OpContext,
        state: &CustomerState,
    ) -> Result<(), StartError> {
        let mut all = BTreeMap::new();
        let definitions = state.definitions.load_full();
        for row in store.scan(ctx, SEGMENTS, Scan::all()).await?.rows {
            let record = |error| StartError::Record {
                what: "a segment".into(),
                error,
            };
            let stored: Stored = serde_json::from_slice(&row.value).map_err(record)?;
            let expression = read(&stored.expression, &definitions);
            if let Err(error) = &expression {
                tracing::warn!(tenant = %ctx.tenant, segment = %stored.id, %error, "nobody is in a segment");
            }
            let segment = stored.with(expression);
            all.insert(segment.id.clone(), Arc::new(segment));
        }
        state.segments.0.store(Arc::new(all));
        Ok(())
    }

    pub(super) fn get(&self, id: &SegmentId) -> Option<Arc<Segment>> {
        self.0.load().get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Segment>> {
        self.0.load().values().cloned().collect()
    }

    /// Those that plugins see.
    pub(super) fn shown(&self) -> Vec<Arc<Segment>> {
        let all = self.0.load();
        all.values().filter(|segment| segment.shown).cloned().collect()
    }

    /// Whether plugins see any.
    pub(crate) fn shows_any(&self) -> bool {
        self.0.load().values().any(|segment| segment.shown)
    }

    /// That none can't ask for an attribute any more once these definitions are in force.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`], which names those that can't.
    pub(crate) fn check(
        &self,
        attribute: &AttributeId,
        definitions: &Definitions,
    ) -> Result<(), CustomerError> {
        let all = self.0.load();
        let broken = all.values().filter_map(|segment| {
            let error = read(&segment.source, definitions).err()?;
            segment.expression.is_ok().then_some((&segment.id, error))
        });
        let broken: Vec<_> = broken.collect();
        let Some((first, error)) = broken.first() else {
            return Ok(());
        };
        let names: Vec<_> = broken.iter().take(NAMED).map(|(id, _)| id.as_str()).collect();
        let more = match broken.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = names.join(", ");
        Err(CustomerError::Conflict(format!(
            "attribute {attribute} is asked for by segments that this would leave without anybody: {named}{more}; change or \
             remove them first (segment {first}: {error})"
        )))
    }

    /// Reads the expressions anew, since an attribute is another now.
    pub(crate) fn read_again(&self, definitions: &Definitions) {
        self.change(|known| {
            for segment in known.values_mut() {
                let expression = read(&segment.source, definitions);
                if expression != segment.expression {
                    *segment = Arc::new(Segment {
                        expression,
                        ..Segment::clone(segment)
                    });
                }
            }
        });
    }

    fn change(&self, change: impl Fn(&mut BTreeMap<SegmentId, Arc<Segment>>)) {
        self.0.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            change(&mut known);
            known
        });
    }
}

fn read(source: &Value, definitions: &Definitions) -> Result<Expression, Arc<str>> {
    Expression::parse(source, definitions).map_err(|error| error.to_string().into())
}

impl Segment {
    /// Who is meant.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] when it asks for what there is not any more.
    pub fn meant(&self) -> Result<&Expression, CustomerError> {
        self.expression.as_ref().map_err(|why| {
            let id = &self.id;
            CustomerError::Conflict(format!(
                "segment {id} asks for what there is not any more, so nobody is in it: {why}; change it"
            ))
        })
    }
}

impl Stored {
    fn with(self, expression: Result<Expression, Arc<str>>) -> Segment {
        Segment {
            id: self.id,
            name: self.name,
            description: self.description,
            source: self.expression,
            expression,
            shown: self.shown,
            changed_at: self.changed_at,
        }
    }
}

impl Tenant {
    /// The segments, by id.
    pub fn segments(&self) -> Vec<Arc<Segment>> {
        self.inner.customers.segments.all()
    }

    /// One segment.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is none.
    pub fn segment(&self, id: &SegmentId) -> Result<Arc<Segment>, CustomerError> {
        let found = self.inner.customers.segments.get(id);
        found.ok_or_else(|| CustomerError::unknown("segment", id))
    }

    /// Reads an expression.
    ///
    /// # Errors
    /// [`CustomerError::Invalid`] with the path of what is wrong in it.
    pub fn expression(&self, value: &Value) -> Result<Expression, CustomerError> {
        if json(value)?.len() > limits::MAX_SEGMENT_BYTES {
            let most = limits::MAX_SEGMENT_BYTES;
            return Err(CustomerError::invalid(
                "expression",
                format!("expected at most {most} bytes"),
            ));
        }
        Expression::parse(value, &self.inner.customers.definitions.load())
    }

    /// The tags that a segment asks for and the library does not know: only a plugin may have given them.
    pub fn undefined_tags(&self, segment: &Segment) -> Vec<Arc<str>> {
        let expression = segment.expression.as_ref();
        expression.map_or_else(|_| Vec::new(), |expression| self.undefined_in(expression))
    }

    fn undefined_in(&self, expression: &Expression) -> Vec<Arc<str>> {
        let library = self.inner.customers.tags.all();
        let tags = expression.tags().into_iter();
        tags.filter(|tag| !library.contains_key(tag)).collect()
    }

    /// Makes a segment, or changes it; its count is forgotten when another expression is given.
    ///
    /// # Errors
    /// When a field or the expression is wrong, or there are as many as may be.
    pub async fn put_segment(
        &self,
        ctx: &OpContext,
        id: SegmentId,
        draft: SegmentDraft,
    ) -> Result<Arc<Segment>, CustomerError> {
        if !is_name(&draft.name) {
            return Err(CustomerError::invalid("name", NAME_EXPECTED));
        }
        if let Some(text) = &draft.description {
            check_text("description", text)?;
        }
        let _turn = self.inner.customers.defining.lock().await;
        let expression = self.expression(&draft.expression)?;
        let undefined = self.undefined_in(&expression);
        // Where the library says what tags there are, one that it does not know is nobody's.
        if let (Some(tag), UndefinedTags::Refuse) =
            (undefined.first(), self.customer_settings().undefined_tags)
        {
            return Err(CustomerError::invalid(
                "expression",
                format!(
                    "there is no tag {tag:?} in the library, which has all that there are (undefined_tags); define it first"
                ),
            ));
        }
        let segments = &self.inner.customers.segments;
        let known = segments.all();
        if known.len() >= limits::MAX_SEGMENTS && segments.get(&id).is_none() {
            return Err(CustomerError::TooMany {
                what: "segments",
                most: limits::MAX_SEGMENTS,
            });
        }
        let others = known.iter().filter(|segment| segment.shown && segment.id != id);
        if draft.shown && others.count() >= limits::MAX_SHOWN_SEGMENTS {
            return Err(CustomerError::TooMany {
                what: "segments that plugins see",
                most: limits::MAX_SHOWN_SEGMENTS,
            });
        }
        let stored = Stored {
            id,
            name: draft.name.into(),
            description: draft.description,
            expression: draft.expression,
            shown: draft.shown,
            changed_at: clock::now(),
        };
        let mut tx = Tx::new().put(SEGMENTS, stored.id.as_str(), json(&stored)?);
        let same = segments
            .get(&stored.id)
            .is_some_and(|before| before.source == stored.expression);
        if !same {
            tx = tx.delete(COUNTS, stored.id.as_str());
        }
        self.store().commit(ctx, tx).await?;
        let segment = Arc::new(stored.with(Ok(expression)));
        segments.change(|known| {
            known.insert(segment.id.clone(), segment.clone());
        });
        Ok(segment)
    }

    /// Removes a segment.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] while a campaign calls those who are in it.
    pub async fn remove_segment(&self, ctx: &OpContext, id: &SegmentId) -> Result<(), CustomerError> {
        self.segment(id)?;
        let campaigns = self.campaigns(ctx).await;
        let campaigns = campaigns.map_err(|error| crate::SubmitError::Unavailable(error.to_string()))?;
        if let Some(campaign) = campaigns
            .iter()
            .find(|campaign| campaign.segment.as_ref() == Some(id))
        {
            return Err(CustomerError::Conflict(format!(
                "campaign {} is for this segment; give it another one first",
                campaign.id
            )));
        }
        let tx = Tx::new()
            .delete(SEGMENTS, id.as_str())
            .delete(COUNTS, id.as_str());
        self.store().commit(ctx, tx).await?;
        self.inner.customers.segments.change(|known| {
            known.remove(id);
        });
        Ok(())
    }
}
