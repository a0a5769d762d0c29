//! A contact centre whose voice side and plugins are played by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::Centre;
use jackfield_contact::agent::AgentState;
use jackfield_contact::config::{AgentConfig, NumberConfig, QueueConfig};
use jackfield_contact::decision::{
    Answer, Assignment, Enqueue, Evaluation, Failure, FlowAction, FlowAnswer, FlowEvent, Gather, Plan,
    Provenance, Question, RoutingQuestion, SurveyQuestion, TagChange,
};
use jackfield_contact::effect::{AskId, Effect, Outcome};
use jackfield_contact::event::{Event, Recorded};
use jackfield_contact::input::{Input, Rejected, WantedState};
use jackfield_contact::interaction::{Interaction, Stage};
use jackfield_contact::leg::{ActionId, Cause, LegCommand, LegEvent, Prompt, Recording, Speech};
use jackfield_types::{
    AgentId, Channel, CustomerId, Digest, E164, ExtensionPoint, InteractionId, LegId, PluginId, PluginKind,
    QueueId, Timestamp, Version,
};

pub(crate) const NUMBER: &str = "+8675512345678";

/// A question that waits for its answer.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) ask: AskId,
    pub(crate) point: ExtensionPoint,
    pub(crate) question: Question,
}

pub(crate) struct World {
    pub(crate) centre: Centre,
    pub(crate) now: Timestamp,
    pub(crate) journal: Vec<Recorded>,
    /// All orders to legs so far.
    pub(crate) orders: Vec<(LegId, LegCommand)>,
    /// The latest `Play` to each leg.
    plays: BTreeMap<LegId, ActionId>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) closed: Vec<Interaction>,
    calls: u128,
}

pub(crate) fn queue_id(id: &str) -> QueueId {
    QueueId::new(id).unwrap()
}

pub(crate) fn agent_id(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

pub(crate) fn number() -> E164 {
    E164::new(NUMBER).unwrap()
}

pub(crate) fn number_config(queue: &str) -> NumberConfig {
    NumberConfig {
        number: number(),
        name: "main".into(),
        language: "zh-CN".into(),
        default_queue: queue_id(queue),
    }
}

pub(crate) fn agent_config(id: &str, queues: &[&str]) -> AgentConfig {
    AgentConfig {
        id: agent_id(id),
        name: id.into(),
        skills: Default::default(),
        queues: queues.iter().map(|queue| queue_id(queue)).collect(),
        capacity: [(Channel::Voice, 1)].into(),
        blended: false,
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        plugin: PluginId::new("played-by-hand").unwrap(),
        version: Version::new(1, 2, 3),
        digest: Digest::of(b"component"),
        fuel: 1_000,
        wall_us: 5,
        decision: None,
    }
}

pub(crate) fn failure(code: &str) -> Failure {
    Failure {
        code: code.into(),
        message: "as the test wants it".into(),
    }
}

pub(crate) fn say(text: &str) -> Vec<Prompt> {
    vec![Prompt::Speech {
        text: text.into(),
        language: "en".into(),
    }]
}

pub(crate) fn gather(max_digits: u8) -> FlowAction {
    FlowAction::Gather(Gather {
        prompts: say("please choose"),
        max_digits,
        terminator: Some('#'),
        first_digit_ms: 5_000,
        between_digits_ms: 2_000,
    })
}

pub(crate) fn survey(id: &str) -> FlowAction {
    FlowAction::AskSurvey(SurveyQuestion {
        id: id.into(),
        prompts: say("how was it"),
        lowest: 1,
        highest: 5,
    })
}

pub(crate) fn enqueue(queue: &str) -> FlowAction {
    FlowAction::Enqueue(Enqueue {
        queue: queue.into(),
        needs: vec![],
        priority: 0,
    })
}

pub(crate) fn recording() -> Recording {
    Recording {
        file: "call.wav".into(),
        started_at: Timestamp(1),
        length_ms: 1_000,
        speech: Speech {
            customer_ms: 400,
            agent_ms: 500,
            ..Speech::default()
        },
    }
}

pub(crate) fn ended(cause: Cause) -> LegEvent {
    LegEvent::Ended {
        cause,
        sip_status: None,
    }
}

pub(crate) fn played() -> LegEvent {
    LegEvent::PlayFinished {
        action: 0,
        interrupted: false,
        failed: None,
    }
}

impl World {
    /// A centre with the queue `support` and a number that leads to it.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            centre: Centre::new(),
            now: Timestamp(1_700_000_000_000),
            journal: Vec::new(),
            orders: Vec::new(),
            plays: BTreeMap::new(),
            asked: Vec::new(),
            closed: Vec::new(),
            calls: 0,
        };
        world.queue("support", |_| {});
        world.ok(Input::SetNumber(number_config("support")));
        world
    }

    pub(crate) fn input(&mut self, input: Input) -> Result<(), Rejected> {
        let mut out = Outcome::default();
        let answer = self.centre.handle(self.now, input, &mut out);
        if answer.is_err() {
            assert!(
                out.events.is_empty() && out.effects.is_empty(),
                "a rejected wish changes nothing"
            );
        }
        for event in out.events {
            let recorded = Recorded { at: self.now, event };
            let json = serde_json::to_string(&recorded).unwrap();
            let read: Recorded = serde_json::from_str(&json).unwrap();
            assert_eq!(read, recorded, "the journal gives back what was written");
            self.journal.push(recorded);
        }
        for effect in out.effects {
            match effect {
                Effect::Leg { leg, action, command } => {
                    if matches!(command, LegCommand::Play { .. }) {
                        self.plays.insert(leg, action);
                    }
                    self.orders.push((leg, command));
                }
                Effect::Typing { .. } | Effect::FillTemplate { .. } => {}
                Effect::Ask { ask, point, question } => {
                    assert_eq!(point.kind(), question.kind());
                    self.asked.push(Asked { ask, point, question });
                }
            }
        }
        self.closed.extend(out.closed);
        answer
    }

    pub(crate) fn ok(&mut self, input: Input) {
        self.input(input).unwrap();
    }

    pub(crate) fn rejected(&mut self, input: Input) -> Rejected {
        self.input(input).unwrap_err()
    }

    pub(crate) fn queue(&mut self, id: &str, change: impl FnOnce(&mut QueueConfig)) {
        let mut config = QueueConfig::new(queue_id(id), id);
        change(&mut config);
        self.ok(Input::SetQueue(config));
    }

    /// An agent with a phone who is available for these queues.
    pub(crate) fn agent(&mut self, id: &str, queues: &[&str]) {
        self.ok(Input::SetAgent(agent_config(id, queues)));
        self.phone(id, true);
        self.want(id, WantedState::Available);
    }

    pub(crate) fn phone(&mut self, id: &str, registered: bool) {
        let agent = agent_id(id);
        self.ok(Input::Phone { agent, registered });
    }

    pub(crate) fn want(&mut self, id: &str, wanted: WantedState) {
        let agent = agent_id(id);
        self.ok(Input::RequestState { agent, wanted });
    }

    pub(crate) fn state(&self, id: &str) -> AgentState {
        self.centre.agent(&agent_id(id)).unwrap().state.clone()
    }

    /// Lets time pass; timers run out when they are due.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        for _ in 0..10_000 {
            match self.centre.next_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.ok(Input::Timeout);
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("timers go round in circles");
    }

    /// A call from somebody unknown, ringing.
    pub(crate) fn ring(&mut self) -> InteractionId {
        self.calls += 1;
        let interaction = InteractionId::from_uuid(uuid::Uuid::from_u128(self.calls));
        self.ok(Input::CallArrived {
            interaction,
            caller: "+8613800138000".into(),
            caller_name: None,
            number: number(),
            customer: Some(CustomerId::new("tel:+8613800138000").unwrap()),
            last_agent: None,
        });
        interaction
    }

    /// A call that has been answered; its flow is asked.
    pub(crate) fn call(&mut self) -> InteractionId {
        let id = self.ring();
        self.customer(id, LegEvent::Answered);
        id
    }

    /// That the latest `Play` to the customer has ended, to be told later.
    pub(crate) fn played_by_now(&self, id: InteractionId) -> Input {
        let leg = LegId::customer(id);
        let event = LegEvent::PlayFinished {
            action: self.plays[&leg],
            interrupted: false,
            failed: None,
        };
        Input::Leg { leg, event }
    }

    /// Something happens on the customer's leg; a [`played`] is that of the latest `Play`.
    pub(crate) fn customer(&mut self, id: InteractionId, mut event: LegEvent) {
        let leg = LegId::customer(id);
        if let (LegEvent::PlayFinished { action, .. }, Some(latest)) = (&mut event, self.plays.get(&leg)) {
            *action = *latest;
        }
        self.ok(Input::Leg { leg, event });
    }

    pub(crate) fn digits(&mut self, id: InteractionId, digits: &str) {
        for digit in digits.chars() {
            self.customer(id, LegEvent::Digit(digit));
        }
    }

    /// The leg of the agent who was called last for an interaction.
    pub(crate) fn agent_leg(&self, id: InteractionId) -> LegId {
        let dialled = |(leg, command): &&(LegId, LegCommand)| {
            leg.interaction == id && matches!(command, LegCommand::DialAgent { .. })
        };
        self.orders.iter().rfind(dialled).expect("no agent was called").0
    }

    pub(crate) fn agent_phone(&mut self, id: InteractionId, event: LegEvent) {
        let leg = self.agent_leg(id);
        self.ok(Input::Leg { leg, event });
    }

    fn take(&mut self, wanted: impl Fn(&Asked) -> bool) -> Asked {
        let index = self.asked.iter().position(wanted);
        let index = index.unwrap_or_else(|| panic!("no such question; open: {:#?}", self.asked));
        self.asked.remove(index)
    }

    pub(crate) fn is_asked(&self, kind: PluginKind) -> bool {
        self.asked.iter().any(|asked| asked.question.kind() == kind)
    }

    pub(crate) fn answer(&mut self, ask: AskId, outcome: Result<(Answer, Provenance), Failure>) {
        self.ok(Input::Decided {
            ask,
            outcome,
            failed_before: None,
        });
    }

    /// The flow of a call answers what it was asked; gives the event it was asked about.
    pub(crate) fn flow(&mut self, id: InteractionId, actions: Vec<FlowAction>) -> FlowEvent {
        let (ask, event) = self.take_flow(id);
        let answer = FlowAnswer {
            state: vec![1],
            actions,
        };
        self.answer(ask, Ok((Answer::Flow(answer), provenance())));
        event
    }

    pub(crate) fn flow_fails(&mut self, id: InteractionId, code: &str) -> FlowEvent {
        let (ask, event) = self.take_flow(id);
        self.answer(ask, Err(failure(code)));
        event
    }

    fn take_flow(&mut self, id: InteractionId) -> (AskId, FlowEvent) {
        let asked = self.take(
            |asked| matches!(&asked.question, Question::Flow(question) if question.call.interaction == id),
        );
        let Question::Flow(question) = asked.question else {
            unreachable!()
        };
        (asked.ask, question.event)
    }

    /// The question about a queue that is open, answered by nothing yet.
    pub(crate) fn routing(&mut self, queue: &str) -> (AskId, RoutingQuestion) {
        let point = ExtensionPoint::Queue(queue_id(queue));
        let asked = self.take(|asked| asked.point == point);
        let Question::Routing(question) = asked.question else {
            unreachable!()
        };
        (asked.ask, *question)
    }

    /// The strategy of a queue answers with pairs of (work, agent).
    pub(crate) fn assign(&mut self, queue: &str, pairs: &[(u32, u32)]) {
        let plan = Plan {
            assignments: pairs
                .iter()
                .map(|&(work, agent)| Assignment { work, agent })
                .collect(),
            ..Plan::default()
        };
        self.plan(queue, plan);
    }

    pub(crate) fn plan(&mut self, queue: &str, plan: Plan) {
        let (ask, _) = self.routing(queue);
        self.answer(ask, Ok((Answer::Routing(plan), provenance())));
    }

    /// No strategy is bound to the queue: the built-in rule decides.
    pub(crate) fn longest_idle(&mut self, queue: &str) {
        let (ask, _) = self.routing(queue);
        self.answer(ask, Err(failure("no-binding")));
    }

    /// A caller who waits in `support`.
    pub(crate) fn waiting(&mut self) -> InteractionId {
        let id = self.call();
        self.flow(id, vec![enqueue("support")]);
        id
    }

    /// A caller for whom an agent's phone is being called.
    pub(crate) fn offered(&mut self) -> InteractionId {
        let id = self.waiting();
        self.longest_idle("support");
        self.agent_phone(id, LegEvent::Ringing);
        id
    }

    /// A caller who talks with an agent; the flow has taken note.
    pub(crate) fn talking(&mut self) -> InteractionId {
        let id = self.offered();
        self.agent_phone(id, LegEvent::Answered);
        assert!(matches!(self.flow(id, vec![]), FlowEvent::Answered(_)));
        id
    }

    pub(crate) fn evaluate(&mut self, outcome: Result<Evaluation, Failure>) {
        let asked = self.take(|asked| asked.question.kind() == PluginKind::QaScorecard);
        self.answer(
            asked.ask,
            outcome.map(|evaluation| (Answer::Scorecard(evaluation), provenance())),
        );
    }

    pub(crate) fn tag(&mut self, outcome: Result<Vec<TagChange>, Failure>) {
        let asked = self.take(|asked| asked.question.kind() == PluginKind::TagGenerator);
        self.answer(
            asked.ask,
            outcome.map(|changes| (Answer::Tags(changes), provenance())),
        );
    }

    pub(crate) fn store_recording(&mut self, interaction: InteractionId) {
        self.ok(Input::RecordingStored {
            interaction,
            digest: Digest::of(b"wav"),
            recording: recording(),
        });
    }

    pub(crate) fn it(&self, id: InteractionId) -> &Interaction {
        self.centre.interaction(id).expect("the interaction is open")
    }

    pub(crate) fn stage(&self, id: InteractionId) -> &Stage {
        &self.it(id).stage
    }

    pub(crate) fn is_waiting(&self, id: InteractionId, queue: &str) -> bool {
        matches!(self.stage(id), Stage::Queued(work) if work.queue == queue_id(queue))
            && self.in_queue(id, queue)
    }

    pub(crate) fn in_queue(&self, id: InteractionId, queue: &str) -> bool {
        let queue = self.centre.queue(&queue_id(queue)).unwrap();
        queue.waiting.iter().any(|(_, waiting)| *waiting == id)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.journal
            .iter()
            .filter(|recorded| wanted(&recorded.event))
            .count()
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.count(wanted) > 0
    }

    pub(crate) fn last(&self) -> &Event {
        &self.journal.last().unwrap().event
    }

    /// The last order to a leg.
    pub(crate) fn last_order(&self, leg: LegId) -> Option<&LegCommand> {
        self.orders
            .iter()
            .rfind(|(to, _)| *to == leg)
            .map(|(_, command)| command)
    }

    /// The codes and fallbacks of all failed decisions.
    pub(crate) fn fallbacks(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let failed = |recorded: &Recorded| match &recorded.event {
            Event::DecisionFailed {
                failure, fallback, ..
            } => Some((failure.code.clone(), fallback.clone())),
            _ => None,
        };
        self.journal.iter().filter_map(failed).collect()
    }

    /// The process dies, and another reads the journal.
    pub(crate) fn die_and_start(&mut self) {
        self.centre = Centre::new();
        self.asked.clear();
        for recorded in &self.journal {
            self.centre.replay(recorded);
        }
    }
}
