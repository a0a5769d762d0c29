//! A small SIP phone, built from the same parts as the other side: for demonstrations, tests and load.

mod call;
mod heard;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jackfield_types::{InteractionId, LegId};
use tokio::sync::mpsc;
use uuid::Uuid;

pub use call::{PhoneCall, PhoneEvent};
pub use heard::{tone, tone_level};

use crate::{
    media::{Engine, EngineOptions, MediaEvent, sdp},
    prompt::Library,
    sip::{Endpoint, EndpointOptions, Incoming, Invite, Outgoing, Registering},
};

/// Calls that ring and that nobody has taken up; one more is busy.
const MAX_RINGING: usize = 64;

/// How SIP messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// One connection, kept open.
    Tcp,
}

/// How a [`Softphone`] is set up.
#[derive(Debug, Clone)]
pub struct SoftphoneOptions {
    /// Where its SIP server is.
    pub server: SocketAddr,
    /// How it talks to the server.
    pub transport: Transport,
    /// Its user name: `{agent}.{tenant}` for an agent's phone, a number for a customer's.
    pub user: String,
    /// The name that it shows when it calls.
    pub display_name: Option<String>,
    /// The password of an agent's phone.
    pub password: Option<String>,
    /// The local address of its sockets.
    pub ip: IpAddr,
    /// How much of what it hears is kept of each call, from the answer on.
    pub keep_heard: Duration,
}

impl SoftphoneOptions {
    /// A phone on loopback that talks UDP and keeps a minute of what it hears.
    pub fn loopback(server: SocketAddr, user: &str) -> Self {
        Self {
            server,
            transport: Transport::Udp,
            user: user.to_owned(),
            display_name: None,
            password: None,
            ip: Ipv4Addr::LOCALHOST.into(),
            keep_heard: Duration::from_secs(60),
        }
    }
}

/// What went wrong with a [`Softphone`].
#[derive(Debug, thiserror::Error)]
pub enum SoftphoneError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] crate::VoiceError),
    /// The server refused.
    #[error("{request} was answered with {status}")]
    Refused {
        /// Which request.
        request: &'static str,
        /// The final SIP status.
        status: u16,
    },
    /// No answer came, or the request could not be sent.
    #[error("{request} got no answer: {reason}")]
    NoAnswer {
        /// Which request.
        request: &'static str,
        /// What happened.
        reason: String,
    },
    /// The call is over.
    #[error("the call has ended")]
    Ended,
}

/// A phone. Its calls are [`PhoneCall`]s; they end when the phone is dropped.
pub struct Softphone {
    core: Arc<Core>,
    registering: Registering,
    incoming: mpsc::Receiver<PhoneCall>,
}

struct Core {
    options: SoftphoneOptions,
    endpoint: Endpoint,
    engine: Engine,
    media: Arc<MediaRoutes>,
}

/// Which call a media event belongs to.
#[derive(Default)]
struct MediaRoutes(Mutex<HashMap<LegId, mpsc::UnboundedSender<MediaEvent>>>);

impl MediaRoutes {
    fn lock(&self) -> MutexGuard<'_, HashMap<LegId, mpsc::UnboundedSender<MediaEvent>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Softphone {
    /// Opens its sockets. It is not registered yet; a customer's phone needs not be.
    ///
    /// # Errors
    /// No socket or no thread to be had.
    pub async fn start(options: SoftphoneOptions) -> Result<Self, SoftphoneError> {
        let media = Arc::new(MediaRoutes::default());
        let routes = media.clone();
        let nowhere = std::env::temp_dir();
        let engine = Engine::start(
            EngineOptions {
                workers: 1,
                media_ip: options.ip,
                external_ip: None,
                rtp_ports: 0..=0,
                media_timeout: Duration::from_secs(600),
                prompts: Arc::new(Library::new(nowhere.clone(), nowhere)),
            },
            Arc::new(move |leg, event| {
                if let Some(call) = routes.lock().get(&leg) {
                    call.send(event).ok();
                }
            }),
        )
        .map_err(crate::VoiceError::from)?;
        let udp = SocketAddr::new(options.ip, 0);
        let (endpoint, requests) = Endpoint::start(EndpointOptions {
            udp,
            tcp: None,
            external_ip: None,
        })
        .await?;
        let password = options.password.clone().unwrap_or_default();
        let registering = endpoint.registering(options.server, options.transport, &options.user, &password);
        let core = Arc::new(Core {
            options,
            endpoint,
            engine,
            media,
        });
        let (send, incoming) = mpsc::channel(MAX_RINGING);
        tokio::spawn(serve(core.clone(), requests, send));
        Ok(Self {
            core,
            registering,
            incoming,
        })
    }

    /// Registers; how long the server keeps it. It is not refreshed by itself.
    ///
    /// # Errors
    /// [`SoftphoneError::Refused`] with the status, or no answer.
    pub async fn register(&mut self, expires: Duration) -> Result<Duration, SoftphoneError> {
        let seconds = u32::try_from(expires.as_secs()).unwrap_or(u32::MAX);
        match self.registering.register(seconds).await {
            Ok((200, granted)) => Ok(Duration::from_secs(granted.into())),
            Ok((status, _)) => Err(SoftphoneError::Refused {
                request: "REGISTER",
                status,
            }),
            Err(reason) => Err(SoftphoneError::NoAnswer {
                request: "REGISTER",
                reason,
            }),
        }
    }

    /// Takes the registration back.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub async fn unregister(&mut self) -> Result<(), SoftphoneError> {
        self.register(Duration::ZERO).await.map(|_| ())
    }

    /// Calls a number. What becomes of it is told by the call.
    ///
    /// # Errors
    /// The number can't stand in a SIP URI, or no media socket is to be had.
    pub fn call(&self, number: &str) -> Result<PhoneCall, SoftphoneError> {
        let Core {
            options,
            endpoint,
            engine,
            ..
        } = &*self.core;
        let failed = |reason: String| SoftphoneError::NoAnswer {
            request: "INVITE",
            reason,
        };
        let leg = new_leg();
        let local = engine.open(leg).map_err(|e| failed(e.to_string()))?.addr;
        let origin = call::new_origin();
        let outgoing = Outgoing {
            uri: format!("sip:{number}@{}", options.server),
            destination: options.server,
            transport: options.transport,
            from_user: options.user.clone(),
            from_name: options.display_name.clone(),
            sdp: sdp::offer(local, origin, crate::media::Direction::SendRecv),
            credential: options
                .password
                .clone()
                .map(|password| (options.user.clone(), password)),
        };
        let call = endpoint.invite(outgoing).map_err(|reason| {
            engine.close(leg);
            failed(reason)
        })?;
        Ok(PhoneCall::start(
            &self.core,
            leg,
            call,
            (local, origin),
            number.to_owned(),
            None,
        ))
    }

    /// The next call to this phone; it rings at the caller's once [`PhoneCall::ring`] is said. `None` when the
    /// phone's sockets are closed.
    pub async fn incoming(&mut self) -> Option<PhoneCall> {
        self.incoming.recv().await
    }

    /// Where the phone listens for SIP.
    pub fn sip_addr(&self) -> SocketAddr {
        self.core.endpoint.udp()
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        self.core.endpoint.shutdown();
    }
}

fn new_leg() -> LegId {
    LegId::customer(InteractionId::from_uuid(Uuid::now_v7()))
}

async fn serve(core: Arc<Core>, mut requests: mpsc::Receiver<Incoming>, calls: mpsc::Sender<PhoneCall>) {
    while let Some(request) = requests.recv().await {
        match request {
            Incoming::Invite(invite) => match calls.clone().try_reserve_owned() {
                Ok(place) => {
                    if let Some(call) = take(&core, *invite) {
                        place.send(call);
                    }
                }
                Err(_) => invite.refuse(486),
            },
            Incoming::Register(register) => register.reply(405, vec![]).await,
        }
    }
}

fn take(core: &Arc<Core>, invite: Invite) -> Option<PhoneCall> {
    let leg = new_leg();
    let Ok(local) = core.engine.open(leg) else {
        invite.refuse(503);
        return None;
    };
    let (offer, from) = (invite.sdp.clone(), invite.from.clone());
    let Some(call) = invite.accept() else {
        core.engine.close(leg);
        return None;
    };
    Some(PhoneCall::start(
        core,
        leg,
        call,
        (local.addr, call::new_origin()),
        from,
        Some(offer),
    ))
}
