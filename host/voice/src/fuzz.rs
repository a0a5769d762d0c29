//! What strangers' bytes come to, one function for each fuzz target of `host/fuzz` (feature `fuzz`). Each panics when a
//! promise does not hold.

use std::path::Path;

/// A SIP message as it comes by UDP.
pub fn sip_message(datagram: &[u8]) {
    crate::sip::fuzz::message(datagram);
}

/// An SDP body.
pub fn sdp(body: &[u8]) {
    crate::media::fuzz::sdp(body);
}

/// RTP and RTCP datagrams, each behind its length in two bytes, big end first.
pub fn rtp(datagrams: &[u8]) {
    crate::media::fuzz::datagrams(datagrams);
}

/// A WAV file: what is read is no longer than a prompt may be.
pub fn wav(file: &[u8]) {
    let Ok(samples) = crate::prompt::decode(file, Path::new("fuzz.wav")) else {
        return;
    };
    let most = jackfield_types::limits::MAX_PROMPT_MS as usize * crate::media::SAMPLE_RATE as usize / 1_000;
    assert!(
        samples.len() <= most + crate::media::FRAME,
        "{} samples",
        samples.len()
    );
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::corpus::replay;

    #[test]
    fn sip_messages() {
        replay("sip_message", 20_000, super::sip_message);
    }

    #[test]
    fn sdp_bodies() {
        replay("sdp", 20_000, super::sdp);
    }

    #[test]
    fn rtp_and_rtcp_datagrams() {
        replay("rtp", 20_000, super::rtp);
    }

    #[test]
    fn wav_files() {
        replay("wav", 4_000, super::wav);
    }
}
