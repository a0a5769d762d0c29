//! `jackfield load`: simulated customers and agents call through a running server, over real SIP and RTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::builder::RangedU64ValueParser;
use jackfield_voice::softphone::{PhoneEvent, Softphone, SoftphoneOptions, tone};
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
/// For how long a phone registers; it does so again after half of it.
const REGISTERED: Duration = Duration::from_secs(300);

/// What `load` takes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  jackfield load --calls 20
  jackfield load --sip 127.0.0.1:5070 --number +442079460100 --digits 0 --at-once 3 --agent anna.demo:demo-anna-phone")]
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
    lost: AtomicUsize,
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
    let mut customers = JoinSet::new();
    for n in 0..arguments.at_once.min(arguments.calls) {
        let options = SoftphoneOptions::loopback(arguments.sip, &format!("+4420794610{n:02}"));
        let customer = Softphone::start(options).await?;
        let (counts, number) = (counts.clone(), arguments.number.clone());
        let (digits, calls) = (arguments.digits.clone(), arguments.calls);
        let talk = Duration::from_millis(arguments.talk_ms);
        customers.spawn(async move {
            while counts.placed.fetch_add(1, Relaxed) < calls {
                let talked = place(&customer, &number, &digits, talk).await;
                let counter = if talked { &counts.talked } else { &counts.lost };
                counter.fetch_add(1, Relaxed);
            }
        });
    }
    while let Some(done) = customers.join_next().await {
        done?;
    }
    stop.abort();
    drop(over);
    phones.join_all().await;
    let (talked, lost) = (counts.talked.load(Relaxed), counts.lost.load(Relaxed));
    let seconds = began.elapsed().as_secs_f64();
    if arguments.json {
        println!(
            "{{\"calls\": {}, \"talked\": {talked}, \"lost\": {lost}, \"seconds\": {seconds:.1}}}",
            talked + lost
        );
    } else {
        println!(
            "{} calls in {seconds:.1} s: {talked} customers talked with an agent, {lost} did not",
            talked + lost
        );
    }
    if lost > 0 {
        bail!("{lost} customers did not get to talk with an agent");
    }
    Ok(())
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

/// One customer's call; whether an agent was heard.
async fn place(customer: &Softphone, number: &str, digits: &str, talk: Duration) -> bool {
    let Ok(mut call) = customer.call(number) else {
        return false;
    };
    if !matches!(timeout(PATIENCE, call.answered()).await, Ok(Ok(()))) {
        return false;
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
    talked
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
