use jackfield_plugin::{
    customer::{Customer, PastInteraction},
    testing::{Host, customer, names, occasion, past, survey},
};

use super::*;

fn ask(known: Customer, history: Vec<PastInteraction>, csat: &[u8], occasion: Occasion) -> Vec<TagChange> {
    let mut host = Host {
        customer: Some(known),
        history,
        surveys: csat.iter().map(|value| survey("csat", *value, 1..=5)).collect(),
        ..Host::new()
    };
    host.tags::<ChurnTags>(occasion).unwrap()
}

#[test]
fn what_speaks_for_leaving_adds_up() {
    let run = || occasion("", &[("occasion", "run")]);
    // The day 20,000 after 1970 is 2024-10-04.
    let ends = [("relationship.until", "2024-11-01")];
    for (expected, known, history, csat, occasion) in [
        (vec![], customer(900, &[], &[]), vec![past(10, 0)], vec![5], run()),
        (
            vec!["+churn:medium"],
            customer(900, &[], &[]),
            vec![past(200, 0)],
            vec![],
            run(),
        ),
        (
            vec!["+churn:high"],
            customer(900, &ends, &[]),
            vec![past(200, 0)],
            vec![],
            run(),
        ),
        (
            vec!["+churn:medium"],
            customer(900, &[], &[]),
            vec![PastInteraction {
                abandoned: true,
                ..past(3, 0)
            }],
            vec![1],
            run(),
        ),
        (
            vec!["+churn:high"],
            customer(900, &ends, &["intent:cancel"]),
            vec![past(3, 0)],
            vec![5],
            run(),
        ),
        (
            vec!["+churn:medium"],
            customer(900, &[], &[]),
            vec![past(3, 0)],
            vec![2, 1],
            occasion("now", &[("call-type", "complaint")]),
        ),
    ] {
        let changes = ask(known, history, &csat, occasion);
        assert_eq!(names(&changes), expected, "{changes:?}");
    }
}

#[test]
fn a_risk_that_is_gone_is_taken_away() {
    let known = customer(900, &[], &["churn:high", "vip"]);
    let changes = ask(known, vec![past(3, 0)], &[5], occasion("now", &[]));
    assert_eq!(names(&changes), ["-churn:high"]);
}
