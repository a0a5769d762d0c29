//! What happens with cases, and with links that help a customer from afar. Nothing here says anything of a person.

use jackfield_types::{CaseOwner, CategoryId, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

/// How a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// Somebody sees to it.
    Open,
    /// It waits for the customer, or for a part.
    Waiting,
    /// Done; the customer may say that it is not.
    Resolved,
    /// Over.
    Closed,
}

impl CaseStatus {
    /// `open`, `waiting`, `resolved` or `closed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }

    /// Whether nobody has to see to it any more.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

/// What happened with a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseChange {
    /// It was opened.
    Opened {
        /// In which category.
        category: CategoryId,
        /// Who sees to it.
        owner: CaseOwner,
    },
    /// Another interaction has to do with it.
    Continued(InteractionId),
    /// It is open, waits, or is over.
    Status(CaseStatus),
    /// It was handed over.
    HandedOver {
        /// By whom.
        from: CaseOwner,
        /// To whom.
        to: CaseOwner,
    },
    /// The customer was promised to have it by then.
    Promised(Timestamp),
    /// The owner was reminded of the promise.
    Reminded,
    /// The promised moment came before the case was resolved.
    PromiseBroken,
    /// It went to somebody else, since the promise was broken.
    Escalated {
        /// By whom it was seen to before.
        from: CaseOwner,
        /// To whom.
        to: CaseOwner,
        /// Which step of the category's that was, from 1.
        step: u32,
    },
    /// A note was written.
    Noted {
        /// Whether the customer sees it.
        visible: bool,
    },
    /// The customer can look at how it stands, by a link.
    LinkMade,
    /// That link leads nowhere any more.
    LinkRevoked,
}

/// What happened with a link for remote assistance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssistanceStep {
    /// It was made for the customer.
    Offered,
    /// Its page was opened for the first time.
    Opened,
    /// The customer followed it for the first time: went to the page that it leads to, or took the file.
    Done,
    /// It leads nowhere any more.
    Revoked,
    /// The provider of a channel took the short message with which it goes to the customer of a call.
    Sent,
    /// That message was given up.
    Unsent,
}

impl AssistanceStep {
    /// `offered`, `opened`, `done`, `revoked`, `sent` or `unsent`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Opened => "opened",
            Self::Done => "done",
            Self::Revoked => "revoked",
            Self::Sent => "sent",
            Self::Unsent => "unsent",
        }
    }
}

/// The change in a few words, for lists and logs.
impl std::fmt::Display for CaseChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened { category, owner } => write!(f, "opened ({category}), for {owner}"),
            Self::Continued(interaction) => write!(f, "goes on in interaction {interaction}"),
            Self::Status(status) => f.write_str(status.as_str()),
            Self::HandedOver { from, to } => write!(f, "handed over from {from} to {to}"),
            Self::Promised(at) => write!(f, "promised for {at}"),
            Self::Reminded => f.write_str("owner reminded of the promise"),
            Self::PromiseBroken => f.write_str("promise broken"),
            Self::Escalated { from, to, step } => write!(f, "escalated ({step}) from {from} to {to}"),
            Self::Noted { visible: true } => f.write_str("note for the customer"),
            Self::Noted { visible: false } => f.write_str("internal note"),
            Self::LinkMade => f.write_str("the customer has a link"),
            Self::LinkRevoked => f.write_str("the customer's link is revoked"),
        }
    }
}
