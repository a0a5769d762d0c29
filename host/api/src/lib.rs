//! The HTTP interface: router, authentication, one file per resource, OpenAPI (floor 5).
//!
//! [`router`] is the whole of it; `router.rs` shows every route with the roles that it needs. HTTP types are in the
//! handlers' files and joined with the domain's by `From`; they are public so that clients in Rust can share them.

#![forbid(unsafe_code)]

mod auth;
mod chat;
mod clock;
mod error;
mod extract;
pub mod handler;
mod host;
mod idempotency;
mod layers;
mod link_page;
mod metrics;
mod openapi;
mod places;
mod proxy;
mod router;
mod routes;
mod serve;

pub use auth::Access;
pub use error::{PROBLEM_JSON, Problem};
pub use handler::visit::Peer;
pub use openapi::document as openapi;
pub use proxy::{InvalidNetwork, Network, TrustedProxies};
pub use router::router;
pub use routes::{RouteInfo, route_table};
pub use serve::serve;

use jackfield_runtime::Platform;

/// What all handlers share.
#[derive(Clone)]
struct App {
    platform: Platform,
    streams: handler::event::Streams,
    requests: metrics::Requests,
    places: places::Places,
    flood: std::sync::Arc<chat::flood::Flood>,
    sockets: chat::sockets::Sockets,
    /// Becomes true when the server is to end; event streams end by it.
    closing: tokio::sync::watch::Receiver<bool>,
}
