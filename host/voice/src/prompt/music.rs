use std::sync::{Arc, LazyLock};

use crate::media::SAMPLE_RATE;

/// Semitones from A4 of the notes of each bar, played as a broken chord: I, vi, IV, V in C.
const BARS: [[i32; 4]; 4] = [
    [-9, -5, -2, 3],
    [-12, -9, -5, 0],
    [-16, -12, -9, -4],
    [-14, -10, -7, -2],
];
/// Each bar is played twice, up and down again.
const NOTES: usize = 8;
const NOTE_MS: u32 = 375;

static MUSIC: LazyLock<Arc<[i16]>> = LazyLock::new(|| compose().into());

/// The built-in hold music: twelve seconds of soft broken chords, made to be looped.
pub fn hold_music() -> Arc<[i16]> {
    Arc::clone(&MUSIC)
}

fn compose() -> Vec<i16> {
    let note_samples = (NOTE_MS * SAMPLE_RATE / 1_000) as usize;
    let total = note_samples * NOTES * BARS.len();
    let mut sum = vec![0f32; total];
    let order = [0, 1, 2, 3, 2, 1, 2, 1];
    for (n, note) in BARS.iter().flat_map(|bar| order.map(|at| bar[at])).enumerate() {
        let hertz = 440.0 * 2f32.powf(note as f32 / 12.0);
        // A plucked sound of two partials that rings over the next notes, around the end of the loop too.
        for t in 0..3 * note_samples {
            let seconds = t as f32 / SAMPLE_RATE as f32;
            let attack = (seconds / 0.012).min(1.0);
            let phase = std::f32::consts::TAU * hertz * seconds;
            let level = attack * (-4.0 * seconds).exp();
            sum[(n * note_samples + t) % total] += level * (phase.sin() + 0.25 * (2.0 * phase).sin());
        }
    }
    let top = sum.iter().fold(1f32, |top, s| top.max(s.abs()));
    sum.iter().map(|s| (s / top * 8_000.0) as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_audible_throughout_and_not_too_loud() {
        let music = hold_music();
        assert_eq!(music.len(), 12 * SAMPLE_RATE as usize);
        assert!(music.iter().all(|s| s.unsigned_abs() <= 8_000));
        for (n, half_second) in music.chunks(4_000).enumerate() {
            let mean = half_second
                .iter()
                .map(|s| u64::from(s.unsigned_abs()))
                .sum::<u64>()
                / 4_000;
            assert!(mean > 300, "half second {n}: {mean}");
        }
    }
}
