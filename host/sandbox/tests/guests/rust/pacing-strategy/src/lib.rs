//! The pacing strategy of the conformance suite, in Rust.

use jackfield_plugin::{
    host,
    pacing_strategy::{Activity, Error, Measurements, PacingStrategy, Plan},
};
use serde::Deserialize;

struct Rule;

#[derive(Deserialize)]
#[serde(default)]
struct Config {
    /// Calls for a hundred agents.
    ratio: u32,
    reserve: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ratio: 150,
            reserve: 0,
        }
    }
}

impl PacingStrategy for Rule {
    type Config = Config;

    fn pace(config: &Config, now: &Measurements) -> Result<Plan, Error> {
        let law = &now.compliance;
        if u64::from(law.abandoned) * 1_000_000 > u64::from(law.allowed) * u64::from(law.answered) {
            return Ok(Plan {
                launch: 0,
                reason: "abandonment-limit".to_owned(),
                detail: format!("{} of {}", law.abandoned, law.answered),
                look_again_at: Some(host::now() + 60_000),
            });
        }
        let soon = now.busy.iter().filter(|agent| match agent.activity {
            Activity::WrappingUp => agent.elapsed * 2 >= now.recent.mean_wrap_up,
            Activity::Talking => agent.elapsed >= now.recent.mean_talk,
        });
        let soon = soon.count() as u32;
        let wanted = (now.free + soon) * config.ratio / 100;
        let launch = wanted
            .saturating_sub(now.ringing + now.waiting + config.reserve)
            .min(now.lines)
            .min(now.callable);
        let reason = if launch == 0 { "enough" } else { "free-agents" };
        Ok(Plan {
            launch,
            reason: reason.to_owned(),
            detail: format!("{} free, {soon} soon, {} ringing", now.free, now.ringing),
            look_again_at: (launch == 0).then(|| host::now() + 5_000),
        })
    }
}

jackfield_plugin::pacing_strategy::register!(Rule);
