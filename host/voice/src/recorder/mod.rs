//! Dual-channel recordings on disk: customer left, agent right, 8 kHz, 16 bit.
//!
//! Media threads hand frames to one writer thread and never wait: beyond [`MAX_BACKLOG`] waiting frames the
//! rest is recorded as silence. The header is brought up to date every second, so a crash loses the tail only.

mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use jackfield_contact::leg::Recording;
use jackfield_types::{LegId, Timestamp};

use crate::media::{FRAME, Frame};

/// Frames that wait for the writer: a second of 160 recordings. Further ones are recorded as silence.
pub(crate) const MAX_BACKLOG: usize = 8_192;

/// A recording that could not be made or completed. What is on disk stays there.
#[derive(Debug, thiserror::Error)]
#[error("recording {}: {reason}: expected a new file in a writable directory with room", file.display())]
pub(crate) struct RecordError {
    pub(crate) file: PathBuf,
    pub(crate) reason: hound::Error,
}

/// Takes the outcome of each recording, on the writer thread.
pub(crate) type Done = Box<dyn Fn(LegId, Result<Recording, RecordError>) + Send>;

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are frames, and a box is an allocation on a media thread"
)]
enum Message {
    Start {
        id: u64,
        leg: LegId,
        file: PathBuf,
        at: Timestamp,
    },
    Frame {
        id: u64,
        index: u32,
        talking: bool,
        left: Frame,
        right: Frame,
    },
    Stop {
        id: u64,
        frames: u32,
    },
}

/// The way to the writer thread. When all recorders and tapes are dropped, the thread completes what it has
/// and ends.
#[derive(Clone)]
pub(crate) struct Recorder {
    messages: mpsc::Sender<Message>,
    backlog: Arc<AtomicUsize>,
    next: Arc<AtomicU64>,
}

impl Recorder {
    pub(crate) fn start(done: Done) -> io::Result<(Self, JoinHandle<()>)> {
        let (messages, inbox) = mpsc::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&backlog);
        let thread = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer::run(&inbox, &waiting, &done))?;
        Ok((
            Self {
                messages,
                backlog,
                next: Arc::default(),
            },
            thread,
        ))
    }

    /// Begins a recording. Its file is created by the writer.
    pub(crate) fn tape(&self, leg: LegId, file: PathBuf) -> Tape {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let at = Timestamp(u64::try_from(at).unwrap_or(u64::MAX));
        let tape = Tape {
            id,
            frames: 0,
            paused: false,
            recorder: self.clone(),
        };
        tape.send(Message::Start { id, leg, file, at });
        tape
    }
}

/// One recording under way. Dropping it completes the recording.
pub(crate) struct Tape {
    id: u64,
    frames: u32,
    paused: bool,
    recorder: Recorder,
}

impl Tape {
    fn send(&self, message: Message) {
        // Without a writer there is nothing to be kept.
        let _ = self.recorder.messages.send(message);
    }

    /// While paused, silence is recorded.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Records 20 ms. `talking` says whether the two hear each other.
    pub(crate) fn write(&mut self, left: &Frame, right: &Frame, talking: bool) {
        let index = self.frames;
        self.frames = index.saturating_add(1);
        // The writer fills what is missing with silence, so a frame may be left out at any time.
        if self.recorder.backlog.load(Ordering::Relaxed) >= MAX_BACKLOG {
            return;
        }
        self.recorder.backlog.fetch_add(1, Ordering::Relaxed);
        let (left, right) = if self.paused {
            ([0; FRAME], [0; FRAME])
        } else {
            (*left, *right)
        };
        self.send(Message::Frame {
            id: self.id,
            index,
            talking: talking && !self.paused,
            left,
            right,
        });
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.send(Message::Stop {
            id: self.id,
            frames: self.frames,
        });
    }
}
