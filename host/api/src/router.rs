//! The router: what stands before the handlers of each route.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use jackfield_runtime::Platform;

use crate::auth::{Access, Gate, gate};
use crate::error::Problem;
use crate::handler::event;
use crate::routes::{Route, routes};
use crate::{App, layers};

/// The whole HTTP interface of a platform. [`serve`](crate::serve) listens with it.
pub fn router(platform: Platform) -> Router {
    router_until(platform, tokio::sync::watch::channel(false).1)
}

pub(crate) fn router_until(platform: Platform, closing: tokio::sync::watch::Receiver<bool>) -> Router {
    let app = App {
        platform,
        streams: event::Streams::default(),
        requests: crate::metrics::Requests::default(),
        places: crate::places::Places::default(),
        flood: std::sync::Arc::default(),
        sockets: crate::chat::sockets::Sockets::default(),
        closing,
    };
    let mut router = Router::new();
    for Route {
        path,
        access,
        body_limit,
        streamed,
        handlers: (_, _, handlers),
    } in routes()
    {
        let handlers = match access {
            // The gate, which limits bodies, does not stand before these.
            Access::Public => handlers.layer(DefaultBodyLimit::max(body_limit)),
            Access::Provider => handlers
                .layer(DefaultBodyLimit::max(body_limit))
                .route_layer(from_fn_with_state((app.clone(), streamed), crate::places::visit)),
            Access::Visitor => handlers
                .options(crate::chat::cors::preflight)
                .layer(DefaultBodyLimit::max(body_limit))
                .route_layer(from_fn_with_state((app.clone(), streamed), crate::places::visit))
                .route_layer(from_fn_with_state(app.clone(), crate::chat::cors::layer)),
            _ => {
                let settings = Gate {
                    app: app.clone(),
                    access,
                    body_limit,
                    streamed,
                };
                handlers.route_layer(from_fn_with_state(settings, gate))
            }
        };
        router = router.route(path, handlers);
    }
    let router = router
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/docs/", get(|| async { Redirect::permanent("/docs") }))
        .route(
            "/docs/plugins/",
            get(|| async { Redirect::permanent("/docs/plugins") }),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_route)
        // The gate limits bodies, route by route.
        .layer(DefaultBodyLimit::disable())
        .with_state(app.clone());
    layers::around(router, app)
}

async fn no_such_route() -> impl IntoResponse {
    let detail = "there is no such route; /docs shows all that there are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-route", detail)
}

async fn method_not_allowed() -> impl IntoResponse {
    let detail = "this route doesn't take this method; the Allow header says which it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
