//! Tones for the tests of this crate, in their units.

use std::time::Duration;

use crate::softphone::{tone, tone_level};

/// A sine of `ms` milliseconds; `level` is its amplitude, 1 for full scale.
pub(crate) fn sine(hertz: f32, level: f32, ms: u32) -> Vec<i16> {
    // The tone has a quarter of full scale.
    let scale = |s: &i16| (f32::from(*s) * 4.0 * level.min(0.99)) as i16;
    tone(hertz.into(), Duration::from_millis(ms.into()))
        .iter()
        .map(scale)
        .collect()
}

/// How much of a sound is one tone, from 0 to 1.
pub(crate) fn power(samples: &[i16], hertz: f32) -> f64 {
    tone_level(samples, hertz.into())
}
