use std::time::Duration;

/// How often a report is sent (RFC 3550, 6.2: at least 5 s).
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Bytes of a sender report without reception blocks, and of the SDES with our CNAME after it.
pub(crate) const REPORT: usize = 28 + 20;

/// What a sender report says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderReport {
    pub(crate) ssrc: u32,
    /// Time since an arbitrary moment, as the RFC allows without a wall clock.
    pub(crate) now: Duration,
    /// RTP timestamp of that moment.
    pub(crate) timestamp: u32,
    /// Packets and bytes of payload sent so far.
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl SenderReport {
    pub(crate) fn to_bytes(self) -> [u8; REPORT] {
        let fraction = (u64::from(self.now.subsec_nanos()) << 32) / 1_000_000_000;
        let words = [
            // Version 2, no blocks, type 200, length in words less one.
            0x80c8_0006,
            self.ssrc,
            self.now.as_secs() as u32,
            fraction as u32,
            self.timestamp,
            self.packets,
            self.bytes,
            // One chunk, type 202.
            0x81ca_0004,
            self.ssrc,
        ];
        let mut report = [0; REPORT];
        for (bytes, word) in report.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        // The CNAME: as random as the SSRC, and made of it. The zeros behind it end the chunk.
        let name = format!("{:08x}", self.ssrc);
        report[36..38].copy_from_slice(&[1, 8]);
        report[38..46].copy_from_slice(name.as_bytes());
        report
    }
}

/// Whether these bytes are RTCP: version 2, a known type, and no longer than they say.
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    let Some(([flags, kind, l0, l1], _)) = bytes.split_first_chunk::<4>() else {
        return false;
    };
    let length = 4 * (usize::from(u16::from_be_bytes([*l0, *l1])) + 1);
    flags >> 6 == 2 && (200..=207).contains(kind) && length <= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_layout_of_the_rfc() {
        let now = Duration::from_millis(3_500);
        let report = SenderReport {
            ssrc: 0x0102_0304,
            now,
            timestamp: 9,
            packets: 7,
            bytes: 1_120,
        }
        .to_bytes();
        assert!(is_rtcp(&report) && is_rtcp(&report[28..]));
        assert_eq!(report[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
        assert_eq!(report[8..16], [0, 0, 0, 3, 0x80, 0, 0, 0]);
        assert_eq!(report[28..38], [0x81, 202, 0, 4, 1, 2, 3, 4, 1, 8]);
        assert_eq!(report[38..], *b"01020304\0\0");
    }

    #[test]
    fn what_is_no_rtcp_is_told_apart() {
        for bad in [
            &[][..],
            &[0x80, 200, 0],
            &[0x40, 200, 0, 0],
            &[0x80, 0, 0, 0],
            &[0x80, 201, 0, 1, 0, 0],
        ] {
            assert!(!is_rtcp(bad), "{bad:?}");
        }
        assert!(is_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 0]));
    }
}
