//! Case files: one question to a plugin with all that surrounds it, and what is expected. The same form for all
//! languages; JSON, in the words of `decision explain`, whose output is a case as it stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jackfield_contact::decision::{
    Answer, ChatAction, ChatEvent, Failure as NoAnswer, FlowAction, FlowEvent, Question,
};
use jackfield_sandbox::{Decision, Env, Plugin, Read, Receipt, Recording, recorded_reads};
use jackfield_types::{Grants, Timestamp, article};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::sign;
use super::mocks::Mocks;
use super::words::{compact, readable};

/// What a failure of the binding's configuration is called; the server refuses such a binding.
const BAD_CONFIG: &str = "invalid-config";

/// A case file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What it shows, for people.
    #[serde(default)]
    pub(super) about: Option<String>,
    /// The decision's moment.
    now: Moment,
    /// The binding's configuration.
    #[serde(default)]
    config: Value,
    /// An object with one field: `flow`, `routing`, `outbound`, …
    question: Value,
    /// What the plugin may read.
    #[serde(default)]
    host: Mocks,
    /// Reads as recorded; they go before `host`.
    #[serde(default)]
    reads: Vec<Read>,
    /// What is expected; a snapshot when it names neither answer nor failure.
    #[serde(default)]
    pub(super) expect: Expect,
    /// Further steps of a flow; each gets the state of the one before.
    #[serde(default)]
    pub(super) then: Vec<Step>,
}

/// One more event of a conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    event: Value,
    /// Milliseconds after the step before.
    #[serde(default)]
    after_ms: u64,
    #[serde(default)]
    pub(super) expect: Expect,
}

/// What is expected of a step. What is left out is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// The whole answer; a flow's state may be left out.
    pub(super) answer: Option<Value>,
    /// The failure's code, for example `plugin-error`.
    pub(super) failure: Option<String>,
    /// Stands somewhere in the failure's message.
    pub(super) message: Option<String>,
    /// Values of the binding after the step, by key; null for one that is taken away.
    pub(super) values: Option<Map<String, Value>>,
    /// Stands somewhere in the log.
    pub(super) log: Option<String>,
    /// At most so much fuel.
    pub(super) fuel_at_most: Option<u64>,
}

/// Milliseconds since the epoch, or RFC 3339.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Moment {
    Ms(u64),
    Text(String),
}

/// What `jackfield decision explain --json` prints.
#[derive(Deserialize)]
struct Recorded {
    at: u64,
    #[serde(default)]
    config: Value,
    question: Value,
    #[serde(default)]
    reads: Vec<Read>,
    answer: Value,
    failure: Option<String>,
}

impl From<Recorded> for Case {
    fn from(recorded: Recorded) -> Self {
        let failure = recorded.failure.as_deref();
        let code = failure.and_then(|text| Some(text.split_once(':')?.0.to_owned()));
        Self {
            about: None,
            now: Moment::Ms(recorded.at),
            config: recorded.config,
            question: recorded.question,
            host: Mocks::default(),
            reads: recorded.reads,
            expect: Expect {
                answer: Some(recorded.answer).filter(|answer| !answer.is_null()),
                failure: code,
                ..Expect::default()
            },
            then: Vec::new(),
        }
    }
}

/// What came of one step.
pub(super) struct Outcome {
    /// The answer in readable form, or why there is none.
    pub(super) result: Result<Value, NoAnswer>,
    /// What the plugin read, with the answers.
    pub(super) reads: Vec<Value>,
    /// The values that it wrote.
    pub(super) values: Map<String, Value>,
    /// Its log, a line each.
    pub(super) log: Vec<String>,
    /// What it cost.
    pub(super) receipt: Receipt,
}

/// One step of a case: what was asked, what surrounded it, and what came of it.
pub(super) struct Asked {
    pub(super) question: Arc<Question>,
    pub(super) env: Env,
    pub(super) outcome: Outcome,
}

impl Outcome {
    /// As JSON, all of it.
    pub(super) fn json(&self) -> Value {
        let (answer, failure) = match &self.result {
            Ok(answer) => (answer.clone(), Value::Null),
            Err(failure) => (
                Value::Null,
                json!({"code": failure.code, "message": failure.message}),
            ),
        };
        json!({
            "answer": answer, "failure": failure, "reads": self.reads, "values": self.values, "log": self.log,
            "fuel": self.receipt.fuel, "peak_memory_bytes": self.receipt.peak_memory_bytes,
            "wall_us": self.receipt.wall_us,
        })
    }
}

impl Case {
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", file.display()));
        let value: Value = serde_json::from_slice(&sign::read(file)?).map_err(|error| wrong(&error))?;
        // Only a record tells which engine decided.
        let case: Self = if value.get("engine").is_some() {
            Recorded::deserialize(value)
                .map_err(|error| wrong(&error))?
                .into()
        } else {
            Self::deserialize(value).map_err(|error| wrong(&error))?
        };
        case.question().map_err(|error| wrong(&error))?;
        case.now().map_err(|error| wrong(&error))?;
        Ok(case)
    }

    /// The question that the file holds.
    pub(super) fn question(&self) -> Result<Question, String> {
        Question::deserialize(compact(self.question.clone())).map_err(|error| format!("question: {error}"))
    }

    fn now(&self) -> Result<Timestamp, String> {
        match &self.now {
            Moment::Ms(ms) => Ok(Timestamp(*ms)),
            Moment::Text(text) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .and_then(|at| u64::try_from(at.as_millisecond()).ok())
                .map(Timestamp)
                .ok_or_else(|| {
                    format!(
                        "now {text:?}: expected milliseconds since 1970 or a moment as 2026-11-22T09:30:00Z"
                    )
                }),
        }
    }

    /// The binding's configuration as the plugin reads it.
    pub(super) fn config(&self) -> Value {
        match &self.config {
            Value::Null => json!({}),
            config => config.clone(),
        }
    }

    fn env_at(&self, now: Timestamp, host: &Mocks) -> Env {
        let granted: Grants = Grants::ALL
            .iter()
            .filter(|capability| !host.not_granted.contains(capability))
            .collect();
        Env {
            now,
            config: self.config().to_string().into(),
            reads: recorded_reads(self.reads.clone(), Arc::new(host.clone())),
            grants: granted,
            budget: None,
        }
    }

    /// Asks the plugin, step by step; a step that fails is the last.
    pub(super) fn play(&self, plugin: &Plugin) -> Result<Vec<Outcome>, String> {
        Ok(self
            .asked(plugin)?
            .into_iter()
            .map(|asked| asked.outcome)
            .collect())
    }

    /// The same with what was asked at each step.
    pub(super) fn asked(&self, plugin: &Plugin) -> Result<Vec<Asked>, String> {
        let mut question = self.question()?;
        if question.kind() != plugin.kind() {
            let (asked, plugin_kind) = (question.kind().as_str(), plugin.kind().as_str());
            return Err(format!(
                "question: is one to {} {asked}, and {} is {} {plugin_kind}",
                article(asked),
                plugin.manifest().id,
                article(plugin_kind)
            ));
        }
        if let Some(refused) = self.refused_config(plugin) {
            let env = self.env_at(self.now()?, &self.host);
            return Ok(vec![Asked {
                question: Arc::new(question),
                env,
                outcome: refused,
            }]);
        }
        let (mut now, mut host) = (self.now()?, self.host.clone());
        let (first, answer) = step(plugin, question.clone(), self.env_at(now, &host), &mut host);
        let mut all = vec![first];
        let mut last = answer;
        for (n, next) in self.then.iter().enumerate() {
            let Some(answer) = last else { break };
            now = Timestamp(now.0.saturating_add(next.after_ms));
            question =
                follow(question, answer, &next.event).map_err(|error| format!("then[{n}]: {error}"))?;
            let (outcome, answer) = step(plugin, question.clone(), self.env_at(now, &host), &mut host);
            all.push(outcome);
            last = answer;
        }
        Ok(all)
    }

    /// A configuration that the server would not bind.
    fn refused_config(&self, plugin: &Plugin) -> Option<Outcome> {
        let schema = plugin.manifest().config_schema.as_ref()?;
        let error = jackfield_registry::check_config(schema, &self.config()).err()?;
        Some(Outcome {
            result: Err(NoAnswer {
                code: BAD_CONFIG.into(),
                message: error.to_string().into(),
            }),
            reads: Vec::new(),
            values: Map::new(),
            log: Vec::new(),
            receipt: Receipt::default(),
        })
    }

    /// What is expected of each step, the first one included.
    pub(super) fn expected(&self) -> impl Iterator<Item = &Expect> {
        std::iter::once(&self.expect).chain(self.then.iter().map(|step| &step.expect))
    }
}

fn step(plugin: &Plugin, question: Question, surroundings: Env, host: &mut Mocks) -> (Asked, Option<Answer>) {
    let recording = Arc::new(Recording::new(surroundings.reads.clone()));
    let env = Env {
        reads: recording.clone(),
        ..surroundings.clone()
    };
    let question = Arc::new(question);
    let Decision {
        result,
        receipt,
        log,
        kv_writes,
    } = plugin.decide(question.clone(), env);
    host.write(&kv_writes);
    let json = |value: serde_json::Result<Value>| readable(value.unwrap_or_default());
    let written = |value: Option<Vec<u8>>| {
        value.map_or(Value::Null, |bytes| {
            readable(json!({"state": bytes}))["state"].take()
        })
    };
    let outcome = Outcome {
        result: match &result {
            Ok(answer) => Ok(json(serde_json::to_value(answer))),
            Err(failure) => Err(failure.clone()),
        },
        reads: recording
            .take()
            .unwrap_or_default()
            .iter()
            .map(|read| json(serde_json::to_value(read)))
            .collect(),
        values: kv_writes
            .into_iter()
            .map(|(key, value)| (key, written(value)))
            .collect(),
        log: log
            .into_iter()
            .map(|line| format!("{}: {}", line.level.as_str(), line.message))
            .collect(),
        receipt,
    };
    let asked = Asked {
        question,
        env: surroundings,
        outcome,
    };
    (asked, result.ok())
}

/// The question of a flow's next step: the state and the attributes are those that the last one left.
fn follow(question: Question, answer: Answer, event: &Value) -> Result<Question, String> {
    let wrong = |error: serde_json::Error| format!("event: {error}");
    match (question, answer) {
        (Question::Flow(mut flow), Answer::Flow(answer)) => {
            flow.event = FlowEvent::deserialize(event).map_err(wrong)?;
            flow.state = answer.state;
            for action in answer.actions {
                if let FlowAction::Set(key, value) = action {
                    set(&mut flow.call.attributes, key, value);
                }
            }
            Ok(Question::Flow(flow))
        }
        (Question::Chat(mut chat), Answer::Chat(answer)) => {
            chat.event = ChatEvent::deserialize(event).map_err(wrong)?;
            chat.state = answer.state;
            for action in answer.actions {
                if let ChatAction::Set(key, value) = action {
                    set(&mut chat.chat.attributes, key, value);
                }
            }
            Ok(Question::Chat(chat))
        }
        (question, _) => {
            let kind = question.kind().as_str();
            Err(format!("{} {kind} has no steps: expected a flow", article(kind)))
        }
    }
}

type Attributes = Vec<(Arc<str>, Arc<str>)>;

fn set(attributes: &mut Attributes, key: Arc<str>, value: Arc<str>) {
    attributes.retain(|(known, _)| *known != key);
    attributes.push((key, value));
}

/// The case files of a plugin's folder, in the order of their names.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = dir.join("tests");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.ends_with(".json") && !name.ends_with(super::test::SNAPSHOT)) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::Work(format!(
            "{}: no case: expected files like tests/first.json; `jackfield plugin new` shows one, and what \
             `jackfield decision explain ID --json` prints is one",
            folder.display()
        )));
    }
    Ok(found)
}
