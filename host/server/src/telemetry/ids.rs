//! Ids that follow from the journal: told twice, a trace is the same trace.

use std::cell::Cell;

use jackfield_types::InteractionId;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Which span of an interaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The whole.
    Root,
    /// The stretch with this index.
    Stretch(usize),
    /// The decision told by the journal entry with this number.
    Decision(u64),
}

/// Gives the ids that [`with_ids`] has set, else random ones.
#[derive(Debug, Default)]
pub(super) struct JournalIds(RandomIdGenerator);

impl IdGenerator for JournalIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get()
            .map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// Runs `start`, which starts one span, with the ids of this part of an interaction.
pub(super) fn with_ids<R>(interaction: InteractionId, part: Part, start: impl FnOnce() -> R) -> R {
    NEXT.set(Some((
        TraceId::from(interaction.as_u128()),
        span_id(interaction, part),
    )));
    let started = start();
    NEXT.set(None);
    started
}

/// Different for every part of one interaction: an odd factor maps different numbers to different numbers.
fn span_id(interaction: InteractionId, part: Part) -> SpanId {
    let number = match part {
        Part::Root => 0,
        Part::Stretch(index) => 2 * index as u64 + 1,
        Part::Decision(seq) => 2 * seq + 2,
    };
    SpanId::from(interaction.as_u128() as u64 ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_of_an_interaction_have_ids_of_their_own_that_stay() {
        let interaction: InteractionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let parts = (0..500)
            .flat_map(|n| [Part::Stretch(n), Part::Decision(n as u64)])
            .chain([Part::Root]);
        let ids: HashSet<_> = parts.map(|part| span_id(interaction, part)).collect();
        assert_eq!(ids.len(), 1_001);
        assert!(ids.contains(&span_id(interaction, Part::Decision(7))));

        let ids = JournalIds::default();
        let set = with_ids(interaction, Part::Root, || {
            (ids.new_trace_id(), ids.new_span_id())
        });
        assert_eq!(
            set,
            (
                TraceId::from(interaction.as_u128()),
                SpanId::from(0xbcce_b302_099a_8057)
            )
        );
        assert_ne!(ids.new_trace_id(), set.0);
    }
}
