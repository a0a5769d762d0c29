//! Policy: starting can fail, and says which option is wrong. After that nothing a peer or the core does is an
//! error of this interface: it becomes a SIP response and a `LegEvent`.

use std::net::SocketAddr;

/// Why the voice side did not start.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// A SIP socket could not be opened.
    #[error("{option} = {addr} can't be opened: {reason}")]
    Listen {
        /// Which option.
        option: &'static str,
        /// Its value.
        addr: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The address has to be one that peers can be told.
    #[error("{option} = {addr} is a wildcard: set external_ip to the address that phones reach")]
    Wildcard {
        /// Which option.
        option: &'static str,
        /// Its value.
        addr: SocketAddr,
    },
    /// A directory could not be made.
    #[error("{option} = {path} can't be made: {source}")]
    Directory {
        /// Which option.
        option: &'static str,
        /// Its value.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The media side did not start.
    #[error(transparent)]
    Media(#[from] crate::media::MediaError),
}
