use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jackfield_types::{InteractionId, LegId};

use super::{
    MediaError, MediaEvent, MediaSink, Stats,
    engine::Order,
    ports::PortPair,
    session::{Out, Session},
    stats::Counters,
};
use crate::{prompt::hold_music, recorder::Recorder};

/// Every interaction has its turn in one of four slots of 5 ms, which spreads the work over a frame.
const SLOTS: usize = 4;
const SLOT: Duration = Duration::from_millis(5);
const FRAME_TIME: Duration = SLOT.saturating_mul(SLOTS as u32);
/// A worker that is later than this leaves turns out, rather than send them all at once.
const GIVE_UP: Duration = Duration::from_millis(200);
/// Packets read from one socket in one turn; the rest waits in the kernel.
const MAX_PACKETS: usize = 32;
/// Turns after which RTCP is read once: a second.
const REPORT_TURNS: u32 = 50;
/// Bytes of a packet that are looked at.
const MAX_BYTES: usize = 2_048;

/// All worker threads. All legs of an interaction live on one of them, so no bridge crosses threads.
pub(crate) struct Workers {
    inboxes: Vec<mpsc::Sender<(LegId, Order)>>,
    counters: Vec<Arc<Counters>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(crate) fn start(
        count: usize,
        media_timeout: Duration,
        recorder: &Recorder,
        events: &MediaSink,
    ) -> Result<Self, MediaError> {
        let mut workers = Self {
            inboxes: Vec::new(),
            counters: Vec::new(),
            threads: Mutex::default(),
        };
        for n in 0..count {
            let (orders, inbox) = mpsc::channel();
            let counters = Arc::new(Counters::default());
            let mut worker = Worker {
                shell: Shell {
                    events: Arc::clone(events),
                    counters: Arc::clone(&counters),
                },
                recorder: recorder.clone(),
                media_timeout,
                started: Instant::now(),
                slots: std::array::from_fn(|_| Vec::new()),
                places: HashMap::new(),
                seeds: RandomState::new(),
            };
            let thread = thread::Builder::new().name(format!("media-{n}"));
            let thread = thread
                .spawn(move || worker.run(&inbox))
                .map_err(MediaError::Thread)?;
            workers
                .threads
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
            workers.inboxes.push(orders);
            workers.counters.push(counters);
        }
        Ok(workers)
    }

    pub(crate) fn send(&self, leg: LegId, order: Order) {
        let worker = (leg.interaction.as_u128() % self.inboxes.len() as u128) as usize;
        // A worker that has ended has no legs left.
        let _ = self.inboxes[worker].send((leg, order));
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.counters
            .iter()
            .for_each(|counters| counters.add_to(&mut stats));
        stats
    }

    /// Closes all legs and waits for the threads.
    pub(crate) fn stop(&self) {
        for inbox in &self.inboxes {
            let nobody = LegId::customer(InteractionId::from_uuid(uuid::Uuid::nil()));
            let _ = inbox.send((nobody, Order::Stop));
        }
        for thread in self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            let _ = thread.join();
        }
    }
}

struct Worker {
    shell: Shell,
    recorder: Recorder,
    media_timeout: Duration,
    started: Instant,
    slots: [Vec<Entry>; SLOTS],
    /// In which slot an interaction is.
    places: HashMap<InteractionId, usize>,
    seeds: RandomState,
}

/// What all sessions of a worker share of the world.
struct Shell {
    events: MediaSink,
    counters: Arc<Counters>,
}

/// An interaction with its sockets.
struct Entry {
    interaction: InteractionId,
    session: Session,
    sockets: Vec<(u16, PortPair)>,
    turns: u32,
}

/// The world as one session sees it.
struct World<'a> {
    shell: &'a Shell,
    interaction: InteractionId,
    sockets: &'a [(u16, PortPair)],
}

impl Out for World<'_> {
    fn send(&mut self, leg: u16, packet: &[u8], to: SocketAddr) {
        if let Some((_, pair)) = self.sockets.iter().find(|(n, _)| *n == leg) {
            // A packet that cannot be sent is a packet lost, as on any network.
            let sent = pair.rtp.send_to(packet, to).is_ok();
            self.shell
                .counters
                .packets_out
                .fetch_add(u64::from(sent), Ordering::Relaxed);
        }
    }

    fn send_report(&mut self, leg: u16, packet: &[u8], to: SocketAddr) {
        if let Some((_, pair)) = self.sockets.iter().find(|(n, _)| *n == leg) {
            let _ = pair.rtcp.send_to(packet, to);
        }
    }

    fn report(&mut self, leg: u16, event: MediaEvent) {
        (self.shell.events)(
            LegId {
                interaction: self.interaction,
                number: leg,
            },
            event,
        );
    }
}

impl Worker {
    fn run(&mut self, inbox: &mpsc::Receiver<(LegId, Order)>) {
        let mut turn = 0;
        let mut due = Instant::now();
        loop {
            // Without legs there is nothing to be on time for.
            let order = if self.places.is_empty() {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                inbox.recv_timeout(due.saturating_duration_since(Instant::now()))
            };
            match order {
                Ok((_, Order::Stop)) | Err(RecvTimeoutError::Disconnected) => return,
                Ok((leg, order)) => {
                    if self.places.is_empty() {
                        due = Instant::now();
                    }
                    self.obey(leg, order);
                    // Orders may come in a stream; turns must not wait for its end.
                    if Instant::now() < due {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.turn(turn % SLOTS, due);
            turn += 1;
            due += SLOT;
            let late = due.elapsed();
            if late > GIVE_UP {
                let frames = u32::try_from(late.as_micros() / FRAME_TIME.as_micros()).unwrap_or(u32::MAX);
                due += FRAME_TIME * frames;
                let sessions = self.slots.iter_mut().flatten();
                sessions.for_each(|entry| entry.session.skip(frames));
            }
        }
    }

    /// One slot: packets in, 20 ms of sound for each of its interactions.
    fn turn(&mut self, slot: usize, due: Instant) {
        let mut buffer = [0; MAX_BYTES];
        for entry in &mut self.slots[slot] {
            let now = Instant::now();
            self.shell
                .counters
                .late(now.saturating_duration_since(due).as_micros() as u64);
            let now = now.saturating_duration_since(self.started);
            entry.turns = entry.turns.wrapping_add(1);
            let reads_reports = entry.turns.is_multiple_of(REPORT_TURNS);
            let (session, mut world) = entry.parts(&self.shell);
            for (leg, pair) in world.sockets {
                let counters = &self.shell.counters;
                for _ in 0..MAX_PACKETS {
                    let Ok((len, from)) = pair.rtp.recv_from(&mut buffer) else {
                        break;
                    };
                    counters.packets_in.fetch_add(1, Ordering::Relaxed);
                    let taken = session.on_packet(*leg, &buffer[..len], from, now, &mut world);
                    counters
                        .packets_dropped
                        .fetch_add(u64::from(!taken), Ordering::Relaxed);
                }
                let reports = if reads_reports { MAX_PACKETS } else { 0 };
                for _ in 0..reports {
                    let Ok((len, from)) = pair.rtcp.recv_from(&mut buffer) else {
                        break;
                    };
                    session.on_report(*leg, &buffer[..len], from, now);
                }
            }
            session.tick(now, &mut world);
        }
    }

    fn obey(&mut self, leg: LegId, order: Order) {
        let LegId { interaction, number } = leg;
        if let Order::Open(pair) = order {
            return self.open(leg, pair);
        }
        let Some(slot) = self.places.get(&interaction).copied() else {
            return;
        };
        let Some(at) = self.slots[slot].iter().position(|e| e.interaction == interaction) else {
            return;
        };
        let now = self.started.elapsed();
        let (session, mut world) = self.slots[slot][at].parts(&self.shell);
        match order {
            Order::Connect(remote) => session.connect(number, remote, now),
            Order::Confirm => session.confirm(number),
            Order::Expect { action, barge_in } => session.expect(number, action, barge_in, &mut world),
            Order::Ready {
                action,
                pieces,
                failed,
            } => session.ready(number, action, pieces, failed),
            Order::StopPlay => session.stop_play(number),
            Order::Bridge(with) => session.bridge(number, with, &mut world),
            Order::Unbridge => session.unbridge(number),
            Order::StartRecording(file) => session.start_recording(number, || self.recorder.tape(leg, file)),
            Order::PauseRecording(paused) => session.pause_recording(number, paused),
            Order::StopRecording => session.stop_recording(number),
            Order::InfoDigit(digit) => session.info_digit(number, digit, now, &mut world),
            Order::SendDigits(digits) => session.send_digits(number, &digits),
            Order::Listen(frames) => session.listen(number, frames),
            Order::Close => {
                session.close(number);
                let gone = session.is_empty();
                let entry = &mut self.slots[slot][at];
                let before = entry.sockets.len();
                entry.sockets.retain(|(n, _)| *n != number);
                self.shell
                    .counters
                    .legs
                    .fetch_sub(before - entry.sockets.len(), Ordering::Relaxed);
                if gone {
                    self.slots[slot].swap_remove(at);
                    self.places.remove(&interaction);
                }
            }
            Order::Open(_) | Order::Stop => {}
        }
    }

    fn open(&mut self, leg: LegId, pair: PortPair) {
        let LegId { interaction, number } = leg;
        let slots = &mut self.slots;
        let slot = *self.places.entry(interaction).or_insert_with(|| {
            // The emptiest slot, so that the work stays even.
            let emptiest = (0..SLOTS).min_by_key(|n| slots[*n].len()).unwrap_or(0);
            let session = Session::new(hold_music(), self.media_timeout);
            slots[emptiest].push(Entry {
                interaction,
                session,
                sockets: Vec::new(),
                turns: 0,
            });
            emptiest
        });
        let entry = slots[slot].iter_mut().find(|e| e.interaction == interaction);
        if let Some(entry) = entry
            && entry.session.open(number, self.seeds.hash_one(leg))
        {
            entry.sockets.push((number, pair));
            self.shell.counters.legs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Entry {
    fn parts<'a>(&'a mut self, shell: &'a Shell) -> (&'a mut Session, World<'a>) {
        (
            &mut self.session,
            World {
                shell,
                interaction: self.interaction,
                sockets: &self.sockets,
            },
        )
    }
}
