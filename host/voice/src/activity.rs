//! Who spoke how long: voice activity by energy on the two channels of a recording.

use jackfield_contact::leg::Speech;

/// Length of one frame.
const FRAME_MS: u64 = 20;
/// Quieter than this is never speech: −45 dBFS, as mean square.
const FLOOR: f32 = 32_768.0 * 32_768.0 * 0.000_031_6;
/// Louder than this always is, whatever the noise: −30 dBFS.
const CERTAIN: f32 = 32_768.0 * 32_768.0 * 0.001;
/// In between, speech is so much louder than the noise: 10 dB.
const ABOVE_NOISE: f32 = 10.0;
/// Pauses up to 200 ms belong to the speech around them; sounds under 60 ms are no speech.
const PAUSE_FRAMES: usize = 10;
const SOUND_FRAMES: usize = 3;

/// Collects one byte per frame of 20 ms, so that the figures are exact and need no look-ahead.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    customer: Channel,
    agent: Channel,
    connected: Vec<bool>,
}

#[derive(Debug, Default)]
struct Channel {
    /// Mean square of the noise: falls at once, rises slowly.
    noise: f32,
    loud: Vec<bool>,
}

impl Channel {
    fn push(&mut self, samples: &[i16]) {
        let square: f32 = samples.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
        let energy = square / samples.len().max(1) as f32;
        self.noise = energy.min(self.noise * 1.02).max(FLOOR / ABOVE_NOISE);
        let loud = energy > CERTAIN || energy > FLOOR && energy > self.noise * ABOVE_NOISE;
        self.loud.push(loud);
    }

    /// Frames of speech: short pauses closed, then short sounds dropped.
    fn speech(mut self) -> Vec<bool> {
        flip_runs(&mut self.loud, false, PAUSE_FRAMES);
        flip_runs(&mut self.loud, true, SOUND_FRAMES - 1);
        self.loud
    }
}

/// Turns runs of `value` of at most `longest` frames into the other value; the first and the last run of
/// silence are no pauses.
fn flip_runs(frames: &mut [bool], value: bool, longest: usize) {
    let mut from = 0;
    while from < frames.len() {
        let run = frames[from..].iter().take_while(|f| **f == frames[from]).count();
        let edge = from == 0 || from + run == frames.len();
        if frames[from] == value && run <= longest && (value || !edge) {
            frames[from..from + run].fill(!value);
        }
        from += run;
    }
}

impl Activity {
    /// Takes 20 ms; `connected` says whether the two could hear each other.
    pub(crate) fn push(&mut self, customer: &[i16], agent: &[i16], connected: bool) {
        self.customer.push(customer);
        self.agent.push(agent);
        self.connected.push(connected);
    }

    /// The figures of everything taken.
    pub(crate) fn finish(self) -> Speech {
        let (customer, agent) = (self.customer.speech(), self.agent.speech());
        let mut speech = Speech::default();
        let (mut customer_before, mut agent_before) = (false, false);
        for ((customer, agent), connected) in customer.into_iter().zip(agent).zip(self.connected) {
            speech.customer_ms += FRAME_MS * u64::from(customer);
            speech.agent_ms += FRAME_MS * u64::from(agent);
            speech.talk_over_ms += FRAME_MS * u64::from(customer && agent);
            speech.silence_ms += FRAME_MS * u64::from(connected && !customer && !agent);
            speech.interruptions += u32::from(agent && !agent_before && customer && customer_before);
            (customer_before, agent_before) = (customer, agent);
        }
        speech
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of a tone of −12 dBFS (`#`), of noise of −40 dBFS (`~`) or of nothing (`.`), 100 ms each.
    fn channel(text: &str) -> Vec<[i16; 160]> {
        let frame = |c: char| {
            std::array::from_fn(|i| match c {
                '#' => (f32::sin(i as f32 * 0.5) * 11_000.0) as i16,
                '~' => {
                    if i % 2 == 0 {
                        330
                    } else {
                        -330
                    }
                }
                _ => 0,
            })
        };
        text.chars().flat_map(|c| [frame(c); 5]).collect()
    }

    fn measure(customer: &str, agent: &str, connected: bool) -> Speech {
        let mut activity = Activity::default();
        for (customer, agent) in channel(customer).iter().zip(&channel(agent)) {
            activity.push(customer, agent, connected);
        }
        activity.finish()
    }

    #[test]
    fn turns_talk_over_dead_air_and_interruptions_are_told_apart() {
        let speech = measure("..######....####..", "........######....", true);
        assert_eq!(
            speech,
            Speech {
                customer_ms: 1_000,
                agent_ms: 600,
                talk_over_ms: 200,
                silence_ms: 400,
                interruptions: 0
            }
        );
        let speech = measure("######....######", "...######...##..", true);
        assert_eq!(
            (speech.interruptions, speech.talk_over_ms, speech.silence_ms),
            (2, 500, 100)
        );
    }

    #[test]
    fn short_pauses_belong_to_speech_and_long_ones_do_not() {
        assert_eq!(measure("##.##..##", ".........", true).customer_ms, 900);
        assert_eq!(measure("##...##", ".......", true).customer_ms, 400);
    }

    #[test]
    fn steady_noise_is_no_speech_and_a_click_is_none_either() {
        let speech = measure(&"~".repeat(100), &".".repeat(100), false);
        assert!(speech.customer_ms <= 1_500, "{speech:?}");
        assert_eq!(speech.silence_ms, 0);
        let mut activity = Activity::default();
        let (silent, loud) = ([0; 160], [9_000; 160]);
        for n in 0..50 {
            activity.push(if n == 20 { &loud } else { &silent }, &silent, true);
        }
        assert_eq!(
            activity.finish(),
            Speech {
                silence_ms: 1_000,
                ..Speech::default()
            }
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(Activity::default().finish(), Speech::default());
    }
}
