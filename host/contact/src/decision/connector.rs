use std::sync::Arc;

use jackfield_types::Timestamp;
use serde::{Deserialize, Serialize};

/// What a connector is asked to translate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorQuestion {
    /// A request of the provider, whose signature the host has checked.
    Receive(Webhook),
    /// A message to be sent.
    Render(OutgoingMessage),
    /// The provider's response to a request that the connector described.
    Conclude(ProviderResponse),
}

/// What a connector answered; its variant fits the question's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorAnswer {
    /// What the provider's request says.
    Received(Received),
    /// The request that sends the message.
    Rendered(ProviderRequest),
    /// What came of the request.
    Concluded(Conclusion),
}

/// A request of the provider, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// `GET` or `POST`.
    pub method: Arc<str>,
    /// Parameters of the query, decoded.
    pub query: Vec<(Arc<str>, Arc<str>)>,
    /// Headers without credentials; names in lower case.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The body.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// What a provider's request says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Received {
    /// Messages, oldest first; at most 100.
    pub messages: Vec<IncomingMessage>,
    /// Receipts; at most 100.
    pub receipts: Vec<Receipt>,
    /// What the provider gets as answer; `None`: 200 without a body.
    pub reply: Option<Reply>,
}

/// A customer's message, as a provider told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// The provider's id.
    pub id: Arc<str>,
    /// The customer's address on the channel.
    pub sender: Arc<str>,
    /// The firm's address on the channel; may be empty.
    pub recipient: Arc<str>,
    /// The name that the customer goes by.
    pub sender_name: Option<Arc<str>>,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The text; empty only with attachments.
    pub text: Arc<str>,
    /// What came with it; at most 16.
    pub attachments: Vec<LinkedAttachment>,
    /// Whether the host has cut its text, or left attachments out, since there was too much of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Something that came with a message and lies with the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedAttachment {
    /// Its name; may be empty.
    pub name: Arc<str>,
    /// The media type.
    pub media_type: Arc<str>,
    /// The `https` address.
    pub url: Arc<str>,
}

/// The provider's word about a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's id of the message.
    pub id: Arc<str>,
    /// How far it has come.
    pub delivery: Delivery,
    /// When.
    pub at: Option<Timestamp>,
    /// The provider's code for a failure.
    pub reason: Option<Arc<str>>,
}

/// How far a message to a customer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The provider has handed it on.
    Sent,
    /// The customer's device has it.
    Delivered,
    /// The customer has read it.
    Read,
    /// It will not arrive.
    Failed,
}

/// What a provider gets as answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The media type of the body; empty for none.
    pub content_type: Arc<str>,
    /// The body, at most 16 KiB.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// A message to a customer, to be put into a provider's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// The host's id of this message; the same when it is tried again.
    pub id: Arc<str>,
    /// The firm's address on the channel.
    pub sender: Arc<str>,
    /// The customer's address on the channel.
    pub recipient: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// Choices, at most 10: what is shown, and what comes back.
    pub choices: Vec<(Arc<str>, Arc<str>)>,
    /// The provider's id of the customer's message that this answers.
    pub in_reply_to: Option<Arc<str>>,
}

/// A request that the host is to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRequest {
    /// How to ask.
    pub method: Method,
    /// An `https` address without user, query and fragment.
    pub url: Arc<str>,
    /// Parameters of the query, not encoded.
    pub query: Vec<(Arc<str>, FieldValue)>,
    /// Headers; names in lower case.
    pub headers: Vec<(Arc<str>, FieldValue)>,
    /// The body, at most 48 KiB.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// How to ask a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Read.
    Get,
    /// Send.
    Post,
    /// Replace.
    Put,
}

/// A value of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldValue {
    /// As it is.
    Text(Arc<str>),
    /// Filled in by the host.
    Secret {
        /// The name that the administrator gave the secret.
        name: Arc<str>,
        /// Put before it.
        prefix: Arc<str>,
    },
}

/// The provider's response to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderResponse {
    /// The id of the message that was sent.
    pub message: Arc<str>,
    /// The HTTP status.
    pub status: u16,
    /// Headers without cookies; names in lower case.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The body.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// The provider took the message; with its id for it.
    Accepted(Arc<str>),
    /// The provider did not take it.
    Rejected {
        /// A stable code.
        code: Arc<str>,
        /// For people.
        message: Arc<str>,
        /// Whether it may be tried again later.
        retryable: bool,
    },
}
