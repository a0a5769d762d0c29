use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jackfield_contact::leg::{ActionId, LegCommand};
use jackfield_types::{LegId, TenantId, Timestamp};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    Directory, RegisteredPhone, VoiceError, VoiceEvent, VoiceOptions, VoiceStats,
    leg::{self, LegTable},
    media::{Engine, EngineOptions},
    prompt::Library,
    registrar::Registrar,
    sip::{Endpoint, EndpointOptions},
};

/// How long [`Voice::shutdown`] waits for calls to end.
const SHUTDOWN: Duration = Duration::from_secs(15);

/// The voice side of one process. Cheap to clone.
///
/// Orders never block and never fail: what becomes of them is reported as [`VoiceEvent`]s, those of one leg in
/// the order in which they happened. When the receiver of the events is slow, calls wait for it, and new ones
/// are answered with 503.
#[derive(Clone)]
pub struct Voice {
    shared: Arc<Shared>,
}

/// What all legs of a process have in common.
pub(crate) struct Shared {
    pub(crate) options: VoiceOptions,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) events: mpsc::Sender<VoiceEvent>,
    pub(crate) endpoint: Endpoint,
    pub(crate) engine: Engine,
    pub(crate) registrar: Registrar,
    pub(crate) legs: Arc<LegTable>,
    pub(crate) counters: Counters,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) calls_in: AtomicU64,
    pub(crate) calls_out: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Now, in milliseconds since the epoch.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Voice {
    /// Opens the sockets, starts the media threads and begins to take calls and registrations.
    ///
    /// # Errors
    /// [`VoiceError`] names the option that is wrong.
    pub async fn start(
        options: VoiceOptions,
        directory: Arc<dyn Directory>,
        events: mpsc::Sender<VoiceEvent>,
    ) -> Result<Self, VoiceError> {
        let (endpoint, incoming) = Endpoint::start(EndpointOptions {
            udp: options.sip_udp,
            tcp: Some(options.sip_tcp),
            external_ip: options.external_ip,
        })
        .await?;
        let shared = Arc::new_cyclic(|shared| todo_shared(shared));
        Ok(Self { shared })
    }

    /// Carries out an order of the core. An order with the same `leg` and `action` is carried out once; an order
    /// to a leg that is gone does nothing.
    pub fn command(&self, tenant: &TenantId, leg: LegId, action: ActionId, command: LegCommand) {
        leg::order(&self.shared, tenant, leg, action, command);
    }

    /// The registered phones of a tenant, by agent.
    pub fn registered_phones(&self, tenant: &TenantId) -> Vec<RegisteredPhone> {
        self.shared.registrar.phones(tenant)
    }

    /// Figures since the start.
    pub fn stats(&self) -> VoiceStats {
        VoiceStats {
            legs: self.shared.legs().live.len(),
            phones: self.shared.registrar.len(),
            calls_in: self.shared.counters.calls_in.load(Ordering::Relaxed),
            calls_out: self.shared.counters.calls_out.load(Ordering::Relaxed),
            refused: self.shared.counters.refused.load(Ordering::Relaxed),
            transactions: self.shared.endpoint.transactions(),
            media: self.shared.engine.stats(),
        }
    }

    /// Where SIP over UDP is heard.
    pub fn sip_udp(&self) -> SocketAddr {
        self.shared.endpoint.udp()
    }

    /// Where SIP over TCP is heard.
    pub fn sip_tcp(&self) -> Option<SocketAddr> {
        self.shared.endpoint.tcp()
    }

    /// Refuses new calls, ends all legs (BYE, CANCEL or 503; each reports `Ended` and its recording), then closes
    /// the sockets and the media threads. Takes at most 15 s.
    pub async fn shutdown(self) {
        self.shared.close().await;
    }
}
