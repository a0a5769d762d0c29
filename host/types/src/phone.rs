use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A telephone number in E.164 form: `+`, then 7 to 15 digits, the first not 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E164(Arc<str>);

/// A text that is not an E.164 number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "number {0:?} is not valid: expected E.164, that is '+' and 7 to 15 digits, for example +8613800138000"
)]
pub struct InvalidNumber(pub String);

impl E164 {
    /// Checks and wraps a number. Spaces, dashes, dots and parentheses between digits are dropped.
    pub fn new(text: &str) -> Result<Self, InvalidNumber> {
        let invalid = || InvalidNumber(text.chars().take(64).collect());
        let mut number = String::with_capacity(16);
        for c in text.trim().chars() {
            match c {
                '+' if number.is_empty() => number.push('+'),
                '0'..='9' if !number.is_empty() && number.len() < 16 => number.push(c),
                ' ' | '-' | '.' | '(' | ')' if !number.is_empty() => {}
                _ => return Err(invalid()),
            }
        }
        if number.len() < 8 || number[1..].starts_with('0') {
            Err(invalid())
        } else {
            Ok(Self(number.into()))
        }
    }

    /// `+` and the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for E164 {
    type Err = InvalidNumber;
    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        Self::new(text)
    }
}

impl Serialize for E164 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for E164 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_normalised_or_refused() {
        assert_eq!(E164::new("+86 138-0013 8000").unwrap().as_str(), "+8613800138000");
        assert_eq!(E164::new("+1 (415) 555.0100").unwrap().as_str(), "+14155550100");
        for bad in [
            "",
            "+",
            "123",
            "+123456",
            "+0123456789",
            "+1234567890123456",
            "+1x",
            "1+2345678",
            "呼+8613800138000",
        ] {
            assert!(E164::new(bad).is_err(), "{bad}");
        }
    }
}
