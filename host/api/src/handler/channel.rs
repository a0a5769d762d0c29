//! Channels: accounts with providers through which customers write.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jackfield_runtime::{
    ChannelError, ChannelRecord, ChannelSettings, EmailSettings, MediaAccess, TokenSource, Verification,
};
use jackfield_types::{ChatEntryId, ConnectorId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Settings of a channel.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Short messages", "entry": "sms", "account": "+18005551212", "identity": "tel", "verification": {"scheme": "twilio", "secret": "auth-token"}, "public_url": "https://contact.example/channels/acme/sms", "hosts": ["api.twilio.com"], "secrets": {"auth-token": "…", "basic": "…"}}))]
pub struct ChannelBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// Whether requests are taken and messages sent; true when left out. What is to be sent waits meanwhile.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The chat entry that the channel feeds. It must exist; no other channel feeds it, and no chat window does.
    #[schema(value_type = String)]
    pub entry: ChatEntryId,
    /// The firm's address on the channel, at most 128 bytes.
    #[serde(default)]
    pub account: String,
    /// The scheme of customers' addresses: `tel`, `email`, `wechat`, or one of one's own; `chat` when left out,
    /// for e-mail `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether somebody unknown becomes a customer; true when left out.
    #[serde(default = "yes")]
    pub create_customers: bool,
    /// How a request is known to be the provider's: `{"scheme": "none"}`, or `token`, `hmac`, `twilio`, `wechat`, each with
    /// the names of its secrets. Needed but for e-mail, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub verification: Option<Verification>,
    /// Makes it a channel of e-mail: `account` is the address that it writes from, mail to it comes by SMTP, and no
    /// connector is bound. `{"relay": {"host", "port", "security": "tls" | "starttls" | "none", "user"?, "authority"?},
    /// "aliases"?: [ADDRESS…], "from_name"?}`; a user's password is the secret `relay-password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub email: Option<EmailSettings>,
    /// The address by which the provider calls the channel; needed where signatures are about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Hosts to which requests may be made, at most 16; with a port where it is not 443.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Tokens that the server fetches and connectors ask for as secrets, at most 4.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub tokens: BTreeMap<String, TokenSource>,
    /// With which credential attachments are fetched from a host, by host: `{"secret": NAME}` with `header` and `prefix`, or
    /// with `query`. From other hosts they are fetched without; from those that are not in `hosts`, not at all.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub media: BTreeMap<String, MediaAccess>,
    /// Requests of the provider a second, 1 to 1,000; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// Requests to the provider at once, 1 to 16; 4 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Tries of one message, 1 to 20, and 10 when left out; of e-mail 1 to 1,000, and 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Milliseconds before the second try, 10 to 60,000; each further pause is twice as long. 1,000 when left out,
    /// for e-mail 5,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
    /// Secrets by name, at most 16; they are sealed and never shown again. `null` removes one, those left out stay.
    #[serde(default)]
    pub secrets: BTreeMap<String, Option<String>>,
}

fn yes() -> bool {
    true
}

impl ChannelBody {
    fn into_settings(self) -> Result<(ChannelSettings, BTreeMap<String, Option<String>>), Problem> {
        let usual = match (self.email, self.verification) {
            (Some(email), verification) => ChannelSettings {
                verification: verification.unwrap_or(Verification::None),
                ..ChannelSettings::of_email(&self.name, self.entry, email)
            },
            (None, Some(verification)) => ChannelSettings::new(&self.name, self.entry, verification),
            (None, None) => {
                let problem = "expected {\"scheme\": …}, or email for a channel of e-mail";
                return Err(ChannelError::Invalid {
                    field: "verification".into(),
                    problem: problem.into(),
                }
                .into());
            }
        };
        let settings = ChannelSettings {
            enabled: self.enabled,
            account: self.account,
            identity: self.identity.unwrap_or(usual.identity),
            create_customers: self.create_customers,
            public_url: self.public_url,
            hosts: self.hosts,
            tokens: self.tokens,
            media: self.media,
            requests_per_second: self.requests_per_second.unwrap_or(usual.requests_per_second),
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            attempts: self.attempts.unwrap_or(usual.attempts),
            retry_ms: self.retry_ms.unwrap_or(usual.retry_ms),
            ..usual
        };
        Ok((settings, self.secrets))
    }
}

/// A channel. Of its secrets the names are shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChannelView {
    /// Its id. A connector is bound to it at `connector:ID`; its provider calls `/channels/TENANT/ID`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether requests are taken and messages sent.
    pub enabled: bool,
    /// The chat entry that it feeds.
    pub entry: String,
    /// The firm's address on the channel.
    pub account: String,
    /// The scheme of customers' addresses.
    pub identity: String,
    /// Whether somebody unknown becomes a customer.
    pub create_customers: bool,
    /// `email`, or `connector`.
    pub kind: &'static str,
    /// How a request is known to be the provider's.
    #[schema(value_type = Object)]
    pub verification: Verification,
    /// What it has as a channel of e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub email: Option<EmailSettings>,
    /// The address by which the provider calls the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Hosts to which requests may be made.
    pub hosts: Vec<String>,
    /// Tokens that the server fetches.
    #[schema(value_type = Object)]
    pub tokens: BTreeMap<String, TokenSource>,
    /// With which credential attachments are fetched from a host, by host.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub media: BTreeMap<String, MediaAccess>,
    /// Requests of the provider a second.
    pub requests_per_second: u32,
    /// Requests to the provider at once.
    pub concurrency: u32,
    /// Tries of one message.
    pub attempts: u32,
    /// Milliseconds before the second try.
    pub retry_ms: u64,
    /// Names of its secrets.
    pub secrets: Vec<String>,
    /// When it was made.
    pub created_at: u64,
    /// Messages that wait to be sent.
    pub waiting: usize,
}

impl From<ChannelRecord> for ChannelView {
    fn from(record: ChannelRecord) -> Self {
        let settings = record.settings;
        Self {
            id: record.id.to_string(),
            name: settings.name,
            enabled: settings.enabled,
            entry: settings.entry.to_string(),
            account: settings.account,
            identity: settings.identity,
            create_customers: settings.create_customers,
            kind: if settings.email.is_some() {
                "email"
            } else {
                "connector"
            },
            verification: settings.verification,
            email: settings.email,
            public_url: settings.public_url,
            hosts: settings.hosts,
            tokens: settings.tokens,
            media: settings.media,
            requests_per_second: settings.requests_per_second,
            concurrency: settings.concurrency,
            attempts: settings.attempts,
            retry_ms: settings.retry_ms,
            secrets: record.secrets,
            created_at: record.created_at.0,
            waiting: record.waiting,
        }
    }
}

/// Lists the channels, by id.
#[utoipa::path(get, path = "", tag = "channels", params(Paging), responses((status = 200, body = Page<ChannelView>)))]
pub(crate) async fn list_channels(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<ChannelView>> {
    let place = |channel: &ChannelRecord| channel.id.to_string();
    Ok(Json(paging.cut(
        who.tenant.channels().into_iter(),
        place,
        ChannelView::from,
    )?))
}

/// Shows one channel.
#[utoipa::path(get, path = "", tag = "channels", params(("channel" = String, Path)), responses((status = 200, body = ChannelView)))]
pub(crate) async fn get_channel(who: InTenant, Path(channel): Path<ConnectorId>) -> Answer<ChannelView> {
    Ok(Json(who.tenant.channel(&channel)?.into()))
}

/// Makes a channel, or changes its settings. A connector is bound to it at `connector:ID`, unless it is one of e-mail.
#[utoipa::path(put, path = "", tag = "channels", params(("channel" = String, Path)), request_body = ChannelBody, responses((status = 200, body = ChannelView)))]
pub(crate) async fn put_channel(
    who: InTenant,
    Path(channel): Path<ConnectorId>,
    Json(body): Json<ChannelBody>,
) -> Answer<ChannelView> {
    let (settings, secrets) = body.into_settings()?;
    let kept = who
        .tenant
        .put_channel(&who.ctx, channel, settings, secrets)
        .await?;
    Ok(Json(kept.into()))
}

/// Removes a channel. Refused while a connector is bound to it or messages wait.
#[utoipa::path(delete, path = "", tag = "channels", params(("channel" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_channel(
    who: InTenant,
    Path(channel): Path<ConnectorId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_channel(&who.ctx, &channel).await?;
    Ok(StatusCode::NO_CONTENT)
}
