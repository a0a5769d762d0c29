use std::{fmt, ops::RangeInclusive, sync::Arc};

use jackfield_contact::decision::{Failure, Need, Tag};
use jackfield_types::{
    SkillId, Timestamp,
    limits::{MAX_CODE_BYTES, MAX_SKILL_LEVEL, MAX_TEXT_BYTES},
};

use crate::{bindings::cx::types::types as wit, fault::failure};

/// Skills that one piece of work may ask for.
const MAX_NEEDS: usize = 16;

/// Checks an answer against the contract and counts its bytes.
pub(crate) struct Checker {
    limit: usize,
    used: usize,
}

/// An answer that breaks a rule: names the field, what was found and what was expected.
pub(crate) fn invalid(
    field: impl fmt::Display,
    found: impl fmt::Display,
    expected: impl fmt::Display,
) -> Failure {
    failure(
        "invalid-answer",
        format_args!("{field}: found {found}, expected {expected}"),
    )
}

impl Checker {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Counts `bytes` of `field`.
    pub(crate) fn takes(&mut self, field: impl fmt::Display, bytes: usize) -> Result<(), Failure> {
        self.used = self.used.saturating_add(bytes);
        if self.used <= self.limit {
            Ok(())
        } else {
            let limit = self.limit;
            Err(failure(
                "oversize",
                format_args!("{field}: the answer has more than {limit} bytes"),
            ))
        }
    }

    /// How many bytes more there may be.
    pub(crate) const fn left(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    /// A list of at most `most` entries.
    pub(crate) fn list<T>(
        &mut self,
        field: impl fmt::Display,
        list: &[T],
        most: usize,
    ) -> Result<(), Failure> {
        if list.len() > most {
            let message = format_args!("{field}: found {} entries, expected at most {most}", list.len());
            return Err(failure("oversize", message));
        }
        self.takes(field, size_of_val(list))
    }

    /// A text of at most `most` bytes, possibly empty.
    pub(crate) fn text(
        &mut self,
        field: impl fmt::Display,
        text: String,
        most: usize,
    ) -> Result<Arc<str>, Failure> {
        if text.len() > most {
            let message = format_args!("{field}: found {} bytes, expected at most {most}", text.len());
            return Err(failure("oversize", message));
        }
        self.takes(field, text.len())?;
        Ok(text.into())
    }

    /// A text of 1 to `most` bytes.
    pub(crate) fn filled(
        &mut self,
        field: impl fmt::Display,
        text: String,
        most: usize,
    ) -> Result<Arc<str>, Failure> {
        if text.is_empty() {
            return Err(invalid(field, "an empty text", format_args!("1 to {most} bytes")));
        }
        self.text(field, text, most)
    }

    /// A name: 1 to 64 bytes.
    pub(crate) fn name(&mut self, field: impl fmt::Display, text: String) -> Result<Arc<str>, Failure> {
        self.filled(field, text, MAX_CODE_BYTES)
    }

    /// Skills that work asks for, at most 16.
    pub(crate) fn needs(&mut self, at: impl fmt::Display, found: &[wit::Need]) -> Result<Vec<Need>, Failure> {
        self.list(format_args!("{at}"), found, MAX_NEEDS)?;
        let mut needs = Vec::with_capacity(found.len());
        for (n, need) in found.iter().enumerate() {
            needs.push(Need {
                skill: SkillId::new(&need.skill).map_err(|error| {
                    invalid(format_args!("{at}[{n}].skill"), &error.value, error.expected)
                })?,
                level: self.number(format_args!("{at}[{n}].level"), need.level, 1..=MAX_SKILL_LEVEL)?,
            });
        }
        Ok(needs)
    }

    /// A number within a range.
    pub(crate) fn number<T: PartialOrd + fmt::Display>(
        &self,
        field: impl fmt::Display,
        number: T,
        range: RangeInclusive<T>,
    ) -> Result<T, Failure> {
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(invalid(
                field,
                number,
                format_args!("{} to {}", range.start(), range.end()),
            ))
        }
    }

    /// A finite number above 0.
    pub(crate) fn above_zero(&self, field: impl fmt::Display, number: f64) -> Result<f64, Failure> {
        if number.is_finite() && number > 0.0 {
            Ok(number)
        } else {
            Err(invalid(field, number, "a finite number above 0"))
        }
    }

    /// A tag.
    pub(crate) fn tag(&mut self, at: impl fmt::Display, tag: wit::Tag) -> Result<Tag, Failure> {
        Ok(Tag {
            name: self.name(format_args!("{at}.name"), tag.name)?,
            confidence: self.number(format_args!("{at}.confidence"), tag.confidence, 0..=100)?,
            reason: self.text(format_args!("{at}.reason"), tag.reason, MAX_TEXT_BYTES)?,
            expires_at: tag.expires_at.map(Timestamp),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_name_the_field_what_was_found_and_what_was_expected() {
        let mut check = Checker::new(100);
        let found = check
            .number("actions[3].gather.max-digits", 0, 1..=32)
            .unwrap_err();
        assert_eq!(&*found.code, "invalid-answer");
        assert_eq!(
            &*found.message,
            "actions[3].gather.max-digits: found 0, expected 1 to 32"
        );
        assert!(
            check
                .name("id", String::new())
                .unwrap_err()
                .message
                .contains("empty")
        );
        assert_eq!(&*check.name("id", "x".repeat(65)).unwrap_err().code, "oversize");
        assert_eq!(&*check.list("items", &[0u8; 3], 2).unwrap_err().code, "oversize");
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(check.above_zero("weight", bad).is_err());
        }
    }

    #[test]
    fn all_parts_together_are_limited_too() {
        let mut check = Checker::new(100);
        assert!(check.text("a", "x".repeat(60), 64).is_ok());
        let failure = check.text("b", "x".repeat(60), 64).unwrap_err();
        assert_eq!(
            (&*failure.code, &*failure.message),
            ("oversize", "b: the answer has more than 100 bytes")
        );
    }
}
