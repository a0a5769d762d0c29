use std::time::Duration;

use super::{FRAME, Frame, SAMPLE_RATE};

/// Samples the ring holds: a bit more than a second.
const RING: usize = 8_192;
/// Marks a sample that has not arrived; G.711 decodes nothing to this.
const MISSING: i16 = i16::MIN;
const FRAME_SAMPLES: u32 = FRAME as u32;
/// Shortest and longest delay aimed at, in samples: 40 and 200 ms.
const MIN_TARGET: u32 = 2 * FRAME_SAMPLES;
const MAX_TARGET: u32 = 10 * FRAME_SAMPLES;
/// Frames over which the smallest depth is watched before one frame is skipped.
const WINDOW: u32 = 10;
/// Depth beyond the target, in samples, that is skipped at once: 200 ms.
const EXCESS: u32 = 10 * FRAME_SAMPLES;
/// Frames that loss is covered by fading repeats of the last one heard.
const CONCEALED: u32 = 3;

/// Puts a peer's samples into order and hands them out at an even pace.
///
/// Samples lie in a ring by RTP timestamp, so packets of any length may come late, twice or out of order.
/// Playout begins `target` before the first packet; the target follows the measured jitter, and the two
/// clocks' drift is taken up by skipping or repeating single frames.
pub(crate) struct Jitter {
    ring: Box<[i16; RING]>,
    /// Timestamp of the next sample to hand out; meaningful while `playing`.
    next: u32,
    /// Timestamp after the newest sample.
    end: u32,
    playing: bool,
    /// Smoothed difference of transit times, in samples (RFC 3550, 6.4.1).
    jitter: f32,
    transit: Option<(u32, u64)>,
    /// Smallest depth seen in this window, and how many frames the window has.
    depth: u32,
    frames: u32,
    /// One frame is to be repeated because packets come too late for the present delay.
    stretch: bool,
    last: Frame,
    lost: u32,
    /// Samples that came too late to be heard.
    pub(crate) late: u64,
}

impl Jitter {
    pub(crate) fn new() -> Self {
        Self {
            ring: Box::new([MISSING; RING]),
            next: 0,
            end: 0,
            playing: false,
            jitter: 0.0,
            transit: None,
            depth: u32::MAX,
            frames: 0,
            stretch: false,
            last: [0; FRAME],
            lost: CONCEALED,
            late: 0,
        }
    }

    /// Forgets everything, as for another source.
    pub(crate) fn reset(&mut self) {
        self.playing = false;
        self.jitter = 0.0;
        self.transit = None;
        self.stretch = false;
        self.lost = CONCEALED;
    }

    fn target(&self) -> u32 {
        let wanted = FRAME as f32 + 3.0 * self.jitter;
        (wanted as u32).clamp(MIN_TARGET, MAX_TARGET)
    }

    fn measure(&mut self, timestamp: u32, now: Duration) {
        let arrival = (now.as_micros() as u64).wrapping_mul(u64::from(SAMPLE_RATE)) / 1_000_000;
        if let Some((before, at)) = self.transit {
            let sent = i64::from(timestamp.wrapping_sub(before) as i32);
            let came = arrival.wrapping_sub(at) as i64;
            // A pause of the sender is not jitter.
            if sent.unsigned_abs() < u64::from(SAMPLE_RATE) {
                self.jitter += ((came - sent).unsigned_abs().min(2_000) as f32 - self.jitter) / 16.0;
            }
        }
        self.transit = Some((timestamp, arrival));
    }

    /// Takes the samples of one packet.
    pub(crate) fn push(&mut self, timestamp: u32, samples: &[i16], now: Duration) {
        let Ok(len) = u32::try_from(samples.len()) else {
            return;
        };
        if len == 0 || len > SAMPLE_RATE / 5 {
            return;
        }
        self.measure(timestamp, now);
        let ahead = timestamp.wrapping_sub(self.next) as i32;
        let jump = ahead.unsigned_abs() > SAMPLE_RATE - len;
        if !self.playing || jump {
            self.ring.fill(MISSING);
            self.next = timestamp.wrapping_sub(self.target());
            self.end = timestamp;
            self.playing = true;
            (self.depth, self.frames, self.lost) = (u32::MAX, 0, CONCEALED);
        }
        let ahead = timestamp.wrapping_sub(self.next) as i32;
        // What is past its time is not heard any more.
        let skip = ahead.min(0).unsigned_abs().min(len);
        if skip > 0 {
            self.late += u64::from(skip);
            self.stretch |= self.end.wrapping_sub(self.next) < self.target();
        }
        for (n, sample) in (0..len).zip(samples).skip(skip as usize) {
            self.ring[slot(timestamp, n)] = *sample;
        }
        let end = timestamp.wrapping_add(len);
        if (end.wrapping_sub(self.end) as i32) > 0 {
            self.end = end;
        }
    }

    /// Hands out the next 20 ms: silence when nothing is coming.
    pub(crate) fn pull(&mut self, out: &mut Frame) {
        if !self.playing {
            out.fill(0);
            return;
        }
        let depth = self.end.wrapping_sub(self.next);
        if depth as i32 <= 0 {
            // Run dry: what comes next begins anew with its own delay.
            self.playing = false;
            self.conceal(out, |_| true);
            return;
        }
        if std::mem::take(&mut self.stretch) {
            self.conceal(out, |_| true);
            return;
        }
        self.drain(depth);
        let mut heard = [MISSING; FRAME];
        for (n, sample) in (0..).zip(&mut heard) {
            *sample = std::mem::replace(&mut self.ring[slot(self.next, n)], MISSING);
        }
        self.next = self.next.wrapping_add(FRAME_SAMPLES);
        if heard.contains(&MISSING) {
            self.conceal(out, |n| heard[n] == MISSING);
            for (out, heard) in out.iter_mut().zip(&heard).filter(|(_, heard)| **heard != MISSING) {
                *out = *heard;
            }
        } else {
            *out = heard;
            self.last = heard;
            self.lost = 0;
        }
    }

    /// Skips sound when more of it has piled up than the target asks for.
    fn drain(&mut self, depth: u32) {
        let target = self.target();
        self.depth = self.depth.min(depth);
        self.frames += 1;
        let excess = depth.saturating_sub(target);
        let skip = if excess > EXCESS {
            excess / FRAME_SAMPLES * FRAME_SAMPLES
        } else if self.frames < WINDOW {
            return;
        } else if self.depth > target + FRAME_SAMPLES {
            FRAME_SAMPLES
        } else {
            0
        };
        (self.depth, self.frames) = (u32::MAX, 0);
        for n in 0..skip {
            self.ring[slot(self.next, n)] = MISSING;
        }
        self.next = self.next.wrapping_add(skip);
    }

    fn conceal(&mut self, out: &mut Frame, missing: impl Fn(usize) -> bool) {
        if self.lost >= CONCEALED {
            out.fill(0);
            return;
        }
        self.lost += 1;
        for (n, (out, last)) in out.iter_mut().zip(&self.last).enumerate() {
            *out = if missing(n) { last >> self.lost } else { 0 };
        }
    }
}

fn slot(timestamp: u32, n: u32) -> usize {
    timestamp.wrapping_add(n) as usize % RING
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(n: usize) -> Frame {
        std::array::from_fn(|i| (n * FRAME + i) as i16 + 1)
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Plays `order[k]` = the frames that arrive before the k-th pull; returns what is heard.
    fn play(base: u32, order: &[&[usize]]) -> Vec<Frame> {
        let mut jitter = Jitter::new();
        let mut heard = Vec::new();
        for (tick, arrivals) in order.iter().enumerate() {
            for n in *arrivals {
                let timestamp = base.wrapping_add((n * FRAME) as u32);
                jitter.push(timestamp, &frame(*n), ms(tick as u64 * 20));
            }
            let mut out = [0; FRAME];
            jitter.pull(&mut out);
            heard.push(out);
        }
        heard
    }

    #[test]
    fn frames_come_out_40_ms_later_in_order_across_the_wrap() {
        let order: &[&[usize]] = &[&[0], &[2, 1], &[1], &[3], &[4], &[5]];
        for base in [0, u32::MAX - 200, u32::MAX - 320] {
            let heard = play(base, order);
            assert_eq!(heard[..2], [[0; FRAME]; 2]);
            for n in 0..4 {
                assert_eq!(heard[n + 2], frame(n), "{base} {n}");
            }
        }
    }

    #[test]
    fn a_lost_frame_is_covered_by_a_fading_repeat() {
        let heard = play(9, &[&[0], &[1], &[], &[3], &[4], &[5]]);
        assert_eq!(heard[3], frame(1));
        assert_eq!(heard[4], frame(1).map(|s| s >> 1));
        assert_eq!(heard[5], frame(3));
    }

    #[test]
    fn packets_of_other_lengths_fit() {
        let mut jitter = Jitter::new();
        let sound: Vec<i16> = (1..=480).collect();
        for (n, piece) in sound.chunks(80).enumerate() {
            jitter.push(n as u32 * 80, piece, ms(n as u64 * 10));
        }
        let mut heard = Vec::new();
        for _ in 0..5 {
            let mut out = [0; FRAME];
            jitter.pull(&mut out);
            heard.extend(out);
        }
        assert_eq!(heard[320..], sound);
    }

    #[test]
    fn a_faster_sender_does_not_pile_up_delay() {
        let mut jitter = Jitter::new();
        let mut n = 0;
        for tick in 0..3_000u64 {
            jitter.push(n * 160, &[7; FRAME], ms(tick * 20));
            n += 1;
            if tick % 50 == 0 {
                jitter.push(n * 160, &[7; FRAME], ms(tick * 20));
                n += 1;
            }
            jitter.pull(&mut [0; FRAME]);
        }
        let depth = jitter.end.wrapping_sub(jitter.next);
        assert!(depth <= 5 * FRAME_SAMPLES, "{depth}");
    }

    #[test]
    fn a_slower_sender_is_heard_with_few_gaps() {
        let mut jitter = Jitter::new();
        let (mut n, mut silent) = (0, 0);
        for tick in 0..3_000u64 {
            if tick % 50 != 0 {
                jitter.push(n * 160, &[700; FRAME], ms(tick * 20));
                n += 1;
            }
            let mut out = [0; FRAME];
            jitter.pull(&mut out);
            silent += u32::from(tick > 100 && out == [0; FRAME]);
        }
        assert!(silent <= 3_000 / 50 * 2, "{silent}");
    }

    #[test]
    fn sound_resumes_after_a_pause_and_after_a_jump_of_the_timestamp() {
        let mut jitter = Jitter::new();
        let mut out = [0; FRAME];
        for (round, base) in [0u32, 400_000, 7].into_iter().enumerate() {
            for n in 0..10u32 {
                jitter.push(
                    base + n * 160,
                    &frame(n as usize),
                    ms(round as u64 * 10_000 + u64::from(n) * 20),
                );
                jitter.pull(&mut out);
            }
            assert_eq!(out, frame(7), "round {round}");
            if round == 0 {
                (0..20).for_each(|_| jitter.pull(&mut out));
                assert_eq!(out, [0; FRAME]);
            }
        }
    }

    proptest! {
        #[test]
        fn any_packets_are_taken_without_panic(
            packets in proptest::collection::vec((any::<u32>(), 0usize..2_000, 0u64..100), 0..40)
        ) {
            let mut jitter = Jitter::new();
            let mut now = Duration::ZERO;
            for (timestamp, len, wait) in packets {
                now += ms(wait);
                jitter.push(timestamp, &vec![5; len], now);
                let mut out = [0; FRAME];
                jitter.pull(&mut out);
                prop_assert!(!out.contains(&MISSING));
            }
        }
    }
}
