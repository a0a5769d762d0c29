//! Digits: one collector for RFC 4733 and SIP INFO, and a sender.

use std::{collections::VecDeque, time::Duration};

use super::FRAME;

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// Events remembered, so that one that comes again late is not a new digit.
const REMEMBERED: usize = 16;
/// A phone that sends a digit both ways does so within this time.
const TWIN: Duration = Duration::from_millis(1_000);
/// Bytes of an event payload.
const PAYLOAD: usize = 4;
/// Ticks of 20 ms of a sent digit: sounding, then its end three times, then a pause.
const SOUND_TICKS: u16 = 5;
const END_TICKS: u16 = 3;
const DIGIT_TICKS: u16 = SOUND_TICKS + END_TICKS;

/// The digit of a character, upper case; `None` when it is none.
fn digit(c: char) -> Option<char> {
    let c = c.to_ascii_uppercase();
    u8::try_from(c)
        .ok()
        .filter(|b| DIGITS.contains(b))
        .map(char::from)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Rtp,
    Info,
}

/// Reports each digit once, at its beginning.
///
/// An RFC 4733 digit is known by its timestamp and event number, so any one of its packets is enough. A digit
/// that comes by both paths within a second counts once.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    seen: VecDeque<Seen>,
    /// Digits whose twin on the other path has not come (yet).
    alone: VecDeque<(Path, char, Duration)>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    ssrc: u32,
    event: u8,
    timestamp: u32,
    duration: u16,
    ended: bool,
}

impl Collector {
    /// Takes the payload of a telephone-event packet.
    pub(crate) fn on_event(
        &mut self,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
        now: Duration,
    ) -> Option<char> {
        let ([event, flags, d0, d1], _) = payload.split_first_chunk::<PAYLOAD>()?;
        let c = char::from(*DIGITS.get(usize::from(*event))?);
        let duration = u16::from_be_bytes([*d0, *d1]);
        let ended = flags & 0x80 != 0;
        for seen in self
            .seen
            .iter_mut()
            .filter(|s| s.ssrc == ssrc && s.event == *event)
        {
            // A key held for longer than the duration field can say goes on as a new segment (2.5.1.3).
            let continues = !seen.ended && timestamp == seen.timestamp.wrapping_add(u32::from(seen.duration));
            if seen.timestamp == timestamp || continues && seen.duration > 0 {
                seen.timestamp = timestamp;
                seen.duration = if continues {
                    duration
                } else {
                    seen.duration.max(duration)
                };
                seen.ended |= ended;
                return None;
            }
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(Seen {
            ssrc,
            event: *event,
            timestamp,
            duration,
            ended,
        });
        self.unless_twin(Path::Rtp, c, now)
    }

    /// Takes a digit that came by SIP INFO.
    pub(crate) fn on_info(&mut self, c: char, now: Duration) -> Option<char> {
        self.unless_twin(Path::Info, digit(c)?, now)
    }

    fn unless_twin(&mut self, path: Path, c: char, now: Duration) -> Option<char> {
        self.alone.retain(|(_, _, at)| now.saturating_sub(*at) < TWIN);
        if let Some(twin) = self.alone.iter().position(|(p, d, _)| *p != path && *d == c) {
            self.alone.remove(twin);
            return None;
        }
        if self.alone.len() == REMEMBERED {
            self.alone.pop_front();
        }
        self.alone.push_back((path, c, now));
        Some(c)
    }
}

/// Sends digits one after the other, 100 ms each, with a pause of 60 ms in which the end is repeated.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    queue: VecDeque<u8>,
    /// Ticks into the digit at the head of the queue, and the timestamp of its beginning.
    tick: u16,
    began: u32,
}

/// One packet to be sent instead of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPacket {
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    pub(crate) payload: [u8; PAYLOAD],
}

impl Sender {
    /// Appends digits; what is none is passed over.
    pub(crate) fn push(&mut self, digits: &str) {
        let events = digits.chars().filter_map(digit);
        self.queue.extend(
            events
                .filter_map(|c| DIGITS.iter().position(|d| char::from(*d) == c))
                .map(|n| n as u8),
        );
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The packet for this tick of 20 ms, at RTP time `now`; `None` when no digit is being sent.
    pub(crate) fn tick(&mut self, now: u32) -> Option<EventPacket> {
        let event = *self.queue.front()?;
        if self.tick == 0 {
            self.began = now;
        }
        let sounding = (self.tick + 1).min(SOUND_TICKS);
        let end = self.tick + 1 > SOUND_TICKS;
        let [d0, d1] = (sounding * FRAME as u16).to_be_bytes();
        // Volume −10 dBm0.
        let payload = [event, u8::from(end) << 7 | 10, d0, d1];
        let packet = EventPacket {
            marker: self.tick == 0,
            timestamp: self.began,
            payload,
        };
        self.tick += 1;
        if self.tick == DIGIT_TICKS {
            self.tick = 0;
            self.queue.pop_front();
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// All packets of some digits with the tick in which each is sent.
    fn packets(digits: &str) -> Vec<(u32, EventPacket)> {
        let mut sender = Sender::default();
        sender.push(digits);
        (0u32..)
            .map_while(|t| sender.tick(t * 160).map(|p| (t, p)))
            .collect()
    }

    fn collect(packets: impl IntoIterator<Item = (u32, EventPacket)>) -> String {
        let mut collector = Collector::default();
        packets
            .into_iter()
            .filter_map(|(t, p)| collector.on_event(1, p.timestamp, &p.payload, ms(u64::from(t) * 20)))
            .collect()
    }

    #[test]
    fn sent_digits_are_collected_once_each() {
        let sent = packets("1122*#aD x9");
        assert_eq!(collect(sent.clone()), "1122*#AD9");
        assert!(sent[0].1.marker && !sent[1].1.marker);
        assert_eq!(sent[7].1.payload, [1, 0x8a, 3, 32]);
        assert_eq!(sent[8].1.timestamp, 8 * 160);
    }

    #[test]
    fn one_packet_of_each_digit_is_enough_and_stragglers_are_no_digits() {
        let sent = packets("5577");
        for kept in 0..usize::from(DIGIT_TICKS) {
            let some = sent
                .iter()
                .copied()
                .enumerate()
                .filter(|(n, _)| n % 8 == kept)
                .map(|(_, p)| p);
            assert_eq!(collect(some), "5577");
        }
        let late = sent.iter().copied().chain(sent.iter().copied().rev());
        assert_eq!(collect(late), "5577");
    }

    #[test]
    fn a_key_held_for_long_is_one_digit_and_the_next_press_another() {
        let mut collector = Collector::default();
        let mut event = |timestamp: u32, end: bool, duration: u16| {
            let [d0, d1] = duration.to_be_bytes();
            collector.on_event(1, timestamp, &[4, u8::from(end) << 7, d0, d1], ms(0))
        };
        assert_eq!(event(1_000, false, 160), Some('4'));
        assert_eq!(event(1_000, false, 0xffff), None);
        assert_eq!(event(1_000 + 0xffff, false, 160), None);
        assert_eq!(event(1_000 + 0xffff, true, 800), None);
        assert_eq!(event(1_000 + 0xffff + 800, false, 160), Some('4'));
    }

    #[test]
    fn a_digit_that_comes_both_ways_counts_once() {
        let mut collector = Collector::default();
        let press = |timestamp: u32| (timestamp, [1u8, 10, 0, 160]);
        let mut heard = String::new();
        let (t, p) = press(0);
        heard.extend(collector.on_event(1, t, &p, ms(0)));
        heard.extend(collector.on_info('1', ms(80)));
        heard.extend(collector.on_info('1', ms(400)));
        let (t, p) = press(3_200);
        heard.extend(collector.on_event(1, t, &p, ms(450)));
        heard.extend(collector.on_info('1', ms(2_000)));
        heard.extend(collector.on_info('1', ms(2_100)));
        heard.extend(collector.on_info('x', ms(2_100)));
        assert_eq!(heard, "1111");
    }

    #[test]
    fn what_is_no_digit_is_ignored() {
        let mut collector = Collector::default();
        for payload in [&[16u8, 0, 0, 1][..], &[255, 0, 0, 1], &[1, 0, 0], &[]] {
            assert_eq!(collector.on_event(1, 0, payload, ms(0)), None);
        }
    }

    proptest! {
        #[test]
        fn any_order_and_loss_that_leaves_one_packet_gives_the_digits_as_a_set(
            seed in any::<u64>(), digits in "[0-9]{1,8}"
        ) {
            let mut sent = packets(&digits);
            let mut state = seed | 1;
            let mut random = move || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); state >> 33 };
            for _ in 0..sent.len() * 2 {
                let (a, b) = (random() as usize % sent.len(), random() as usize % sent.len());
                sent.swap(a, b);
            }
            // The clock of arrival stays 0: only one path, so twins play no part.
            let heard = collect(sent.into_iter().map(|(_, p)| (0, p)));
            let sorted = |s: &str| { let mut c: Vec<char> = s.chars().collect(); c.sort_unstable(); c };
            prop_assert_eq!(sorted(&heard), sorted(&digits));
        }
    }
}
