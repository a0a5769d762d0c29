//! Calls with programs that other people wrote.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_voice::{
    VoiceEvent,
    softphone::{Transport, tone, tone_level},
};
use tempfile::TempDir;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::support::{House, LIMIT, NUMBER, PASSWORD, dial, hang_up, second};

/// Runs a sipp scenario once, as a caller.
fn sipp(house: &House, scenario: &str, transport: Transport) -> (TempDir, JoinHandle<Output>) {
    let dir = TempDir::new().unwrap();
    // 500 Hz as a square wave in µ-law, which needs no encoder.
    let wave: Vec<u8> = (0..8_000)
        .map(|n| if n / 8 % 2 == 0 { 0x90 } else { 0x10 })
        .collect();
    let tone = dir.path().join("tone.ul");
    fs::write(&tone, wave).unwrap();
    let file = dir.path().join("scenario.xml");
    fs::write(&file, scenario.replace("TONE_FILE", tone.to_str().unwrap())).unwrap();
    let (kind, server) = match transport {
        Transport::Udp => ("u1", house.voice.sip_udp()),
        Transport::Tcp => ("t1", house.voice.sip_tcp().unwrap()),
    };
    let mut command = Command::new("sipp");
    command
        .current_dir(dir.path())
        .arg(server.to_string())
        .args(["-s", NUMBER, "-t", kind, "-m", "1", "-sf"])
        .arg(&file);
    command.args([
        "-i",
        "127.0.0.1",
        "-mi",
        "127.0.0.1",
        "-nostdin",
        "-timeout",
        "20s",
        "-timeout_error",
    ]);
    command.args(["-trace_err", "-error_file", "errors.log"]);
    (
        dir,
        spawn_blocking(move || {
            command
                .output()
                .expect("sipp is installed (Debian package sip-tester)")
        }),
    )
}

async fn well(dir: &TempDir, run: JoinHandle<Output>) {
    let output = run.await.unwrap();
    let errors = fs::read_to_string(dir.path().join("errors.log")).unwrap_or_default();
    assert!(
        output.status.success(),
        "{errors}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_is_heard_holds_refreshes_and_hangs_up() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut anna = house.agent("anna", transport).await;
        let (dir, run) = sipp(&house, include_str!("sipp/call.xml"), transport);
        let leg = house.incoming().await;
        house.order(leg, LegCommand::Answer);
        house.leg(leg, LegEvent::Answered).await;
        house.order(second(leg), dial("anna"));
        let mut at_anna = anna.incoming().await.unwrap();
        at_anna.answer();
        at_anna.answered().await.unwrap();
        house.leg(second(leg), LegEvent::Answered).await;
        house.order(leg, LegCommand::Bridge { with: second(leg) });
        assert!(at_anna.hears_tone(500.0, LIMIT).await, "the agent hears sipp");
        house.leg(leg, LegEvent::Digit('7')).await;
        house.leg(leg, LegEvent::Held).await;
        house.leg(leg, LegEvent::Resumed).await;
        assert_eq!(house.ended(leg).await, (Cause::Normal, None));
        well(&dir, run).await;
        house.order(second(leg), hang_up(Cause::Normal));
        at_anna.ended().await;
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_gives_up() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let (dir, run) = sipp(&house, include_str!("sipp/cancel.xml"), transport);
        let leg = house.incoming().await;
        assert_eq!(house.ended(leg).await, (Cause::Cancelled, Some(487)));
        well(&dir, run).await;
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_presses_keys() {
    // sipp plays recorded packets through a raw socket, which only root may open.
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() != 0) {
        eprintln!("left out: sipp plays recorded packets only as root");
        return;
    }
    let mut house = House::open().await;
    let (dir, run) = sipp(&house, include_str!("sipp/digits.xml"), Transport::Udp);
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    house.leg(leg, LegEvent::Digit('5')).await;
    house.leg(leg, LegEvent::Digit('#')).await;
    house.order(leg, hang_up(Cause::Normal));
    well(&dir, run).await;
    let more = house.passed().iter().any(|e| {
        matches!(
            e,
            VoiceEvent::Leg {
                event: LegEvent::Digit(_),
                ..
            }
        )
    });
    assert!(!more, "every key once: {:?}", house.passed());
}

/// A baresip that registers as an agent's phone, answers by itself, plays 440 Hz and writes down what it hears.
struct Baresip {
    child: Child,
    dir: TempDir,
}

impl Baresip {
    fn start(house: &House) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().display();
        let config = format!(
            "module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\n\
             module_tmp account.so\nmodule_app menu.so\nsip_listen 127.0.0.1:0\nsnd_path {path}\n\
             audio_source aufile,{path}/tone.wav\n"
        );
        fs::write(dir.path().join("config"), config).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(dir.path().join("tone.wav"), spec).unwrap();
        tone(440.0, Duration::from_secs(30))
            .iter()
            .for_each(|sample| wav.write_sample(*sample).unwrap());
        wav.finalize().unwrap();
        let account = format!(
            "<sip:anna.demo@{};transport=udp>;auth_pass={PASSWORD};answermode=auto;regint=600;audio_codecs=PCMU,PCMA\n",
            house.voice.sip_udp()
        );
        fs::write(dir.path().join("accounts"), account).unwrap();
        fs::write(dir.path().join("contacts"), "").unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("baresip is installed (Debian package baresip-core)");
        Self { child, dir }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// What it heard.
    fn heard(&self) -> Vec<i16> {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|f| f.unwrap().path());
        let file = files
            .into_iter()
            .find(|f| f.to_string_lossy().ends_with("dec.wav"));
        let read = |file: &Path| {
            hound::WavReader::open(file)
                .unwrap()
                .samples::<i16>()
                .map_while(Result::ok)
                .collect()
        };
        file.map(|file| read(&file)).unwrap_or_default()
    }
}

#[allow(clippy::print_stderr, reason = "what it said explains a failure")]
impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_is_an_agents_phone() {
    let mut house = House::open().await;
    let baresip = Baresip::start(&house);
    let registered = house.event("baresip's registration", |event| {
        matches!(event, VoiceEvent::PhoneRegistered { .. }).then_some(())
    });
    registered.await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    call.answered().await.unwrap();
    house.order(second(leg), dial("anna"));
    house.leg(second(leg), LegEvent::Answered).await;
    house.order(leg, LegCommand::Bridge { with: second(leg) });
    call.play(tone(1_000.0, Duration::from_secs(30)));
    assert!(
        call.hears_tone(440.0, LIMIT).await,
        "the customer hears baresip:\n{}",
        baresip.log()
    );
    // It has to hear for a while as well.
    assert!(call.hears_tone(440.0, LIMIT).await);
    house.order(second(leg), hang_up(Cause::Normal));
    house.ended(second(leg)).await;
    let until = std::time::Instant::now() + LIMIT;
    while baresip.heard().is_empty() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let best = baresip
        .heard()
        .chunks(1_600)
        .map(|c| tone_level(c, 1_000.0))
        .fold(0.0, f64::max);
    assert!(
        best > 0.7,
        "baresip hears the customer: {best}\n{}",
        baresip.log()
    );
}
