//! What must be true of a centre after every step.

use std::collections::{BTreeMap, BTreeSet};

use jackfield_types::{AgentId, Channel, InteractionId, LegId, limits};

use super::super::{Asked, Centre};
use super::play::Play;
use crate::agent::AgentState;
use crate::chat::{Chat, ChatFlow};
use crate::decision::{ChatEvent, SegmentKind};
use crate::interaction::{Interaction, Live, Playing, Stage};
use crate::timer::TimerKey;

impl Play {
    pub(super) fn check(&self) {
        assert_eq!(
            durable(&self.shadow),
            durable(&self.centre),
            "the journal says the same"
        );
        self.check_agents();
        self.check_queues();
        self.check_asks_and_timers();
        for it in self.centre.interactions.values() {
            self.check_interaction(it);
        }
        self.check_segments();
    }

    fn armed(&self, key: &TimerKey) -> bool {
        self.centre.timers.is_armed(key)
    }

    fn check_agents(&self) {
        let mut free: BTreeMap<Channel, BTreeSet<_>> = BTreeMap::new();
        for (id, agent) in &self.centre.agents {
            for channel in Channel::ALL {
                if agent.is_free_for(channel) {
                    let idle_since = agent.idle_since(channel);
                    free.entry(channel).or_default().insert((idle_since, id.clone()));
                }
            }
            for (chat, channel) in &agent.chats {
                let it = &self.centre.interactions[chat];
                assert_eq!(it.channel, *channel);
                assert!(
                    matches!(&it.stage, Stage::Offered { agent, .. } | Stage::Talking { agent, .. } if agent == id),
                    "{id} has {chat} in hand: {it:#?}"
                );
            }
            let stage = agent.interaction.map(|id| &self.centre.interactions[&id].stage);
            match (&agent.state, stage) {
                (
                    AgentState::Reserved,
                    Some(Stage::Offered { agent, .. } | Stage::Dialling { agent, .. }),
                ) => {
                    assert_eq!(agent, id);
                }
                (AgentState::Talking, Some(Stage::Talking { agent, held, .. })) => {
                    assert!(agent == id && !held);
                }
                (AgentState::Hold, Some(Stage::Talking { agent, held, .. })) => assert!(agent == id && *held),
                (AgentState::WrapUp { .. }, Some(_)) => {
                    assert!(self.armed(&TimerKey::WrapUp(id.clone())), "after-call work ends");
                }
                (AgentState::Offline | AgentState::Available | AgentState::Break { .. }, None) => {
                    assert_eq!(agent.wanted, None);
                }
                (state, stage) => panic!("{id} is {state:?} with {stage:?}"),
            }
        }
        let mut known = self.centre.free.clone();
        known.retain(|_, free| !free.is_empty());
        assert_eq!(free, known, "who is free is known");
        let mut busy = BTreeSet::new();
        for it in self.centre.interactions.values() {
            if let Stage::Offered { agent, .. }
            | Stage::Dialling { agent, .. }
            | Stage::Talking { agent, .. } = &it.stage
            {
                if it.chat.is_some() {
                    assert!(self.centre.agents[agent].chats.contains_key(&it.id));
                    continue;
                }
                assert!(busy.insert(agent), "{agent} has two calls");
                assert_eq!(self.centre.agents[agent].interaction, Some(it.id));
            }
        }
    }

    fn check_queues(&self) {
        let mut expected: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for it in self.centre.interactions.values() {
            if let Some(work) = it.work() {
                expected
                    .entry(&work.queue)
                    .or_default()
                    .insert((work.since, it.id));
            }
        }
        for (id, queue) in &self.centre.queues {
            assert_eq!(queue.waiting, expected.remove(id).unwrap_or_default());
            let written = queue
                .waiting
                .iter()
                .filter(|(_, id)| self.centre.interactions[id].chat.is_some());
            assert_eq!(queue.written as usize, written.count());
            let waiting = queue.waiting.iter().map(|(_, id)| &self.centre.interactions[id]);
            let passed_over = waiting.filter_map(|it| it.passed_over_until(self.now)).min();
            let looked_at = self.centre.timers.due(&TimerKey::LookAgain(id.clone()));
            assert!(
                passed_over.is_none_or(|until| looked_at.is_some_and(|at| at <= until)),
                "who is passed over has another chance"
            );
            for ask in queue.asked.values() {
                assert!(matches!(&self.centre.asks[ask], Asked::Routing { queue, .. } if queue == id));
            }
            assert!(
                !queue.asked.is_empty() || !self.centre.dirty.contains(id),
                "what has changed is looked at"
            );
        }
        assert!(
            expected.is_empty(),
            "work waits in a queue that is gone: {expected:?}"
        );
    }

    fn check_asks_and_timers(&self) {
        for (ask, about) in &self.centre.asks {
            assert!(
                self.armed(&TimerKey::AskDeadline(*ask)),
                "a question is answered in time"
            );
            match about {
                Asked::Flow(id) => {
                    let asked = &self.centre.interactions[id].live.flow.asked;
                    assert_eq!(asked.as_ref().map(|(ask, _)| ask), Some(ask));
                }
                Asked::Chat(id) => {
                    let chat = self.centre.interactions[id].chat.as_ref();
                    // A flow that has failed meanwhile is not listened to.
                    let asked = chat.and_then(|chat| chat.flow.asked.as_ref());
                    assert!(asked.is_none_or(|(asked, _)| asked == ask));
                }
                Asked::AfterCall(id, _) => {
                    assert_eq!(self.centre.interactions[id].live.after.asked, Some(*ask));
                }
                Asked::Routing { .. } => {}
            }
        }
        let stage = |id: &InteractionId| self.centre.interactions.get(id).map(|it| &it.stage);
        for key in self.centre.timers.keys() {
            let of_something = match key {
                TimerKey::OfferTimeout(id) => {
                    matches!(stage(id), Some(Stage::Offered { .. } | Stage::Dialling { .. }))
                }
                TimerKey::MaxWait(id) | TimerKey::Progress(id) => {
                    matches!(stage(id), Some(Stage::Queued(_) | Stage::Offered { .. }))
                }
                TimerKey::Keypad(id) => self
                    .centre
                    .interactions
                    .get(id)
                    .is_some_and(|it| it.live.input.is_some()),
                TimerKey::Reply(id) => self.chat(id).is_some_and(|chat| chat.flow.awaits.is_some()),
                TimerKey::Typing(id) => self.chat(id).is_some_and(|chat| !chat.flow.later.is_empty()),
                TimerKey::Unanswered(id) => self.chat(id).is_some_and(|chat| chat.unanswered.is_some()),
                TimerKey::Idle(id) => {
                    self.chat(id).is_some() && !matches!(stage(id), None | Some(Stage::Ended))
                }
                TimerKey::Flow(id, _) => !matches!(stage(id), None | Some(Stage::Ended)),
                TimerKey::WrapUp(id) => self
                    .centre
                    .agents
                    .get(id)
                    .is_some_and(|agent| matches!(agent.state, AgentState::WrapUp { .. })),
                TimerKey::LookAgain(_) => true,
                TimerKey::AskDeadline(ask) => self.centre.asks.contains_key(ask),
                TimerKey::RetryAfterCall(id) | TimerKey::RecordingDue(id) => {
                    matches!(stage(id), Some(Stage::Ended))
                }
            };
            assert!(of_something, "{key:?} runs for nothing");
        }
    }

    fn chat(&self, id: &InteractionId) -> Option<&Chat> {
        self.centre.interactions.get(id)?.chat.as_deref()
    }

    fn check_chat(&self, it: &Interaction, chat: &Chat) {
        let (id, flow) = (it.id, &chat.flow);
        assert!(chat.customer_read <= chat.messages && chat.agent_read <= chat.messages);
        let busy = flow.asked.is_some() || !flow.later.is_empty();
        assert!(
            busy || flow.owed.is_empty(),
            "what the flow has to be told is told: {it:#?}"
        );
        assert!(flow.alive || !busy, "a flow that has failed does nothing");
        let due = |wanted: bool, key: TimerKey, what: &str| {
            assert_eq!(wanted, self.armed(&key), "{what}: {it:#?}");
        };
        let ended = it.stage == Stage::Ended;
        due(!flow.later.is_empty(), TimerKey::Typing(id), "it goes on");
        if !ended {
            assert!(self.armed(&TimerKey::Idle(id)), "it is closed some day");
        }
        for name in flow.timers.keys() {
            let key = TimerKey::Flow(id, name.clone());
            let told = ChatEvent::Timer(name.clone());
            assert!(self.armed(&key) || flow.owed.contains(&told), "{name} runs out");
        }
        if flow.awaits.is_some() {
            let heard = flow.owed.iter().any(|event| {
                matches!(
                    event,
                    ChatEvent::Received { .. }
                        | ChatEvent::Chosen(_)
                        | ChatEvent::NoReply
                        | ChatEvent::SurveyAnswered { .. }
                )
            });
            assert!(
                self.armed(&TimerKey::Reply(id)) || heard,
                "a reply is waited for: {it:#?}"
            );
        }
        match &it.stage {
            Stage::Flow => assert!(flow.alive, "nobody answers the customer: {it:#?}"),
            Stage::Queued(_) => {
                assert!(self.armed(&TimerKey::MaxWait(id)) && self.armed(&TimerKey::Progress(id)));
            }
            Stage::Offered { .. } => assert!(self.armed(&TimerKey::OfferTimeout(id))),
            Stage::Talking { .. } => {}
            Stage::Dialling { .. } => panic!("nobody dials in a written conversation"),
            Stage::Ended => {
                let after = &it.live.after;
                let retries = after.waiting_to_retry && self.armed(&TimerKey::RetryAfterCall(id));
                assert!(
                    flow.asked.is_some() || after.asked.is_some() || retries,
                    "will never be closed: {it:#?}"
                );
            }
        }
    }

    /// Nobody is left with nothing to wait for.
    fn check_interaction(&self, it: &Interaction) {
        if let Some(chat) = &it.chat {
            return self.check_chat(it, chat);
        }
        let id = it.id;
        let live = &it.live;
        let leg = self.legs.get(&LegId::customer(id));
        let hears = leg.is_some_and(|leg| leg.playing.is_some());
        let keypad = self.armed(&TimerKey::Keypad(id));
        if matches!(live.playing, Playing::Prompts(_)) && !matches!(it.stage, Stage::Ended) {
            assert!(hears || keypad, "{id}: nothing is played that could end");
        }
        match &it.stage {
            Stage::Flow => {
                let timers = self.centre.timers.count_flow(id);
                assert!(timers <= limits::MAX_FLOW_TIMERS);
                assert!(
                    !live.answered
                        || live.flow.asked.is_some()
                        || matches!(live.playing, Playing::Prompts(_))
                        || keypad
                        || timers > 0,
                    "nothing will happen any more: {it:#?}"
                );
                assert!(
                    !live.answered || live.flow.alive,
                    "a flow that has failed has no call"
                );
            }
            Stage::Queued(_) => {
                assert!(self.armed(&TimerKey::MaxWait(id)) && self.armed(&TimerKey::Progress(id)));
                assert!(hears || keypad, "silence while waiting: {it:#?}");
            }
            Stage::Offered { .. } => {
                assert!(self.armed(&TimerKey::OfferTimeout(id)) && self.armed(&TimerKey::MaxWait(id)));
                assert!(hears || keypad, "silence while a phone rings");
                assert!(live.agent_leg.is_some());
            }
            Stage::Dialling { .. } => {
                assert!(self.armed(&TimerKey::OfferTimeout(id)) && live.agent_leg.is_some());
            }
            Stage::Talking { .. } => assert!(live.agent_leg.is_some() && live.input.is_none()),
            Stage::Ended => {
                let after = &live.after;
                let waits = live.flow.asked.is_some()
                    || after.asked.is_some()
                    || (after.awaits_recording && self.armed(&TimerKey::RecordingDue(id)))
                    || (after.waiting_to_retry && self.armed(&TimerKey::RetryAfterCall(id)))
                    || it.is_running(SegmentKind::WrapUp);
                assert!(waits, "will never be closed: {it:#?}");
            }
        }
    }

    /// Time is neither lost nor counted twice, for customers and for agents.
    fn check_segments(&self) {
        let mut of_agents: BTreeMap<&AgentId, Vec<(u64, u64, SegmentKind)>> = BTreeMap::new();
        for it in self.closed.iter().chain(self.centre.interactions.values()) {
            let now = self.now.since(it.started_at);
            let mut of_customer = Vec::new();
            let (mut waited_ms, mut talked_ms) = (0, 0);
            for (index, segment) in it.segments.iter().enumerate() {
                let running = it.running.contains(&index);
                let end_ms = if running { now } else { segment.end_ms };
                assert!(segment.start_ms <= end_ms && end_ms <= now);
                let length_ms = if running { 0 } else { end_ms - segment.start_ms };
                match segment.kind {
                    SegmentKind::Queue => waited_ms += length_ms,
                    SegmentKind::Talk | SegmentKind::Hold => talked_ms += length_ms,
                    _ => {}
                }
                let begin = it.started_at.0 + segment.start_ms;
                let entry = (begin, it.started_at.0 + end_ms, segment.kind);
                match &segment.agent {
                    Some(_) if it.chat.is_some() => {}
                    Some(agent) => of_agents.entry(agent).or_default().push(entry),
                    None => assert!(matches!(
                        segment.kind,
                        SegmentKind::Ivr | SegmentKind::Queue | SegmentKind::Survey
                    )),
                }
                // Who is called waits for nothing: the first stretch is all that there is until they talk.
                let is_dialling = it.outgoing.is_some() && index == 0;
                if is_dialling || !matches!(segment.kind, SegmentKind::Ringing | SegmentKind::WrapUp) {
                    of_customer.push(entry);
                }
            }
            assert_eq!(it.waited_ms, waited_ms, "{it:#?}");
            if !matches!(it.stage, Stage::Talking { .. }) {
                assert_eq!(it.talked_ms, talked_ms, "{it:#?}");
            }
            let ended_at = it.ending.as_ref().map_or(self.now, |ending| ending.at);
            let mut at = it.started_at.0;
            for (begin, end, kind) in of_customer {
                assert_eq!(begin, at, "a gap or an overlap before {kind:?}: {it:#?}");
                at = end;
            }
            assert_eq!(at, ended_at.0, "the customer's time is told to its end: {it:#?}");
        }
        for (agent, mut segments) in of_agents {
            segments.sort_by_key(|(begin, end, _)| (*begin, *end));
            for pair in segments.windows(2) {
                assert!(
                    pair[0].1 <= pair[1].0,
                    "{agent} does two things at once: {pair:?}"
                );
            }
        }
    }

    pub(super) fn check_nothing_left(&self) {
        let left: Vec<_> = self.centre.interactions.values().collect();
        assert!(left.is_empty(), "not closed: {left:#?}");
        assert!(self.centre.asks.is_empty() && self.asks.is_empty());
        let timers: Vec<_> = self.centre.timers.keys().collect();
        assert!(timers.is_empty(), "{timers:?}");
        for (id, leg) in &self.legs {
            assert!(leg.over, "leg {id:?} is still up");
        }
        let ids: BTreeSet<_> = self.closed.iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), self.closed.len(), "closed once");
    }
}

/// What the journal has to give back of a chat flow: questions under way, and what only a moment tells, are not.
fn durable_flow(flow: &ChatFlow) -> ChatFlow {
    let mut flow = ChatFlow {
        asked: None,
        steps_at_once: 0,
        ..flow.clone()
    };
    // A reply that did not come in time is noticed again.
    flow.owed
        .retain(|event| event.is_journaled() && *event != ChatEvent::NoReply);
    flow
}

/// What the journal has to give back.
fn durable(centre: &Centre) -> impl PartialEq + std::fmt::Debug {
    let interactions: Vec<_> = centre
        .interactions
        .values()
        .map(|it| Interaction {
            live: Live::default(),
            chat: it.chat.clone().map(|mut chat| {
                chat.flow = durable_flow(&chat.flow);
                chat
            }),
            // That it was given up is not journaled: after a restart it is tried again.
            evaluated: false,
            tagged: false,
            ..it.clone()
        })
        .collect();
    let agents: Vec<_> = centre
        .agents
        .values()
        .map(|agent| {
            let state = (
                agent.state.clone(),
                agent.since,
                agent.interaction,
                agent.wanted.clone(),
                (agent.chats.clone(), agent.chatted_at),
            );
            (agent.config.clone(), state)
        })
        .collect();
    let queues: Vec<_> = centre
        .queues
        .values()
        .map(|queue| (queue.config.clone(), queue.waiting.clone()))
        .collect();
    (interactions, agents, queues, centre.numbers.clone())
}
