//! Phones without number: whoever sends to one of the ports becomes a phone that talks back every 20 ms.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, UdpSocket},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Set in the environment of the phones' process.
pub(crate) const ROLE: &str = "JACKFIELD_BENCH_PHONES";
const PORTS: usize = 16;
/// Frames of a phone's first seconds are not judged.
const WARM_UP: Duration = Duration::from_secs(5);
/// Upper bounds of the classes of lateness, in milliseconds.
pub(crate) const CLASSES: [u64; 6] = [2, 5, 10, 20, 40, u64::MAX];

/// The process with the phones.
pub(crate) struct Phones {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) ports: Vec<u16>,
}

/// What the phones heard after their warm-up.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) phones: u64,
    pub(crate) frames: u64,
    pub(crate) lost: u64,
    pub(crate) latest_ms: f64,
    pub(crate) classes: [u64; CLASSES.len()],
}

impl Phones {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ports = line.split_whitespace().map(|p| p.parse().unwrap()).collect();
        Self {
            child,
            stdin,
            stdout,
            ports,
        }
    }

    /// Ends the process and takes what it found.
    pub(crate) fn finish(mut self) -> Report {
        drop(self.stdin.take());
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        let mut numbers = text.split_whitespace().map(|n| n.parse::<u64>().unwrap());
        let mut next = || numbers.next().unwrap();
        Report {
            phones: next(),
            frames: next(),
            lost: next(),
            latest_ms: next() as f64 / 1_000.0,
            classes: std::array::from_fn(|_| next()),
        }
    }
}

struct Phone {
    socket: usize,
    peer: SocketAddr,
    began: Instant,
    sequence: u16,
    /// First timestamp, and the earliest that a frame ever came, after the time that its timestamp says.
    first: u32,
    earliest: i64,
    last: u16,
}

#[derive(Default)]
struct Found {
    phones: HashMap<SocketAddr, Phone>,
    frames: u64,
    lost: u64,
    latest_us: u64,
    classes: [u64; CLASSES.len()],
}

impl Found {
    fn take(&mut self, socket: usize, peer: SocketAddr, packet: &[u8], began: Instant) {
        let now = Instant::now();
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let phone = self.phones.entry(peer).or_insert_with(|| Phone {
            socket,
            peer,
            began: now,
            sequence: 0,
            first: timestamp,
            earliest: i64::MAX,
            last: sequence.wrapping_sub(1),
        });
        let came = (now - began).as_micros() as i64;
        let due = i64::from(timestamp.wrapping_sub(phone.first)) * 125;
        phone.earliest = phone.earliest.min(came - due);
        let late = (came - due - phone.earliest) as u64;
        let missing = sequence.wrapping_sub(phone.last).wrapping_sub(1);
        phone.last = sequence;
        if now - phone.began < WARM_UP {
            return;
        }
        self.frames += 1;
        self.lost += u64::from(missing);
        self.latest_us = self.latest_us.max(late);
        let class = CLASSES
            .iter()
            .position(|ms| late <= ms.saturating_mul(1_000))
            .unwrap_or(CLASSES.len() - 1);
        self.classes[class] += 1;
    }
}

/// The phones' process: says its ports, works until its input ends, says what it found.
pub(crate) fn run() {
    let sockets: Vec<UdpSocket> = (0..PORTS)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let ports: Vec<String> = sockets
        .iter()
        .map(|s| s.local_addr().unwrap().port().to_string())
        .collect();
    println!("{}", ports.join(" "));
    std::io::stdout().flush().unwrap();
    let began = Instant::now();
    let found: Vec<Arc<Mutex<Found>>> = (0..PORTS).map(|_| Arc::default()).collect();
    let all = found.clone();
    let listening: Vec<UdpSocket> = sockets.iter().map(|s| s.try_clone().unwrap()).collect();
    std::thread::spawn(move || listen(&listening, &all, began));
    let all = found.clone();
    std::thread::spawn(move || talk(&sockets, &all));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());

    let (mut phones, mut frames, mut lost, mut latest_us) = (0, 0, 0, 0);
    let mut classes = [0; CLASSES.len()];
    for found in found {
        let found = found.lock().unwrap();
        phones += found.phones.len();
        frames += found.frames;
        lost += found.lost;
        latest_us = latest_us.max(found.latest_us);
        classes
            .iter_mut()
            .zip(found.classes)
            .for_each(|(sum, n)| *sum += n);
    }
    let classes = classes.map(|n: u64| n.to_string()).join(" ");
    println!("{phones} {frames} {lost} {latest_us} {classes}");
}

/// Looks at every socket each millisecond: a thread that waits on each would cost the sender a wake-up per packet.
fn listen(sockets: &[UdpSocket], found: &[Arc<Mutex<Found>>], began: Instant) {
    sockets
        .iter()
        .for_each(|socket| socket.set_nonblocking(true).unwrap());
    let mut buffer = [0; 2_048];
    loop {
        for (n, (socket, found)) in sockets.iter().zip(found).enumerate() {
            let mut found = found.lock().unwrap();
            while let Ok((len, peer)) = socket.recv_from(&mut buffer) {
                if len == 172 {
                    found.take(n, peer, &buffer[..len], began);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a frame from each phone every 20 ms, a quarter of them every 5 ms.
fn talk(sockets: &[UdpSocket], found: &[Arc<Mutex<Found>>]) {
    let mut packet = [0x55; 172];
    packet[..2].copy_from_slice(&[0x80, 0]);
    let mut due = Instant::now();
    for turn in 0.. {
        due += Duration::from_millis(5);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for found in found.iter().skip(turn % 4).step_by(4) {
            let sends: Vec<(usize, SocketAddr, u16)> = found
                .lock()
                .unwrap()
                .phones
                .values_mut()
                .map(|phone| {
                    phone.sequence = phone.sequence.wrapping_add(1);
                    (phone.socket, phone.peer, phone.sequence)
                })
                .collect();
            for (socket, peer, sequence) in sends {
                packet[2..4].copy_from_slice(&sequence.to_be_bytes());
                packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
                let _ = sockets[socket].send_to(&packet, peer);
            }
        }
    }
}
