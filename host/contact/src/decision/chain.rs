//! Outbound rules in a chain: a campaign's in their order, then the tenant's. The first that does not allow settles it,
//! and one that gives no valid answer defers: the number is not lost, and nobody is disturbed meanwhile.

use std::sync::Arc;

use jackfield_types::{CampaignId, Channel, E164, ExtensionPoint, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::{Failure, Provenance, Ruling, Verdict};

/// One rule of a chain that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedRule {
    /// Where it is bound.
    pub point: ExtensionPoint,
    /// What it said.
    pub outcome: RuleOutcome,
}

/// What came of asking a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleOutcome {
    /// It ruled.
    Ruled {
        /// How.
        ruling: Ruling,
        /// Who.
        by: Provenance,
    },
    /// It gave no valid answer.
    Failed(Failure),
}

/// An outbound attempt as it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboundChecked {
    /// The number.
    pub number: E164,
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: Arc<str>,
    /// The campaign whose rules were asked.
    pub campaign: Option<CampaignId>,
    /// The moment that the attempt was judged for.
    pub moment: Timestamp,
    /// The answer.
    pub ruling: Ruling,
    /// The rules that were asked, in their order; the last one settled it. Empty when none is bound.
    pub rules: Vec<AskedRule>,
}

impl AskedRule {
    /// What the rule settles about an attempt on `channel` at `now`, in milliseconds since the Unix epoch; `None`: it
    /// allows, and the next one is asked.
    ///
    /// A failure defers for [`limits::OUTBOUND_RETRY_MS`], as `rule-failed`. So does a rule that contradicts itself: that
    /// defers until a moment that has come, or substitutes the very channel.
    pub fn settles(&self, channel: Channel, now: Timestamp) -> Option<Ruling> {
        let RuleOutcome::Ruled { ruling, .. } = &self.outcome else {
            return Some(later("rule-failed", now));
        };
        match ruling.verdict {
            Verdict::Allow => None,
            Verdict::Defer(until) if until <= now => Some(later(&ruling.reason, now)),
            Verdict::Substitute(other) if other == channel => Some(later(&ruling.reason, now)),
            Verdict::Defer(until) => Some(Ruling {
                next_permitted_at: ruling.next_permitted_at.or(Some(until)),
                ..ruling.clone()
            }),
            Verdict::Substitute(_) | Verdict::Deny => Some(ruling.clone()),
        }
    }
}

/// The answer of a chain: that of the first rule that settles it; else all allow. A chain without rules denies, as
/// `no-rule`.
pub fn ruling_of(rules: &[AskedRule], channel: Channel, now: Timestamp) -> Ruling {
    let settled = rules.iter().find_map(|rule| rule.settles(channel, now));
    settled.unwrap_or_else(|| match rules.last().map(|last| &last.outcome) {
        Some(RuleOutcome::Ruled { ruling, .. }) => ruling.clone(),
        _ => Ruling {
            verdict: Verdict::Deny,
            reason: "no-rule".into(),
            next_permitted_at: None,
        },
    })
}

fn later(reason: &str, now: Timestamp) -> Ruling {
    let until = now + limits::OUTBOUND_RETRY_MS;
    Ruling {
        verdict: Verdict::Defer(until),
        reason: reason.into(),
        next_permitted_at: Some(until),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_types::Digest;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const RETRY: Timestamp = Timestamp(NOW.0 + limits::OUTBOUND_RETRY_MS);

    fn ruled(verdict: Verdict, reason: &str, next: Option<u64>) -> AskedRule {
        let ruling = Ruling {
            verdict,
            reason: reason.into(),
            next_permitted_at: next.map(Timestamp),
        };
        let by = Provenance {
            plugin: "rule".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            digest: Digest::of(b"rule"),
            fuel: 1,
            wall_us: 1,
            decision: None,
        };
        asked(RuleOutcome::Ruled { ruling, by })
    }

    fn failed() -> AskedRule {
        asked(RuleOutcome::Failed(Failure {
            code: "trap".into(),
            message: "unreachable".into(),
        }))
    }

    fn asked(outcome: RuleOutcome) -> AskedRule {
        let point = "campaign:spring:outbound-rule:1".parse().unwrap();
        AskedRule { point, outcome }
    }

    fn allow() -> AskedRule {
        ruled(Verdict::Allow, "ok", None)
    }

    #[test]
    fn the_first_rule_that_does_not_allow_settles_it() {
        let deny = || ruled(Verdict::Deny, "listed", Some(9));
        let defer = || ruled(Verdict::Defer(NOW + 5), "quiet-hours", None);
        let by_sms = || ruled(Verdict::Substitute(Channel::Sms), "prefers", None);
        for (rules, verdict, reason, next) in [
            (vec![], Verdict::Deny, "no-rule", None),
            (vec![allow()], Verdict::Allow, "ok", None),
            (vec![allow(), allow()], Verdict::Allow, "ok", None),
            (
                vec![allow(), deny(), defer()],
                Verdict::Deny,
                "listed",
                Some(Timestamp(9)),
            ),
            (
                vec![defer(), deny()],
                Verdict::Defer(NOW + 5),
                "quiet-hours",
                Some(NOW + 5),
            ),
            (
                vec![allow(), by_sms(), deny()],
                Verdict::Substitute(Channel::Sms),
                "prefers",
                None,
            ),
            (
                vec![allow(), failed(), allow()],
                Verdict::Defer(RETRY),
                "rule-failed",
                Some(RETRY),
            ),
            (
                vec![deny(), failed()],
                Verdict::Deny,
                "listed",
                Some(Timestamp(9)),
            ),
        ] {
            let found = ruling_of(&rules, Channel::Voice, NOW);
            assert_eq!(
                (found.verdict, &*found.reason, found.next_permitted_at),
                (verdict, reason, next)
            );
        }
    }

    #[test]
    fn a_rule_that_contradicts_itself_defers() {
        for verdict in [
            Verdict::Defer(NOW),
            Verdict::Defer(Timestamp(0)),
            Verdict::Substitute(Channel::Voice),
        ] {
            let found = ruling_of(&[ruled(verdict, "odd", None), allow()], Channel::Voice, NOW);
            assert_eq!((found.verdict, &*found.reason), (Verdict::Defer(RETRY), "odd"));
        }
    }

    #[test]
    fn nothing_after_the_rule_that_settles_it_matters_and_only_allowing_goes_on() {
        let all = || {
            [
                allow(),
                failed(),
                ruled(Verdict::Deny, "listed", None),
                ruled(Verdict::Defer(NOW + 1), "later", None),
                ruled(Verdict::Substitute(Channel::Chat), "chat", None),
            ]
        };
        for first in all() {
            for second in all() {
                let alone = ruling_of(std::slice::from_ref(&first), Channel::Voice, NOW);
                let goes_on = first.settles(Channel::Voice, NOW).is_none();
                assert_eq!(goes_on, alone.verdict == Verdict::Allow);
                let both = ruling_of(&[first.clone(), second.clone()], Channel::Voice, NOW);
                let expected = if goes_on {
                    ruling_of(&[second], Channel::Voice, NOW)
                } else {
                    alone
                };
                assert_eq!(both, expected);
            }
        }
    }
}
