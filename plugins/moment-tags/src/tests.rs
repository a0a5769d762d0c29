use jackfield_plugin::{
    customer::Author,
    testing::{Host, NOW, customer, messages, names, occasion},
};

use super::*;

fn ask(config: &str, facts: &[(&str, &str)], texts: &[(Author, &str)], occasion: Occasion) -> Vec<TagChange> {
    let mut host = Host {
        config: config.to_owned(),
        customer: Some(customer(900, facts, &[])),
        messages: messages(texts),
        ..Host::new()
    };
    host.tags::<MomentTags>(occasion).unwrap()
}

#[test]
fn anniversaries_are_near_a_week_before() {
    // The day 20,000 after 1970 is 2024-10-04.
    let run = || occasion("", &[("occasion", "run")]);
    for (since, expected) in [
        ("2020-10-04", vec!["+moment:anniversary"]),
        ("2020-10-11", vec!["+moment:anniversary"]),
        ("2020-10-12", vec![]),
        ("2020-10-03", vec![]),
        ("2024-10-05", vec![]),
        ("nonsense", vec![]),
    ] {
        let changes = ask("", &[("relationship.since", since)], &[], run());
        assert_eq!(names(&changes), expected, "{since}");
    }
    let birthday = r#"{"birthday-attribute": "born", "days-before": 0}"#;
    let changes = ask(birthday, &[("born", "1990-10-04")], &[], run());
    assert_eq!(names(&changes), ["+moment:birthday"]);
    let (day, year) = next("1988-02-29", NOW).unwrap();
    assert_eq!((year, Some(day)), (2025, customer::midnight("2025-02-28")));
}

#[test]
fn rivals_and_public_complaints_are_heard() {
    let rivals = r#"{"rivals": ["Acme Net", "乙公司"]}"#;
    for text in ["ACME NET is cheaper", "我看乙公司便宜"] {
        let changes = ask(rivals, &[], &[(Author::Customer, text)], occasion("now", &[]));
        assert_eq!(names(&changes), ["+moment:rival"], "{text}");
    }
    let social = Occasion {
        channel: Channel::Social,
        ..occasion("now", &[])
    };
    let angry = [(Author::Customer, "我要投诉你们！")];
    let changes = ask("", &[], &angry, social.clone());
    assert_eq!(names(&changes), ["+moment:social-complaint"]);
    assert!(
        ask("", &[], &angry, occasion("now", &[])).is_empty(),
        "not in private"
    );
    assert!(
        ask("", &[], &[(Author::Agent, "投诉")], social).is_empty(),
        "the customer's words"
    );
}
