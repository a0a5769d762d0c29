//! Predictive pacing under a limit of abandoned calls; the formula and its sources are in the README.

mod forecast;
#[cfg(test)]
mod tests;

use forecast::{agents_soon, answer_rate, most_calls};
use jackfield_plugin::{
    host,
    pacing_strategy::{self, Error, Measurements, PacingStrategy, Plan},
};
use serde::Deserialize;

/// Read from JSON.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// The share of the allowed abandoned calls that is made use of.
    margin: f64,
    /// Finished attempts below which one call per free agent is launched.
    min_attempts: u32,
    /// Calls under way per available agent, at most.
    calls_per_agent: f64,
    /// Milliseconds after which it is asked again.
    look_again_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            margin: 0.8,
            min_attempts: 50,
            calls_per_agent: 3.0,
            look_again_ms: 1_000,
        }
    }
}

struct Predictive;

impl PacingStrategy for Predictive {
    type Config = Config;

    fn pace(config: &Config, now: &Measurements) -> Result<Plan, Error> {
        let mut plan = plan(config, now);
        plan.launch = plan.launch.min(now.lines).min(now.callable);
        plan.look_again_at = Some(host::now() + config.look_again_ms);
        Ok(plan)
    }
}

fn plan(config: &Config, now: &Measurements) -> Plan {
    // Calls that no forecast is needed for: as many as there are agents, less those that are promised one.
    let safe = now.free.saturating_sub(now.waiting).saturating_sub(now.ringing);
    if now.recent.attempts < config.min_attempts {
        let found = now.recent.attempts;
        let detail = format!(
            "{found} finished attempts, {} needed: one call per free agent",
            config.min_attempts
        );
        return Plan::launch(safe, "too-few-measurements", detail);
    }
    if now.compliance.allowed == 0 {
        return Plan::launch(
            safe,
            "abandonment-limit",
            "no call may be abandoned: one call per free agent",
        );
    }
    let agents = agents_soon(now).saturating_sub(now.waiting);
    if agents == 0 {
        return Plan::launch(0, "no-agent", "no agent is free or about to be");
    }
    let (answered, abandoned) = (
        f64::from(now.compliance.answered),
        f64::from(now.compliance.abandoned),
    );
    let limit = config.margin * f64::from(now.compliance.allowed) / 1_000_000.0;
    let rate = answer_rate(&now.recent);
    let ceiling = (f64::from(agents) * config.calls_per_agent) as u32;
    let under_way = most_calls(rate, agents, ceiling, |calls, lost| {
        abandoned + lost <= limit * (answered + calls * rate)
    });
    let launch = under_way.saturating_sub(now.ringing);
    let detail = format!(
        "{agents} agents within the time to an answer, {:.1} % answer, {abandoned} of {answered} abandoned, {:.2} % \
         used of {:.2} % allowed: {under_way} calls under way",
        rate * 100.0,
        limit * 100.0,
        f64::from(now.compliance.allowed) / 10_000.0,
    );
    if launch > safe {
        Plan::launch(launch, "predictive", detail)
    } else {
        Plan::launch(safe, "abandonment-limit", detail)
    }
}

pacing_strategy::register!(Predictive);
