use std::{net::SocketAddr, sync::mpsc, time::Duration};

use super::{
    Codec, Direction, FRAME, Frame, RemoteMedia,
    dtmf::{Collector, Sender},
    jitter::Jitter,
    player::Player,
    rtcp::{self, REPORT, SenderReport},
    rtp::{HEADER, Header},
    sdp::OFFERED_DTMF,
    source::{Accepted, Source},
};
use crate::recorder::Tape;

/// Bytes of the largest packet that a leg sends.
pub(crate) const MAX_PACKET: usize = HEADER + FRAME;
/// Samples of the longest packet taken: 200 ms.
const MAX_SAMPLES: usize = 10 * FRAME;
/// Packets that a leg sends to hosts of which nothing has come: ten seconds. The signalling alone may name anybody; whoever
/// listens only, sends reports.
const MAX_UNHEARD: u32 = 500;

/// The sound of one call, in and out, without sockets or clock.
pub(crate) struct Leg {
    remote: Option<RemoteMedia>,
    /// Where packets really come from.
    source: Source,
    /// Whether the peer may be sent anything: it has shown that it is there.
    confirmed: bool,
    /// Whether anything came from the peer's host.
    heard: bool,
    /// Packets sent to hosts that were not heard of.
    unheard: u32,
    /// Where RTCP comes from, once some came.
    report_source: Option<SocketAddr>,
    next_report: Duration,
    last_packet: Duration,
    /// Since when nothing has been said about the peer's silence.
    quiet_since: Duration,
    timed_out: bool,
    jitter: Jitter,
    collector: Collector,
    pub(crate) sender: Sender,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    packets: u32,
    bytes: u32,
    talking: bool,
    /// The leg it is bridged to.
    pub(crate) peer: Option<u16>,
    pub(crate) player: Option<Player>,
    /// Place in the hold music, in samples, while it hears any.
    pub(crate) music: usize,
    pub(crate) tape: Option<Tape>,
    pub(crate) listener: Option<mpsc::SyncSender<Frame>>,
}

/// What one packet came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet {
    /// Taken.
    Taken,
    /// Taken, and a new digit.
    Digit(char),
    /// Malformed, from a stranger, or of an unknown kind.
    Dropped,
}

/// What it means that no packet came for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The peer should have sent.
    TimedOut,
    /// The peer holds us or has said that it sends nothing.
    Allowed,
}

impl Leg {
    /// A leg without a peer. `seed` gives it its SSRC and the beginnings of its counters.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            remote: None,
            source: Source::default(),
            confirmed: false,
            heard: false,
            unheard: 0,
            report_source: None,
            next_report: Duration::ZERO,
            last_packet: Duration::ZERO,
            quiet_since: Duration::ZERO,
            timed_out: false,
            jitter: Jitter::new(),
            collector: Collector::default(),
            sender: Sender::default(),
            ssrc: (seed >> 32) as u32,
            sequence: (seed >> 16) as u16,
            timestamp: seed as u32,
            packets: 0,
            bytes: 0,
            talking: false,
            peer: None,
            player: None,
            music: 0,
            tape: None,
            listener: None,
        }
    }

    /// Sets or changes the peer. Another host has yet to show that it is there.
    pub(crate) fn connect(&mut self, remote: RemoteMedia, now: Duration) {
        let before = self.remote.map(|before| before.addr);
        if before != Some(remote.addr) {
            (self.source, self.report_source) = (Source::default(), None);
        }
        if before.map(|before| before.ip()) != Some(remote.addr.ip()) && before.is_some() {
            (self.confirmed, self.heard) = (false, false);
        }
        self.last_packet = now;
        self.timed_out = false;
        self.remote = Some(remote);
    }

    fn direction(&self) -> Direction {
        self.remote.map_or(Direction::Inactive, |r| r.direction)
    }

    /// The peer has shown that it is there (its ACK): from now on it is sent sound.
    pub(crate) fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// Whether the peer is known and may be sent sound.
    pub(crate) fn is_connected(&self) -> bool {
        self.confirmed && self.remote.is_some()
    }

    /// Whether the peer has put us on hold.
    pub(crate) fn is_held(&self) -> bool {
        self.remote.is_some_and(|r| r.direction.is_hold())
    }

    /// Takes a packet from the network.
    pub(crate) fn on_packet(&mut self, bytes: &[u8], from: SocketAddr, now: Duration) -> Packet {
        let Some(remote) = self.remote else {
            return Packet::Dropped;
        };
        let Some((header, payload)) = Header::parse(bytes) else {
            return Packet::Dropped;
        };
        // Before the ACK only the host that the peer named is the peer.
        let strict = !self.confirmed;
        match self.source.accept(&header, from, remote.addr, strict, now) {
            Some(Accepted::Same) => {}
            Some(Accepted::New) => self.jitter.reset(),
            None => return Packet::Dropped,
        }
        self.last_packet = now;
        (self.confirmed, self.heard) = (true, true);
        let pt = header.payload_type;
        let codec = [Codec::Pcmu, Codec::Pcma]
            .into_iter()
            .find(|c| c.payload_type() == pt);
        let codec = if pt == remote.payload_type {
            Some(remote.codec)
        } else {
            codec
        };
        if let Some(codec) = codec {
            let mut samples = [0; MAX_SAMPLES];
            let n = codec.decode(payload, &mut samples);
            self.jitter.push(header.timestamp, &samples[..n], now);
            Packet::Taken
        } else if remote.dtmf_payload_type == Some(pt) || pt == OFFERED_DTMF {
            let digit = self
                .collector
                .on_event(header.ssrc, header.timestamp, payload, now);
            digit.map_or(Packet::Taken, Packet::Digit)
        } else {
            Packet::Dropped
        }
    }

    /// Leaves frames out, after the machine has stalled: the peer shall hear a gap and no lasting delay.
    pub(crate) fn skip(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(FRAME as u32));
        if let Some(tape) = &mut self.tape {
            tape.skip(frames);
        }
    }

    /// Where packets go: to where they come from (symmetric RTP), else to where the peer said.
    fn peer_addr(&self) -> Option<SocketAddr> {
        self.source.addr().or(self.remote.map(|r| r.addr))
    }

    /// Takes an RTCP packet: a sign of life. False when it is none, or from elsewhere than the sound.
    pub(crate) fn on_report(&mut self, bytes: &[u8], from: SocketAddr, now: Duration) -> bool {
        let peer = self.peer_addr();
        let takes = rtcp::is_rtcp(bytes)
            && peer.is_some_and(|peer| peer.ip().to_canonical() == from.ip().to_canonical());
        if takes {
            (self.confirmed, self.heard) = (true, true);
            self.report_source = Some(from);
            self.last_packet = now;
        }
        takes
    }

    /// The RTCP report that is due, if one is.
    pub(crate) fn report(&mut self, now: Duration) -> Option<([u8; REPORT], SocketAddr)> {
        let peer = self.peer_addr()?;
        let port = peer.port().checked_add(1)?;
        let to = self.report_source.unwrap_or(SocketAddr::new(peer.ip(), port));
        if now < self.next_report || !self.confirmed || to.ip().is_unspecified() {
            return None;
        }
        self.next_report = now + rtcp::INTERVAL;
        let Self {
            ssrc,
            timestamp,
            packets,
            bytes,
            ..
        } = *self;
        Some((
            SenderReport {
                ssrc,
                now,
                timestamp,
                packets,
                bytes,
            }
            .to_bytes(),
            to,
        ))
    }

    /// A digit that came by SIP INFO; `None` when it is none or was heard already.
    pub(crate) fn on_info(&mut self, digit: char, now: Duration) -> Option<char> {
        self.collector.on_info(digit, now)
    }

    /// The next 20 ms that the peer said. Silence while it has us on hold, whatever it sends.
    pub(crate) fn hear(&mut self, out: &mut Frame) {
        self.jitter.pull(out);
        if self.is_held() {
            out.fill(0);
        }
    }

    /// What the peer's silence of so long means, if it has lasted so long. A peer that should send is timed out,
    /// once; of one that needn't, it is said each time.
    pub(crate) fn silence(&mut self, now: Duration, after: Duration) -> Option<Silence> {
        let since = self.last_packet.max(self.quiet_since);
        if self.remote.is_none() || now.saturating_sub(since) < after {
            return None;
        }
        self.quiet_since = now;
        if self.direction() != Direction::SendRecv {
            return Some(Silence::Allowed);
        }
        let first = !std::mem::replace(&mut self.timed_out, true);
        first.then_some(Silence::TimedOut)
    }

    /// The packet for this tick: a digit's, else the sound's. `None` when the peer does not listen. Call once
    /// for every 20 ms, as the RTP clock runs with it.
    pub(crate) fn say(
        &mut self,
        sound: &Frame,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<(usize, SocketAddr)> {
        let now = self.timestamp;
        self.timestamp = now.wrapping_add(FRAME as u32);
        let remote = self.remote.filter(|r| self.confirmed && r.direction.listens());
        let to = remote
            .and(self.peer_addr())
            .filter(|to| !to.ip().is_unspecified() && (self.heard || self.unheard < MAX_UNHEARD));
        let (Some(remote), Some(to)) = (remote, to) else {
            self.talking = false;
            return None;
        };
        self.unheard += u32::from(!self.heard);
        let (header, payload) = packet.split_at_mut(HEADER);
        let (payload_type, marker, timestamp, len) = match (remote.dtmf_payload_type, self.sender.tick(now)) {
            (Some(payload_type), Some(event)) => {
                payload[..event.payload.len()].copy_from_slice(&event.payload);
                self.talking = false;
                (payload_type, event.marker, event.timestamp, event.payload.len())
            }
            _ => {
                // The first packet after a pause carries the marker (RFC 3551, 4.1).
                let marker = !std::mem::replace(&mut self.talking, true);
                (
                    remote.payload_type,
                    marker,
                    now,
                    remote.codec.encode(sound, payload),
                )
            }
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        header.copy_from_slice(
            &Header {
                payload_type,
                marker,
                sequence,
                timestamp,
                ssrc: self.ssrc,
            }
            .to_bytes(),
        );
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(len as u32);
        Some((HEADER + len, to))
    }
}
