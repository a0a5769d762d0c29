use std::time::Duration;

use rsipstack::sip::{
    Header, Request,
    headers::{Require, SessionExpires, Supported},
    prelude::HeadersExt,
};
use tokio::time::Instant;

/// The shortest session interval accepted, in seconds; a shorter wish is answered with 422 (RFC 4028).
pub(super) const MIN_SE: u32 = 90;
/// The longest session interval kept, in seconds.
const MAX_SE: u32 = 7_200;

/// A session timer as negotiated with the peer, who asked for it (RFC 4028). We never ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionTimer {
    seconds: u32,
    /// Whether it is our turn to refresh.
    ours: bool,
}

/// What a request says about session timers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    Timer(SessionTimer),
    /// Shorter than [`MIN_SE`].
    TooSmall,
}

impl SessionTimer {
    /// Reads the wish of an INVITE or UPDATE. Unreadable is no wish: the call works without.
    pub(super) fn wish(request: &Request) -> Wish {
        let Some(header) = request.session_expires_header() else {
            return Wish::None;
        };
        let mut parts = header.value().split(';').map(str::trim);
        let Some(seconds) = parts.next().and_then(|s| s.parse::<u32>().ok()) else {
            return Wish::None;
        };
        if !request.header_contains_token("Supported", "timer") {
            return Wish::None;
        }
        if seconds < MIN_SE {
            return Wish::TooSmall;
        }
        let ours = parts.any(|p| p.eq_ignore_ascii_case("refresher=uas"));
        Wish::Timer(Self {
            seconds: seconds.min(MAX_SE),
            ours,
        })
    }

    /// The headers of the 2xx.
    pub(super) fn answer(self) -> Vec<Header> {
        let refresher = if self.ours { "uas" } else { "uac" };
        vec![
            Header::Supported(Supported::new("timer")),
            Header::Require(Require::new("timer")),
            Header::SessionExpires(SessionExpires::new(format!(
                "{};refresher={refresher}",
                self.seconds
            ))),
        ]
    }

    /// The headers of our own refresh.
    pub(super) fn refresh(self) -> Vec<Header> {
        vec![
            Header::Supported(Supported::new("timer")),
            Header::SessionExpires(SessionExpires::new(format!("{};refresher=uac", self.seconds))),
        ]
    }

    /// Whether we refresh; when not, the session ends unless the peer does.
    pub(super) const fn is_ours(self) -> bool {
        self.ours
    }

    /// When something is due: our refresh at half of the interval, or the end of a session that the peer has not
    /// refreshed, a little before the interval is over.
    pub(super) fn due(self) -> Instant {
        let seconds = if self.ours {
            self.seconds / 2
        } else {
            self.seconds - (self.seconds / 3).min(32)
        };
        Instant::now() + Duration::from_secs(seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(headers: &str) -> Wish {
        let text = format!(
            "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:1@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        SessionTimer::wish(&Request::try_from(text.as_str()).unwrap())
    }

    #[test]
    fn wishes_are_read() {
        assert_eq!(wish(""), Wish::None);
        assert_eq!(
            wish("Session-Expires: 1800\r\n"),
            Wish::None,
            "the peer would not refresh"
        );
        assert_eq!(wish("Supported: timer\r\nSession-Expires: x\r\n"), Wish::None);
        assert_eq!(
            wish("Supported: timer\r\nSession-Expires: 60\r\n"),
            Wish::TooSmall
        );
        assert_eq!(
            wish("Supported: 100rel, timer\r\nSession-Expires: 1800\r\n"),
            Wish::Timer(SessionTimer {
                seconds: 1_800,
                ours: false
            })
        );
        assert_eq!(
            wish("Supported: timer\r\nSession-Expires: 99999;refresher=uas\r\n"),
            Wish::Timer(SessionTimer {
                seconds: MAX_SE,
                ours: true
            })
        );
    }

    #[test]
    fn the_answer_names_the_refresher() {
        let headers = SessionTimer {
            seconds: 90,
            ours: false,
        }
        .answer();
        assert!(
            headers
                .iter()
                .any(|h| h.to_string() == "Session-Expires: 90;refresher=uac"),
            "{headers:?}"
        );
    }
}
