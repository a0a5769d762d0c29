//! Whose packets are a leg's sound. Anybody may send to a port, so whoever wants to be the peer must be the one whom the
//! signalling names, or show that the stream goes on; silence of the peer opens nothing to strangers.

use std::{net::SocketAddr, time::Duration};

use super::rtp::Header;

/// Packets in a row that make an unknown host the peer, where the one that was named sends nothing (NAT).
const PROBATION: u8 = 4;
/// How long the peer must be silent before its stream may go on from another host.
const SOURCE_GONE: Duration = Duration::from_secs(1);
/// Packets that may be missing where a stream goes on (RFC 3550, A.1).
const MAX_DROPOUT: u16 = 3_000;
/// What the timestamp may be off from the time that went by where a stream goes on.
const MAX_DRIFT: Duration = Duration::from_secs(2);
/// RTP clock of all our codecs.
const CLOCK: u64 = 8_000;

/// How far an address is the one that the signalling named. More goes before less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    Unknown,
    /// The host, from another port: behind NAT, or with another port for sending.
    Host,
    Named,
}

fn trust(from: SocketAddr, named: SocketAddr) -> Trust {
    match from.ip().to_canonical() == named.ip().to_canonical() {
        true if from.port() == named.port() => Trust::Named,
        true => Trust::Host,
        false => Trust::Unknown,
    }
}

/// The stream that is the peer's.
#[derive(Debug, Clone, Copy)]
struct Stream {
    from: SocketAddr,
    header: Header,
    at: Duration,
}

impl Stream {
    /// Whether this packet, from elsewhere, is the same stream: only who sent the packets before knows their SSRC and
    /// counters.
    fn goes_on(&self, header: &Header, now: Duration) -> bool {
        let missed = header.sequence.wrapping_sub(self.header.sequence);
        let past = now.saturating_sub(self.at).as_millis() as u64 * CLOCK / 1_000;
        let said = header.timestamp.wrapping_sub(self.header.timestamp) as i32;
        let drift = i64::from(said) - i64::try_from(past).unwrap_or(i64::MAX);
        header.ssrc == self.header.ssrc
            && (1..=MAX_DROPOUT).contains(&missed)
            && drift.unsigned_abs() <= MAX_DRIFT.as_secs() * CLOCK
    }
}

/// The source of a leg's packets.
#[derive(Debug, Default)]
pub(crate) struct Source {
    stream: Option<Stream>,
    /// An unknown host that sends, and how many packets in a row.
    candidate: Option<(Stream, u8)>,
}

/// What a packet is to the sound so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// The same stream, perhaps from another address.
    Same,
    /// A new one.
    New,
}

impl Source {
    /// Where packets come from; answers go there (symmetric RTP).
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.stream.map(|stream| stream.from)
    }

    /// Whether a packet is the peer's; `None` when it is a stranger's. `strict`: only the host that was named.
    pub(crate) fn accept(
        &mut self,
        header: &Header,
        from: SocketAddr,
        named: SocketAddr,
        strict: bool,
        now: Duration,
    ) -> Option<Accepted> {
        let packet = Stream {
            from,
            header: *header,
            at: now,
        };
        let rank = trust(from, named);
        if strict && rank == Trust::Unknown {
            return None;
        }
        let taken = match self.stream {
            Some(stream) if stream.from == from => true,
            Some(stream) => {
                let before = trust(stream.from, named);
                let gone = now.saturating_sub(stream.at) >= SOURCE_GONE;
                let same_host = stream.from.ip() == from.ip();
                rank > before || (same_host || gone) && stream.goes_on(header, now)
            }
            None => rank > Trust::Unknown || self.is_proved(packet),
        };
        if !taken {
            return None;
        }
        self.candidate = None;
        let same = |stream: Stream| {
            stream.header.ssrc == header.ssrc && (stream.from == from || stream.goes_on(header, now))
        };
        let accepted = if self.stream.is_some_and(same) {
            Accepted::Same
        } else {
            Accepted::New
        };
        let mut last = packet;
        if let (Accepted::Same, Some(before)) = (accepted, self.stream)
            && header.sequence.wrapping_sub(before.header.sequence) > u16::MAX / 2
        {
            // A late packet: the stream's end stays where it was.
            last.header = before.header;
        }
        self.stream = Some(last);
        Some(accepted)
    }

    /// Whether an unknown host has sent enough in a row.
    fn is_proved(&mut self, packet: Stream) -> bool {
        let count = match self.candidate {
            Some((before, count))
                if before.from == packet.from
                    && before.header.ssrc == packet.header.ssrc
                    && before.header.sequence.wrapping_add(1) == packet.header.sequence =>
            {
                count + 1
            }
            _ => 1,
        };
        self.candidate = Some((packet, count));
        count >= PROBATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    /// A phone's stream.
    struct Sender {
        header: Header,
        from: SocketAddr,
    }

    impl Sender {
        fn new(from: &str, ssrc: u32) -> Self {
            let header = Header {
                payload_type: 0,
                marker: false,
                sequence: 65_534,
                timestamp: u32::MAX - 100,
                ssrc,
            };
            Self {
                header,
                from: from.parse().unwrap(),
            }
        }

        fn next(&mut self) -> Header {
            self.header.sequence = self.header.sequence.wrapping_add(1);
            self.header.timestamp = self.header.timestamp.wrapping_add(160);
            self.header
        }
    }

    struct Port {
        source: Source,
        named: SocketAddr,
        now: Duration,
    }

    impl Port {
        fn new() -> Self {
            Self {
                source: Source::default(),
                named: "192.0.2.1:4000".parse().unwrap(),
                now: Duration::ZERO,
            }
        }

        /// So many packets, 20 ms apart; how many were taken.
        fn take(&mut self, sender: &mut Sender, packets: usize) -> usize {
            let mut taken = 0;
            for _ in 0..packets {
                self.now += FRAME;
                let header = sender.next();
                let from = sender.from;
                taken += usize::from(
                    self.source
                        .accept(&header, from, self.named, false, self.now)
                        .is_some(),
                );
            }
            taken
        }
    }

    #[test]
    fn silence_of_the_peer_opens_nothing_to_strangers() {
        for from in ["198.51.100.9:9", "192.0.2.1:4002"] {
            let mut port = Port::new();
            let mut phone = Sender::new("192.0.2.1:4000", 7);
            assert_eq!(port.take(&mut phone, 10), 10);
            port.now += Duration::from_secs(20);
            let mut stranger = Sender::new(from, 8);
            assert_eq!(port.take(&mut stranger, 500), 0, "{from}");
            // A guessed SSRC alone is not enough.
            stranger.header.ssrc = 7;
            stranger.header.sequence = 20_000;
            assert_eq!(port.take(&mut stranger, 500), 0, "{from}");
            assert_eq!(port.source.addr(), Some(phone.from));
            assert_eq!(port.take(&mut phone, 5), 5);
        }
    }

    #[test]
    fn a_stream_survives_another_port_at_once_and_another_host_after_silence() {
        let mut port = Port::new();
        let mut phone = Sender::new("192.0.2.1:4000", 7);
        port.take(&mut phone, 10);
        phone.from = "192.0.2.1:50000".parse().unwrap();
        assert_eq!(port.take(&mut phone, 10), 10);
        assert_eq!(port.source.addr(), Some(phone.from));
        phone.from = "192.0.2.77:50001".parse().unwrap();
        assert_eq!(port.take(&mut phone, 10), 0);
        port.now += SOURCE_GONE;
        assert_eq!(port.take(&mut phone, 10), 10);
    }

    #[test]
    fn an_unknown_host_proves_itself_and_gives_way_to_who_was_named() {
        let mut port = Port::new();
        let mut natted = Sender::new("203.0.113.5:6000", 3);
        assert_eq!(port.take(&mut natted, 10), 7);
        let mut other = Sender::new("203.0.113.6:6000", 4);
        assert_eq!(port.take(&mut other, 100), 0);
        let mut near = Sender::new("192.0.2.1:4010", 5);
        assert_eq!(port.take(&mut near, 3), 3);
        assert_eq!(port.take(&mut natted, 3), 0);
        let mut named = Sender::new("192.0.2.1:4000", 6);
        assert_eq!(port.take(&mut named, 3), 3);
        assert_eq!(port.take(&mut near, 3), 0);
        // Scattered packets prove nothing.
        let mut port = Port::new();
        let mut scattered = Sender::new("203.0.113.5:6000", 3);
        for _ in 0..100 {
            scattered.next();
            assert_eq!(port.take(&mut scattered, 1), 0);
        }
    }

    #[test]
    fn before_the_peer_is_sure_only_its_host_is_heard() {
        let mut port = Port::new();
        let mut stranger = Sender::new("203.0.113.5:6000", 3);
        for _ in 0..10 {
            let header = stranger.next();
            assert_eq!(
                port.source
                    .accept(&header, stranger.from, port.named, true, port.now),
                None
            );
        }
        let mut near = Sender::new("[::ffff:192.0.2.1]:4010", 3);
        let header = near.next();
        assert_eq!(
            port.source.accept(&header, near.from, port.named, true, port.now),
            Some(Accepted::New)
        );
    }
}
