//! The suite's cases: files in the form of `sdk/docs/cases.md`, the same for every language (`tests/cases/KIND/`), and
//! many more that are made.

use std::{cell::Cell, collections::BTreeMap, fs, path::Path, sync::Arc};

use jackfield_contact::decision::{
    Answer, KnowledgeEntry, KnowledgeHit, KnowledgeQuery, Message, PastInteraction, Question, QueueStatus,
    SurveyAnswer, SurveyRecord, TagQuestion,
};
use jackfield_sandbox::{Env, ReadError, Reads};
use jackfield_types::{Capability, Grants, InteractionId, PluginKind, Timestamp};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) about: String,
    pub(super) now: Timestamp,
    #[serde(default = "nothing")]
    pub(super) config: Value,
    pub(super) question: Question,
    #[serde(default)]
    pub(super) host: World,
    pub(super) expect: Option<Expect>,
}

fn nothing() -> Value {
    serde_json::json!({})
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    answer: Option<Answer>,
    /// A code in the message of a failure `plugin-error`.
    message: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, Value>,
}

/// What a plugin may read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct World {
    pub(super) history: Vec<PastInteraction>,
    pub(super) surveys: Vec<SurveyRecord>,
    pub(super) messages: Vec<Message>,
    pub(super) values: BTreeMap<String, String>,
    pub(super) queues: BTreeMap<String, QueueStatus>,
    pub(super) knowledge: Vec<KnowledgeEntry>,
    pub(super) not_granted: Vec<Capability>,
}

impl Reads for World {
    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        Ok(self.history.iter().take(limit).cloned().collect())
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        Ok(self.surveys.iter().take(limit).cloned().collect())
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        let later = self.messages.iter().filter(|message| message.number > after);
        Ok(later.take(limit).cloned().collect())
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        Ok(self.queues.get(id).copied())
    }

    /// Whatever the words; the longer an entry, the better it fits.
    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        let fits = |entry: &&KnowledgeEntry| {
            query.kind.is_none_or(|kind| entry.kind == kind)
                && query
                    .language
                    .as_ref()
                    .is_none_or(|language| entry.language == *language)
        };
        let hit = |entry: &KnowledgeEntry| KnowledgeHit {
            id: entry.id.clone(),
            kind: entry.kind,
            title: entry.title.clone(),
            language: entry.language.clone(),
            snippet: entry.body.clone(),
            score: entry.body.len() as f32 / 8.0,
        };
        let fitting = self.knowledge.iter().filter(fits);
        Ok(fitting.take(query.limit).map(hit).collect())
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        Ok(self.knowledge.iter().find(|entry| &*entry.id == id).cloned())
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.values.get(key).map(|value| value.clone().into_bytes()))
    }
}

/// An answer or the code of the plugin's error, and the values written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) result: Result<Answer, String>,
    pub(super) values: BTreeMap<String, Option<String>>,
}

impl From<Result<Answer, String>> for Outcome {
    fn from(result: Result<Answer, String>) -> Self {
        Self {
            result,
            values: BTreeMap::new(),
        }
    }
}

impl Case {
    pub(super) fn env(&self) -> Env {
        Env {
            now: self.now,
            config: self.config.to_string().into(),
            reads: Arc::new(self.host.clone()),
            grants: Grants::ALL
                .iter()
                .filter(|capability| !self.host.not_granted.contains(capability))
                .collect(),
            budget: None,
        }
    }

    /// A figure of the configuration.
    pub(super) fn figure(&self, name: &str, otherwise: u64) -> u64 {
        self.config[name].as_u64().unwrap_or(otherwise)
    }

    pub(super) fn is_granted(&self, capability: Capability) -> Result<(), String> {
        if self.host.not_granted.contains(&capability) {
            return Err("not-granted".to_owned());
        }
        Ok(())
    }

    /// How a queue stands, as a plugin with a capability sees it.
    pub(super) fn queue(&self, with: Capability, id: &str) -> Result<QueueStatus, String> {
        self.is_granted(with)?;
        self.host
            .queues
            .get(id)
            .copied()
            .ok_or("unknown-queue".to_owned())
    }

    /// Whether what is expected has come.
    pub(super) fn judge(&self, outcome: &Outcome) {
        let Some(expect) = &self.expect else { return };
        let about = &self.about;
        assert_eq!(outcome.result.as_ref().ok(), expect.answer.as_ref(), "{about}");
        assert_eq!(outcome.result.as_ref().err(), expect.message.as_ref(), "{about}");
        let values: BTreeMap<String, Value> = outcome
            .values
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.clone())))
            .collect();
        assert_eq!(values, expect.values, "{about}");
    }
}

/// The case files of a kind.
pub(super) fn written(kind: PluginKind) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(kind.as_str());
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let cases: Vec<Case> = files
        .map(|path| {
            serde_json::from_slice(&fs::read(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect();
    assert!(!cases.is_empty());
    cases
}

/// Figures by chance, the same each time.
pub(super) struct Dice(Cell<u64>);

impl Dice {
    pub(super) fn new() -> Self {
        Self(Cell::new(7))
    }

    pub(super) fn below(&self, limit: u64) -> u64 {
        let next = self
            .0
            .get()
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0.set(next);
        (next >> 33) % limit
    }

    pub(super) fn one_in(&self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub(super) fn of<T: Copy>(&self, some: &[T]) -> T {
        some[self.below(some.len() as u64) as usize]
    }

    pub(super) fn some<T>(&self, most: u64, make: impl Fn() -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make()).collect()
    }

    /// A text of some scripts.
    pub(super) fn text(&self) -> Arc<str> {
        self.of(&[
            "",
            "hello",
            "我要退款，谢谢",
            "naïve 😀 \"quoted\" \\ and more",
            "refund please",
        ])
        .into()
    }

    pub(super) fn interaction(&self) -> InteractionId {
        let id = format!("0198f000-0000-7000-8000-{:012x}", self.below(1 << 40));
        id.parse().unwrap()
    }

    pub(super) fn survey(&self) -> SurveyAnswer {
        let lowest = self.below(2) as u8;
        let highest = lowest + self.below(10) as u8;
        SurveyAnswer {
            question: self.of(&["csat", "nps"]).into(),
            value: lowest + self.below(u64::from(highest - lowest) + 1) as u8,
            lowest,
            highest,
        }
    }

    pub(super) fn attributes(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.some(4, || (self.of(&["intent", "rude", "意图"]).into(), self.text()))
    }

    pub(super) fn case(&self, config: Value, question: Question) -> Case {
        Case {
            about: "made".to_owned(),
            now: crate::env().now,
            config,
            question,
            host: World::default(),
            expect: None,
        }
    }
}

pub(super) fn occasion(question: &Question) -> &TagQuestion {
    let Question::Tags(question) = question else {
        unreachable!()
    };
    question
}
