//! Random steps, carried out by a voice side and plugins that do anything they can.

use std::collections::{BTreeMap, BTreeSet};

use jackfield_types::{
    AgentId, Channel, ChatEntryId, CustomerId, Digest, E164, ExtensionPoint, InteractionId, LegId,
    PluginKind, QueueId, Timestamp,
};

use super::super::Centre;
use super::answers::{actions, chat_actions, greeting, plan, provenance};
use super::step::Step;
use crate::chat::Side;
use crate::config::{
    AgentConfig, ChatEntryConfig, NumberConfig, QueueConfig, UnansweredAction, UnansweredStep,
};
use crate::decision::{
    Answer, ChatAnswer, Evaluation, Failure, FlowAnswer, Item, ItemResult, Provenance, Question,
};
use crate::effect::{AskId, Effect, Outcome};
use crate::event::Recorded;
use crate::input::{Draft, Input, WantedState};
use crate::interaction::{Interaction, Outgoing, Stage};
use crate::leg::{ActionId, Cause, LegCommand, LegEvent, Prompt, Recording, Speech};

/// What a leg does, as its voice side knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Leg {
    pub(super) over: bool,
    answered: bool,
    pub(super) playing: Option<Playing>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Playing {
    action: ActionId,
    ends: bool,
    barge_in: bool,
}

pub(super) struct Play {
    pub(super) centre: Centre,
    /// The same, rebuilt from events that went through their JSON form.
    pub(super) shadow: Centre,
    pub(super) journal: Vec<Recorded>,
    pub(super) now: Timestamp,
    pub(super) asks: BTreeMap<AskId, Question>,
    answered: Vec<AskId>,
    last_ask: Option<AskId>,
    pub(super) legs: BTreeMap<LegId, Leg>,
    pub(super) closed: Vec<Interaction>,
    calls: u128,
}

pub(super) const QUEUES: [&str; 3] = ["one", "two", "three"];
const AGENTS: [&str; 3] = ["ann", "bob", "cai"];

fn queue(index: u8) -> QueueId {
    QueueId::new(QUEUES[usize::from(index) % 3]).unwrap()
}

fn agent(index: u8) -> AgentId {
    AgentId::new(AGENTS[usize::from(index) % 3]).unwrap()
}

fn number() -> E164 {
    E164::new("+8675512345678").unwrap()
}

fn entry() -> ChatEntryId {
    ChatEntryId::new("web").unwrap()
}

fn draft(what: u8) -> Draft {
    Draft {
        text: ["hello", "3", "", "   "][usize::from(what) % 4].into(),
        choice: (what % 4 == 2).then(|| ["a", "b", "1"][usize::from(what / 4) % 3].into()),
        attachments: Vec::new(),
        client_id: (what > 100).then(|| (what / 8).to_string().into()),
        cut: what.is_multiple_of(32),
    }
}

pub(super) fn prompts() -> Vec<Prompt> {
    vec![Prompt::File("hello".into())]
}

fn cause(what: u8) -> Cause {
    [Cause::Normal, Cause::Busy, Cause::NoAnswer, Cause::Unreachable][usize::from(what / 16) % 4]
}

fn leg_event(what: u8) -> LegEvent {
    match what % 9 {
        0 => LegEvent::Ringing,
        1 => LegEvent::Answered,
        2 | 3 => LegEvent::Digit(['1', '5', '#', '9'][usize::from(what / 16) % 4]),
        4 => LegEvent::PlayFinished {
            action: u32::from(what),
            interrupted: what > 128,
            failed: (what > 200).then(|| "no file".into()),
        },
        5 => LegEvent::Held,
        6 => LegEvent::Resumed,
        7 => LegEvent::Ended {
            cause: cause(what),
            sip_status: None,
        },
        _ => LegEvent::Recorded(recording()),
    }
}

fn recording() -> Recording {
    Recording {
        file: "f".into(),
        started_at: Timestamp(5),
        length_ms: 10,
        speech: Speech::default(),
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let mut play = Self {
            centre: Centre::new(),
            shadow: Centre::new(),
            journal: Vec::new(),
            now: Timestamp(1_000_000),
            asks: BTreeMap::new(),
            answered: Vec::new(),
            last_ask: None,
            legs: BTreeMap::new(),
            closed: Vec::new(),
            calls: 0,
        };
        for index in 0..3 {
            play.take(&Step::SetQueue(index, 0));
        }
        play.take(&Step::SetNumber(0));
        play.take(&Step::SetEntry(0));
        for index in 0..3 {
            play.take(&Step::SetAgent(index, 7 + 32 + 128 * (index % 2)));
            play.take(&Step::Phone(index, true));
            play.take(&Step::Want(index, 0));
        }
        play
    }

    pub(super) fn take(&mut self, step: &Step) {
        match *step {
            Step::Arrive(what) => self.arrive(what),
            Step::Customer(call, what) => {
                if let Some(id) = self.call(call) {
                    self.voice(LegId::customer(id), what);
                }
            }
            Step::AgentPhone(call, what) => {
                let up = self.legs.iter().filter(|(id, leg)| id.number > 0 && !leg.over);
                let dialled: Vec<_> = up.map(|(id, _)| *id).collect();
                if let Some(leg) = pick(&dialled, call) {
                    self.voice(leg, what);
                }
            }
            Step::Stray(call, leg, what) => {
                if let Some(interaction) = self.call(call) {
                    let leg = LegId {
                        interaction,
                        number: u16::from(leg % 4),
                    };
                    self.leg(leg, leg_event(what));
                }
            }
            Step::Answer(which, what, how) => {
                let open: Vec<_> = self.asks.keys().copied().collect();
                if let Some(ask) = pick(&open, which) {
                    self.answer(ask, what, how);
                }
            }
            Step::AnswerAgain(which) => {
                if let Some(ask) = pick(&self.answered.clone(), which) {
                    let events = self.journal.len();
                    self.input(Input::Decided {
                        ask,
                        outcome: Err(failure("trap")),
                        failed_before: Some(failure("trap")),
                    });
                    assert_eq!(self.journal.len(), events, "an answer counts once");
                }
            }
            Step::Want(who, what) => {
                let wanted = match what % 4 {
                    0 | 1 => WantedState::Available,
                    2 => WantedState::Break("tea".into()),
                    _ => WantedState::Offline,
                };
                self.input(Input::RequestState {
                    agent: agent(who),
                    wanted,
                });
            }
            Step::Phone(who, registered) => self.input(Input::Phone {
                agent: agent(who),
                registered,
            }),
            Step::Transfer(call, to) => {
                if let Some(interaction) = self.call(call) {
                    let queue = queue(to);
                    self.input(Input::TransferToQueue { interaction, queue });
                }
            }
            Step::End(call) => {
                if let Some(id) = self.call(call) {
                    self.input(Input::EndInteraction(id));
                }
            }
            Step::Recorded(call) => {
                if let Some(interaction) = self.call(call) {
                    self.input(Input::RecordingStored {
                        interaction,
                        digest: Digest::of(b"x"),
                        recording: recording(),
                    });
                }
            }
            Step::RecordingLost(call) => {
                if let Some(interaction) = self.call(call) {
                    self.input(Input::RecordingFailed {
                        interaction,
                        problem: "disk full".into(),
                    });
                }
            }
            Step::Pass(ms) => self.pass(ms.into()),
            Step::Sleep(ms) => self.now = self.now + u64::from(ms),
            Step::SetQueue(which, what) => {
                let mut config = QueueConfig::new(queue(which), "q");
                config.max_waiting = if what & 1 == 0 { 100 } else { 1 };
                config.wrap_up_ms = if what & 2 == 0 { 10_000 } else { 0 };
                config.max_wait_ms = if what & 4 == 0 { 60_000 } else { 2_000 };
                config.overflow = (what & 8 != 0).then(|| queue(which.wrapping_add(1 + what / 16 % 2)));
                self.input(Input::SetQueue(config));
            }
            Step::RemoveQueue(which) => self.input(Input::RemoveQueue(queue(which))),
            Step::SetAgent(who, what) => {
                let serves = (0..3).filter(|bit| what & (1 << bit) != 0);
                self.input(Input::SetAgent(AgentConfig {
                    id: agent(who),
                    name: "a".into(),
                    skills: BTreeMap::new(),
                    queues: serves.map(queue).collect::<BTreeSet<_>>(),
                    capacity: [
                        (Channel::Voice, u16::from(what & 8 == 0)),
                        (Channel::Chat, u16::from(what / 16 % 4)),
                        (Channel::Email, u16::from(what / 32 % 4)),
                    ]
                    .into(),
                    blended: what & 128 != 0,
                }));
            }
            Step::RemoveAgent(who) => self.input(Input::RemoveAgent(agent(who))),
            Step::SetNumber(which) => self.input(Input::SetNumber(NumberConfig {
                number: number(),
                name: "n".into(),
                language: "en".into(),
                default_queue: queue(which),
            })),
            Step::RemoveNumber => self.input(Input::RemoveNumber(number())),
            Step::Rebind(which) => self.input(Input::BindingChanged(ExtensionPoint::Queue(queue(which)))),
            Step::Call(who, what) => self.agent_calls(who, what),
            Step::Chat(what) => self.begin_chat(what),
            Step::Write(chat, what) => {
                if let Some(interaction) = self.call(chat) {
                    let message = draft(what);
                    self.input(Input::CustomerWrites { interaction, message });
                }
            }
            Step::Desk(chat, what) => self.desk(chat, what),
            Step::Leave(chat) => {
                if let Some(id) = self.call(chat) {
                    self.input(Input::CustomerLeaves(id));
                }
            }
            Step::SetEntry(what) => {
                let mut config = ChatEntryConfig::new(entry(), "web", queue(what));
                config.idle_timeout_ms = 60_000;
                config.channel = [Channel::Chat, Channel::Email][usize::from(what / 16) % 2];
                let step = |after_ms, action| UnansweredStep { after_ms, action };
                config.unanswered = vec![
                    step(2_000, UnansweredAction::Warn),
                    step(4_000, UnansweredAction::Reply("one moment".into())),
                    step(6_000, UnansweredAction::ReplyTemplate("sorry".parse().unwrap())),
                    step(8_000, UnansweredAction::Cover),
                    step(16_000, UnansweredAction::Escalate(queue(what / 4))),
                ];
                self.input(Input::SetChatEntry(config));
            }
            Step::RemoveEntry => self.input(Input::RemoveChatEntry(entry())),
            Step::Die => self.die(),
        }
        self.check();
    }

    /// Ends every call and lets everything run out: then nothing may be left.
    pub(super) fn finish(&mut self) {
        let open: Vec<_> = self.centre.interactions().map(|it| it.id).collect();
        for id in open {
            self.input(Input::EndInteraction(id));
        }
        for _ in 0..40 {
            let asks: Vec<_> = self.asks.keys().copied().collect();
            for ask in asks {
                self.decide(ask, Err(failure("no-binding")));
                self.check();
            }
            self.pass(60_000);
            self.check();
        }
        self.check_nothing_left();
    }

    fn arrive(&mut self, what: u8) {
        if self.calls >= 16 {
            return;
        }
        self.calls += 1;
        let interaction = InteractionId::from_uuid(uuid::Uuid::from_u128(self.calls));
        self.input(Input::CallArrived {
            interaction,
            caller: "+86138".into(),
            caller_name: None,
            number: number(),
            customer: (what & 3 > 0).then(|| CustomerId::new("tel:+86138").unwrap()),
            last_agent: Some(agent(what)),
        });
        if self.centre.interaction(interaction).is_some() && what & 7 > 0 {
            self.voice(LegId::customer(interaction), 0);
        }
    }

    fn agent_calls(&mut self, who: u8, what: u8) {
        if self.calls >= 20 {
            return;
        }
        self.calls += 1;
        self.input(Input::AgentCalls {
            interaction: InteractionId::from_uuid(uuid::Uuid::from_u128(self.calls)),
            callee: E164::new("+8613800138000").unwrap(),
            number: number(),
            customer: (what & 4 > 0).then(|| CustomerId::new("tel:+8613800138000").unwrap()),
            outgoing: Outgoing {
                agent: agent(who),
                queue: queue(what),
                purpose: "service".into(),
                campaign: None,
                about: None,
            },
        });
    }

    fn begin_chat(&mut self, what: u8) {
        if self.calls >= 24 {
            return;
        }
        self.calls += 1;
        let interaction = InteractionId::from_uuid(uuid::Uuid::from_u128(self.calls));
        self.input(Input::ChatStarted {
            interaction,
            entry: entry(),
            address: ["visitor", "somebody else", "a third"][usize::from(what / 4) % 3].into(),
            anew: what & 64 > 0,
            attributes: Vec::new(),
            name: None,
            customer: (what & 3 > 0).then(|| CustomerId::new("chat:visitor").unwrap()),
            last_agent: Some(agent(what)),
            greeting: (what & 8 > 0).then(|| Box::new(greeting(what, what / 16))),
        });
    }

    /// What an agent does with a conversation: mostly the agent who has it.
    fn desk(&mut self, chat: u8, what: u8) {
        let Some(interaction) = self.call(chat) else {
            return;
        };
        let stage = self.centre.interaction(interaction).map(|it| it.stage.clone());
        let agent = match stage {
            Some(Stage::Offered { agent, .. } | Stage::Talking { agent, .. }) if what < 240 => agent,
            _ => agent(what),
        };
        self.input(match what % 8 {
            0..=2 => Input::AcceptOffer { interaction, agent },
            3 => Input::DeclineOffer { interaction, agent },
            4 | 5 => Input::AgentWrites {
                interaction,
                agent,
                message: draft(what / 8),
            },
            6 => Input::MessagesRead {
                interaction,
                by: if what > 128 { Side::Agent } else { Side::Customer },
                up_to: u32::from(what / 32),
            },
            _ => Input::LeaveChat { interaction, agent },
        });
    }

    /// A call that was there once.
    fn call(&self, which: u8) -> Option<InteractionId> {
        let number = u128::from(which) % self.calls.max(1) + 1;
        (self.calls > 0).then(|| InteractionId::from_uuid(uuid::Uuid::from_u128(number)))
    }

    /// Something that can happen on a leg as it stands.
    fn voice(&mut self, id: LegId, what: u8) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| !leg.over) else {
            return;
        };
        let event = match what % 8 {
            _ if !leg.answered && what % 4 < 3 => {
                if id.number > 0 && what & 1 == 0 {
                    LegEvent::Ringing
                } else {
                    leg.answered = true;
                    LegEvent::Answered
                }
            }
            0..=2 => LegEvent::Digit(['1', '5', '#', '9'][usize::from(what / 16) % 4]),
            3 | 4 => match leg.playing {
                Some(playing) if playing.ends => {
                    leg.playing = None;
                    LegEvent::PlayFinished {
                        action: playing.action,
                        interrupted: false,
                        failed: None,
                    }
                }
                _ => LegEvent::Held,
            },
            5 => LegEvent::Held,
            6 => LegEvent::Resumed,
            _ => {
                leg.over = true;
                LegEvent::Ended {
                    cause: cause(what),
                    sip_status: None,
                }
            }
        };
        let interrupted = leg
            .playing
            .take_if(|playing| playing.barge_in && matches!(event, LegEvent::Digit(_)));
        self.leg(id, event);
        if let Some(Playing { action, .. }) = interrupted {
            let interrupted = LegEvent::PlayFinished {
                action,
                interrupted: true,
                failed: None,
            };
            self.leg(id, interrupted);
        }
    }

    fn leg(&mut self, leg: LegId, event: LegEvent) {
        if matches!(event, LegEvent::Ended { .. })
            && let Some(leg) = self.legs.get_mut(&leg)
        {
            leg.over = true;
        }
        self.input(Input::Leg { leg, event });
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        for _ in 0..2_000 {
            match self.centre.next_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.input(Input::Timeout);
                    self.check();
                }
                _ => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
        panic!("timers go round in circles");
    }

    fn die(&mut self) {
        self.centre = Centre::new();
        for recorded in &self.journal {
            self.centre.replay(recorded);
        }
        self.asks.clear();
        self.answered.clear();
        self.last_ask = None;
        self.legs.clear();
        self.input(Input::Restarted);
    }

    fn answer(&mut self, ask: AskId, what: u8, how: u8) {
        let answer = match &self.asks[&ask] {
            Question::Flow(_) => Answer::Flow(FlowAnswer {
                state: vec![what],
                actions: actions(what, how),
            }),
            Question::Chat(_) => Answer::Chat(ChatAnswer {
                state: vec![what],
                actions: chat_actions(what, how),
            }),
            Question::Routing(_) => Answer::Routing(plan(self.now, what, how)),
            Question::Tags(_) => Answer::Tags(vec![]),
            Question::Scorecard(_) => Answer::Scorecard(Evaluation {
                items: vec![Item {
                    id: "i".into(),
                    section: "s".into(),
                    possible: 4.0,
                    weight: 1.0,
                    critical: false,
                    result: ItemResult::Points(f64::from(what % 4)),
                    evidence: None,
                }],
                emotions: vec![],
            }),
            question => unreachable!("the core asks no {} yet", question.kind()),
        };
        let outcome = match what {
            0..=9 => Err(failure("trap")),
            10..=14 => Err(failure("no-binding")),
            15..=17 => Ok(Answer::Outbound(crate::decision::Ruling {
                verdict: crate::decision::Verdict::Deny,
                reason: "wrong".into(),
                next_permitted_at: None,
            })),
            _ => Ok(answer),
        };
        self.decide(ask, outcome.map(|answer| (answer, provenance())));
    }

    fn decide(&mut self, ask: AskId, outcome: Result<(Answer, Provenance), Failure>) {
        self.asks.remove(&ask);
        self.answered.push(ask);
        self.input(Input::Decided {
            ask,
            outcome,
            failed_before: None,
        });
    }

    fn input(&mut self, input: Input) {
        let mut out = Outcome::default();
        let refused = self.centre.handle(self.now, input, &mut out).is_err();
        assert!(!refused || out.events.is_empty() && out.effects.is_empty());
        for event in out.events {
            let recorded = Recorded { at: self.now, event };
            let json = serde_json::to_string(&recorded).unwrap();
            let read: Recorded = serde_json::from_str(&json).unwrap();
            assert_eq!(read, recorded);
            self.shadow.replay(&read);
            self.journal.push(read);
        }
        for effect in out.effects {
            match effect {
                Effect::FillTemplate { interaction, .. } => {
                    let text = "filled".into();
                    self.input(Input::TemplateFilled { interaction, text });
                }
                Effect::Typing { interaction, .. } => {
                    assert!(
                        self.centre
                            .interaction(interaction)
                            .is_some_and(|it| it.chat.is_some())
                    );
                }
                Effect::Leg { leg, action, command } => self.carry_out(leg, action, command),
                Effect::Ask { ask, question, .. } => {
                    assert!(self.last_ask < Some(ask), "no id is used twice");
                    assert_ne!(question.kind(), PluginKind::OutboundRule);
                    self.last_ask = Some(ask);
                    self.asks.insert(ask, question);
                }
            }
        }
        self.closed.extend(out.closed);
        // Questions that ran out of time are answered already.
        self.asks.retain(|ask, _| self.centre.asks.contains_key(ask));
    }

    fn carry_out(&mut self, id: LegId, action: ActionId, command: LegCommand) {
        let leg = self.legs.entry(id).or_default();
        match command {
            LegCommand::Play { prompts, barge_in } => {
                leg.playing = Some(Playing {
                    action,
                    ends: !prompts.contains(&Prompt::HoldMusic),
                    barge_in,
                });
            }
            LegCommand::StopPlay => leg.playing = None,
            LegCommand::Bridge { with } => {
                leg.playing = None;
                assert!(self.legs.contains_key(&with), "bridged to a leg that was called");
            }
            LegCommand::HangUp { .. } => leg.over = true,
            LegCommand::DialAgent { .. } | LegCommand::DialNumber { .. } => {
                assert!(!leg.answered, "each call of a phone has its own leg");
            }
            LegCommand::Answer | LegCommand::StartRecording | LegCommand::StopRecording => {}
            LegCommand::Unbridge => unreachable!("hanging up the agent's leg ends the bridge"),
        }
    }
}

fn pick<T: Copy>(from: &[T], which: u8) -> Option<T> {
    from.get(usize::from(which) % from.len().max(1)).copied()
}

fn failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "m".into(),
    }
}
