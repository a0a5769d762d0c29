use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use jackfield_types::{InteractionId, LegId};
use jackfield_voice::{
    media::{Codec, Direction, Engine, EngineOptions, LATENESS_MS, MediaEvent, RemoteMedia},
    prompt::Library,
};

use crate::{
    cost::cpu,
    phones::{CLASSES, Phones, Report},
    table,
};

const CALLS: usize = 300;
/// Long enough that every phone's warm-up is over.
const WARM_UP: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(20);

/// 300 customers bridged to 300 agents, all recorded.
pub(crate) fn measure() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, events) = mpsc::channel();
    let options = EngineOptions {
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        media_ip: "127.0.0.1".parse().unwrap(),
        external_ip: None,
        rtp_ports: 0..=0,
        media_timeout: Duration::from_secs(60),
        prompts: Arc::new(Library::new(
            dir.path().join("prompts"),
            dir.path().join("speech"),
        )),
    };
    let engine = Engine::start(
        options,
        Arc::new(move |leg, event| drop(sender.send((leg, event)))),
    )
    .unwrap();
    let phones = Phones::start();

    let (before, began) = (cpu(), Instant::now());
    let mut legs = Vec::new();
    for n in 0..CALLS {
        let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
        let (customer, agent) = (
            LegId::customer(interaction),
            LegId {
                interaction,
                number: 1,
            },
        );
        for (side, leg) in [customer, agent].into_iter().enumerate() {
            engine.open(leg).unwrap();
            let port = phones.ports[(2 * n + side) % phones.ports.len()];
            engine.connect(
                leg,
                RemoteMedia {
                    addr: ([127, 0, 0, 1], port).into(),
                    codec: Codec::Pcmu,
                    payload_type: 0,
                    dtmf_payload_type: Some(101),
                    direction: Direction::SendRecv,
                },
            );
            // As the ACK does: nobody is sent sound before.
            engine.confirm(leg);
            legs.push(leg);
        }
        engine.bridge(customer, agent).unwrap();
        engine.start_recording(customer, dir.path().join(format!("{n}.wav")));
    }
    let set_up = (cpu() - before, began.elapsed());
    std::thread::sleep(WARM_UP);

    let (before, at_start, began) = (cpu(), engine.stats(), Instant::now());
    std::thread::sleep(MEASURED);
    let (used, at_end, took) = (cpu() - before, engine.stats(), began.elapsed());
    let report = phones.finish();
    legs.iter().for_each(|leg| engine.close(*leg));
    engine.shutdown();
    let recordings = events
        .try_iter()
        .filter(|(_, e)| matches!(e, MediaEvent::Recorded(_)))
        .count();

    assert_eq!(report.phones, 2 * CALLS as u64);
    assert_eq!(recordings, CALLS);
    let beyond = LATENESS_MS.iter().zip(at_start.lateness).zip(at_end.lateness);
    let late_turns: u64 = beyond
        .filter(|((ms, _), _)| **ms > 40)
        .map(|((_, a), b)| b - a)
        .sum();
    let share = used.as_secs_f64() / took.as_secs_f64();
    let mut rows = vec![
        (
            "media set-up per call, CPU",
            format!("{:.0} µs", set_up.0.as_secs_f64() * 1e6 / CALLS as f64),
        ),
        ("set-up of all", format!("{:.1} ms", set_up.1.as_secs_f64() * 1e3)),
        (
            "CPU while all talk, of one core",
            format!("{:.1} %", share * 100.0),
        ),
        (
            "CPU per call and second",
            format!("{:.0} µs", share * 1e6 / CALLS as f64),
        ),
        (
            "packets in per second",
            format!("{:.0}", rate(at_start.packets_in, at_end.packets_in, took)),
        ),
        (
            "packets out per second",
            format!("{:.0}", rate(at_start.packets_out, at_end.packets_out, took)),
        ),
        ("worker turns later than 40 ms", late_turns.to_string()),
        (
            "latest worker turn",
            format!("{:.1} ms", at_end.latest_us as f64 / 1e3),
        ),
    ];
    rows.extend(heard(&report));
    late("300-bridged", &report);
    table::figure(
        "300-bridged/cpu-per-call-second",
        share * 1e6 / CALLS as f64,
        "us",
        None,
    );
    table::print(
        &format!(
            "{CALLS} bridged, recorded two-way calls, {} s",
            MEASURED.as_secs()
        ),
        &rows,
    );
}

fn rate(before: u64, after: u64, took: Duration) -> f64 {
    (after - before) as f64 / took.as_secs_f64()
}

/// How many frames came later than 40 ms, and the latest.
pub(crate) fn late(name: &str, report: &Report) {
    let later = *report.classes.last().expect("classes") as f64;
    table::figure(&format!("{name}/frames-later-than-40-ms"), later, "frames", None);
    table::figure(
        &format!("{name}/latest-frame"),
        report.latest_ms,
        "ms",
        Some("<= 40"),
    );
}

/// What the phones report, as rows.
pub(crate) fn heard(report: &Report) -> Vec<(&'static str, String)> {
    const NAMES: [&str; CLASSES.len()] = [
        "frames at most 2 ms late",
        "at most 5 ms",
        "at most 10 ms",
        "at most 20 ms",
        "at most 40 ms",
        "later than 40 ms (goal: 0)",
    ];
    let mut rows: Vec<_> = NAMES
        .into_iter()
        .zip(report.classes.map(|n| n.to_string()))
        .collect();
    rows.push(("latest frame", format!("{:.1} ms", report.latest_ms)));
    rows.push(("frames lost", format!("{} of {}", report.lost, report.frames)));
    rows
}
