//! The message envelope of WeChat Official Accounts in safe mode: AES-256-CBC under the account's message key, whose first
//! half is also the start vector; 16 random bytes, the length of the message in four bytes, the message, the AppID; padded
//! to blocks of 32 bytes. See <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html>.
//!
//! The host opens it, not the connector: the key is a credential, and neither configuration nor recorded decisions are a
//! place for one.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

type Decryptor = cbc::Decryptor<aes::Aes256>;

/// The last of the 43 characters has bits that mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const OPENING: &[u8] = b"<Encrypt>";
const CLOSING: &[u8] = b"</Encrypt>";

/// The key in its 43 characters.
pub(super) fn key(text: &str) -> Option<[u8; 32]> {
    if text.len() != 43 {
        return None;
    }
    LENIENT.decode(text).ok()?.try_into().ok()
}

/// The encrypted message of a callback's body.
pub(super) fn envelope(body: &[u8]) -> Option<&str> {
    let find = |what: &[u8], from: usize| {
        let rest = body.get(from..)?;
        Some(from + rest.windows(what.len()).position(|window| window == what)?)
    };
    let start = find(OPENING, 0)? + OPENING.len();
    let end = find(CLOSING, start)?;
    let inner = std::str::from_utf8(body.get(start..end)?).ok()?.trim();
    let inner = inner
        .strip_prefix("<![CDATA[")
        .map_or(inner, |rest| rest.trim_end_matches("]]>"));
    Some(inner.trim())
}

/// The message within, when it is for this account.
pub(super) fn open(key: &[u8; 32], app_id: &str, sealed: &str) -> Option<Vec<u8>> {
    let mut bytes = BASE64_STANDARD.decode(sealed).ok()?;
    let cipher = Decryptor::new_from_slices(key, &key[..16]).ok()?;
    let text = cipher.decrypt_padded::<NoPadding>(&mut bytes).ok()?;
    let padding = usize::from(*text.last()?);
    if !(1..=32).contains(&padding) {
        return None;
    }
    let text = text.get(16..text.len().checked_sub(padding)?)?;
    let (length, rest) = text.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (message, account) = rest.split_at_checked(length)?;
    (account == app_id.as_bytes()).then(|| message.to_vec())
}

#[cfg(test)]
pub(super) fn seal(key: &[u8; 32], app_id: &str, message: &str) -> String {
    use aes::cipher::BlockModeEncrypt;
    let mut text = vec![7; 16];
    text.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    text.extend(message.as_bytes());
    text.extend(app_id.as_bytes());
    let padding = 32 - text.len() % 32;
    text.extend(std::iter::repeat_n(u8::try_from(padding).unwrap(), padding));
    let length = text.len();
    let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(key, &key[..16]).unwrap();
    cipher.encrypt_padded::<NoPadding>(&mut text, length).unwrap();
    BASE64_STANDARD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

    #[test]
    fn a_message_is_opened_for_its_account_alone() {
        let key = key(KEY).unwrap();
        for text in ["", "hello", "<xml>你好，李雷</xml>", &"x".repeat(1000)] {
            let sealed = seal(&key, "wx1234", text);
            assert_eq!(open(&key, "wx1234", &sealed).unwrap(), text.as_bytes());
            assert_eq!(open(&key, "wx9999", &sealed), None);
            assert_eq!(open(&[9; 32], "wx1234", &sealed), None);
            for cut in 0..sealed.len() {
                assert_eq!(open(&key, "wx1234", &sealed[..cut]), None);
            }
        }
        assert!(super::key("short").is_none() && super::key(&"!".repeat(43)).is_none());
    }

    #[test]
    fn the_envelope_is_found() {
        let body = b"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[abc=]]></Encrypt></xml>";
        assert_eq!(envelope(body), Some("abc="));
        assert_eq!(envelope(b"<xml><Encrypt> abc= </Encrypt></xml>"), Some("abc="));
        for none in [&b""[..], b"<Encrypt>", b"</Encrypt><Encrypt>", b"<xml/>"] {
            assert_eq!(envelope(none), None);
        }
    }
}
