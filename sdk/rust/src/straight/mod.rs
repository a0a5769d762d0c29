//! Straight-line flows: a conversation written as one `async fn`, from the greeting to the good-bye.
//!
//! A flow is a pure step, asked once for each event, in a fresh instance that remembers nothing. A *script* hides that:
//! what it awaited so far is kept in the flow's state, and at each event the script runs again from its beginning, is
//! given the kept results at once, and goes on where it stopped. What it did before is not done again.
//!
//! ```
//! use jackfield_plugin::{Error, voice_flow::{self, Prompt, straight::{Call, Script, Straight}}};
//!
//! struct Welcome;
//!
//! impl Script for Welcome {
//!     type Config = ();
//!
//!     async fn talk(_: &(), call: &Call) -> Result<(), Error> {
//!         let menu = || vec![Prompt::say("en", "For billing press 1, for anything else press 2.")];
//!         let queue = match call.digit(menu(), 5_000).await.as_deref() {
//!             Some("1") => "billing",
//!             _ => "support",
//!         };
//!         call.set("menu", queue);
//!         if call.handed_over(queue).await.is_err() {
//!             call.play(vec![Prompt::say("en", "Nobody can take your call now. Please call again.")]);
//!         }
//!         Ok(()) // hangs up when everything has been played
//!     }
//! }
//!
//! voice_flow::register!(Straight<Welcome>);
//! ```
//!
//! # What a script keeps to
//!
//! - **The same results, the same way.** Time is `call.now()`, and what is asked of the host goes through
//!   `call.once(|| …)`, which keeps the answer: both are the same in each run. A script that waits for something else
//!   than in the run before ends with the error `diverged`, for example after its binding changed. The host then does
//!   what it does when a flow fails: no caller is lost.
//! - **Another version takes over** a call under way only where it would wait for the same after the same results; else
//!   the call stays with the version that it began with.
//! - **One wait at a time.** It awaits what this module offers and nothing else (error `awaits-other`).
//! - **Not for ever.** At most [`MAX_RESULTS`] results, then it ends with the error `too-long`; and the host takes 16 KiB
//!   of state with all of them, so `once` is for small answers. Announcements in a queue count, when they are waited
//!   for. Each step runs all before it again, which costs some ten thousand fuel a result: all of them fit a step's
//!   20 million, as long as the script does no heavy work of its own between them.

/// How a script becomes a flow, which calls and chats do alike with types of their own.
macro_rules! straight_flow {
    ($flow:ident, $talk:ident, $event:ident, $action:ident) => {
        impl From<QueueExit> for Exit {
            fn from(exit: QueueExit) -> Self {
                match exit {
                    QueueExit::UnknownQueue => Self::UnknownQueue,
                    QueueExit::Full => Self::Full,
                    QueueExit::MaxWait => Self::MaxWait,
                }
            }
        }

        impl From<QueueProgress> for Progress {
            fn from(progress: QueueProgress) -> Self {
                Self {
                    position: progress.position,
                    waited: progress.waited,
                    expected_wait: progress.expected_wait,
                }
            }
        }

        impl<S: Script> $flow for Straight<S> {
            type Config = S::Config;
            type State = Log;

            fn step(config: &S::Config, log: &mut Log, event: $event) -> Result<Vec<$action>, Error> {
                match event {
                    $event::Started => log.start(),
                    // Nothing has effect any more.
                    $event::Ended => return Ok(Vec::new()),
                    $event::Migrated(_) => {
                        let talk = $talk(Shared::new(log.clone()));
                        let went = run(&talk.0, S::talk(config, &talk))?;
                        return log.same_place(&went).map(|()| Vec::new());
                    }
                    event => {
                        let result = log
                            .waiting
                            .as_deref()
                            .and_then(|waiting| result(waiting, event));
                        if !log.keep(result) {
                            return Ok(Vec::new());
                        }
                    }
                }
                let talk = $talk(Shared::new(std::mem::take(log)));
                let went = run(&talk.0, S::talk(config, &talk))?;
                *log = went.log;
                let mut actions = went.actions;
                if went.ended {
                    actions.push($action::End);
                }
                Ok(actions)
            }
        }
    };
}

pub mod chat;
pub mod voice;

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Milliseconds, Timestamp};

/// Results that one script may await and keep.
pub const MAX_RESULTS: usize = 256;
/// The timer behind `pause`.
const PAUSE: &str = "straight-pause";

/// What a script has awaited so far: the state of its flow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// When the conversation began.
    started: Timestamp,
    /// Moment, what was awaited, and what came of it.
    results: Vec<(Timestamp, String, Value)>,
    /// What is awaited now; nothing before the beginning and after the end.
    waiting: Option<String>,
}

/// Where a waiting customer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// 1 for the customer who is next.
    pub position: u32,
    /// How long the customer has waited in this queue.
    pub waited: Milliseconds,
    /// The expected further wait; none while nothing is known.
    pub expected_wait: Option<Milliseconds>,
}

/// What happens to a customer in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InQueue {
    /// Still waiting.
    Waiting(Progress),
    /// An agent has taken the conversation; with the agent's id.
    Answered(String),
    /// The queue gave the customer back.
    Left(Exit),
}

/// Why a queue gave a customer back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// There is no queue of that name.
    UnknownQueue,
    /// The queue is full, and has no overflow queue.
    Full,
    /// The queue's longest wait is over, and it has no overflow queue.
    MaxWait,
}

/// One run of a script; `A` is what it orders.
struct Run<A> {
    log: Log,
    /// Results that this run has been given.
    given: usize,
    now: Timestamp,
    /// Ordered since the last result: what earlier runs ordered has been carried out.
    actions: Vec<A>,
    waiting: Option<&'static str>,
    broken: Option<Error>,
}

struct Shared<A>(RefCell<Run<A>>);

impl<A> Shared<A> {
    fn new(log: Log) -> Self {
        Self(RefCell::new(Run {
            now: log.started,
            log,
            given: 0,
            actions: Vec::new(),
            waiting: None,
            broken: None,
        }))
    }

    fn order(&self, action: A) {
        self.0.borrow_mut().actions.push(action);
    }

    fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    /// Waits for a result. When it is kept already, it comes at once, and what was ordered before is done.
    async fn wait<T: DeserializeOwned>(&self, what: &'static str) -> T {
        let mut begun = false;
        poll_fn(|_| self.poll(what, &mut begun)).await
    }

    fn poll<T: DeserializeOwned>(&self, what: &'static str, begun: &mut bool) -> Poll<T> {
        let run = &mut *self.0.borrow_mut();
        if run.broken.is_some() {
            return Poll::Pending;
        }
        if let Some(result) = run.next(what) {
            run.actions.clear();
            return Poll::Ready(result);
        }
        if run.broken.is_none() && run.waiting.is_some() && !*begun {
            run.broken = Some(Error::new(
                "awaits-other",
                format!("{what}: the script waits for two things at once"),
            ));
        }
        *begun = true;
        run.waiting = Some(what);
        Poll::Pending
    }

    /// The value of a question to the host, asked once.
    fn once<T: Serialize + DeserializeOwned>(&self, ask: impl FnOnce() -> T) -> Result<T, Error> {
        if let Some(kept) = self.0.borrow_mut().next("once") {
            return Ok(kept);
        }
        if let Some(broken) = &self.0.borrow().broken {
            return Err(broken.clone());
        }
        // Not while the run is borrowed: the question may look at it.
        let value = ask();
        let kept = serde_json::to_value(&value)
            .map_err(|error| Error::new("bad-state", format!("once: the value can't be kept: {error}")))?;
        let run = &mut *self.0.borrow_mut();
        run.log.results.push((run.now, "once".to_owned(), kept));
        run.given += 1;
        Ok(value)
    }
}

impl<A> Run<A> {
    /// The next kept result, when there is one; it must be one of `what`.
    fn next<T: DeserializeOwned>(&mut self, what: &str) -> Option<T> {
        let (at, kept, result) = self.log.results.get(self.given)?;
        let read = if kept == what {
            serde_json::from_value(result.clone()).map_err(|error| error.to_string())
        } else {
            Err(format!("the run before waited for {kept}"))
        };
        match read {
            Ok(result) => {
                self.now = *at;
                self.given += 1;
                Some(result)
            }
            Err(why) => {
                let number = self.given + 1;
                let message = format!("the script waits for {what} as result {number}, and {why}");
                self.broken.get_or_insert(Error::new("diverged", message));
                None
            }
        }
    }
}

/// Whether the script has reached its end, and what it orders.
struct Went<A> {
    log: Log,
    actions: Vec<A>,
    ended: bool,
}

/// Runs a script over what is kept.
fn run<A>(shared: &Shared<A>, script: impl Future<Output = Result<(), Error>>) -> Result<Went<A>, Error> {
    let ended = match pin!(script).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => {
            done?;
            true
        }
        Poll::Pending => false,
    };
    let run = &mut *shared.0.borrow_mut();
    if let Some(broken) = run.broken.take() {
        return Err(broken);
    }
    if !ended && run.waiting.is_none() {
        let message =
            "the script awaits a future that is not the call's or the chat's: nothing ever wakes it";
        return Err(Error::new("awaits-other", message));
    }
    let mut log = std::mem::take(&mut run.log);
    log.waiting = run.waiting.filter(|_| !ended).map(str::to_owned);
    let results = log.results.len();
    if results > MAX_RESULTS {
        let message = format!("the script keeps {results} results: expected at most {MAX_RESULTS}");
        return Err(Error::new("too-long", message));
    }
    Ok(Went {
        log,
        actions: std::mem::take(&mut run.actions),
        ended,
    })
}

impl Log {
    fn start(&mut self) {
        *self = Self {
            started: crate::host::now(),
            ..Self::default()
        };
    }

    /// Whether another version of the script, given the same results, waits for the same.
    fn same_place<A>(&self, went: &Went<A>) -> Result<(), Error> {
        if went.log.waiting == self.waiting {
            return Ok(());
        }
        let name = |log: &Self| log.waiting.clone().unwrap_or_else(|| "nothing".to_owned());
        let message = format!(
            "the script waited for {}, and this version of it for {}",
            name(self),
            name(&went.log)
        );
        Err(Error::new("diverged", message))
    }

    /// Keeps a result, when it is one of what is awaited.
    fn keep(&mut self, result: Option<Value>) -> bool {
        let (Some(what), Some(result)) = (&self.waiting, result) else {
            return false;
        };
        self.results.push((crate::host::now(), what.clone(), result));
        true
    }
}

/// A result as it is kept.
fn kept<T: Serialize>(result: T) -> Option<Value> {
    // Results are texts, numbers and plain records, which JSON always has a form for.
    serde_json::to_value(result).ok()
}
