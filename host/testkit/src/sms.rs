use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::{Value, json};

/// An account at a gateway for short messages, as it calls back: a signed form.
pub struct SmsGateway {
    /// `TENANT/CHANNEL`.
    pub channel: &'static str,
    /// Signs.
    pub auth_token: &'static str,
    /// The firm's number.
    pub number: &'static str,
}

impl SmsGateway {
    /// The address by which the gateway says that it calls.
    fn public_url(&self) -> String {
        format!("https://contact.example/channels/{}", self.channel)
    }

    /// The channel's settings, with the chat entry that it feeds.
    pub fn settings(&self, entry: &str) -> Value {
        json!({
            "name": "SMS", "entry": entry, "account": self.number, "identity": "tel", "retry_ms": 100, "attempts": 20,
            "verification": {"scheme": "twilio", "secret": "auth-token"}, "public_url": self.public_url(),
            "hosts": ["api.twilio.com"], "secrets": {"auth-token": self.auth_token, "basic": "QUM6dG9rZW4="},
        })
    }

    /// Calls back with a message of somebody; the status and the answer, or none when the server is gone.
    pub fn says(&self, server: &str, from: &str, id: &str, text: &str) -> Option<(u16, String)> {
        let form = [
            ("Body", text),
            ("From", from),
            ("MessageSid", id),
            ("To", self.number),
        ];
        self.posts(server, &form)
    }

    /// Calls back with how a message fares.
    pub fn tells(&self, server: &str, id: &str, status: &str) -> Option<(u16, String)> {
        self.posts(server, &[("MessageSid", id), ("MessageStatus", status)])
    }

    /// Calls back with fields, in the order of their names.
    fn posts(&self, server: &str, form: &[(&str, &str)]) -> Option<(u16, String)> {
        let mut signing = self.public_url();
        let mut body = Vec::new();
        for (name, value) in form {
            signing.push_str(name);
            signing.push_str(value);
            body.push(format!("{name}={}", encoded(value)));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.auth_token.as_bytes());
        let code = BASE64_STANDARD.encode(hmac::sign(&key, signing.as_bytes()));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-twilio-signature", code.as_str()),
        ];
        post(
            &format!("{server}/channels/{}", self.channel),
            &headers,
            body.join("&"),
        )
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The status and the answer, or none when there was none.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: String) -> Option<(u16, String)> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).ok()?;
    Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
}
