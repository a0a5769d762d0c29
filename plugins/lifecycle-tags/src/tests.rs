use jackfield_plugin::testing::{Host, customer, names, occasion, past};

use super::*;

#[test]
fn the_stage_follows_contacts_and_tenure() {
    let run = || occasion("", &[("occasion", "run")]);
    let call = || occasion("now", &[]);
    for (expected, known_days, since, history, occasion) in [
        ("+life:new", 10, None, vec![], call()),
        ("+life:active", 10, Some("2001-01-01"), vec![past(5, 0)], run()),
        ("+life:active", 900, None, vec![past(80, 0)], run()),
        ("+life:dormant", 900, None, vec![past(100, 0)], run()),
        ("+life:lost", 900, None, vec![past(400, 0)], run()),
        ("+life:returning", 900, None, vec![past(400, 0)], call()),
        ("+life:active", 900, None, vec![past(20, 0)], call()),
        ("+life:lost", 900, None, vec![], run()),
    ] {
        let since: Vec<_> = since
            .map(|date| ("relationship.since", date))
            .into_iter()
            .collect();
        let mut host = Host {
            customer: Some(customer(known_days, &since, &[])),
            history,
            ..Host::new()
        };
        let changes = host.tags::<LifecycleTags>(occasion).unwrap();
        assert_eq!(names(&changes), [expected], "{changes:?}");
    }
}

#[test]
fn one_stage_at_a_time_and_nobody_without_a_customer() {
    let mut host = Host {
        customer: Some(customer(900, &[], &["life:dormant", "vip"])),
        history: vec![past(400, 0)],
        ..Host::new()
    };
    let changes = host.tags::<LifecycleTags>(occasion("now", &[])).unwrap();
    assert_eq!(names(&changes), ["-life:dormant", "+life:returning"]);
    assert!(
        Host::new()
            .tags::<LifecycleTags>(occasion("now", &[]))
            .unwrap()
            .is_empty()
    );
}
