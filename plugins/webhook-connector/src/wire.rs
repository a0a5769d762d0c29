//! The gateway's JSON, both ways. Fields that are not known are passed over: gateways grow.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) messages: Vec<Message>,
    pub(crate) receipts: Vec<Receipt>,
}

#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) to: String,
    pub(crate) name: Option<String>,
    pub(crate) at: Option<u64>,
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
pub(crate) struct Attachment {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    pub(crate) url: String,
}

#[derive(Deserialize)]
pub(crate) struct Receipt {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) at: Option<u64>,
    pub(crate) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Sent,
    Delivered,
    Read,
    Failed,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Outgoing<'a> {
    pub(crate) id: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) id: &'a str,
    pub(crate) label: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct Taken {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct Refused {
    pub(crate) error: Problem,
}

#[derive(Deserialize)]
pub(crate) struct Problem {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}
