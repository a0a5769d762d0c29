//! Under which name this server was asked: where links begin when the tenant does not say.

use std::convert::Infallible;
use std::net::Ipv6Addr;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use crate::error::Problem;

/// Bytes of a host's name.
const MAX_NAME_BYTES: usize = 253;

/// A request's extension: a proxy that is trusted says that its client came by https.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByHttps;

/// `http://HOST` or `https://HOST`, as this server was asked; `None` when the request does not say.
pub(crate) struct Asked(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let scheme = match parts.extensions.get::<ByHttps>() {
            Some(ByHttps) => "https",
            None => "http",
        };
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        Ok(Self(host.map(|host| format!("{scheme}://{host}"))))
    }
}

/// That a request names one host at most, and that it is one.
///
/// # Errors
/// 400, with the field `host`.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, more) = (hosts.next(), hosts.next());
    let sound = match first {
        None => true,
        Some(host) => more.is_none() && host.to_str().is_ok_and(is_host),
    };
    if sound {
        return Ok(());
    }
    let detail = "host: expected one header with a host's name or address, and its port if it has one";
    Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-value", detail).field("host"))
}

/// `name`, `address` or `[address]`, perhaps with `:port`.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name_fits = match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            (1..=MAX_NAME_BYTES).contains(&name.len())
                && !name.starts_with(['-', '.'])
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    };
    name_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        for host in [
            "cx.example",
            "CX.example:8080",
            "localhost:1",
            "my_service",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::1]:443",
            "xn--bcher-kva.example.",
        ] {
            assert!(is_host(host), "{host}");
        }
        for bad in [
            "",
            ":80",
            "cx.example:",
            "cx.example:0",
            "cx.example:+80",
            "cx.example:99999",
            "a@cx.example",
            "cx.example/x",
            "cx.example?x",
            "cx.example#x",
            "cx.example, evil.example",
            "\"><script>",
            "::1",
            "[::1",
            "[::1]x",
            "[cx.example]",
            ".example",
            "呼叫.example",
            &"a".repeat(254),
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let mut headers = HeaderMap::new();
        assert!(check(&headers).is_ok());
        headers.append(HOST, "cx.example".parse().unwrap());
        assert!(check(&headers).is_ok());
        headers.append(HOST, "cx.example".parse().unwrap());
        let told = check(&headers).unwrap_err();
        assert_eq!((told.status, told.field.as_deref()), (400, Some("host")));
    }
}
