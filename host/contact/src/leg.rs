//! What the core orders of a leg, and what a leg reports. Media and sockets are somebody else's business.

use std::sync::Arc;

use jackfield_types::{LegId, Timestamp};
use serde::{Deserialize, Serialize};

/// Names one order within its interaction, so that an order sent twice is carried out once.
pub type ActionId = u32;

/// One piece of sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prompt {
    /// A file of the tenant's prompt library, by name.
    File(Arc<str>),
    /// Text to be spoken.
    Speech {
        /// What to say, at most 2,048 bytes.
        text: Arc<str>,
        /// BCP 47 language tag, for example `zh-CN`.
        language: Arc<str>,
    },
    /// Nothing, for so many milliseconds.
    Silence(u32),
    /// The built-in hold music; has no end of its own.
    HoldMusic,
}

/// An order to one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegCommand {
    /// Answer an incoming call (200 OK with SDP).
    Answer,
    /// Place a call to an agent's registered phone. Reports `Ringing`, then `Answered` or `Ended`.
    DialAgent {
        /// The agent; voice knows where the agent's phone is registered.
        agent: jackfield_types::AgentId,
        /// Shown to the agent as the caller.
        caller: Arc<str>,
    },
    /// Place a call to a customer's number through the trunk; the leg is the customer's. Reports like `DialAgent`.
    DialNumber {
        /// The number, E.164.
        number: Arc<str>,
        /// The tenant's own number, shown to the customer as the caller.
        caller: Arc<str>,
    },
    /// Play prompts one after the other, replacing what is playing. Reports `PlayFinished`.
    Play {
        /// What to play, in order.
        prompts: Vec<Prompt>,
        /// A digit ends it at once (barge-in).
        barge_in: bool,
    },
    /// Stop what is playing. Reports nothing.
    StopPlay,
    /// Connect the sound of two legs of one interaction, both ways. Ends what they were playing.
    Bridge {
        /// The other leg.
        with: LegId,
    },
    /// End a bridge; both legs stay, silent.
    Unbridge,
    /// Record this (the customer's) leg on the left channel and whoever is bridged to it on the right.
    StartRecording,
    /// Close the recording. Reports `Recorded` or `RecordingFailed`. Also done by itself when the leg ends.
    StopRecording,
    /// End the leg in whatever state it is: BYE, CANCEL or a final response. Reports `Ended`.
    HangUp {
        /// Why.
        cause: Cause,
    },
}

/// Why a leg was, or is to be, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// One side hung up after the call was answered.
    Normal,
    /// The caller gave up before the call was answered (CANCEL).
    Cancelled,
    /// Busy (486, 600).
    Busy,
    /// Refused by the person (603, 403…).
    Declined,
    /// Nobody answered in time (408, 480, 487 after our time-out).
    NoAnswer,
    /// The phone is not registered or can't be reached (404, 410, 5xx, transport error).
    Unreachable,
    /// No such number here (404).
    UnknownNumber,
    /// A limit was reached or the system is shutting down (503).
    Overloaded,
    /// No packet came for too long, or the two sides share no codec.
    MediaFailed,
}

/// What happened on a leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegEvent {
    /// The called phone rings.
    Ringing,
    /// The leg is answered and has media.
    Answered,
    /// One digit: `0`-`9`, `*`, `#`, `A`-`D`. Reported at its beginning, once.
    Digit(char),
    /// A `Play` came to its end, or was ended by a digit or by another order.
    PlayFinished {
        /// The `Play`; a finish that crosses the next `Play` is not taken for its own.
        action: ActionId,
        /// Whether it was cut short.
        interrupted: bool,
        /// Set when something could not be played: what, and what to do.
        failed: Option<Arc<str>>,
    },
    /// The peer put us on hold (re-INVITE with `sendonly` or `inactive`).
    Held,
    /// The peer took us back.
    Resumed,
    /// The leg is over; nothing follows but `Recorded` or `RecordingFailed`.
    Ended {
        /// Why.
        cause: Cause,
        /// The final SIP status, when there was one.
        sip_status: Option<u16>,
    },
    /// A recording is complete on disk.
    Recorded(Recording),
    /// A recording could not be made, or was lost: the file and the cause.
    RecordingFailed(Arc<str>),
}

/// A finished recording and what was heard in it. Times are milliseconds from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Where the WAV lies until it is taken into the blob store; two channels, 8 kHz, 16 bit:
    /// customer left, agent right.
    pub file: Arc<str>,
    /// When it began.
    pub started_at: Timestamp,
    /// Its length.
    pub length_ms: u64,
    /// What was heard.
    pub speech: Speech,
}

/// Who spoke how long, found by voice activity on the two channels, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Speech {
    /// The customer spoke.
    pub customer_ms: u64,
    /// The agent spoke.
    pub agent_ms: u64,
    /// Both spoke at once.
    pub talk_over_ms: u64,
    /// Neither spoke while they were connected (dead air).
    pub silence_ms: u64,
    /// How often the agent began to speak while the customer was speaking.
    pub interruptions: u32,
}
