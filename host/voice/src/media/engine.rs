use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use jackfield_contact::leg::{ActionId, Prompt, Recording};
use jackfield_types::{LegId, TenantId, limits::MAX_SENT_DIGITS};

use super::{
    Frame, MediaError, RemoteMedia, Stats,
    loader::{Job, Loader},
    player::Piece,
    ports::{PortPair, Ports},
    worker::Workers,
};
use crate::{
    prompt::Library,
    recorder::{RecordError, Recorder},
};

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
    /// No packet came for `media_timeout` from a peer that should send. Reported once.
    TimedOut,
    /// No packet came for `media_timeout` from a peer that needn't send: it holds us, or says that it only listens.
    /// Reported each time.
    Quiet,
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
    // Dropped first: its threads hold the workers.
    loader: Loader,
    workers: Arc<Workers>,
    ports: Ports,
    external_ip: Option<IpAddr>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What is sent to a worker about one leg.
pub(crate) enum Order {
    Open(PortPair),
    Connect(RemoteMedia),
    Confirm,
    /// A play was ordered and is being loaded.
    Expect {
        action: ActionId,
        barge_in: bool,
    },
    /// It is loaded.
    Ready {
        action: ActionId,
        pieces: Vec<Piece>,
        failed: Option<Arc<str>>,
    },
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
    /// Ends the worker.
    Stop,
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
        let ports = Ports::new(options.media_ip, options.rtp_ports)?;
        let recorded = Arc::clone(&events);
        let done = move |leg, outcome: Result<Recording, RecordError>| {
            let event = match outcome {
                Ok(recording) => MediaEvent::Recorded(recording),
                Err(error) => MediaEvent::RecordingFailed(error.to_string().into()),
            };
            recorded(leg, event);
        };
        let (recorder, writer) = Recorder::start(Box::new(done)).map_err(MediaError::Thread)?;
        let workers = Workers::start(options.workers, options.media_timeout, &recorder, &events)?;
        let workers = Arc::new(workers);
        let loader = Loader::start(&options.prompts, &workers).map_err(MediaError::Thread)?;
        let (external_ip, writer) = (options.external_ip, Mutex::new(Some(writer)));
        Ok(Self {
            inner: Arc::new(Inner {
                loader,
                workers,
                ports,
                external_ip,
                writer,
            }),
        })
    }

    fn send(&self, leg: LegId, order: Order) {
        self.inner.workers.send(leg, order);
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

    /// Sets or changes the peer: at the answer and at every re-INVITE. A leg sends nothing to a new host, and its prompts
    /// wait, until [`confirm`](Self::confirm) or the first packet from there: whoever sends an INVITE with a forged
    /// address shall not have us send sound there. To hosts of which nothing comes at all, neither sound nor reports, a
    /// leg sends ten seconds in all.
    pub fn connect(&self, leg: LegId, remote: RemoteMedia) {
        self.send(leg, Order::Connect(remote));
    }

    /// The peer has shown that it is there, by its ACK or its own answer.
    pub fn confirm(&self, leg: LegId) {
        self.send(leg, Order::Confirm);
    }

    /// Whether `addr` is where one of our own legs listens, or its RTCP.
    pub fn is_own(&self, addr: SocketAddr) -> bool {
        let ours = [Some(self.inner.ports.ip()), self.inner.external_ip];
        self.inner.ports.is_open(addr.port())
            && (ours.contains(&Some(addr.ip()))
                // An address that can be bound is this machine's.
                || self.inner.ports.ip().is_unspecified() && UdpSocket::bind((addr.ip(), 0)).is_ok())
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
        self.send(leg, Order::Expect { action, barge_in });
        self.inner.loader.send(Job {
            leg,
            action,
            tenant: tenant.clone(),
            sources,
        });
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
        self.send(
            leg,
            Order::SendDigits(digits.chars().take(MAX_SENT_DIGITS).collect()),
        );
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
        self.inner.workers.stats()
    }

    /// Closes all legs, completes all recordings and ends the threads. Blocks for that long.
    pub fn shutdown(&self) {
        self.inner.workers.stop();
        if let Some(writer) = self
            .inner
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            let _ = writer.join();
        }
    }
}
