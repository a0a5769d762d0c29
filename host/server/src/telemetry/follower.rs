//! Follows the journals: decisions become metrics, and each interaction that is closed becomes a trace.
//!
//! Nothing is kept of interactions that go on: the journal has it all when they are closed.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jackfield_contact::event::Event;
use jackfield_runtime::{JournalEntry, Platform, SubmitError, Tenant};
use jackfield_types::{InteractionId, OpContext, TenantId};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};
use tokio::sync::oneshot;

use super::decision::Decision;
use super::metrics::Decisions;
use super::{SCOPE, trace};

/// The running task.
pub(super) struct Follower {
    finish: oneshot::Sender<()>,
    finished: mpsc::Receiver<()>,
}

type Entries = Receiver<(TenantId, Arc<JournalEntry>)>;

impl Follower {
    /// Starts it; it wants a tokio runtime.
    pub(super) fn start(
        platform: Platform,
        entries: Entries,
        traces: Option<&SdkTracerProvider>,
        metrics: Option<&SdkMeterProvider>,
    ) -> Self {
        let (finish, asked_to_finish) = oneshot::channel();
        let (done, finished) = mpsc::channel();
        let task = Task {
            platform,
            tenants: BTreeMap::new(),
            tracer: traces.map(|provider| provider.tracer(SCOPE)),
            decisions: metrics.map(|provider| Decisions::new(&provider.meter(SCOPE))),
        };
        tokio::spawn(async move {
            task.run(entries, asked_to_finish).await;
            let _ = done.send(());
        });
        Self { finish, finished }
    }

    /// Lets it tell what it has heard, and waits for that so long.
    pub(super) fn finish(self, patience: Duration) {
        let _ = self.finish.send(());
        if self.finished.recv_timeout(patience).is_err() {
            tracing::warn!("traces of the last interactions were not told in time");
        }
    }
}

struct Task {
    platform: Platform,
    /// A tenant's journal can still be read when the platform has let the tenant go.
    tenants: BTreeMap<TenantId, Tenant>,
    tracer: Option<SdkTracer>,
    decisions: Option<Decisions>,
}

impl Task {
    async fn run(mut self, mut entries: Entries, mut asked_to_finish: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                heard = entries.recv() => match heard {
                    Ok((tenant, entry)) => self.take(&tenant, &entry).await,
                    Err(RecvError::Lagged(missed)) => lagged(missed),
                    Err(RecvError::Closed) => return,
                },
                _ = &mut asked_to_finish => break,
            }
        }
        loop {
            match entries.try_recv() {
                Ok((tenant, entry)) => self.take(&tenant, &entry).await,
                Err(TryRecvError::Lagged(missed)) => lagged(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    async fn take(&mut self, id: &TenantId, entry: &JournalEntry) {
        if !self.tenants.contains_key(id)
            && let Some(tenant) = self.platform.tenant(id)
        {
            self.tenants.insert(id.clone(), tenant);
        }
        let event = &entry.recorded.event;
        if let (Some(decisions), Some(decision)) = (&self.decisions, Decision::of(event)) {
            decisions.count(&decision);
        }
        let (Event::Closed { interaction }, Some(tracer)) = (event, &self.tracer) else {
            return;
        };
        let Some(tenant) = self.tenants.get(id) else {
            return;
        };
        if let Err(error) = tell(tracer, tenant, *interaction).await {
            tracing::warn!(tenant = %id, %interaction, %error, "no trace: the journal can't be read");
        }
    }
}

async fn tell(tracer: &SdkTracer, tenant: &Tenant, interaction: InteractionId) -> Result<(), SubmitError> {
    let ctx = OpContext::system(tenant.id().clone(), "telemetry");
    let Some(it) = tenant.interaction(&ctx, interaction).await? else {
        return Ok(());
    };
    let entries = tenant.interaction_events(&ctx, interaction).await?;
    trace::tell(tracer, tenant.id(), &it, &entries);
    Ok(())
}

fn lagged(missed: u64) {
    tracing::warn!(
        missed,
        "telemetry fell behind: interactions closed among these journal entries get no trace"
    );
}
