//! Forms in, forms out. Signatures and credentials are the host's business.

#[cfg(test)]
mod tests;

use jackfield_plugin::channel_connector::{
    self, Attachment, ChannelConnector, Conclusion, Delivery, Error, Message, Method, Outgoing, Parameter,
    Receipt, Received, Rejection, Reply, Request, Response, Webhook,
};
use serde::Deserialize;

/// Read from JSON.
#[derive(Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    account_sid: String,
    secret: String,
    api: String,
    messaging_service: Option<String>,
    status_callback: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account_sid: String::new(),
            secret: "basic".to_owned(),
            api: "https://api.twilio.com".to_owned(),
            messaging_service: None,
            status_callback: None,
        }
    }
}

/// What the gateway answers to a message.
#[derive(Deserialize)]
struct Taken {
    sid: String,
}

/// What it answers when it does not take one.
#[derive(Deserialize, Default)]
struct Refused {
    code: Option<u32>,
    #[serde(default)]
    message: String,
}

struct Sms;

/// A form, a field at a time.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<String, Error> {
        let found = self.get(name).filter(|value| !value.is_empty());
        found
            .map(str::to_owned)
            .ok_or_else(|| Error::new("bad-body", format!("{name}: expected in the form")))
    }
}

impl ChannelConnector for Sms {
    type Config = Config;

    fn receive(_: &Config, webhook: &Webhook) -> Result<Received, Error> {
        let form = Form(form_urlencoded::parse(&webhook.body).into_owned().collect());
        let mut received = Received {
            // No answer by message: https://www.twilio.com/docs/messaging/twiml
            reply: Some(Reply {
                status: 200,
                content_type: "text/xml".into(),
                body: b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".to_vec(),
            }),
            ..Received::default()
        };
        match form.get("MessageStatus") {
            Some(status) => received.receipts.extend(receipt(&form, status)?),
            None => received.messages.push(message(&form)?),
        }
        Ok(received)
    }

    fn render(config: &Config, message: &Outgoing) -> Result<Request, Error> {
        if config.account_sid.is_empty() {
            return Err(Error::new(
                "bad-config",
                "account-sid: expected the account at the gateway",
            ));
        }
        let mut text = message.text.clone();
        for (n, choice) in message.choices.iter().enumerate() {
            text.push_str(&format!("\n{}. {}", n + 1, choice.name));
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", &message.recipient);
        match &config.messaging_service {
            Some(service) => form.append_pair("MessagingServiceSid", service),
            None => form.append_pair("From", &message.sender),
        };
        form.append_pair("Body", &text);
        if let Some(callback) = &config.status_callback {
            form.append_pair("StatusCallback", callback);
        }
        Ok(Request {
            method: Method::Post,
            url: format!(
                "{}/2010-04-01/Accounts/{}/Messages.json",
                config.api, config.account_sid
            ),
            query: Vec::new(),
            headers: vec![
                Parameter::text("content-type", "application/x-www-form-urlencoded"),
                Parameter::secret("authorization", &config.secret, "Basic "),
            ],
            body: form.finish().into_bytes(),
        })
    }

    fn conclude(_: &Config, response: &Response) -> Result<Conclusion, Error> {
        if (200..300).contains(&response.status) {
            let taken: Taken = serde_json::from_slice(&response.body)
                .map_err(|error| Error::new("bad-body", format!("the response's body: {error}")))?;
            return Ok(Conclusion::Accepted(taken.sid));
        }
        let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
        Ok(Conclusion::Rejected(Rejection {
            code: match refused.code {
                Some(code) => format!("twilio-{code}"),
                None => format!("http-{}", response.status),
            },
            message: refused.message,
            retryable: response.status == 429 || response.status >= 500,
        }))
    }
}

fn message(form: &Form) -> Result<Message, Error> {
    let count = form
        .get("NumMedia")
        .and_then(|count| count.parse().ok())
        .unwrap_or(0_usize);
    let media = (0..count.min(16)).filter_map(|n| {
        let url = form.get(&format!("MediaUrl{n}"))?;
        let media_type = form.get(&format!("MediaContentType{n}"))?;
        Some(Attachment {
            name: String::new(),
            media_type: media_type.to_owned(),
            url: url.to_owned(),
        })
    });
    let attachments: Vec<_> = media.collect();
    let text = form.get("Body").unwrap_or_default();
    Ok(Message {
        id: form.need("MessageSid")?,
        sender: form.need("From")?,
        recipient: form.get("To").unwrap_or_default().to_owned(),
        sender_name: form.get("ProfileName").map(str::to_owned),
        at: None,
        // A message of nothing is one all the same.
        text: if text.is_empty() && attachments.is_empty() {
            " "
        } else {
            text
        }
        .to_owned(),
        attachments,
    })
}

/// Nothing for what is on its way: <https://www.twilio.com/docs/messaging/api/message-resource#message-status-values>.
fn receipt(form: &Form, status: &str) -> Result<Option<Receipt>, Error> {
    let delivery = match status {
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "read" => Delivery::Read,
        "failed" | "undelivered" | "canceled" => Delivery::Failed,
        _ => return Ok(None),
    };
    Ok(Some(Receipt {
        id: form.need("MessageSid")?,
        delivery,
        at: None,
        reason: form.get("ErrorCode").map(|code| format!("twilio-{code}")),
    }))
}

channel_connector::register!(Sms);
