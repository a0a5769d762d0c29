//! Policy: what the caller can get wrong or the machine can refuse is an error that names the field
//! and what was expected. Orders to a leg that is gone are no error: a call may end at any moment.

use std::io;

/// Why the media engine could not do something.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The options are unusable.
    #[error("{field} is {value}: expected {expected}")]
    Options {
        /// Which option.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// Every port pair of `rtp_ports` is in use.
    #[error("all {pairs} port pairs of rtp_ports are in use: widen the range or answer 503")]
    PortsUsedUp {
        /// How many pairs the range has.
        pairs: usize,
    },
    /// Only two legs of one interaction can be bridged.
    #[error("legs {0} and {1} cannot be bridged: expected two legs of one interaction")]
    NotBridgeable(jackfield_types::LegId, jackfield_types::LegId),
    /// A socket could not be opened.
    #[error("media socket on {addr}: {source}")]
    Socket {
        /// The address wished for.
        addr: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("media worker thread: {0}")]
    Thread(io::Error),
}
