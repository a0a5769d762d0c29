//! Is a request the provider's own? Codes are compared in constant time.
//!
//! Sources: <https://www.twilio.com/docs/usage/security#validating-requests>,
//! <https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html>.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jackfield_types::{Digest, Timestamp};
use ring::{digest, hmac};

use super::settings::{Encoding, HashAlgorithm, Verification};
use super::{Channel, ProviderCall, wechat};

/// How far a request's time may be from this clock.
const WINDOW_MS: u64 = 5 * 60 * 1_000;

/// A request that is the provider's.
#[derive(Debug)]
pub(super) struct Verified {
    /// The body as the connector gets it: decrypted, where it was encrypted.
    pub(super) body: Vec<u8>,
    /// The parameters, with what was decrypted of them.
    pub(super) query: Vec<(String, String)>,
    /// What a second request under the same signature is known by; none where signatures say nothing of the time.
    pub(super) once: Option<Digest>,
}

/// Why not, for the log.
pub(super) type Refused = &'static str;

pub(super) fn verify(channel: &Channel, call: &ProviderCall, now: Timestamp) -> Result<Verified, Refused> {
    let secret = |name: &String| {
        channel
            .secrets
            .get(name)
            .map(String::as_bytes)
            .unwrap_or_default()
    };
    let query: Vec<(String, String)> = form_urlencoded::parse(call.query.as_bytes())
        .into_owned()
        .collect();
    let of_query = |name: &str| {
        let found = query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let plain = |query| Verified {
        body: call.body.clone(),
        query,
        once: None,
    };
    match &channel.settings.verification {
        Verification::None => Ok(plain(query)),
        Verification::Token { header, secret: name } => {
            let given = match header {
                Some(header) => call.header(header),
                None => of_query("token"),
            };
            let given = given.ok_or("no token")?;
            let given = given.strip_prefix("Bearer ").unwrap_or(given);
            match same(given.as_bytes(), secret(name)) {
                true => Ok(plain(
                    query.into_iter().filter(|(name, _)| name != "token").collect(),
                )),
                false => Err("another token"),
            }
        }
        Verification::Hmac {
            algorithm,
            header,
            prefix,
            encoding,
            timestamp_header,
            secret: name,
        } => {
            let given = call.header(header).ok_or("no signature")?;
            let given = given.strip_prefix(prefix.as_str()).ok_or("another prefix")?;
            let code = match encoding {
                Encoding::Hex => hex(given).ok_or("no hexadecimal code")?,
                Encoding::Base64 => BASE64_STANDARD.decode(given).map_err(|_| "no base64 code")?,
            };
            let content = match call.method.as_str() {
                "GET" => call.query.as_bytes(),
                _ => &call.body,
            };
            let time = timestamp_header
                .as_ref()
                .map(|name| call.header(name).ok_or("no time"));
            let time = time.transpose()?;
            let mut signing = Vec::with_capacity(content.len() + 24);
            if let Some(time) = time {
                in_time(time, now)?;
                signing.extend(time.as_bytes());
                signing.push(b'.');
            }
            signing.extend(content);
            let key = hmac::Key::new(algorithm.hmac(), secret(name));
            hmac::verify(&key, &signing, &code).map_err(|_| "another signature")?;
            Ok(Verified {
                once: time.map(|_| Digest::of(&code)),
                ..plain(query)
            })
        }
        Verification::Twilio { secret: name } => {
            let given = call.header("x-twilio-signature").ok_or("no signature")?;
            let code = BASE64_STANDARD.decode(given).map_err(|_| "no base64 code")?;
            let mut signing = channel.settings.public_url.clone().unwrap_or_default();
            if !call.query.is_empty() {
                signing.push('?');
                signing.push_str(&call.query);
            }
            let mut fields: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
            fields.sort();
            for (name, value) in fields {
                signing.push_str(&name);
                signing.push_str(&value);
            }
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret(name));
            hmac::verify(&key, signing.as_bytes(), &code).map_err(|_| "another signature")?;
            Ok(plain(query))
        }
        Verification::Wechat {
            token,
            aes_key,
            app_id,
        } => {
            let (time, nonce) = (
                of_query("timestamp").ok_or("no time")?,
                of_query("nonce").ok_or("no nonce")?,
            );
            in_time(time, now)?;
            let key = match aes_key {
                Some(name) => Some(wechat::key(channel.secrets.get(name).ok_or("no key")?).ok_or("no key")?),
                None => None,
            };
            let echo = of_query("echostr");
            let sealed = match (key, echo) {
                (None, _) => None,
                // The check of the address itself is signed as in plain mode.
                (Some(_), Some(_)) if call.method == "GET" && of_query("msg_signature").is_none() => None,
                (Some(_), Some(echo)) if call.method == "GET" => Some(echo),
                (Some(_), _) => Some(wechat::envelope(&call.body).ok_or("not encrypted")?),
            };
            let given = of_query(if sealed.is_some() {
                "msg_signature"
            } else {
                "signature"
            });
            let code = hex(given.ok_or("no signature")?).ok_or("no hexadecimal code")?;
            let mut parts = vec![secret(token), time.as_bytes(), nonce.as_bytes()];
            parts.extend(sealed.map(str::as_bytes));
            parts.sort_unstable();
            let found = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &parts.concat());
            if !same(found.as_ref(), &code) {
                return Err("another signature");
            }
            let opened = match (key, sealed) {
                (Some(key), Some(sealed)) => {
                    let app_id = app_id.as_deref().unwrap_or_default();
                    Some(wechat::open(&key, app_id, sealed).ok_or("not for this account")?)
                }
                _ => None,
            };
            let mut verified = plain(query);
            // What is opened stands where it was sealed.
            match opened {
                Some(opened) if call.method == "GET" => {
                    let opened = String::from_utf8(opened).map_err(|_| "no text")?;
                    for (_, value) in verified.query.iter_mut().filter(|(name, _)| name == "echostr") {
                        value.clone_from(&opened);
                    }
                }
                Some(opened) => verified.body = opened,
                None => {}
            }
            verified.once = (call.method != "GET").then(|| Digest::of(&code));
            Ok(verified)
        }
    }
}

impl HashAlgorithm {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }
}

/// Compares without telling by the time where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"compare");
    hmac::verify(&key, one, hmac::sign(&key, other).as_ref()).is_ok()
}

fn in_time(seconds: &str, now: Timestamp) -> Result<(), Refused> {
    let at: u64 = seconds.parse().map_err(|_| "no time in seconds")?;
    let apart = at.saturating_mul(1_000).abs_diff(now.0);
    if apart > WINDOW_MS {
        Err("too old, or too far ahead")
    } else {
        Ok(())
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
