//! Launches so many calls for each free agent, as long as few are abandoned.

use jackfield_plugin::pacing_strategy::{self, Error, Measurements, PacingStrategy, Plan};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Calls for a free agent.
    ratio: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { ratio: 1.5 }
    }
}

struct Ratio;

impl PacingStrategy for Ratio {
    type Config = Config;

    fn pace(config: &Config, now: &Measurements) -> Result<Plan, Error> {
        let law = &now.compliance;
        // Parts per million of what was answered.
        let abandoned = u64::from(law.abandoned) * 1_000_000;
        let most = u64::from(law.allowed) * u64::from(law.answered);
        let (ratio, reason) = if abandoned >= most {
            (1.0, "abandonment")
        } else {
            (config.ratio, "ratio")
        };
        let wanted = (f64::from(now.free) * ratio) as u32;
        let launch = wanted
            .saturating_sub(now.ringing + now.waiting)
            .min(now.lines)
            .min(now.callable);
        Ok(Plan::launch(
            launch,
            reason,
            format!("{wanted} wanted for {} free agents", now.free),
        ))
    }
}

pacing_strategy::register!(Ratio);
