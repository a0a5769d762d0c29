//! SIP written by hand.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::UdpSocket, time::timeout};

use crate::support::NUMBER;

pub(crate) const SDP: &str = "v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 9 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// A socket that sends what it is told.
pub(crate) struct Raw {
    pub(crate) socket: UdpSocket,
    server: SocketAddr,
}

/// A request of one call; `number` makes Call-ID, tag and branch.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) number: u32,
    pub(crate) cseq: u32,
    pub(crate) branch: u32,
    pub(crate) to_tag: String,
    pub(crate) headers: String,
    pub(crate) contact: Option<&'static str>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn new(method: &'static str, number: u32) -> Self {
        Self {
            method,
            number,
            cseq: 1,
            branch: 0,
            to_tag: String::new(),
            headers: String::new(),
            contact: Some(""),
            body: String::new(),
        }
    }

    pub(crate) fn invite(number: u32) -> Self {
        Self::new("INVITE", number).sdp(SDP)
    }

    pub(crate) fn sdp(mut self, sdp: &str) -> Self {
        self.headers += "Content-Type: application/sdp\r\n";
        self.body = sdp.to_owned();
        self
    }

    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers += header;
        self.headers += "\r\n";
        self
    }

    pub(crate) fn text(&self, local: SocketAddr) -> String {
        let Self {
            method,
            number,
            cseq,
            branch,
            to_tag,
            headers,
            body,
            ..
        } = self;
        let contact = match self.contact {
            Some("") => format!("Contact: <sip:raw@{local}>\r\n"),
            Some(contact) => format!("Contact: {contact}\r\n"),
            None => String::new(),
        };
        let tag = if to_tag.is_empty() {
            String::new()
        } else {
            format!(";tag={to_tag}")
        };
        format!(
            "{method} sip:{NUMBER}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number}x{branch}x{cseq}{method};rport\r\n\
             From: <sip:+42@127.0.0.1>;tag=f{number}\r\nTo: <sip:{NUMBER}@127.0.0.1>{tag}\r\nCall-ID: raw{number}\r\n\
             CSeq: {cseq} {method}\r\n{contact}Max-Forwards: 70\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Raw {
    pub(crate) async fn new(server: SocketAddr) -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            server,
        }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(crate) async fn send_bytes(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).await.unwrap();
    }

    pub(crate) async fn send(&self, request: &Request) {
        self.send_bytes(request.text(self.local()).as_bytes()).await;
    }

    /// The next final response to a call, or a request in it.
    pub(crate) async fn final_of(&self, number: u32) -> String {
        let call = format!("Call-ID: raw{number}\r\n");
        let found = async {
            loop {
                let text = self.receive().await;
                if text.contains(&call) && !text.starts_with("SIP/2.0 1") {
                    return text;
                }
            }
        };
        timeout(Duration::from_secs(10), found)
            .await
            .unwrap_or_else(|_| panic!("no final response to call {number}"))
    }

    pub(crate) async fn receive(&self) -> String {
        let mut buffer = [0; 65_536];
        let size = self.socket.recv(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..size]).into_owned()
    }

    pub(crate) async fn answer_to(&self, request: &Request) -> String {
        self.send(request).await;
        self.final_of(request.number).await
    }
}

/// The tag of To.
pub(crate) fn to_tag(response: &str) -> String {
    let to = response
        .lines()
        .find(|line| line.starts_with("To:"))
        .unwrap_or_default();
    to.split("tag=").nth(1).unwrap_or_default().to_owned()
}
