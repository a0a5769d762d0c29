//! What is to be expected of calls and agents.

use jackfield_plugin::pacing_strategy::{Activity, Measurements, Recent};

/// One-sided 95 %.
const Z: f64 = 1.645;

/// The probability that a call is answered, rather too high than too low: more answers are what abandons calls.
pub(crate) fn answer_rate(recent: &Recent) -> f64 {
    let (attempts, answered) = (f64::from(recent.attempts) + 4.0, f64::from(recent.answered) + 2.0);
    let mean = (answered / attempts).min(1.0);
    (mean + Z * (mean * (1.0 - mean) / attempts).sqrt()).min(1.0)
}

/// Agents who will be there when a call launched now is answered: rather too few than too many.
pub(crate) fn agents_soon(now: &Measurements) -> u32 {
    let ring = f64::from(now.recent.mean_ring);
    let (mut mean, mut variance) = (0.0, 0.0);
    for agent in &now.busy {
        let done = match agent.activity {
            Activity::WrappingUp => ended(ring, now.recent.mean_wrap_up),
            Activity::Talking => both_ended(ring, now.recent.mean_talk, now.recent.mean_wrap_up),
        };
        mean += done;
        variance += done * (1.0 - done);
    }
    now.free + (mean - variance.sqrt()).max(0.0) as u32
}

/// The probability that something of this mean length, which ends at a constant rate, ends within `time`.
fn ended(time: f64, mean: u32) -> f64 {
    if mean == 0 {
        0.0
    } else {
        1.0 - (-time / f64::from(mean)).exp()
    }
}

/// The same for two such things, one after the other.
fn both_ended(time: f64, first: u32, second: u32) -> f64 {
    if second == 0 {
        return ended(time, first);
    }
    let (first_ended, second_ended) = (ended(time, first), ended(time, second));
    let (first, second) = (f64::from(first), f64::from(second));
    if (first - second).abs() < 1.0 {
        // The limit for equal means.
        return (1.0 - (-time / first).exp() * (1.0 + time / first)).max(0.0);
    }
    ((first * first_ended - second * second_ended) / (first - second)).clamp(0.0, 1.0)
}

/// The most calls under way, up to `ceiling`, that `fits`: it is given the calls and the answers expected beyond `agents`.
///
/// Of `n` calls each is answered with probability `p`; with one more call, the expected answers beyond `a` grow by
/// `p · P(X ≥ a)`, and `P(X ≥ a)` by `p · P(X = a − 1)`. So one pass over `n` does.
pub(crate) fn most_calls(p: f64, agents: u32, ceiling: u32, fits: impl Fn(f64, f64) -> bool) -> u32 {
    let a = f64::from(agents);
    // As many calls as agents lose nobody; begin there. P(X = a − 1) for n = a, as a logarithm: it may be tiny.
    let mut calls = agents;
    let mut at_edge = a.ln() + (a - 1.0) * p.ln() + (1.0 - p).ln();
    let mut beyond = p.powf(a);
    let mut lost = 0.0;
    let mut most = 0;
    while calls <= ceiling {
        let n = f64::from(calls);
        if !fits(n, lost) {
            break;
        }
        most = calls;
        lost += p * beyond;
        beyond = (beyond + p * at_edge.exp()).min(1.0);
        at_edge += ((n + 1.0) / (n + 2.0 - a)).ln() + (1.0 - p).ln();
        calls += 1;
    }
    most
}
