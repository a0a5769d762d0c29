//! Changes of tags: those of one tag in their order, those of different tags in any.

use std::collections::BTreeMap;

use super::{Differences, Grade};
use crate::decision::{Tag, TagChange};

/// Confidence may move by less than so many percentage points before it counts as another one.
const CONFIDENCE_POINTS: u8 = 5;

pub(super) fn compare(found: &mut Differences, before: &[TagChange], after: &[TagChange]) {
    let start = found.len();
    let (was, is) = (by_name(before), by_name(after));
    for ((name, turn), (n, change)) in &was {
        let at = format!("/tags/{n}");
        match (change, is.get(&(name, *turn)).map(|(_, change)| *change)) {
            (TagChange::Add(was), Some(TagChange::Add(is))) => tag(found, &(at + "/add"), was, is),
            (TagChange::Refresh(was), Some(TagChange::Refresh(is))) => {
                tag(found, &(at + "/refresh"), was, is);
            }
            (was, Some(is)) => found.field(Grade::Material, at, *was, is),
            (was, None) => found.note(Grade::Material, at, was, &()),
        }
    }
    for (key, (n, change)) in &is {
        if !was.contains_key(key) {
            found.note(Grade::Material, format_args!("/tags/{n}"), &(), change);
        }
    }
    found.order(start, "/tags", before, after);
}

/// By name, and by turn among the changes of that name; with the index in the list.
fn by_name(changes: &[TagChange]) -> BTreeMap<(&str, usize), (usize, &TagChange)> {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut named = BTreeMap::new();
    for (n, change) in changes.iter().enumerate() {
        let name: &str = match change {
            TagChange::Add(tag) | TagChange::Refresh(tag) => &tag.name,
            TagChange::Expire(name) => name,
        };
        let turn = turns.entry(name).or_default();
        named.insert((name, *turn), (n, change));
        *turn += 1;
    }
    named
}

fn tag(found: &mut Differences, at: &str, was: &Tag, is: &Tag) {
    let near = was.confidence.abs_diff(is.confidence) < CONFIDENCE_POINTS;
    let grade = if near { Grade::Cosmetic } else { Grade::Material };
    found.field(
        grade,
        format_args!("{at}/confidence"),
        &was.confidence,
        &is.confidence,
    );
    found.field(
        Grade::Cosmetic,
        format_args!("{at}/reason"),
        &was.reason,
        &is.reason,
    );
    let at = format_args!("{at}/expires_at");
    found.field(Grade::Material, at, &was.expires_at, &is.expires_at);
}

#[cfg(test)]
mod tests {
    use jackfield_types::Timestamp;

    use super::super::tests::{self, differences};
    use super::*;
    use crate::decision::Answer;

    fn vip(change: fn(&mut Tag)) -> Tag {
        let mut tag = Tag {
            name: "vip".into(),
            confidence: 50,
            reason: "r".into(),
            expires_at: None,
        };
        change(&mut tag);
        tag
    }

    fn found(before: Vec<TagChange>, after: Vec<TagChange>) -> Vec<(String, Grade)> {
        differences(&tests::tags(), Answer::Tags(before), Answer::Tags(after))
    }

    fn at(path: &str, grade: Grade) -> Vec<(String, Grade)> {
        vec![(format!("/tags{path}"), grade)]
    }

    #[test]
    fn fields_of_a_tag() {
        for (change, path, grade) in [
            (vip(|tag| tag.confidence = 54), "confidence", Grade::Cosmetic),
            (vip(|tag| tag.confidence = 46), "confidence", Grade::Cosmetic),
            (vip(|tag| tag.confidence = 55), "confidence", Grade::Material),
            (vip(|tag| tag.reason = "s".into()), "reason", Grade::Cosmetic),
            (
                vip(|tag| tag.expires_at = Some(Timestamp(1))),
                "expires_at",
                Grade::Material,
            ),
        ] {
            let added = found(
                vec![TagChange::Add(vip(|_| ()))],
                vec![TagChange::Add(change.clone())],
            );
            assert_eq!(added, at(&format!("/0/add/{path}"), grade), "{change:?}");
            let kept = found(
                vec![TagChange::Refresh(vip(|_| ()))],
                vec![TagChange::Refresh(change)],
            );
            assert_eq!(kept, at(&format!("/0/refresh/{path}"), grade));
        }
    }

    #[test]
    fn other_changes_are_material_and_order_counts_within_a_tag() {
        let add = || TagChange::Add(vip(|_| ()));
        let expire = |name: &str| TagChange::Expire(name.into());
        assert_eq!(found(vec![add()], vec![]), at("/0", Grade::Material));
        assert_eq!(found(vec![], vec![add()]), at("/0", Grade::Material));
        let refresh = TagChange::Refresh(vip(|_| ()));
        assert_eq!(found(vec![add()], vec![refresh]), at("/0", Grade::Material));
        let other = found(vec![add(), expire("old")], vec![expire("old"), add()]);
        assert_eq!(other, at("", Grade::Cosmetic));
        let same = found(vec![add(), expire("vip")], vec![expire("vip"), add()]);
        assert!(
            same.iter().all(|(_, grade)| *grade == Grade::Material),
            "{same:?}"
        );
    }
}
