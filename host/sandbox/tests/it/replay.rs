//! Replay of recorded decisions by the bundled plugins: the same version decides the same in every respect, and what a
//! candidate asks beyond the record is said, never guessed.

use std::{env, fs, sync::Arc};

use jackfield_contact::decision::{
    Attempt, CallInfo, Consent, Customer, Emotion, EvaluationRecord, FlowEvent, FlowQuestion, LocalTime,
    Outcome, PastAttempt, PastInteraction, Phase, PhaseEmotion, Question, QueueProgress, RoutingAgent,
    RoutingQuestion, RoutingWork, SurveyAnswer, SurveyRecord, Tag, TagQuestion,
};
use jackfield_sandbox::{
    DecidedBy, DecisionRecord, ENGINE, Env, NoReads, Plugin, ReadError, Reads, Recording, Replayed,
};
use jackfield_types::{
    AgentId, Channel, CustomerId, DecisionId, E164, ExtensionPoint, Grants, InteractionId, PluginKind,
    QueueId, SkillId, Timestamp,
};

use crate::{Fixture, fixture, occasion};

const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 86_400_000;

/// Random numbers that are the same in every run: SplitMix64.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    fn list<T>(&mut self, below: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(below)).map(|_| make(self)).collect()
    }

    fn interaction(&mut self) -> InteractionId {
        format!("0198f000-0000-7000-8000-{:012}", self.below(1_000_000))
            .parse()
            .unwrap()
    }

    fn channel(&mut self) -> Channel {
        self.pick(&[Channel::Voice, Channel::Chat, Channel::Email])
    }
}

fn routing(random: &mut Seeded) -> Question {
    let skills = ["zh", "en", "billing", "cards", "vip"].map(|skill| SkillId::new(skill).unwrap());
    let agents = random.below(25);
    let mask = |random: &mut Seeded| random.below(1 << 5) & random.below(1 << 5);
    Question::Routing(Box::new(RoutingQuestion {
        queue: QueueId::new("support").unwrap(),
        skills: skills.to_vec(),
        work: random.list(12, |random| {
            let needs = mask(random);
            RoutingWork {
                interaction: random.interaction(),
                channel: random.channel(),
                needs,
                levels: (0..5)
                    .filter(|bit| needs >> bit & 1 == 1)
                    .map(|bit| (bit, random.below(10) as u8 + 1))
                    .collect(),
                waiting_ms: random.below(120_000),
                priority: random.pick(&[0, 0, 0, 5, -1]),
                last_agent: (agents > 0 && random.one_in(4)).then(|| random.below(agents) as u32),
                attributes: vec![],
            }
        }),
        agents: (0..agents)
            .map(|n| {
                let capacity = random.below(4) as u16;
                RoutingAgent {
                    agent: AgentId::new(&format!("agent-{n}")).unwrap(),
                    skills: mask(random) | mask(random),
                    levels: (0..5).map(|_| random.below(11) as u8).collect(),
                    idle_ms: 100_000 - n,
                    load: random.below(u64::from(capacity) + 1) as u16,
                    capacity,
                }
            })
            .collect(),
    }))
}

fn outbound(random: &mut Seeded) -> Question {
    Question::Outbound(Box::new(Attempt {
        number: E164::new(&format!("+86138{:08}", random.below(100_000_000))).unwrap(),
        channel: random.channel(),
        purpose: random.pick(&["sales", "collection", "survey"]).into(),
        jurisdiction: random.pick(&["CN", "US", "DE", "GB", "XX", ""]).into(),
        local_times: random.list(4, |random| LocalTime {
            zone: "Asia/Shanghai".into(),
            utc_offset: random.below(25) as i32 * 60 - 720,
            date: format!("2027-01-{:02}", random.below(28) + 1).into(),
            weekday: random.below(7) as u8 + 1,
            minute: random.below(1_440) as u16,
            holiday: random.one_in(6),
        }),
        consent: random.pick(&[Consent::Unknown, Consent::Given, Consent::Refused]),
        attempts: random.list(6, |random| PastAttempt {
            at: Timestamp(NOW - random.below(30 * DAY)),
            channel: random.channel(),
            outcome: random.pick(&[
                Outcome::Unanswered,
                Outcome::Conversation,
                Outcome::Abandoned,
                Outcome::Failed,
            ]),
        }),
    }))
}

fn tags(random: &mut Seeded) -> Question {
    let waited_ms = random.below(200_000);
    let talked_ms = random.below(600_000);
    Question::Tags(Box::new(TagQuestion {
        interaction: Some(random.interaction()),
        channel: random.channel(),
        started_at: Timestamp(NOW - waited_ms - talked_ms),
        ended_at: Timestamp(NOW),
        abandoned: random.one_in(5),
        waited_ms,
        talked_ms,
        attributes: random.list(3, |random| {
            ("value".into(), random.below(9_000).to_string().into())
        }),
        score: random.one_in(2).then(|| random.below(101) as f64),
    }))
}

fn flow(random: &mut Seeded) -> Question {
    let event = match random.below(8) {
        0 => FlowEvent::NoInput,
        1 => FlowEvent::PromptFinished,
        2 => FlowEvent::QueueProgress(QueueProgress {
            queue: QueueId::new("support").unwrap(),
            position: random.below(30) as u32,
            waited_ms: random.below(300_000),
            expected_wait_ms: random.one_in(2).then(|| random.below(300_000)),
        }),
        3 => FlowEvent::AgentLeft {
            agent: AgentId::new("agent-1").unwrap(),
            talked_ms: random.below(600_000),
        },
        4 => FlowEvent::SurveyAnswered {
            question: random.pick(&["csat", "expectation", "unknown"]).into(),
            value: random.below(10) as u8,
        },
        5 => FlowEvent::Started,
        _ => FlowEvent::Digits(random.pick(&["1", "2", "3", "9", "0", "7", "", "12"]).into()),
    };
    Question::Flow(Box::new(FlowQuestion {
        state: vec![],
        event,
        call: CallInfo {
            interaction: random.interaction(),
            caller: "+8613800138000".into(),
            number: E164::new("+8675512345678").unwrap(),
            started_at: Timestamp(NOW - random.below(DAY)),
            language: random.pick(&["zh-CN", "en", "de"]).into(),
            attributes: vec![],
        },
    }))
}

/// A customer with a past; some of it can't be read.
struct Past {
    customer: Option<Customer>,
    history: Vec<PastInteraction>,
    surveys: Vec<SurveyRecord>,
    evaluations: Vec<EvaluationRecord>,
    refused: bool,
}

impl Past {
    fn new(random: &mut Seeded) -> Self {
        let at = |random: &mut Seeded| Timestamp(NOW - random.below(400 * DAY));
        let tag = |random: &mut Seeded| Tag {
            name: random
                .pick(&["rfm:champion", "mood:calm", "mood:angry", "own"])
                .into(),
            confidence: random.below(101) as u8,
            reason: "before".into(),
            expires_at: None,
        };
        let answer = |random: &mut Seeded| SurveyAnswer {
            question: random.pick(&["csat", "expectation"]).into(),
            value: random.below(5) as u8 + 1,
            lowest: 1,
            highest: 5,
        };
        Self {
            customer: (!random.one_in(8)).then(|| Customer {
                id: CustomerId::new("tel:+8613800138000").unwrap(),
                name: None,
                language: None,
                first_seen_at: at(random),
                attributes: vec![],
                tags: random.list(3, tag),
            }),
            history: random.list(50, |random| PastInteraction {
                id: random.interaction(),
                channel: random.channel(),
                started_at: at(random),
                length_ms: random.below(600_000),
                queue: None,
                agent: None,
                talked_ms: random.below(600_000),
                abandoned: random.one_in(5),
                value: random.below(100_000),
            }),
            surveys: random.list(20, |random| SurveyRecord {
                interaction: random.interaction(),
                at: at(random),
                answer: answer(random),
            }),
            evaluations: random.list(20, |random| EvaluationRecord {
                interaction: random.interaction(),
                at: at(random),
                agent: None,
                score: random.one_in(2).then(|| random.below(101) as f64),
                emotions: vec![PhaseEmotion {
                    phase: random.pick(&[Phase::Open, Phase::Help, Phase::Close]),
                    emotion: Emotion::try_from(random.below(5) as u8 + 1).unwrap(),
                }],
            }),
            refused: random.one_in(10),
        }
    }
}

impl Reads for Past {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        Ok(self.customer.clone())
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        Ok(self.history.iter().take(limit).cloned().collect())
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        if self.refused {
            return Err(ReadError::unavailable("the profile is being merged"));
        }
        Ok(self.surveys.iter().take(limit).cloned().collect())
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        Ok(self.evaluations.iter().take(limit).cloned().collect())
    }
}

/// Where a plugin of the kind can be bound.
fn point(kind: PluginKind) -> ExtensionPoint {
    match kind {
        PluginKind::VoiceFlow => ExtensionPoint::Number(E164::new("+8675512345678").unwrap()),
        PluginKind::RoutingStrategy => ExtensionPoint::Queue(QueueId::new("support").unwrap()),
        kind => ExtensionPoint::Tenant(kind),
    }
}

/// Decides, and records it as the runtime does.
pub(crate) fn record(
    plugin: &Plugin,
    question: Question,
    config: &str,
    reads: Arc<dyn Reads>,
) -> DecisionRecord {
    let (recording, question) = (Arc::new(Recording::new(reads)), Arc::new(question));
    let env = Env {
        now: Timestamp(NOW),
        config: config.into(),
        reads: recording.clone(),
        grants: Grants::ALL,
        budget: None,
    };
    let decision = plugin.decide(question.clone(), env);
    let reads = recording.take();
    DecisionRecord {
        id: DecisionId::lowest_at(Timestamp(NOW)),
        at: Timestamp(NOW),
        by: Arc::new(DecidedBy {
            point: point(plugin.kind()),
            revision: 1,
            plugin: plugin.manifest().id.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest(),
            config: config.into(),
            engine: ENGINE.into(),
            projection: plugin.projection().clone(),
        }),
        question,
        complete: reads.is_some(),
        reads: reads.unwrap_or_default(),
        result: decision.result,
        kv_writes: decision.kv_writes,
        receipt: decision.receipt,
        log: decision.log,
        grants: Grants::ALL,
        budget: None,
    }
}

/// The bundled plugin of that name; none when the plugins were not built.
fn bundled(fixture: &Fixture, id: &str) -> Option<Plugin> {
    let built = env::var_os("JACKFIELD_PLUGINS")?;
    let wasm = fs::read(std::path::Path::new(&built).join(format!("{id}-0.1.0.wasm"))).unwrap();
    Some(fixture.sandbox.load(&wasm).unwrap())
}

/// Records `number` generated decisions and replays them on the same version, from the stored form of each.
fn same_again(id: &str, number: usize, configs: &[&str], question: impl Fn(&mut Seeded) -> Question) {
    let fixture = fixture();
    let Some(plugin) = bundled(&fixture, id) else {
        return;
    };
    let mut random = Seeded(7);
    let (mut decided, mut read) = (0, 0);
    let mut answers = std::collections::BTreeSet::new();
    for n in 0..number {
        let config = random.pick(configs);
        let asked = question(&mut random);
        let kept = record(&plugin, asked, config, Arc::new(Past::new(&mut random)));
        let stored = serde_json::to_vec(&kept).unwrap();
        let kept: DecisionRecord = serde_json::from_slice(&stored).unwrap();
        let Replayed::Decided(again) = plugin.replay(&kept, kept.by.config.clone(), None) else {
            panic!("{id} {n}: unreplayable");
        };
        assert_eq!(again.result, kept.result, "{id} {n}: the answer");
        assert_eq!(again.kv_writes, kept.kv_writes, "{id} {n}: the keys");
        assert_eq!(again.log, kept.log, "{id} {n}: the log");
        assert_eq!(again.receipt.fuel, kept.receipt.fuel, "{id} {n}: the fuel");
        assert_eq!(
            again.receipt.peak_memory_bytes, kept.receipt.peak_memory_bytes,
            "{id} {n}: the memory"
        );
        decided += usize::from(kept.result.is_ok());
        read += kept.reads.len();
        answers.insert(format!("{:?}", kept.result));
    }
    assert!(decided * 10 >= number * 5, "{id}: most questions get an answer");
    assert!(answers.len() >= 5, "{id}: the questions differ");
    assert_eq!(read > 0, plugin.kind() == PluginKind::TagGenerator);
}

#[test]
fn skills_routing_decides_the_same_again() {
    let most = r#"{"prefer": "most-skilled"}"#;
    let soon = r#"{"relaxation": [{"after-seconds": 5, "ignore-skills": true}]}"#;
    same_again("skills-routing", 3_000, &["{}", most, soon], routing);
}

#[test]
fn an_outbound_rule_decides_the_same_again() {
    same_again("quiet-hours", 600, &["{}", r#"{"otherwise": "CN"}"#], outbound);
}

#[test]
fn tags_from_what_was_read_are_the_same_again() {
    same_again("rfm-mood-tags", 600, &["{}"], tags);
}

#[test]
fn flow_steps_are_the_same_again() {
    same_again("ivr-menu", 600, &["{}", r#"{"survey": ["csat"]}"#], flow);
}

#[test]
fn a_candidate_that_reads_what_was_not_recorded_is_unreplayable() {
    let fixture = fixture();
    let Some(plugin) = bundled(&fixture, "rfm-mood-tags") else {
        return;
    };
    let past = Past {
        refused: false,
        customer: Some(Customer {
            id: CustomerId::new("tel:+8613800138000").unwrap(),
            name: None,
            language: None,
            first_seen_at: Timestamp(NOW - DAY),
            attributes: vec![],
            tags: vec![],
        }),
        ..Past::new(&mut Seeded(1))
    };
    let Question::Tags(question) = &*occasion() else {
        unreachable!("an occasion is a question about tags")
    };
    let mut kept = record(&plugin, Question::Tags(question.clone()), "{}", Arc::new(past));
    assert!(kept.reads.len() >= 3, "{:?}", kept.reads);
    // As if an earlier version had asked for the customer only.
    kept.reads.truncate(1);
    assert_eq!(
        plugin.replay(&kept, kept.by.config.clone(), None),
        Replayed::Unreplayable("50 past interactions".to_owned())
    );
    let beyond = plugin.replay(&kept, kept.by.config.clone(), Some(Arc::new(NoReads)));
    assert!(matches!(beyond, Replayed::Decided(_)), "{beyond:?}");
    kept.complete = false;
    let cut = plugin.replay(&kept, kept.by.config.clone(), Some(Arc::new(NoReads)));
    assert!(matches!(cut, Replayed::Unreplayable(_)), "{cut:?}");
}
