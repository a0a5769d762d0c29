//! What we read out of requests. Everything here comes from strangers.

use jackfield_types::limits::MAX_TEXT_BYTES;
use rsipstack::sip::{
    Request,
    prelude::{HeadersExt, ToTypedHeader},
};

/// Bytes of a user part; longer is cut.
const MAX_USER_BYTES: usize = 128;

/// What the body of an INFO request says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Info {
    Digit(char),
    /// A hook flash or an empty body: fine, and nothing to do.
    Nothing,
    /// The body is of a known type and says no digit (400).
    Malformed,
    /// Another type of body (415).
    Unsupported,
}

/// Reads the digit of an INFO: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
pub(super) fn info(content_type: &str, body: &[u8]) -> Info {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let text = std::str::from_utf8(body.get(..256).unwrap_or(body)).unwrap_or_default();
    let signal = match kind.as_str() {
        "" if body.is_empty() => return Info::Nothing,
        "application/dtmf" => Some(text.trim()),
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        }),
        _ => return Info::Unsupported,
    };
    match signal {
        Some("10") => Info::Digit('*'),
        Some("11") => Info::Digit('#'),
        Some("16" | "!") => Info::Nothing,
        Some(signal) => {
            let mut chars = signal.chars();
            match (chars.next().map(|c| c.to_ascii_uppercase()), chars.next()) {
                (Some(digit @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Info::Digit(digit),
                _ => Info::Malformed,
            }
        }
        None => Info::Malformed,
    }
}

/// Who calls: the user of From, without parameters; `anonymous` when there is none.
pub(super) fn caller(request: &Request) -> (String, Option<String>) {
    let from = request.from_header().ok().and_then(|from| from.typed().ok());
    let user = from
        .as_ref()
        .and_then(|from| from.uri.user())
        .map(number)
        .filter(|user| !user.is_empty());
    let name = from
        .and_then(|from| from.display_name)
        .map(|name| clean(&name, MAX_TEXT_BYTES));
    (
        user.unwrap_or_else(|| "anonymous".to_owned()),
        name.filter(|name| !name.is_empty()),
    )
}

/// The number that was dialled: the user of the request line.
pub(super) fn dialled(request: &Request) -> String {
    number(request.uri.user().unwrap_or_default())
}

/// The user of the To header, which a REGISTER is for.
pub(super) fn address_of_record(request: &Request) -> Option<String> {
    request
        .to_header()
        .ok()?
        .typed()
        .ok()?
        .uri
        .user()
        .map(str::to_owned)
}

/// A user part without parameters such as `;phone-context`.
fn number(user: &str) -> String {
    clean(user.split(';').next().unwrap_or_default(), MAX_USER_BYTES)
}

/// Without control characters, and cut at a character's border.
pub(super) fn clean(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes));
    for c in text.trim().chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > max_bytes {
            break;
        }
        out.push(c);
    }
    out
}

/// A display name that can stand between quotes in a header.
pub(super) fn quotable(text: &str) -> String {
    clean(text, MAX_USER_BYTES).replace(['"', '\\'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_info_bodies() {
        let relay = "application/dtmf-relay";
        assert_eq!(info(relay, b"Signal=5\r\nDuration=160\r\n"), Info::Digit('5'));
        assert_eq!(
            info("Application/DTMF-Relay; charset=x", b"Duration=1\nsignal = d"),
            Info::Digit('D')
        );
        assert_eq!(info(relay, b"Signal=10\r\n"), Info::Digit('*'));
        assert_eq!(info(relay, b"Signal=16\r\n"), Info::Nothing);
        assert_eq!(info("application/dtmf", b"#"), Info::Digit('#'));
        assert_eq!(info("", b""), Info::Nothing);
        for bad in [&b"Signal="[..], b"", b"Signal=12", b"\xff\xfe", b"Signal=x"] {
            assert_eq!(info(relay, bad), Info::Malformed, "{bad:?}");
        }
        assert_eq!(info("text/plain", b"5"), Info::Unsupported);
    }

    #[test]
    fn text_of_strangers_is_cut_and_cleaned() {
        assert_eq!(clean(" a\r\nb\u{7}c ", 10), "abc");
        assert_eq!(clean("呼叫中心", 7), "呼叫");
        assert_eq!(quotable("a\"b\\c"), "abc");
    }
}
