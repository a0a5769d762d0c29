//! Suggestions: an agent reads them from the top, so their order counts.

use super::{Differences, Grade};
use crate::decision::Suggestion;

/// Percentage points of confidence that make a difference.
const CONFIDENCE: u8 = 5;

pub(super) fn compare(found: &mut Differences, before: &[Suggestion], after: &[Suggestion]) {
    found.places("/assist", before, after, |was, is| {
        let close = |(was, is): (&Suggestion, &Suggestion)| {
            (&was.advice, &was.title, was.about) == (&is.advice, &is.title, is.about)
                && was.confidence.abs_diff(is.confidence) < CONFIDENCE
        };
        if was.zip(is).is_some_and(close) {
            Grade::Cosmetic
        } else {
            Grade::Material
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Advice;

    #[test]
    fn reasons_are_cosmetic_and_nothing_is_forbidden() {
        let suggestion = |title: &str, confidence, reason: &str| Suggestion {
            advice: Advice::Hint("calm".into()),
            title: title.into(),
            confidence,
            reason: reason.into(),
            about: None,
        };
        let before = [suggestion("a", 50, "x")];
        for (after, expected) in [
            (vec![suggestion("a", 50, "x")], Grade::Identical),
            (vec![suggestion("a", 54, "y")], Grade::Cosmetic),
            (vec![suggestion("a", 55, "x")], Grade::Material),
            (vec![suggestion("b", 50, "x")], Grade::Material),
            (vec![], Grade::Material),
        ] {
            let mut found = Differences::default();
            compare(&mut found, &before, &after);
            assert_eq!(found.done().grade, expected, "{after:?}");
        }
    }
}
