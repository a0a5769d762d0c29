//! After the call: the recording, then the scorecard, then the tags; each bounded in time and tries.

use std::sync::Arc;

use jackfield_types::{Digest, ExtensionPoint, InteractionId, PluginKind};

use super::flow::failure;
use super::{Asked, Step};
use crate::decision::{
    Answer, Failure, Provenance, Question, ScorecardQuestion, SegmentKind, TagQuestion, call_type,
};
use crate::event::Event;
use crate::interaction::{Interaction, Stage};
use crate::leg::Recording;
use crate::timer::TimerKey;

/// Tries before a scorecard or tagger is given up.
const MAX_TRIES: u32 = 6;
const FIRST_RETRY_MS: u64 = 5_000;

impl Step<'_> {
    pub(super) fn recording_stored(&mut self, id: InteractionId, digest: Digest, recording: &Recording) {
        if self.live(id).is_none() {
            return;
        }
        self.record(Event::RecordingStored {
            interaction: id,
            digest,
            started_at: recording.started_at,
            length_ms: recording.length_ms,
            speech: recording.speech,
        });
        self.one_recording_less(id);
    }

    pub(super) fn recording_failed(&mut self, id: InteractionId, problem: Arc<str>) {
        if self.live(id).is_none() {
            return;
        }
        self.record(Event::RecordingFailed {
            interaction: id,
            problem,
        });
        self.one_recording_less(id);
    }

    fn one_recording_less(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        it.live.recordings_due = it.live.recordings_due.saturating_sub(1);
        if it.live.recordings_due == 0 {
            self.recording_overdue(id);
        }
    }

    /// The recordings are there, or are not waited for any longer.
    pub(super) fn recording_overdue(&mut self, id: InteractionId) {
        self.disarm(&TimerKey::RecordingDue(id));
        if let Some(it) = self.live(id) {
            it.live.after.awaits_recording = false;
        }
        self.advance_after_call(id);
    }

    pub(super) fn retry_after_call(&mut self, id: InteractionId) {
        if let Some(it) = self.live(id) {
            it.live.after.waiting_to_retry = false;
        }
        self.advance_after_call(id);
    }

    /// Does the next thing that is due, when everything before it is done.
    pub(super) fn advance_after_call(&mut self, id: InteractionId) {
        let Some(it) = self.centre.interactions.get(&id) else {
            return;
        };
        let flow_busy = match &it.chat {
            Some(chat) => chat.flow.asked.is_some() || !chat.flow.owed.is_empty(),
            None => it.live.flow.asked.is_some() || !it.live.flow.backlog.is_empty(),
        };
        let after = it.live.after;
        if it.stage != Stage::Ended
            || flow_busy
            || after.awaits_recording
            || after.waiting_to_retry
            || after.asked.is_some()
            || it.is_running(SegmentKind::WrapUp)
        {
            return;
        }
        let (kind, question) = if !it.evaluated && it.can_be_scored() {
            (
                PluginKind::QaScorecard,
                Question::Scorecard(Box::new(scorecard_question(it))),
            )
        } else if !it.tagged && it.customer.is_some() {
            (
                PluginKind::TagGenerator,
                Question::Tags(Box::new(TagQuestion::after(it))),
            )
        } else {
            let closed = it.clone();
            self.record(Event::Closed { interaction: id });
            self.out.closed.push(closed);
            return;
        };
        let ask = self.ask(Asked::AfterCall(id, kind), ExtensionPoint::Tenant(kind), question);
        if let Some(it) = self.live(id) {
            it.live.after.asked = Some(ask);
        }
    }

    pub(super) fn after_call_decided(
        &mut self,
        id: InteractionId,
        kind: PluginKind,
        outcome: Result<(Answer, Provenance), Failure>,
    ) {
        let Some(it) = self.live(id) else { return };
        it.live.after.asked = None;
        match (kind, outcome) {
            (PluginKind::QaScorecard, Ok((Answer::Scorecard(evaluation), by))) if evaluation.is_finite() => {
                let (score, critical_score) = (evaluation.score(), evaluation.critical_score());
                self.record(Event::Evaluated {
                    interaction: id,
                    evaluation,
                    score,
                    critical_score,
                    by,
                });
                self.next_after_call(id);
            }
            (PluginKind::TagGenerator, Ok((Answer::Tags(changes), by))) => {
                if let Some(customer) = it.customer.clone() {
                    self.record(Event::Tagged {
                        interaction: id,
                        customer,
                        changes,
                        by,
                    });
                }
                self.next_after_call(id);
            }
            (_, Ok(_)) => {
                let failure = failure(
                    "invalid-answer",
                    "answer: expected one of the kind asked, with finite points",
                );
                self.after_call_failed(id, kind, failure);
            }
            (_, Err(failure)) => self.after_call_failed(id, kind, failure),
        }
    }

    fn after_call_failed(&mut self, id: InteractionId, kind: PluginKind, failure: Failure) {
        let Some(it) = self.live(id) else { return };
        it.live.after.tries += 1;
        let tries = it.live.after.tries;
        let unbound = &*failure.code == "no-binding";
        let give_up = unbound || tries >= MAX_TRIES;
        if !unbound {
            let fallback: Arc<str> = if give_up { "give-up" } else { "retry" }.into();
            self.record(Event::DecisionFailed {
                interaction: Some(id),
                queue: None,
                kind,
                failure,
                fallback,
            });
        }
        if give_up {
            if let Some(it) = self.live(id) {
                match kind {
                    PluginKind::QaScorecard => it.evaluated = true,
                    _ => it.tagged = true,
                }
            }
            self.next_after_call(id);
        } else {
            if let Some(it) = self.live(id) {
                it.live.after.waiting_to_retry = true;
            }
            self.arm(TimerKey::RetryAfterCall(id), FIRST_RETRY_MS << (tries - 1));
        }
    }

    fn next_after_call(&mut self, id: InteractionId) {
        if let Some(it) = self.live(id) {
            it.live.after.tries = 0;
        }
        self.advance_after_call(id);
    }
}

fn scorecard_question(it: &Interaction) -> ScorecardQuestion {
    ScorecardQuestion {
        interaction: it.id,
        channel: it.channel,
        call_type: call_type(&it.attributes, it.queue.as_ref()),
        started_at: it.started_at,
        ended_at: it.ending.as_ref().map_or(it.started_at, |ending| ending.at),
        agent: it.agent.clone(),
        segments: it.segments.clone(),
        speech: it.recording.as_ref().map(|recording| recording.speech),
        surveys: it.surveys.clone(),
        attributes: it.attributes.clone(),
    }
}
