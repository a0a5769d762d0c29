use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_types::{ChatEntryId, ConnectorId};

use super::*;
use crate::channels::ChannelSettings;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn channel(verification: Verification, secrets: &[(&str, &str)]) -> Channel {
    let mut settings = ChannelSettings::new("x", ChatEntryId::new("web").unwrap(), verification);
    settings.public_url = Some("https://example.com/myapp.php".into());
    let secrets: BTreeMap<_, _> = secrets
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    settings.check(&secrets).unwrap();
    Channel {
        id: ConnectorId::new("x").unwrap(),
        settings,
        secrets,
        created_at: NOW,
        live: Arc::default(),
    }
}

fn call(method: &str, query: &str, headers: &[(&str, &str)], body: &str) -> ProviderCall {
    ProviderCall {
        method: method.to_owned(),
        query: query.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn sha1(mut parts: Vec<&str>) -> String {
    parts.sort_unstable();
    let found = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_example_of_twilios_documentation() {
    let channel = channel(
        Verification::Twilio {
            secret: "auth".into(),
        },
        &[("auth", "12345")],
    );
    let body =
        "Digits=1234&To=%2B18005551212&From=%2B14158675310&Caller=%2B14158675310&CallSid=CA1234567890ABCDE";
    let ask = |code: &str, body: &str| {
        verify(
            &channel,
            &call("POST", "foo=1&bar=2", &[("x-twilio-signature", code)], body),
            NOW,
        )
        .is_ok()
    };
    assert!(ask("L/OH5YylLD5NRKLltdqwSvS0BnU=", body));
    assert!(!ask(
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
        &body.replace("1234&", "1235&")
    ));
    assert!(!ask("", body));
}

#[test]
fn an_hmac_with_its_time() {
    let channel = channel(
        Verification::Hmac {
            algorithm: HashAlgorithm::Sha256,
            header: "x-signature".into(),
            prefix: "v1=".into(),
            encoding: Encoding::Hex,
            timestamp_header: Some("x-time".into()),
            secret: "key".into(),
        },
        &[("key", "k")],
    );
    let sign = |time: &str, body: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"k");
        let code = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let hex: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("v1={hex}")
    };
    let ask = |time: &str, code: &str| {
        verify(
            &channel,
            &call("POST", "", &[("x-signature", code), ("x-time", time)], "{}"),
            NOW,
        )
    };
    let good = ask("1700000000", &sign("1700000000", "{}")).unwrap();
    assert!(good.once.is_some());
    for (time, code) in [
        ("1700000000", sign("1700000001", "{}")),
        ("1700000000", sign("1700000000", "{ }")),
        ("1699999000", sign("1699999000", "{}")),
        ("1700000900", sign("1700000900", "{}")),
        ("x", sign("x", "{}")),
        ("1700000000", "v1=zz".into()),
        ("1700000000", String::new()),
    ] {
        assert!(ask(time, &code).is_err(), "{time} {code}");
    }
}

#[test]
fn wechat_in_plain_mode() {
    let wechat = Verification::Wechat {
        token: "token".into(),
        aes_key: None,
        app_id: None,
    };
    let channel = channel(wechat, &[("token", "weixin")]);
    let query = |time: &str| {
        let code = sha1(vec!["weixin", time, "42"]);
        format!("signature={code}&timestamp={time}&nonce=42&echostr=hello")
    };
    let ask = |method: &str, query: &str| verify(&channel, &call(method, query, &[], "<xml/>"), NOW);
    assert!(ask("GET", &query("1700000000")).unwrap().once.is_none());
    assert!(ask("POST", &query("1700000000")).unwrap().once.is_some());
    assert_eq!(
        ask("GET", &query("1600000000")).unwrap_err(),
        "too old, or too far ahead"
    );
    assert!(ask("GET", &query("1700000000").replace("nonce=42", "nonce=43")).is_err());
    assert!(ask("GET", "").is_err());
}

#[test]
fn wechat_in_safe_mode() {
    const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    let wechat = Verification::Wechat {
        token: "token".into(),
        aes_key: Some("key".into()),
        app_id: Some("wx1".into()),
    };
    let channel = channel(wechat, &[("token", "weixin"), ("key", KEY)]);
    let ask = |app: &str, tamper: bool| {
        let sealed = wechat::seal(&wechat::key(KEY).unwrap(), app, "<xml>hi</xml>");
        let code = sha1(vec!["weixin", "1700000000", "42", &sealed]);
        let plain = sha1(vec!["weixin", "1700000000", "42"]);
        let query = format!("signature={plain}&msg_signature={code}&timestamp=1700000000&nonce=42");
        let sealed = if tamper {
            sealed.replacen('A', "B", 1)
        } else {
            sealed
        };
        let body = format!("<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>");
        verify(&channel, &call("POST", &query, &[], &body), NOW)
    };
    assert_eq!(ask("wx1", false).unwrap().body, b"<xml>hi</xml>");
    assert_eq!(ask("wx2", false).unwrap_err(), "not for this account");
    let plain = sha1(vec!["weixin", "1700000000", "42"]);
    let query = format!("signature={plain}&timestamp=1700000000&nonce=42");
    let unsealed = verify(&channel, &call("POST", &query, &[], "<xml>hi</xml>"), NOW);
    assert_eq!(
        unsealed.unwrap_err(),
        "not encrypted",
        "no way round the encryption"
    );
    let _ = ask("wx1", true);
}
