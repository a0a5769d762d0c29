use jackfield_plugin::{
    Channel,
    outbound_rule::{Attempt, Consent, LocalTime, Ruling, Verdict},
    testing::Host,
};

use super::QuietHours;

/// 12 January 2026, a Monday, 00:00:30 UTC.
const MONDAY: u64 = 1_768_176_030_000;
const MINUTE: u64 = 60_000;

/// The moment `minutes` after `MONDAY` in a zone that is `offset` minutes east.
fn local(offset: i32, minutes: i64) -> LocalTime {
    let at = minutes + i64::from(offset);
    let day = at.div_euclid(24 * 60);
    LocalTime {
        zone: format!("UTC{offset:+}"),
        utc_offset: offset,
        date: format!("2026-01-{:02}", 12 + day),
        weekday: day.rem_euclid(7) as u8 + 1,
        minute: at.rem_euclid(24 * 60) as u16,
        holiday: false,
    }
}

fn attempt(jurisdiction: &str, local_times: Vec<LocalTime>) -> Attempt {
    Attempt {
        number: "+12025550123".to_owned(),
        channel: Channel::Voice,
        purpose: "arrears".to_owned(),
        jurisdiction: jurisdiction.to_owned(),
        local_times,
        consent: Consent::Unknown,
        attempts: Vec::new(),
    }
}

fn ask_with(config: &str, minutes: u64, attempt: Attempt) -> Ruling {
    let mut host = Host::new().with_config(config);
    host.now = MONDAY + minutes * MINUTE;
    host.check::<QuietHours>(attempt).unwrap()
}

fn ask(minutes: u64, attempt: Attempt) -> Ruling {
    ask_with("{}", minutes, attempt)
}

/// The ruling for a number in one zone at UTC at a clock time of that Monday plus days.
fn at(jurisdiction: &str, day: u64, hour: u64, minute: u64) -> Ruling {
    let minutes = (day * 24 + hour) * 60 + minute;
    ask(minutes, attempt(jurisdiction, vec![local(0, minutes as i64)]))
}

fn deferred_to(day: u64, hour: u64) -> Ruling {
    Ruling::defer(MONDAY - 30_000 + (day * 24 + hour) * 60 * MINUTE, "quiet-hours")
}

#[test]
fn bundled_hours_hold_to_the_minute() {
    let days = [
        ("US", 0, 8, 21),
        ("US", 6, 8, 21),
        ("US-FL", 0, 8, 20),
        ("US-CA", 0, 8, 21),
        ("FR", 0, 10, 13),
        ("FR", 0, 14, 20),
        ("ES", 4, 9, 21),
        ("AU", 0, 9, 20),
        ("AU", 5, 9, 17),
        ("CN", 6, 9, 12),
        ("CN", 6, 14, 21),
        ("GB", 5, 8, 21),
    ];
    for (place, day, from, to) in days {
        assert_eq!(
            at(place, day, from, 0),
            Ruling::allow(),
            "{place} {day} {from}:00"
        );
        assert_eq!(
            at(place, day, to - 1, 59),
            Ruling::allow(),
            "{place} {day} {to}:00 less a minute"
        );
        assert_eq!(
            at(place, day, from - 1, 59),
            deferred_to(day, from),
            "{place} {day} {from}:00 less a minute"
        );
        assert!(
            matches!(at(place, day, to, 0).verdict, Verdict::Defer(_)),
            "{place} {day} {to}:00"
        );
    }
}

#[test]
fn weekends_and_holidays_are_passed_over() {
    assert_eq!(at("FR", 4, 20, 0), deferred_to(7, 10));
    assert_eq!(at("ES", 5, 12, 0), deferred_to(7, 9));
    assert_eq!(at("AU", 6, 12, 0), deferred_to(7, 9));
    let mut holiday = local(0, 12 * 60);
    holiday.holiday = true;
    assert_eq!(
        ask(12 * 60, attempt("ES", vec![holiday.clone()])),
        deferred_to(1, 9)
    );
    assert_eq!(ask(12 * 60, attempt("US", vec![holiday])), Ruling::allow());
}

#[test]
fn every_zone_of_the_set_must_allow() {
    // Eastern 08:00 is Pacific 05:00, three hours before anybody may call.
    let minutes = 13 * 60;
    let zones = |minutes: u64| vec![local(-300, minutes as i64), local(-480, minutes as i64)];
    assert_eq!(
        ask(minutes, attempt("US", vec![local(-300, minutes as i64)])),
        Ruling::allow()
    );
    assert_eq!(ask(minutes, attempt("US", zones(minutes))), deferred_to(0, 16));
    // Eastern 21:00 closes both, until 08:00 Pacific on the next day.
    let night = 26 * 60;
    assert_eq!(ask(night, attempt("US", zones(night))), deferred_to(1, 16));
}

#[test]
fn zones_without_a_common_hour_are_denied_and_not_searched_for_ever() {
    let config =
        r#"{"jurisdictions": {"XX": {"windows": [{"days": "1-7", "from": "09:00", "to": "10:00"}]}}}"#;
    let ruling = ask_with(config, 0, attempt("XX", vec![local(0, 0), local(720, 0)]));
    assert_eq!(ruling, Ruling::deny("never-allowed"));
}

#[test]
fn consent_goes_first() {
    let noon = |jurisdiction: &str, consent, purpose: &str| {
        let mut attempt = attempt(jurisdiction, vec![local(0, 11 * 60)]);
        (attempt.consent, attempt.purpose) = (consent, purpose.to_owned());
        attempt
    };
    let minutes = 11 * 60;
    assert_eq!(
        ask(minutes, noon("US", Consent::Refused, "survey")),
        Ruling::deny("consent-refused")
    );
    assert_eq!(
        ask(minutes, noon("CN", Consent::Unknown, "sales")),
        Ruling::deny("consent-missing")
    );
    assert_eq!(ask(minutes, noon("CN", Consent::Given, "sales")), Ruling::allow());
    assert_eq!(
        ask(minutes, noon("CN", Consent::Unknown, "arrears")),
        Ruling::allow()
    );
    // France asks for consent from 11 August 2026 on.
    assert_eq!(
        ask(minutes, noon("FR", Consent::Unknown, "sales")),
        Ruling::allow()
    );
    let mut later = noon("FR", Consent::Unknown, "sales");
    later.local_times[0].date = "2026-08-11".to_owned();
    assert_eq!(ask(minutes, later), Ruling::deny("consent-missing"));
}

#[test]
fn what_is_not_known_is_denied() {
    assert_eq!(ask(600, attempt("US", vec![])), Ruling::deny("unknown-time-zone"));
    assert_eq!(
        ask(600, attempt("ZZ", vec![local(0, 600)])),
        Ruling::deny("unknown-jurisdiction")
    );
    assert_eq!(
        ask_with(r#"{"otherwise": "US"}"#, 600, attempt("ZZ", vec![local(0, 600)])),
        Ruling::allow()
    );
    let mut broken = local(0, 600);
    broken.weekday = 8;
    assert_eq!(
        Host::new()
            .check::<QuietHours>(attempt("US", vec![broken]))
            .unwrap_err()
            .code,
        "bad-input"
    );
}

#[test]
fn channels_and_purposes_that_do_not_disturb_are_free() {
    let mut mail = attempt("US", vec![local(0, 0)]);
    mail.channel = Channel::Email;
    assert_eq!(ask(0, mail), Ruling::allow());
    let mut callback = attempt("US", vec![local(0, 0)]);
    callback.purpose = "requested-callback".to_owned();
    assert_eq!(ask(0, callback.clone()), deferred_to(0, 8));
    assert_eq!(
        ask_with(r#"{"exempt-purposes": ["requested-callback"]}"#, 0, callback),
        Ruling::allow()
    );
}

#[test]
fn a_bad_window_is_named() {
    for (window, part) in [
        (r#"{"days": "0-5", "from": "09:00", "to": "10:00"}"#, "days"),
        (r#"{"days": "1-5", "from": "9", "to": "10:00"}"#, "HH:MM"),
        (r#"{"days": "1-5", "from": "09:00", "to": "65535:59"}"#, "HH:MM"),
    ] {
        let config = format!(r#"{{"jurisdictions": {{"XX": {{"windows": [{window}]}}}}}}"#);
        let error = Host::new()
            .with_config(&config)
            .check::<QuietHours>(attempt("XX", vec![]))
            .unwrap_err();
        assert_eq!(error.code, "bad-config");
        assert!(error.message.contains(part), "{}", error.message);
    }
}
