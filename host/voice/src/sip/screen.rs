//! Datagrams that the stack would pass over in silence are answered here, as RFC 3261 wants it (8.2, 16.3, 18.3, 21.4).

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
};

use rsipstack::{
    platform,
    sip::{Method, Request, SipMessage, Version, prelude::HeadersExt},
    transaction::key::{TransactionKey, TransactionRole},
};
use tokio::net::UdpSocket;

use super::requests::METHODS;

/// A socket that hands on what the stack can read, and refuses the other requests.
pub(super) struct Screened(pub(super) UdpSocket);

#[async_trait::async_trait]
impl platform::net::UdpSocket for Screened {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            let (length, from) = self.0.recv_from(buffer).await?;
            let datagram = buffer.get(..length).unwrap_or_default();
            let Err(refusal) = read(datagram) else {
                return Ok((length, from));
            };
            tracing::debug!(%from, status = refusal.status, why = refusal.why, "SIP request refused");
            if let Some(answer) = refusal.answer(datagram, from) {
                // Who sent it may be gone; nothing depends on it.
                self.0.send_to(answer.as_bytes(), from).await.ok();
            }
        }
    }

    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.0.send_to(datagram, to).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }
}

/// Why a request is not taken. The reason phrase tells its sender what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) why: &'static str,
}

const fn refusal(status: u16, why: &'static str) -> Refusal {
    Refusal { status, why }
}

/// What is wrong with a request that can be read, by whatever transport it came.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    if request.version != Version::V2 {
        return Err(refusal(505, "Version Not Supported, Expected SIP/2.0"));
    }
    let cseq = request.cseq_header().and_then(|cseq| cseq.method());
    if cseq.is_ok_and(|method| method != request.method) {
        return Err(refusal(400, "CSeq Names Another Method Than The Request"));
    }
    Ok(())
}

/// Whether the stack can do something with a datagram. Responses and what keeps a way through NAT open pass.
fn read(datagram: &[u8]) -> Result<(), Refusal> {
    if datagram.starts_with(b"SIP/") || datagram.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let request = match SipMessage::try_from(datagram) {
        Ok(SipMessage::Request(request)) => request,
        Ok(SipMessage::Response(_)) => return Ok(()),
        Err(_) => return Err(unreadable(datagram)),
    };
    check(&request)?;
    // Without the header the body reaches to the datagram's end (18.3), but for the stack there is none.
    let has_body = || !datagram.ends_with(b"\r\n\r\n");
    match request.header_value("Content-Length") {
        Some(length) if length.trim().parse() != Ok(request.body.len()) => {
            return Err(refusal(400, "Content-Length Is Not That Of The Body"));
        }
        None if has_body() => return Err(refusal(400, "Content-Length Expected")),
        _ => {}
    }
    TransactionKey::from_request(&request, TransactionRole::Server)
        .map_err(|_| refusal(400, "Via, From With Tag, To, Call-ID And CSeq Expected"))?;
    Ok(())
}

/// What is wrong with a request that the stack can't read.
fn unreadable(datagram: &[u8]) -> Refusal {
    let line = lines(datagram).next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, version) = (
        words.next().unwrap_or_default(),
        words.next_back().unwrap_or_default(),
    );
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    if version.starts_with("SIP/") && version != "SIP/2.0" {
        refusal(505, "Version Not Supported, Expected SIP/2.0")
    } else if version == "SIP/2.0" && method.chars().all(is_token) && method.parse::<Method>().is_err() {
        refusal(405, "Method Not Allowed")
    } else {
        refusal(400, "Request Can't Be Read")
    }
}

/// The lines up to the empty one, as far as they are text.
fn lines(datagram: &[u8]) -> impl Iterator<Item = &str> {
    datagram
        .split(|byte| *byte == b'\n')
        .map_while(|line| std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok())
        .take_while(|line| !line.is_empty())
}

impl Refusal {
    /// The response, with the headers that it has to repeat. `None` for an ACK, which gets none, and where there is no
    /// Via: what has none is no SIP.
    fn answer(&self, datagram: &[u8], from: SocketAddr) -> Option<String> {
        let mut head = lines(datagram);
        if head.next()?.starts_with("ACK ") {
            return None;
        }
        let mut answer = format!("SIP/2.0 {} {}\r\n", self.status, self.why);
        let mut has_via = false;
        for line in head {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "via" | "v" => {
                    let via = if has_via {
                        value.to_owned()
                    } else {
                        received(value, from)
                    };
                    write!(answer, "Via: {via}\r\n").ok()?;
                    has_via = true;
                }
                "from" | "f" => write!(answer, "From: {value}\r\n").ok()?,
                "to" | "t" if value.contains(";tag=") => write!(answer, "To: {value}\r\n").ok()?,
                "to" | "t" => write!(answer, "To: {value};tag={}\r\n", tag(datagram)).ok()?,
                "call-id" | "i" => write!(answer, "Call-ID: {value}\r\n").ok()?,
                "cseq" => write!(answer, "CSeq: {value}\r\n").ok()?,
                _ => {}
            }
        }
        if self.status == 405 {
            write!(answer, "Allow: {METHODS}\r\n").ok()?;
        }
        answer += "Content-Length: 0\r\n\r\n";
        has_via.then_some(answer)
    }
}

/// The topmost Via with the address that the request came from (RFC 3581).
fn received(via: &str, from: SocketAddr) -> String {
    let (first, others) = via
        .split_once(',')
        .map_or((via, None), |(first, rest)| (first, Some(rest)));
    let mut out: Vec<String> = first
        .split(';')
        .map(|part| match part.trim() {
            part if part.eq_ignore_ascii_case("rport") => format!("rport={}", from.port()),
            part => part.to_owned(),
        })
        .collect();
    out.push(format!("received={}", from.ip()));
    match others {
        Some(others) => format!("{},{others}", out.join(";")),
        None => out.join(";"),
    }
}

/// The same for each copy of a request, as nothing is kept of it (RFC 3261, 8.2.7).
fn tag(datagram: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    datagram.hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:1000@b>\r\nCall-ID: one\r\n";

    fn refused(start: &str, rest: &str) -> (u16, Option<String>) {
        let datagram = format!("{start}\r\n{HEAD}{rest}");
        let refusal = read(datagram.as_bytes()).unwrap_err();
        let from = "198.51.100.7:40000".parse().unwrap();
        (refusal.status, refusal.answer(datagram.as_bytes(), from))
    }

    #[test]
    fn what_can_be_read_passes() {
        for datagram in [
            "\r\n\r\n".to_owned(),
            "SIP/2.0 200 OK\r\n\r\n".to_owned(),
            format!("OPTIONS sip:1000@b SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n\r\n"),
            format!("OPTIONS sip:1000@b SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\nl: 2\r\n\r\nab"),
        ] {
            assert_eq!(read(datagram.as_bytes()), Ok(()), "{datagram}");
        }
    }

    #[test]
    fn what_cannot_is_refused_with_what_was_expected() {
        let rest = "CSeq: 1 OPTIONS\r\n\r\n";
        let cases = [
            ("JUMP sip:1000@b SIP/2.0", "CSeq: 1 JUMP\r\n\r\n", 405),
            ("OPTIONS sip:1000@b SIP/3.0", rest, 505),
            ("OPTIONS sip:1000@b SIP/two", rest, 505),
            ("OPTIONS sip:1000@b", rest, 400),
            ("OPTIONS sip:1000@b SIP/2.0", "CSeq: 1 INVITE\r\n\r\n", 400),
            (
                "OPTIONS sip:1000@b SIP/2.0",
                "CSeq: 99999999999 OPTIONS\r\n\r\n",
                400,
            ),
            ("OPTIONS sip:1000@b SIP/2.0", "\r\n", 400),
            ("OPTIONS sip:1000@b SIP/2.0", "CSeq: 1 OPTIONS\r\n", 400),
            (
                "OPTIONS sip:1000@b SIP/2.0",
                "CSeq: 1 OPTIONS\r\nContent-Length: 9\r\n\r\nab",
                400,
            ),
            ("OPTIONS sip:1000@b SIP/2.0", "CSeq: 1 OPTIONS\r\n\r\nab", 400),
            (
                "OPTIONS sip:1000@b SIP/2.0",
                "CSeq: 1 OPTIONS\r\nContent-Length: x\r\n\r\n",
                400,
            ),
        ];
        for (start, rest, status) in cases {
            let (got, answer) = refused(start, rest);
            assert_eq!(got, status, "{start} {rest}");
            let answer = answer.unwrap();
            assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{answer}");
            assert!(
                answer.contains(
                    "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport=40000;received=198.51.100.7\r\n"
                ),
                "{answer}"
            );
            assert!(
                answer.contains("To: <sip:1000@b>;tag=") && answer.contains("Call-ID: one"),
                "{answer}"
            );
            assert_eq!(answer.contains("Allow: INVITE"), status == 405, "{answer}");
            assert_eq!(
                refused(start, rest).1,
                Some(answer),
                "a copy gets the same answer"
            );
        }
    }

    #[test]
    fn an_ack_and_what_is_no_sip_get_no_answer() {
        assert_eq!(
            refused("ACK sip:1000@b SIP/2.0", "CSeq: 1 INVITE\r\n\r\n").1,
            None
        );
        let from = "198.51.100.7:40000".parse().unwrap();
        for datagram in [
            &b"hello"[..],
            b"\xff\xfe\x00",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            assert_eq!(read(datagram).unwrap_err().answer(datagram, from), None);
        }
    }
}
