use jackfield_plugin::{
    customer::Author,
    testing::{Host, NOW, customer, messages, names, occasion},
};

use super::*;

fn ask(config: &str, texts: &[(Author, &str)], tags: &[&str], occasion: Occasion) -> Vec<TagChange> {
    let mut host = Host {
        config: config.to_owned(),
        customer: Some(customer(900, &[], tags)),
        messages: messages(texts),
        ..Host::new()
    };
    host.tags::<InterestTags>(occasion).unwrap()
}

#[test]
fn words_of_the_customer_speak_in_both_languages() {
    for (text, expected) in [
        ("How much is fibre?", vec!["+interest:broadband", "+intent:buy"]),
        ("我想把宽带提速", vec!["+interest:broadband", "+intent:upgrade"]),
        ("我要销户", vec!["+intent:cancel"]),
        ("The orders of the day, similar", vec![]),
        ("Going abroad, is there ROAMING?", vec!["+interest:roaming"]),
    ] {
        let said = [(Author::Agent, "cancel?"), (Author::Customer, text)];
        let changes = ask("", &said, &[], occasion("now", &[]));
        assert_eq!(names(&changes), expected, "{text}");
    }
}

#[test]
fn more_words_are_more_sure_and_a_tag_that_is_held_is_refreshed() {
    let said = [(Author::Customer, "宽带 光纤 网速")];
    let changes = ask("", &said, &["interest:broadband"], occasion("now", &[]));
    let [TagChange::Refresh(tag)] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (tag.confidence, tag.reason.as_str()),
        (85, "wrote: 宽带, 光纤, 网速")
    );
    assert_eq!(tag.expires_at, Some(NOW + 90 * DAY_MS));
}

#[test]
fn a_recorded_wish_and_own_topics_count() {
    let wish = [
        ("occasion", "intent"),
        ("intent.product", "Fibre/1000"),
        ("intent.confidence", "70"),
    ];
    let changes = ask("", &[], &[], occasion("", &wish));
    assert_eq!(names(&changes), ["+interest:fibre-1000"]);
    let topics = r#"{"topics": [{"tag": "interest:garden", "words": ["hose"]}]}"#;
    let changes = ask(
        topics,
        &[(Author::Customer, "a hose for fibre")],
        &[],
        occasion("now", &[]),
    );
    assert_eq!(names(&changes), ["+interest:garden"]);
    assert!(ask("", &[], &[], occasion("", &[("occasion", "run")])).is_empty());
}
