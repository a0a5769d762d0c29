use jackfield_types::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::bail;

use crate::{LogLevel, state::State};

/// Bytes that one write may carry.
pub(super) const MAX_WRITE_BYTES: u64 = 64 * 1024;
/// Random bytes of one call; more ends the decision.
pub(super) const MAX_RANDOM_BYTES: u64 = 64 * 1024;
/// Nanoseconds that the monotonic clock goes on with each look at it, so that who waits by looking comes to an end.
pub(super) const TICK_NS: u64 = 1_000;
/// Handles of streams, timers and the like at once; one more ends the decision.
const MAX_HANDLES: usize = 1_024;
/// Bytes of a line that has no end yet; it is cut there.
const MAX_LINE_BYTES: usize = 4 * 1024;

pub(super) const STDOUT: u32 = 0;
pub(super) const STDERR: u32 = 1;

/// What WASI has of state. It begins anew with each decision; only handles and the monotonic clock stay where an
/// instance is used again, since a clock that goes back is no clock.
pub(crate) struct Machine {
    plugin: Digest,
    /// Nanoseconds.
    monotonic: u64,
    handles: usize,
    /// When each pollable is ready, on the monotonic clock; `None`: a free place.
    timers: Vec<Option<u64>>,
    random: Option<Random>,
    lines: [Vec<u8>; 2],
}

impl Machine {
    pub(crate) const fn new(plugin: Digest) -> Self {
        Self {
            plugin,
            monotonic: 0,
            handles: 0,
            timers: Vec::new(),
            random: None,
            lines: [Vec::new(), Vec::new()],
        }
    }

    /// For the next decision of the same instance.
    pub(crate) fn renew(&mut self) {
        self.random = None;
        self.lines = [Vec::new(), Vec::new()];
    }

    pub(super) fn handle(&mut self) -> wasmtime::Result<()> {
        if self.handles >= MAX_HANDLES {
            bail!("holds {MAX_HANDLES} handles of streams and timers: expected fewer");
        }
        self.handles += 1;
        Ok(())
    }

    pub(super) fn drop_handle(&mut self, timer: Option<u32>) {
        self.handles = self.handles.saturating_sub(1);
        if let Some(place) = timer.and_then(|rep| self.timers.get_mut(rep as usize)) {
            *place = None;
        }
    }

    pub(super) fn timer(&mut self, at: u64) -> wasmtime::Result<u32> {
        self.handle()?;
        let free = self.timers.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.timers.push(None);
            self.timers.len() - 1
        });
        self.timers[place] = Some(at);
        Ok(place as u32)
    }

    pub(super) const fn now(&mut self) -> u64 {
        self.monotonic = self.monotonic.saturating_add(TICK_NS);
        self.monotonic
    }

    fn due(&self, timer: u32) -> u64 {
        self.timers.get(timer as usize).copied().flatten().unwrap_or(0)
    }

    pub(super) fn is_ready(&self, timer: u32) -> bool {
        self.due(timer) <= self.monotonic
    }

    /// Nobody waits: the clock is set to the moment at which the first of them is ready. Answers which are.
    pub(super) fn wait(&mut self, timers: &[u32]) -> Vec<u32> {
        let first = timers.iter().map(|&timer| self.due(timer)).min().unwrap_or(0);
        self.monotonic = self.monotonic.max(first);
        (0..)
            .zip(timers)
            .filter(|(_, timer)| self.is_ready(**timer))
            .map(|(n, _)| n)
            .collect()
    }
}

impl State {
    /// Puts what was written into the log, a line at a time.
    pub(super) fn print(&mut self, stream: u32, mut bytes: &[u8]) {
        let line = stream.min(STDERR) as usize;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.machine.lines[line].extend_from_slice(&bytes[..end.min(MAX_LINE_BYTES)]);
            self.end_line(stream);
            bytes = &bytes[end + 1..];
        }
        for part in bytes.chunks(MAX_LINE_BYTES) {
            self.machine.lines[line].extend_from_slice(part);
            if self.machine.lines[line].len() >= MAX_LINE_BYTES {
                self.end_line(stream);
            }
        }
    }

    /// Lines that have no end yet, at the end of the decision.
    pub(crate) fn end_lines(&mut self) {
        for stream in [STDOUT, STDERR] {
            if !self.machine.lines[stream as usize].is_empty() {
                self.end_line(stream);
            }
        }
    }

    fn end_line(&mut self, stream: u32) {
        let line = std::mem::take(&mut self.machine.lines[stream as usize]);
        let level = if stream == STDERR {
            LogLevel::Warn
        } else {
            LogLevel::Info
        };
        self.keep_line(level, String::from_utf8_lossy(&line).into_owned());
    }

    /// Fills in the next random bytes. They follow from the plugin, the moment and the question.
    pub(super) fn draw(&mut self, bytes: &mut [u8]) {
        let random = self.machine.random.get_or_insert_with(|| {
            let mut seed = Sha256::new();
            seed.update(self.machine.plugin.as_bytes());
            seed.update(self.env.now.0.to_le_bytes());
            seed.update(serde_json::to_vec(&self.question).unwrap_or_default());
            Random {
                seed: seed.finalize().into(),
                block: 0,
                left: Vec::new(),
            }
        });
        random.fill(bytes);
    }
}

/// SHA-256 of seed and counter.
struct Random {
    seed: [u8; 32],
    block: u64,
    left: Vec<u8>,
}

impl Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = match self.left.pop() {
                Some(byte) => byte,
                None => self.next_block(),
            };
        }
    }

    fn next_block(&mut self) -> u8 {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.block.to_le_bytes());
        self.block += 1;
        let [first, rest @ ..] = <[u8; 32]>::from(hash.finalize());
        self.left.extend(rest);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_sets_the_clock_and_looking_moves_it() {
        let mut machine = Machine::new(Digest::of(b""));
        assert_eq!((machine.now(), machine.now()), (TICK_NS, 2 * TICK_NS));
        let (ready, soon, late) = (
            machine.timer(0).unwrap(),
            machine.timer(5_000_000).unwrap(),
            machine.timer(9_000_000).unwrap(),
        );
        assert_eq!(machine.wait(&[soon, ready, late]), [1]);
        assert_eq!(machine.wait(&[late, soon]), [1]);
        assert_eq!(machine.now(), 5_000_000 + TICK_NS);
        machine.drop_handle(Some(soon));
        assert_eq!(machine.timer(1).unwrap(), soon, "places are used again");
    }

    #[test]
    fn handles_have_an_end() {
        let mut machine = Machine::new(Digest::of(b""));
        for _ in 0..MAX_HANDLES {
            machine.timer(0).unwrap();
        }
        assert!(machine.timer(0).unwrap_err().to_string().contains("handles"));
    }
}
