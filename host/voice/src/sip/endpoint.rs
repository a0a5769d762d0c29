use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jackfield_types::limits::{MAX_SIP_CONNECTIONS, MAX_SIP_CONNECTIONS_PER_ADDRESS, MAX_SIP_TRANSACTIONS};
use rsipstack::{
    EndpointBuilder,
    dialog::{
        authenticate::Credential, dialog_layer::DialogLayer, invitation::InviteOption,
        registration::Registration,
    },
    platform::CancellationToken,
    sip::{self, Auth, Param, Scheme, Uri, typed::Contact},
    transaction::endpoint::EndpointInnerRef,
    transport::{
        SipAddr, SipConnection, TransportLayer,
        tcp::TcpConnection,
        udp::{UdpConnection, UdpInner},
    },
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{Semaphore, mpsc},
};

use super::{Call, Incoming, call, extract, nat::ContactFix, requests, screen::Screened};
use crate::{VoiceError, softphone::Transport};

/// What stands in User-Agent.
const USER_AGENT: &str = concat!("Jackfield/", env!("CARGO_PKG_VERSION"));
/// Ports that are tried, where the system chooses one, until one is free for UDP and TCP alike.
const MAX_PORT_TRIES: u32 = 64;
/// Calls and registrations that wait for the other side of [`Endpoint::start`]'s receiver.
const MAX_INCOMING: usize = 256;

/// How an [`Endpoint`] is set up.
pub(crate) struct EndpointOptions {
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: Option<SocketAddr>,
    /// Stands in Via and Contact instead of the local address.
    pub(crate) external_ip: Option<IpAddr>,
}

/// The sockets, transactions and dialogs of one SIP element. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) stack: EndpointInnerRef,
    pub(super) dialogs: Arc<DialogLayer>,
    /// Call-ID and From tag of the calls that are coming in, to know the same request by another way (482).
    pub(super) calls: Mutex<HashSet<(String, String)>>,
    /// Connections over TCP that each address has.
    connections: Mutex<HashMap<IpAddr, usize>>,
    udp: SocketAddr,
    tcp: Option<SocketAddr>,
    external_ip: Option<IpAddr>,
    cancel: CancellationToken,
}

/// A call to be placed.
pub(crate) struct Outgoing {
    /// The request line.
    pub(crate) uri: String,
    /// Where it is sent.
    pub(crate) destination: SocketAddr,
    pub(crate) transport: Transport,
    /// The user and display name of From.
    pub(crate) from_user: String,
    pub(crate) from_name: Option<String>,
    /// The offer.
    pub(crate) sdp: String,
    /// User and password, when the other side asks.
    pub(crate) credential: Option<(String, String)>,
}

/// A registration that is kept with a server.
pub(crate) struct Registering {
    registration: Registration,
    server: Uri,
}

/// Opens the sockets. Where the system is to choose the port, UDP and TCP get the same: people write one address down.
async fn bind(options: &EndpointOptions) -> Result<(UdpSocket, Option<TcpListener>), VoiceError> {
    let refused = |option, addr, error: &std::io::Error| VoiceError::Listen {
        option,
        addr,
        reason: error.to_string(),
    };
    let any_port = |addr: SocketAddr| addr.port() == 0 && addr == options.udp;
    let mut tries = 0;
    loop {
        tries += 1;
        let socket = UdpSocket::bind(options.udp)
            .await
            .map_err(|error| refused("sip_udp", options.udp, &error))?;
        let Some(mut addr) = options.tcp else {
            return Ok((socket, None));
        };
        let same = any_port(addr);
        if same {
            let chosen = socket
                .local_addr()
                .map_err(|error| refused("sip_udp", options.udp, &error))?;
            addr.set_port(chosen.port());
        }
        match TcpListener::bind(addr).await {
            Ok(listener) => return Ok((socket, Some(listener))),
            // Somebody has it for TCP: another one.
            Err(_) if same && tries < MAX_PORT_TRIES => {}
            Err(error) => return Err(refused("sip_tcp", addr, &error)),
        }
    }
}

impl Endpoint {
    /// Opens the sockets and begins to serve.
    pub(crate) async fn start(
        options: EndpointOptions,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), VoiceError> {
        let cancel = CancellationToken::new();
        let listen = |option, addr, e: &dyn std::fmt::Display| VoiceError::Listen {
            option,
            addr,
            reason: e.to_string(),
        };
        for (option, addr) in [("sip_udp", Some(options.udp)), ("sip_tcp", options.tcp)] {
            if let Some(addr) =
                addr.filter(|addr| addr.ip().is_unspecified() && options.external_ip.is_none())
            {
                return Err(VoiceError::Wildcard { option, addr });
            }
        }
        let (socket, listener) = bind(&options).await?;
        let udp = socket
            .local_addr()
            .map_err(|e| listen("sip_udp", options.udp, &e))?;
        let tcp = listener.as_ref().and_then(|l| l.local_addr().ok());

        let transports = TransportLayer::new(cancel.child_token());
        let external = options.external_ip.map(|ip| SocketAddr::new(ip, udp.port()));
        let inner = UdpInner {
            addr: sip_addr(udp, Transport::Udp),
            conn: Arc::new(Screened(socket)),
        };
        let connection = UdpConnection::attach(inner, external, Some(cancel.child_token())).await;
        transports.add_transport(SipConnection::Udp(connection));
        let endpoint = EndpointBuilder::new()
            .with_user_agent(USER_AGENT)
            .with_cancel_token(cancel.clone())
            .with_transport_layer(transports)
            .with_inspector(Box::new(ContactFix))
            .build();
        let stack = endpoint.inner.clone();
        let transactions = endpoint
            .incoming_transactions()
            .map_err(|e| listen("sip_udp", options.udp, &e))?;
        tokio::spawn(async move { endpoint.serve().await });

        let endpoint = Self {
            inner: Arc::new(Inner {
                dialogs: Arc::new(DialogLayer::new(stack.clone())),
                stack,
                calls: Mutex::default(),
                connections: Mutex::default(),
                udp,
                tcp,
                external_ip: options.external_ip,
                cancel,
            }),
        };
        if let Some(listener) = listener {
            tokio::spawn(endpoint.clone().accept(listener));
        }
        let (send, receive) = mpsc::channel(MAX_INCOMING);
        tokio::spawn(requests::serve(
            endpoint.clone(),
            transactions,
            send,
            Arc::new(Semaphore::new(MAX_SIP_TRANSACTIONS)),
        ));
        Ok((endpoint, receive))
    }

    /// Takes TCP connections; past the limits they are closed at once. (The stack's own listener neither tells its
    /// port nor reports that it could not be opened.)
    async fn accept(self, listener: TcpListener) {
        let Some(local) = self.inner.tcp else { return };
        let local = sip_addr(
            SocketAddr::new(self.inner.external_ip.unwrap_or(local.ip()), local.port()),
            Transport::Tcp,
        );
        loop {
            let accepted = tokio::select! {
                () = self.inner.cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(_) if self.transports().connections_count() >= MAX_SIP_CONNECTIONS => {
                    tracing::warn!(limit = MAX_SIP_CONNECTIONS, "SIP connection refused");
                }
                Ok((stream, peer)) => {
                    let token = self.inner.cancel.child_token();
                    let Some(place) = self.place(peer.ip()) else {
                        tracing::warn!(%peer, limit = MAX_SIP_CONNECTIONS_PER_ADDRESS, "SIP connection refused");
                        continue;
                    };
                    match TcpConnection::from_stream(stream, local.clone(), Some(token.clone())) {
                        Ok(connection) => self.transports().add_connection(SipConnection::Tcp(connection)),
                        Err(error) => {
                            tracing::debug!(%peer, %error, "SIP connection lost at once");
                            continue;
                        }
                    }
                    tokio::spawn(async move {
                        // The stack cancels it when the connection is closed.
                        token.cancelled().await;
                        drop(place);
                    });
                }
                // Out of file descriptors, say: the next connection that closes makes room.
                Err(error) => {
                    tracing::warn!(%error, "SIP connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// A place for a connection of an address, unless it has as many as it may have.
    fn place(&self, address: IpAddr) -> Option<Place> {
        let mut connections = self.connections();
        let had = connections.entry(address).or_default();
        (*had < MAX_SIP_CONNECTIONS_PER_ADDRESS).then(|| {
            *had += 1;
            Place {
                endpoint: self.clone(),
                address,
            }
        })
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.inner
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn transports(&self) -> &TransportLayer {
        &self.inner.stack.transport_layer
    }

    /// Where datagrams are heard.
    pub(crate) fn udp(&self) -> SocketAddr {
        self.inner.udp
    }

    /// Where connections are taken.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        self.inner.tcp
    }

    /// Transactions under way.
    pub(crate) fn transactions(&self) -> usize {
        self.inner.stack.get_stats().running_transactions
    }

    /// Dialogs that live.
    pub(crate) fn dialogs(&self) -> usize {
        self.inner.dialogs.len()
    }

    /// Resolves when nothing is under way but transactions that only wait for stray messages.
    pub(crate) async fn idle(&self) {
        while self.dialogs() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Resolves when the sockets are closed.
    pub(crate) async fn closed(&self) {
        self.inner.cancel.cancelled().await;
    }

    /// Closes the sockets.
    pub(crate) fn shutdown(&self) {
        self.inner.cancel.cancel();
    }

    /// Where peers reach us by a transport, for Contact.
    pub(super) fn contact(&self, user: &str, transport: Transport) -> Uri {
        let addr = match transport {
            Transport::Udp => self.inner.udp,
            Transport::Tcp => self.inner.tcp.unwrap_or(self.inner.udp),
        };
        let addr = SocketAddr::new(self.inner.external_ip.unwrap_or(addr.ip()), addr.port());
        let mut uri = uri_of(user, addr);
        if transport == Transport::Tcp {
            uri.params.push(Param::Transport(sip::Transport::Tcp));
        }
        uri
    }

    /// Places a call. Its outcome comes as signals.
    ///
    /// # Errors
    /// A text when the request can't be made, for example because the URI is none.
    pub(crate) fn invite(&self, outgoing: Outgoing) -> Result<Call, String> {
        let callee = Uri::try_from(outgoing.uri.as_str()).map_err(|e| e.to_string())?;
        let contact = self.contact(&outgoing.from_user, outgoing.transport);
        let mut caller = contact.clone();
        caller.params.clear();
        let option = InviteOption {
            caller_display_name: outgoing
                .from_name
                .as_deref()
                .map(extract::quotable)
                .filter(|n| !n.is_empty()),
            caller,
            callee,
            destination: Some(sip_addr(outgoing.destination, outgoing.transport)),
            offer: Some(outgoing.sdp.clone().into_bytes()),
            contact,
            credential: outgoing.credential.map(credential),
            headers: Some(vec![requests::allow()]),
            ..InviteOption::default()
        };
        call::place(self, option, outgoing.sdp)
    }

    /// A registration with a server, not yet sent.
    pub(crate) fn registering(
        &self,
        server: SocketAddr,
        transport: Transport,
        user: &str,
        password: &str,
    ) -> Registering {
        let login = credential((user.to_owned(), password.to_owned()));
        let mut registration = Registration::new(self.inner.stack.clone(), Some(login));
        registration.contact = Some(Contact {
            display_name: None,
            uri: self.contact(user, transport),
            params: vec![],
        });
        let mut uri = Uri::from(sip::HostWithPort::from(server));
        if transport == Transport::Tcp {
            uri.params.push(Param::Transport(sip::Transport::Tcp));
        }
        Registering {
            registration,
            server: uri,
        }
    }

    pub(super) fn calls(&self) -> std::sync::MutexGuard<'_, HashSet<(String, String)>> {
        self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among those of its address; given back when dropped.
struct Place {
    endpoint: Endpoint,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.endpoint.connections();
        if let Some(had) = connections.get_mut(&self.address) {
            *had -= 1;
            if *had == 0 {
                connections.remove(&self.address);
            }
        }
    }
}

impl Registering {
    /// Registers for so many seconds, 0 to unregister; the final status and the seconds granted.
    ///
    /// # Errors
    /// A text when no answer came.
    pub(crate) async fn register(&mut self, seconds: u32) -> Result<(u16, u32), String> {
        let response = self
            .registration
            .register(self.server.clone(), Some(seconds))
            .await
            .map_err(|e| e.to_string())?;
        Ok((response.status_code.code(), self.registration.expires()))
    }
}

fn credential((username, password): (String, String)) -> Credential {
    Credential {
        username,
        password,
        realm: None,
        auth_username: None,
    }
}

pub(super) fn uri_of(user: &str, addr: SocketAddr) -> Uri {
    Uri {
        scheme: Some(Scheme::Sip),
        auth: (!user.is_empty()).then(|| Auth {
            user: user.to_owned(),
            password: None,
        }),
        host_with_port: addr.into(),
        ..Uri::default()
    }
}

pub(super) fn sip_addr(addr: SocketAddr, transport: Transport) -> SipAddr {
    let kind = match transport {
        Transport::Udp => sip::Transport::Udp,
        Transport::Tcp => sip::Transport::Tcp,
    };
    SipAddr::new(kind, addr.into())
}
