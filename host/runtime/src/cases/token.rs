//! Links for customers: a few bytes that say what is meant, and a seal that only this tenant's key can make.

use crate::customers::Keys;

/// Letters and digits of a token: those of Crockford's base 32, which nobody takes for another.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// No token of ours is longer.
const MAX_TOKEN: usize = 64;

/// A kind of link, with the bytes of its body and of its seal; both together are a multiple of five, so that no symbol is
/// half used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    body: usize,
    seal: usize,
}

impl Kind {
    /// One that other modules make.
    pub(crate) const fn new(name: &'static str, body: usize, seal: usize) -> Self {
        Self { name, body, seal }
    }
}

/// To a case's page: its number, and how many links were revoked before. Good as long as the case, so its seal is long.
pub(crate) const CASE_LINK: Kind = Kind {
    name: "case-link",
    body: 7,
    seal: 13,
};
/// To a page for remote assistance: a random code, good for days at most. Short, since it is read out on the telephone; code
/// and seal together are 80 bits that have to be guessed.
pub(crate) const ASSISTANCE_LINK: Kind = Kind {
    name: "assistance-link",
    body: 5,
    seal: 5,
};
/// In the Message-ID of an e-mail that is sent: the interaction and the message's number. Good for ever, and nobody's to
/// guess.
pub(crate) const MAIL_ID: Kind = Kind {
    name: "mail-id",
    body: 20,
    seal: 10,
};

/// A token of this kind, in groups of four symbols.
pub(crate) fn make(keys: &Keys, kind: Kind, body: &[u8]) -> String {
    let seal = keys.blind(kind.name, &encode(body));
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(&seal[..kind.seal]);
    let text = encode(&bytes);
    let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join("-")
}

/// The token whose body is written as this code.
pub(crate) fn of_code(keys: &Keys, kind: Kind, code: &str) -> Option<String> {
    let body = decode(code).filter(|body| body.len() == kind.body)?;
    Some(make(keys, kind, &body))
}

/// The body of a token that this tenant has made; `None` of any other.
pub(crate) fn open(keys: &Keys, kind: Kind, token: &str) -> Option<Vec<u8>> {
    let mut bytes = decode(token).filter(|bytes| bytes.len() == kind.body + kind.seal)?;
    let given = bytes.split_off(kind.body);
    let seal = keys.blind(kind.name, &encode(&bytes));
    // In the same time, however much of it is right.
    let differs = given
        .iter()
        .zip(&seal)
        .fold(0, |differs, (a, b)| differs | (a ^ b));
    (differs == 0).then_some(bytes)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(SYMBOLS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(SYMBOLS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// As people type it: in capitals or not, with or without the hyphens, with an o for a zero.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TOKEN {
        return None;
    }
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for c in text.bytes().filter(|c| *c != b'-') {
        let c = match c.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            c => c,
        };
        let value = SYMBOLS.iter().position(|symbol| *symbol == c)?;
        held = (held << 5 | value as u32) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use jackfield_types::TenantId;

    use super::*;

    fn keys(tenant: &str, secret: u8) -> Keys {
        Keys::new(&TenantId::new(tenant).unwrap(), &[secret; 32]).unwrap()
    }

    #[test]
    fn a_token_is_opened_by_its_tenant_and_kind_alone_however_it_is_typed() {
        let (mine, theirs) = (keys("one", 1), keys("two", 2));
        let body = [0xde, 0xad, 0xbe, 0xef, 9];
        let token = make(&mine, ASSISTANCE_LINK, &body);
        assert_eq!(token.len(), 19, "{token}");
        assert_eq!(
            of_code(&mine, ASSISTANCE_LINK, &encode(&body)).as_ref(),
            Some(&token)
        );
        assert_eq!(of_code(&mine, CASE_LINK, &encode(&body)), None);
        let typed = token.to_ascii_uppercase().replace('-', "").replace('0', "O");
        for token in [&token, &typed] {
            assert_eq!(open(&mine, ASSISTANCE_LINK, token), Some(body.to_vec()));
            assert_eq!(open(&theirs, ASSISTANCE_LINK, token), None);
            assert_eq!(open(&mine, CASE_LINK, token), None);
        }
        let long = make(&mine, CASE_LINK, &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(long.replace('-', "").len(), 32);
        assert_eq!(open(&mine, CASE_LINK, &long), Some(vec![1, 2, 3, 4, 5, 6, 7]));
    }

    #[test]
    fn a_token_with_any_symbol_changed_is_none() {
        let keys = keys("one", 1);
        let token = make(&keys, CASE_LINK, &[0; 7]);
        for (at, was) in token.char_indices().filter(|(_, c)| *c != '-') {
            let other = if was == 'z' { "y" } else { "z" };
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(open(&keys, CASE_LINK, &changed), None, "{changed}");
        }
        for bad in ["", "-", "u", "é", "../..", &"0".repeat(65)] {
            assert_eq!(open(&keys, CASE_LINK, bad), None, "{bad}");
        }
    }
}
