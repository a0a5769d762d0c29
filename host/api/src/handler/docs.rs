//! The OpenAPI document, and a page that shows it. The page is the project's own, so that it needs no network and no
//! half a megabyte of somebody's script.

use axum::http::header;
use axum::response::IntoResponse;

use super::manual;
use crate::error::Problem;
use crate::extract::Path;
use crate::openapi;

/// The page takes its script and style from here and nothing from elsewhere.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Gives this document.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, content_type = "application/json", body = String)))]
pub(crate) async fn get_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi::json())
}

/// Shows this document as a page.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn get_docs() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, include_str!("../../assets/docs.html"))
}

/// Gives the page's script and style.
#[utoipa::path(get, path = "", tag = "service", params(("asset" = String, Path, description = "`docs.js`, `docs.css`, `manual.js`, `manual.css` or `manual-index.json`")), responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn get_docs_asset(Path(asset): Path<String>) -> Result<impl IntoResponse, Problem> {
    let (media_type, text) = match asset.as_str() {
        "docs.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/docs.js"),
        ),
        "docs.css" => ("text/css; charset=utf-8", include_str!("../../assets/docs.css")),
        "manual.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/manual.js"),
        ),
        "manual.css" => ("text/css; charset=utf-8", include_str!("../../assets/manual.css")),
        "manual-index.json" => ("application/json", manual::index()),
        _ => return Err(Problem::not_found("asset", asset)),
    };
    Ok(([(header::CONTENT_TYPE, media_type)], text))
}
