//! Decisions as recorded, and their replay on the same or another version.
//!
//! A replay gives the plugin the recorded question, moment and answers to its reads. What a candidate asks beyond that
//! is not known, so such a decision is *unreplayable*, never *the same*.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_contact::decision::{
    AgentOutcomes, Answer, Customer, EvaluationRecord, Failure, KnowledgeEntry, KnowledgeHit, KnowledgeQuery,
    Message, PastInteraction, Question, QueueStatus, SurveyRecord, Tag,
};
use jackfield_types::limits::{MAX_RECORDED_READ_BYTES, MAX_RECORDED_READS, MAX_VALUE_BYTES};
use jackfield_types::{
    AgentId, DecisionId, Digest, ExtensionPoint, Grants, InteractionId, PluginId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

use crate::projection::Scope;
use crate::{Ceilings, Decision, Env, LogLine, Plugin, Projection, ReadError, Reads, Receipt};

/// The engine and the table of fuel costs that decided; fuel figures of different engines are not compared.
pub const ENGINE: &str = "wasmtime-48/1";

/// One decision with all that went into it and came out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Names it within the tenant; ids rise with time.
    pub id: DecisionId,
    /// The decision's moment.
    pub at: Timestamp,
    /// What decided.
    pub by: Arc<DecidedBy>,
    /// The question.
    pub question: Arc<Question>,
    /// What the plugin asked of the host, in order, with the answers.
    pub reads: Vec<Read>,
    /// The checked answer, or why there was none.
    pub result: Result<Answer, Failure>,
    /// Keys set or taken away.
    pub kv_writes: Vec<(String, Option<Vec<u8>>)>,
    /// What it cost.
    pub receipt: Receipt,
    /// What the plugin wrote for its author.
    pub log: Vec<LogLine>,
    /// False when reads and log were left out, since the record was too large to keep: it can't be replayed.
    pub complete: bool,
    /// What tenant and platform granted; a replay has it too.
    pub grants: Grants,
    /// The tenant's ceilings of then; a replay has them too.
    pub budget: Option<Ceilings>,
}

/// What decides at a point: one revision of its binding, shared by all its decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedBy {
    /// Where the plugin was bound.
    pub point: ExtensionPoint,
    /// The revision of the binding.
    pub revision: u64,
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// Its component.
    pub digest: Digest,
    /// The configuration as the plugin read it.
    pub config: Arc<str>,
    /// [`ENGINE`] of then.
    pub engine: Arc<str>,
    /// Which fields of customers' data the version saw: the reads hold no others.
    pub projection: Projection,
}

impl DecisionRecord {
    /// The record without reads and log: it can be explained in part, and not replayed.
    pub fn cut(&self) -> Self {
        Self {
            reads: Vec::new(),
            log: Vec::new(),
            complete: false,
            ..self.clone()
        }
    }

    /// Whether texts and bytes of reads and log alone are more than a row holds, so that only [`cut`](Self::cut) fits.
    pub fn is_too_large(&self) -> bool {
        let reads: usize = self.reads.iter().map(Read::bytes).sum();
        let log: usize = self.log.iter().map(|line| line.message.len()).sum();
        reads + log > MAX_VALUE_BYTES
    }
}

/// One question of a plugin to the host, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// The customer at hand.
    Customer(Result<Option<Customer>, ReadError>),
    /// Past interactions: the limit.
    History(usize, Result<Vec<PastInteraction>, ReadError>),
    /// Surveys: the limit.
    Surveys(usize, Result<Vec<SurveyRecord>, ReadError>),
    /// Evaluations: the limit.
    Evaluations(usize, Result<Vec<EvaluationRecord>, ReadError>),
    /// A queue's status: the queue as the plugin named it.
    QueueStatus(String, Result<Option<QueueStatus>, ReadError>),
    /// A key of the binding.
    KvGet(String, Result<Option<Vec<u8>>, ReadError>),
    /// Tags of a waiting customer: the interaction.
    CustomerTags(InteractionId, Result<Vec<Tag>, ReadError>),
    /// Messages: above which number, and the limit.
    Messages(u32, usize, Result<Vec<Message>, ReadError>),
    /// A search in the knowledge base.
    KnowledgeSearch(KnowledgeQuery, Result<Vec<KnowledgeHit>, ReadError>),
    /// An entry of the knowledge base: its id as the plugin named it.
    KnowledgeEntry(String, Result<Option<KnowledgeEntry>, ReadError>),
    /// Outcomes of the snapshot's agents, of which the question tells.
    Outcomes(Result<Vec<AgentOutcomes>, ReadError>),
}

impl Read {
    /// Bytes of the texts in it; what is beside them is small.
    fn bytes(&self) -> usize {
        let tag = |tag: &Tag| tag.name.len() + tag.reason.len();
        match self {
            Self::Customer(Ok(Some(customer))) => {
                let attributes = customer.attributes.iter();
                let attributes: usize = attributes.map(|(key, value)| key.len() + value.len()).sum();
                attributes + customer.tags.iter().map(tag).sum::<usize>()
            }
            Self::CustomerTags(_, Ok(tags)) => tags.iter().map(tag).sum(),
            Self::KvGet(key, Ok(Some(value))) => key.len() + value.len(),
            Self::KvGet(key, _) | Self::QueueStatus(key, _) => key.len(),
            Self::Messages(_, _, Ok(messages)) => messages.iter().map(|message| message.text.len()).sum(),
            Self::KnowledgeSearch(query, found) => {
                let found = found.iter().flatten();
                query.text.len()
                    + found
                        .map(|hit| hit.title.len() + hit.snippet.len())
                        .sum::<usize>()
            }
            Self::KnowledgeEntry(id, Ok(Some(entry))) => id.len() + entry.title.len() + entry.body.len(),
            Self::KnowledgeEntry(id, _) => id.len(),
            _ => 0,
        }
    }
}

/// Answers as another does, and keeps what was asked, up to [`MAX_RECORDED_READS`] and [`MAX_RECORDED_READ_BYTES`].
pub struct Recording {
    inner: Arc<dyn Reads>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    reads: Vec<Read>,
    bytes: usize,
    overflowed: bool,
}

impl Recording {
    /// Records what is asked of `inner`.
    pub fn new(inner: Arc<dyn Reads>) -> Self {
        Self {
            inner,
            seen: Mutex::default(),
        }
    }

    /// What was asked so far, in order; leaves nothing behind. `None` when it was more than is kept: the decision can't
    /// be replayed.
    pub fn take(&self) -> Option<Vec<Read>> {
        let Seen {
            reads, overflowed, ..
        } = std::mem::take(&mut *lock(&self.seen));
        (!overflowed).then_some(reads)
    }

    fn keep<T: Clone>(&self, answer: T, read: impl FnOnce(T) -> Read) -> T {
        let mut seen = lock(&self.seen);
        if seen.overflowed {
            return answer;
        }
        let read = read(answer.clone());
        seen.bytes += read.bytes();
        if seen.reads.len() == MAX_RECORDED_READS || seen.bytes > MAX_RECORDED_READ_BYTES {
            *seen = Seen {
                overflowed: true,
                ..Seen::default()
            };
        } else {
            seen.reads.push(read);
        }
        answer
    }
}

impl Reads for Recording {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        self.keep(self.inner.customer(), Read::Customer)
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.keep(self.inner.history(limit), |found| Read::History(limit, found))
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.keep(self.inner.surveys(limit), |found| Read::Surveys(limit, found))
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.keep(self.inner.evaluations(limit), |found| {
            Read::Evaluations(limit, found)
        })
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        self.keep(self.inner.queue_status(id), |found| {
            Read::QueueStatus(id.to_owned(), found)
        })
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.keep(self.inner.kv_get(key), |found| Read::KvGet(key.to_owned(), found))
    }

    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        self.keep(self.inner.customer_tags(interaction), |found| {
            Read::CustomerTags(interaction, found)
        })
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        self.keep(self.inner.messages(after, limit), |found| {
            Read::Messages(after, limit, found)
        })
    }

    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        self.keep(self.inner.knowledge_search(query), |found| {
            Read::KnowledgeSearch(query.clone(), found)
        })
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        self.keep(self.inner.knowledge_entry(id), |found| {
            Read::KnowledgeEntry(id.to_owned(), found)
        })
    }

    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        self.keep(self.inner.outcomes(agents, reasons), Read::Outcomes)
    }
}

/// Answers from a record. The same question asked again gets the answers in the order in which they were given, the
/// last of them for good. What is not in the record goes to `beyond`, or is noted as missing.
struct Replaying {
    reads: Vec<Read>,
    used: Mutex<Vec<bool>>,
    beyond: Option<Arc<dyn Reads>>,
    missing: Mutex<Option<String>>,
    /// What the version that was recorded saw, and what the one that is asked now sees.
    projections: [Projection; 2],
}

impl Replaying {
    /// [`Replaying::find`], unless the answer lacks a field that is seen now.
    fn find_projected<T>(
        &self,
        scope: &Scope,
        what: impl FnOnce() -> String,
        pick: impl Fn(&Read) -> Option<&Result<T, ReadError>>,
        beyond: impl FnOnce(&dyn Reads) -> Result<T, ReadError>,
    ) -> Result<T, ReadError>
    where
        Result<T, ReadError>: Clone,
    {
        let [recorded, now] = &self.projections;
        match now.beyond(recorded, scope) {
            Some(fields) => self.find(|| fields, |_| None, beyond),
            None => self.find(what, pick, beyond),
        }
    }

    fn find<T>(
        &self,
        what: impl FnOnce() -> String,
        pick: impl Fn(&Read) -> Option<&Result<T, ReadError>>,
        beyond: impl FnOnce(&dyn Reads) -> Result<T, ReadError>,
    ) -> Result<T, ReadError>
    where
        Result<T, ReadError>: Clone,
    {
        let mut used = lock(&self.used);
        let mut fitting = (0..)
            .zip(&self.reads)
            .filter_map(|(n, read)| Some((n, pick(read)?)));
        let mut latest: Option<(usize, &Result<T, ReadError>)> = None;
        let found = loop {
            match fitting.next() {
                Some(next) => {
                    latest = Some(next);
                    if !used[next.0] {
                        break latest;
                    }
                }
                None => break latest,
            }
        };
        if let Some((n, answer)) = found {
            used[n] = true;
            return answer.clone();
        }
        drop(used);
        if let Some(reads) = &self.beyond {
            return beyond(&**reads);
        }
        lock(&self.missing).get_or_insert_with(what);
        Err(ReadError::unavailable("the record does not hold this"))
    }
}

impl Reads for Replaying {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        self.find_projected(
            &Scope::CUSTOMER,
            || "the customer".to_owned(),
            |read| match read {
                Read::Customer(found) => Some(found),
                _ => None,
            },
            |reads| reads.customer(),
        )
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.find_projected(
            &Scope::HISTORY,
            || format!("{limit} past interactions"),
            |read| match read {
                Read::History(asked, found) if *asked == limit => Some(found),
                _ => None,
            },
            |reads| reads.history(limit),
        )
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.find_projected(
            &Scope::SURVEYS,
            || format!("{limit} surveys"),
            |read| match read {
                Read::Surveys(asked, found) if *asked == limit => Some(found),
                _ => None,
            },
            |reads| reads.surveys(limit),
        )
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.find_projected(
            &Scope::EVALUATIONS,
            || format!("{limit} evaluations"),
            |read| match read {
                Read::Evaluations(asked, found) if *asked == limit => Some(found),
                _ => None,
            },
            |reads| reads.evaluations(limit),
        )
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        self.find(
            || format!("the status of queue {id:.64}"),
            |read| match read {
                Read::QueueStatus(asked, found) if asked == id => Some(found),
                _ => None,
            },
            |reads| reads.queue_status(id),
        )
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.find(
            || format!("the key {key:.64}"),
            |read| match read {
                Read::KvGet(asked, found) if asked == key => Some(found),
                _ => None,
            },
            |reads| reads.kv_get(key),
        )
    }

    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        self.find_projected(
            &Scope::TAGS,
            || format!("the tags of the customer of {interaction}"),
            |read| match read {
                Read::CustomerTags(asked, found) if *asked == interaction => Some(found),
                _ => None,
            },
            |reads| reads.customer_tags(interaction),
        )
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        self.find(
            || format!("{limit} messages above {after}"),
            |read| match read {
                Read::Messages(above, asked, found) if (*above, *asked) == (after, limit) => Some(found),
                _ => None,
            },
            |reads| reads.messages(after, limit),
        )
    }

    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        self.find(
            || format!("a search for {:.64}", query.text),
            |read| match read {
                Read::KnowledgeSearch(asked, found) if asked == query => Some(found),
                _ => None,
            },
            |reads| reads.knowledge_search(query),
        )
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        self.find(
            || format!("the entry {id:.64} of the knowledge base"),
            |read| match read {
                Read::KnowledgeEntry(asked, found) if asked == id => Some(found),
                _ => None,
            },
            |reads| reads.knowledge_entry(id),
        )
    }

    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        self.find(
            || "outcomes of agents".to_owned(),
            |read| match read {
                Read::Outcomes(found) => Some(found),
                _ => None,
            },
            |reads| reads.outcomes(agents, reasons),
        )
    }
}

/// Answers as recorded, each in its order; what was not recorded is asked of `beyond`.
pub fn recorded_reads(reads: Vec<Read>, beyond: Arc<dyn Reads>) -> Arc<dyn Reads> {
    Arc::new(Replaying {
        used: Mutex::new(vec![false; reads.len()]),
        reads,
        beyond: Some(beyond),
        missing: Mutex::default(),
        projections: Default::default(),
    })
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// The version decided on what is in the record alone.
    Decided(Box<Decision>),
    /// It asked the host for something that the record does not hold: what.
    Unreplayable(String),
}

impl Plugin {
    /// Decides a recorded question again, with this version. Runs on the calling thread like [`Plugin::decide`].
    ///
    /// `beyond` is asked for what the record does not hold; without it such a read makes the decision
    /// [`Replayed::Unreplayable`].
    pub fn replay(
        &self,
        record: &DecisionRecord,
        config: Arc<str>,
        beyond: Option<Arc<dyn Reads>>,
    ) -> Replayed {
        if !record.complete {
            return Replayed::Unreplayable("the reads: the record was too large to keep whole".to_owned());
        }
        let reads = Arc::new(Replaying {
            used: Mutex::new(vec![false; record.reads.len()]),
            reads: record.reads.clone(),
            beyond,
            missing: Mutex::default(),
            projections: [record.by.projection.clone(), self.projection().clone()],
        });
        let env = Env {
            now: record.at,
            config,
            reads: reads.clone(),
            grants: record.grants,
            budget: record.budget,
        };
        let decision = self.decide(record.question.clone(), env);
        match lock(&reads.missing).take() {
            Some(what) => Replayed::Unreplayable(what),
            None => Replayed::Decided(Box::new(decision)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(Mutex<u8>);

    impl Reads for Counting {
        fn kv_get(&self, _: &str) -> Result<Option<Vec<u8>>, ReadError> {
            let mut n = lock(&self.0);
            *n += 1;
            Ok(Some(vec![*n]))
        }
    }

    fn replaying(reads: Vec<Read>, beyond: Option<Arc<dyn Reads>>) -> Replaying {
        Replaying {
            used: Mutex::new(vec![false; reads.len()]),
            reads,
            beyond,
            missing: Mutex::default(),
            projections: Default::default(),
        }
    }

    #[test]
    fn what_was_recorded_is_answered_again_in_its_order() {
        let recording = Recording::new(Arc::new(Counting(Mutex::new(0))));
        let live: Vec<_> = ["a", "b", "a"].map(|key| recording.kv_get(key)).into();
        let replay = replaying(recording.take().unwrap(), None);
        let again: Vec<_> = ["a", "b", "a"].map(|key| replay.kv_get(key)).into();
        assert_eq!(live, again);
        assert_eq!(replay.kv_get("a"), live[2], "the last answer holds for good");
        assert!(lock(&replay.missing).is_none());
    }

    /// What is kept of a flood of reads does not grow with it.
    #[test]
    fn a_flood_of_reads_is_not_kept() {
        struct Large;
        impl Reads for Large {
            fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
                Ok((key == "large").then(|| vec![0; 16 * 1024]))
            }
        }
        for (key, enough, most) in [("large", 63, 64), ("none", 1_024, 1_025)] {
            let recording = Recording::new(Arc::new(Large));
            let flood = |times| (0..times).for_each(|_| drop(recording.kv_get(key)));
            flood(enough);
            assert_eq!(recording.take().map(|reads| reads.len()), Some(enough));
            flood(most);
            assert_eq!(recording.take(), None);
            flood(100_000);
            assert!(lock(&recording.seen).reads.capacity() == 0);
        }
    }

    #[test]
    fn words_of_conversations_and_knowledge_are_recorded_too() {
        struct Words;
        impl Reads for Words {
            fn messages(&self, after: u32, _: usize) -> Result<Vec<Message>, ReadError> {
                Ok(vec![Message {
                    number: after + 1,
                    at: Timestamp(1),
                    author: jackfield_contact::decision::Author::Bot,
                    text: "hi".into(),
                }])
            }
        }
        let query = KnowledgeQuery {
            text: "refund".into(),
            language: None,
            kind: None,
            limit: 3,
        };
        let ask = |reads: &dyn Reads| {
            let found = (
                reads.messages(4, 5),
                reads.knowledge_search(&query),
                reads.knowledge_entry("a"),
            );
            assert_eq!(found.0.as_ref().unwrap()[0].number, 5);
            assert_eq!((&found.1, &found.2), (&Ok(vec![]), &Ok(None)));
        };
        let recording = Recording::new(Arc::new(Words));
        ask(&recording);
        let replay = replaying(recording.take().unwrap(), None);
        ask(&replay);
        assert!(lock(&replay.missing).is_none());
        assert!(replay.messages(5, 5).is_err());
        assert_eq!(lock(&replay.missing).as_deref(), Some("5 messages above 5"));
    }

    #[test]
    fn a_version_that_sees_more_than_was_recorded_cannot_be_replayed_and_one_that_sees_less_can() {
        let seen = |field: &str| {
            let pii = crate::PiiClass::Personal;
            Projection::of(&[crate::ProjectedField {
                field: field.into(),
                pii,
            }])
            .unwrap()
        };
        let (tags, all) = (seen("customer.tags"), Projection::default());
        let replay = |from: &Projection, to: &Projection| {
            let projections = [from.clone(), to.clone()];
            let reads = vec![Read::Customer(Ok(None)), Read::History(5, Ok(vec![]))];
            Replaying {
                projections,
                ..replaying(reads, None)
            }
        };
        let same = replay(&tags, &tags);
        assert_eq!(same.customer(), Ok(None));
        assert_eq!(replay(&all, &tags).customer(), Ok(None));
        let wider = replay(&tags, &seen("customer.name"));
        assert!(wider.customer().is_err());
        assert_eq!(lock(&wider.missing).as_deref(), Some("customer.name"));
        let wider = replay(&tags, &seen("history"));
        assert_eq!(wider.customer(), Ok(None));
        assert!(wider.history(5).is_err());
        assert_eq!(lock(&wider.missing).as_deref(), Some("history"));
    }

    #[test]
    fn what_was_not_recorded_is_missing_or_asked_beyond() {
        let replay = replaying(vec![], None);
        assert!(replay.history(5).unwrap_err().retryable);
        assert_eq!(lock(&replay.missing).as_deref(), Some("5 past interactions"));
        let replay = replaying(vec![], Some(Arc::new(Counting(Mutex::new(6)))));
        assert_eq!(replay.kv_get("a"), Ok(Some(vec![7])));
        assert!(lock(&replay.missing).is_none());
    }
}
