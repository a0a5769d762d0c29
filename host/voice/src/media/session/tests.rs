//! The whole media core on a virtual clock: phones of known behaviour around one session.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::media::{
    Codec, Direction,
    rtp::Header,
    tone::{power, sine},
};

const LOW: f32 = 500.0;
const HIGH: f32 = 1_300.0;

/// A phone: says its sound over and over, keeps what it hears.
struct Phone {
    addr: SocketAddr,
    codec: Codec,
    says: Vec<i16>,
    at: usize,
    header: Header,
    heard: Vec<i16>,
    packets: Vec<Header>,
    reports: usize,
}

impl Phone {
    fn new(number: u16, codec: Codec, says: Vec<i16>) -> Self {
        let header = Header {
            payload_type: codec.payload_type(),
            marker: false,
            sequence: 65_530,
            timestamp: u32::MAX - 1_000,
            ssrc: number.into(),
        };
        let addr = SocketAddr::from(([10, 0, 0, 1], 4_000 + 2 * number));
        Self {
            addr,
            codec,
            says,
            at: 0,
            header,
            heard: Vec::new(),
            packets: Vec::new(),
            reports: 0,
        }
    }

    fn remote(&self, direction: Direction) -> RemoteMedia {
        let payload_type = self.codec.payload_type();
        RemoteMedia {
            addr: self.addr,
            codec: self.codec,
            payload_type,
            dtmf_payload_type: Some(96),
            direction,
        }
    }

    fn next_packet(&mut self) -> Vec<u8> {
        let mut packet = self.header.to_bytes().to_vec();
        let sound: Vec<i16> = self
            .says
            .iter()
            .cycle()
            .skip(self.at)
            .take(FRAME)
            .copied()
            .collect();
        self.at = (self.at + FRAME) % self.says.len();
        let mut payload = [0; FRAME];
        self.codec.encode(&sound, &mut payload);
        packet.extend(payload);
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(FRAME as u32);
        packet
    }

    fn digit_packet(&self, event: u8, timestamp: u32) -> Vec<u8> {
        let mut packet = Header {
            payload_type: 96,
            timestamp,
            ..self.header
        }
        .to_bytes()
        .to_vec();
        packet.extend([event, 10, 0, 160]);
        packet
    }
}

#[derive(Default)]
struct World {
    phones: HashMap<u16, Phone>,
    events: Vec<(u16, MediaEvent)>,
}

impl Out for World {
    fn send(&mut self, leg: u16, packet: &[u8], to: SocketAddr) {
        let phone = self
            .phones
            .get_mut(&leg)
            .expect("a packet for a leg without a phone");
        assert_eq!(to, phone.addr);
        let (header, payload) = Header::parse(packet).expect("RTP");
        let mut samples = [0; FRAME];
        if header.payload_type == phone.codec.payload_type() {
            assert_eq!(phone.codec.decode(payload, &mut samples), FRAME);
        }
        phone.heard.extend(samples);
        phone.packets.push(header);
    }

    fn send_report(&mut self, leg: u16, packet: &[u8], to: SocketAddr) {
        let phone = self
            .phones
            .get_mut(&leg)
            .expect("a report for a leg without a phone");
        assert!(crate::media::rtcp::is_rtcp(packet));
        assert_eq!(to.port(), phone.addr.port() + 1);
        phone.reports += 1;
    }

    fn report(&mut self, leg: u16, event: MediaEvent) {
        self.events.push((leg, event));
    }
}

struct Sim {
    session: Session,
    world: World,
    now: Duration,
    music: Arc<[i16]>,
}

impl Sim {
    /// A customer (leg 0, µ-law, says `LOW`) and an agent (leg 1, A-law, says `HIGH`), connected.
    fn new() -> Self {
        let music: Arc<[i16]> = sine(2_000.0, 0.2, 1_000).into();
        let session = Session::new(Arc::clone(&music), Duration::from_secs(5));
        let mut sim = Self {
            session,
            world: World::default(),
            now: Duration::ZERO,
            music,
        };
        sim.add(0, Codec::Pcmu, LOW);
        sim.add(1, Codec::Pcma, HIGH);
        sim
    }

    fn add(&mut self, number: u16, codec: Codec, hertz: f32) {
        assert!(self.session.open(number, 1 << 40 | u64::from(number)));
        self.world
            .phones
            .insert(number, Phone::new(number, codec, sine(hertz, 0.5, 1_000)));
        self.direct(number, Direction::SendRecv);
    }

    fn direct(&mut self, number: u16, direction: Direction) {
        let remote = self.world.phones[&number].remote(direction);
        self.session.connect(number, remote, self.now);
        self.session.confirm(number);
    }

    fn bridge(&mut self) {
        self.session.bridge(0, 1, &mut self.world);
    }

    fn deliver(&mut self, number: u16, packet: &[u8]) -> bool {
        let from = self.world.phones[&number].addr;
        self.session
            .on_packet(number, packet, from, self.now, &mut self.world)
    }

    fn tick(&mut self, talking: &[u16]) {
        for number in talking {
            let packet = self.world.phones.get_mut(number).unwrap().next_packet();
            assert!(self.deliver(*number, &packet));
        }
        self.session.tick(self.now, &mut self.world);
        self.now += Duration::from_millis(20);
    }

    fn run(&mut self, ms: u64, talking: &[u16]) {
        (0..ms / 20).for_each(|_| self.tick(talking));
    }

    /// What a phone hears in so many milliseconds while these talk.
    fn hears(&mut self, number: u16, ms: u64, talking: &[u16]) -> Vec<i16> {
        self.world.phones.get_mut(&number).unwrap().heard.clear();
        self.run(ms, talking);
        std::mem::take(&mut self.world.phones.get_mut(&number).unwrap().heard)
    }

    fn events(&mut self) -> Vec<(u16, MediaEvent)> {
        std::mem::take(&mut self.world.events)
    }

    fn play(&mut self, action: ActionId, barge_in: bool, pieces: Vec<Piece>) {
        self.session.expect(0, action, barge_in, &mut self.world);
        self.session.ready(0, action, pieces, None);
    }
}

fn finished(action: ActionId, interrupted: bool) -> (u16, MediaEvent) {
    (
        0,
        MediaEvent::PlayFinished {
            action,
            interrupted,
            failed: None,
        },
    )
}

fn is_silent(sound: &[i16]) -> bool {
    sound.iter().all(|s| s.abs() <= 8)
}

#[test]
fn each_side_of_a_bridge_hears_the_other_through_different_codecs() {
    let mut sim = Sim::new();
    assert!(is_silent(&sim.hears(0, 200, &[0, 1])));
    sim.bridge();
    sim.run(200, &[0, 1]);
    let (customer, agent) = (sim.hears(0, 1_000, &[0, 1]), sim.hears(1, 1_000, &[0, 1]));
    assert_eq!((customer.len(), agent.len()), (8_000, 8_000));
    assert!(power(&customer, HIGH) > 0.99 && power(&agent, LOW) > 0.99);
    sim.session.unbridge(1);
    sim.run(20, &[0, 1]);
    assert!(is_silent(&sim.hears(0, 200, &[0, 1])) && is_silent(&sim.hears(1, 200, &[0, 1])));
}

#[test]
fn a_bridge_to_a_third_leg_ends_the_first() {
    let mut sim = Sim::new();
    sim.add(2, Codec::Pcmu, 900.0);
    sim.bridge();
    sim.session.bridge(0, 2, &mut sim.world);
    sim.run(200, &[0, 1, 2]);
    assert!(power(&sim.hears(0, 500, &[0, 1, 2]), 900.0) > 0.99);
    assert!(is_silent(&sim.hears(1, 500, &[0, 1, 2])));
    sim.session.close(2);
    assert!(is_silent(&sim.hears(0, 500, &[0, 1])));
}

#[test]
fn when_the_agent_holds_only_the_customer_hears_music() {
    let mut sim = Sim::new();
    sim.bridge();
    sim.run(200, &[0, 1]);
    for hold in [Direction::SendOnly, Direction::Inactive] {
        sim.direct(1, hold);
        let customer = sim.hears(0, 1_000, &[0, 1]);
        assert!(power(&customer, 2_000.0) > 0.99 && power(&customer, HIGH) < 0.01);
        assert_eq!(sim.hears(1, 200, &[0, 1]), [0i16; 0]);
        sim.direct(1, Direction::SendRecv);
        sim.run(100, &[0, 1]);
        assert!(power(&sim.hears(0, 500, &[0, 1]), HIGH) > 0.99);
        assert!(power(&sim.hears(1, 500, &[0, 1]), LOW) > 0.99);
    }
}

#[test]
fn hold_music_begins_at_its_beginning() {
    let mut sim = Sim::new();
    sim.bridge();
    sim.direct(1, Direction::SendOnly);
    let mut encoded = [0; FRAME];
    let mut expected = [0; FRAME];
    Codec::Pcmu.encode(&sim.music[..FRAME], &mut encoded);
    Codec::Pcmu.decode(&encoded, &mut expected);
    for _ in 0..2 {
        assert_eq!(sim.hears(0, 20, &[]), expected);
        sim.run(500, &[]);
        sim.direct(1, Direction::SendRecv);
        sim.run(20, &[]);
        sim.direct(1, Direction::SendOnly);
    }
}

#[test]
fn when_the_customer_holds_the_agent_hears_silence() {
    let mut sim = Sim::new();
    sim.bridge();
    sim.run(200, &[0, 1]);
    sim.direct(0, Direction::SendOnly);
    sim.run(20, &[0, 1]);
    assert!(is_silent(&sim.hears(1, 500, &[0, 1])));
    assert_eq!(sim.hears(0, 200, &[0, 1]), [0i16; 0]);
}

#[test]
fn prompts_arrive_whole_and_without_a_gap() {
    let mut sim = Sim::new();
    let (first, second) = (sine(700.0, 0.6, 333), sine(1_100.0, 0.6, 457));
    let both: Vec<i16> = first.iter().chain(&[0; 800]).chain(&second).copied().collect();
    sim.play(
        5,
        false,
        vec![
            Piece::Sound(first.into()),
            Piece::silence(100),
            Piece::Sound(second.into()),
        ],
    );
    let heard = sim.hears(0, 1_000, &[]);
    let (mut encoded, mut expected) = (vec![0; both.len()], vec![0; both.len()]);
    Codec::Pcmu.encode(&both, &mut encoded);
    Codec::Pcmu.decode(&encoded, &mut expected);
    assert_eq!(heard[..both.len()], expected);
    assert!(is_silent(&heard[both.len()..]));
    assert_eq!(sim.events(), [finished(5, false)]);
}

#[test]
fn a_play_that_is_replaced_stopped_or_bridged_ends_as_ordered() {
    let mut sim = Sim::new();
    let tone = || vec![Piece::Loop(sine(700.0, 0.5, 100).into())];
    sim.play(1, false, tone());
    sim.run(100, &[]);
    sim.play(2, false, tone());
    assert_eq!(sim.events(), [finished(1, true)]);
    sim.session.stop_play(0);
    sim.session.ready(0, 2, tone(), None);
    assert!(is_silent(&sim.hears(0, 100, &[])));
    assert_eq!(sim.events(), []);
    sim.session.expect(0, 3, false, &mut sim.world);
    sim.bridge();
    sim.session.ready(0, 3, tone(), None);
    assert!(is_silent(&sim.hears(0, 100, &[])));
    assert_eq!(sim.events(), [finished(3, true)]);
}

#[test]
fn a_play_waits_for_the_answer_and_tells_what_failed() {
    let mut sim = Sim::new();
    assert!(sim.session.open(4, 9));
    sim.session.expect(4, 1, false, &mut sim.world);
    sim.session.ready(
        4,
        1,
        vec![Piece::Sound(sine(700.0, 0.5, 100).into())],
        Some("menu.wav".into()),
    );
    sim.run(1_000, &[]);
    assert_eq!(sim.events(), []);
    sim.world.phones.insert(4, Phone::new(4, Codec::Pcmu, vec![0]));
    sim.direct(4, Direction::SendRecv);
    assert!(power(&sim.hears(4, 100, &[]), 700.0) > 0.9);
    let failed = Some("menu.wav".into());
    assert_eq!(
        sim.events(),
        [(
            4,
            MediaEvent::PlayFinished {
                action: 1,
                interrupted: false,
                failed
            }
        )]
    );
}

#[test]
fn digits_are_exact_and_end_a_prompt_only_when_it_lets_them() {
    let mut sim = Sim::new();
    sim.play(1, false, vec![Piece::Loop(sine(700.0, 0.5, 100).into())]);
    let phone = &sim.world.phones[&0];
    let one = [phone.digit_packet(1, 1_000), phone.digit_packet(1, 1_000)];
    let hash = phone.digit_packet(11, 5_000);
    sim.run(100, &[0]);
    for packet in [&one[0], &one[1], &hash, &one[0], &hash] {
        assert!(sim.deliver(0, packet));
    }
    sim.session.info_digit(0, '7', sim.now, &mut sim.world);
    let digit = |c| (0, MediaEvent::Digit(c));
    assert_eq!(sim.events(), [digit('1'), digit('#'), digit('7')]);
    sim.play(2, true, vec![Piece::Loop(sine(700.0, 0.5, 100).into())]);
    sim.run(100, &[0]);
    let two = sim.world.phones[&0].digit_packet(2, 9_000);
    assert!(sim.deliver(0, &two) && sim.deliver(0, &two));
    assert_eq!(sim.events(), [finished(1, true), digit('2'), finished(2, true)]);
    assert!(is_silent(&sim.hears(0, 100, &[0])));
}

#[test]
fn sent_digits_take_the_place_of_sound_and_are_told_of_when_out() {
    let mut sim = Sim::new();
    sim.play(1, false, vec![Piece::Sound(sine(700.0, 0.5, 100).into())]);
    sim.session.send_digits(0, "42");
    sim.run(1_000, &[]);
    assert_eq!(sim.events(), [(0, MediaEvent::DigitsSent), finished(1, false)]);
    let packets = &sim.world.phones[&0].packets;
    let events: Vec<&Header> = packets.iter().filter(|h| h.payload_type == 96).collect();
    assert_eq!(events.len(), 16);
    assert_eq!(events.iter().filter(|h| h.marker).count(), 2);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
}

#[test]
fn sound_follows_the_stream_of_the_peer_and_no_stranger() {
    let mut sim = Sim::new();
    let stranger: SocketAddr = "10.9.9.9:9".parse().unwrap();
    sim.run(100, &[0]);
    sim.run(2_000, &[]);
    let mut theirs = Phone::new(9, Codec::Pcmu, sine(700.0, 0.5, 1_000));
    for _ in 0..50 {
        let packet = theirs.next_packet();
        assert!(
            !sim.session
                .on_packet(0, &packet, stranger, sim.now, &mut sim.world)
        );
        sim.run(20, &[]);
    }
    // Another port of the NAT: the same stream.
    let phone = sim.world.phones.get_mut(&0).unwrap();
    phone.addr.set_port(50_000);
    for _ in 0..3_000 / 20 {
        phone.next_packet();
    }
    sim.run(200, &[0]);
    assert_eq!(sim.hears(0, 100, &[0]).len(), 800);
    // Whom the SDP names comes first, always.
    sim.world.phones.get_mut(&0).unwrap().addr.set_port(4_000);
    sim.run(100, &[0]);
}

#[test]
fn another_host_is_sent_sound_once_it_is_confirmed_and_not_for_long_while_nothing_comes() {
    let mut sim = Sim::new();
    assert_eq!(sim.hears(0, 20_000, &[]).len(), 500 * FRAME, "never heard of");
    sim.run(100, &[0]);
    assert_eq!(sim.hears(0, 20_000, &[]).len(), 160_000, "heard of");
    for host in [2, 3] {
        let phone = sim.world.phones.get_mut(&0).unwrap();
        phone.addr.set_ip([10, 0, 0, host].into());
        let remote = phone.remote(Direction::RecvOnly);
        sim.session.connect(0, remote, sim.now);
        assert_eq!(sim.hears(0, 1_000, &[]).len(), 0, "neither ACK nor packet");
        sim.session.confirm(0);
        assert_eq!(sim.hears(0, 1_000, &[]).len(), 0, "the ten seconds are spent");
        let report = [0x80, 201, 0, 1, 0, 0, 0, 0];
        let mut from = sim.world.phones[&0].addr;
        from.set_port(from.port() + 1);
        assert!(sim.session.on_report(0, &report, from, sim.now));
        assert_eq!(
            sim.hears(0, 1_000, &[]).len(),
            8_000,
            "reports show the host, too"
        );
    }
}

#[test]
fn a_silent_peer_times_out_once_and_one_on_hold_is_told_each_time() {
    let mut sim = Sim::new();
    sim.direct(1, Direction::SendOnly);
    sim.run(4_900, &[]);
    assert_eq!(sim.events(), []);
    sim.run(20_000, &[]);
    let mut expected = vec![(0, MediaEvent::TimedOut)];
    expected.extend(vec![(1, MediaEvent::Quiet); 4]);
    assert_eq!(sim.events(), expected);
    sim.direct(1, Direction::SendRecv);
    sim.run(4_900, &[]);
    assert_eq!(sim.events(), []);
    sim.run(200, &[]);
    assert_eq!(sim.events(), [(1, MediaEvent::TimedOut)]);
}

#[test]
fn rtcp_is_sent_every_five_seconds_and_counts_as_life() {
    let mut sim = Sim::new();
    for _ in 0..7 {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 0];
        let from: SocketAddr = "10.0.0.1:4001".parse().unwrap();
        assert!(sim.session.on_report(0, &report, from, sim.now));
        assert!(
            !sim.session
                .on_report(0, &report, "10.7.7.7:4001".parse().unwrap(), sim.now)
        );
        sim.run(3_000, &[1]);
    }
    assert_eq!(sim.events(), []);
    assert_eq!(sim.world.phones[&0].reports, 5);
}

#[test]
fn a_tone_survives_loss_jitter_and_disorder() {
    let mut sim = Sim::new();
    sim.bridge();
    let mut air: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let mut state = 1u64;
    let mut random = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % n
    };
    let mut heard = Vec::new();
    for tick in 0..1_500 {
        let packet = sim.world.phones.get_mut(&0).unwrap().next_packet();
        if random(100) >= 1 {
            air.push_back((tick + random(3), packet));
        }
        let (due, later): (VecDeque<_>, VecDeque<_>) = air.into_iter().partition(|(at, _)| *at <= tick);
        air = later;
        for (_, packet) in due {
            sim.deliver(0, &packet);
        }
        let sound = sim.hears(1, 20, &[]);
        if tick > 100 {
            heard.extend(sound);
        }
    }
    let good = heard.chunks(800).filter(|piece| power(piece, LOW) > 0.9).count();
    assert!(
        good * 100 >= heard.len() / 800 * 85,
        "{good} of {}",
        heard.len() / 800
    );
}

#[test]
fn a_recording_has_the_customer_left_and_the_agent_right() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("call.wav");
    let (done, outcome) = std::sync::mpsc::channel();
    let (recorder, thread) =
        crate::recorder::Recorder::start(Box::new(move |_, recorded| drop(done.send(recorded)))).unwrap();
    let leg = jackfield_types::LegId::customer("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap());
    let mut sim = Sim::new();
    sim.session
        .start_recording(0, || recorder.tape(leg, file.clone()));
    sim.session
        .start_recording(0, || panic!("one recording at a time"));
    sim.run(1_000, &[0]);
    sim.bridge();
    sim.run(1_000, &[0, 1]);
    sim.direct(1, Direction::SendOnly);
    sim.run(1_000, &[0, 1]);
    sim.session.pause_recording(0, true);
    sim.run(1_000, &[0, 1]);
    sim.session.close(0);
    drop(recorder);
    thread.join().unwrap();

    let recording = outcome.recv().unwrap().unwrap();
    assert_eq!(recording.length_ms, 4_000);
    let samples: Vec<i16> = hound::WavReader::open(&file)
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect();
    let side = |n: usize, second: usize| -> Vec<i16> {
        let from = 2 * (8_000 * second + 1_000);
        samples[from..from + 2 * 6_000]
            .iter()
            .skip(n)
            .step_by(2)
            .copied()
            .collect()
    };
    for second in 0..3 {
        assert!(power(&side(0, second), LOW) > 0.99, "second {second}");
    }
    assert!(is_silent(&side(1, 0)) && is_silent(&side(1, 2)));
    assert!(power(&side(1, 1), HIGH) > 0.99);
    assert!(is_silent(&side(0, 3)) && is_silent(&side(1, 3)));
    let speech = recording.speech;
    assert!(
        speech.customer_ms.abs_diff(3_000) <= 100 && speech.agent_ms.abs_diff(1_000) <= 100,
        "{speech:?}"
    );
    assert!(
        speech.talk_over_ms.abs_diff(1_000) <= 100 && speech.silence_ms == 0,
        "{speech:?}"
    );
    assert_eq!(speech.interruptions, 1);
}

#[test]
fn ticks_left_out_are_a_gap_for_the_peer() {
    let mut sim = Sim::new();
    sim.run(20, &[]);
    sim.session.skip(10);
    sim.run(20, &[]);
    let packets = &sim.world.phones[&0].packets;
    assert_eq!(packets[1].sequence, packets[0].sequence.wrapping_add(1));
    assert_eq!(packets[1].timestamp, packets[0].timestamp.wrapping_add(11 * 160));
}

#[test]
fn legs_are_limited_and_known_once() {
    let mut sim = Sim::new();
    assert!(!sim.session.open(0, 1));
    for number in 2..MAX_SOUND_LEGS as u16 {
        assert!(sim.session.open(number, 1));
    }
    assert!(!sim.session.open(99, 1));
    for number in 0..MAX_SOUND_LEGS as u16 {
        sim.session.close(number);
    }
    assert!(sim.session.is_empty());
    sim.session.bridge(0, 1, &mut sim.world);
    sim.run(20, &[]);
}

proptest! {
    #[test]
    fn any_datagrams_are_taken_without_panic_and_a_call_goes_on(
        datagrams in proptest::collection::vec(
            (any::<bool>(), 0u8..128, any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..400)),
            0..60,
        )
    ) {
        let mut sim = Sim::new();
        sim.bridge();
        for (framed, payload_type, sequence, timestamp, bytes) in datagrams {
            let header = Header { payload_type, marker: false, sequence, timestamp, ssrc: sequence.into() };
            let mut packet = if framed { header.to_bytes().to_vec() } else { Vec::new() };
            packet.extend(&bytes);
            sim.deliver(0, &packet);
            let from = sim.world.phones[&0].addr;
            sim.session.on_report(0, &bytes, from, sim.now);
            sim.tick(&[1]);
        }
        sim.run(400, &[0, 1]);
        let heard = sim.hears(1, 500, &[0, 1]);
        prop_assert!(power(&heard, LOW) > 0.99);
    }
}
