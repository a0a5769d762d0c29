use jackfield_contact::decision::{Failure, TagChange, TagQuestion};
use jackfield_types::limits::MAX_TAGS;
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::Checker,
    bindings::exports::cx::tag_generator::tagger::{self as wit, GuestIndices},
    fault::Fault,
    lower::Lower,
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &TagQuestion,
    ceilings: &Ceilings,
) -> Result<Vec<TagChange>, Fault> {
    let occasion = occasion(question, ceilings.input_bytes)?;
    let changes = guest.load(&mut *store, instance)?.call_tags(store, &occasion)??;
    Ok(checked(changes, ceilings.output_bytes)?)
}

fn occasion(question: &TagQuestion, limit: usize) -> Result<wit::Occasion, Failure> {
    let mut lower = Lower::question(limit);
    let occasion = wit::Occasion {
        id: question
            .interaction
            .map_or_else(String::new, |interaction| lower.shown(interaction)),
        channel: question.channel.into(),
        started_at: question.started_at.0,
        ended_at: question.ended_at.0,
        abandoned: question.abandoned,
        waited: question.waited_ms,
        talked: question.talked_ms,
        attributes: lower.attributes(&question.attributes),
        score: question.score,
    };
    lower.asked(occasion)
}

fn checked(changes: Vec<wit::TagChange>, limit: usize) -> Result<Vec<TagChange>, Failure> {
    let mut check = Checker::new(limit);
    check.list("tags", &changes, MAX_TAGS)?;
    changes
        .into_iter()
        .enumerate()
        .map(|(n, change)| {
            let at = format_args!("tags[{n}]");
            Ok(match change {
                wit::TagChange::Add(tag) => TagChange::Add(check.tag(at, tag)?),
                wit::TagChange::Refresh(tag) => TagChange::Refresh(check.tag(at, tag)?),
                wit::TagChange::Expire(name) => TagChange::Expire(check.name(at, name)?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::cx::types::types::Tag;

    #[test]
    fn tags_have_a_name_and_a_percentage() {
        let tag = |name: &str, confidence| Tag {
            name: name.into(),
            confidence,
            reason: "".into(),
            expires_at: Some(1),
        };
        let check = |changes| checked(changes, 64 * 1024).map_err(|failure| failure.message.to_string());
        let sound = vec![
            wit::TagChange::Add(tag("vip", 100)),
            wit::TagChange::Expire("old".into()),
        ];
        assert_eq!(check(sound).unwrap().len(), 2);
        for (change, part) in [
            (
                wit::TagChange::Add(tag("vip", 101)),
                "tags[0].confidence: found 101",
            ),
            (
                wit::TagChange::Refresh(tag("", 1)),
                "tags[0].name: found an empty text",
            ),
            (wit::TagChange::Expire("x".repeat(65)), "tags[0]: found 65 bytes"),
        ] {
            let error = check(vec![change]).unwrap_err();
            assert!(error.contains(part), "{error}: expected {part:?}");
        }
        assert!(
            check(vec![wit::TagChange::Expire("x".into()); 101])
                .unwrap_err()
                .contains("101 entries")
        );
    }
}
