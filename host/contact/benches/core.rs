//! Events per second of the core alone, on one core: whole calls from their arrival to their tags.
//!
//! Prints `bench<TAB>name<TAB>value<TAB>unit<TAB>target`.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // A bench needs a clock.

use std::collections::VecDeque;
use std::time::Instant;

use jackfield_contact::Centre;
use jackfield_contact::config::{AgentConfig, NumberConfig, QueueConfig};
use jackfield_contact::decision::{
    Answer, Assignment, Enqueue, Evaluation, FlowAction, FlowAnswer, FlowEvent, Gather, Item, ItemResult,
    Need, Plan, Provenance, Question, SurveyQuestion, Tag, TagChange,
};
use jackfield_contact::effect::{Effect, Outcome};
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::leg::{ActionId, Cause, LegCommand, LegEvent, Prompt, Recording, Speech};
use jackfield_types::{
    AgentId, Channel, CustomerId, Digest, E164, InteractionId, LegId, PluginId, QueueId, SkillId, Timestamp,
    Version,
};

const AGENTS: u32 = 50;
const CALLS: u64 = 40_000;
const TARGET: u32 = 300_000;

/// Voice and plugins that answer at once.
struct Site {
    centre: Centre,
    now: Timestamp,
    inbox: VecDeque<Input>,
    out: Outcome,
    by: Provenance,
    prompts: Vec<Prompt>,
    events: u64,
    closed: u64,
    arrived: u64,
}

fn main() {
    for concurrent in [64, 300] {
        let mut site = Site::new();
        site.run(concurrent, 4_000);
        let mut best: f64 = 0.0;
        for _ in 0..3 {
            let (before, clock) = (site.events, Clock::start());
            site.run(concurrent, CALLS);
            best = best.max((site.events - before) as f64 / clock.seconds());
        }
        println!("bench\tcontact/events-{concurrent}-calls\t{best:.0}\tevents/s\t>= {TARGET}");
    }
}

/// Time that this thread has had on a core, where the system tells it; else time on the wall. The first says the
/// same on a busy machine as on an idle one.
struct Clock {
    cpu_ns: Option<u64>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            cpu_ns: Self::cpu_ns(),
            wall: Instant::now(),
        }
    }

    fn cpu_ns() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        match (self.cpu_ns, Self::cpu_ns()) {
            (Some(before), Some(after)) if after > before => (after - before) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

impl Site {
    fn new() -> Self {
        let mut site = Self {
            centre: Centre::new(),
            now: Timestamp(1_700_000_000_000),
            inbox: VecDeque::new(),
            out: Outcome::default(),
            by: Provenance {
                plugin: PluginId::new("bench").unwrap(),
                version: Version::new(1, 0, 0),
                digest: Digest::of(b"bench"),
                fuel: 1_000,
                wall_us: 9,
                decision: None,
            },
            prompts: vec![Prompt::File("welcome".into())],
            events: 0,
            closed: 0,
            arrived: 0,
        };
        let support = QueueId::new("support").unwrap();
        let mut queue = QueueConfig::new(support.clone(), "Support");
        queue.max_waiting = 10_000;
        site.handle(Input::SetQueue(queue));
        site.handle(Input::SetNumber(NumberConfig {
            number: number(),
            name: "main".into(),
            language: "zh-CN".into(),
            default_queue: support.clone(),
        }));
        for index in 0..AGENTS {
            let id = AgentId::new(&format!("agent-{index}")).unwrap();
            site.handle(Input::SetAgent(AgentConfig {
                id: id.clone(),
                name: "Agent".into(),
                skills: [(SkillId::new("zh").unwrap(), 5)].into(),
                queues: [support.clone()].into(),
                capacity: [(Channel::Voice, 1)].into(),
                blended: false,
            }));
            site.handle(Input::Phone {
                agent: id.clone(),
                registered: true,
            });
            let wanted = WantedState::Available;
            site.handle(Input::RequestState { agent: id, wanted });
        }
        site
    }

    /// So many more calls from beginning to end, so many of them at a time.
    fn run(&mut self, concurrent: u64, calls: u64) {
        let until = self.closed + calls;
        let last = self.arrived + calls;
        while self.closed < until {
            while self.arrived < last && self.arrived - self.closed < concurrent {
                self.arrive();
            }
            match self.inbox.pop_front() {
                Some(input) => {
                    self.now = self.now + 1;
                    self.handle(input);
                }
                None => panic!("nothing to do with {} calls open", self.arrived - self.closed),
            }
        }
    }

    fn arrive(&mut self) {
        self.arrived += 1;
        let id = uuid::Uuid::from_u128((u128::from(self.arrived) << 64) | 0x7000_8000_0000_0000_0000);
        self.inbox.push_back(Input::CallArrived {
            interaction: InteractionId::from_uuid(id),
            caller: "+8613800138000".into(),
            caller_name: None,
            number: number(),
            customer: Some(CustomerId::new("tel:+8613800138000").unwrap()),
            last_agent: None,
        });
    }

    fn handle(&mut self, input: Input) {
        self.centre.handle(self.now, input, &mut self.out).unwrap();
        self.events += self.out.events.len() as u64;
        self.closed += self.out.closed.len() as u64;
        self.out.events.clear();
        self.out.closed.clear();
        let mut effects = std::mem::take(&mut self.out.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Leg { leg, action, command } => self.voice(leg, action, command),
                Effect::Typing { .. } | Effect::FillTemplate { .. } => {}
                Effect::Ask { ask, question, .. } => {
                    let answer = self.plugin(question);
                    self.inbox.push_back(Input::Decided {
                        ask,
                        outcome: Ok((answer, self.by.clone())),
                        failed_before: None,
                    });
                }
            }
        }
        self.out.effects = effects;
    }

    fn tell(&mut self, leg: LegId, event: LegEvent) {
        self.inbox.push_back(Input::Leg { leg, event });
    }

    fn voice(&mut self, leg: LegId, action: ActionId, command: LegCommand) {
        let ended = LegEvent::Ended {
            cause: Cause::Normal,
            sip_status: None,
        };
        match command {
            LegCommand::Answer => self.tell(leg, LegEvent::Answered),
            LegCommand::DialAgent { .. } => {
                self.tell(leg, LegEvent::Ringing);
                self.tell(leg, LegEvent::Answered);
            }
            LegCommand::Bridge { with } => {
                self.tell(with, LegEvent::Held);
                self.tell(with, LegEvent::Resumed);
                self.tell(with, ended);
            }
            LegCommand::Play { barge_in: true, .. } => self.tell(leg, LegEvent::Digit('1')),
            LegCommand::Play { prompts, .. } if !prompts.contains(&Prompt::HoldMusic) => {
                self.tell(
                    leg,
                    LegEvent::PlayFinished {
                        action,
                        interrupted: false,
                        failed: None,
                    },
                );
            }
            LegCommand::HangUp { .. } => {
                self.tell(leg, ended);
                self.inbox.push_back(Input::RecordingStored {
                    interaction: leg.interaction,
                    digest: Digest::from_bytes([7; 32]),
                    recording: Recording {
                        file: "call.wav".into(),
                        started_at: self.now,
                        length_ms: 1_000,
                        speech: Speech::default(),
                    },
                });
            }
            _ => {}
        }
    }

    fn plugin(&mut self, question: Question) -> Answer {
        match question {
            Question::Flow(question) => {
                if let FlowEvent::AgentLeft { agent, .. } = &question.event {
                    // The agent's notes are written at once: the bench is not about waiting.
                    self.inbox.push_back(Input::RequestState {
                        agent: agent.clone(),
                        wanted: WantedState::Available,
                    });
                }
                Answer::Flow(FlowAnswer {
                    state: vec![0; 32],
                    actions: self.actions(&question.event),
                })
            }
            Question::Routing(question) => Answer::Routing(Plan {
                assignments: (0..question.work.len().min(question.agents.len()) as u32)
                    .map(|index| Assignment {
                        work: index,
                        agent: index,
                    })
                    .collect(),
                ..Plan::default()
            }),
            Question::Scorecard(_) => Answer::Scorecard(Evaluation {
                items: vec![Item {
                    id: "greeting".into(),
                    section: "open".into(),
                    possible: 10.0,
                    weight: 1.0,
                    critical: false,
                    result: ItemResult::Points(8.0),
                    evidence: None,
                }],
                emotions: vec![],
            }),
            Question::Tags(_) => Answer::Tags(vec![TagChange::Add(Tag {
                name: "recent".into(),
                confidence: 80,
                reason: "called".into(),
                expires_at: None,
            })]),
            other => panic!("a voice call asks no {} plugin", other.kind()),
        }
    }

    fn actions(&self, event: &FlowEvent) -> Vec<FlowAction> {
        match event {
            FlowEvent::Started => vec![FlowAction::Gather(Gather {
                prompts: self.prompts.clone(),
                max_digits: 1,
                terminator: None,
                first_digit_ms: 5_000,
                between_digits_ms: 2_000,
            })],
            FlowEvent::Digits(_) => vec![
                FlowAction::Set("call-type".into(), "service".into()),
                FlowAction::Play(self.prompts.clone()),
                FlowAction::Enqueue(Enqueue {
                    queue: "support".into(),
                    needs: vec![Need {
                        skill: SkillId::new("zh").unwrap(),
                        level: 3,
                    }],
                    priority: 0,
                }),
            ],
            FlowEvent::AgentLeft { .. } => vec![FlowAction::AskSurvey(SurveyQuestion {
                id: "csat".into(),
                prompts: self.prompts.clone(),
                lowest: 1,
                highest: 5,
            })],
            FlowEvent::SurveyAnswered { .. } => vec![FlowAction::Play(self.prompts.clone()), FlowAction::End],
            _ => vec![],
        }
    }
}

fn number() -> E164 {
    E164::new("+8675512345678").unwrap()
}
