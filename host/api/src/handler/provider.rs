//! Where providers call: `/channels/TENANT/CHANNEL`.

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jackfield_runtime::{ChannelError, ProviderCall};
use jackfield_types::{ConnectorId, TenantId};

use super::visit::Peer;
use crate::chat::flood::{Whose, address_of};
use crate::error::Problem;
use crate::extract::Path;
use crate::{App, clock};

/// Takes what a provider tells: messages and receipts. The answer is the connector's, and comes when all of it is durable.
#[utoipa::path(post, path = "", tag = "channels", params(("tenant" = String, Path), ("channel" = String, Path)), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, description = "What the connector answers.")))]
pub(crate) async fn hear_provider(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ConnectorId)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    hear((app, peer), place, Method::POST, uri, headers, body).await
}

/// Answers a provider that asks whether the address is the firm's.
#[utoipa::path(get, path = "", tag = "channels", params(("tenant" = String, Path), ("channel" = String, Path)), responses((status = 200, description = "What the connector answers.")))]
pub(crate) async fn greet_provider(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ConnectorId)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    hear((app, peer), place, Method::GET, uri, headers, Bytes::new()).await
}

async fn hear(
    (app, peer): (App, Option<Extension<Peer>>),
    (tenant, channel): (TenantId, ConnectorId),
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let found = app.platform.tenant(&tenant);
    let found = found.ok_or_else(|| Problem::not_found("channel", format!("{tenant}/{channel}")))?;
    let from = address_of(peer);
    let unverified = [
        Whose::Unverified(from),
        Whose::UnverifiedAt(from, tenant, channel.clone()),
    ];
    // Nothing is looked at for an address that has sent too much of what is nobody's.
    if !unverified.iter().all(|whose| app.flood.has(whose, clock::now())) {
        let detail =
            "too many requests of this address were not signed as the channel's settings say; wait a moment";
        return Err(Problem::overloaded(detail));
    }
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let call = ProviderCall {
        method: method.to_string(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.iter().filter_map(text).collect(),
        body: body.to_vec(),
    };
    // On its own: a provider that hangs up leaves nothing half done.
    let taken = tokio::spawn(async move { found.receive(&channel, call).await });
    let taken = taken.await.map_err(|_| Problem::internal())?;
    if matches!(taken, Err(ChannelError::NotVerified)) {
        for whose in unverified {
            app.flood.take(whose, clock::now())?;
        }
    }
    let reply = taken?;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.body).into_response();
    // Nothing of it is for a browser to run.
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Ok(media_type) = header::HeaderValue::from_str(&reply.content_type)
        && !reply.content_type.is_empty()
    {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}
