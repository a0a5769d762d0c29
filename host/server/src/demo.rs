//! `jackfield demo`: real SIP and RTP over loopback between simulated phones and this process, told event by event.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jackfield_contact::event::Event;
use jackfield_runtime::{JournalEntry, Platform, PlatformOptions, PluginOptions, StoreKind};
use jackfield_types::{InteractionId, Timestamp};
use jackfield_voice::VoiceOptions;
use jackfield_voice::softphone::{PhoneCall, PhoneEvent, Softphone, SoftphoneOptions, tone};
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::story::{self, Tone};
use crate::{compile, seed, telemetry};

/// What `demo` takes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  jackfield demo
  jackfield demo --json | jq .type")]
pub(crate) struct Arguments {
    /// Folder of the built plugins; by default beside the binary.
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// One JSON object per event instead of a story.
    #[arg(long)]
    json: bool,
    /// Tell settings and agents' states as well.
    #[arg(long)]
    all: bool,
}

/// No part of the demo takes longer; something is broken when it does.
const PATIENCE: Duration = Duration::from_secs(45);
const TALK: Duration = Duration::from_secs(3);

/// Runs the demo.
pub(crate) fn main(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let telemetry = telemetry::start("error")?;
        let done = run(&arguments).await;
        telemetry.shutdown();
        done
    })
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let plugins = seed::plugins_dir(arguments.plugins.as_deref())?;
    let folder = tempfile::tempdir()?;
    let options = PlatformOptions {
        data_dir: folder.path().to_owned(),
        store: StoreKind::Memory,
        voice: Some(VoiceOptions::loopback(folder.path(), [7; 32])),
        plugins: PluginOptions {
            compiler: Some(compile::command()),
            ..PluginOptions::default()
        },
    };
    let platform = Platform::start(options).await?;
    telemetry::observe(&platform);
    let demo = seed::demo_tenant(
        &platform,
        &plugins,
        seed::Timing {
            offer_timeout_ms: 8_000,
            wrap_up_ms: 1_000,
        },
    )
    .await?;
    let server = platform.voice().context("the demo has a voice side")?.sip_udp();
    let mut agents = Vec::new();
    for (user, password) in &demo.phones {
        let options = SoftphoneOptions {
            password: Some(password.clone()),
            ..SoftphoneOptions::loopback(server, user)
        };
        let mut phone = Softphone::start(options).await?;
        phone.register(Duration::from_secs(300)).await?;
        agents.push(phone);
    }
    let mut teller = Teller {
        entries: demo.tenant.subscribe(),
        begun: seed::now(),
        arguments_json: arguments.json,
        all: arguments.all,
    };
    let [anna, bo, chen] = &mut agents[..] else {
        bail!("the demo tenant has three agents")
    };

    teller.scene(
        "1  A customer calls in Chinese, presses 2 for support, talks with an agent, answers the survey",
    );
    let customer = phone(server, "+8613800138000", "李雷").await?;
    let call = customer.call(seed::NUMBERS[0].number)?;
    let agent = async { answer_next(&mut [anna, bo, chen], 0).await };
    tokio::try_join!(teller.until_closed(), caller(call, "2", Some("5")), agent)?;

    teller.scene("2  A customer calls in English and asks for a human at once; the first agent declines, the next answers");
    let customer = phone(server, "+442079460001", "Tom").await?;
    let call = customer.call(seed::NUMBERS[1].number)?;
    let agent = async { answer_next(&mut [anna, bo, chen], 1).await };
    tokio::try_join!(teller.until_closed(), caller(call, "0", Some("4")), agent)?;

    teller.scene("3  A customer gives up in the menu");
    let mut call = customer.call(seed::NUMBERS[1].number)?;
    call.answered().await?;
    tokio::try_join!(teller.until_closed(), async {
        tokio::time::sleep(TALK).await;
        call.hang_up();
        anyhow::Ok(())
    })?;
    if !arguments.json {
        println!(
            "\nThat was it: three calls over real SIP and RTP on loopback, every decision by a sandboxed plugin."
        );
        println!(
            "Next: `jackfield serve --demo`, register a phone, call a number, swap a plugin while callers wait."
        );
    }
    platform.shutdown().await;
    Ok(())
}

async fn phone(server: std::net::SocketAddr, user: &str, name: &str) -> anyhow::Result<Softphone> {
    let options = SoftphoneOptions {
        display_name: Some(name.to_owned()),
        ..SoftphoneOptions::loopback(server, user)
    };
    Ok(Softphone::start(options).await?)
}

/// The customer: waits for the menu's first word, chooses, talks until the agent has gone, answers the survey.
async fn caller(mut call: PhoneCall, choice: &str, survey: Option<&str>) -> anyhow::Result<()> {
    call.answered().await?;
    tokio::time::sleep(TALK).await;
    call.send_digits(choice);
    // The agent's tone tells when they are connected, and its end when the survey comes.
    let talking = async { while !call.hears_tone(AGENT_HZ, PATIENCE).await {} };
    timeout(PATIENCE, talking).await.context("no agent was heard")?;
    call.play(tone(CUSTOMER_HZ, TALK));
    if let Some(digit) = survey {
        let silent = async { while call.hears_tone(AGENT_HZ, Duration::from_millis(400)).await {} };
        timeout(PATIENCE, silent)
            .await
            .context("the agent did not leave")?;
        tokio::time::sleep(TALK).await;
        call.send_digits(digit);
    }
    timeout(PATIENCE, call.ended())
        .await
        .context("the call did not end")?;
    Ok(())
}

const AGENT_HZ: f64 = 600.0;
const CUSTOMER_HZ: f64 = 440.0;

/// The agents: so many decline, the next one answers, talks a while and hangs up.
async fn answer_next(phones: &mut [&mut Softphone; 3], declining: u32) -> anyhow::Result<()> {
    let mut declined = 0;
    loop {
        let [a, b, c] = phones;
        let ringing = async {
            tokio::select! {
                call = a.incoming() => call,
                call = b.incoming() => call,
                call = c.incoming() => call,
            }
        };
        let call = timeout(PATIENCE, ringing)
            .await
            .context("no agent's phone was called")?;
        let mut call = call.context("a phone has closed")?;
        call.ring();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        if declined < declining {
            declined += 1;
            call.refuse(603);
            continue;
        }
        call.answer();
        call.wait_for(PhoneEvent::Answered).await?;
        call.play(tone(AGENT_HZ, TALK));
        call.wait_for(PhoneEvent::Played).await?;
        tokio::time::sleep(Duration::from_millis(600)).await;
        call.hang_up();
        call.ended().await;
        return Ok(());
    }
}

/// Tells what becomes durable.
struct Teller {
    entries: broadcast::Receiver<Arc<JournalEntry>>,
    begun: Timestamp,
    arguments_json: bool,
    all: bool,
}

impl Teller {
    fn scene(&mut self, title: &str) {
        self.begun = seed::now();
        if !self.arguments_json {
            println!(
                "\n{}",
                if colours() {
                    format!("\x1b[1m{title}\x1b[0m")
                } else {
                    title.to_owned()
                }
            );
        }
    }

    /// Tells entries until the next interaction is closed.
    async fn until_closed(&mut self) -> anyhow::Result<()> {
        let mut interaction: Option<InteractionId> = None;
        loop {
            let entry = timeout(PATIENCE, self.entries.recv())
                .await
                .context("nothing more happens")??;
            self.tell(&entry)?;
            match &entry.recorded.event {
                Event::InteractionStarted { interaction: id, .. } => interaction = Some(*id),
                Event::Closed { interaction: id } if interaction == Some(*id) => return Ok(()),
                _ => {}
            }
        }
    }

    fn tell(&self, entry: &JournalEntry) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.arguments_json {
            writeln!(out, "{}", serde_json::to_string(entry)?)?;
            return Ok(());
        }
        let line = story::line(entry);
        if line.tone == Tone::Quiet && !self.all {
            return Ok(());
        }
        let after = entry.recorded.at.since(self.begun);
        let colour = match line.tone {
            Tone::Customer => "36",
            Tone::Plugin => "35",
            Tone::Agent => "32",
            Tone::Trouble => "33",
            Tone::Quiet => "2",
        };
        let (on, off) = if colours() {
            (format!("\x1b[{colour}m"), "\x1b[0m")
        } else {
            (String::new(), "")
        };
        writeln!(
            out,
            "{:>4}.{:03}  {on}{:<10}{off} {}",
            after / 1_000,
            after % 1_000,
            line.what,
            line.text
        )?;
        Ok(())
    }
}

fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
