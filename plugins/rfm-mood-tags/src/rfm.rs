//! Recency, frequency, monetary value.

use jackfield_plugin::{
    Tag,
    customer::{Customer, PastInteraction},
    tag_generator::Occasion,
};

use crate::{DAY_MS, confidence, config::Config, within};

/// The customer's segment. This contact counts into frequency and value, but recency looks at what came before it:
/// counted from this contact it would be 0 days for everybody.
pub(crate) fn tag(
    config: &Config,
    customer: &Customer,
    history: &[PastInteraction],
    occasion: &Occasion,
) -> Tag {
    let now = occasion.ended_at;
    let in_window: Vec<_> = history
        .iter()
        .filter(|past| within(past.started_at, now, config.window_days))
        .collect();
    // Of a change of the profile, or in a run, there is no contact beside those that are told.
    let is_untold = !occasion.id.is_empty() && in_window.iter().all(|past| past.id != occasion.id);
    let contacts = in_window.len() as u64 + u64::from(is_untold);
    let value: u64 = in_window
        .iter()
        .fold(0, |sum, past| sum.saturating_add(past.value));

    let before = || {
        history
            .iter()
            .filter(|past| past.id != occasion.id && past.started_at <= now)
    };
    let bought = before()
        .filter(|past| past.value > 0)
        .map(|past| past.started_at)
        .max();
    let last = bought.or_else(|| before().map(|past| past.started_at).max());
    let days = last.map(|at| (now - at) / DAY_MS);

    let recency = days.map(|days| score(&config.recency_days, |most| days <= most));
    let frequency = score(&config.frequency, |least| contacts >= least);
    let monetary = (value > 0).then(|| score(&config.value, |least| value >= least));

    let name = match (recency, frequency, monetary) {
        (None, ..) => "rfm:new",
        (Some(4..), 4.., None | Some(4..)) => "rfm:champion",
        (Some(3..), _, Some(4..)) => "rfm:big-spender",
        (Some(3..), 3.., _) => "rfm:loyal",
        (Some(3..), ..) if within(customer.first_seen_at, now, 30) => "rfm:new",
        (Some(3..), ..) => "rfm:promising",
        (Some(_), 3.., _) | (Some(_), _, Some(4..)) => "rfm:at-risk",
        _ => "rfm:hibernating",
    };
    let since = match (days, bought) {
        (None, _) => "first contact".to_owned(),
        (Some(days), Some(_)) => format!("last purchase {days} d before"),
        (Some(days), None) => format!("last contact {days} d before"),
    };
    let scores =
        [recency, Some(frequency), monetary].map(|part| part.map_or("-".to_owned(), |part| part.to_string()));
    Tag {
        name: name.to_owned(),
        confidence: confidence(contacts as usize),
        reason: format!(
            "RFM {}: {since}; {contacts} contacts and value {value} in {} d",
            scores.join("/"),
            config.window_days
        ),
        expires_at: Some(now + u64::from(config.rfm_holds_days) * DAY_MS),
    }
}

/// 5 when the first threshold is met, down to 1 when none is.
fn score(thresholds: &[u64; 4], met: impl Fn(u64) -> bool) -> u8 {
    (2..=5)
        .rev()
        .zip(thresholds)
        .find(|(_, threshold)| met(**threshold))
        .map_or(1, |(score, _)| score)
}
