use jackfield_plugin::testing::{Host, customer, names, occasion, past, survey};

use super::*;

fn ask(config: &str, known: Customer, history: Vec<PastInteraction>, occasion: Occasion) -> Vec<TagChange> {
    let mut host = Host {
        config: config.to_owned(),
        customer: Some(known),
        history,
        surveys: vec![survey("csat", 5, 1..=5)],
        ..Host::new()
    };
    host.tags::<ValueTags>(occasion).unwrap()
}

#[test]
fn value_or_an_attribute_makes_a_vip() {
    let rich = ask(
        "",
        customer(900, &[], &[]),
        vec![past(10, 1_000_000)],
        occasion("now", &[]),
    );
    assert_eq!(names(&rich), ["+value:vip"]);
    let long_ago = ask(
        "",
        customer(900, &[], &["value:vip"]),
        vec![past(400, 1_000_000)],
        occasion("now", &[]),
    );
    assert_eq!(names(&long_ago), ["-value:vip"]);
    let tier = r#"{"vip-attribute": "tier", "vip-values": ["gold"]}"#;
    let gold = ask(
        tier,
        customer(900, &[("tier", "gold")], &["value:vip"]),
        vec![],
        occasion("", &[]),
    );
    assert_eq!(names(&gold), ["=value:vip"]);
}

#[test]
fn an_upgrade_needs_points_from_several_sides() {
    let facts = [
        ("relationship.since", "2020-01-01"),
        ("relationship.products", "Fibre 100"),
    ];
    let wish = [
        ("occasion", "intent"),
        ("intent.product", "fibre-1000"),
        ("intent.confidence", "70"),
    ];
    let wanted = ask("", customer(900, &facts, &[]), vec![], occasion("", &wish));
    assert_eq!(names(&wanted), ["+value:upgrade"]);
    let TagChange::Add(tag) = &wanted[0] else {
        panic!("{wanted:?}")
    };
    assert!(
        tag.reason.contains("wish to buy fibre-1000") && tag.confidence == 95,
        "{tag:?}"
    );
    let silent = ask(
        "",
        customer(900, &facts, &[]),
        vec![],
        occasion("", &[("occasion", "run")]),
    );
    assert_eq!(names(&silent), Vec::<String>::new());
    let spends = ask(
        "",
        customer(900, &facts, &[]),
        vec![past(9, 100_000)],
        occasion("now", &[]),
    );
    assert_eq!(names(&spends), ["+value:upgrade"]);
    let two = [("relationship.products", "Fibre 100; TV")];
    let gone = ask(
        "",
        customer(900, &two, &["value:upgrade"]),
        vec![],
        occasion("", &[("occasion", "run")]),
    );
    assert_eq!(names(&gone), ["-value:upgrade"]);
}
