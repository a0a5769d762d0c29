//! Paces: how many calls, and whether the campaign may lose any more of them.

use super::{Differences, Grade};
use crate::decision::{Pace, PacingQuestion};

pub(super) fn compare(found: &mut Differences, question: &PacingQuestion, before: &Pace, after: &Pace) {
    let counted = question.compliance;
    let allowed = u64::from(counted.answered) * u64::from(counted.allowed_ppm);
    let used_up = u64::from(counted.abandoned) * 1_000_000 >= allowed;
    let grade = if used_up && after.launch > before.launch {
        Grade::Forbidden
    } else {
        Grade::Material
    };
    found.field(grade, "/pacing/launch", &before.launch, &after.launch);
    found.field(Grade::Material, "/pacing/reason", &before.reason, &after.reason);
    found.field(Grade::Cosmetic, "/pacing/detail", &before.detail, &after.detail);
    let at = "/pacing/look_again_at";
    found.field(Grade::Material, at, &before.look_again_at, &after.look_again_at);
}

#[cfg(test)]
mod tests {
    use jackfield_types::CampaignId;

    use super::*;
    use crate::decision::{Compliance, RecentAttempts};

    #[test]
    fn more_calls_are_forbidden_once_the_limit_is_used_up() {
        let pace = |launch, detail: &str| Pace {
            launch,
            reason: "predictive".into(),
            detail: detail.into(),
            look_again_at: None,
        };
        for (abandoned, after, expected) in [
            (29, pace(5, ""), Grade::Identical),
            (29, pace(5, "five"), Grade::Cosmetic),
            (29, pace(6, ""), Grade::Material),
            (30, pace(4, ""), Grade::Material),
            (30, pace(6, ""), Grade::Forbidden),
        ] {
            let question = PacingQuestion {
                campaign: CampaignId::new("spring").unwrap(),
                free: 5,
                busy: vec![],
                ringing: 0,
                waiting: 0,
                lines: 10,
                callable: 10,
                recent: RecentAttempts::default(),
                compliance: Compliance {
                    answered: 1_000,
                    abandoned,
                    allowed_ppm: 30_000,
                },
            };
            let mut found = Differences::default();
            compare(&mut found, &question, &pace(5, ""), &after);
            assert_eq!(found.done().grade, expected, "{abandoned} abandoned, {after:?}");
        }
    }
}
