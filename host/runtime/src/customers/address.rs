//! Addresses: how a customer is known on a channel, `scheme:value`, in the one form in which they are compared.

use std::fmt;
use std::sync::Arc;

use jackfield_types::{CustomerId, E164, limits};
use phonenumber::{Mode, country};
use serde::{Deserialize, Serialize};

use super::CustomerError;

/// How a customer is known on a channel: `tel:` and E.164, `email:`, `wechat:` and the openid, `chat:` and the visitor,
/// `crm:` and the id in another system, or another scheme of a connector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

/// Where a number that is written without its country is at home: ISO 3166-1 alpha-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(country::Id);

impl Region {
    /// Reads `CN`, `GB`, `US`…
    pub fn new(text: &str) -> Result<Self, CustomerError> {
        text.parse().map(Self).map_err(|_| {
            CustomerError::invalid(
                "default_region",
                format!("{text:.16?}: expected ISO 3166-1 alpha-2, for example CN"),
            )
        })
    }

    /// The region of a number, by its prefix.
    pub fn of(number: &E164) -> Option<Self> {
        phonenumber::parse(None, number.as_str())
            .ok()?
            .country()
            .id()
            .map(Self)
    }
}

impl Address {
    /// Checks an address and writes it in its one form. A number without its country is taken for one of `region`.
    pub fn new(text: &str, region: Option<Region>) -> Result<Self, CustomerError> {
        let wrong =
            |expected: &str| CustomerError::invalid("identity", format!("{text:.140?}: expected {expected}"));
        let Some((scheme, value)) = text.trim().split_once(':') else {
            return Err(wrong(
                "scheme:value, for example tel:+8613800138000 or email:li@example.com",
            ));
        };
        let is_scheme = scheme.len() <= 16
            && scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_scheme {
            return Err(wrong("a scheme of 1 to 16 characters out of a-z, 0-9 and '-'"));
        }
        let value = match scheme {
            "tel" => number(value, region)
                .ok_or_else(|| match region {
                    Some(_) => wrong("a telephone number"),
                    None => wrong("a telephone number with its country, for example tel:+8613800138000, or a default region"),
                })?
                .as_str()
                .to_owned(),
            "email" => email(value).ok_or_else(|| wrong("an e-mail address, name@domain"))?,
            _ => value.trim().to_owned(),
        };
        let text_of = format!("{scheme}:{value}");
        let fits = !value.is_empty()
            && text_of.len() <= limits::MAX_CUSTOMER_ID_BYTES
            && value.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if fits {
            Ok(Self(text_of.into()))
        } else {
            Err(wrong(
                "at most 128 printable ASCII characters without space and '/'",
            ))
        }
    }

    /// `scheme:value`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the colon.
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// What stands behind the scheme.
    pub fn value(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, value)| value)
    }

    /// The number, when it is one.
    pub fn number(&self) -> Option<E164> {
        self.0
            .strip_prefix("tel:")
            .and_then(|number| E164::new(number).ok())
    }

    /// In the place of a customer, whom it stands for.
    pub fn as_customer(&self) -> Option<CustomerId> {
        CustomerId::new(&self.0).ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number in any form that people of the region write.
pub(crate) fn number(text: &str, region: Option<Region>) -> Option<E164> {
    let half_width = text.trim().chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2010}'..='\u{2015}' => '-',
        c => c,
    });
    let text: String = half_width.collect();
    let without_extension = text.split([';', 'x', '#']).next().unwrap_or_default();
    if text.starts_with('+') {
        // With its country, a number is judged by its length alone: plans of numbers change more often than this. Elsewhere
        // than in Italy and San Marino, a 0 in brackets is none of the number.
        let own_zero = ["+39", "+378"].iter().any(|code| text.starts_with(code));
        let zero = if own_zero { "0" } else { "" };
        return E164::new(&without_extension.replace("(0)", zero)).ok();
    }
    let parsed = phonenumber::parse(Some(region?.0), without_extension).ok()?;
    if !parsed.is_valid() {
        return None;
    }
    E164::new(&parsed.format().mode(Mode::E164).to_string()).ok()
}

fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, domain) = text.rsplit_once('@')?;
    let is_domain = domain.contains('.')
        && domain
            .split('.')
            .all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-'))
        && domain
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let is_name = !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name.bytes().all(|b| {
            b.is_ascii_graphic()
                && !matches!(
                    b,
                    b'@' | b'"' | b'(' | b')' | b',' | b':' | b';' | b'<' | b'>' | b'[' | b'\\' | b']'
                )
        });
    (is_domain && is_name).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str, region: &str) -> Option<String> {
        let region = Region::new(region).ok();
        Address::new(text, region).ok().map(|address| address.to_string())
    }

    #[test]
    fn numbers_of_all_national_forms_are_one() {
        for (text, region, number) in [
            ("tel:020 7946 0100", "GB", "tel:+442079460100"),
            ("tel:(020) 7946-0100", "GB", "tel:+442079460100"),
            ("tel:+44 (0)20 7946 0100", "US", "tel:+442079460100"),
            ("tel:+44 020 7946 0100", "", "tel:+442079460100"),
            ("tel:0044 020 7946 0100", "FR", "tel:+442079460100"),
            ("tel:+34 (0)91 123 45 67", "", "tel:+34911234567"),
            ("tel:+39 (0)6 698 12345", "", "tel:+390669812345"),
            ("tel:06 698 12345", "IT", "tel:+390669812345"),
            ("tel:0044 20 7946 0100", "FR", "tel:+442079460100"),
            ("tel:011 44 20 7946 0100", "US", "tel:+442079460100"),
            ("tel:138 0013 8000", "CN", "tel:+8613800138000"),
            ("tel:0086 138 0013 8000", "CN", "tel:+8613800138000"),
            ("tel:１３８００１３８０００", "CN", "tel:+8613800138000"),
            ("tel:010-6552-9988", "CN", "tel:+861065529988"),
            ("tel:(212) 736-5000", "US", "tel:+12127365000"),
            ("tel:06 12 34 56 78", "FR", "tel:+33612345678"),
            ("tel:8 (912) 345-67-89", "RU", "tel:+79123456789"),
            ("tel:+86-138-0013-8000", "", "tel:+8613800138000"),
        ] {
            assert_eq!(one(text, region).as_deref(), Some(number), "{text} of {region:?}");
        }
        for (text, region) in [
            ("tel:13800138000", ""),
            ("tel:110", "CN"),
            ("tel:hello", "GB"),
            ("tel:", "GB"),
            ("tel:12", "GB"),
            ("tel:+", "GB"),
        ] {
            assert_eq!(one(text, region), None, "{text}");
        }
    }

    #[test]
    fn other_addresses_have_one_form_too() {
        for (text, form) in [
            ("email: Li.Lei@Example.COM ", "email:li.lei@example.com"),
            ("wechat:oX_9-Ab", "wechat:oX_9-Ab"),
            ("crm:4711", "crm:4711"),
            ("sip:anna@pbx.local", "sip:anna@pbx.local"),
        ] {
            assert_eq!(one(text, "").as_deref(), Some(form));
        }
        for text in [
            "email:li",
            "email:@x.y",
            "email:a@b",
            "email:a b@c.d",
            "email:a@-b.c",
            "crm:",
            "CRM:1",
            "crm:a/b",
            "4711",
            "crm:李雷",
            "email:a@b.c,d@e.f",
        ] {
            assert_eq!(one(text, ""), None, "{text}");
        }
        assert_eq!(one(&format!("crm:{}", "a".repeat(125)), ""), None);
    }
}
