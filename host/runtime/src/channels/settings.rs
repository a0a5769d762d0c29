//! What an administrator says about a channel.

use std::collections::BTreeMap;

use jackfield_types::{ChatEntryId, NAME_EXPECTED, is_name, limits};
use serde::{Deserialize, Serialize};

use super::ChannelError;
use super::email::EmailSettings;

/// Settings of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// Whether requests are taken and messages sent; what is to be sent waits meanwhile.
    pub enabled: bool,
    /// The chat entry that it feeds; no other channel does, and no chat window.
    pub entry: ChatEntryId,
    /// The firm's address on the channel, at most 128 bytes; may be empty.
    pub account: String,
    /// The scheme of customers' addresses: `tel`, `email`, `wechat`, or one of one's own.
    pub identity: String,
    /// Whether somebody unknown becomes a customer; else only those who are known by their address are.
    pub create_customers: bool,
    /// How a request is known to be the provider's.
    pub verification: Verification,
    /// The address by which the provider calls this channel, where signatures are about it.
    pub public_url: Option<String>,
    /// Hosts to which requests may be made, `name` or `name:port`, at most 16.
    pub hosts: Vec<String>,
    /// Tokens that the host fetches, by the name under which a connector asks for them as secrets.
    pub tokens: BTreeMap<String, TokenSource>,
    /// With which credential attachments are fetched from a host, by host. From the others they are fetched without one, and
    /// from hosts that are not in `hosts`, not at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub media: BTreeMap<String, MediaAccess>,
    /// Requests of the provider a second, 1 to 1,000; one more is answered with 429.
    pub requests_per_second: u32,
    /// Requests to the provider at once, 1 to 16.
    pub concurrency: u32,
    /// Tries of one message, 1 to 20, of e-mail 1 to 1,000; then it has failed.
    pub attempts: u32,
    /// Milliseconds before the second try, 10 to 60,000; each further pause is twice as long, up to ten minutes.
    pub retry_ms: u64,
    /// What makes it a channel of e-mail: mail to its addresses comes by SMTP, and what is written goes out through a
    /// relay. No connector has anything to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailSettings>,
}

impl ChannelSettings {
    /// What is usual.
    pub fn new(name: &str, entry: ChatEntryId, verification: Verification) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            entry,
            account: String::new(),
            identity: "chat".to_owned(),
            create_customers: true,
            verification,
            public_url: None,
            hosts: Vec::new(),
            tokens: BTreeMap::new(),
            media: BTreeMap::new(),
            requests_per_second: 50,
            concurrency: 4,
            attempts: 10,
            retry_ms: 1_000,
            email: None,
        }
    }

    /// What is usual for e-mail: a relay may be away for hours.
    pub fn of_email(name: &str, entry: ChatEntryId, email: EmailSettings) -> Self {
        Self {
            identity: "email".to_owned(),
            attempts: 100,
            retry_ms: 5_000,
            email: Some(email),
            ..Self::new(name, entry, Verification::None)
        }
    }
}

/// How a request is known to be the provider's. Secrets are named; their values are kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verification {
    /// Not at all: for networks that nobody else reaches.
    None,
    /// The request carries a secret as it is.
    Token {
        /// The header that carries it, in lower case; none: the parameter `token` of the query does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
        /// Name of the secret.
        secret: String,
    },
    /// A header has the HMAC of the body; of the query of a GET.
    Hmac {
        /// By which function.
        algorithm: HashAlgorithm,
        /// The header, in lower case.
        header: String,
        /// What stands before the code, for example `sha256=`.
        #[serde(default)]
        prefix: String,
        /// How the code is written.
        encoding: Encoding,
        /// The header with the time in seconds since the epoch, in lower case: then the code is of `TIME.BODY`, and a
        /// request that is more than five minutes old or ahead is refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp_header: Option<String>,
        /// Name of the secret.
        secret: String,
    },
    /// `x-twilio-signature`: HMAC-SHA1 of the public address with its query and the sorted fields of the form.
    Twilio {
        /// Name of the secret: the account's auth token.
        secret: String,
    },
    /// `signature` or `msg_signature` of the query, over token, time and nonce, and over the encrypted message if there is
    /// one, which is decrypted here.
    Wechat {
        /// Name of the secret: the token.
        token: String,
        /// Name of the secret: the 43 characters of the message key. With it plain messages are refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aes_key: Option<String>,
        /// The account's AppID, for which a message must be encrypted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app_id: Option<String>,
    },
}

/// A hash function of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashAlgorithm {
    /// SHA-1, which some providers still have.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How a code is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// The credential with which attachments are fetched from one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaAccess {
    /// Name of the secret, or of the token.
    pub secret: String,
    /// What stands before it, at most 64 bytes, for example `Basic `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The header that carries it, in lower case; `authorization` when neither header nor query is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The parameter of the query that carries it, in the place of a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// Where a token is fetched that is good for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSource {
    /// An `https` address at one of the channel's hosts.
    pub url: String,
    /// `get` with the fields in the query, or `post` with them as a form.
    pub method: TokenMethod,
    /// The fields.
    pub fields: BTreeMap<String, TokenField>,
    /// Where the token stands in the JSON that is answered, as a pointer: `/access_token`.
    #[serde(default = "usual_token")]
    pub token: String,
    /// Where it is said for how many seconds it is good; `/expires_in`.
    #[serde(default = "usual_expiry")]
    pub expires_in: String,
}

fn usual_token() -> String {
    "/access_token".into()
}

fn usual_expiry() -> String {
    "/expires_in".into()
}

/// How a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenMethod {
    /// With the query.
    Get,
    /// With a form.
    Post,
}

/// A field of that request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenField {
    /// As it is.
    Text(String),
    /// The value of a secret.
    Secret(String),
}

impl ChannelSettings {
    /// Checks what was set, with the secrets that there are.
    pub(super) fn check(&self, secrets: &BTreeMap<String, String>) -> Result<(), ChannelError> {
        let wrong = |field: &str, problem: &str| Err(ChannelError::invalid(field, problem));
        if !is_name(&self.name) {
            return wrong("name", NAME_EXPECTED);
        }
        if self.account.len() > limits::MAX_ADDRESS_BYTES || self.account.chars().any(char::is_control) {
            return wrong("account", "expected at most 128 bytes on one line");
        }
        let scheme = self.identity.as_bytes();
        if !(1..=16).contains(&scheme.len())
            || !scheme[0].is_ascii_lowercase()
            || !scheme
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        {
            return wrong(
                "identity",
                "expected a scheme of 1 to 16 characters out of a-z, 0-9 and '-'",
            );
        }
        let most_attempts = if self.email.is_some() { 1_000 } else { 20 };
        for (field, found, range) in [
            (
                "requests_per_second",
                u64::from(self.requests_per_second),
                1..=1_000,
            ),
            ("concurrency", u64::from(self.concurrency), 1..=16),
            ("attempts", u64::from(self.attempts), 1..=most_attempts),
            ("retry_ms", self.retry_ms, 10..=60_000),
        ] {
            if !range.contains(&found) {
                return wrong(
                    field,
                    &format!("{found}: expected {} to {}", range.start(), range.end()),
                );
            }
        }
        if self.hosts.len() > limits::MAX_CHANNEL_HOSTS || !self.hosts.iter().all(|host| is_host(host)) {
            return wrong(
                "hosts",
                "expected at most 16 host names in lower case, with a port where it is not 443",
            );
        }
        // Addresses are compared without it.
        let usual = |host: &str| {
            host.split_once(':')
                .is_some_and(|(_, port)| port.parse() == Ok(443_u16))
        };
        if let Some((n, host)) = self.hosts.iter().enumerate().find(|(_, host)| usual(host)) {
            return wrong(
                &format!("hosts[{n}]"),
                &format!("{host}: expected it without its port, 443 is every https address's"),
            );
        }
        if secrets.len() > limits::MAX_CHANNEL_SECRETS {
            return wrong("secrets", "expected at most 16");
        }
        for (name, secret) in secrets {
            if !is_word(name) || !(1..=limits::MAX_CHANNEL_SECRET_BYTES).contains(&secret.len()) {
                return wrong(
                    &format!("secrets.{name:.64}"),
                    "expected a name of 1 to 64 letters, digits, '-' and '_', and a secret of 1 to 2048 bytes",
                );
            }
            if secret.chars().any(char::is_control) {
                return wrong(&format!("secrets.{name}"), "expected one line");
            }
        }
        if self.public_url.as_deref().is_some_and(|url| {
            url.len() > limits::MAX_URL_BYTES || !url.starts_with("https://") && !url.starts_with("http://")
        }) {
            return wrong(
                "public_url",
                "expected the address by which the provider calls this channel",
            );
        }
        self.check_tokens(secrets)?;
        self.check_media(secrets)?;
        if let Some(email) = &self.email {
            return email.check(self, secrets);
        }
        let needed = |field: &str, name: &str| match secrets.contains_key(name) {
            true => Ok(()),
            false => Err(ChannelError::invalid(
                format!("verification.{field}"),
                format!("there is no secret {name:.64}; give it among the secrets"),
            )),
        };
        // Headers are compared as they come, in lower case; one that is never found would be shown to plugins.
        let is_header = |field: &str, name: &str| {
            let fits = (1..=limits::MAX_CODE_BYTES).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            match fits {
                true => Ok(()),
                false => Err(ChannelError::invalid(
                    format!("verification.{field}"),
                    "expected a header's name in lower case: 1 to 64 of a-z, 0-9 and '-'",
                )),
            }
        };
        match &self.verification {
            Verification::None => {}
            Verification::Token { secret, header } => {
                needed("secret", secret)?;
                header
                    .as_deref()
                    .map_or(Ok(()), |header| is_header("header", header))?;
            }
            Verification::Hmac {
                secret,
                header,
                timestamp_header,
                ..
            } => {
                needed("secret", secret)?;
                is_header("header", header)?;
                timestamp_header
                    .as_deref()
                    .map_or(Ok(()), |header| is_header("timestamp_header", header))?;
            }
            Verification::Twilio { secret } => {
                needed("secret", secret)?;
                if self.public_url.is_none() {
                    return wrong("public_url", "expected, since signatures are about it");
                }
            }
            Verification::Wechat {
                token,
                aes_key,
                app_id,
            } => {
                needed("token", token)?;
                if let Some(name) = aes_key {
                    needed("aes_key", name)?;
                    let key = secrets.get(name).map(String::as_str).unwrap_or_default();
                    if super::wechat::key(key).is_none() {
                        return wrong(
                            &format!("secrets.{name}"),
                            "expected the 43 characters of a message key",
                        );
                    }
                    if app_id.is_none() {
                        return wrong("verification.app_id", "expected beside aes_key");
                    }
                }
            }
        }
        Ok(())
    }

    fn check_media(&self, secrets: &BTreeMap<String, String>) -> Result<(), ChannelError> {
        for (host, access) in &self.media {
            let wrong = |field: &str, problem: &str| {
                Err(ChannelError::invalid(
                    format!("media.{host:.253}{field}"),
                    problem,
                ))
            };
            if !self.hosts.contains(host) {
                return wrong("", "expected one of the hosts");
            }
            if !secrets.contains_key(&access.secret) && !self.tokens.contains_key(&access.secret) {
                return wrong(".secret", "expected the name of a secret or of a token");
            }
            if access.prefix.len() > limits::MAX_CODE_BYTES || access.prefix.chars().any(char::is_control) {
                return wrong(".prefix", "expected at most 64 bytes on one line");
            }
            match (&access.header, &access.query) {
                (Some(_), Some(_)) => {
                    return wrong(
                        ".query",
                        "expected a header or a parameter of the query, not both",
                    );
                }
                (Some(name), None) if !is_word(name) || name == "host" => {
                    return wrong(".header", "expected a header of 1 to 64 letters, digits and '-'");
                }
                (None, Some(name)) if !is_word(name) => {
                    return wrong(
                        ".query",
                        "expected a name of 1 to 64 letters, digits, '-' and '_'",
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_tokens(&self, secrets: &BTreeMap<String, String>) -> Result<(), ChannelError> {
        if self.tokens.len() > limits::MAX_CHANNEL_TOKENS {
            return Err(ChannelError::invalid("tokens", "expected at most 4"));
        }
        for (name, token) in &self.tokens {
            let wrong = |field: &str, problem: &str| {
                Err(ChannelError::invalid(
                    format!("tokens.{name:.64}{field}"),
                    problem,
                ))
            };
            if !is_word(name) || secrets.contains_key(name) {
                return wrong(
                    "",
                    "expected a name of 1 to 64 letters, digits, '-' and '_' that no secret has",
                );
            }
            let host = super::http::host_of(&token.url);
            if !host.is_some_and(|host| self.hosts.contains(&host)) {
                return wrong(".url", "expected an https address at one of the hosts");
            }
            if token.fields.len() > limits::MAX_CONNECTOR_FIELDS {
                return wrong(".fields", "expected at most 32");
            }
            for field in token.fields.values() {
                if let TokenField::Secret(secret) = field
                    && !secrets.contains_key(secret)
                {
                    return wrong(
                        ".fields",
                        &format!("there is no secret {secret:.64}; give it among the secrets"),
                    );
                }
            }
            for (field, pointer) in [(".token", &token.token), (".expires_in", &token.expires_in)] {
                if !pointer.starts_with('/') || pointer.len() > 128 {
                    return wrong(field, "expected a JSON pointer, for example /access_token");
                }
            }
        }
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// `name` or `name:port`, in lower case.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    (1..=253).contains(&name.len())
        && !name.starts_with(['-', '.'])
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}
