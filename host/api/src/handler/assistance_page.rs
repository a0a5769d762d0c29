//! The page that a link for remote assistance leads to: what will happen, and one button.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jackfield_contact::case::AssistanceStep;
use jackfield_runtime::{Assistance, AssistanceWhat, CustomerError, Tenant};
use jackfield_types::{OpContext, TenantId};

use super::visit::Peer;
use crate::App;
use crate::error::Problem;
use crate::extract::Path;
use crate::link_page::{Language, LanguageQuery, LinkPage, escaped, followed, looks_ahead, moment};

/// What a token opens.
enum Opened {
    /// A link of a tenant.
    Link(Box<(Tenant, OpContext, Assistance)>),
    /// Nothing; why, for the customer.
    Nothing(LinkPage),
}

/// What a token opens now.
async fn open(
    app: &App,
    peer: Option<Extension<Peer>>,
    (tenant, token): (TenantId, String),
    language: Language,
) -> Result<Opened, Problem> {
    let nowhere = || Ok(Opened::Nothing(LinkPage::nowhere(language)));
    let Some((tenant, ctx)) = followed(app, peer, &tenant)? else {
        return nowhere();
    };
    let Some(found) = tenant.assistance(&ctx, &token).await? else {
        return nowhere();
    };
    if !tenant.allows_assistance(&ctx, &found).await? {
        return Ok(Opened::Nothing(LinkPage::withdrawn(language)));
    }
    Ok(Opened::Link(Box::new((tenant, ctx, found))))
}

/// Takes a step; `None` when the link leads nowhere any more.
async fn take(
    tenant: &Tenant,
    ctx: &OpContext,
    found: &Assistance,
    step: AssistanceStep,
) -> Result<Option<Assistance>, Problem> {
    match tenant.assistance_step(ctx, &found.code, step).await {
        Ok(taken) => Ok(Some(taken)),
        Err(CustomerError::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The page that a link for remote assistance leads to. The agent is told when it is opened first; what only looks ahead,
/// such as a preview that says so, does not count.
#[utoipa::path(get, path = "", tag = "cases", params(("tenant" = String, Path), ("token" = String, Path), LanguageQuery), responses((status = 200, content_type = "text/html"), (status = 404, content_type = "text/html"), (status = 410, content_type = "text/html", description = "Customers are not sent to its host any more.")))]
pub(crate) async fn get_assistance_page(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, String)>,
    language: Language,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (tenant, ctx, found) = match open(&app, peer, place, language).await? {
        Opened::Link(link) => *link,
        Opened::Nothing(page) => return Ok(page.into_response()),
    };
    let found = if looks_ahead(&method, &headers) {
        Some(found)
    } else {
        take(&tenant, &ctx, &found, AssistanceStep::Opened).await?
    };
    let page = found.map_or_else(|| LinkPage::nowhere(language), |found| page(&found, language));
    Ok(page.into_response())
}

/// The page's button: the browser goes where the link leads, or gets its file. The agent is told the first time.
#[utoipa::path(post, path = "", tag = "cases", params(("tenant" = String, Path), ("token" = String, Path), LanguageQuery), responses((status = 303), (status = 200, description = "The file."), (status = 404, content_type = "text/html"), (status = 410, content_type = "text/html", description = "Customers are not sent to its host any more.")))]
pub(crate) async fn follow_assistance(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, String)>,
    language: Language,
) -> Result<Response, Problem> {
    let (tenant, ctx, found) = match open(&app, peer, place, language).await? {
        Opened::Link(link) => *link,
        Opened::Nothing(page) => return Ok(page.into_response()),
    };
    let Some(taken) = take(&tenant, &ctx, &found, AssistanceStep::Done).await? else {
        return Ok(LinkPage::nowhere(language).into_response());
    };
    match taken.what {
        AssistanceWhat::Page(url) => Ok(Redirect::to(&url).into_response()),
        AssistanceWhat::File {
            name,
            media_type,
            text,
        } => {
            let mut response = text.to_string().into_response();
            let named = format!("attachment; filename=\"{name}\"");
            for (header, value) in [
                (header::CONTENT_TYPE, media_type.to_string()),
                (header::CONTENT_DISPOSITION, named),
                (
                    header::CONTENT_SECURITY_POLICY,
                    "default-src 'none'; sandbox".into(),
                ),
            ] {
                let value = HeaderValue::from_str(&value).map_err(|_| Problem::internal())?;
                response.headers_mut().insert(header, value);
            }
            Ok(response)
        }
    }
}

fn page(found: &Assistance, language: Language) -> LinkPage {
    let (label, value, more, button, leads_to) = match &found.what {
        AssistanceWhat::Page(url) => {
            let rest = url.strip_prefix("https://").unwrap_or(url);
            let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            (
                language.pick("The button opens a page of", "点击按钮将打开以下网站的页面"),
                host,
                url.to_string(),
                language.pick("Open the page", "打开页面"),
                Some(format!("https://{host}")),
            )
        }
        AssistanceWhat::File {
            name,
            media_type,
            text,
        } => (
            language.pick("The button downloads a settings file", "点击按钮将下载配置文件"),
            &**name,
            format!("{media_type}, {} {}", text.len(), language.pick("bytes", "字节")),
            language.pick("Download the file", "下载文件"),
            None,
        ),
    };
    let over = language.pick("We help you with this", "我们为您提供远程协助");
    let said = language.pick(
        "Only go on if you are talking with us at the moment. Your agent sees when you open this page and when you press the button.",
        "请仅在与我们的客服沟通时继续。客服可以看到您何时打开此页面以及何时点击按钮。",
    );
    let done = language.pick("Done. You can close this page.", "已完成，您可以关闭此页面。");
    let status = if found.done_at.is_some() { done } else { "" };
    let body = format!(
        "<p class=\"over\">{over}</p>\n<h1>{}</h1>\n\
         <div class=\"box\"><p class=\"label\">{label}</p><p class=\"value\">{}</p><p class=\"more\">{}</p></div>\n\
         <form method=\"post\" data-done=\"{done}\"><button type=\"submit\">{button}</button></form>\n\
         <p class=\"said\" role=\"status\">{status}</p>\n<p class=\"said\">{said}</p>",
        escaped(&found.title),
        escaped(value),
        escaped(&more),
    );
    LinkPage {
        status: StatusCode::OK,
        language,
        title: found.title.to_string(),
        body,
        foot: format!(
            "{} {}",
            language.pick("Good until", "有效期至"),
            moment(found.expires_at.0)
        ),
        leads_to,
    }
}
