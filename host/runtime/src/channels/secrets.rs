//! Credentials of a channel: sealed at rest under the tenant's key, and tokens that are fetched with them.

use std::collections::BTreeMap;
use std::time::Duration;

use jackfield_types::ConnectorId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{Outgoing, Providers};
use super::settings::{TokenField, TokenMethod, TokenSource};
use super::{Channel, ChannelError};
use crate::customers::Keys;

/// A token is fetched anew so long before it ends.
const MARGIN: Duration = Duration::from_secs(300);
/// One that doesn't say for how long it is good.
const USUAL_S: u64 = 600;
/// The longest that is believed.
const LONGEST_S: u64 = 30 * 24 * 3_600;

fn what(channel: &ConnectorId, name: &str) -> String {
    format!("channel-secret {channel} {name}")
}

pub(super) fn seal(
    keys: &Keys,
    channel: &ConnectorId,
    open: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Vec<u8>>, ChannelError> {
    open.iter()
        .map(|(name, secret)| {
            let sealed = keys.seal(&what(channel, name), secret.as_bytes());
            let sealed = sealed.map_err(|_| {
                ChannelError::Unavailable("a secret can't be sealed: no random bytes from the system".into())
            })?;
            Ok((name.clone(), sealed))
        })
        .collect()
}

/// The key does not fit.
pub(super) struct NotOpened;

pub(super) fn open(
    keys: &Keys,
    channel: &ConnectorId,
    sealed: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, String>, NotOpened> {
    sealed
        .iter()
        .map(|(name, sealed)| {
            let open = keys.unseal(&what(channel, name), sealed).map_err(|_| NotOpened)?;
            Ok((name.clone(), String::from_utf8(open).map_err(|_| NotOpened)?))
        })
        .collect()
}

/// Tokens that were fetched; in memory alone.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<String, (String, Instant)>>);

impl Tokens {
    /// Has all fetched anew.
    pub(super) async fn forget(&self) {
        self.0.lock().await.clear();
    }
}

impl Channel {
    /// The value of a secret, or of a token, which is fetched when there is none that is good. One fetches it, the others
    /// wait for that.
    pub(super) async fn secret(&self, name: &str, providers: &Providers) -> Result<String, String> {
        if let Some(secret) = self.secrets.get(name) {
            return Ok(secret.clone());
        }
        let Some(source) = self.settings.tokens.get(name) else {
            return Err(format!("the channel has no secret {name:.64}"));
        };
        let mut known = self.live.tokens.0.lock().await;
        if let Some((token, until)) = known.get(name)
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let (token, good_for) = self.fetch(source, providers).await?;
        known.insert(name.to_owned(), (token.clone(), Instant::now() + good_for));
        Ok(token)
    }

    async fn fetch(&self, source: &TokenSource, providers: &Providers) -> Result<(String, Duration), String> {
        let fields: Vec<(&str, &str)> = source
            .fields
            .iter()
            .map(|(name, field)| {
                let value = match field {
                    TokenField::Text(text) => Some(text),
                    TokenField::Secret(secret) => self.secrets.get(secret),
                };
                (name.as_str(), value.map(String::as_str).unwrap_or_default())
            })
            .collect();
        let form = super::http::form(fields);
        let request = match source.method {
            TokenMethod::Get => Outgoing {
                method: "GET",
                url: format!("{}?{form}", source.url),
                headers: Vec::new(),
                body: Vec::new(),
            },
            TokenMethod::Post => Outgoing {
                method: "POST",
                url: source.url.clone(),
                headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
                body: form.into_bytes(),
            },
        };
        let answer = providers.send(request).await?;
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = json.pointer(&source.token).and_then(|token| token.as_str());
        let fits =
            |token: &&str| (1..=2_048).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
        let Some(token) = token.filter(fits) else {
            return Err(format!("no token: the provider answered {}", answer.status));
        };
        let seconds = json
            .pointer(&source.expires_in)
            .and_then(|seconds| seconds.as_u64())
            .unwrap_or(USUAL_S)
            .min(LONGEST_S);
        let good_for = Duration::from_secs(seconds);
        Ok((
            token.to_owned(),
            good_for.saturating_sub(MARGIN.min(good_for / 2)),
        ))
    }
}
