//! Which of several points a question goes to.

use jackfield_contact::decision::Question;
use jackfield_types::{CallTypeId, ExtensionPoint};

/// The point to ask at: a call type's own scorecard goes before the tenant's.
pub(crate) fn narrower(
    point: ExtensionPoint,
    question: &Question,
    is_bound: impl Fn(&ExtensionPoint) -> bool,
) -> ExtensionPoint {
    let Question::Scorecard(card) = question else {
        return point;
    };
    // A call type that is no id, such as one a caller typed, has no point.
    CallTypeId::new(&card.call_type)
        .ok()
        .map(ExtensionPoint::CallTypeScorecard)
        .filter(is_bound)
        .unwrap_or(point)
}

#[cfg(test)]
mod tests {
    use jackfield_contact::decision::ScorecardQuestion;
    use jackfield_types::{Channel, PluginKind, Timestamp};

    use super::*;

    #[test]
    fn a_call_types_scorecard_goes_before_the_tenants() {
        let tenant = ExtensionPoint::Tenant(PluginKind::QaScorecard);
        for (call_type, expected) in [
            ("complaint", "call-type:complaint:qa-scorecard"),
            ("sales", "tenant:qa-scorecard"),
            ("Not an id", "tenant:qa-scorecard"),
            ("", "tenant:qa-scorecard"),
        ] {
            let question = Question::Scorecard(Box::new(ScorecardQuestion {
                interaction: "0198f000-0000-7000-8000-000000000001".parse().unwrap(),
                channel: Channel::Voice,
                call_type: call_type.into(),
                started_at: Timestamp(1),
                ended_at: Timestamp(2),
                agent: None,
                segments: vec![],
                speech: None,
                surveys: vec![],
                attributes: vec![],
            }));
            let bound = |point: &ExtensionPoint| point.to_string() == "call-type:complaint:qa-scorecard";
            assert_eq!(narrower(tenant.clone(), &question, bound).to_string(), expected);
        }
    }
}
