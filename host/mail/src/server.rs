//! The listener: connections, their limits and time-outs, TLS. What is said is in `session`.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jackfield_types::limits;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::lines::Lines;
use crate::mail::Mail;
use crate::networks::Networks;
use crate::session::{Incoming, ROOM_UNIT, Session, Step, reply};

/// Bytes that are read at once.
const READ: usize = 16 * 1024;
/// Answers of commands that came together wait up to here before they are sent.
const ANSWERS: usize = 8 * 1024;
/// What a peer does not take within so long it does not want.
const WRITE: Duration = Duration::from_secs(60);

/// What the listener asks about mailboxes.
pub trait Mailboxes: Send + Sync + 'static {
    /// A mailbox that is there.
    type Mailbox: Clone + PartialEq + Send + Sync + 'static;

    /// Whose an address is; from memory, in any case of its letters.
    fn find(&self, address: &str) -> Option<Self::Mailbox>;

    /// Takes a mail. `Ok`: it is durable, or was before. Given up half-way it may be called again with the same mail.
    fn take(
        &self,
        mailbox: Self::Mailbox,
        mail: Arc<Mail>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// Why a mail is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not now: 451, and its sender tries again.
    Later,
    /// Never: 550 with this code of RFC 3463, and these words.
    Never(&'static str, String),
}

/// How to listen.
#[derive(Clone)]
pub struct SmtpOptions {
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What this server calls itself: a host name.
    pub name: String,
    /// From where mail is taken.
    pub from: Networks,
    /// The certificate for STARTTLS, if it is offered.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not of this machine.
    #[error("{0} can't be opened: {1}")]
    Listen(SocketAddr, io::Error),
    /// The certificate or its key can't be read.
    #[error("{0}")]
    Certificate(String),
}

/// Certificate and key of two PEM files.
///
/// # Errors
/// [`ListenError::Certificate`] names the file that can't be read.
pub fn tls_from_pem(
    certificate: &std::path::Path,
    key: &std::path::Path,
) -> Result<Arc<ServerConfig>, ListenError> {
    let wrong = |file: &std::path::Path, error: &dyn std::fmt::Display| {
        ListenError::Certificate(format!("{}: {error}; expected PEM", file.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| wrong(certificate, &error))?;
    Ok(Arc::new(config))
}

/// An SMTP listener.
pub struct SmtpListener {
    listener: TcpListener,
    address: SocketAddr,
    options: SmtpOptions,
}

impl SmtpListener {
    /// Opens the port.
    ///
    /// # Errors
    /// [`ListenError::Listen`] when it can't be opened.
    pub async fn open(options: SmtpOptions) -> Result<Self, ListenError> {
        let failed = |error| ListenError::Listen(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            options,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes mail until `ended`. Connections that are open then are left to their time-outs.
    pub async fn serve<M: Mailboxes>(self, mailboxes: Arc<M>, ended: impl Future<Output = ()>) {
        let shared = Arc::new(Shared {
            name: self.options.name.as_str().into(),
            tls: self.options.tls.map(TlsAcceptor::from),
            room: Arc::new(Semaphore::new(limits::MAX_SMTP_BYTES / ROOM_UNIT)),
            places: Arc::new(Semaphore::new(limits::MAX_SMTP_CONNECTIONS)),
            peers: Mutex::default(),
            mailboxes,
        });
        tokio::pin!(ended);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut ended => return,
            };
            let (stream, peer) = match accepted {
                Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
                Err(error) => {
                    tracing::warn!(%error, "an SMTP connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            if !self.options.from.contain(peer) {
                tracing::warn!(%peer, "SMTP from an address that is not among --smtp-from");
                tokio::spawn(turn_away(
                    stream,
                    reply(554, "5.7.1", "Mail is not taken from your address"),
                ));
                continue;
            }
            let place = shared.places.clone().try_acquire_owned();
            let (Ok(place), Some(peer)) = (place, Peer::enter(&shared, peer)) else {
                tokio::spawn(turn_away(
                    stream,
                    reply(421, "4.7.0", "Too many connections; come back later"),
                ));
                continue;
            };
            let shared = shared.clone();
            tokio::spawn(async move {
                let _place = place;
                let from = peer.address;
                let whole = Duration::from_millis(limits::MAX_SMTP_CONNECTION_MS);
                let served = timeout(whole, serve(&shared, stream)).await;
                if let Ok(Err(error)) = served {
                    tracing::debug!(peer = %from, %error, "an SMTP connection broke off");
                }
                drop(peer);
            });
        }
    }
}

struct Shared<M> {
    name: Arc<str>,
    tls: Option<TlsAcceptor>,
    room: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Connections from each address.
    peers: Mutex<BTreeMap<IpAddr, usize>>,
    mailboxes: Arc<M>,
}

/// A connection's place among those of its address.
struct Peer<M> {
    shared: Arc<Shared<M>>,
    address: IpAddr,
}

impl<M> Peer<M> {
    fn enter(shared: &Arc<Shared<M>>, address: IpAddr) -> Option<Self> {
        let mut peers = shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = peers.entry(address).or_default();
        if *open >= limits::MAX_ADDRESS_SMTP_CONNECTIONS {
            return None;
        }
        *open += 1;
        drop(peers);
        Some(Self {
            shared: shared.clone(),
            address,
        })
    }
}

impl<M> Drop for Peer<M> {
    fn drop(&mut self) {
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = peers.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                peers.remove(&self.address);
            }
        }
    }
}

async fn turn_away(mut stream: TcpStream, words: String) {
    let _ = timeout(Duration::from_secs(5), stream.write_all(words.as_bytes())).await;
}

/// What a session goes over, in the clear or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn serve<M: Mailboxes>(shared: &Shared<M>, stream: TcpStream) -> io::Result<()> {
    // Answers are small, and the other side waits for each.
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut session = Session::new(shared.name.clone(), shared.tls.is_some(), shared.room.clone());
    let mut lines = Lines::default();
    let mut answers = session.greeting();
    let mut buffer = vec![0; READ];
    loop {
        send(&mut stream, &mut answers).await?;
        let deadline = Instant::now() + Duration::from_millis(limits::MAX_SMTP_IDLE_MS);
        let Ok(read) = timeout_at(deadline, stream.read(&mut buffer)).await else {
            answers = reply(421, "4.4.2", "Nothing was said for too long");
            return send(&mut stream, &mut answers).await;
        };
        let read = read?;
        if read == 0 {
            return Ok(());
        }
        lines.feed(buffer.get(..read).unwrap_or_default());
        while let Some(line) = lines.next(session.longest()) {
            match session.line(line, |address| shared.mailboxes.find(address)) {
                Step::Wait => {}
                Step::Reply(text) => answers.push_str(&text),
                Step::Take(incoming) => {
                    send(&mut stream, &mut answers).await?;
                    answers.push_str(&take(shared, incoming).await);
                }
                Step::Close(text) => {
                    answers.push_str(&text);
                    return send(&mut stream, &mut answers).await;
                }
                Step::Secure => {
                    // What was said in the clear after it might have been put there by somebody else.
                    let (Some(tls), true) = (&shared.tls, lines.is_empty()) else {
                        answers.push_str(&reply(501, "5.5.4", "Nothing may come after STARTTLS"));
                        return send(&mut stream, &mut answers).await;
                    };
                    answers.push_str(&reply(220, "2.0.0", "Go ahead"));
                    send(&mut stream, &mut answers).await?;
                    let secured = timeout(WRITE, tls.accept(stream)).await;
                    stream = Box::new(secured.map_err(io::Error::from)??);
                    session.secured();
                    break;
                }
            }
            if answers.len() >= ANSWERS {
                send(&mut stream, &mut answers).await?;
            }
        }
    }
}

async fn send(stream: &mut Box<dyn Stream>, answers: &mut String) -> io::Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let sent = async {
        stream.write_all(answers.as_bytes()).await?;
        stream.flush().await
    };
    timeout(WRITE, sent).await.map_err(io::Error::from)??;
    answers.clear();
    Ok(())
}

/// Has a mail taken by all whose it is; the answer.
async fn take<M: Mailboxes>(shared: &Shared<M>, incoming: Incoming<M::Mailbox>) -> String {
    let (from, to) = (incoming.from.clone(), incoming.to.clone());
    let read = spawn_blocking(move || (Mail::read(&incoming.data, &incoming.from), incoming));
    let (mail, _room) = match read.await {
        Ok((Ok(mail), room)) => (Arc::new(mail), room),
        Ok((Err(error), _)) => return reply(554, "5.6.0", &error.to_string()),
        Err(error) => {
            tracing::error!(%error, "a mail could not be read");
            return reply(554, "5.6.0", "The mail can't be read");
        }
    };
    let (mut taken, mut refused) = (false, None);
    for mailbox in to {
        let patience = Duration::from_millis(limits::MAX_MAIL_TAKING_MS);
        match timeout(patience, shared.mailboxes.take(mailbox, mail.clone())).await {
            Ok(Ok(())) => taken = true,
            Ok(Err(Refusal::Never(code, words))) => {
                tracing::info!(code, words, "a mail was refused");
                refused = Some(reply(550, code, &words));
            }
            // Those who have it already will know it again.
            Ok(Err(Refusal::Later)) | Err(_) => {
                return reply(
                    451,
                    "4.3.0",
                    "It can't be taken at the moment; send it again later",
                );
            }
        }
    }
    tracing::debug!(null = from.is_empty(), taken, "a mail came");
    match refused {
        Some(refused) if !taken => refused,
        _ => reply(250, "2.6.0", "Taken"),
    }
}

#[cfg(test)]
mod tests;
