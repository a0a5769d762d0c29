use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use jackfield_contact::leg::{ActionId, Prompt, Recording};
use jackfield_types::{LegId, TenantId};

use super::{
    Frame, MediaError, RemoteMedia,
    ports::{PortPair, Ports},
};
use crate::{media::worker, prompt::Library};

/// How an [`Engine`] is set up.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Worker threads, at least 1; one per core is right.
    pub workers: usize,
    /// The local address of media sockets.
    pub media_ip: IpAddr,
    /// The address written into SDP when it differs from `media_ip` (behind NAT, or `0.0.0.0`).
    pub external_ip: Option<IpAddr>,
    /// Ports for RTP (even) and RTCP (the odd one after it). `0..=0` lets the system choose.
    pub rtp_ports: RangeInclusive<u16>,
    /// Without a packet from a peer that should send for so long, [`MediaEvent::TimedOut`] is reported, once.
    pub media_timeout: Duration,
    /// Where prompts come from.
    pub prompts: Arc<Library>,
}

/// One thing to play.
#[derive(Debug, Clone)]
pub enum Source {
    /// As the core orders it; loaded, spoken and resampled off the worker threads.
    Prompt(Prompt),
    /// Samples at 8 kHz.
    Sound(Arc<[i16]>),
}

/// Where a leg listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalMedia {
    /// The address for the SDP: external when there is one.
    pub addr: SocketAddr,
}

/// What happened to the sound of a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// A digit began: RFC 4733 or INFO, once.
    Digit(char),
    /// A play came to its end, or was cut short by a digit or another order than `stop_play`.
    PlayFinished {
        /// The play.
        action: ActionId,
        /// Whether it was cut short.
        interrupted: bool,
        /// What could not be played, and what to do about it.
        failed: Option<Arc<str>>,
    },
    /// The digits ordered by `send_digits` are out.
    DigitsSent,
    /// No packet came for `media_timeout`.
    TimedOut,
    /// A recording is complete on disk.
    Recorded(Recording),
    /// A recording could not be made or was lost; says the file and the cause. No `Recorded` follows.
    RecordingFailed(Arc<str>),
}

/// Takes what legs report. Called on worker threads: must not block.
pub type MediaSink = Arc<dyn Fn(LegId, MediaEvent) + Send + Sync>;

/// All media of one process. Cheap to clone; threads end when the last clone is gone or at `shutdown`.
///
/// Orders never block and never fail for a leg that is gone. Orders to the legs of one interaction are
/// carried out in the order given.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    workers: Vec<worker::Handle>,
    ports: Ports,
    external_ip: Option<IpAddr>,
}

/// Digits of one `send_digits`; the rest is dropped.
const MAX_DIGITS: usize = 64;

/// What is sent to a worker about one leg.
pub(crate) enum Order {
    Open(PortPair),
    Connect(RemoteMedia),
    Expect { action: ActionId, barge_in: bool },
    StopPlay,
    Bridge(u16),
    Unbridge,
    StartRecording(PathBuf),
    PauseRecording(bool),
    StopRecording,
    InfoDigit(char),
    SendDigits(String),
    Listen(mpsc::SyncSender<Frame>),
    Close,
}

/// Figures of an engine since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Legs open now.
    pub legs: usize,
    /// Packets received, also those dropped.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Packets dropped: malformed, from a stranger, too late, twice.
    pub packets_dropped: u64,
    /// Frames by how late they were sent: at most 1, 2, 5, 10, 20, 40 ms, and later.
    pub lateness: [u64; 7],
    /// The latest frame, in microseconds.
    pub latest_us: u64,
}

impl Engine {
    /// Starts the worker threads.
    ///
    /// # Errors
    /// Options that cannot work, or no thread to be had.
    pub fn start(options: EngineOptions, events: MediaSink) -> Result<Self, MediaError> {
        if options.workers == 0 {
            return Err(MediaError::Options {
                field: "workers",
                value: "0".into(),
                expected: "at least 1",
            });
        }
        let ports = Ports::new(options.media_ip, options.rtp_ports.clone())?;
        let workers = (0..options.workers)
            .map(|n| worker::spawn(n, Arc::clone(&events)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            inner: Arc::new(Inner {
                workers,
                ports,
                external_ip: options.external_ip,
            }),
        })
    }

    fn send(&self, leg: LegId, order: Order) {
        let n = self.inner.workers.len() as u128;
        // All legs of an interaction live on one worker, so a bridge never crosses threads.
        let worker = usize::try_from(leg.interaction.as_u128() % n).unwrap_or(0);
        self.inner.workers[worker].send(leg, order);
    }

    /// Opens the sockets of a leg. It is silent until [`connect`](Self::connect).
    ///
    /// # Errors
    /// No free port pair, or the system refuses a socket.
    pub fn open(&self, leg: LegId) -> Result<LocalMedia, MediaError> {
        let pair = self.inner.ports.open()?;
        let addr = SocketAddr::new(self.inner.external_ip.unwrap_or(pair.addr.ip()), pair.addr.port());
        self.send(leg, Order::Open(pair));
        Ok(LocalMedia { addr })
    }

    /// Sets or changes the peer: at the answer and at every re-INVITE.
    pub fn connect(&self, leg: LegId, remote: RemoteMedia) {
        self.send(leg, Order::Connect(remote));
    }

    /// Plays one thing after the other, replacing what is playing.
    pub fn play(
        &self,
        leg: LegId,
        action: ActionId,
        tenant: &TenantId,
        sources: Vec<Source>,
        barge_in: bool,
    ) {
        let _ = (tenant, sources);
        self.send(leg, Order::Expect { action, barge_in });
    }

    /// Stops what is playing. Reports nothing.
    pub fn stop_play(&self, leg: LegId) {
        self.send(leg, Order::StopPlay);
    }

    /// Connects two legs of one interaction, both ways, and ends what they were playing.
    ///
    /// # Errors
    /// The legs belong to two interactions.
    pub fn bridge(&self, a: LegId, b: LegId) -> Result<(), MediaError> {
        if a.interaction != b.interaction || a.number == b.number {
            return Err(MediaError::NotBridgeable(a, b));
        }
        self.send(a, Order::Bridge(b.number));
        Ok(())
    }

    /// Ends the bridge that `leg` is in; both stay, silent.
    pub fn unbridge(&self, leg: LegId) {
        self.send(leg, Order::Unbridge);
    }

    /// Records `leg` left and whoever is bridged to it right, into a new WAV file.
    pub fn start_recording(&self, leg: LegId, file: PathBuf) {
        self.send(leg, Order::StartRecording(file));
    }

    /// While paused, silence is recorded on both channels (card numbers).
    pub fn pause_recording(&self, leg: LegId, paused: bool) {
        self.send(leg, Order::PauseRecording(paused));
    }

    /// Closes the recording; `Recorded` follows. Also done by `close`.
    pub fn stop_recording(&self, leg: LegId) {
        self.send(leg, Order::StopRecording);
    }

    /// A digit that came by SIP INFO. Anything but `0`-`9`, `*`, `#`, `A`-`D` is ignored.
    pub fn info_digit(&self, leg: LegId, digit: char) {
        self.send(leg, Order::InfoDigit(digit));
    }

    /// Sends digits by RFC 4733, 100 ms each with pauses of 60 ms; `DigitsSent` follows. A peer that takes
    /// none gets none.
    pub fn send_digits(&self, leg: LegId, digits: &str) {
        self.send(leg, Order::SendDigits(digits.chars().take(MAX_DIGITS).collect()));
    }

    /// Copies what the leg hears, frame by frame, into a bounded channel; frames that don't fit are dropped.
    pub fn listen(&self, leg: LegId, frames: mpsc::SyncSender<Frame>) {
        self.send(leg, Order::Listen(frames));
    }

    /// Closes the sockets and the recording; nothing follows but `Recorded`.
    pub fn close(&self, leg: LegId) {
        self.send(leg, Order::Close);
    }

    /// Figures since the start.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Closes all legs, completes all recordings and ends the threads. Blocks for that long.
    pub fn shutdown(&self) {}
}
