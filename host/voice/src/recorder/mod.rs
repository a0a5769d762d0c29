//! Dual-channel recordings on disk: customer left, agent right, 8 kHz, 16 bit.
//!
//! Media threads hand frames to one writer thread and never wait: beyond [`MAX_WAITING_FRAMES`] waiting frames the
//! rest is recorded as silence. The header is brought up to date every second, so a crash loses the tail only.

mod salvage;
mod writer;

pub use salvage::salvage;

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
use jackfield_types::{LegId, Timestamp, limits::MAX_WAITING_FRAMES};

use crate::media::{FRAME, Frame};

/// Frames that go to the writer at once, half a second: waking it for each frame costs more than the rest.
const BATCH: usize = 25;

/// A recording that could not be made or completed. What is on disk stays there.
#[derive(Debug, thiserror::Error)]
#[error("recording {}: {reason}: expected a new file in a writable directory with room", file.display())]
pub(crate) struct RecordError {
    pub(crate) file: PathBuf,
    pub(crate) reason: hound::Error,
}

/// Takes the outcome of each recording, on the writer thread.
pub(crate) type Done = Box<dyn Fn(LegId, Result<Recording, RecordError>) + Send>;

enum Message {
    Start {
        id: u64,
        leg: LegId,
        file: PathBuf,
        at: Timestamp,
    },
    /// Frames that follow each other, the first of which has this index.
    Frames {
        id: u64,
        index: u32,
        frames: Vec<Pair>,
    },
    Stop {
        id: u64,
        frames: u32,
    },
}

/// Twenty milliseconds of both sides.
struct Pair {
    left: Frame,
    right: Frame,
    talking: bool,
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
            batch: Vec::with_capacity(BATCH),
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
    /// Frames so far, those of the batch included.
    frames: u32,
    batch: Vec<Pair>,
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

    /// Records nothing for so many frames.
    pub(crate) fn skip(&mut self, frames: u32) {
        self.flush();
        self.frames = self.frames.saturating_add(frames);
    }

    /// Records 20 ms. `talking` says whether the two hear each other.
    pub(crate) fn write(&mut self, left: &Frame, right: &Frame, talking: bool) {
        let (left, right) = if self.paused {
            ([0; FRAME], [0; FRAME])
        } else {
            (*left, *right)
        };
        self.batch.push(Pair {
            left,
            right,
            talking: talking && !self.paused,
        });
        self.frames = self.frames.saturating_add(1);
        if self.batch.len() == BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Ok(count) = u32::try_from(self.batch.len()) else {
            return;
        };
        // The writer fills what is missing with silence, so frames may be left out at any time.
        if count == 0 || self.recorder.backlog.load(Ordering::Relaxed) >= MAX_WAITING_FRAMES {
            self.batch.clear();
            return;
        }
        self.recorder
            .backlog
            .fetch_add(self.batch.len(), Ordering::Relaxed);
        let frames = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.send(Message::Frames {
            id: self.id,
            index: self.frames.saturating_sub(count),
            frames,
        });
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.flush();
        self.send(Message::Stop {
            id: self.id,
            frames: self.frames,
        });
    }
}
