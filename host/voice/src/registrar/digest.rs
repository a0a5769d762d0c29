use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::Ha1;

/// Bytes of an Authorization header; longer is answered with 400.
const MAX_HEADER_BYTES: usize = 2_048;

/// What a digest Authorization header says (RFC 2617, MD5 with `qop=auth`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    /// How often the nonce has been used, this time included.
    pub(super) nc: u32,
    uri: String,
    cnonce: String,
    response: String,
}

impl Credentials {
    /// Reads a header; `None` when it is malformed, or is not MD5 with `qop=auth`, which we asked for.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if header.len() > MAX_HEADER_BYTES || !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut found = Self {
            username: String::new(),
            realm: String::new(),
            nonce: String::new(),
            nc: 0,
            uri: String::new(),
            cnonce: String::new(),
            response: String::new(),
        };
        let mut is_auth = false;
        while !rest.trim().is_empty() {
            let (name, value, after) = parameter(rest)?;
            match name.to_ascii_lowercase().as_str() {
                "username" => found.username = value,
                "realm" => found.realm = value,
                "nonce" => found.nonce = value,
                "uri" => found.uri = value,
                "cnonce" => found.cnonce = value,
                "response" => found.response = value.to_ascii_lowercase(),
                "nc" => found.nc = u32::from_str_radix(&value, 16).ok()?,
                "qop" => is_auth = value.eq_ignore_ascii_case("auth"),
                "algorithm" if !value.eq_ignore_ascii_case("MD5") => return None,
                _ => {}
            }
            rest = after;
        }
        let complete = [
            &found.username,
            &found.nonce,
            &found.uri,
            &found.cnonce,
            &found.response,
        ];
        (is_auth && complete.iter().all(|text| !text.is_empty())).then_some(found)
    }

    /// Whether the response was made with the secret. Takes as long without one.
    pub(super) fn prove(&self, method: &str, secret: Option<&Ha1>) -> bool {
        let ha1 = secret.map_or_else(|| "0".repeat(32), Ha1::to_string);
        let ha2 = hex(&Md5::digest(format!("{method}:{}", self.uri)));
        let Self {
            nonce, nc, cnonce, ..
        } = self;
        let expected = hex(&Md5::digest(format!(
            "{ha1}:{nonce}:{nc:08x}:{cnonce}:auth:{ha2}"
        )));
        let equal: bool = expected.as_bytes().ct_eq(self.response.as_bytes()).into();
        equal && secret.is_some()
    }

    /// Whether the digest was made for a request to this URI: scheme and parameters may be written in another way.
    pub(super) fn is_for(&self, uri: &str) -> bool {
        host(&self.uri).eq_ignore_ascii_case(host(uri))
    }
}

/// Host and port of a SIP URI.
fn host(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split([';', '?', '>']).next().unwrap_or_default()
}

/// One `name=value` or `name="value"` and what follows its comma.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let mut value = String::new();
            let mut chars = quoted.char_indices();
            loop {
                match chars.next()? {
                    (at, '"') => break (value, quoted.get(at + 1..)?),
                    (_, '\\') => value.push(chars.next()?.1),
                    (_, c) => value.push(c),
                }
            }
        }
        None => {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest.get(..end)?.trim().to_owned(), rest.get(end..)?)
        }
    };
    let rest = rest.trim_start();
    let rest = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix(',')?
    };
    Some((name.trim(), value, rest))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |text, byte| {
            text + &format!("{byte:02x}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_is_read_with_quotes_spaces_and_escapes() {
        let read = Credentials::parse(
            r#"Digest username="anna.demo", realm = "jack\"field",nonce="n,1" , uri="sip:h", response="AB", algorithm=md5, cnonce="c", nc=0000000a, qop=auth"#,
        )
        .unwrap();
        assert_eq!(
            (
                read.realm.as_str(),
                read.nonce.as_str(),
                read.response.as_str(),
                read.nc
            ),
            ("jack\"field", "n,1", "ab", 10)
        );
    }

    #[test]
    fn what_is_incomplete_or_of_another_kind_is_refused() {
        let good = r#"Digest username="a", realm="r", nonce="n", uri="sip:h", response="x", cnonce="c", nc=00000001, qop=auth"#;
        assert!(Credentials::parse(good).is_some());
        for (from, to) in [
            ("Digest", "Basic"),
            ("qop=auth", "qop=auth-int"),
            (", qop=auth", ""),
            ("nc=00000001", "nc=zz"),
            ("nc=00000001", "nc=100000000"),
            ("username=\"a\", ", ""),
            ("qop=auth", "qop=auth, algorithm=SHA-256"),
            ("realm=\"r\"", "realm=\"r"),
            ("realm=\"r\",", "realm=\"r\" x,"),
        ] {
            assert!(
                Credentials::parse(&good.replace(from, to)).is_none(),
                "{from} → {to}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,200}") {
            Credentials::parse(&text);
            Credentials::parse(&format!("Digest {text}"));
        }
    }
}
