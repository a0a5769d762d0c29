//! Legs, bridges, hold, digits and recordings of a running engine, heard from outside.

use jackfield_voice::media::{Direction, MediaError, MediaEvent, Source};

use crate::media_phone::{Phone, Rig, is_silent, legs, power, sine};

const LOW: f32 = 500.0;
const HIGH: f32 = 1_300.0;

#[test]
fn a_bridged_call_is_heard_both_ways_held_and_recorded() {
    let rig = Rig::start();
    let (customer, agent) = (Phone::start(LOW), Phone::start(HIGH));
    let (a, b) = legs();
    rig.connect(a, &customer);
    rig.connect(b, &agent);
    let file = rig.dir.path().join("recordings/call.wav");
    rig.engine.start_recording(a, file.clone());
    customer.hears("silence", is_silent);
    rig.engine.bridge(a, b).unwrap();
    customer.hears("the agent", |s| power(s, HIGH) > 0.98);
    agent.hears("the customer", |s| power(s, LOW) > 0.98);

    rig.engine.connect(b, agent.remote(Direction::SendOnly));
    customer.hears("music", |s| !is_silent(s) && power(s, HIGH) < 0.5);
    assert!(agent.count() <= 160, "the holder hears nothing");
    rig.engine.connect(b, agent.remote(Direction::SendRecv));
    customer.hears("the agent again", |s| power(s, HIGH) > 0.98);
    rig.engine.connect(a, customer.remote(Direction::SendOnly));
    agent.hears("silence, no music", is_silent);
    rig.engine.connect(a, customer.remote(Direction::SendRecv));
    agent.hears("the customer again", |s| power(s, LOW) > 0.98);
    rig.engine.unbridge(b);
    agent.hears("silence", is_silent);

    rig.engine.close(b);
    rig.engine.close(a);
    let (leg, MediaEvent::Recorded(recording)) = rig.event() else {
        panic!("expected a recording")
    };
    assert_eq!((leg, &*recording.file), (a, file.to_str().unwrap()));
    let samples: Vec<i16> = hound::WavReader::open(file)
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect();
    assert_eq!(samples.len() as u64, recording.length_ms * 16);
    let (left, right): (Vec<i16>, Vec<i16>) = samples.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    for (side, own, other) in [(&left, LOW, HIGH), (&right, HIGH, LOW)] {
        let spoken: Vec<&[i16]> = side.chunks(800).filter(|piece| !is_silent(piece)).collect();
        let clear = spoken.iter().filter(|piece| power(piece, own) > 0.9).count();
        assert!(
            clear >= 5 && clear * 2 >= spoken.len(),
            "{own} Hz: {clear} of {}",
            spoken.len()
        );
        assert!(
            spoken.iter().all(|piece| power(piece, other) < 0.2),
            "{other} Hz on the side of {own} Hz"
        );
    }
    let speech = recording.speech;
    assert!(
        speech.customer_ms > speech.agent_ms && speech.agent_ms > 0,
        "{speech:?}"
    );
    assert!(speech.talk_over_ms > 0, "{speech:?}");
    rig.engine.shutdown();
}

#[test]
fn digits_come_once_by_either_way_and_end_what_plays() {
    let rig = Rig::start();
    let phone = Phone::start(LOW);
    let (a, _) = legs();
    rig.connect(a, &phone);
    let tenant = "acme".parse().unwrap();
    let tone = || vec![Source::Sound(sine(HIGH, 60_000).into())];
    rig.engine.play(a, 1, &tenant, tone(), true);
    phone.hears("the prompt", |s| power(s, HIGH) > 0.98);
    phone.press(4, 1_000);
    assert_eq!(rig.event(), (a, MediaEvent::Digit('4')));
    assert_eq!(
        rig.event(),
        (
            a,
            MediaEvent::PlayFinished {
                action: 1,
                interrupted: true,
                failed: None
            }
        )
    );
    phone.hears("silence", is_silent);
    phone.press(4, 1_000);
    phone.press(11, 9_000);
    assert_eq!(rig.event(), (a, MediaEvent::Digit('#')));
    for digit in "4x5".chars() {
        rig.engine.info_digit(a, digit);
    }
    // The first 4 may count as the twin of the key pressed just before.
    let next = rig.event();
    let next = if next.1 == MediaEvent::Digit('4') {
        rig.event()
    } else {
        next
    };
    assert_eq!(next, (a, MediaEvent::Digit('5')));
    rig.engine.close(a);
    rig.engine.shutdown();
    assert_eq!(rig.events.try_iter().count(), 0);
}

#[test]
fn two_legs_of_two_interactions_talk_over_the_network() {
    let rig = Rig::start();
    let ((a, _), (b, _)) = (legs(), legs());
    let phone = Phone::start(LOW);
    let remote = |addr| jackfield_voice::media::RemoteMedia {
        addr,
        ..phone.remote(Direction::SendRecv)
    };
    let (at_a, at_b) = (rig.engine.open(a).unwrap(), rig.engine.open(b).unwrap());
    rig.engine.connect(a, remote(at_b.addr));
    rig.engine.connect(b, remote(at_a.addr));
    rig.engine.confirm(a);
    let (frames, heard) = std::sync::mpsc::sync_channel(1_000);
    rig.engine.listen(b, frames);
    rig.engine.play(
        a,
        9,
        &"acme".parse().unwrap(),
        vec![Source::Sound(sine(HIGH, 1_000).into())],
        false,
    );
    assert_eq!(
        rig.event(),
        (
            a,
            MediaEvent::PlayFinished {
                action: 9,
                interrupted: false,
                failed: None
            }
        )
    );
    rig.engine.send_digits(a, "0123456789*#ABCD");
    let events: Vec<MediaEvent> = (0..17).map(|_| rig.event().1).collect();
    let digits: String = events
        .iter()
        .filter_map(|e| {
            if let MediaEvent::Digit(c) = e {
                Some(*c)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(digits, "0123456789*#ABCD");
    assert!(events.contains(&MediaEvent::DigitsSent));
    rig.engine.close(a);
    rig.engine.close(b);
    let sound: Vec<i16> = heard.iter().flatten().filter(|s| s.abs() > 8).collect();
    assert!((7_000..8_400).contains(&sound.len()), "{}", sound.len());
    assert!(matches!(
        rig.engine.bridge(a, b),
        Err(MediaError::NotBridgeable(..))
    ));
    rig.engine.shutdown();
    let stats = rig.engine.stats();
    assert_eq!(stats.legs, 0);
    assert!(stats.packets_in > 100 && stats.packets_out > 100);
}

#[test]
fn ports_are_limited_and_come_back() {
    let probe = Rig::start();
    let (a, b) = legs();
    let first = probe.engine.open(a).unwrap().addr.port();
    probe.engine.shutdown();
    drop(probe);
    let rig = Rig::with_ports(first..=first + 1);
    assert_eq!(rig.engine.open(a).unwrap().addr.port(), first);
    assert!(matches!(
        rig.engine.open(b),
        Err(MediaError::PortsUsedUp { pairs: 1 })
    ));
    rig.engine.shutdown();
}

#[test]
fn shutting_down_completes_recordings() {
    let rig = Rig::start();
    let phone = Phone::start(LOW);
    let (a, _) = legs();
    rig.connect(a, &phone);
    rig.engine.start_recording(a, rig.dir.path().join("a.wav"));
    phone.hear(200);
    rig.engine.shutdown();
    let (leg, MediaEvent::Recorded(recording)) = rig.event() else {
        panic!("expected a recording")
    };
    assert!(leg == a && recording.length_ms >= 100);
}
