//! What happens around every request: its id, its span, its time limit, its count, and an answer in any case.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use jackfield_types::limits::{COMPILE_MS_PER_MIB, MAX_COMPONENT_BYTES, MAX_REQUEST_MS};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, field};

use crate::App;
use crate::error::Problem;
use crate::handler::visit::Peer;

/// The header in which every answer carries its request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
struct RequestId(uuid::Uuid);

pub(crate) fn around(router: Router, app: App) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response, took: Duration, span: &Span| {
            span.record("status", response.status().as_u16());
            tracing::debug!(ms = took.as_millis() as u64, "answered");
        });
    router
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(trace)
        .layer(from_fn_with_state(app, outermost_layer))
}

fn span(request: &axum::http::Request<Body>) -> Span {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| field::display(id.0));
    tracing::info_span!(
        "http",
        method = %request.method(),
        route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
        request = id,
        client = request.extensions().get::<Peer>().map(|Peer(client)| field::display(client)),
        tenant = field::Empty,
        user = field::Empty,
        status = field::Empty,
    )
}

/// How long a request may take: longer when it brings a large component, which has to be compiled.
fn limit_ms(request: &Request) -> u64 {
    let headers = request.headers();
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|bytes| bytes.to_str().ok()?.parse::<u64>().ok());
    let most = MAX_COMPONENT_BYTES as u64;
    let bytes = match said {
        Some(bytes) => bytes.min(most),
        // It comes in pieces and does not say how many.
        None if headers.contains_key(header::TRANSFER_ENCODING) => most,
        None => 0,
    };
    let mib = bytes >> 20;
    MAX_REQUEST_MS + mib * COMPILE_MS_PER_MIB
}

async fn outermost_layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(uuid::Uuid::now_v7());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let limit = limit_ms(&request);
    request.extensions_mut().insert(id.clone());
    let response = match crate::host::check(request.headers()) {
        Ok(()) => run(request, next, limit).await,
        Err(problem) => problem.into_response(),
    };
    let mut response = with_instance(response, &id);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Answers hold personal data and secrets.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    app.requests
        .count(&method, route, response.status(), started.elapsed());
    response
}

async fn run(request: Request, next: Next, limit: u64) -> Response {
    // On its own: what was begun is done to its end, even when nobody waits for the answer any more. Else a row could be
    // written and not be in force.
    let answered = tokio::spawn(next.run(request));
    match tokio::time::timeout(Duration::from_millis(limit), answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal().into_response(),
        Err(_) => Problem::unavailable(format!("no answer within {limit} ms; it may be done or not"))
            .into_response(),
    }
}

/// Writes the request's id into a problem, and the log line that can be found by it.
fn with_instance(mut response: Response, id: &RequestId) -> Response {
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if response.status().is_server_error() {
        tracing::error!(request = %id.0, code = problem.code, detail = problem.detail, "request failed");
    }
    problem.instance = Some(format!("urn:uuid:{}", id.0).into());
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(
        parts,
        Body::from(serde_json::to_vec(&problem).unwrap_or_default()),
    )
}
