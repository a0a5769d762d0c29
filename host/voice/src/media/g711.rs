use audio_codec::{Decoder, Encoder, pcma, pcmu};

/// The two kinds of G.711, 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// µ-law, static payload type 0.
    Pcmu,
    /// A-law, static payload type 8.
    Pcma,
}

impl Codec {
    /// The static payload type of RFC 3551.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// Decodes as many samples as fit into `out`; returns how many.
    pub(crate) fn decode(self, bytes: &[u8], out: &mut [i16]) -> usize {
        let n = bytes.len().min(out.len());
        let (bytes, out) = (&bytes[..n], &mut out[..n]);
        match self {
            Self::Pcmu => pcmu::PcmuDecoder::new().decode_into(bytes, out),
            Self::Pcma => pcma::PcmaDecoder::new().decode_into(bytes, out),
        }
        .unwrap_or(0)
    }

    /// Encodes as many samples as fit into `out`; returns how many.
    pub(crate) fn encode(self, samples: &[i16], out: &mut [u8]) -> usize {
        let n = samples.len().min(out.len());
        let (samples, out) = (&samples[..n], &mut out[..n]);
        match self {
            Self::Pcmu => pcmu::PcmuEncoder::new().encode_into(samples, out),
            Self::Pcma => pcma::PcmaEncoder::new().encode_into(samples, out),
        }
        .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoded_byte_encodes_to_the_same_sound() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for byte in 0..=255u8 {
                let (mut pcm, mut back, mut again) = ([0i16; 1], [0u8; 1], [0i16; 1]);
                assert_eq!(codec.decode(&[byte], &mut pcm), 1);
                assert_eq!(codec.encode(&pcm, &mut back), 1);
                codec.decode(&back, &mut again);
                // The two values next to zero may be taken for each other.
                assert!(
                    pcm[0].abs_diff(again[0]) <= 16,
                    "{codec:?} {byte:#x}: {pcm:?} {again:?}"
                );
                assert_ne!(pcm[0], i16::MIN, "the jitter buffer's mark for a missing sample");
            }
        }
    }
}
