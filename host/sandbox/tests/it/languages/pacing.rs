//! The pacing strategy of the suite: figures.

use jackfield_contact::decision::{
    Activity, Answer, BusyAgent, Compliance, Pace, PacingQuestion, Question, RecentAttempts,
};
use jackfield_types::{CampaignId, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Pacing(question) = &case.question else {
        unreachable!()
    };
    Ok(Answer::Pacing(pace(case, question))).into()
}

fn pace(case: &Case, question: &PacingQuestion) -> Pace {
    let law = question.compliance;
    if u64::from(law.abandoned) * 1_000_000 > u64::from(law.allowed_ppm) * u64::from(law.answered) {
        return Pace {
            launch: 0,
            reason: "abandonment-limit".into(),
            detail: format!("{} of {}", law.abandoned, law.answered).into(),
            look_again_at: Some(Timestamp(case.now.0 + 60_000)),
        };
    }
    let soon = question.busy.iter().filter(|agent| match agent.activity {
        Activity::WrappingUp => agent.elapsed_ms * 2 >= question.recent.mean_wrap_up_ms,
        Activity::Talking => agent.elapsed_ms >= question.recent.mean_talk_ms,
    });
    let soon = soon.count() as u64;
    let wanted = (u64::from(question.free) + soon) * case.figure("ratio", 150) / 100;
    let taken = u64::from(question.ringing + question.waiting) + case.figure("reserve", 0);
    let most = question.lines.min(question.callable);
    let launch = (wanted.saturating_sub(taken) as u32).min(most);
    Pace {
        launch,
        reason: if launch == 0 { "enough" } else { "free-agents" }.into(),
        detail: format!(
            "{} free, {soon} soon, {} ringing",
            question.free, question.ringing
        )
        .into(),
        look_again_at: (launch == 0).then_some(Timestamp(case.now.0 + 5_000)),
    }
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let small = |below| dice.below(below) as u32;
    let busy = || BusyAgent {
        activity: dice.of(&[Activity::Talking, Activity::WrappingUp]),
        elapsed_ms: dice.below(300_000),
    };
    let case = || {
        let answered = small(5_000);
        let question = PacingQuestion {
            campaign: CampaignId::new("spring").unwrap(),
            free: small(20),
            busy: dice.some(30, busy),
            ringing: small(10),
            waiting: small(5),
            lines: small(60),
            callable: small(60),
            recent: RecentAttempts {
                period_ms: 1_800_000,
                attempts: small(1_000),
                answered: small(500),
                mean_ring_ms: dice.below(30_000),
                mean_talk_ms: dice.below(300_000),
                mean_wrap_up_ms: dice.below(60_000),
            },
            compliance: Compliance {
                answered,
                abandoned: small(u64::from(answered / 20 + 1)),
                allowed_ppm: dice.of(&[0, 30_000, 50_000]),
            },
        };
        let config = if dice.one_in(2) {
            json!({})
        } else {
            json!({"ratio": 100 + dice.below(200), "reserve": dice.below(3)})
        };
        dice.case(config, Question::Pacing(Box::new(question)))
    };
    (0..200).map(|_| case()).collect()
}
