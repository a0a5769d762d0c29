use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jackfield_contact::leg::{ActionId, LegCommand};
use jackfield_types::{LegId, TenantId, Timestamp};
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    Directory, RegisteredPhone, VoiceError, VoiceEvent, VoiceOptions, VoiceStats,
    leg::{self, LegTable},
    media::{Engine, EngineOptions, port_pairs},
    prompt::Library,
    registrar::{self, Change, Registrar},
    sip::{Endpoint, EndpointOptions, Incoming, Register},
};

/// How long [`Voice::shutdown`] waits for calls to end.
const SHUTDOWN: Duration = Duration::from_secs(12);
/// How long it then waits for the answers to its last requests.
const FAREWELL: Duration = Duration::from_secs(2);
/// Registrations that wait to be decided on; one more is answered with 503.
const MAX_REGISTRATIONS: usize = 1_024;
/// How often registrations are looked at, when none is due.
const CLOCK_CHECK: Duration = Duration::from_secs(60);

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
    /// Told when a registration came or went.
    phones_changed: Notify,
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
        for (option, dir) in [
            ("prompts_dir", &options.prompts_dir),
            ("recordings_dir", &options.recordings_dir),
            ("speech_cache_dir", &options.speech_cache_dir),
        ] {
            std::fs::create_dir_all(dir).map_err(|source| VoiceError::Directory {
                option,
                path: dir.display().to_string(),
                source,
            })?;
        }
        let legs = Arc::new(LegTable::new(
            port_pairs(&options.rtp_ports).unwrap_or(usize::MAX),
        ));
        let sink = legs.clone();
        let engine = Engine::start(
            EngineOptions {
                workers: options.workers,
                media_ip: options.media_ip,
                external_ip: options.external_ip,
                rtp_ports: options.rtp_ports.clone(),
                media_timeout: options.media_timeout,
                prompts: Arc::new(Library::new(
                    options.prompts_dir.clone(),
                    options.speech_cache_dir.clone(),
                )),
            },
            Arc::new(move |leg, event| sink.media(leg, event)),
        )?;
        let (endpoint, incoming) = Endpoint::start(EndpointOptions {
            udp: options.sip_udp,
            tcp: Some(options.sip_tcp),
            external_ip: options.external_ip,
        })
        .await?;
        let registrar = Registrar::new(options.nonce_secret, options.min_expires, options.max_expires);
        let shared = Arc::new(Shared {
            options,
            directory,
            events,
            endpoint,
            engine,
            registrar,
            phones_changed: Notify::new(),
            legs,
            counters: Counters::default(),
        });
        tokio::spawn(serve(shared.clone(), incoming));
        tokio::spawn(expire(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// Carries out an order of the core. An order with the same `leg` and `action` is carried out once; an order
    /// to a leg that is gone does nothing.
    pub fn command(&self, tenant: &TenantId, leg: LegId, action: ActionId, command: LegCommand) {
        leg::order(&self.shared, tenant, leg, action, command);
    }

    /// Whether numbers outside can be called.
    pub fn has_trunk(&self) -> bool {
        self.shared.options.trunk.is_some()
    }

    /// The registered phones of a tenant, by agent.
    pub fn registered_phones(&self, tenant: &TenantId) -> Vec<RegisteredPhone> {
        self.shared.registrar.phones(tenant)
    }

    /// Figures since the start.
    pub fn stats(&self) -> VoiceStats {
        VoiceStats {
            legs: self.shared.legs.len(),
            dialogs: self.shared.endpoint.dialogs(),
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
        let Shared {
            endpoint,
            engine,
            legs,
            phones_changed,
            ..
        } = &*self.shared;
        legs.close();
        if timeout(SHUTDOWN, legs.idle()).await.is_err() {
            tracing::warn!(legs = legs.len(), "calls did not end in time");
        }
        // BYEs that are under way get their answers.
        timeout(FAREWELL, endpoint.idle()).await.ok();
        endpoint.shutdown();
        phones_changed.notify_one();
        let engine = engine.clone();
        tokio::task::spawn_blocking(move || engine.shutdown()).await.ok();
    }
}

/// Takes calls and registrations until the endpoint is closed.
async fn serve(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    // Registrations have a task of their own: they wait for a slow receiver of events, which calls must not.
    let (registrations, mut waiting) = mpsc::channel::<Box<Register>>(MAX_REGISTRATIONS);
    let registering = shared.clone();
    tokio::spawn(async move {
        while let Some(request) = waiting.recv().await {
            let shared = registering.clone();
            // A task for each, so that a panic ends that registration alone.
            tokio::spawn(async move { register(&shared, *request).await })
                .await
                .ok();
        }
    });
    while let Some(request) = incoming.recv().await {
        match request {
            Incoming::Invite(invite) => {
                if catch_unwind(AssertUnwindSafe(|| leg::incoming(&shared, *invite))).is_err() {
                    tracing::error!("a call could not be taken");
                }
            }
            Incoming::Register(request) => {
                if let Err(error) = registrations.try_send(request) {
                    error.into_inner().reply(503, vec![]).await;
                }
            }
        }
    }
}

async fn register(shared: &Shared, request: Register) {
    // A version 7 UUID's lower half is random.
    let salt = Uuid::now_v7().as_u128() as u64;
    let at = now();
    let answer = shared.registrar.register(
        &registrar::Request {
            uri: &request.uri,
            user: &request.user,
            authorization: request.authorization.as_deref(),
            contacts: &request.contacts,
            all: request.all,
            expires: request.expires,
            call_id: &request.call_id,
            cseq: request.cseq,
            source: request.source,
            transport: request.transport,
        },
        shared.directory.as_ref(),
        salt,
        at,
    );
    let event = answer.change.map(|change| match change {
        Change::Registered {
            tenant,
            agent,
            expires_at,
        } => VoiceEvent::PhoneRegistered {
            tenant,
            agent,
            at,
            expires_at,
        },
        Change::Unregistered { tenant, agent } => VoiceEvent::PhoneUnregistered { tenant, agent, at },
    });
    request.reply(answer.status, answer.headers).await;
    if let Some(event) = event {
        shared.phones_changed.notify_one();
        shared.events.send(event).await.ok();
    }
}

/// Reports registrations that expire, until the voice side is gone.
async fn expire(shared: Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let at = now();
        for (tenant, agent) in shared.registrar.expire(at) {
            shared
                .events
                .send(VoiceEvent::PhoneUnregistered { tenant, agent, at })
                .await
                .ok();
        }
        let next = shared
            .registrar
            .next_expiry()
            .map(|next| Duration::from_millis(next.since(now())));
        // Never longer than this, so that a step of the clock is noticed.
        let wait = next.unwrap_or(CLOCK_CHECK).min(CLOCK_CHECK);
        tokio::select! {
            () = shared.endpoint.closed() => return,
            () = shared.phones_changed.notified() => {}
            () = sleep(wait) => {}
        }
    }
}
