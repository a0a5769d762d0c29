use std::{
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use jackfield_contact::leg::{ActionId, Prompt};
use jackfield_types::{LegId, TenantId, limits::MAX_WAITING_PLAYS};

use super::{
    engine::{Order, Source},
    player::Piece,
    worker::Workers,
};
use crate::prompt::{Library, PromptError, hold_music};

/// Threads that load, so that one text which takes long to speak does not hold up files.
const THREADS: usize = 4;

/// A play whose sources are to be loaded.
pub(crate) struct Job {
    pub(crate) leg: LegId,
    pub(crate) action: ActionId,
    pub(crate) tenant: TenantId,
    pub(crate) sources: Vec<Source>,
}

/// Loads prompts away from the worker threads, which may not touch the disk.
pub(crate) struct Loader {
    jobs: mpsc::SyncSender<Job>,
    workers: Arc<Workers>,
}

impl Loader {
    /// Starts the threads; they end when the loader is dropped.
    pub(crate) fn start(library: &Arc<Library>, workers: &Arc<Workers>) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel::<Job>(MAX_WAITING_PLAYS);
        let inbox = Arc::new(Mutex::new(inbox));
        for n in 0..THREADS {
            let (library, workers, inbox) = (Arc::clone(library), Arc::clone(workers), Arc::clone(&inbox));
            thread::Builder::new()
                .name(format!("prompts-{n}"))
                .spawn(move || {
                    let next = || inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    while let Ok(job) = next() {
                        workers.send(job.leg, load(job, &library));
                    }
                })?;
        }
        Ok(Self {
            jobs,
            workers: Arc::clone(workers),
        })
    }

    pub(crate) fn send(&self, job: Job) {
        let (leg, action) = (job.leg, job.action);
        if self.jobs.try_send(job).is_err() {
            let failed = Some("too many prompts are waiting to be loaded: play fewer at once".into());
            self.workers.send(
                leg,
                Order::Ready {
                    action,
                    pieces: Vec::new(),
                    failed,
                },
            );
        }
    }
}

/// Loads what can be loaded; the rest is named in `failed`.
fn load(job: Job, library: &Library) -> Order {
    let mut failed: Vec<String> = Vec::new();
    let mut pieces = Vec::with_capacity(job.sources.len());
    for source in job.sources {
        let piece = match source {
            Source::Sound(sound) => Ok(Piece::Sound(sound)),
            Source::Prompt(prompt) => piece(&prompt, &job.tenant, library),
        };
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => failed.push(error.to_string()),
        }
    }
    let failed = (!failed.is_empty()).then(|| failed.join("; ").into());
    Order::Ready {
        action: job.action,
        pieces,
        failed,
    }
}

fn piece(prompt: &Prompt, tenant: &TenantId, library: &Library) -> Result<Piece, PromptError> {
    Ok(match prompt {
        Prompt::File(name) => Piece::Sound(library.file(tenant, name)?),
        Prompt::Speech { text, language } => Piece::Sound(library.speech(text, language)?),
        Prompt::Silence(ms) => Piece::silence(*ms),
        Prompt::HoldMusic => Piece::Loop(hold_music()),
    })
}
