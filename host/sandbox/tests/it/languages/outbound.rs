//! The outbound rule of the suite: consent, attempts, hours of every zone.

use jackfield_contact::decision::{
    Answer, Attempt, Consent, LocalTime, Outcome as Came, PastAttempt, Question, Ruling, Verdict,
};
use jackfield_types::{Channel, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const CHANNELS: [Channel; 5] = [
    Channel::Voice,
    Channel::Chat,
    Channel::Sms,
    Channel::Email,
    Channel::Social,
];

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Outbound(attempt) = &case.question else {
        unreachable!()
    };
    let (verdict, reason) = judged(case, attempt);
    let next_permitted_at = match verdict {
        Verdict::Defer(until) => Some(until),
        _ => None,
    };
    let ruling = Ruling {
        verdict,
        reason: reason.into(),
        next_permitted_at,
    };
    Ok(Answer::Outbound(ruling)).into()
}

fn judged(case: &Case, attempt: &Attempt) -> (Verdict, String) {
    let told = |verdict, reason: &str| (verdict, reason.to_owned());
    if attempt.local_times.is_empty() {
        return told(Verdict::Deny, "unknown-time-zone");
    }
    if attempt.consent == Consent::Refused {
        return told(Verdict::Deny, "refused");
    }
    if attempt.consent == Consent::Unknown && &*attempt.purpose == "sales" {
        let instead = match case.config["instead"].as_str() {
            Some("sms") => Channel::Sms,
            Some("email") => Channel::Email,
            _ => return told(Verdict::Deny, "no-consent"),
        };
        let same = instead == attempt.channel;
        return told(
            if same {
                Verdict::Deny
            } else {
                Verdict::Substitute(instead)
            },
            "no-consent",
        );
    }
    let window = case.figure("hours", 24) * HOUR_MS;
    let recent = attempt.attempts.iter().filter(|past| {
        past.channel == attempt.channel && past.outcome != Came::Failed && past.at.0 + window > case.now.0
    });
    if let Some(oldest) = recent.take(case.figure("most", 3) as usize).enumerate().last()
        && oldest.0 + 1 == case.figure("most", 3) as usize
    {
        return told(Verdict::Defer(Timestamp(oldest.1.at.0 + window)), "too-often");
    }
    let (from, until) = (case.figure("from", 540), case.figure("until", 1_200));
    let waits = attempt.local_times.iter().map(|local| {
        let minute = u64::from(local.minute);
        if local.holiday || minute >= until {
            (1_440 - minute + from, local)
        } else if minute < from {
            (from - minute, local)
        } else {
            (0, local)
        }
    });
    // The first of those that wait longest.
    let longest = waits.reduce(|longest, next| if next.0 > longest.0 { next } else { longest });
    match longest {
        Some((minutes @ 1.., local)) => (
            Verdict::Defer(Timestamp(case.now.0 + minutes * MINUTE_MS)),
            format!("closed:{}", local.zone),
        ),
        _ => told(Verdict::Allow, "allowed"),
    }
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let zone = || {
        let (zone, utc_offset) = dice.of(&[
            ("Asia/Shanghai", 480),
            ("America/St_Johns", -150),
            ("Pacific/Kiritimati", 840),
        ]);
        LocalTime {
            zone: zone.into(),
            utc_offset,
            date: "2027-01-15".into(),
            weekday: 1 + dice.below(7) as u8,
            minute: dice.below(1_440) as u16,
            holiday: dice.one_in(6),
        }
    };
    let past = || PastAttempt {
        at: Timestamp(crate::env().now.0 - dice.below(48 * HOUR_MS)),
        channel: dice.of(&CHANNELS[..2]),
        outcome: dice.of(&[
            Came::Unanswered,
            Came::Conversation,
            Came::Abandoned,
            Came::Failed,
        ]),
    };
    let case = || {
        let mut attempts = dice.some(12, past);
        attempts.sort_by_key(|past| std::cmp::Reverse(past.at));
        let attempt = Attempt {
            number: jackfield_types::E164::new("+8613800138000").unwrap(),
            channel: dice.of(&CHANNELS),
            purpose: dice.of(&["sales", "survey", "催收"]).into(),
            jurisdiction: "CN".into(),
            local_times: dice.some(3, zone),
            consent: dice.of(&[Consent::Unknown, Consent::Given, Consent::Given, Consent::Refused]),
            attempts,
        };
        let config = match dice.below(3) {
            0 => json!({}),
            1 => json!({"instead": dice.of(&["sms", "email", "fax"]), "most": 1 + dice.below(5)}),
            _ => {
                json!({"from": dice.below(600), "until": 700 + dice.below(741), "hours": 1 + dice.below(48)})
            }
        };
        dice.case(config, Question::Outbound(Box::new(attempt)))
    };
    (0..200).map(|_| case()).collect()
}
