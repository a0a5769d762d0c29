//! A small SIP phone, built from the same parts as the other side: for demonstrations, tests and load.

mod call;
mod heard;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use call::{PhoneCall, PhoneEvent};
pub use heard::tone_level;

/// How SIP messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// One connection, kept open.
    Tcp,
}

/// How a [`Softphone`] is set up.
#[derive(Debug, Clone)]
pub struct SoftphoneOptions {
    /// Where its SIP server is.
    pub server: SocketAddr,
    /// How it talks to the server.
    pub transport: Transport,
    /// Its user name: `{agent}.{tenant}` for an agent's phone, a number for a customer's.
    pub user: String,
    /// The name that it shows when it calls.
    pub display_name: Option<String>,
    /// The password of an agent's phone.
    pub password: Option<String>,
    /// The local address of its sockets.
    pub ip: IpAddr,
    /// How much of what it hears is kept of each call, from the answer on.
    pub keep_heard: Duration,
}

/// What went wrong with a [`Softphone`].
#[derive(Debug, thiserror::Error)]
pub enum SoftphoneError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] crate::VoiceError),
    /// The server refused.
    #[error("{request} was answered with {status}")]
    Refused {
        /// Which request.
        request: &'static str,
        /// The final SIP status.
        status: u16,
    },
    /// No answer came, or the request could not be sent.
    #[error("{request} got no answer: {reason}")]
    NoAnswer {
        /// Which request.
        request: &'static str,
        /// What happened.
        reason: String,
    },
    /// The call is over.
    #[error("the call has ended")]
    Ended,
}
