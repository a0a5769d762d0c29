use std::{collections::VecDeque, sync::Arc};

use jackfield_contact::leg::ActionId;

use super::{Frame, SAMPLE_RATE};

/// Something ready to be played.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Samples, once.
    Sound(Arc<[i16]>),
    /// So many samples of nothing.
    Silence(usize),
    /// Samples over and over; has no end.
    Loop(Arc<[i16]>),
}

impl Piece {
    /// Nothing, for so many milliseconds.
    pub(crate) fn silence(ms: u32) -> Self {
        Self::Silence(ms as usize * (SAMPLE_RATE as usize / 1_000))
    }
}

/// One `play` order on a leg: first it is loaded elsewhere, then it plays without a gap between its pieces.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) action: ActionId,
    pub(crate) barge_in: bool,
    pub(crate) failed: Option<Arc<str>>,
    pieces: Option<VecDeque<Piece>>,
    offset: usize,
}

impl Player {
    /// A play whose pieces are still being loaded.
    pub(crate) fn new(action: ActionId, barge_in: bool) -> Self {
        Self {
            action,
            barge_in,
            failed: None,
            pieces: None,
            offset: 0,
        }
    }

    /// The pieces are there.
    pub(crate) fn ready(&mut self, pieces: Vec<Piece>, failed: Option<Arc<str>>) {
        self.pieces = Some(pieces.into());
        self.offset = 0;
        self.failed = failed;
    }

    /// Writes the next 20 ms; silence while loading and behind the end. True when all has been played.
    pub(crate) fn fill(&mut self, out: &mut Frame) -> bool {
        out.fill(0);
        let Some(pieces) = &mut self.pieces else {
            return false;
        };
        let mut rest: &mut [i16] = out;
        while let Some(piece) = pieces.front() {
            let len = match piece {
                Piece::Sound(sound) | Piece::Loop(sound) => sound.len(),
                Piece::Silence(len) => *len,
            };
            let n = rest.len().min(len - self.offset);
            if let Piece::Sound(sound) | Piece::Loop(sound) = piece {
                rest[..n].copy_from_slice(&sound[self.offset..self.offset + n]);
            }
            rest = &mut rest[n..];
            self.offset += n;
            if self.offset < len {
                return false;
            }
            self.offset = 0;
            // An empty loop would never end.
            if !matches!(piece, Piece::Loop(_)) || len == 0 {
                pieces.pop_front();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(from: i16, len: i16) -> Arc<[i16]> {
        (from..from + len).collect()
    }

    #[test]
    fn pieces_follow_each_other_without_a_gap() {
        let mut player = Player::new(1, true);
        let mut out = [9; 160];
        assert!(!player.fill(&mut out));
        assert_eq!(out, [0; 160]);
        player.ready(
            vec![
                Piece::Sound(ramp(1, 100)),
                Piece::silence(5),
                Piece::Sound(ramp(101, 30)),
            ],
            None,
        );
        assert!(!player.fill(&mut out));
        assert_eq!(out[..100], *ramp(1, 100));
        assert_eq!(out[100..140], [0; 40]);
        assert_eq!(out[140..], *ramp(101, 20));
        assert!(player.fill(&mut out));
        assert_eq!(out[..10], *ramp(121, 10));
        assert_eq!(out[10..], [0; 150]);
    }

    #[test]
    fn a_loop_has_no_end_and_nothing_ends_at_once() {
        let mut player = Player::new(1, false);
        player.ready(vec![Piece::Loop(ramp(0, 7))], None);
        let mut out = [0; 160];
        for n in 0..10 {
            assert!(!player.fill(&mut out));
            assert_eq!(out[0], (n * 160 % 7) as i16);
        }
        for pieces in [
            vec![],
            vec![Piece::Sound(Arc::new([]))],
            vec![Piece::Loop(Arc::new([]))],
        ] {
            player.ready(pieces, None);
            assert!(player.fill(&mut out));
        }
    }
}
