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
        id: lower.shown(question.interaction),
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
