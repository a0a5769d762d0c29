//! Messages and receipts as plain JSON. Signatures are the host's business: what gets here has been verified.

#[cfg(test)]
mod tests;
mod wire;

use jackfield_plugin::channel_connector::{
    self, Attachment, ChannelConnector, Conclusion, Delivery, Error, Message, Method, Outgoing, Parameter,
    Receipt, Received, Rejection, Reply, Request, Response, Webhook,
};
use serde::Deserialize;

/// Read from JSON.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Where messages are posted.
    url: String,
    /// The name of the bearer token.
    secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            secret: "token".to_owned(),
        }
    }
}

struct JsonWebhook;

impl ChannelConnector for JsonWebhook {
    type Config = Config;

    fn receive(_: &Config, webhook: &Webhook) -> Result<Received, Error> {
        if webhook.method == "GET" {
            return handshake(webhook);
        }
        let said: wire::Said = serde_json::from_slice(&webhook.body)
            .map_err(|error| Error::new("bad-body", format!("the request's body: {error}")))?;
        Ok(Received {
            messages: said.messages.into_iter().map(message).collect(),
            receipts: said.receipts.into_iter().map(receipt).collect(),
            reply: None,
        })
    }

    fn render(config: &Config, message: &Outgoing) -> Result<Request, Error> {
        if config.url.is_empty() {
            return Err(Error::new(
                "bad-config",
                "url: expected where messages are posted",
            ));
        }
        let choices = message.choices.iter().map(|choice| wire::Choice {
            label: &choice.name,
            id: &choice.value,
        });
        let body = serde_json::to_vec(&wire::Outgoing {
            id: &message.id,
            from: &message.sender,
            to: &message.recipient,
            text: &message.text,
            choices: choices.collect(),
            reply_to: message.in_reply_to.as_deref(),
        })
        .map_err(|error| Error::new("bad-message", error.to_string()))?;
        Ok(Request {
            method: Method::Post,
            url: config.url.clone(),
            query: Vec::new(),
            headers: vec![
                Parameter::text("content-type", "application/json"),
                Parameter::text("idempotency-key", &message.id),
                Parameter::secret("authorization", &config.secret, "Bearer "),
            ],
            body,
        })
    }

    fn conclude(_: &Config, response: &Response) -> Result<Conclusion, Error> {
        if (200..300).contains(&response.status) {
            let taken: wire::Taken = serde_json::from_slice(&response.body)
                .map_err(|error| Error::new("bad-body", format!("the response's body: {error}")))?;
            return Ok(Conclusion::Accepted(taken.id));
        }
        // A gateway that is down answers with somebody else's page: then the status has to do.
        let refused = serde_json::from_slice::<wire::Refused>(&response.body).ok();
        let error = refused.map_or_else(
            || wire::Problem {
                code: format!("http-{}", response.status),
                message: String::new(),
            },
            |refused| refused.error,
        );
        Ok(Conclusion::Rejected(Rejection {
            code: error.code,
            message: error.message,
            retryable: response.status == 429 || response.status >= 500,
        }))
    }
}

/// The gateway asks whether somebody is there, and wants its challenge back.
fn handshake(webhook: &Webhook) -> Result<Received, Error> {
    let challenge = webhook.query.iter().find(|field| field.name == "challenge");
    let challenge = challenge
        .ok_or_else(|| Error::new("bad-query", "challenge: expected in the query of a GET request"))?;
    Ok(Received {
        reply: Some(Reply {
            status: 200,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: challenge.value.clone().into_bytes(),
        }),
        ..Received::default()
    })
}

fn message(said: wire::Message) -> Message {
    Message {
        id: said.id,
        sender: said.from,
        recipient: said.to,
        sender_name: said.name,
        at: said.at,
        text: said.text,
        attachments: said
            .attachments
            .into_iter()
            .map(|attachment| Attachment {
                name: attachment.name,
                media_type: attachment.media_type,
                url: attachment.url,
            })
            .collect(),
    }
}

fn receipt(said: wire::Receipt) -> Receipt {
    Receipt {
        id: said.id,
        delivery: match said.status {
            wire::Status::Sent => Delivery::Sent,
            wire::Status::Delivered => Delivery::Delivered,
            wire::Status::Read => Delivery::Read,
            wire::Status::Failed => Delivery::Failed,
        },
        at: said.at,
        reason: said.reason,
    }
}

channel_connector::register!(JsonWebhook);
