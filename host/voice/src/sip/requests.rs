//! Requests outside of dialogs, and the way of those inside to their call.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use rsipstack::{
    dialog::dialog::Dialog,
    sip::{
        self, Header, Method, Request, StatusCode,
        headers::{Accept, Allow, ContentType, MinSE, RetryAfter, Supported, Unsupported},
        prelude::HeadersExt,
    },
    transaction::{TransactionReceiver, transaction::Transaction},
};
use tokio::sync::{Semaphore, mpsc};

use super::{
    Call, Endpoint, call, extract, screen,
    timer::{MIN_SE, SessionTimer, Wish},
};
use crate::softphone::Transport;

/// What we understand.
pub(super) const METHODS: &str = "INVITE, ACK, CANCEL, BYE, INFO, OPTIONS, UPDATE, REGISTER";
/// Seconds after which a caller who met a limit may try again.
const RETRY_AFTER: u32 = 10;

/// How long a request that was sent before the ACK waits for it, and how often it looks.
const ACK_WAIT: Duration = Duration::from_secs(4);
const ACK_CHECK: Duration = Duration::from_millis(5);

/// A request that the endpoint's owner has to answer.
pub(crate) enum Incoming {
    Invite(Box<Invite>),
    Register(Box<Register>),
}

/// A call that comes in; 100 has not been sent yet.
pub(crate) struct Invite {
    tx: Transaction,
    endpoint: Endpoint,
    timer: Option<SessionTimer>,
    /// The user of From, and its display name.
    pub(crate) from: String,
    pub(crate) from_name: Option<String>,
    /// The user of the request line.
    pub(crate) to: String,
    /// The offer; empty when the caller wants ours.
    pub(crate) sdp: Vec<u8>,
}

/// A registration that was asked for.
pub(crate) struct Register {
    tx: Transaction,
    /// The request line.
    pub(crate) uri: String,
    /// The user of To.
    pub(crate) user: String,
    pub(crate) authorization: Option<String>,
    /// The URIs of Contact with their own `expires`.
    pub(crate) contacts: Vec<(String, Option<u32>)>,
    /// Contact is `*`.
    pub(crate) all: bool,
    /// The header Expires.
    pub(crate) expires: Option<u32>,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) source: SocketAddr,
    pub(crate) transport: Transport,
}

/// The header that says what we understand.
pub(super) fn allow() -> Header {
    Header::Allow(Allow::new(METHODS))
}

/// Takes transactions until the endpoint is shut down, each in a task of its own; past the limit 503.
pub(super) async fn serve(
    endpoint: Endpoint,
    mut transactions: TransactionReceiver,
    incoming: mpsc::Sender<Incoming>,
    permits: Arc<Semaphore>,
) {
    loop {
        let transaction = tokio::select! {
            () = endpoint.closed() => return,
            transaction = transactions.recv() => transaction,
        };
        let Some(mut tx) = transaction else { return };
        match permits.clone().try_acquire_owned() {
            Ok(permit) => {
                let (endpoint, incoming) = (endpoint.clone(), incoming.clone());
                begin(async move {
                    route(endpoint, tx, incoming).await;
                    drop(permit);
                })
                .await;
            }
            Err(_) => {
                tx.reply_with(StatusCode::ServiceUnavailable, vec![retry_after()], None)
                    .await
                    .ok();
            }
        }
    }
}

/// Runs a request in a task of its own, but its beginning here, so that two digits of one call are seen in the order in
/// which they came. A panic, of the stack's say, ends that request alone, here too.
async fn begin(request: impl Future<Output = ()> + Send + 'static) {
    let mut request = Box::pin(request);
    let begun =
        poll_fn(|context| Poll::Ready(catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(context)))))
            .await;
    match begun {
        Ok(Poll::Ready(())) => {}
        Ok(Poll::Pending) => drop(tokio::spawn(request)),
        Err(_) => tracing::error!("a SIP request could not be handled"),
    }
}

fn retry_after() -> Header {
    Header::RetryAfter(RetryAfter::new(RETRY_AFTER.to_string()))
}

async fn route(endpoint: Endpoint, mut tx: Transaction, incoming: mpsc::Sender<Incoming>) {
    if let Err(refusal) = screen::check(&tx.original) {
        return refuse(tx, refusal.status, vec![]).await;
    }
    let in_dialog = tx
        .original
        .to_header()
        .and_then(|to| to.tag())
        .is_ok_and(|tag| tag.is_some());
    if in_dialog {
        match endpoint.inner.dialogs.match_dialog(&tx) {
            Some(mut dialog) => {
                if tx.original.method != Method::Bye {
                    acknowledged(&dialog).await;
                }
                if let Err(error) = dialog.handle(&mut tx).await {
                    tracing::debug!(%error, method = %tx.original.method, "request in a dialog failed");
                }
            }
            None => refuse(tx, 481, vec![]).await,
        }
        return;
    }
    match tx.original.method {
        Method::Invite => invite(endpoint, tx, incoming).await,
        Method::Register => match Register::read(tx) {
            Ok(register) => {
                incoming.send(Incoming::Register(Box::new(register))).await.ok();
            }
            Err(tx) => refuse(*tx, 400, vec![]).await,
        },
        Method::Options => {
            let headers = vec![allow(), accept(), Header::Supported(Supported::new("timer"))];
            tx.reply_with(StatusCode::OK, headers, None).await.ok();
        }
        Method::Bye | Method::Info | Method::Update => refuse(tx, 481, vec![]).await,
        _ => refuse(tx, 405, vec![allow()]).await,
    }
}

/// Waits for the ACK of our answer. It is handled in another task, so that a request sent right after it may be
/// here first, and the stack leaves those without a response. There is nothing of the stack's to wait on.
async fn acknowledged(dialog: &Dialog) {
    let mut tries = ACK_WAIT.as_millis() / ACK_CHECK.as_millis();
    while dialog.state().waiting_ack() && tries > 0 {
        tries -= 1;
        tokio::time::sleep(ACK_CHECK).await;
    }
}

async fn invite(endpoint: Endpoint, tx: Transaction, incoming: mpsc::Sender<Incoming>) {
    let unsupported = unsupported(&tx.original);
    if !unsupported.is_empty() {
        return refuse(tx, 420, vec![Header::Unsupported(Unsupported::new(unsupported))]).await;
    }
    if !tx.original.body.is_empty() && !is_sdp(&tx.original) {
        return refuse(tx, 415, vec![accept()]).await;
    }
    let timer = match SessionTimer::wish(&tx.original) {
        Wish::None => None,
        Wish::Timer(timer) => Some(timer),
        Wish::TooSmall => return refuse(tx, 422, vec![Header::MinSE(MinSE::new(MIN_SE.to_string()))]).await,
    };
    let (from, from_name) = extract::caller(&tx.original);
    let to = extract::dialled(&tx.original);
    let sdp = tx.original.body.clone();
    let invite = Invite {
        tx,
        endpoint,
        timer,
        from,
        from_name,
        to,
        sdp,
    };
    incoming.send(Incoming::Invite(Box::new(invite))).await.ok();
}

/// What the request requires and we don't have.
fn unsupported(request: &Request) -> String {
    let required = request.headers.iter().filter_map(|header| match header {
        Header::Require(require) => Some(require.value()),
        _ => None,
    });
    let options = required.flat_map(|value| value.split(',')).map(str::trim);
    options
        .filter(|o| !o.is_empty() && !o.eq_ignore_ascii_case("timer"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn is_sdp(request: &Request) -> bool {
    let kind = request.header_value("Content-Type").unwrap_or_default();
    kind.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/sdp")
}

fn accept() -> Header {
    Header::Accept(Accept::new("application/sdp"))
}

/// The header that says that the body is SDP.
pub(super) fn sdp_type() -> Header {
    Header::ContentType(ContentType::new("application/sdp"))
}

/// Answers finally, and stays with the transaction until it is over: an INVITE's answer is sent again until its ACK.
async fn refuse(mut tx: Transaction, status: u16, headers: Vec<Header>) {
    if tx
        .reply_with(StatusCode::from(status), headers, None)
        .await
        .is_ok()
        && tx.original.method == Method::Invite
    {
        while tx.receive().await.is_some() {}
    }
}

impl Invite {
    /// Refuses the call; 503 says when to try again.
    pub(crate) fn refuse(self, status: u16) {
        let headers = if status == 503 {
            vec![retry_after()]
        } else {
            vec![]
        };
        tokio::spawn(refuse(self.tx, status, headers));
    }

    /// Takes the call on: 100 is sent, and the caller waits. `None` when the request was not one that a call can
    /// be made of (400) or is one that we have already (482); it has been answered then.
    pub(crate) fn accept(self) -> Option<Call> {
        let transport = transport_of(&self.tx).unwrap_or_default();
        match call::take(&self.endpoint, &self.tx, transport, &self.to, self.timer) {
            Ok((call, mut dialog)) => {
                let mut tx = self.tx;
                tokio::spawn(async move {
                    if let Err(error) = dialog.handle(&mut tx).await {
                        tracing::debug!(%error, "INVITE failed");
                    }
                });
                Some(call)
            }
            Err(status) => {
                tokio::spawn(refuse(self.tx, status, vec![]));
                None
            }
        }
    }
}

fn transport_of(tx: &Transaction) -> Option<Transport> {
    Some(match tx.connection.as_ref()?.transport() {
        sip::Transport::Tcp => Transport::Tcp,
        _ => Transport::Udp,
    })
}

impl Register {
    fn read(tx: Transaction) -> Result<Self, Box<Transaction>> {
        let request = &tx.original;
        let fields = (|| {
            let source = tx.connection.as_ref()?.get_remote_addr()?.get_socketaddr().ok()?;
            let contacts = request.typed_contact_headers().ok()?;
            let all = request.contact_headers().iter().any(|c| c.value().trim() == "*");
            let contacts = if all {
                Vec::new()
            } else {
                contacts
                    .iter()
                    .map(|c| (c.uri.to_string(), c.expires()))
                    .collect()
            };
            let expires = match request.expires_header() {
                Some(expires) => Some(expires.value().trim().parse().ok()?),
                None => None,
            };
            let cseq = request.cseq_header().ok()?.seq().ok()?;
            let call_id = request.call_id_header().ok()?.value().to_owned();
            Some((
                extract::address_of_record(request)?,
                contacts,
                all,
                expires,
                call_id,
                cseq,
                source,
                transport_of(&tx)?,
            ))
        })();
        let authorization = request.authorization_header().map(|a| a.value().to_owned());
        match fields {
            Some((user, contacts, all, expires, call_id, cseq, source, transport)) => {
                let uri = request.uri.to_string();
                Ok(Self {
                    tx,
                    uri,
                    user,
                    authorization,
                    contacts,
                    all,
                    expires,
                    call_id,
                    cseq,
                    source,
                    transport,
                })
            }
            None => Err(Box::new(tx)),
        }
    }

    /// Answers finally, with further headers.
    pub(crate) async fn reply(mut self, status: u16, headers: Vec<(&'static str, String)>) {
        let headers = headers
            .into_iter()
            .map(|(name, value)| Header::Other(name.to_owned(), value))
            .collect();
        self.tx
            .reply_with(StatusCode::from(status), headers, None)
            .await
            .ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_panics_ends_alone() {
        begin(async { panic!("at once") }).await;
        begin(async {
            tokio::task::yield_now().await;
            panic!("later");
        })
        .await;
        let (send, done) = tokio::sync::oneshot::channel();
        begin(async move {
            tokio::task::yield_now().await;
            send.send(()).unwrap();
        })
        .await;
        done.await.unwrap();
    }
}
