//! Metrics: the platform's counters as they stand, and each decision's time and fuel from the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use jackfield_contact::interaction::Stage;
use jackfield_runtime::{MetricsSnapshot, Platform};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::SCOPE;
use super::decision::Decision;

/// Looking at all tenants' interactions takes no longer; tenants that were not reached are left out.
const PATIENCE: Duration = Duration::from_secs(2);

struct Figure {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    value: fn(&MetricsSnapshot) -> u64,
}

const fn figure(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    value: fn(&MetricsSnapshot) -> u64,
) -> Figure {
    Figure {
        name,
        unit,
        description,
        value,
    }
}

const COUNTERS: [Figure; 11] = [
    figure(
        "jackfield.inputs",
        "{input}",
        "Inputs that tenants' loops handled",
        |now| now.inputs,
    ),
    figure(
        "jackfield.inputs.rejected",
        "{input}",
        "Inputs that were refused",
        |now| now.rejected,
    ),
    figure("jackfield.events", "{event}", "Events journaled", |now| {
        now.events
    }),
    figure("jackfield.commits", "{commit}", "Transactions committed", |now| {
        now.commits
    }),
    figure(
        "jackfield.commit.retries",
        "{commit}",
        "Commits that had to be tried again",
        |now| now.commit_retries,
    ),
    figure(
        "jackfield.interactions",
        "{interaction}",
        "Interactions begun",
        |now| now.interactions,
    ),
    figure(
        "jackfield.interactions.abandoned",
        "{interaction}",
        "Interactions given up before an agent answered",
        |now| now.abandoned,
    ),
    figure("jackfield.decisions", "{decision}", "Plugin decisions", |now| {
        now.decisions
    }),
    figure(
        "jackfield.decisions.failed",
        "{decision}",
        "Plugin decisions that failed",
        |now| now.decisions_failed,
    ),
    figure(
        "jackfield.plugin.fuel",
        "{fuel}",
        "Fuel that plugins used",
        |now| now.fuel,
    ),
    figure(
        "jackfield.plugin.time",
        "us",
        "Wall time of plugin decisions",
        |now| now.decision_us,
    ),
];

/// Lets the reader look at the platform's counters whenever it collects. It wants a tokio runtime.
pub(super) fn observe(provider: &SdkMeterProvider, platform: &Platform) {
    let meter = provider.meter(SCOPE);
    for Figure {
        name,
        unit,
        description,
        value,
    } in COUNTERS
    {
        let platform = platform.clone();
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |seen| seen.observe(value(&platform.metrics().snapshot()), &[]))
            .build();
    }
    let (looked_at, runtime) = (platform.clone(), tokio::runtime::Handle::current());
    meter
        .u64_observable_gauge("jackfield.interactions.live")
        .with_unit("{interaction}")
        .with_description("Interactions that are not closed, by stage")
        .with_callback(move |seen| {
            // The reader has a thread of its own, which may wait.
            for (stage, count) in runtime.block_on(live(&looked_at)) {
                seen.observe(count, &[KeyValue::new("stage", stage)]);
            }
        })
        .build();
    let looked_at = platform.clone();
    meter
        .u64_observable_gauge("jackfield.tenants")
        .with_unit("{tenant}")
        .with_description("Tenants")
        .with_callback(move |seen| seen.observe(looked_at.tenants().len() as u64, &[]))
        .build();
    let Some(voice) = platform.voice() else { return };
    let also = voice.clone();
    meter
        .u64_observable_gauge("jackfield.legs")
        .with_unit("{leg}")
        .with_description("Legs of calls that are up")
        .with_callback(move |seen| seen.observe(voice.stats().legs as u64, &[]))
        .build();
    meter
        .u64_observable_gauge("jackfield.phones")
        .with_unit("{phone}")
        .with_description("Phones that are registered")
        .with_callback(move |seen| seen.observe(also.stats().phones as u64, &[]))
        .build();
}

/// Interactions by stage, those in after-call work under `ended`.
async fn live(platform: &Platform) -> BTreeMap<&'static str, u64> {
    let mut counts =
        BTreeMap::from(["flow", "queued", "offered", "talking", "ended"].map(|stage| (stage, 0)));
    let look = async {
        for record in platform.tenants() {
            let Some(tenant) = platform.tenant(&record.id) else {
                continue;
            };
            let stages = tenant.read(|centre| {
                centre
                    .interactions()
                    .map(|it| stage(&it.stage))
                    .collect::<Vec<_>>()
            });
            // A loop that has stopped has no live interactions.
            for stage in stages.await.unwrap_or_default() {
                *counts.entry(stage).or_default() += 1;
            }
        }
    };
    // What was counted by then is what is told.
    let _ = tokio::time::timeout(PATIENCE, look).await;
    counts
}

fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::Flow => "flow",
        Stage::Queued(_) => "queued",
        Stage::Offered { .. } => "offered",
        Stage::Dialling { .. } => "dialling",
        Stage::Talking { .. } => "talking",
        Stage::Ended => "ended",
    }
}

/// Time and fuel of decisions.
pub(super) struct Decisions {
    duration: Histogram<f64>,
    fuel: Histogram<u64>,
}

impl Decisions {
    pub(super) fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram("jackfield.decision.duration")
                .with_unit("s")
                .with_description("Wall time of a plugin decision that was journaled")
                .with_boundaries(vec![
                    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5,
                ])
                .build(),
            fuel: meter
                .u64_histogram("jackfield.decision.fuel")
                .with_unit("{fuel}")
                .with_description("Fuel of a plugin decision that was journaled")
                .with_boundaries(vec![1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8])
                .build(),
        }
    }

    /// Counts one. What failed has no figures; `jackfield.decisions.failed` counts it.
    pub(super) fn count(&self, decision: &Decision<'_>) {
        if let Ok(by) = &decision.result {
            let kind = [KeyValue::new("kind", decision.kind.as_str())];
            self.duration.record(by.wall_us as f64 / 1e6, &kind);
            self.fuel.record(by.fuel, &kind);
        }
    }
}
