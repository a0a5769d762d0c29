//! Texts in and out of a provider that speaks plain JSON. The host receives, verifies and sends; secrets stay with it.

use jackfield_plugin::channel_connector::{
    self, ChannelConnector, Conclusion, Error, Message, Method, Outgoing, Parameter, Received,
    Rejection, Request, Response, Webhook,
};
use serde::{Deserialize, Serialize};

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

/// A message in the provider's words.
#[derive(Serialize, Deserialize)]
struct Text {
    id: String,
    from: String,
    to: String,
    text: String,
}

struct Plain;

impl ChannelConnector for Plain {
    type Config = Config;

    fn receive(_: &Config, webhook: &Webhook) -> Result<Received, Error> {
        let text: Text = serde_json::from_slice(&webhook.body)
            .map_err(|error| Error::new("bad-body", format!("the request's body: {error}")))?;
        let message = Message {
            id: text.id,
            sender: text.from,
            recipient: text.to,
            sender_name: None,
            at: None,
            text: text.text,
            attachments: vec![],
        };
        Ok(Received {
            messages: vec![message],
            ..Received::default()
        })
    }

    fn render(config: &Config, message: &Outgoing) -> Result<Request, Error> {
        let text = Text {
            id: message.id.clone(),
            from: message.sender.clone(),
            to: message.recipient.clone(),
            text: message.text.clone(),
        };
        let body = serde_json::to_vec(&text)
            .map_err(|error| Error::new("bad-message", format!("the message: {error}")))?;
        Ok(Request {
            method: Method::Post,
            url: config.url.clone(),
            query: vec![],
            headers: vec![
                Parameter::text("content-type", "application/json"),
                Parameter::secret("authorization", &config.secret, "Bearer "),
            ],
            body,
        })
    }

    fn conclude(_: &Config, response: &Response) -> Result<Conclusion, Error> {
        if (200..300).contains(&response.status) {
            return Ok(Conclusion::Accepted(response.message.clone()));
        }
        Ok(Conclusion::Rejected(Rejection {
            code: format!("http-{}", response.status),
            message: "the provider did not take the message".to_owned(),
            retryable: response.status >= 500 || response.status == 429,
        }))
    }
}

channel_connector::register!(Plain);
