//! The host in a plugin's own unit tests (`cargo test`, native): set what the plugin may see, ask, look at the answer.
//!
//! It answers imports as the real host does, limits of lists included; fuel, memory and the check of effects are the
//! real host's alone.

mod facts;

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    Error, Timestamp,
    agent_assist::{self, AgentAssist, Conversation, Suggestion},
    call::{CallAction, CallEvent, CallInfo, QueueStatus},
    channel_connector::{self, ChannelConnector, Conclusion, Outgoing, Received, Request, Response, Webhook},
    chat::{self, Author, ChatAction, ChatEvent, ChatInfo},
    chat_flow::{self, ChatFlow},
    customer::{Customer, Evaluation, Message, PastInteraction, Survey},
    host::Level,
    knowledge::{Entry, Hit, Query},
    outbound_rule::{self, Attempt, OutboundRule, Ruling},
    pacing_strategy::{self, Measurements, PacingStrategy},
    qa_scorecard::{self, Interaction, QaScorecard},
    routing_strategy::{self, LevelNeed, Measure, Outcomes, Plan, RoutingStrategy, Snapshot, WorkDetails},
    tag_generator::{self, Occasion, TagChange, TagGenerator},
    voice_flow::{self, VoiceFlow},
};

pub use facts::{NOW, attributes, customer, messages, names, occasion, past, survey};

/// What the plugin under test may see of the world.
#[derive(Debug, Default)]
pub struct Host {
    /// The binding's configuration as JSON; empty means `{}`.
    pub config: String,
    /// The decision's moment.
    pub now: Timestamp,
    /// Lines that the plugin has written.
    pub log: Vec<(Level, String)>,
    /// The binding's stored values.
    pub values: BTreeMap<String, Vec<u8>>,
    /// The call at hand; none answers `not-granted`.
    pub call: Option<CallInfo>,
    /// The written conversation at hand; none answers `not-granted`.
    pub chat: Option<ChatInfo>,
    /// How queues stand, by id.
    pub queues: BTreeMap<String, QueueStatus>,
    /// The customer at hand.
    pub customer: Option<Customer>,
    /// The customer's finished interactions, newest first.
    pub history: Vec<PastInteraction>,
    /// The customer's survey answers, newest first.
    pub surveys: Vec<Survey>,
    /// Evaluations of the customer's interactions, newest first.
    pub evaluations: Vec<Evaluation>,
    /// Messages of the interaction at hand, oldest first.
    pub messages: Vec<Message>,
    /// The tenant's knowledge base. A search finds the entries whose title or body has a word of the query, whatever
    /// their order of merit for the real host; words are what white space parts.
    pub knowledge: Vec<Entry>,
    /// The queue's id, for routing.
    pub queue: String,
    /// The queue's skill table, for routing.
    pub skills: Vec<String>,
    /// What each piece of waiting work asks for, for routing.
    pub needs: Vec<Vec<LevelNeed>>,
    /// Each free agent's levels, for routing.
    pub levels: Vec<Vec<u8>>,
    /// Each free agent's id, for routing.
    pub agents: Vec<String>,
    /// More about each piece of waiting work, for routing.
    pub work: Vec<WorkDetails>,
    /// What each piece of waiting work is about, as numbers from 0, for routing; all the same when there are none.
    pub reasons: Vec<u32>,
    /// How conversations of agents with reasons went, by both, for routing; none: that may not be seen.
    pub outcomes: Option<BTreeMap<(u32, u32, Measure), Outcomes>>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

impl Host {
    /// A host that knows nothing and has no configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this configuration, as JSON.
    pub fn with_config(mut self, json: &str) -> Self {
        self.config = json.to_owned();
        self
    }

    /// Runs `question` with this host behind the imports.
    pub fn run<T>(&mut self, question: impl FnOnce() -> T) -> T {
        HOST.set(std::mem::take(self));
        let answer = question();
        *self = HOST.take();
        answer
    }

    /// Asks a routing strategy.
    ///
    /// # Errors
    /// The plugin's.
    pub fn assign<P: RoutingStrategy>(&mut self, snapshot: Snapshot) -> Result<Plan, Error> {
        self.run(|| routing_strategy::run::<P>(snapshot))
    }

    /// Asks an outbound rule.
    ///
    /// # Errors
    /// The plugin's.
    pub fn check<P: OutboundRule>(&mut self, attempt: Attempt) -> Result<Ruling, Error> {
        self.run(|| outbound_rule::run::<P>(attempt))
    }

    /// Asks a pacing strategy.
    ///
    /// # Errors
    /// The plugin's.
    pub fn pace<P: PacingStrategy>(
        &mut self,
        measurements: Measurements,
    ) -> Result<pacing_strategy::Plan, Error> {
        self.run(|| pacing_strategy::run::<P>(measurements))
    }

    /// Gives a connector a request of the provider.
    ///
    /// # Errors
    /// The plugin's.
    pub fn receive<P: ChannelConnector>(&mut self, webhook: Webhook) -> Result<Received, Error> {
        self.run(|| channel_connector::receive::<P>(webhook))
    }

    /// Asks a connector for the request that sends a message.
    ///
    /// # Errors
    /// The plugin's.
    pub fn render<P: ChannelConnector>(&mut self, message: Outgoing) -> Result<Request, Error> {
        self.run(|| channel_connector::render::<P>(message))
    }

    /// Gives a connector the provider's response.
    ///
    /// # Errors
    /// The plugin's.
    pub fn conclude<P: ChannelConnector>(&mut self, response: Response) -> Result<Conclusion, Error> {
        self.run(|| channel_connector::conclude::<P>(response))
    }

    /// Asks an agent assist.
    ///
    /// # Errors
    /// The plugin's.
    pub fn suggest<P: AgentAssist>(&mut self, conversation: Conversation) -> Result<Vec<Suggestion>, Error> {
        self.run(|| agent_assist::run::<P>(conversation))
    }

    /// Asks a tag generator.
    ///
    /// # Errors
    /// The plugin's.
    pub fn tags<P: TagGenerator>(&mut self, occasion: Occasion) -> Result<Vec<TagChange>, Error> {
        self.run(|| tag_generator::run::<P>(occasion))
    }

    /// Asks a scorecard.
    ///
    /// # Errors
    /// The plugin's.
    pub fn evaluate<P: QaScorecard>(
        &mut self,
        interaction: Interaction,
    ) -> Result<qa_scorecard::Evaluation, Error> {
        self.run(|| qa_scorecard::run::<P>(interaction))
    }
}

/// One call through a voice flow: keeps the state between steps as the host does.
#[derive(Debug, Default)]
pub struct Call {
    /// What the flow may see.
    pub host: Host,
    /// The flow's state, as the host keeps it.
    pub state: Vec<u8>,
}

impl Call {
    /// A call that has not started.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            state: Vec::new(),
        }
    }

    /// Gives the flow one event.
    ///
    /// # Errors
    /// The plugin's.
    pub fn step<P: VoiceFlow>(&mut self, event: CallEvent) -> Result<Vec<CallAction>, Error> {
        let state = self.state.clone();
        let next = self.host.run(|| voice_flow::run::<P>(state, event))?;
        self.state = next.state;
        Ok(next.actions)
    }
}

/// One written conversation through a chat flow: keeps the state and the messages between steps as the host does.
#[derive(Debug, Default)]
pub struct Chat {
    /// What the flow may see.
    pub host: Host,
    /// The flow's state, as the host keeps it.
    pub state: Vec<u8>,
}

impl Chat {
    /// A conversation that has not started.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            state: Vec::new(),
        }
    }

    /// Gives the flow one event. What it sends is kept among the messages.
    ///
    /// # Errors
    /// The plugin's.
    pub fn step<P: ChatFlow>(&mut self, event: ChatEvent) -> Result<Vec<ChatAction>, Error> {
        let state = self.state.clone();
        let next = self.host.run(|| chat_flow::run::<P>(state, event))?;
        self.state = next.state;
        for action in &next.actions {
            if let ChatAction::Send(sent) = action {
                self.keep(Author::Bot, &sent.text);
            }
        }
        Ok(next.actions)
    }

    /// The customer writes.
    ///
    /// # Errors
    /// The plugin's.
    pub fn say<P: ChatFlow>(&mut self, text: &str) -> Result<Vec<ChatAction>, Error> {
        let message = self.keep(Author::Customer, text);
        self.step::<P>(ChatEvent::Received(chat::Received {
            message,
            attachments: Vec::new(),
        }))
    }

    fn keep(&mut self, author: Author, text: &str) -> Message {
        let message = Message {
            number: self.host.messages.last().map_or(1, |last| last.number + 1),
            at: self.host.now,
            author,
            agent: None,
            text: text.to_owned(),
        };
        self.host.messages.push(message.clone());
        message
    }
}

/// The generated imports' functions, answered from the thread's [`Host`].
pub(crate) mod imports {
    pub(crate) mod config {
        use super::super::HOST;

        pub(crate) fn size() -> u32 {
            get().len() as u32
        }

        pub(crate) fn word(index: u32) -> u64 {
            let mut word = [0; 8];
            for (byte, from) in word.iter_mut().zip(get().bytes().skip(8 * index as usize)) {
                *byte = from;
            }
            u64::from_le_bytes(word)
        }

        pub(crate) fn get() -> String {
            HOST.with_borrow(|host| {
                if host.config.is_empty() {
                    "{}".to_owned()
                } else {
                    host.config.clone()
                }
            })
        }
    }

    pub(crate) mod clock {
        use super::super::{HOST, Timestamp};

        pub(crate) fn now() -> Timestamp {
            HOST.with_borrow(|host| host.now)
        }
    }

    pub(crate) mod log {
        use super::super::{HOST, Level};

        pub(crate) fn write(level: Level, message: &str) {
            HOST.with_borrow_mut(|host| host.log.push((level, message.to_owned())));
        }
    }

    pub(crate) mod key_value {
        use super::super::{Error, HOST};

        pub(crate) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
            HOST.with_borrow(|host| Ok(host.values.get(key).cloned()))
        }

        pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), Error> {
            HOST.with_borrow_mut(|host| host.values.insert(key.to_owned(), value.to_vec()));
            Ok(())
        }

        pub(crate) fn delete(key: &str) -> Result<(), Error> {
            HOST.with_borrow_mut(|host| host.values.remove(key));
            Ok(())
        }
    }

    pub(crate) mod calls {
        use super::super::{CallInfo, Error, HOST, QueueStatus};

        pub(crate) fn current() -> Result<CallInfo, Error> {
            HOST.with_borrow(|host| host.call.clone()).ok_or_else(|| {
                Error::new(
                    "not-granted",
                    "the call may not be seen: set `call` of the test's host",
                )
            })
        }

        pub(crate) fn queue(id: &str) -> Result<QueueStatus, Error> {
            HOST.with_borrow(|host| host.queues.get(id).cloned())
                .ok_or_else(|| Error::new("unknown-queue", format!("there is no queue {id:?}")))
        }
    }

    pub(crate) mod chats {
        use super::super::{ChatInfo, Error, HOST};
        use crate::chat::QueueStatus;

        pub(crate) fn current() -> Result<ChatInfo, Error> {
            HOST.with_borrow(|host| host.chat.clone()).ok_or_else(|| {
                Error::new(
                    "not-granted",
                    "the conversation may not be seen: set `chat` of the test's host",
                )
            })
        }

        pub(crate) fn queue(id: &str) -> Result<QueueStatus, Error> {
            super::calls::queue(id).map(|status| QueueStatus {
                waiting: status.waiting,
                available: status.available,
                signed_in: status.signed_in,
                longest_wait: status.longest_wait,
                expected_wait: status.expected_wait,
            })
        }
    }

    pub(crate) mod entries {
        use super::super::{Entry, Error, HOST, Hit, Query};

        pub(crate) fn search(query: &Query) -> Result<Vec<Hit>, Error> {
            let words: Vec<_> = query.text.split_whitespace().map(str::to_lowercase).collect();
            if words.is_empty() || query.text.len() > 512 {
                return Err(Error::new("bad-query", "text: expected 1 to 512 bytes"));
            }
            let found = |entry: &Entry| {
                let text = format!("{} {}", entry.title, entry.body).to_lowercase();
                words.iter().filter(|word| text.contains(word.as_str())).count()
            };
            HOST.with_borrow(|host| {
                let mut hits: Vec<_> = host
                    .knowledge
                    .iter()
                    .filter(|entry| query.kind.is_none_or(|kind| kind == entry.kind))
                    .filter(|entry| {
                        query
                            .language
                            .as_ref()
                            .is_none_or(|language| *language == entry.language)
                    })
                    .map(|entry| Hit {
                        id: entry.id.clone(),
                        kind: entry.kind,
                        title: entry.title.clone(),
                        language: entry.language.clone(),
                        snippet: entry.body.chars().take(256).collect(),
                        score: found(entry) as f32,
                    })
                    .filter(|hit| hit.score > 0.0)
                    .collect();
                hits.sort_by(|a, b| b.score.total_cmp(&a.score));
                Ok(super::first(&hits, query.limit, 20))
            })
        }

        pub(crate) fn get(id: &str) -> Result<Entry, Error> {
            HOST.with_borrow(|host| host.knowledge.iter().find(|entry| entry.id == id).cloned())
                .ok_or_else(|| Error::new("unknown-entry", format!("there is no entry {id:?}")))
        }
    }

    pub(crate) mod customers {
        use super::super::{Customer, Error, HOST, PastInteraction};

        pub(crate) fn current() -> Result<Option<Customer>, Error> {
            HOST.with_borrow(|host| Ok(host.customer.clone()))
        }

        pub(crate) fn history(limit: u32) -> Result<Vec<PastInteraction>, Error> {
            HOST.with_borrow(|host| Ok(super::first(&host.history, limit, 50)))
        }
    }

    pub(crate) mod scores {
        use super::super::{Error, Evaluation, HOST, Survey};

        pub(crate) fn surveys(limit: u32) -> Result<Vec<Survey>, Error> {
            HOST.with_borrow(|host| Ok(super::first(&host.surveys, limit, 50)))
        }

        pub(crate) fn evaluations(limit: u32) -> Result<Vec<Evaluation>, Error> {
            HOST.with_borrow(|host| Ok(super::first(&host.evaluations, limit, 50)))
        }
    }

    pub(crate) mod messages {
        use super::super::{Error, HOST, Message};

        pub(crate) fn list(after: u32, limit: u32) -> Result<Vec<Message>, Error> {
            HOST.with_borrow(|host| {
                let later: Vec<_> = host
                    .messages
                    .iter()
                    .filter(|message| message.number > after)
                    .cloned()
                    .collect();
                Ok(super::first(&later, limit, 200))
            })
        }
    }

    pub(crate) mod details {
        use super::super::{Error, HOST, LevelNeed, WorkDetails};

        pub(crate) fn queue() -> String {
            HOST.with_borrow(|host| host.queue.clone())
        }

        pub(crate) fn skills() -> Vec<String> {
            HOST.with_borrow(|host| host.skills.clone())
        }

        pub(crate) fn needed_level(work: u32, skill: u8) -> u8 {
            HOST.with_borrow(|host| {
                let needs = host.needs.get(work as usize);
                let need = needs.and_then(|needs| needs.iter().find(|need| need.skill == skill));
                need.map_or(0, |need| need.level)
            })
        }

        pub(crate) fn level(agent: u32, skill: u8) -> u8 {
            HOST.with_borrow(|host| {
                let levels = host.levels.get(agent as usize);
                let level = levels.and_then(|levels| levels.get(usize::from(skill)));
                level.copied().unwrap_or_default()
            })
        }

        pub(crate) fn needs(work: u32) -> Result<Vec<LevelNeed>, Error> {
            HOST.with_borrow(|host| super::entry(&host.needs, work, "needs"))
        }

        pub(crate) fn levels(agent: u32) -> Result<Vec<u8>, Error> {
            HOST.with_borrow(|host| super::entry(&host.levels, agent, "levels"))
        }

        pub(crate) fn agent_id(agent: u32) -> Result<String, Error> {
            HOST.with_borrow(|host| super::entry(&host.agents, agent, "agents"))
        }

        pub(crate) fn work(work: u32) -> Result<WorkDetails, Error> {
            HOST.with_borrow(|host| super::entry(&host.work, work, "work"))
        }
    }

    pub(crate) mod outcomes {
        use super::super::{HOST, Measure, Outcomes};

        pub(crate) fn known() -> bool {
            HOST.with_borrow(|host| host.outcomes.is_some())
        }

        pub(crate) fn reason(work: u32) -> u32 {
            HOST.with_borrow(|host| match host.reasons.get(work as usize) {
                Some(reason) => *reason,
                None if host.reasons.is_empty() => 0,
                None => u32::MAX,
            })
        }

        pub(crate) fn count(agent: u32, reason: u32, by: Measure) -> u32 {
            of(agent, reason, by).count
        }

        pub(crate) fn total(agent: u32, reason: u32, by: Measure) -> u32 {
            of(agent, reason, by).total
        }

        fn of(agent: u32, reason: u32, by: Measure) -> Outcomes {
            HOST.with_borrow(|host| {
                let known = host.outcomes.as_ref();
                let of = known.and_then(|known| known.get(&(agent, reason, by)));
                of.copied().unwrap_or_default()
            })
        }
    }

    use super::Error;

    fn first<T: Clone>(list: &[T], limit: u32, most: usize) -> Vec<T> {
        list.iter()
            .take((limit as usize).clamp(1, most))
            .cloned()
            .collect()
    }

    fn entry<T: Clone>(list: &[T], index: u32, name: &str) -> Result<T, Error> {
        list.get(index as usize).cloned().ok_or_else(|| {
            Error::new(
                "out-of-range",
                format!("`{name}` of the test's host has no entry {index}"),
            )
        })
    }
}
