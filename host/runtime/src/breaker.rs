//! Stops asking a plugin that keeps failing, for a while that grows; its kind's fail policy holds meanwhile.
//!
//! Five failures in a row open the breaker of a version at a point for a second. Then one decision is let through: if
//! it fails, the breaker opens for twice as long, up to a minute; if it succeeds, all is as before. What the host itself
//! fails at says nothing either way: the count stays, and the next decision tries.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jackfield_types::{Digest, ExtensionPoint, Timestamp};

/// Failures in a row that open a breaker.
const TRIPS_AT: u32 = 5;
const FIRST_PAUSE_MS: u64 = 1_000;
const LONGEST_PAUSE_MS: u64 = 60_000;
/// Breakers of one tenant that have something to remember; a version without failures has none.
const MAX_BREAKERS: usize = 1_000;

/// The breakers of one tenant.
#[derive(Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<(ExtensionPoint, Digest), Breaker>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Breaker {
    failures: u32,
    /// Closed until it trips; then not asked before `until`.
    pause_ms: u64,
    until: Timestamp,
    /// One decision is finding out whether the plugin works again.
    trying: bool,
}

/// What a breaker says of a decision that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Ask.
    Closed,
    /// Don't ask before this moment.
    Open(Timestamp),
}

/// What a decision did to its breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// It opened for so many milliseconds.
    Opened(u64),
    /// It closed.
    Closed,
}

/// What the end of a decision says about the plugin.
enum Sign {
    /// It works: it answered, or returned an error in an orderly way, which costs nothing to ask for again.
    Works,
    /// It failed.
    Fails,
    /// Nothing: the host was busy, or a quota was used up.
    Nothing,
}

fn sign(failed: Option<&str>) -> Sign {
    match failed {
        None | Some("plugin-error") => Sign::Works,
        Some("trap" | "fuel" | "timeout" | "memory" | "oversize" | "invalid-answer") => Sign::Fails,
        Some(_) => Sign::Nothing,
    }
}

/// Whether a failure is the host's, and says nothing about the plugin.
pub(crate) fn of_host(code: &str) -> bool {
    matches!(sign(Some(code)), Sign::Nothing)
}

impl Breakers {
    /// Whether the version at the point may be asked now. Who is told [`Gate::Closed`] says afterwards what came of it.
    pub(crate) fn enter(&self, point: &ExtensionPoint, digest: Digest, now: Timestamp) -> Gate {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if breakers.is_empty() {
            return Gate::Closed;
        }
        let Some(breaker) = breakers.get_mut(&(point.clone(), digest)) else {
            return Gate::Closed;
        };
        if breaker.pause_ms == 0 {
            return Gate::Closed;
        }
        // A trial that never came back is forgotten after the next pause.
        if now < breaker.until || (breaker.trying && now < breaker.until + breaker.pause_ms) {
            return Gate::Open(breaker.until.max(now + 1));
        }
        breaker.trying = true;
        Gate::Closed
    }

    /// What came of a decision: its failure's code, if it failed.
    pub(crate) fn leave(
        &self,
        point: &ExtensionPoint,
        digest: Digest,
        failed: Option<&str>,
        now: Timestamp,
    ) -> Change {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (point.clone(), digest);
        match sign(failed) {
            Sign::Works => {
                return match breakers.remove(&key) {
                    Some(breaker) if breaker.pause_ms > 0 => Change::Closed,
                    _ => Change::None,
                };
            }
            Sign::Nothing => {
                // The next one tries.
                if let Some(breaker) = breakers.get_mut(&key) {
                    breaker.trying = false;
                }
                return Change::None;
            }
            Sign::Fails => {}
        }
        if breakers.len() >= MAX_BREAKERS && !breakers.contains_key(&key) {
            breakers.pop_first();
        }
        let breaker = breakers.entry(key).or_default();
        breaker.failures = breaker.failures.saturating_add(1);
        let opens = breaker.trying || (breaker.pause_ms == 0 && breaker.failures >= TRIPS_AT);
        if !opens {
            return Change::None;
        }
        breaker.trying = false;
        breaker.pause_ms = (breaker.pause_ms * 2).clamp(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
        breaker.until = now + breaker.pause_ms;
        Change::Opened(breaker.pause_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> ExtensionPoint {
        "queue:support".parse().unwrap()
    }

    fn fail(breakers: &Breakers, at: u64) -> Change {
        breakers.leave(&point(), Digest::of(b"x"), Some("trap"), Timestamp(at))
    }

    fn gate(breakers: &Breakers, at: u64) -> Gate {
        breakers.enter(&point(), Digest::of(b"x"), Timestamp(at))
    }

    #[test]
    fn five_failures_open_it_and_one_success_closes_it() {
        let breakers = Breakers::default();
        for _ in 0..4 {
            assert_eq!(fail(&breakers, 0), Change::None);
            assert_eq!(gate(&breakers, 0), Gate::Closed);
        }
        assert_eq!(fail(&breakers, 0), Change::Opened(1_000));
        assert_eq!(gate(&breakers, 999), Gate::Open(Timestamp(1_000)));
        assert_eq!(gate(&breakers, 1_000), Gate::Closed, "one is let through");
        assert!(matches!(gate(&breakers, 1_001), Gate::Open(_)), "and only one");
        let works = breakers.leave(&point(), Digest::of(b"x"), None, Timestamp(1_002));
        assert_eq!(works, Change::Closed);
        assert_eq!(gate(&breakers, 1_002), Gate::Closed);
        assert_eq!(fail(&breakers, 1_003), Change::None, "counting begins anew");
    }

    #[test]
    fn the_pause_doubles_up_to_a_minute() {
        let breakers = Breakers::default();
        (0..5).for_each(|_| drop_change(fail(&breakers, 0)));
        let (mut now, mut pauses) = (1_000, Vec::new());
        for _ in 0..8 {
            assert_eq!(gate(&breakers, now), Gate::Closed);
            let Change::Opened(pause) = fail(&breakers, now) else {
                panic!("it opens again");
            };
            pauses.push(pause);
            now += pause;
        }
        assert_eq!(
            pauses,
            [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
        );
    }

    fn drop_change(_: Change) {}

    fn leave(breakers: &Breakers, code: &str, at: u64) -> Change {
        breakers.leave(&point(), Digest::of(b"x"), Some(code), Timestamp(at))
    }

    const OF_THE_HOST: [&str; 5] = ["overloaded", "unavailable", "host-busy", "quota", "no-binding"];

    #[test]
    fn the_hosts_failures_leave_the_count_as_it_is() {
        for code in OF_THE_HOST {
            let breakers = Breakers::default();
            for _ in 0..4 {
                assert_eq!(fail(&breakers, 0), Change::None);
                assert_eq!(leave(&breakers, code, 0), Change::None, "{code}");
            }
            assert_eq!(fail(&breakers, 0), Change::Opened(1_000), "{code}");
        }
    }

    #[test]
    fn a_trial_that_the_host_failed_closes_nothing_and_the_next_one_tries() {
        for code in OF_THE_HOST {
            let breakers = Breakers::default();
            (0..5).for_each(|_| drop_change(fail(&breakers, 0)));
            assert_eq!(gate(&breakers, 1_000), Gate::Closed);
            assert_eq!(leave(&breakers, code, 1_001), Change::None, "{code}");
            assert_eq!(gate(&breakers, 1_002), Gate::Closed, "{code}: it is tried again");
            assert_eq!(fail(&breakers, 1_003), Change::Opened(2_000), "{code}: as before");
        }
    }

    #[test]
    fn an_orderly_error_closes_it() {
        let breakers = Breakers::default();
        (0..5).for_each(|_| drop_change(fail(&breakers, 0)));
        assert_eq!(gate(&breakers, 1_000), Gate::Closed);
        assert_eq!(leave(&breakers, "plugin-error", 1_001), Change::Closed);
        assert_eq!(gate(&breakers, 1_002), Gate::Closed);
        assert_eq!(fail(&breakers, 1_003), Change::None, "counting begins anew");
    }

    #[test]
    fn what_is_not_the_plugins_fault_does_not_count() {
        let breakers = Breakers::default();
        for code in ["overloaded", "unavailable", "quota", "plugin-error", "no-binding"] {
            for _ in 0..10 {
                let change = breakers.leave(&point(), Digest::of(b"x"), Some(code), Timestamp(0));
                assert_eq!(change, Change::None, "{code}");
            }
        }
        assert_eq!(gate(&breakers, 0), Gate::Closed);
    }

    #[test]
    fn a_trial_that_never_came_back_is_forgotten() {
        let breakers = Breakers::default();
        (0..5).for_each(|_| drop_change(fail(&breakers, 0)));
        assert_eq!(gate(&breakers, 1_000), Gate::Closed);
        assert!(matches!(gate(&breakers, 1_999), Gate::Open(_)));
        assert_eq!(gate(&breakers, 2_000), Gate::Closed);
    }

    #[test]
    fn versions_and_points_do_not_share_a_breaker() {
        let breakers = Breakers::default();
        (0..5).for_each(|_| drop_change(fail(&breakers, 0)));
        assert_eq!(
            breakers.enter(&point(), Digest::of(b"y"), Timestamp(1)),
            Gate::Closed
        );
        let other = "queue:sales".parse().unwrap();
        assert_eq!(
            breakers.enter(&other, Digest::of(b"x"), Timestamp(1)),
            Gate::Closed
        );
    }
}
