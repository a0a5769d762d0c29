//! The link to an attachment, for customers of providers that take text alone.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use jackfield_types::TenantId;

use super::attachment::served;
use super::visit::Peer;
use crate::error::Problem;
use crate::extract::Path;
use crate::link_page::{Language, LanguageQuery, LinkPage, followed, looks_ahead};
use crate::{App, clock};

/// Gives the attachment that a link in an agent's message leads to, for seven days. Pictures may be shown, anything else is to
/// be saved; nothing of it is run. The agent is told when it is opened first.
#[utoipa::path(get, path = "", tag = "chat", params(("tenant" = String, Path), ("token" = String, Path), LanguageQuery), responses((status = 200, content_type = "image/jpeg", body = [u8]), (status = 404, content_type = "text/html")))]
pub(crate) async fn get_linked_attachment(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path((tenant, token)): Path<(TenantId, String)>,
    language: Language,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let nowhere = || LinkPage::nowhere(language).into_response();
    let Some((tenant, ctx)) = followed(&app, peer, &tenant)? else {
        return Ok(nowhere());
    };
    let Some(linked) = tenant.linked_attachment(&ctx, &token, clock::now()).await? else {
        return Ok(nowhere());
    };
    if !looks_ahead(&method, &headers) {
        tenant.opened_by_link(&linked).await?;
    }
    let mut response = served(linked.file);
    // To other hosts the address, which is a secret, is not told.
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
