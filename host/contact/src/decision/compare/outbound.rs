//! Rulings on outbound attempts: the law is on the side of the stricter one.

use jackfield_types::Timestamp;

use super::{Differences, Grade};
use crate::decision::{Ruling, Verdict};

/// Later than every moment.
const NEVER: Timestamp = Timestamp(u64::MAX);

pub(super) fn compare(found: &mut Differences, before: &Ruling, after: &Ruling) {
    let allows = |ruling: &Ruling| ruling.verdict == Verdict::Allow;
    if before.verdict != after.verdict {
        let looser = allows(after) || opens_at(after) < opens_at(before);
        found.note(
            graded(looser),
            "/outbound/verdict",
            &before.verdict,
            &after.verdict,
        );
    }
    if before.next_permitted_at != after.next_permitted_at {
        let (was, is) = (permitted_at(before), permitted_at(after));
        // Of what is allowed now nobody waits for a later moment; what was opened or closed is said by the verdict.
        let grade = if allows(before) || allows(after) || was == is {
            Grade::Cosmetic
        } else {
            graded(is < was)
        };
        let at = "/outbound/next_permitted_at";
        found.note(grade, at, &before.next_permitted_at, &after.next_permitted_at);
    }
    found.field(Grade::Cosmetic, "/outbound/reason", &before.reason, &after.reason);
}

const fn graded(looser: bool) -> Grade {
    if looser { Grade::Forbidden } else { Grade::Material }
}

/// When the verdict lets this attempt be made at the earliest.
fn opens_at(ruling: &Ruling) -> Timestamp {
    match ruling.verdict {
        Verdict::Allow => Timestamp(0),
        Verdict::Defer(until) => until,
        Verdict::Substitute(_) | Verdict::Deny => ruling.next_permitted_at.unwrap_or(NEVER),
    }
}

/// The next permitted moment; that of the verdict where none is named.
fn permitted_at(ruling: &Ruling) -> Timestamp {
    ruling.next_permitted_at.unwrap_or_else(|| opens_at(ruling))
}

#[cfg(test)]
mod tests {
    use jackfield_types::Channel;

    use super::super::tests::{self, differences};
    use super::*;
    use crate::decision::Answer;

    fn ruling(verdict: Verdict, next: Option<u64>) -> Ruling {
        Ruling {
            verdict,
            reason: "quiet-hours".into(),
            next_permitted_at: next.map(Timestamp),
        }
    }

    fn found(before: &Ruling, after: &Ruling) -> Vec<(String, Grade)> {
        let answer = |ruling: &Ruling| Answer::Outbound(ruling.clone());
        differences(&tests::outbound(), answer(before), answer(after))
    }

    #[test]
    fn verdicts_are_graded_by_how_strict_they_are() {
        use Verdict::{Allow, Defer, Deny, Substitute};
        let until = |ms| Defer(Timestamp(ms));
        let chat = Substitute(Channel::Chat);
        for (before, after, grade) in [
            ((Deny, None), (Allow, None), Grade::Forbidden),
            ((until(10), None), (Allow, None), Grade::Forbidden),
            ((until(0), None), (Allow, None), Grade::Forbidden),
            ((chat, None), (Allow, None), Grade::Forbidden),
            ((until(10), None), (until(9), None), Grade::Forbidden),
            ((Deny, None), (until(10), None), Grade::Forbidden),
            ((Deny, Some(10)), (until(9), None), Grade::Forbidden),
            ((Deny, Some(10)), (until(10), None), Grade::Material),
            ((Deny, None), (chat, None), Grade::Material),
            ((until(10), None), (until(11), None), Grade::Material),
            ((until(10), None), (Deny, None), Grade::Material),
            ((Allow, None), (Deny, None), Grade::Material),
            ((Allow, None), (until(10), None), Grade::Material),
            ((Allow, None), (chat, None), Grade::Material),
        ] {
            let (before, after) = (ruling(before.0, before.1), ruling(after.0, after.1));
            let found = found(&before, &after);
            assert_eq!(
                found[0],
                ("/outbound/verdict".to_owned(), grade),
                "{before:?} → {after:?}"
            );
        }
    }

    #[test]
    fn an_earlier_next_moment_is_forbidden() {
        use Verdict::{Allow, Defer, Deny};
        let at = |grade| vec![("/outbound/next_permitted_at".to_owned(), grade)];
        let until = Defer(Timestamp(10));
        for (verdict, before, after, grade) in [
            (Deny, Some(10), Some(9), Grade::Forbidden),
            (Deny, None, Some(9), Grade::Forbidden),
            (Deny, Some(10), Some(11), Grade::Material),
            (Deny, Some(10), None, Grade::Material),
            (until, Some(10), None, Grade::Cosmetic),
            (until, Some(20), None, Grade::Forbidden),
            (Allow, Some(10), Some(9), Grade::Cosmetic),
        ] {
            let found = found(&ruling(verdict, before), &ruling(verdict, after));
            assert_eq!(found, at(grade), "{verdict:?} {before:?} → {after:?}");
        }
    }

    #[test]
    fn a_reason_is_for_people() {
        let mut other = ruling(Verdict::Deny, None);
        other.reason = "holiday".into();
        let found = found(&ruling(Verdict::Deny, None), &other);
        assert_eq!(found, [("/outbound/reason".to_owned(), Grade::Cosmetic)]);
    }
}
