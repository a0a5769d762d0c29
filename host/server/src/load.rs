//! `jackfield load`: simulated customers and agents call through a running server, over real SIP and RTP.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::builder::RangedU64ValueParser;
use jackfield_voice::softphone::{PhoneEvent, Softphone, SoftphoneError, SoftphoneOptions, tone};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A customer gives up after so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Customers on the line at the same time.
const MAX_AT_ONCE: usize = 200;
/// Calls of one run.
const MAX_CALLS: usize = 100_000;
const AGENT_HZ: f64 = 600.0;
/// How often a terminal is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// For how long a phone registers; it does so again after half of it.
const REGISTERED: Duration = Duration::from_secs(300);

/// What `load` takes.
#[derive(clap::Args)]
#[command(
    after_help = "How far it is stands on the standard error, when that is a terminal; why customers did not get to talk, with the
SIP status of the server, in the result.

Examples:
  jackfield load --calls 20
  jackfield load --sip 127.0.0.1:5070 --number +442079460100 --digits 0 --at-once 3 --agent anna.demo:demo-anna-phone"
)]
pub(crate) struct Arguments {
    /// The server's SIP address, UDP.
    #[arg(long, env = "JACKFIELD_SIP", default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// The number that is called.
    #[arg(long, default_value = "+442079460100")]
    number: String,
    /// Keys that each customer presses when the call is answered.
    #[arg(long, default_value = "0")]
    digits: String,
    /// Calls to place; an interrupt ends the run after those under way.
    #[arg(long, default_value_t = 10, value_parser = up_to(MAX_CALLS))]
    calls: usize,
    /// Customers on the line at the same time, 1 to 200.
    #[arg(long, default_value_t = 2, value_parser = up_to(MAX_AT_ONCE))]
    at_once: usize,
    /// Milliseconds that a customer talks with the agent.
    #[arg(long, default_value_t = 500)]
    talk_ms: u64,
    /// A phone that answers; may be repeated. By default those of the demo tenant.
    #[arg(long = "agent", value_name = "USER:PASSWORD")]
    agents: Vec<String>,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

fn up_to(max: usize) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=max as u64)
}

/// What became of the calls.
#[derive(Default)]
struct Counts {
    placed: AtomicUsize,
    talked: AtomicUsize,
    /// Those who did not, by why not.
    lost: Mutex<BTreeMap<String, usize>>,
}

impl Counts {
    fn lose(&self, why: String) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        *lost.entry(why).or_default() += 1;
    }

    fn reasons(&self) -> BTreeMap<String, usize> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lost(&self) -> usize {
        self.reasons().values().sum()
    }

    fn talked(&self) -> usize {
        self.talked.load(Relaxed)
    }

    /// How far it is, of so many calls.
    fn so_far(&self, calls: usize) -> String {
        let (talked, lost) = (self.talked(), self.lost());
        format!(
            "{} of {}: {talked} talked with an agent, {lost} did not",
            talked + lost,
            count(calls, "call")
        )
    }

    /// The result, and a line for each reason.
    fn told(&self, seconds: f64) -> String {
        let (talked, lost) = (self.talked(), self.lost());
        let mut text = format!(
            "{} in {seconds:.1} s: {} talked with an agent, {lost} did not",
            count(talked + lost, "call"),
            count(talked, "customer")
        );
        for (why, times) in self.reasons() {
            text.push_str(&format!("\n  {times} × {why}"));
        }
        text
    }
}

/// `1 call`, `2 calls`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Places the calls and says what became of them. Fails when a customer did not get to talk.
pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut phones = JoinSet::new();
    let (over, watching) = watch::channel(());
    let demo = ["anna", "bo", "chen"].map(|agent| format!("{agent}.demo:demo-{agent}-phone"));
    let agents = if arguments.agents.is_empty() {
        &demo[..]
    } else {
        &arguments.agents
    };
    for agent in agents {
        let (user, password) = agent
            .split_once(':')
            .with_context(|| format!("--agent {agent}: expected USER:PASSWORD"))?;
        let options = SoftphoneOptions {
            password: Some(password.to_owned()),
            ..SoftphoneOptions::loopback(arguments.sip, user)
        };
        let mut phone = Softphone::start(options).await?;
        let registered = phone.register(REGISTERED).await;
        registered.with_context(|| format!("{user} can't register at {}", arguments.sip))?;
        phones.spawn(answer_all(phone, watching.clone()));
    }
    let (counts, began) = (Arc::<Counts>::default(), Instant::now());
    let stop = stop_on_signal(counts.clone(), arguments.calls);
    let telling = tell_terminal(counts.clone(), arguments.calls);
    let mut customers = JoinSet::new();
    for n in 0..arguments.at_once.min(arguments.calls) {
        let options = SoftphoneOptions::loopback(arguments.sip, &format!("+4420794610{n:02}"));
        let customer = Softphone::start(options).await?;
        let (counts, number) = (counts.clone(), arguments.number.clone());
        let (digits, calls) = (arguments.digits.clone(), arguments.calls);
        let talk = Duration::from_millis(arguments.talk_ms);
        customers.spawn(async move {
            while counts.placed.fetch_add(1, Relaxed) < calls {
                match place(&customer, &number, &digits, talk).await {
                    Ok(()) => {
                        counts.talked.fetch_add(1, Relaxed);
                    }
                    Err(why) => counts.lose(why),
                }
            }
        });
    }
    while let Some(done) = customers.join_next().await {
        done?;
    }
    stop.abort();
    if let Some(telling) = telling {
        telling.abort();
        eprint!("{CLEARED}");
    }
    drop(over);
    phones.join_all().await;
    let (talked, lost) = (counts.talked(), counts.lost());
    let seconds = began.elapsed().as_secs_f64();
    if arguments.json {
        let tenths = (seconds * 10.0).round() / 10.0;
        let result = json!({
            "calls": talked + lost, "talked": talked, "lost": lost, "reasons": counts.reasons(), "seconds": tenths,
        });
        println!("{result}");
    } else {
        println!("{}", counts.told(seconds));
    }
    if lost > 0 {
        bail!("{} did not get to talk with an agent", count(lost, "customer"));
    }
    Ok(())
}

/// To the beginning of the line, which is emptied.
const CLEARED: &str = "\r\x1b[K";

/// Tells on a terminal how far it is, in one line that is written over.
fn tell_terminal(counts: Arc<Counts>, calls: usize) -> Option<tokio::task::JoinHandle<()>> {
    std::io::stderr().is_terminal().then(|| {
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TOLD_EVERY);
            loop {
                ticks.tick().await;
                eprint!("{CLEARED}{}", counts.so_far(calls));
            }
        })
    })
}

/// Ends the run after the calls under way.
fn stop_on_signal(counts: Arc<Counts>, calls: usize) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        counts.placed.store(calls, Relaxed);
    })
}

/// One customer's call, or why no agent was heard.
async fn place(customer: &Softphone, number: &str, digits: &str, talk: Duration) -> Result<(), String> {
    let mut call = customer.call(number).map_err(|error| error.to_string())?;
    match timeout(PATIENCE, call.answered()).await {
        Ok(answered) => answered.map_err(|error| refused(&error, number))?,
        Err(_) => return Err(format!("the server did not answer in {} s", PATIENCE.as_secs())),
    }
    call.send_digits(digits);
    let heard = async { while !call.hears_tone(AGENT_HZ, Duration::from_secs(1)).await {} };
    let talked = timeout(PATIENCE, heard).await.is_ok();
    if talked {
        tokio::time::sleep(talk).await;
    }
    call.hang_up();
    // An end that never comes is the server's fault, not the customer's.
    let _ = timeout(PATIENCE, call.ended()).await;
    talked.then_some(()).ok_or_else(|| {
        format!(
            "no agent was heard in {} s: are there enough (--agent), available, and does the menu lead to them (--digits)?",
            PATIENCE.as_secs()
        )
    })
}

fn refused(error: &SoftphoneError, number: &str) -> String {
    let advice = match error {
        SoftphoneError::Refused { status: 404, .. } => {
            format!(": no tenant has the number {number} (--number)")
        }
        SoftphoneError::Refused { status: 503, .. } => {
            ": the tenant or the server has too many calls".to_owned()
        }
        _ => String::new(),
    };
    format!("{error}{advice}")
}

/// An agent who answers whatever rings, talks until the customer hangs up, and goes on.
async fn answer_all(mut phone: Softphone, mut over: watch::Receiver<()>) {
    let mut renewal = tokio::time::interval(REGISTERED / 2);
    renewal.reset();
    loop {
        let mut call = tokio::select! {
            // The sender is dropped at the end of the run.
            _ = over.changed() => break,
            _ = renewal.tick() => {
                if let Err(error) = phone.register(REGISTERED).await {
                    tracing::warn!(%error, "a phone could not register again");
                }
                continue;
            }
            call = phone.incoming() => match call {
                Some(call) => call,
                None => return,
            },
        };
        call.ring();
        call.answer();
        if call.wait_for(PhoneEvent::Answered).await.is_err() {
            continue;
        }
        call.play(tone(AGENT_HZ, PATIENCE));
        call.ended().await;
    }
    // The server would ring a phone that has gone until its registration is over.
    phone.unregister().await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_counts_and_says_why() {
        let counts = Counts::default();
        counts.talked.store(1, Relaxed);
        assert_eq!(
            counts.told(0.64),
            "1 call in 0.6 s: 1 customer talked with an agent, 0 did not"
        );
        let error = SoftphoneError::Refused {
            request: "INVITE",
            status: 404,
        };
        for _ in 0..2 {
            counts.lose(refused(&error, "+44"));
        }
        assert_eq!(
            counts.told(2.0),
            "3 calls in 2.0 s: 1 customer talked with an agent, 2 did not\n  \
             2 × INVITE was answered with 404: no tenant has the number +44 (--number)"
        );
        assert_eq!(
            counts.so_far(5),
            "3 of 5 calls: 1 talked with an agent, 2 did not"
        );
    }
}
