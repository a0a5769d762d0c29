use jackfield_plugin::{
    Phase, Tag,
    customer::{Evaluation, PastInteraction, PhaseEmotion, Survey},
    tag_generator::{Occasion, TagChange},
    testing::{self, Host, NOW, customer, past, survey},
};

use super::{DAY_MS, RfmMoodTags};

fn occasion(abandoned: bool) -> Occasion {
    Occasion {
        abandoned,
        ..testing::occasion("now", &[])
    }
}

fn ask(host: &mut Host, occasion: Occasion) -> Vec<TagChange> {
    host.tags::<RfmMoodTags>(occasion).unwrap()
}

fn known(history: Vec<PastInteraction>) -> Host {
    Host {
        customer: Some(customer(900, &[], &[])),
        history,
        ..Host::new()
    }
}

/// The name of the only tag that is added.
fn added(changes: &[TagChange]) -> &str {
    match changes {
        [TagChange::Add(tag)] => &tag.name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_caller_gets_no_tags() {
    assert_eq!(ask(&mut Host::new(), occasion(true)), []);
}

#[test]
fn segments_follow_the_scores() {
    let regular = |days: &[u64], value| days.iter().map(|days| past(*days, value)).collect::<Vec<_>>();
    let cases = [
        ("rfm:new", vec![]),
        ("rfm:champion", regular(&[5, 20, 40, 60, 80, 100], 0)),
        ("rfm:champion", regular(&[5, 20, 40, 60, 80, 100], 80_000)),
        ("rfm:big-spender", regular(&[20], 500_000)),
        ("rfm:loyal", regular(&[40, 60, 80], 0)),
        ("rfm:promising", regular(&[60], 100)),
        ("rfm:at-risk", regular(&[200, 220, 240], 0)),
        ("rfm:at-risk", regular(&[200], 900_000)),
        ("rfm:hibernating", regular(&[300], 0)),
    ];
    for (name, history) in cases {
        let changes = ask(&mut known(history.clone()), occasion(false));
        assert_eq!(added(&changes), name, "{history:?}");
    }
}

#[test]
fn this_contact_counts_once_even_when_the_history_tells_it() {
    let mut told = past(0, 0);
    told.id = "now".to_owned();
    let with = ask(&mut known(vec![told, past(40, 0)]), occasion(false));
    let without = ask(&mut known(vec![past(40, 0)]), occasion(false));
    assert_eq!(with, without);
}

#[test]
fn held_tags_are_refreshed_and_the_rest_of_the_family_expires() {
    let mut host = known(vec![past(40, 0), past(60, 0), past(80, 0)]);
    host.customer = Some(customer(900, &[], &["rfm:loyal", "rfm:new", "vip"]));
    let changes = ask(&mut host, occasion(false));
    assert_eq!(changes[0], TagChange::Expire("rfm:new".to_owned()));
    let TagChange::Refresh(tag) = &changes[1] else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (tag.name.as_str(), tag.expires_at),
        ("rfm:loyal", Some(NOW + 90 * DAY_MS))
    );
    assert!(
        tag.confidence > 60 && tag.reason.contains("4 contacts"),
        "{tag:?}"
    );
    assert_eq!(changes.len(), 2);
}

fn mood(host: &mut Host, abandoned: bool) -> Option<Tag> {
    ask(host, occasion(abandoned))
        .into_iter()
        .find_map(|change| match change {
            TagChange::Add(tag) if tag.name.starts_with("mood:") => Some(tag),
            _ => None,
        })
}

#[test]
fn mood_is_the_median_of_what_is_known() {
    let mut host = known(vec![]);
    assert_eq!(mood(&mut host, false), None);
    assert_eq!(mood(&mut host, true).unwrap().name, "mood:unhappy");

    host.surveys = vec![
        survey("csat", 5, 1..=5),
        survey("nps", 9, 0..=9),
        survey("expectation", 1, 1..=5),
    ];
    let happy = mood(&mut host, false).unwrap();
    assert_eq!(happy.name, "mood:happy");
    assert!(happy.reason.contains("2 survey answers"), "{}", happy.reason);

    let emotion = |phase, emotion| PhaseEmotion { phase, emotion };
    host.evaluations = vec![Evaluation {
        interaction: String::new(),
        at: NOW - DAY_MS,
        agent: None,
        score: None,
        emotions: vec![emotion(Phase::Close, 3), emotion(Phase::Open, 1)],
    }];
    host.surveys.truncate(1);
    assert_eq!(mood(&mut host, true).unwrap().name, "mood:neutral");
}

#[test]
fn what_is_long_ago_or_has_no_scale_says_nothing() {
    let mut host = known(vec![]);
    host.surveys = vec![
        Survey {
            at: NOW - 31 * DAY_MS,
            ..survey("csat", 1, 1..=5)
        },
        survey("flag", 1, 1..=1),
    ];
    assert_eq!(mood(&mut host, false), None);
}

#[test]
fn without_an_interaction_only_what_is_told_counts() {
    let run = Occasion {
        id: String::new(),
        ..occasion(false)
    };
    let changes = ask(&mut known(vec![past(40, 0), past(60, 0)]), run);
    let TagChange::Add(tag) = &changes[0] else {
        panic!("{changes:?}")
    };
    assert!(tag.reason.contains("2 contacts"), "{tag:?}");
}
