use std::io;
use std::time::Duration;

use jackfield_runtime::Platform;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::router::router_until;

/// How long requests under way may take once the server is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Serves the HTTP interface until `ended` comes: then nothing new is taken, event streams end, and requests under way
/// have 10 s to be answered.
///
/// # Errors
/// What the listener reports.
pub async fn serve(
    listener: TcpListener,
    platform: Platform,
    ended: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (close, closing) = watch::channel(false);
    let router = router_until(platform, closing.clone());
    let told = async move {
        ended.await;
        // Nobody listens when no stream is open.
        let _ = close.send(true);
    };
    let mut closing = closing;
    let server = axum::serve(listener, router).with_graceful_shutdown(told);
    tokio::select! {
        done = server => done,
        () = async {
            // The sender goes with the server's own future, which the other branch awaits.
            if closing.wait_for(|closing| *closing).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(LAST_REQUESTS).await;
        } => Ok(()),
    }
}
