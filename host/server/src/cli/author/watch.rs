//! Waits until a plugin's sources change.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::super::failure::Failure;

/// Folders of what is built or fetched.
const PASSED_OVER: [&str; 4] = ["target", "node_modules", "__pycache__", "vendor"];
/// Editors write a file in several strokes: quiet for so long, and the change is over.
const QUIET: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// A folder that is watched, with all below it that holds sources.
pub(super) struct Watch {
    notices: OwnedFd,
}

impl Watch {
    pub(super) fn new(dir: &Path) -> Result<Self, Failure> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| trouble(dir, error))?;
        add(&notices, dir)?;
        Ok(Self { notices })
    }

    /// Returns when something has changed and nothing changes any more.
    pub(super) fn changed(&self) -> Result<(), Failure> {
        let failed = |error: Errno| Failure::Work(format!("watching: {error}"));
        self.wait(None).map_err(failed)?;
        loop {
            self.read().map_err(failed)?;
            if !self.wait(Some(&QUIET)).map_err(failed)? {
                return Ok(());
            }
        }
    }

    /// Whether there are notices before the time is over.
    fn wait(&self, most: Option<&Timespec>) -> Result<bool, Errno> {
        loop {
            let mut watched = [PollFd::new(&self.notices, PollFlags::IN)];
            match poll(&mut watched, most) {
                Err(Errno::INTR) => {}
                ready => return ready.map(|ready| ready > 0),
            }
        }
    }

    /// Takes the notices that are there.
    fn read(&self) -> Result<(), Errno> {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.notices.as_fd(), &mut room);
        loop {
            match reader.next() {
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn trouble(at: &Path, error: Errno) -> Failure {
    Failure::Work(format!("{} can't be watched: {error}", at.display()))
}

fn add(notices: &OwnedFd, dir: &Path) -> Result<(), Failure> {
    let of_interest =
        WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::CREATE;
    inotify::add_watch(notices, dir, of_interest).map_err(|error| trouble(dir, error))?;
    for entry in std::fs::read_dir(dir)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if folder && !name.starts_with('.') && !PASSED_OVER.contains(&name.as_ref()) {
            add(notices, &entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_the_sources_is_seen_and_one_of_what_is_built_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for part in ["src/deep", "target"] {
            std::fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let watch = Watch::new(folder.path()).unwrap();
        std::fs::write(folder.path().join("target/built"), "x").unwrap();
        assert!(
            !watch
                .wait(Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 1
                }))
                .unwrap()
        );
        std::fs::write(folder.path().join("src/deep/lib.rs"), "x").unwrap();
        watch.changed().unwrap();
        assert!(
            !watch
                .wait(Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 1
                }))
                .unwrap()
        );
    }
}
