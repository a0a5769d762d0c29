//! One customer contact: what is durable about it, and what lives only while its call lives.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jackfield_types::{
    AgentId, CampaignId, Channel, CustomerId, Digest, E164, InteractionId, LegId, OfferId, QueueId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::chat::Chat;
use crate::decision::{FlowEvent, Gather, Need, Segment, SegmentKind, SurveyAnswer, SurveyQuestion};
use crate::effect::AskId;
use crate::event::{AbandonStage, EndedBy};
use crate::leg::{ActionId, Speech};

/// Where an interaction stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Stage {
    /// The flow has it: before the queue, or after the agent (survey).
    Flow,
    /// It waits.
    Queued(Work),
    /// It waits, and an agent's phone is being called.
    Offered {
        /// What waits.
        work: Work,
        /// The offer.
        offer: OfferId,
        /// To whom.
        agent: AgentId,
    },
    /// An agent calls the customer.
    Dialling {
        /// Who calls.
        agent: AgentId,
        /// Whether the agent has picked up, so that the customer's phone is called.
        picked_up: bool,
        /// Since when.
        since: Timestamp,
    },
    /// Customer and agent are connected.
    Talking {
        /// With whom.
        agent: AgentId,
        /// Since when.
        since: Timestamp,
        /// Whether the agent has put the customer on hold.
        held: bool,
    },
    /// The customer's part is over; scores and tags may be still to come.
    Ended,
}

/// What only a call that an agent makes has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Who calls.
    pub agent: AgentId,
    /// The queue in whose name: it says whether the call is recorded, and how long the work after it may take.
    pub queue: QueueId,
    /// What for, as the outbound rules were asked, 1 to 64 bytes.
    pub purpose: Arc<str>,
    /// The campaign, when it is part of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// The interaction that it is about, when it is a call back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<InteractionId>,
}

/// A piece of waiting work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Where.
    pub queue: QueueId,
    /// Since when.
    pub since: Timestamp,
    /// Skills asked for.
    pub needs: Vec<Need>,
    /// Higher goes first.
    pub priority: i32,
}

/// How an interaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When; of a call that was cut off the last moment of which it is known that it was there.
    pub at: Timestamp,
    /// Who ended it; rows of before have `None` where a restart did.
    pub by: Option<EndedBy>,
    /// Where the customer gave up, when before any agent answered.
    pub abandoned: Option<AbandonStage>,
}

/// A stored recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecording {
    /// The blob.
    pub digest: Digest,
    /// Its beginning.
    pub started_at: Timestamp,
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// What was heard.
    pub speech: Speech,
}

/// What is known of an interaction; rebuilt from the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its id.
    pub id: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// The caller as the network gave it; of a written conversation the customer's address on the channel.
    pub caller: Arc<str>,
    /// The caller's display name.
    pub caller_name: Option<Arc<str>>,
    /// The number called; none in a written conversation.
    pub number: Option<E164>,
    /// What only a written conversation has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Box<Chat>>,
    /// What only a call has that an agent makes; its `caller` is the customer who is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Box<Outgoing>>,
    /// When the phone of a customer was called whom an agent calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialled_at: Option<Timestamp>,
    /// Who the customer is, when known.
    pub customer: Option<CustomerId>,
    /// The agent of the customer's last conversation before this one.
    pub last_agent: Option<AgentId>,
    /// When it began.
    pub started_at: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// What flows and agents have set, in order.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// Its stretches; those still going on have their end at their start.
    pub segments: Vec<Segment>,
    /// The queue that it last waited in.
    pub queue: Option<QueueId>,
    /// The agent who last talked with the customer.
    pub agent: Option<AgentId>,
    /// Milliseconds waited in queues; a wait that goes on is not counted yet.
    pub waited_ms: u64,
    /// Milliseconds connected to agents, hold included; a conversation that goes on is not counted yet.
    pub talked_ms: u64,
    /// Survey answers.
    pub surveys: Vec<SurveyAnswer>,
    /// The recording, when it is stored.
    pub recording: Option<StoredRecording>,
    /// How it ended, when it has.
    pub ending: Option<Ending>,
    /// Whether the process that held its sockets died.
    pub orphaned: bool,
    /// The scorecard's weighted score.
    pub score: Option<f64>,
    /// Where it was cut off, when the process died.
    #[serde(skip)]
    pub(crate) cut_off: Option<CutOff>,
    /// Whether the scorecard has had its turn.
    #[serde(skip)]
    pub(crate) evaluated: bool,
    /// Whether the tagger has had its turn.
    #[serde(skip)]
    pub(crate) tagged: bool,
    /// Indices of the segments that are still going on.
    #[serde(skip)]
    pub(crate) running: Vec<usize>,
    #[serde(skip)]
    pub(crate) next_offer: u16,
    #[serde(skip)]
    pub(crate) live: Live,
}

/// Where the death of the process cut a call off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutOff {
    /// The last moment of which it is known that the call was there.
    pub(crate) at: Timestamp,
    /// Whether customer and agent were connected.
    pub(crate) talking: bool,
}

/// What a call needs only while it lives. Not journaled: when the process dies, so do its sockets.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Live {
    pub(crate) next_action: ActionId,
    pub(crate) next_leg: u16,
    pub(crate) agent_leg: Option<LegId>,
    pub(crate) flow: FlowSession,
    pub(crate) input: Option<KeypadInput>,
    pub(crate) typed_ahead: String,
    pub(crate) hang_up_after_play: bool,
    pub(crate) playing: Playing,
    /// Whether the customer's leg has been answered.
    pub(crate) answered: bool,
    /// Whether the phone of the offer at hand has been reported to ring.
    pub(crate) ringing: bool,
    pub(crate) recording: bool,
    /// Recordings begun and not stored yet.
    pub(crate) recordings_due: u32,
    /// Agents who are not offered it, each until a moment.
    pub(crate) passed_over: BTreeMap<AgentId, Timestamp>,
    pub(crate) overflow_hops: u8,
    pub(crate) after: AfterCall,
}

/// What the customer's leg is playing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Playing {
    #[default]
    Nothing,
    /// Prompts of the flow; when this order ends, the flow is told.
    Prompts(ActionId),
    /// Prompts that end in hold music, or hold music alone.
    Waiting,
}

/// The flow's side of the call.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FlowSession {
    /// Whether a flow answers for this call; false after its failure.
    pub(crate) alive: bool,
    pub(crate) state: Vec<u8>,
    pub(crate) asked: Option<(AskId, FlowEvent)>,
    pub(crate) backlog: VecDeque<FlowEvent>,
    pub(crate) steps_at_once: u32,
}

/// Digits being taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeypadInput {
    pub(crate) digits: String,
    pub(crate) wants: Wants,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wants {
    Digits {
        max_digits: u8,
        terminator: Option<char>,
        first_digit_ms: u64,
        between_digits_ms: u64,
    },
    Survey(SurveyQuestion),
}

impl From<&Gather> for Wants {
    fn from(gather: &Gather) -> Self {
        Self::Digits {
            max_digits: gather.max_digits,
            terminator: gather.terminator,
            first_digit_ms: gather.first_digit_ms,
            between_digits_ms: gather.between_digits_ms,
        }
    }
}

/// What is still to be done after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AfterCall {
    pub(crate) awaits_recording: bool,
    pub(crate) asked: Option<AskId>,
    pub(crate) tries: u32,
    pub(crate) waiting_to_retry: bool,
}

impl Interaction {
    /// Whether a flow answers for the customer's side; false after its failure.
    pub(crate) fn has_flow(&self) -> bool {
        self.chat
            .as_ref()
            .map_or(self.live.flow.alive, |chat| chat.flow.alive)
    }

    /// Whether the customer gave up before any agent answered.
    pub fn abandoned(&self) -> bool {
        self.ending
            .as_ref()
            .is_some_and(|ending| ending.abandoned.is_some())
    }

    /// Whether a scorecard has something to go by: of a conversation that was cut off not even its length is known, unless
    /// something of it was kept.
    pub(crate) fn can_be_scored(&self) -> bool {
        let lost = self.cut_off.is_some_and(|cut_off| cut_off.talking);
        self.agent.is_some() && (!lost || self.recording.is_some() || !self.surveys.is_empty())
    }

    pub(crate) fn open(
        &mut self,
        kind: SegmentKind,
        agent: Option<AgentId>,
        queue: Option<QueueId>,
        at: Timestamp,
    ) {
        let start_ms = at.since(self.started_at);
        self.running.push(self.segments.len());
        self.segments.push(Segment {
            kind,
            agent,
            queue,
            start_ms,
            end_ms: start_ms,
        });
    }

    /// Ends the stretch of a kind that is going on, of this agent when one is given.
    pub(crate) fn close(&mut self, kind: SegmentKind, agent: Option<&AgentId>, at: Timestamp) {
        let wanted =
            |segment: &Segment| segment.kind == kind && (agent.is_none() || segment.agent.as_ref() == agent);
        if let Some(place) = self
            .running
            .iter()
            .position(|&index| wanted(&self.segments[index]))
        {
            let index = self.running.swap_remove(place);
            self.end(index, at);
        }
    }

    /// Ends whatever stretches are still going on, the agents' after-call work excepted.
    pub(crate) fn close_all(&mut self, at: Timestamp) {
        for kind in [
            SegmentKind::Ivr,
            SegmentKind::Queue,
            SegmentKind::Ringing,
            SegmentKind::Talk,
            SegmentKind::Hold,
            SegmentKind::Survey,
        ] {
            self.close(kind, None, at);
        }
    }

    fn end(&mut self, index: usize, at: Timestamp) {
        let end_ms = at.since(self.started_at);
        let segment = &mut self.segments[index];
        segment.end_ms = end_ms.max(segment.start_ms);
        let says_nothing = matches!(segment.kind, SegmentKind::Ivr | SegmentKind::Survey)
            && segment.end_ms == segment.start_ms;
        if says_nothing {
            self.segments.remove(index);
            for later in self.running.iter_mut().filter(|running| **running > index) {
                *later -= 1;
            }
        }
    }

    /// Whether a stretch of this kind is going on.
    pub(crate) fn is_running(&self, kind: SegmentKind) -> bool {
        self.running
            .iter()
            .any(|&index| self.segments[index].kind == kind)
    }

    pub(crate) fn set_attribute(&mut self, key: &Arc<str>, value: &Arc<str>) {
        match self.attributes.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => old.clone_from(value),
            None => self.attributes.push((key.clone(), value.clone())),
        }
    }

    /// Milliseconds waited in queues until `now`, with the wait that goes on.
    pub fn waited_ms_by(&self, now: Timestamp) -> u64 {
        self.waited_ms + self.work().map_or(0, |work| now.since(work.since))
    }

    /// Milliseconds connected to agents until `now`, with the conversation that goes on.
    pub fn talked_ms_by(&self, now: Timestamp) -> u64 {
        match &self.stage {
            Stage::Talking { since, .. } => self.talked_ms + now.since(*since),
            _ => self.talked_ms,
        }
    }

    /// For how many milliseconds more this agent is not offered it.
    pub(crate) fn passed_over_ms(&self, agent: &AgentId, now: Timestamp) -> u64 {
        let until = self.live.passed_over.get(agent);
        until.map_or(0, |until| until.since(now))
    }

    /// When the first of those who are not offered it now may be offered it again.
    pub(crate) fn passed_over_until(&self, now: Timestamp) -> Option<Timestamp> {
        let all = self.live.passed_over.values();
        all.filter(|until| **until > now).min().copied()
    }

    pub(crate) fn work(&self) -> Option<&Work> {
        match &self.stage {
            Stage::Queued(work) | Stage::Offered { work, .. } => Some(work),
            _ => None,
        }
    }
}
