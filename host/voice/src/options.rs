use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

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
    /// Signs the registrar's nonces; the same on every start, or phones are asked once more after a restart.
    pub nonce_secret: [u8; 32],
    /// Shortest registration granted; a shorter wish is answered with 423 and `Min-Expires`.
    pub min_expires: Duration,
    /// Longest registration granted; a longer wish is cut to this.
    pub max_expires: Duration,
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
            nonce_secret,
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3_600),
        }
    }
}
