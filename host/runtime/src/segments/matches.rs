//! Whether a customer is in a segment. What is in the profile is looked at first; the timeline is read only where it decides.

use std::sync::Arc;

use jackfield_contact::decision::Tag;
use jackfield_store::Scan;
use jackfield_types::{AttributeId, CustomerId, OpContext, Timestamp, limits};

use super::expression::{EventTest, Expression, Field, Node, Tests};
use super::record::Segment;
use crate::SubmitError;
use crate::customers::{AttributeValue, CustomerRow, Happened, Record, TIMELINE, TimelineEntry};
use crate::history::decode;
use crate::tags::SEGMENT_PREFIX;
use crate::tenant::Tenant;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A customer as conditions see it.
struct Seen<'a> {
    row: &'a CustomerRow,
    now: Timestamp,
    /// Attributes that anybody may see.
    open: &'a (dyn Fn(&AttributeId) -> bool + Sync),
}

impl Node {
    /// `None`: it depends on events that are not known yet.
    fn holds(&self, seen: &Seen<'_>, events: &[Option<bool>]) -> Option<bool> {
        let Seen { row, now, open } = *seen;
        match self {
            Self::All(parts) => joined(parts, seen, events, false),
            Self::Any(parts) => joined(parts, seen, events, true),
            Self::Not(part) => part.holds(seen, events).map(|holds| !holds),
            Self::Event(at) => events.get(*at).copied().flatten(),
            Self::Tag {
                name,
                min_confidence,
                set_within_days,
            } => Some(row.tags.iter().any(|tag| {
                tag.name == *name
                    && tag.holds(now)
                    && tag.confidence >= *min_confidence
                    && set_within_days
                        .is_none_or(|days| tag.set_at.is_some_and(|at| now.since(at) <= days * DAY_MS))
            })),
            Self::Attribute(id, tests) => {
                let value = row.attributes.get(id).filter(|_| open(id));
                Some(tests.hold(value.map(std::slice::from_ref).unwrap_or_default()))
            }
            Self::Field(field, tests) => Some(tests.hold(&field.of(row, now))),
            Self::Consent { purpose, channel, is } => Some(row.consent(purpose, *channel, now) == *is),
        }
    }
}

/// `decisive` settles it: one that holds for `any`, one that does not for `all`.
fn joined(parts: &[Node], seen: &Seen<'_>, events: &[Option<bool>], decisive: bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.holds(seen, events) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!decisive) }
}

impl Tests {
    /// Whether they hold of one of the values.
    fn hold(&self, values: &[AttributeValue]) -> bool {
        if let Some(exists) = self.exists
            && exists == values.is_empty()
        {
            return false;
        }
        let asks_more = *self
            != Self {
                exists: self.exists,
                ..Self::default()
            };
        !asks_more || values.iter().any(|value| self.holds(value))
    }

    fn holds(&self, value: &AttributeValue) -> bool {
        let number = |test: Option<f64>, holds: fn(f64, f64) -> bool| match (test, value) {
            (None, _) => true,
            (Some(test), AttributeValue::Number(value)) => holds(*value, test),
            (Some(_), _) => false,
        };
        let date = |test: &Option<Arc<str>>, holds: fn(&str, &str) -> bool| match (test, value) {
            (None, _) => true,
            // Dates are written so that texts have their order.
            (Some(test), AttributeValue::Text(value)) => holds(value, test),
            (Some(_), _) => false,
        };
        self.is.as_ref().is_none_or(|wanted| wanted.contains(value))
            && number(self.at_least, |value, test| value >= test)
            && number(self.at_most, |value, test| value <= test)
            && date(&self.from, |value, test| value >= test)
            && date(&self.until, |value, test| value <= test)
    }
}

impl Field {
    /// What is known; of products each.
    fn of(self, row: &CustomerRow, now: Timestamp) -> Vec<AttributeValue> {
        let text = |text: Option<&str>| text.map(|text| AttributeValue::Text(text.into()));
        let number = |number: u64| Some(AttributeValue::Number(number as f64));
        let days = |since: Timestamp| number(now.since(since) / DAY_MS);
        let one = match self {
            Self::Product => {
                let products = row.relationship.products.iter();
                return products
                    .map(|product| AttributeValue::Text(product.name.clone()))
                    .collect();
            }
            Self::Language => text(row.customer.language.as_deref()),
            Self::Channel => text(row.preferences.channel.map(|channel| channel.as_str())),
            Self::AccountManager => text(
                row.relationship
                    .account_manager
                    .as_ref()
                    .map(|agent| agent.as_str()),
            ),
            Self::LastAgent => text(row.last_agent.as_ref().map(|agent| agent.as_str())),
            Self::Interactions => number(row.interactions),
            Self::Products => number(row.relationship.products.len() as u64),
            Self::DaysSinceFirstContact => days(row.customer.first_seen_at),
            Self::DaysSinceLastContact => days(row.last_seen_at),
            Self::TenureDays => row.relationship.since.as_deref().and_then(|since| {
                let since: jiff::civil::Date = since.parse().ok()?;
                let since = since.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
                let since = u64::try_from(since.timestamp().as_millisecond()).unwrap_or(0);
                days(Timestamp(since))
            }),
        };
        one.into_iter().collect()
    }
}

impl Tenant {
    /// Whether a customer, who is given with all that count for it, is meant.
    pub(super) async fn is_meant(
        &self,
        ctx: &OpContext,
        expression: &Expression,
        group: &[Record],
        row: &CustomerRow,
        now: Timestamp,
    ) -> Result<bool, SubmitError> {
        let state = &self.inner.customers;
        let open = |id: &AttributeId| state.is_open(id);
        let mut events = vec![None; expression.events.len()];
        let mut next = 0;
        loop {
            let seen = Seen {
                row,
                now,
                open: &open,
            };
            if let Some(holds) = expression.root.holds(&seen, &events) {
                return Ok(holds);
            }
            let Some(test) = expression.events.get(next) else {
                return Ok(false);
            };
            events[next] = Some(self.happened(ctx, test, group, now).await?);
            next += 1;
        }
    }

    /// Whether something happened often enough; of a customer's timeline so many entries are looked at, the newest.
    async fn happened(
        &self,
        ctx: &OpContext,
        test: &EventTest,
        group: &[Record],
        now: Timestamp,
    ) -> Result<bool, SubmitError> {
        let since = Timestamp(now.0.saturating_sub(test.within_days * DAY_MS));
        let mut found = 0;
        for member in group {
            let id = &member.head.id;
            let range = Scan::range(format!("{id} {:020}", since.0), format!("{id}!"));
            let scan = range.reverse().limit(limits::MAX_SEGMENT_EVENTS);
            for row in self.store().scan(ctx, TIMELINE, scan).await?.rows {
                let Ok(text) = member.key.open("timeline", &row.value) else {
                    continue;
                };
                let entry: TimelineEntry = decode(&text)?;
                if entry.at > now || entry.what.kind() != &*test.kind {
                    continue;
                }
                let fits = match &entry.what {
                    // A call that nobody answered is no contact.
                    Happened::Interaction {
                        outgoing: true,
                        agent: None,
                        ..
                    } => false,
                    Happened::Interaction { channel, .. } => {
                        test.channel.is_none_or(|wanted| wanted == *channel)
                    }
                    Happened::Intent { product, .. } => {
                        test.product.as_ref().is_none_or(|wanted| wanted == product)
                    }
                    _ => true,
                };
                found += u64::from(fits);
                if found >= test.at_least {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The segments of those given that a customer is in.
    pub(crate) async fn segments_among(
        &self,
        ctx: &OpContext,
        segments: impl Iterator<Item = Arc<Segment>>,
        customer: &CustomerId,
        now: Timestamp,
    ) -> Result<Vec<Arc<Segment>>, SubmitError> {
        let group = self.group(ctx, customer).await?;
        let Some(row) = self.shown(group.clone()) else {
            return Ok(Vec::new());
        };
        let mut within = Vec::new();
        for segment in segments {
            if let Ok(expression) = &segment.expression
                && self.is_meant(ctx, expression, &group, &row, now).await?
            {
                within.push(segment);
            }
        }
        Ok(within)
    }

    /// Tags that say in which segments a customer is, of those that are shown to plugins.
    pub(crate) async fn segment_tags(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        now: Timestamp,
    ) -> Result<Vec<Tag>, SubmitError> {
        let shown = self.inner.customers.segments.shown();
        let within = self.segments_among(ctx, shown.into_iter(), customer, now).await?;
        let tag = |segment: Arc<Segment>| Tag {
            name: format!("{SEGMENT_PREFIX}{}", segment.id).into(),
            confidence: 100,
            reason: segment.name.clone(),
            expires_at: None,
        };
        Ok(within.into_iter().map(tag).collect())
    }
}
