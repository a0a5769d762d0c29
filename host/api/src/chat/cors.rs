//! Which pages may use the chat window of an entry: those that the entry allows, and this server's own.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jackfield_types::{ChatEntryId, TenantId};

use crate::App;
use crate::error::Problem;

/// Lets requests from allowed pages through, and tells the browser that they may read the answer.
pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return next.run(request).await;
    };
    if !is_allowed(&app, request.uri().path(), request.headers(), &origin).await {
        let detail =
            "pages of this origin may not use the chat window; add it to the entry's allowed_origins";
        return Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", detail).into_response();
    }
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn is_allowed(app: &App, path: &str, headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, of)| Some(of) == host);
    if own {
        return true;
    }
    // `/chat/TENANT/ENTRY/…`
    let mut parts = path.split('/').skip(2);
    let (Some(tenant), Some(entry)) = (parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(tenant), Ok(entry)) = (TenantId::new(tenant), ChatEntryId::new(entry)) else {
        return false;
    };
    let Some(tenant) = app.platform.tenant(&tenant) else {
        return false;
    };
    let origin = origin.to_owned();
    let allowed = tenant.read(move |centre| {
        centre
            .chat_entry(&entry)
            .is_some_and(|entry| entry.allows(&origin))
    });
    allowed.await.unwrap_or(false)
}

/// What a browser asks before it asks.
pub(crate) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}
