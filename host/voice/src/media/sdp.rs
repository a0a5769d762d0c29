//! SDP: offers and answers for G.711 and telephone events (RFC 4566, 3264, 4733).
//!
//! Policy for errors: a body that cannot be read, or that leaves us no audio, is an error that names the
//! line; unknown lines and attributes are passed over, as the RFC asks.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use jackfield_types::limits::{MAX_SDP_BYTES, MAX_SDP_MEDIA};

use super::{Codec, Direction, RemoteMedia};

/// Formats of one media line; the rest is passed over.
const MAX_FORMATS: usize = 64;
/// The payload type that our offers give to telephone events.
pub const OFFERED_DTMF: u8 = 101;

/// Why an SDP body is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// A line could not be read. Answer 400.
    #[error("SDP line {line:?}: expected {expected}")]
    Line {
        /// The line, cut to 80 characters.
        line: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// Longer than [`MAX_SDP_BYTES`] or more media lines than [`MAX_SDP_MEDIA`]. Answer 400.
    #[error("SDP body is too large: expected at most 16,384 bytes and 16 media lines")]
    TooLarge,
    /// Not text, or no `v=0` at its beginning. Answer 400.
    #[error("not SDP: expected UTF-8 text that begins with v=0")]
    NotSdp,
    /// No audio over RTP/AVP that is not switched off. Answer 488.
    #[error("SDP offers no audio over RTP/AVP with a port")]
    NoAudio,
    /// The audio would come back to ourselves. Answer 488.
    #[error("SDP asks for sound at {0}, which is our own: expected the caller's address")]
    Own(SocketAddr),
    /// Audio, but neither PCMU nor PCMA. Answer 488.
    #[error("SDP offers no codec in common: expected PCMU/8000 or PCMA/8000")]
    NoCommonCodec,
}

impl SdpError {
    /// Whether the body was well-formed and only its content doesn't suit (488), not 400.
    pub const fn is_unacceptable(&self) -> bool {
        matches!(self, Self::NoAudio | Self::NoCommonCodec | Self::Own(_))
    }
}

/// The identity of our side's description: `version` goes up by one with each that differs from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The same for the whole dialog.
    pub id: u64,
    /// Begins anywhere, counts up.
    pub version: u64,
}

/// A description that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    media: Vec<Media>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Media {
    kind: String,
    port: u16,
    proto: String,
    formats: Vec<String>,
    ip: Option<IpAddr>,
    direction: Option<Direction>,
    maps: Vec<(u8, String)>,
}

/// Reads a body.
///
/// # Errors
/// [`SdpError::Line`], [`SdpError::TooLarge`] or [`SdpError::NotSdp`]; whether the content suits is asked
/// later.
pub fn parse(body: &[u8]) -> Result<Description, SdpError> {
    if body.len() > MAX_SDP_BYTES {
        return Err(SdpError::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| SdpError::NotSdp)?;
    let mut lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty());
    if lines.next() != Some("v=0") {
        return Err(SdpError::NotSdp);
    }
    let mut session_ip = None;
    let mut session_direction = None;
    let mut media: Vec<Media> = Vec::new();
    for line in lines {
        let (kind, value) = line
            .split_once('=')
            .ok_or_else(|| bad(line, "<letter>=<value>"))?;
        match (kind, media.last_mut()) {
            ("m", _) => {
                if media.len() == MAX_SDP_MEDIA {
                    return Err(SdpError::TooLarge);
                }
                media.push(media_line(line, value)?);
            }
            ("c", None) => session_ip = Some(connection(line, value)?),
            ("c", Some(m)) => m.ip = Some(connection(line, value)?),
            ("a", None) => session_direction = direction(value).or(session_direction),
            ("a", Some(m)) => attribute(m, line, value)?,
            _ => {}
        }
    }
    for m in &mut media {
        m.ip = m.ip.or(session_ip);
        m.direction = m.direction.or(session_direction);
    }
    Ok(Description { media })
}

fn bad(line: &str, expected: &'static str) -> SdpError {
    SdpError::Line {
        line: line.chars().take(80).collect(),
        expected,
    }
}

fn media_line(line: &str, value: &str) -> Result<Media, SdpError> {
    const EXPECTED: &str = "m=<media> <port> <proto> <format>…";
    let mut words = value.split_ascii_whitespace();
    let (Some(kind), Some(port), Some(proto)) = (words.next(), words.next(), words.next()) else {
        return Err(bad(line, EXPECTED));
    };
    let port = port
        .split('/')
        .next()
        .and_then(|p| p.parse().ok())
        .ok_or_else(|| bad(line, EXPECTED))?;
    Ok(Media {
        kind: kind.to_owned(),
        port,
        proto: proto.to_owned(),
        formats: words.take(MAX_FORMATS).map(str::to_owned).collect(),
        ip: None,
        direction: None,
        maps: Vec::new(),
    })
}

fn connection(line: &str, value: &str) -> Result<IpAddr, SdpError> {
    let mut words = value.split_ascii_whitespace();
    let address = match (words.next(), words.next(), words.next()) {
        (Some("IN"), Some("IP4" | "IP6"), Some(address)) => address,
        _ => return Err(bad(line, "c=IN IP4|IP6 <address>")),
    };
    let address = address.split('/').next().unwrap_or_default();
    let ip: IpAddr = address
        .parse()
        .map_err(|_| bad(line, "an IP address, not a name"))?;
    let ip = ip.to_canonical();
    if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(bad(line, "the address of one host"));
    }
    Ok(ip)
}

fn direction(value: &str) -> Option<Direction> {
    match value {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn attribute(media: &mut Media, line: &str, value: &str) -> Result<(), SdpError> {
    if let Some(direction) = direction(value) {
        media.direction = Some(direction);
    } else if let Some(map) = value.strip_prefix("rtpmap:") {
        let (number, name) = map
            .split_once(' ')
            .and_then(|(n, name)| Some((n.trim().parse().ok()?, name.trim())))
            .ok_or_else(|| bad(line, "a=rtpmap:<payload type> <name>/<clock rate>"))?;
        if media.maps.len() < MAX_FORMATS {
            media.maps.push((number, name.to_owned()));
        }
    }
    Ok(())
}

impl Media {
    fn is_usable_audio(&self) -> bool {
        self.kind == "audio" && self.port != 0 && self.proto == "RTP/AVP"
    }

    /// The payload types that the media line lists, in the peer's order of preference.
    fn numbers(&self) -> impl Iterator<Item = u8> {
        self.formats
            .iter()
            .filter_map(|f| f.parse().ok())
            .filter(|n| *n < 128)
    }

    fn name(&self, number: u8) -> Option<&str> {
        let named = self
            .maps
            .iter()
            .find(|(n, _)| *n == number)
            .map(|(_, name)| name.as_str());
        named.or(match number {
            0 => Some("PCMU/8000"),
            8 => Some("PCMA/8000"),
            _ => None,
        })
    }

    fn codec(&self, number: u8) -> Option<Codec> {
        let name = self.name(number)?;
        let name = name.strip_suffix("/1").unwrap_or(name);
        if name.eq_ignore_ascii_case("PCMU/8000") {
            Some(Codec::Pcmu)
        } else if name.eq_ignore_ascii_case("PCMA/8000") {
            Some(Codec::Pcma)
        } else {
            None
        }
    }

    fn is_dtmf(&self, number: u8) -> bool {
        self.name(number).is_some_and(|name| {
            let name = name.strip_suffix("/1").unwrap_or(name);
            name.eq_ignore_ascii_case("telephone-event/8000")
        })
    }

    fn remote(&self) -> Result<RemoteMedia, SdpError> {
        let (payload_type, codec) = self
            .numbers()
            .find_map(|n| self.codec(n).map(|codec| (n, codec)))
            .ok_or(SdpError::NoCommonCodec)?;
        let ip = self
            .ip
            .ok_or_else(|| bad("c=", "a connection line for the session or the audio"))?;
        let said = self.direction.unwrap_or_default();
        // RFC 2543's way to say hold: nobody listens at 0.0.0.0.
        let direction = match said {
            Direction::SendRecv if ip.is_unspecified() => Direction::SendOnly,
            Direction::RecvOnly if ip.is_unspecified() => Direction::Inactive,
            said => said,
        };
        Ok(RemoteMedia {
            addr: SocketAddr::new(ip, self.port),
            codec,
            payload_type,
            dtmf_payload_type: self.numbers().find(|n| self.is_dtmf(*n)),
            direction,
        })
    }
}

impl Description {
    /// What the peer's offer or answer comes to: its first usable audio, the codec it likes best of ours.
    ///
    /// # Errors
    /// No audio, no codec in common, or no address.
    pub fn remote(&self) -> Result<RemoteMedia, SdpError> {
        self.audio().map(|(_, remote)| remote)
    }

    fn audio(&self) -> Result<(usize, RemoteMedia), SdpError> {
        let mut last = SdpError::NoAudio;
        for (n, media) in self.media.iter().enumerate().filter(|(_, m)| m.is_usable_audio()) {
            match media.remote() {
                Ok(remote) => return Ok((n, remote)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Answers this offer: the chosen codec and telephone events, every other medium switched off, and hold
    /// answered as hold.
    ///
    /// # Errors
    /// As [`remote`](Self::remote).
    pub fn answer(&self, local: SocketAddr, origin: Origin) -> Result<(String, RemoteMedia), SdpError> {
        let (chosen, remote) = self.audio()?;
        let mut sdp = head(local.ip(), origin);
        for (n, media) in self.media.iter().enumerate() {
            if n == chosen {
                let codecs = [(remote.payload_type, remote.codec)];
                audio(
                    &mut sdp,
                    local.port(),
                    &codecs,
                    remote.dtmf_payload_type,
                    remote.direction.reversed(),
                );
            } else {
                let formats = if media.formats.is_empty() {
                    "0".to_owned()
                } else {
                    media.formats.join(" ")
                };
                let _ = write!(sdp, "m={} 0 {} {formats}\r\n", media.kind, media.proto);
            }
        }
        Ok((sdp, remote))
    }
}

/// Our offer: PCMU, PCMA and telephone events.
pub fn offer(local: SocketAddr, origin: Origin, direction: Direction) -> String {
    let mut sdp = head(local.ip(), origin);
    let codecs = [Codec::Pcmu, Codec::Pcma].map(|c| (c.payload_type(), c));
    audio(&mut sdp, local.port(), &codecs, Some(OFFERED_DTMF), direction);
    sdp
}

fn head(ip: IpAddr, origin: Origin) -> String {
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let Origin { id, version } = origin;
    format!("v=0\r\no=jackfield {id} {version} IN {family} {ip}\r\ns=call\r\nc=IN {family} {ip}\r\nt=0 0\r\n")
}

fn audio(sdp: &mut String, port: u16, codecs: &[(u8, Codec)], dtmf: Option<u8>, direction: Direction) {
    let _ = write!(sdp, "m=audio {port} RTP/AVP");
    for number in codecs.iter().map(|(n, _)| *n).chain(dtmf) {
        let _ = write!(sdp, " {number}");
    }
    sdp.push_str("\r\n");
    for (number, codec) in codecs {
        let _ = write!(sdp, "a=rtpmap:{number} {}/8000\r\n", codec.name());
    }
    if let Some(number) = dtmf {
        let _ = write!(
            sdp,
            "a=rtpmap:{number} telephone-event/8000\r\na=fmtp:{number} 0-15\r\n"
        );
    }
    let direction = match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    };
    let _ = write!(sdp, "a=ptime:20\r\na={direction}\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin { id: 7, version: 1 };

    fn local() -> SocketAddr {
        "192.0.2.9:4000".parse().unwrap()
    }

    #[test]
    fn an_offer_is_answered_line_by_line() {
        let offer = "v=0\r\no=a 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
            m=video 9000 RTP/AVP 99\r\nm=audio 8000 RTP/AVP 18 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n\
            a=sendonly\r\n";
        let (answer, remote) = parse(offer.as_bytes()).unwrap().answer(local(), ORIGIN).unwrap();
        assert_eq!(
            remote,
            RemoteMedia {
                addr: "10.0.0.1:8000".parse().unwrap(),
                codec: Codec::Pcma,
                payload_type: 8,
                dtmf_payload_type: Some(96),
                direction: Direction::SendOnly,
            }
        );
        let tail = answer.split("t=0 0\r\n").nth(1).unwrap();
        assert_eq!(
            tail,
            "m=video 0 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\na=ptime:20\r\na=recvonly\r\n"
        );
    }

    #[test]
    fn our_own_offer_can_be_answered_by_ourselves() {
        let offer = offer(local(), ORIGIN, Direction::SendRecv);
        let (answer, remote) = parse(offer.as_bytes()).unwrap().answer(local(), ORIGIN).unwrap();
        assert_eq!(remote.codec, Codec::Pcmu);
        let back = parse(answer.as_bytes()).unwrap().remote().unwrap();
        assert_eq!((back.addr, back.dtmf_payload_type), (local(), Some(OFFERED_DTMF)));
    }

    #[test]
    fn the_old_hold_and_a_media_connection_line_are_understood() {
        let sdp = "v=0\nc=IN IP4 10.0.0.1\nm=audio 8000 RTP/AVP 0\nc=IN IP4 0.0.0.0\n";
        let remote = parse(sdp.as_bytes()).unwrap().remote().unwrap();
        assert!(remote.direction.is_hold() && remote.addr.ip().is_unspecified());
    }

    #[test]
    fn errors_name_the_line() {
        let of = |body: &str| parse(body.as_bytes()).and_then(|d| d.remote()).unwrap_err();
        assert_eq!(of(""), SdpError::NotSdp);
        assert_eq!(
            of("v=0\nm=audio 8000 RTP/AVP 18\nc=IN IP4 10.0.0.1"),
            SdpError::NoCommonCodec
        );
        assert_eq!(
            of("v=0\nm=audio 0 RTP/AVP 0\nc=IN IP4 10.0.0.1"),
            SdpError::NoAudio
        );
        assert_eq!(
            of("v=0\nm=audio 1 RTP/SAVP 0\nc=IN IP4 10.0.0.1"),
            SdpError::NoAudio
        );
        assert!(of("v=0\nm=audio").to_string().contains("m=<media> <port>"));
        assert!(
            of("v=0\nc=IN IP4 host.example")
                .to_string()
                .contains("an IP address, not a name")
        );
        assert!(
            of("v=0\nm=audio 1 RTP/AVP 0")
                .to_string()
                .contains("connection line")
        );
        assert!(
            of("v=0\nm=audio 1 RTP/AVP 0\na=rtpmap:x")
                .to_string()
                .contains("a=rtpmap:")
        );
        assert_eq!(
            of(&format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(17))),
            SdpError::TooLarge
        );
    }
}
