//! Straight-line voice flows; [`straight`](crate::straight) tells how they work.

use std::{future::Future, marker::PhantomData};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use super::{Exit, InQueue, Log, Progress};
use super::{PAUSE, Shared, kept, run};
use crate::{
    Error, Milliseconds, Timestamp,
    call::{
        AgentLeft, CallAction, CallEvent, Enqueue, Gather, Prompt, QueueExit, QueueProgress, SurveyQuestion,
        Timer,
    },
    voice_flow::VoiceFlow,
};

const BETWEEN_DIGITS: Milliseconds = 3_000;

/// A call, written from its beginning to its end.
pub trait Script {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Conducts the call. When it returns, the call ends after everything has been played.
    ///
    /// # Errors
    /// The host repeats the step on the last good version, or puts the caller into the number's default queue.
    fn talk(config: &Self::Config, call: &Call) -> impl Future<Output = Result<(), Error>>;
}

/// Makes a [`VoiceFlow`] of a [`Script`]: `voice_flow::register!(Straight<MyScript>)`.
pub struct Straight<S>(PhantomData<S>);

/// The call at hand, as a script conducts it.
pub struct Call(Shared<CallAction>);

impl Call {
    /// The moment of what came last; the same in each run.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Asks the host something and keeps the answer, so that each run goes the same way:
    /// `call.once(customer::current)??`.
    ///
    /// # Errors
    /// `diverged`, `bad-state`.
    pub fn once<T: serde::Serialize + DeserializeOwned>(&self, ask: impl FnOnce() -> T) -> Result<T, Error> {
        self.0.once(ask)
    }

    /// Plays prompts; the script goes on at once.
    pub fn play(&self, prompts: Vec<Prompt>) {
        self.0.order(CallAction::Play(prompts));
    }

    /// Sets an attribute of the interaction.
    pub fn set(&self, key: &str, value: impl Into<String>) {
        self.0.order(CallAction::set(key, value));
    }

    /// Starts or stops the recording.
    pub fn record(&self, on: bool) {
        self.0.order(CallAction::Record(on));
    }

    /// Waits until everything has been played.
    pub async fn played(&self) {
        self.0.wait("played").await
    }

    /// Waits so long, 100 to 3,600,000 ms.
    pub async fn pause(&self, ms: Milliseconds) {
        let name = PAUSE.to_owned();
        self.0.order(CallAction::SetTimer(Timer { name, after: ms }));
        self.0.wait("pause").await
    }

    /// Plays prompts and takes digits; none when there was no digit in time.
    pub async fn gather(&self, gather: Gather) -> Option<String> {
        self.0.order(CallAction::Gather(gather));
        self.0.wait("digits").await
    }

    /// Plays prompts and takes one digit; none when there was none within so many milliseconds.
    pub async fn digit(&self, prompts: Vec<Prompt>, within: Milliseconds) -> Option<String> {
        self.gather(Gather {
            prompts,
            max_digits: 1,
            terminator: None,
            first_digit: within,
            between_digits: BETWEEN_DIGITS,
        })
        .await
    }

    /// Asks one survey question; none when it was not answered.
    pub async fn ask(&self, question: SurveyQuestion) -> Option<u8> {
        self.0.order(CallAction::AskSurvey(question));
        self.0.wait("survey").await
    }

    /// Puts the caller into a queue, and waits for what happens first: to announce how long it will take.
    pub async fn enqueue(&self, enqueue: Enqueue) -> InQueue {
        self.0.order(CallAction::Enqueue(enqueue));
        self.in_queue().await
    }

    /// Waits for what happens next in the queue.
    pub async fn in_queue(&self) -> InQueue {
        self.0.wait("queue").await
    }

    /// Puts the caller into a queue until an agent answers; with the agent's id.
    ///
    /// # Errors
    /// Why the queue gave the caller back.
    pub async fn handed_over(&self, queue: impl Into<String>) -> Result<String, Exit> {
        let queue = queue.into();
        self.0.order(CallAction::Enqueue(Enqueue {
            queue,
            needs: Vec::new(),
            priority: 0,
        }));
        self.0.wait("agent").await
    }

    /// Waits until the agent has hung up while the caller is still there.
    pub async fn agent_left(&self) -> AgentLeft {
        let (agent, talked) = self.0.wait("agent-left").await;
        AgentLeft { agent, talked }
    }
}

/// What an event means to a script that waits for something; none when it is not what it waits for.
fn result(waiting: &str, event: CallEvent) -> Option<Value> {
    match (waiting, event) {
        ("digits", CallEvent::Digits(digits)) => kept(Some(digits)),
        ("digits" | "survey", CallEvent::NoInput) => kept(None::<u8>),
        ("survey", CallEvent::SurveyAnswered(answer)) => kept(Some(answer.value)),
        ("played", CallEvent::PromptFinished) => kept(()),
        ("pause", CallEvent::Timer(name)) if name == PAUSE => kept(()),
        ("queue", CallEvent::QueueProgress(progress)) => kept(InQueue::Waiting(progress.into())),
        ("queue", CallEvent::Answered(agent)) => kept(InQueue::Answered(agent)),
        ("queue", CallEvent::QueueLeft(exit)) => kept(InQueue::Left(exit.into())),
        ("agent", CallEvent::Answered(agent)) => kept(Ok::<_, Exit>(agent)),
        ("agent", CallEvent::QueueLeft(exit)) => kept(Err::<String, _>(Exit::from(exit))),
        ("agent-left", CallEvent::AgentLeft(left)) => kept((left.agent, left.talked)),
        _ => None,
    }
}

straight_flow!(VoiceFlow, Call, CallEvent, CallAction);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        customer,
        straight::MAX_RESULTS,
        testing::{self, Host},
    };

    fn say(text: &str) -> Prompt {
        Prompt::say("en", text)
    }

    /// Greets by name, asks, hands over, and asks how it was.
    struct Desk;

    impl Script for Desk {
        type Config = ();

        async fn talk((): &(), call: &Call) -> Result<(), Error> {
            let name = call.once(|| customer::current().ok().flatten().and_then(|known| known.name))?;
            call.play(vec![say(&format!(
                "Hello {}",
                name.as_deref().unwrap_or("there")
            ))]);
            let mut queue = "support";
            for _ in 0..2 {
                match call.digit(vec![say("1 or 2?")], 5_000).await.as_deref() {
                    Some("1") => queue = "billing",
                    Some(_) => {}
                    None => continue,
                }
                break;
            }
            call.set("menu", queue);
            if call.handed_over(queue).await.is_err() {
                call.play(vec![say("Sorry")]);
                return Ok(());
            }
            call.agent_left().await;
            let question = SurveyQuestion {
                id: "csat".into(),
                prompts: vec![say("1 to 5?")],
                lowest: 1,
                highest: 5,
            };
            let stars = call.ask(question).await;
            call.set("stars", stars.unwrap_or(0).to_string());
            call.set("asked-at", call.now().to_string());
            Ok(())
        }
    }

    type Flow = Straight<Desk>;

    fn names(actions: &[CallAction]) -> Vec<&'static str> {
        let name = |action: &CallAction| match action {
            CallAction::Play(_) => "play",
            CallAction::Gather(_) => "gather",
            CallAction::Enqueue(_) => "enqueue",
            CallAction::Set(_) => "set",
            CallAction::AskSurvey(_) => "ask",
            CallAction::End => "end",
            _ => "other",
        };
        actions.iter().map(name).collect()
    }

    #[test]
    fn a_script_goes_on_where_it_stopped_and_does_nothing_twice() {
        let mut call = testing::Call::new(Host::new());
        let mut step = |now, event| {
            call.host.now = now;
            names(&call.step::<Flow>(event).unwrap())
        };
        assert_eq!(step(1, CallEvent::Started), ["play", "gather"]);
        assert_eq!(
            step(2, CallEvent::PromptFinished),
            [""; 0],
            "not what it waits for"
        );
        assert_eq!(step(3, CallEvent::NoInput), ["gather"]);
        assert_eq!(step(4, CallEvent::Digits("1".into())), ["set", "enqueue"]);
        let progress = QueueProgress {
            queue: "billing".into(),
            position: 1,
            waited: 5,
            expected_wait: None,
        };
        assert_eq!(step(5, CallEvent::QueueProgress(progress)), [""; 0]);
        assert_eq!(step(6, CallEvent::Answered("anna".into())), [""; 0]);
        let left = AgentLeft {
            agent: "anna".into(),
            talked: 60_000,
        };
        assert_eq!(step(7, CallEvent::AgentLeft(left)), ["ask"]);
        assert_eq!(step(8, CallEvent::NoInput), ["set", "set", "end"]);
        assert_eq!(step(9, CallEvent::Ended), [""; 0]);
        assert!(call.state.len() < 400, "{}", String::from_utf8_lossy(&call.state));
    }

    #[test]
    fn what_was_asked_once_stays_and_a_queue_may_refuse() {
        let mut call = testing::Call::new(Host::new());
        call.step::<Flow>(CallEvent::Started).unwrap();
        // By now the host knows more; the script does not look again.
        call.host.customer = Some(customer::Customer {
            id: "c".into(),
            name: Some("Li".into()),
            language: None,
            first_seen_at: 1,
            attributes: vec![],
            tags: vec![],
        });
        call.step::<Flow>(CallEvent::Digits("2".into())).unwrap();
        let actions = call.step::<Flow>(CallEvent::QueueLeft(QueueExit::Full)).unwrap();
        assert_eq!(names(&actions), ["play", "end"]);
    }

    /// Waits for one thing or another, as its configuration says.
    struct Fickle;

    impl Script for Fickle {
        type Config = Option<u8>;

        async fn talk(config: &Option<u8>, call: &Call) -> Result<(), Error> {
            match config {
                None => drop(call.digit(vec![], 1_000).await),
                Some(0) => call.played().await,
                Some(1) => std::future::pending().await,
                Some(_) => loop {
                    call.played().await;
                },
            }
            call.pause(100).await;
            Ok(())
        }
    }

    #[test]
    fn a_script_that_goes_another_way_ends_with_what_it_did() {
        let mut call = testing::Call::new(Host::new());
        call.step::<Straight<Fickle>>(CallEvent::Started).unwrap();
        call.host.config = "0".into();
        let error = call.step::<Straight<Fickle>>(CallEvent::NoInput).unwrap_err();
        assert_eq!(error.code, "diverged");
        assert!(
            error.message.contains("played") && error.message.contains("digits"),
            "{}",
            error.message
        );

        // Another version of a script is told before it takes over.
        let moved = call.step::<Straight<Fickle>>(CallEvent::Migrated(0)).unwrap_err();
        assert_eq!(moved.code, "diverged");
        call.host.config = String::new();
        assert_eq!(call.step::<Straight<Fickle>>(CallEvent::Migrated(0)).unwrap(), []);

        call.host.config = "1".into();
        let error = call.step::<Straight<Fickle>>(CallEvent::Started).unwrap_err();
        assert_eq!(error.code, "awaits-other");
    }

    #[test]
    fn a_script_has_an_end() {
        let mut call = testing::Call::new(Host::new().with_config("2"));
        call.step::<Straight<Fickle>>(CallEvent::Started).unwrap();
        let mut steps = 0;
        let error = loop {
            match call.step::<Straight<Fickle>>(CallEvent::PromptFinished) {
                Ok(_) => steps += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((error.code.as_str(), steps), ("too-long", MAX_RESULTS));
    }
}
