use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jackfield_contact::leg::{LegCommand, LegEvent, Prompt};
use jackfield_types::{AgentId, TenantId};
use jackfield_voice::{Directory, Ha1, Voice, VoiceEvent, VoiceOptions};
use tokio::sync::mpsc;

use crate::{
    bridged::{heard, late},
    cost::{cpu, of_threads},
    phones::Phones,
    table,
};

const NUMBER: &str = "1000";
/// Calls that are set up and ended at once.
const SET_UPS: usize = 1_000;
/// Calls that are held at the same time, and for how long.
const HELD: usize = 300;
const HOLD: Duration = Duration::from_secs(26);

/// Everybody's number is ours.
struct Anybody(TenantId);

impl Directory for Anybody {
    fn tenant_of_number(&self, dialled: &str) -> Option<TenantId> {
        (dialled == NUMBER).then(|| self.0.clone())
    }

    fn phone_secret(&self, _: &TenantId, _: &AgentId) -> Option<Ha1> {
        None
    }

    fn may_take_call(&self, _: &TenantId) -> bool {
        true
    }
}

/// Set-up cost, then many calls at once, all placed by sipp.
pub(crate) fn measure() {
    if Command::new("sipp")
        .arg("-v")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("\ncalls by sipp: left out, sipp is not installed: run `apt-get install sip-tester`");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tenant = TenantId::new("bench").unwrap();
    let plays = Arc::new(AtomicBool::new(false));
    let mut options = VoiceOptions::loopback(dir.path(), [1; 32]);
    options.workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (sender, events) = mpsc::channel(10_000);
    let directory = Arc::new(Anybody(tenant.clone()));
    let voice = runtime
        .block_on(Voice::start(options, directory, sender))
        .unwrap();
    runtime.spawn(answer(voice.clone(), tenant, events, Arc::clone(&plays)));

    let phones = Phones::start();
    let ports: String = phones.ports.iter().map(|port| format!("{port}\n")).collect();
    std::fs::write(dir.path().join("ports.csv"), format!("SEQUENTIAL\n{ports}")).unwrap();
    std::fs::write(dir.path().join("call.xml"), include_str!("call.xml")).unwrap();
    let server = voice.sip_udp().to_string();
    let zero = Duration::ZERO;

    sipp(dir.path(), &server, 200, 100, zero);
    let (before, media_before) = (cpu(), of_threads("media"));
    let made = sipp(dir.path(), &server, SET_UPS, 100, zero);
    let each = |used: Duration| used.as_secs_f64() * 1e6 / SET_UPS as f64;
    let (all, media) = (each(cpu() - before), each(of_threads("media") - media_before));
    table::figure("call-set-up-and-end/cpu", all, "us", None);
    // What those phones heard is no matter: they live for a moment.
    let _ = phones.finish();
    table::print(
        &format!("{SET_UPS} calls by sipp, 100 per second, ended at once"),
        &[
            ("calls that went well", made.to_string()),
            ("set-up and end per call, CPU", format!("{all:.0} µs")),
            ("  of it media threads", format!("{media:.0} µs")),
        ],
    );

    plays.store(true, Ordering::Relaxed);
    let phones = Phones::start();
    let ports: String = phones.ports.iter().map(|port| format!("{port}\n")).collect();
    std::fs::write(dir.path().join("ports.csv"), format!("SEQUENTIAL\n{ports}")).unwrap();
    let (before, began) = (cpu(), Instant::now());
    let made = sipp(dir.path(), &server, HELD, 50, HOLD);
    let share = (cpu() - before).as_secs_f64() / began.elapsed().as_secs_f64();
    let report = phones.finish();
    let mut rows = vec![
        ("calls that went well", made.to_string()),
        ("phones that heard something", report.phones.to_string()),
        ("CPU, of one core", format!("{:.1} %", share * 100.0)),
    ];
    rows.extend(heard(&report));
    late("300-held-by-sipp", &report);
    table::print(
        &format!(
            "{HELD} calls at once by sipp, each {} s, sound both ways",
            HOLD.as_secs()
        ),
        &rows,
    );
    runtime.block_on(voice.shutdown());
}

/// Answers every call, and plays music to it when told.
async fn answer(
    voice: Voice,
    tenant: TenantId,
    mut events: mpsc::Receiver<VoiceEvent>,
    plays: Arc<AtomicBool>,
) {
    while let Some(event) = events.recv().await {
        match event {
            VoiceEvent::Incoming { leg, .. } => voice.command(&tenant, leg, 1, LegCommand::Answer),
            VoiceEvent::Leg {
                leg,
                event: LegEvent::Answered,
                ..
            } if plays.load(Ordering::Relaxed) => {
                let prompts = vec![Prompt::HoldMusic];
                voice.command(
                    &tenant,
                    leg,
                    2,
                    LegCommand::Play {
                        prompts,
                        barge_in: false,
                    },
                );
            }
            _ => {}
        }
    }
}

/// Lets sipp place calls; returns how many went well.
fn sipp(dir: &Path, server: &str, calls: usize, per_second: usize, hold: Duration) -> usize {
    let output = Command::new("sipp")
        .current_dir(dir)
        .args([
            server,
            "-sf",
            "call.xml",
            "-inf",
            "ports.csv",
            "-s",
            NUMBER,
            "-i",
            "127.0.0.1",
            "-nostdin",
        ])
        .args([
            "-m",
            &calls.to_string(),
            "-r",
            &per_second.to_string(),
            "-l",
            &calls.to_string(),
        ])
        .args([
            "-d",
            &hold.as_millis().to_string(),
            "-timeout",
            "120s",
            "-trace_stat",
            "-stf",
            "stat.csv",
        ])
        .output()
        .unwrap();
    let text = std::fs::read_to_string(dir.join("stat.csv")).unwrap_or_default();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(';').collect();
    let last: Vec<&str> = lines.last().unwrap_or_default().split(';').collect();
    let at = names.iter().position(|name| *name == "SuccessfulCall(C)");
    let made = at.and_then(|at| last.get(at)?.parse().ok());
    made.unwrap_or_else(|| panic!("sipp failed: {}", String::from_utf8_lossy(&output.stderr)))
}
