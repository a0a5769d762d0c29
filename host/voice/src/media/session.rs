use std::{net::SocketAddr, sync::Arc, time::Duration};

use jackfield_contact::leg::ActionId;
use jackfield_types::limits::MAX_SOUND_LEGS;

use super::{
    FRAME, Frame, MediaEvent, RemoteMedia,
    leg::{Leg, MAX_PACKET, Packet, Silence},
    player::{Piece, Player},
};
use crate::recorder::Tape;

/// The number of the customer's leg.
const CUSTOMER: u16 = 0;

/// What a session does to the world: packets out, and reports.
pub(crate) trait Out {
    /// Sends a packet from a leg.
    fn send(&mut self, leg: u16, packet: &[u8], to: SocketAddr);
    /// Sends an RTCP packet from a leg.
    fn send_report(&mut self, leg: u16, packet: &[u8], to: SocketAddr);
    /// Reports something of a leg.
    fn report(&mut self, leg: u16, event: MediaEvent);
}

/// The sound of one interaction: its legs and how they hear each other. No sockets, no clock; `now` is the
/// time since an arbitrary moment, and [`tick`](Self::tick) is due every 20 ms.
pub(crate) struct Session {
    legs: Vec<(u16, Leg)>,
    hold_music: Arc<[i16]>,
    media_timeout: Duration,
}

impl Session {
    pub(crate) fn new(hold_music: Arc<[i16]>, media_timeout: Duration) -> Self {
        Self {
            legs: Vec::with_capacity(MAX_SOUND_LEGS),
            hold_music,
            media_timeout,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    fn leg(&mut self, number: u16) -> Option<&mut Leg> {
        self.legs
            .iter_mut()
            .find(|(n, _)| *n == number)
            .map(|(_, leg)| leg)
    }

    /// Adds a leg; false when it is there already or there are too many.
    pub(crate) fn open(&mut self, number: u16, seed: u64) -> bool {
        let fits = self.legs.len() < MAX_SOUND_LEGS && self.leg(number).is_none();
        if fits {
            self.legs.push((number, Leg::new(seed)));
        }
        fits
    }

    /// Removes a leg; its recording is completed.
    pub(crate) fn close(&mut self, number: u16) {
        self.unbridge(number);
        self.legs.retain(|(n, _)| *n != number);
    }

    pub(crate) fn connect(&mut self, number: u16, remote: RemoteMedia, now: Duration) {
        if let Some(leg) = self.leg(number) {
            leg.connect(remote, now);
        }
    }

    pub(crate) fn confirm(&mut self, number: u16) {
        if let Some(leg) = self.leg(number) {
            leg.confirm();
        }
    }

    /// A play is ordered; its pieces come with [`ready`](Self::ready). Ends what was playing.
    pub(crate) fn expect(&mut self, number: u16, action: ActionId, barge_in: bool, out: &mut impl Out) {
        self.interrupt(number, out);
        if let Some(leg) = self.leg(number) {
            leg.player = Some(Player::new(action, barge_in));
        }
    }

    /// The pieces of a play have been loaded. Too late when the play is no longer wanted.
    pub(crate) fn ready(
        &mut self,
        number: u16,
        action: ActionId,
        pieces: Vec<Piece>,
        failed: Option<Arc<str>>,
    ) {
        let player = self
            .leg(number)
            .and_then(|leg| leg.player.as_mut())
            .filter(|p| p.action == action);
        if let Some(player) = player {
            player.ready(pieces, failed);
        }
    }

    pub(crate) fn stop_play(&mut self, number: u16) {
        if let Some(leg) = self.leg(number) {
            leg.player = None;
        }
    }

    fn interrupt(&mut self, number: u16, out: &mut impl Out) {
        if let Some(Player { action, failed, .. }) = self.leg(number).and_then(|leg| leg.player.take()) {
            out.report(
                number,
                MediaEvent::PlayFinished {
                    action,
                    interrupted: true,
                    failed,
                },
            );
        }
    }

    /// Lets two legs hear each other, and nobody else.
    pub(crate) fn bridge(&mut self, a: u16, b: u16, out: &mut impl Out) {
        if a == b || self.leg(a).is_none() || self.leg(b).is_none() {
            return;
        }
        for (one, other) in [(a, b), (b, a)] {
            self.interrupt(one, out);
            if self.leg(one).is_some_and(|leg| leg.peer != Some(other)) {
                self.unbridge(one);
            }
        }
        for (one, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.leg(one) {
                leg.peer = Some(other);
            }
        }
    }

    pub(crate) fn unbridge(&mut self, number: u16) {
        if let Some(peer) = self.leg(number).and_then(|leg| leg.peer.take())
            && let Some(peer) = self.leg(peer)
        {
            peer.peer = None;
        }
    }

    /// Records a leg on a new tape, unless it is gone or records already.
    pub(crate) fn start_recording(&mut self, number: u16, tape: impl FnOnce() -> Tape) {
        if let Some(leg) = self.leg(number).filter(|leg| leg.tape.is_none()) {
            leg.tape = Some(tape());
        }
    }

    pub(crate) fn pause_recording(&mut self, number: u16, paused: bool) {
        if let Some(tape) = self.leg(number).and_then(|leg| leg.tape.as_mut()) {
            tape.pause(paused);
        }
    }

    pub(crate) fn stop_recording(&mut self, number: u16) {
        if let Some(leg) = self.leg(number) {
            leg.tape = None;
        }
    }

    pub(crate) fn info_digit(&mut self, number: u16, digit: char, now: Duration, out: &mut impl Out) {
        if let Some(digit) = self.leg(number).and_then(|leg| leg.on_info(digit, now)) {
            self.digit(number, digit, out);
        }
    }

    pub(crate) fn send_digits(&mut self, number: u16, digits: &str) {
        if let Some(leg) = self.leg(number) {
            leg.sender.push(digits);
        }
    }

    pub(crate) fn listen(&mut self, number: u16, frames: std::sync::mpsc::SyncSender<Frame>) {
        if let Some(leg) = self.leg(number) {
            leg.listener = Some(frames);
        }
    }

    /// Takes a packet from the network; false when it was dropped.
    pub(crate) fn on_packet(
        &mut self,
        number: u16,
        bytes: &[u8],
        from: SocketAddr,
        now: Duration,
        out: &mut impl Out,
    ) -> bool {
        match self.leg(number).map(|leg| leg.on_packet(bytes, from, now)) {
            Some(Packet::Taken) => true,
            Some(Packet::Digit(digit)) => {
                self.digit(number, digit, out);
                true
            }
            Some(Packet::Dropped) | None => false,
        }
    }

    /// Takes an RTCP packet; false when it was dropped.
    pub(crate) fn on_report(&mut self, number: u16, bytes: &[u8], from: SocketAddr, now: Duration) -> bool {
        self.leg(number)
            .is_some_and(|leg| leg.on_report(bytes, from, now))
    }

    fn digit(&mut self, number: u16, digit: char, out: &mut impl Out) {
        out.report(number, MediaEvent::Digit(digit));
        if self
            .leg(number)
            .and_then(|leg| leg.player.as_ref())
            .is_some_and(|p| p.barge_in)
        {
            self.interrupt(number, out);
        }
    }

    /// Leaves out so many ticks that could not be made in time.
    pub(crate) fn skip(&mut self, frames: u32) {
        self.legs.iter_mut().for_each(|(_, leg)| leg.skip(frames));
    }

    /// Twenty milliseconds for every leg: what each says is heard, recorded, and sent to whom it is meant for.
    pub(crate) fn tick(&mut self, now: Duration, out: &mut impl Out) {
        let mut heard = [[0; FRAME]; MAX_SOUND_LEGS];
        for ((_, leg), heard) in self.legs.iter_mut().zip(&mut heard) {
            leg.hear(heard);
        }
        for at in 0..self.legs.len() {
            let peer = self.legs[at]
                .1
                .peer
                .and_then(|peer| self.legs.iter().position(|(n, _)| *n == peer));
            let peer_holds = peer.is_some_and(|peer| self.legs[peer].1.is_held());
            let peer_is_agent = peer.is_some_and(|peer| self.legs[peer].0 != CUSTOMER);
            let (number, leg) = &mut self.legs[at];
            let number = *number;

            let silence = [0; FRAME];
            let other = peer.map_or(&silence, |peer| &heard[peer]);
            let talking = peer.is_some() && !peer_holds && !leg.is_held();
            if let Some(tape) = &mut leg.tape {
                tape.write(&heard[at], other, talking);
            }
            if leg.listener.as_ref().is_some_and(|l| {
                matches!(
                    l.try_send(heard[at]),
                    Err(std::sync::mpsc::TrySendError::Disconnected(_))
                )
            }) {
                leg.listener = None;
            }

            let mut sound = *other;
            let mut finished = None;
            // Prompts wait for the peer, and while digits are being sent in their place.
            let waits = !leg.sender.is_idle() || !leg.is_connected();
            if let Some(player) = &mut leg.player {
                if waits {
                    sound = silence;
                } else if player.fill(&mut sound) {
                    finished = leg.player.take();
                }
            } else if peer_holds && peer_is_agent {
                leg.music = fill_loop(&self.hold_music, leg.music, &mut sound);
            }
            if !(peer_holds && peer_is_agent) {
                leg.music = 0;
            }

            let digits = !leg.sender.is_idle();
            let mut packet = [0; MAX_PACKET];
            if let Some((len, to)) = leg.say(&sound, &mut packet) {
                out.send(number, &packet[..len], to);
            }
            if let Some((report, to)) = leg.report(now) {
                out.send_report(number, &report, to);
            }
            if digits && leg.sender.is_idle() {
                out.report(number, MediaEvent::DigitsSent);
            }
            if let Some(Player { action, failed, .. }) = finished {
                out.report(
                    number,
                    MediaEvent::PlayFinished {
                        action,
                        interrupted: false,
                        failed,
                    },
                );
            }
            match leg.silence(now, self.media_timeout) {
                Some(Silence::TimedOut) => out.report(number, MediaEvent::TimedOut),
                Some(Silence::Allowed) => out.report(number, MediaEvent::Quiet),
                None => {}
            }
        }
    }
}

/// Fills a frame from a loop that goes on at `at`; gives back where to go on next.
fn fill_loop(sound: &[i16], mut at: usize, out: &mut Frame) -> usize {
    for sample in out {
        *sample = sound.get(at).copied().unwrap_or(0);
        at = if at + 1 < sound.len() { at + 1 } else { 0 };
    }
    at
}

#[cfg(test)]
mod tests;
