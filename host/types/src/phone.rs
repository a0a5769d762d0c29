use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Calling codes of countries where a number within the country is written with a 0 before it that is no part of it, and none
/// begins with a single 0: those of libphonenumber's metadata 9.0.33 whose national prefix is 0. Not among them are Italy,
/// Gabon, Ivory Coast and others, whose numbers have a 0 of their own.
const ZERO_IN_FRONT: &[u16] = &[
    20, 27, 31, 32, 33, 40, 41, 43, 44, 46, 49, 51, 53, 54, 55, 57, 58, 60, 61, 62, 63, 64, 66, 81, 82, 84,
    86, 90, 91, 92, 93, 94, 95, 98, 211, 212, 213, 218, 231, 232, 233, 234, 243, 249, 251, 252, 254, 255,
    256, 260, 261, 262, 263, 264, 265, 291, 353, 355, 358, 359, 370, 373, 374, 377, 380, 381, 382, 383, 385,
    386, 387, 389, 421, 423, 508, 590, 591, 593, 594, 595, 596, 598, 686, 850, 855, 856, 880, 886, 961, 962,
    963, 964, 966, 967, 970, 971, 972, 976, 977, 994, 995, 996,
];

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
    /// Checks and wraps a number. Spaces, dashes, dots and parentheses between digits are dropped, and so is a 0 behind the
    /// country's code that is only dialled within the country: `+44 020 7946 0100` is `+442079460100`, while the 0 of
    /// `+39 06 698…` stays.
    pub fn new(text: &str) -> Result<Self, InvalidNumber> {
        let invalid = || InvalidNumber(text.chars().take(64).collect());
        let mut number = String::with_capacity(17);
        for c in text.trim().chars() {
            match c {
                '+' if number.is_empty() => number.push('+'),
                '0'..='9' if !number.is_empty() && number.len() < 17 => number.push(c),
                ' ' | '-' | '.' | '(' | ')' if !number.is_empty() => {}
                _ => return Err(invalid()),
            }
        }
        if let Some(zero) = zero_in_front(&number) {
            number.remove(zero);
        }
        if !(8..=16).contains(&number.len()) || number[1..].starts_with('0') {
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

/// Where `+` and digits have a 0 that is no part of the number. One before another 0 is not: some numbers begin with two.
fn zero_in_front(number: &str) -> Option<usize> {
    (3..=4).find(|end| {
        let code = number.get(1..*end).and_then(|code| code.parse().ok());
        let mut rest = number.bytes().skip(*end);
        code.is_some_and(|code: u16| ZERO_IN_FRONT.binary_search(&code).is_ok())
            && rest.next() == Some(b'0')
            && rest.next() != Some(b'0')
    })
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
        for (written, number) in [
            ("+44 020 7946 0000", "+442079460000"),
            ("+44 (0)20 7946 0000", "+442079460000"),
            ("+86 010 6552 9988", "+861065529988"),
            ("+49 0 30 123456", "+4930123456"),
            ("+353 01 234 5678", "+35312345678"),
            ("+81 03 1234 5678", "+81312345678"),
            // As long as any, with the 0.
            ("+49 0 30 12345678901", "+493012345678901"),
            // Their own.
            ("+39 06 698 12345", "+390669812345"),
            ("+378 0549 882345", "+3780549882345"),
            ("+225 01 23 45 67 89", "+2250123456789"),
            ("+241 06 03 12 34", "+24106031234"),
            ("+91 000 800 1234567", "+910008001234567"),
            ("+1 012 345 6789", "+10123456789"),
            ("+44 20 7946 0000", "+442079460000"),
        ] {
            assert_eq!(E164::new(written).unwrap().as_str(), number, "{written}");
        }
        assert!(ZERO_IN_FRONT.is_sorted());
        for bad in [
            "",
            "+",
            "+44 0 1234",
            "+39 0123456789012345",
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
