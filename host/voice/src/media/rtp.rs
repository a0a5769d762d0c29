/// Bytes of the fixed RTP header.
pub(crate) const HEADER: usize = 12;

/// The fields of an RTP header that matter here (RFC 3550, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl Header {
    /// Reads a packet: the header and the payload without extension and padding. `None` for anything that is
    /// not RTP version 2, RTCP sharing the port included.
    pub(crate) fn parse(packet: &[u8]) -> Option<(Self, &[u8])> {
        let (fixed, mut rest) = packet.split_first_chunk::<HEADER>()?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        // 192 to 223 in the second byte are RTCP types (RFC 5761, 4).
        if flags >> 6 != 2 || (192..=223).contains(&kind) {
            return None;
        }
        rest = rest.get(usize::from(flags & 0x0f) * 4..)?;
        if flags & 0x10 != 0 {
            let (head, after) = rest.split_first_chunk::<4>()?;
            rest = after.get(usize::from(u16::from_be_bytes([head[2], head[3]])) * 4..)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        let header = Self {
            payload_type: kind & 0x7f,
            marker: kind & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Some((header, rest))
    }

    /// The header as bytes, with neither CSRCs, extension nor padding.
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = 0x80;
        bytes[1] = self.payload_type & 0x7f | u8::from(self.marker) << 7;
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Header = Header {
        payload_type: 101,
        marker: true,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 9,
    };

    #[test]
    fn csrcs_extension_and_padding_are_passed_over() {
        let mut packet = PLAIN.to_bytes().to_vec();
        packet[0] |= 0x30 | 2;
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        packet.extend(b"sound");
        packet.extend([0, 0, 3]);
        assert_eq!(Header::parse(&packet), Some((PLAIN, b"sound".as_slice())));
    }

    #[test]
    fn what_is_no_rtp_is_refused() {
        let good = PLAIN.to_bytes();
        assert!(Header::parse(&good).is_some());
        assert_eq!(Header::parse(&good[..11]), None);
        for (at, byte) in [(0, 0x40), (0, 0x8f), (0, 0x90), (0, 0xa0), (1, 200)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Header::parse(&bad), None, "{at} {byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, payload)) = Header::parse(&bytes) {
                prop_assert!(payload.len() + HEADER <= bytes.len());
            }
        }
    }
}
