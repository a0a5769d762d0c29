//! The channel connector of the conformance suite, in Rust.

use jackfield_plugin::channel_connector::{
    Attachment, ChannelConnector, Conclusion, Delivery, Error, Message, Method, Outgoing, Parameter, Receipt,
    Received, Rejection, Reply, Request, Response, Webhook,
};
use serde::{Deserialize, Serialize};

struct Rule;

#[derive(Deserialize)]
#[serde(default)]
struct Config {
    url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "https://provider.example/send".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    messages: Vec<Told>,
    receipts: Vec<State>,
}

#[derive(Deserialize)]
struct Told {
    id: String,
    from: String,
    to: String,
    name: Option<String>,
    at: Option<u64>,
    text: String,
    files: Vec<[String; 3]>,
}

#[derive(Deserialize)]
struct State {
    id: String,
    state: String,
    at: Option<u64>,
    code: Option<String>,
}

#[derive(Serialize)]
struct Sent<'a> {
    to: &'a str,
    text: &'a str,
    choices: Vec<[&'a str; 2]>,
}

impl ChannelConnector for Rule {
    type Config = Config;

    fn receive(_: &Config, webhook: &Webhook) -> Result<Received, Error> {
        if webhook.method == "GET" {
            let mut query = webhook.query.iter();
            let challenge = query.find(|field| field.name == "challenge");
            return Ok(Received {
                reply: Some(Reply {
                    status: if challenge.is_some() { 200 } else { 404 },
                    content_type: "text/plain".to_owned(),
                    body: challenge.map_or_else(Vec::new, |field| field.value.clone().into_bytes()),
                }),
                ..Received::default()
            });
        }
        let body: Body = serde_json::from_slice(&webhook.body)
            .map_err(|error| Error::new("bad-body", error.to_string()))?;
        Ok(Received {
            messages: body.messages.into_iter().map(message).collect(),
            receipts: body.receipts.into_iter().map(receipt).collect::<Result<_, _>>()?,
            reply: None,
        })
    }

    fn render(config: &Config, message: &Outgoing) -> Result<Request, Error> {
        let choices = message.choices.iter();
        let sent = Sent {
            to: &message.recipient,
            text: &message.text,
            choices: choices
                .map(|choice| [choice.name.as_str(), choice.value.as_str()])
                .collect(),
        };
        Ok(Request {
            method: match message.in_reply_to {
                Some(_) => Method::Put,
                None => Method::Post,
            },
            url: config.url.clone(),
            query: vec![
                Parameter::text("id", &message.id),
                Parameter::secret("key", "api-key", ""),
            ],
            headers: vec![
                Parameter::text("content-type", "application/json"),
                Parameter::secret("authorization", "token", "Bearer "),
            ],
            body: serde_json::to_vec(&sent).map_err(|error| Error::new("bad-text", error.to_string()))?,
        })
    }

    fn conclude(_: &Config, response: &Response) -> Result<Conclusion, Error> {
        if (200..300).contains(&response.status) {
            let mut headers = response.headers.iter();
            let id = headers.find(|header| header.name == "x-id");
            let id = id.map_or(&response.message, |header| &header.value);
            return Ok(Conclusion::Accepted(id.clone()));
        }
        let said = String::from_utf8(response.body.clone());
        Ok(Conclusion::Rejected(Rejection {
            code: format!("http-{}", response.status),
            message: said.unwrap_or_else(|_| format!("{} bytes", response.body.len())),
            retryable: response.status >= 500 || response.status == 429,
        }))
    }
}

fn message(told: Told) -> Message {
    let attachment = |[name, media_type, url]: [String; 3]| Attachment {
        name,
        media_type,
        url,
    };
    Message {
        id: told.id,
        sender: told.from,
        recipient: told.to,
        sender_name: told.name,
        at: told.at,
        text: told.text,
        attachments: told.files.into_iter().map(attachment).collect(),
    }
}

fn receipt(told: State) -> Result<Receipt, Error> {
    Ok(Receipt {
        delivery: match told.state.as_str() {
            "sent" => Delivery::Sent,
            "delivered" => Delivery::Delivered,
            "read" => Delivery::Read,
            "failed" => Delivery::Failed,
            other => return Err(Error::new("bad-state", other)),
        },
        id: told.id,
        at: told.at,
        reason: told.code,
    })
}

jackfield_plugin::channel_connector::register!(Rule);
