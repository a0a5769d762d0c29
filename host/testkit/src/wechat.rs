use std::time::{SystemTime, UNIX_EPOCH};

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use ring::digest;
use serde_json::{Value, json};

/// The last of the 43 characters of a message key has bits that mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An Official Account in safe mode, as WeChat calls back: encrypted and signed.
pub struct WeChat {
    /// `TENANT/CHANNEL`.
    pub channel: &'static str,
    /// Signs.
    pub token: &'static str,
    /// Encrypts; 43 characters.
    pub key: &'static str,
    /// The account.
    pub app_id: &'static str,
}

impl WeChat {
    /// The channel's settings, with the chat entry that it feeds.
    pub fn settings(&self, entry: &str) -> Value {
        json!({
            "name": "公众号", "entry": entry, "account": "gh_1", "identity": "wechat", "retry_ms": 200, "attempts": 20,
            "verification": {"scheme": "wechat", "token": "callback", "aes_key": "message-key", "app_id": self.app_id},
            "hosts": ["api.weixin.qq.com"],
            "secrets": {"callback": self.token, "message-key": self.key, "app-secret": "s3cret"},
            "tokens": {"access-token": {
                "url": "https://api.weixin.qq.com/cgi-bin/token", "method": "get",
                "fields": {
                    "grant_type": {"text": "client_credential"}, "appid": {"text": self.app_id},
                    "secret": {"secret": "app-secret"},
                },
            }},
        })
    }

    /// Calls back with a text of somebody; the status and the answer, or none when the server is gone. `nonce` is another
    /// one with each request.
    pub fn says(
        &self,
        server: &str,
        openid: &str,
        nonce: &str,
        id: &str,
        text: &str,
    ) -> Option<(u16, String)> {
        let message = format!(
            "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
             <CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType>\
             <Content><![CDATA[{text}]]></Content><MsgId>{id}</MsgId></xml>"
        );
        self.posts(server, openid, nonce, &self.seal(&message))
    }

    /// The same with whatever is sealed already.
    pub fn posts(&self, server: &str, openid: &str, nonce: &str, sealed: &str) -> Option<(u16, String)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs().to_string();
        let sign = |parts: &mut [&str]| {
            parts.sort_unstable();
            let code = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
            code.as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let plain = sign(&mut [self.token, &now, nonce]);
        let whole = sign(&mut [self.token, &now, nonce, sealed]);
        let url = format!(
            "{server}/channels/{}?signature={plain}&timestamp={now}&nonce={nonce}&openid={openid}\
             &encrypt_type=aes&msg_signature={whole}",
            self.channel
        );
        let body = format!(
            "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        );
        crate::sms::post(&url, &[("content-type", "text/xml")], body)
    }

    /// The message as WeChat encrypts it.
    pub fn seal(&self, message: &str) -> String {
        let key: [u8; 32] = LENIENT.decode(self.key).unwrap().try_into().unwrap();
        let mut text = vec![7; 16];
        text.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        text.extend(message.as_bytes());
        text.extend(self.app_id.as_bytes());
        let padding = 32 - text.len() % 32;
        text.extend(std::iter::repeat_n(u8::try_from(padding).unwrap(), padding));
        let length = text.len();
        let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(&key, &key[..16]).unwrap();
        cipher.encrypt_padded::<NoPadding>(&mut text, length).unwrap();
        BASE64_STANDARD.encode(text)
    }
}
