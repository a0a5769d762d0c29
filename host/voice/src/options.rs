use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use crate::softphone::Transport;

/// How the voice side is set up.
#[derive(Debug, Clone)]
pub struct VoiceOptions {
    /// Where SIP over UDP is heard. Port 0 lets the system choose; see [`Voice::sip_udp`](crate::Voice::sip_udp).
    pub sip_udp: SocketAddr,
    /// Where SIP over TCP is heard; usually the same address and port as `sip_udp`. When both leave the port to the system,
    /// it is the same for both.
    pub sip_tcp: SocketAddr,
    /// The local address of media sockets.
    pub media_ip: IpAddr,
    /// The address that peers reach us at, written into Contact and SDP, when it differs from the local one (NAT).
    pub external_ip: Option<IpAddr>,
    /// Ports for RTP (even) and RTCP (the odd one after it); `0..=0` lets the system choose.
    pub rtp_ports: RangeInclusive<u16>,
    /// Media threads, at least 1; one per core is right.
    pub workers: usize,
    /// A call that should send sound and sends none for so long is ended.
    pub media_timeout: Duration,
    /// A phone that has been dialled rings at most so long, whatever the core does.
    pub max_ring: Duration,
    /// WAV prompts: `{prompts_dir}/{tenant}/{name}`.
    pub prompts_dir: PathBuf,
    /// Recordings are written here until they are taken into the blob store.
    pub recordings_dir: PathBuf,
    /// Synthesised speech is kept here, by text and language.
    pub speech_cache_dir: PathBuf,
    /// Where calls to the outside go; none: nobody outside can be called.
    pub trunk: Option<Trunk>,
    /// Signs the registrar's nonces; the same on every start, or phones are asked once more after a restart.
    pub nonce_secret: [u8; 32],
    /// Shortest registration granted; a shorter wish is answered with 423 and `Min-Expires`.
    pub min_expires: Duration,
    /// Longest registration granted; a longer wish is cut to this.
    pub max_expires: Duration,
}

/// A SIP peer that connects calls to the outside. It is not registered with, and it has to know this machine by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trunk {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How it is talked to.
    pub transport: Transport,
}

impl FromStr for Trunk {
    type Err = String;

    /// Reads `ADDR`, `udp:ADDR` or `tcp:ADDR`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (transport, addr) = match text.split_once(':') {
            Some(("udp", addr)) => (Transport::Udp, addr),
            Some(("tcp", addr)) => (Transport::Tcp, addr),
            _ => (Transport::Udp, text),
        };
        let addr = addr.parse();
        let addr = addr.map_err(|_| format!("{text}: expected IP:PORT, udp:IP:PORT or tcp:IP:PORT"))?;
        Ok(Self { addr, transport })
    }
}

impl VoiceOptions {
    /// Everything on loopback with ports that the system chooses; files under `dir`. For tests and demonstrations.
    pub fn loopback(dir: &std::path::Path, nonce_secret: [u8; 32]) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            sip_udp: any,
            sip_tcp: any,
            media_ip: any.ip(),
            external_ip: None,
            rtp_ports: 0..=0,
            workers: 1,
            media_timeout: Duration::from_secs(30),
            max_ring: Duration::from_secs(180),
            prompts_dir: dir.join("prompts"),
            recordings_dir: dir.join("recordings"),
            speech_cache_dir: dir.join("speech"),
            trunk: None,
            nonce_secret,
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3_600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_written_with_or_without_its_transport() {
        let addr = SocketAddr::from(([192, 0, 2, 1], 5060));
        for (text, transport) in [
            ("192.0.2.1:5060", Transport::Udp),
            ("udp:192.0.2.1:5060", Transport::Udp),
            ("tcp:192.0.2.1:5060", Transport::Tcp),
        ] {
            assert_eq!(text.parse(), Ok(Trunk { addr, transport }), "{text}");
        }
        assert!("[::1]:5060".parse::<Trunk>().is_ok());
        for bad in ["", "192.0.2.1", "tls:192.0.2.1:5061", "trunk.example:5060"] {
            assert!(bad.parse::<Trunk>().is_err(), "{bad}");
        }
    }
}
