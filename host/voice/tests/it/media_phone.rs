//! A phone for the media tests: its own RTP over its own socket, nothing of the engine.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use jackfield_types::{InteractionId, LegId};
use jackfield_voice::{
    media::{Codec, Direction, Engine, EngineOptions, MediaEvent, RemoteMedia},
    prompt::Library,
    softphone::{tone, tone_level},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const FRAME: usize = 160;

/// Says one tone without end and keeps what it hears, both in µ-law.
pub(crate) struct Phone {
    pub(crate) addr: SocketAddr,
    socket: UdpSocket,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    peer: Mutex<Option<SocketAddr>>,
    heard: Mutex<Vec<i16>>,
    more: Condvar,
    stop: AtomicBool,
}

impl Phone {
    pub(crate) fn start(hertz: f32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let (socket, shared) = (socket.try_clone().unwrap(), Arc::clone(&shared));
            move || run(&socket, &shared, hertz)
        });
        Self {
            addr,
            socket,
            shared,
            thread: Some(thread),
        }
    }

    /// From now on talks to `peer`.
    pub(crate) fn call(&self, peer: SocketAddr) {
        *self.shared.peer.lock().unwrap() = Some(peer);
    }

    pub(crate) fn remote(&self, direction: Direction) -> RemoteMedia {
        let (codec, payload_type) = (Codec::Pcmu, 0);
        RemoteMedia {
            addr: self.addr,
            codec,
            payload_type,
            dtmf_payload_type: Some(101),
            direction,
        }
    }

    /// Presses a key: three packets of one event.
    pub(crate) fn press(&self, event: u8, timestamp: u32) {
        let peer = self.shared.peer.lock().unwrap().unwrap();
        for duration in [160u16, 320, 480] {
            let mut packet = header(101, 0, timestamp);
            packet.extend([event, 10]);
            packet.extend(duration.to_be_bytes());
            self.socket.send_to(&packet, peer).unwrap();
        }
    }

    /// Waits for the next so many milliseconds of sound.
    pub(crate) fn hear(&self, ms: usize) -> Vec<i16> {
        let mut heard = self.shared.heard.lock().unwrap();
        heard.clear();
        let (heard, time) = self
            .shared
            .more
            .wait_timeout_while(heard, PATIENCE, |heard| heard.len() < ms * 8)
            .unwrap();
        assert!(
            !time.timed_out(),
            "heard {} samples, expected {}",
            heard.len(),
            ms * 8
        );
        heard.clone()
    }

    /// Waits until a piece of 200 ms satisfies `wanted`.
    pub(crate) fn hears(&self, what: &str, wanted: impl Fn(&[i16]) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !wanted(&self.hear(200)) {
            assert!(Instant::now() < until, "never heard {what}");
        }
    }

    /// How many samples come in 300 ms.
    pub(crate) fn count(&self) -> usize {
        let mut heard = self.shared.heard.lock().unwrap();
        heard.clear();
        let wait = Duration::from_millis(300);
        self.shared
            .more
            .wait_timeout_while(heard, wait, |_| true)
            .unwrap()
            .0
            .len()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn header(payload_type: u8, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet
}

/// G.711 µ-law as the recommendation has it, apart from the engine's.
fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

fn encode(sample: i16) -> u8 {
    let magnitude = (i32::from(sample).abs() + 0x84).min(0x7fff) as u32;
    let exponent = 31 - magnitude.leading_zeros() - 7;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (exponent << 4) as u8 | ((magnitude >> (exponent + 3)) & 0x0f) as u8)
}

fn run(socket: &UdpSocket, shared: &Shared, hertz: f32) {
    let says = sine(hertz, 1_000);
    let mut due = Instant::now();
    let mut buffer = [0; 2_048];
    for n in 0.. {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        if let Some(peer) = *shared.peer.lock().unwrap() {
            let mut packet = header(0, n as u16, n as u32 * 160);
            let from = n * FRAME % says.len();
            packet.extend(says[from..from + FRAME].iter().map(|s| encode(*s)));
            socket.send_to(&packet, peer).unwrap();
        }
        due += Duration::from_millis(20);
        while let Some(rest) = due
            .checked_duration_since(Instant::now())
            .filter(|rest| !rest.is_zero())
        {
            socket.set_read_timeout(Some(rest)).unwrap();
            let Ok((len, _)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            if buffer[1] & 0x7f == 0 {
                let mut heard = shared.heard.lock().unwrap();
                heard.extend(buffer[12..len].iter().map(|b| decode(*b)));
                shared.more.notify_all();
            }
        }
    }
}

/// An engine on loopback with everything it needs in a directory of its own.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) events: mpsc::Receiver<(LegId, MediaEvent)>,
    pub(crate) dir: tempfile::TempDir,
}

impl Rig {
    pub(crate) fn start() -> Self {
        Self::with_ports(0..=0)
    }

    pub(crate) fn with_ports(rtp_ports: std::ops::RangeInclusive<u16>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (sender, events) = mpsc::channel();
        let options = EngineOptions {
            workers: 2,
            media_ip: "127.0.0.1".parse().unwrap(),
            external_ip: None,
            rtp_ports,
            media_timeout: PATIENCE,
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
        Self { engine, events, dir }
    }

    /// The next report; fails when none comes.
    pub(crate) fn event(&self) -> (LegId, MediaEvent) {
        self.events.recv_timeout(PATIENCE).expect("a report")
    }

    /// Opens a leg and connects it with a phone.
    pub(crate) fn connect(&self, leg: LegId, phone: &Phone) {
        let local = self.engine.open(leg).unwrap();
        self.engine.connect(leg, phone.remote(Direction::SendRecv));
        phone.call(local.addr);
    }
}

/// The customer's and an agent's leg of a new interaction.
pub(crate) fn legs() -> (LegId, LegId) {
    let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
    (
        LegId::customer(interaction),
        LegId {
            interaction,
            number: 1,
        },
    )
}

pub(crate) fn is_silent(sound: &[i16]) -> bool {
    sound.iter().all(|s| s.abs() <= 8)
}

/// A sine at half of full scale.
pub(crate) fn sine(hertz: f32, ms: u64) -> Vec<i16> {
    let tone = tone(hertz.into(), Duration::from_millis(ms));
    tone.iter().map(|sample| sample * 2).collect()
}

/// How much of a sound is one tone, from 0 to 1.
pub(crate) fn power(samples: &[i16], hertz: f32) -> f64 {
    tone_level(samples, hertz.into())
}
