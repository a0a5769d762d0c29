//! Routing plans: who is offered what, what overflows, and when to look again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Differences, Grade};
use crate::decision::{Assignment, Plan, RoutingQuestion};

pub(super) fn compare(found: &mut Differences, question: &RoutingQuestion, before: &Plan, after: &Plan) {
    assignments(found, question, &before.assignments, &after.assignments);
    overflows(found, &before.overflows, &after.overflows);
    let at = "/routing/look_again_at";
    found.field(Grade::Material, at, &before.look_again_at, &after.look_again_at);
}

fn assignments(
    found: &mut Differences,
    question: &RoutingQuestion,
    before: &[Assignment],
    after: &[Assignment],
) {
    let start = found.len();
    let strict = before.iter().all(|pair| is_able(question, pair));
    let graded = |pair: &Assignment| {
        if strict && !is_able(question, pair) {
            Grade::Forbidden
        } else {
            Grade::Material
        }
    };
    let (was, is) = (by_work(before), by_work(after));
    for (work, (n, pair)) in &was {
        let at = format_args!("/routing/assignments/{n}");
        match is.get(work) {
            Some((_, other)) if other.offer() == pair.offer() => {}
            Some((_, other)) => found.note(graded(&other.pair), at, &pair.pair, &other.pair),
            None => found.note(Grade::Material, at, &pair.pair, &()),
        }
    }
    for (work, (n, pair)) in &is {
        if !was.contains_key(work) {
            let at = format_args!("/routing/assignments/{n}");
            found.note(graded(&pair.pair), at, &(), &pair.pair);
        }
    }
    found.order(start, "/routing/assignments", before, after);
}

/// An assignment, and its place among those of the same agent: of several, the agent gets the first ones.
struct Offer {
    pair: Assignment,
    place: usize,
}

impl Offer {
    const fn offer(&self) -> (u32, usize) {
        (self.pair.agent, self.place)
    }
}

/// By work; with the index in the list.
fn by_work(pairs: &[Assignment]) -> BTreeMap<u32, (usize, Offer)> {
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut offers = BTreeMap::new();
    for (n, &pair) in pairs.iter().enumerate() {
        let place = places.entry(pair.agent).or_default();
        let offer = Offer { pair, place: *place };
        *place += 1;
        offers.entry(pair.work).or_insert((n, offer));
    }
    offers
}

/// Whether the agent has every skill at the level that the work asks for.
fn is_able(question: &RoutingQuestion, pair: &Assignment) -> bool {
    let work = question.work.get(pair.work as usize);
    let agent = question.agents.get(pair.agent as usize);
    let (Some(work), Some(agent)) = (work, agent) else {
        return false;
    };
    let has = |&(skill, level): &(u8, u8)| {
        let has = agent.levels.get(usize::from(skill));
        has.is_some_and(|&has| has >= level)
    };
    work.needs & !agent.skills == 0 && work.levels.iter().all(has)
}

fn overflows(found: &mut Differences, before: &[u32], after: &[u32]) {
    let start = found.len();
    let was: BTreeSet<_> = before.iter().collect();
    let is: BTreeSet<_> = after.iter().collect();
    let at = |list: &[u32], work: u32| {
        let index = list.iter().position(|&other| other == work).unwrap_or_default();
        format!("/routing/overflows/{index}")
    };
    for &&gone in was.difference(&is) {
        found.note(Grade::Material, at(before, gone), &gone, &());
    }
    for &&new in is.difference(&was) {
        found.note(Grade::Material, at(after, new), &(), &new);
    }
    found.order(start, "/routing/overflows", before, after);
}

#[cfg(test)]
mod tests {
    use jackfield_types::Timestamp;

    use super::super::tests::{differences, routing};
    use super::*;
    use crate::decision::{Answer, Question};

    fn plan(pairs: &[(u32, u32)], overflows: &[u32]) -> Plan {
        Plan {
            assignments: pairs
                .iter()
                .map(|&(work, agent)| Assignment { work, agent })
                .collect(),
            overflows: overflows.to_vec(),
            look_again_at: None,
        }
    }

    /// Work 0 asks for skill 0 at level 3, work 1 and 2 for nothing; agent 0 has level 5, agent 1 level 2, agent 2 none.
    fn question() -> Question {
        routing(&[&[(0, 3)], &[], &[]], &[&[5], &[2], &[0]])
    }

    fn found(before: Plan, after: Plan) -> Vec<(String, Grade)> {
        differences(&question(), Answer::Routing(before), Answer::Routing(after))
    }

    fn at(path: &str, grade: Grade) -> (String, Grade) {
        (format!("/routing/{path}"), grade)
    }

    #[test]
    fn order_is_cosmetic_except_for_one_agent() {
        let two = plan(&[(1, 0), (2, 1)], &[0]);
        assert_eq!(
            found(two, plan(&[(2, 1), (1, 0)], &[0])),
            [at("assignments", Grade::Cosmetic)]
        );
        assert_eq!(
            found(plan(&[], &[0, 1]), plan(&[], &[1, 0])),
            [at("overflows", Grade::Cosmetic)]
        );
        let found = found(plan(&[(1, 0), (2, 0)], &[]), plan(&[(2, 0), (1, 0)], &[]));
        assert!(
            found.iter().all(|(_, grade)| *grade == Grade::Material),
            "{found:?}"
        );
    }

    #[test]
    fn another_plan_is_material() {
        for (before, after, path) in [
            (plan(&[(1, 0)], &[]), plan(&[(1, 2)], &[]), "assignments/0"),
            (plan(&[(1, 0)], &[]), plan(&[], &[]), "assignments/0"),
            (plan(&[], &[]), plan(&[(1, 0)], &[]), "assignments/0"),
            (plan(&[], &[2]), plan(&[], &[]), "overflows/0"),
            (plan(&[], &[2]), plan(&[], &[1, 2]), "overflows/0"),
        ] {
            assert_eq!(found(before, after), [at(path, Grade::Material)]);
        }
        let mut later = plan(&[], &[]);
        later.look_again_at = Some(Timestamp(1));
        assert_eq!(
            found(plan(&[], &[]), later),
            [at("look_again_at", Grade::Material)]
        );
    }

    #[test]
    fn work_for_who_cannot_do_it_is_forbidden() {
        for agent in [1, 2] {
            for before in [plan(&[], &[]), plan(&[(0, 0)], &[])] {
                let after = plan(&[(0, agent)], &[]);
                assert_eq!(found(before, after), [at("assignments/0", Grade::Forbidden)]);
            }
        }
        let careless = plan(&[(0, 1)], &[]);
        assert_eq!(
            found(careless, plan(&[(0, 2)], &[])),
            [at("assignments/0", Grade::Material)]
        );
    }
}
