use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use std::net::SocketAddr;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jackfield_runtime::Platform;
use jackfield_types::limits::MAX_HTTP_HEAD_MS;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::util::MapRequest;

use crate::handler::visit::Peer;
use crate::host::ByHttps;
use crate::proxy::TrustedProxies;
use crate::router::router_until;

/// How long requests under way may take once the server is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// When no connection can be taken (no descriptor is free), it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves the HTTP interface until `ended` comes: then nothing new is taken, event streams end, and requests under way
/// have 10 s to be answered. At most `connections` are open at once; one more waits for its turn.
///
/// A connection has [`MAX_HTTP_HEAD_MS`] for the head of each request, the first and the next alike; axum's own `serve`
/// has no such limit, and somebody who sends half a line on each of many connections would shut everybody out.
///
/// Whose a request is, and so whose allowance it takes from, and whether it came by https, is told by `proxies` where it came
/// through them.
pub async fn serve(
    listener: TcpListener,
    platform: Platform,
    connections: usize,
    proxies: TrustedProxies,
    ended: impl Future<Output = ()> + Send,
) {
    let (close, closing) = watch::channel(false);
    let router = router_until(platform, closing.clone());
    let places = Arc::new(Semaphore::new(connections));
    let proxies = Arc::new(proxies);
    let mut open = JoinSet::new();
    let mut ended = pin!(ended);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut ended => break,
            Some(_) = open.join_next() => {}
            (place, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, (peer, proxies.clone()), router.clone(), closing.clone());
                    open.spawn(async move {
                        let _place = place;
                        connection.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken");
                    sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    // Nobody listens when no connection is open.
    let _ = close.send(true);
    let answered = async { while open.join_next().await.is_some() {} };
    // Who is not answered by then is cut off.
    let _ = timeout(LAST_REQUESTS, answered).await;
}

async fn connection(
    stream: TcpStream,
    (peer, proxies): (SocketAddr, Arc<TrustedProxies>),
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    // Answers are small; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = MapRequest::new(router, move |mut request: Request<Incoming>| {
        let client = proxies.client(peer.ip(), request.headers());
        let by_https = proxies.by_https(peer.ip(), request.headers());
        request.extensions_mut().insert(Peer(client));
        if by_https {
            request.extensions_mut().insert(ByHttps);
        }
        request
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(MAX_HTTP_HEAD_MS))
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades()
    );
    let told = async move {
        let _ = closing.wait_for(|closing| *closing).await;
    };
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}
