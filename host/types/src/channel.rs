use serde::{Deserialize, Serialize};

/// How a customer reaches the firm. The set is closed for a version of the plugin contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A telephone call.
    Voice,
    /// Web chat.
    Chat,
    /// Short message.
    Sms,
    /// E-mail.
    Email,
    /// A social network or messenger, for example a WeChat Official Account.
    Social,
}

impl Channel {
    /// All channels, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Voice, Self::Chat, Self::Sms, Self::Email, Self::Social];

    /// The name used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Social => "social",
        }
    }

    /// Whether who writes may wait hours for an answer: e-mail alone. Messengers are read at once.
    pub const fn is_asynchronous(self) -> bool {
        matches!(self, Self::Email)
    }

    /// Whether it is written: everything but calls.
    pub const fn is_written(self) -> bool {
        !matches!(self, Self::Voice)
    }
}
