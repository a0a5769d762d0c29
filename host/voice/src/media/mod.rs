//! The sound of calls: RTP, jitter buffers, digits, prompts, bridges.
//!
//! The core (`session`, `leg` and what they use) does no input or output and takes the time as an argument;
//! the worker threads around it own the sockets and the clock.

mod dtmf;
mod engine;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod g711;
mod jitter;
mod leg;
mod loader;
mod player;
mod ports;
mod rtcp;
mod rtp;
pub mod sdp;
mod session;
mod source;
mod stats;
#[cfg(test)]
pub(crate) mod tone;
mod worker;

pub use engine::{Engine, EngineOptions, LocalMedia, MediaEvent, MediaSink, Source};
pub use error::MediaError;
pub use g711::Codec;
pub(crate) use ports::port_pairs;
pub use stats::{LATENESS_MS, Stats};

/// Samples in one second: everything inside is 8 kHz, 16 bit, mono.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in one frame of 20 ms.
pub const FRAME: usize = 160;

/// Twenty milliseconds of sound.
pub type Frame = [i16; FRAME];

/// Which way sound flows, seen from the side that says so in its SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Sends and hears.
    #[default]
    SendRecv,
    /// Sends, does not listen: the classic hold.
    SendOnly,
    /// Listens, does not send.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// Whether the side that says this sends sound.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the side that says this wants to hear something.
    pub const fn listens(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// What the other side answers to this, when it is willing to do everything.
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same => same,
        }
    }

    /// Whether this puts the other side on hold.
    pub const fn is_hold(self) -> bool {
        !self.listens()
    }
}

/// Where and how the peer takes its sound, as negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Where the peer says it listens. Packets follow the peer when it sends from elsewhere (NAT).
    pub addr: std::net::SocketAddr,
    /// G.711 µ-law or A-law, both ways.
    pub codec: Codec,
    /// The RTP payload type of `codec` that the peer expects.
    pub payload_type: u8,
    /// The payload type of `telephone-event/8000` that the peer expects; `None` when it takes none.
    pub dtmf_payload_type: Option<u8>,
    /// The peer's direction.
    pub direction: Direction,
}
