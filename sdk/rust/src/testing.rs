//! The host in a plugin's own unit tests (`cargo test`, native): set what the plugin may see, ask, look at the answer.
//!
//! It answers imports as the real host does, limits of lists included; fuel, memory and the check of effects are the
//! real host's alone.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    Error, Timestamp,
    call::{CallAction, CallEvent, CallInfo, QueueStatus},
    customer::{Customer, Evaluation, Message, PastInteraction, Survey},
    host::Level,
    outbound_rule::{self, Attempt, OutboundRule, Ruling},
    qa_scorecard::{self, Interaction, QaScorecard},
    routing_strategy::{self, LevelNeed, Plan, RoutingStrategy, Snapshot, WorkDetails},
    tag_generator::{self, Occasion, TagChange, TagGenerator},
    voice_flow::{self, VoiceFlow},
};

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

/// The generated imports' functions, answered from the thread's [`Host`].
pub(crate) mod imports {
    pub(crate) mod config {
        use super::super::HOST;

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
