use std::{
    f64::consts::TAU,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use crate::media::{FRAME, Frame, SAMPLE_RATE};

/// A sine tone at 8 kHz, at a quarter of full scale.
pub fn tone(hz: f64, length: Duration) -> Arc<[i16]> {
    let rate = f64::from(SAMPLE_RATE);
    let samples = (length.as_secs_f64() * rate) as usize;
    (0..samples)
        .map(|n| ((n as f64 * hz * TAU / rate).sin() * 8_192.0) as i16)
        .collect()
}

/// How much of the sound is a tone of this frequency: 0 for none, 1 for nothing else. Quiet is 0.
pub fn tone_level(samples: &[i16], hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    let count = samples.len() as f64;
    if energy <= count * 100.0_f64.powi(2) {
        return 0.0;
    }
    let step = hz * TAU / f64::from(SAMPLE_RATE);
    let (re, im) = samples
        .iter()
        .enumerate()
        .fold((0.0, 0.0), |(re, im), (n, sample)| {
            let (sin, cos) = (n as f64 * step).sin_cos();
            (re + f64::from(*sample) * cos, im + f64::from(*sample) * sin)
        });
    (2.0 * (re * re + im * im) / (count * energy)).min(1.0)
}

/// What a call has heard so far.
pub(super) struct Heard {
    state: Mutex<State>,
    limit: usize,
}

struct State {
    frames: Receiver<Frame>,
    samples: Vec<i16>,
}

impl Heard {
    /// Room for so much sound, and where its frames go.
    pub(super) fn new(keep: Duration) -> (Self, SyncSender<Frame>) {
        let frames = (keep.as_millis() / 20) as usize;
        let (send, receive) = sync_channel(frames.max(1));
        let state = Mutex::new(State {
            frames: receive,
            samples: Vec::new(),
        });
        (
            Self {
                state,
                limit: frames * FRAME,
            },
            send,
        )
    }

    /// The samples from `start` on.
    pub(super) fn from(&self, start: usize) -> Vec<i16> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(frame) = state.frames.try_recv() {
            if state.samples.len() < self.limit {
                state.samples.extend_from_slice(&frame);
            }
        }
        state.samples.get(start..).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_told_from_another_and_from_quiet() {
        let sound = tone(440.0, Duration::from_millis(200));
        assert_eq!(sound.len(), 1_600);
        assert!(tone_level(&sound, 440.0) > 0.99);
        assert!(tone_level(&sound, 1_000.0) < 0.01);
        assert_eq!(tone_level(&[3; 800], 440.0), 0.0);
        assert_eq!(tone_level(&[], 440.0), 0.0);
    }
}
