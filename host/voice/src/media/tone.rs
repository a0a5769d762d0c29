//! Tones for tests, benches and demonstrations, and the means to find them again.

use super::SAMPLE_RATE;

/// A sine of `ms` milliseconds; `level` is its amplitude from 0 to 1.
pub fn sine(hertz: f32, level: f32, ms: u32) -> Vec<i16> {
    let step = std::f32::consts::TAU * hertz / SAMPLE_RATE as f32;
    let level = level.clamp(0.0, 1.0) * 32_000.0;
    (0..ms * (SAMPLE_RATE / 1_000))
        .map(|n| ((n as f32 * step).sin() * level) as i16)
        .collect()
}

/// How much of a sound is one tone, from 0 to 1 (Goertzel's algorithm). 0 for silence.
pub fn power(samples: &[i16], hertz: f32) -> f32 {
    let total: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    if total == 0.0 {
        return 0.0;
    }
    let w = std::f64::consts::TAU * f64::from(hertz) / f64::from(SAMPLE_RATE);
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, f64::from(*sample) + 2.0 * w.cos() * last - before);
    }
    let energy = last * last + before * before - 2.0 * w.cos() * last * before;
    (2.0 * energy / (samples.len() as f64 * total)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_where_it_is() {
        let tone = sine(700.0, 0.3, 200);
        assert!(power(&tone, 700.0) > 0.99 && power(&tone, 900.0) < 0.01);
        assert_eq!(power(&[0; 80], 700.0), 0.0);
    }
}
