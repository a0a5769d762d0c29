//! One trace per interaction: the whole, its stretches, and every decision that a plugin made about it.
//!
//! Nothing in it tells who the customer is or what they entered; failures are told by their codes, since a plugin's
//! message may say anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_contact::decision::{Segment, SegmentKind};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_runtime::JournalEntry;
use jackfield_types::{TenantId, Timestamp};
use opentelemetry::trace::{
    Event as SpanEvent, Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::decision::{Decision, Failed, word};
use super::ids::{Part, with_ids};

/// A span under the root.
struct Child {
    part: Part,
    name: String,
    start: SystemTime,
    end: SystemTime,
    attributes: Vec<KeyValue>,
    /// The code of what failed.
    failed: Option<String>,
}

/// Tells the trace of a closed interaction from what the journal has of it.
pub(super) fn tell(tracer: &SdkTracer, tenant: &TenantId, it: &Interaction, entries: &[JournalEntry]) {
    let start = time(it.started_at);
    let stretches = it
        .segments
        .iter()
        .enumerate()
        .map(|(index, segment)| stretch(it, index, segment));
    let decisions = entries.iter().filter_map(|entry| decision(start, entry));
    let children: Vec<_> = stretches.chain(decisions).collect();
    let closed = entries.last().map_or(it.started_at, |entry| entry.recorded.at);
    let end = children
        .iter()
        .map(|child| child.end)
        .fold(time(closed), SystemTime::max);

    let root = SpanBuilder {
        start_time: Some(start),
        span_kind: Some(SpanKind::Server),
        attributes: Some(facts(tenant, it)),
        events: Some(entries.iter().filter_map(happening).collect()),
        ..SpanBuilder::from_name("interaction")
    };
    let mut root = with_ids(it.id, Part::Root, || {
        tracer.build_with_context(root, &Context::new())
    });
    if it.orphaned {
        root.set_status(Status::error("orphaned"));
    }
    let under_root = Context::new().with_remote_span_context(root.span_context().clone());
    for child in children {
        let builder = SpanBuilder {
            start_time: Some(child.start),
            attributes: Some(child.attributes),
            ..SpanBuilder::from_name(child.name)
        };
        let mut span = with_ids(it.id, child.part, || {
            tracer.build_with_context(builder, &under_root)
        });
        if let Some(code) = child.failed {
            span.set_status(Status::error(code));
        }
        span.end_with_timestamp(child.end);
    }
    root.end_with_timestamp(end);
}

fn stretch(it: &Interaction, index: usize, segment: &Segment) -> Child {
    let mut attributes = Vec::new();
    if let Some(queue) = &segment.queue {
        attributes.push(KeyValue::new("jackfield.queue", queue.to_string()));
    }
    if let Some(agent) = &segment.agent {
        attributes.push(KeyValue::new("jackfield.agent", agent.to_string()));
    }
    let name = match segment.kind {
        SegmentKind::Queue => "queue waiting".into(),
        kind => word(&kind),
    };
    let (start, end) = (
        time(it.started_at + segment.start_ms),
        time(it.started_at + segment.end_ms),
    );
    Child {
        part: Part::Stretch(index),
        name,
        start,
        end,
        attributes,
        failed: None,
    }
}

fn decision(earliest: SystemTime, entry: &JournalEntry) -> Option<Child> {
    let event = &entry.recorded.event;
    let Decision { kind, result } = Decision::of(event)?;
    let end = time(entry.recorded.at);
    let mut attributes = vec![KeyValue::new("jackfield.plugin.kind", kind.as_str())];
    match event {
        Event::FlowDecided { on, .. } => attributes.push(KeyValue::new("jackfield.flow.event", word(on))),
        Event::Offered { queue, agent, .. } => {
            attributes.push(KeyValue::new("jackfield.queue", queue.to_string()));
            attributes.push(KeyValue::new("jackfield.agent", agent.to_string()));
        }
        Event::Evaluated {
            score: Some(score), ..
        } => attributes.push(KeyValue::new("jackfield.score", *score)),
        Event::Tagged { changes, .. } => {
            attributes.push(KeyValue::new("jackfield.tag.changes", changes.len() as i64))
        }
        _ => {}
    }
    let (mut start, mut failed) = (end, None);
    match result {
        Ok(by) => {
            // The journal's times are whole milliseconds, so a short decision could seem older than its call.
            start = end
                .checked_sub(Duration::from_micros(by.wall_us))
                .map_or(earliest, |start| start.max(earliest));
            attributes.extend([
                KeyValue::new("jackfield.plugin.id", by.plugin.to_string()),
                KeyValue::new("jackfield.plugin.version", by.version.to_string()),
                KeyValue::new("jackfield.plugin.digest", by.digest.to_string()),
                KeyValue::new("jackfield.decision.fuel", by.fuel as i64),
                KeyValue::new("jackfield.decision.wall_us", by.wall_us as i64),
                KeyValue::new("jackfield.decision.outcome", "ok"),
            ]);
        }
        Err(Failed { failure, fallback }) => {
            attributes.extend([
                KeyValue::new("jackfield.decision.outcome", "failed"),
                KeyValue::new("error.type", failure.code.to_string()),
                KeyValue::new("jackfield.decision.fallback", fallback.to_owned()),
            ]);
            failed = Some(failure.code.to_string());
        }
    }
    Some(Child {
        part: Part::Decision(entry.seq),
        name: format!("plugin {kind}"),
        start,
        end,
        attributes,
        failed,
    })
}

/// What is said of the whole.
fn facts(tenant: &TenantId, it: &Interaction) -> Vec<KeyValue> {
    let outcome = match () {
        () if it.orphaned => "orphaned",
        () if it.abandoned() => "abandoned",
        () if it.agent.is_some() => "handled",
        () => "self-service",
    };
    let mut facts = vec![
        KeyValue::new("jackfield.tenant", tenant.to_string()),
        KeyValue::new("jackfield.interaction", it.id.to_string()),
        KeyValue::new("jackfield.channel", word(&it.channel)),
        KeyValue::new("jackfield.outcome", outcome),
        KeyValue::new("jackfield.waited_ms", it.waited_ms as i64),
        KeyValue::new("jackfield.talked_ms", it.talked_ms as i64),
    ];
    let ending = it.ending.as_ref();
    let optional = [
        ("jackfield.number", it.number.as_ref().map(ToString::to_string)),
        (
            "jackfield.chat_entry",
            it.chat.as_ref().map(|chat| chat.entry.to_string()),
        ),
        ("jackfield.queue", it.queue.as_ref().map(ToString::to_string)),
        ("jackfield.agent", it.agent.as_ref().map(ToString::to_string)),
        (
            "jackfield.ended_by",
            ending.and_then(|ending| ending.by).map(|by| word(&by)),
        ),
        (
            "jackfield.abandoned.stage",
            ending
                .and_then(|ending| ending.abandoned)
                .map(|stage| word(&stage)),
        ),
    ];
    facts.extend(
        optional
            .into_iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key, value?))),
    );
    facts.extend(it.score.map(|score| KeyValue::new("jackfield.score", score)));
    facts
}

/// Moments within the whole that no span tells.
fn happening(entry: &JournalEntry) -> Option<SpanEvent> {
    let (name, attributes) = match &entry.recorded.event {
        Event::LeftQueue { queue, reason, .. } => (
            "left-queue",
            vec![
                KeyValue::new("jackfield.queue", queue.to_string()),
                KeyValue::new("jackfield.reason", word(reason)),
            ],
        ),
        Event::OfferFailed { agent, reason, .. } => (
            "offer-failed",
            vec![
                KeyValue::new("jackfield.agent", agent.to_string()),
                KeyValue::new("jackfield.reason", word(reason)),
            ],
        ),
        Event::PromptFailed { .. } => ("prompt-failed", Vec::new()),
        Event::RecordingFailed { .. } => ("recording-failed", Vec::new()),
        Event::RecordingStored { length_ms, .. } => (
            "recording-stored",
            vec![KeyValue::new("jackfield.length_ms", *length_ms as i64)],
        ),
        Event::InteractionEnded { cause, .. } => {
            ("ended", vec![KeyValue::new("jackfield.cause", word(cause))])
        }
        Event::Orphaned { .. } => ("orphaned", Vec::new()),
        _ => return None,
    };
    Some(SpanEvent::new(name, time(entry.recorded.at), attributes, 0))
}

fn time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.0)
}
