//! Pages that customers reach by a link: in Chinese or English, without anything of another host, readable without a
//! script.

use axum::extract::{Extension, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jackfield_runtime::Tenant;
use jackfield_types::{OpContext, TenantId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::App;
use crate::chat::flood::address_takes;
use crate::error::Problem;
use crate::extract::Query;
use crate::handler::visit::Peer;

const PAGE: &str = include_str!("../assets/link.html");

/// In which language a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    En,
    Zh,
}

/// What the switch of languages sends.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LanguageQuery {
    /// `en` or `zh`; what the browser prefers when left out.
    #[param(value_type = Option<String>)]
    lang: Option<Language>,
}

/// The tenant whose link somebody follows, and as whom; `None` when there is no such tenant.
pub(crate) fn followed(
    app: &App,
    peer: Option<Extension<Peer>>,
    tenant: &TenantId,
) -> Result<Option<(Tenant, OpContext)>, Problem> {
    address_takes(app, peer)?;
    Ok(app.platform.tenant(tenant).map(|tenant| {
        let ctx = OpContext::system(tenant.id().clone(), "customer");
        (tenant, ctx)
    }))
}

/// Whether a request is made before anybody follows the link, such as for a preview that says so.
pub(crate) fn looks_ahead(method: &Method, headers: &HeaderMap) -> bool {
    let says_so = ["purpose", "sec-purpose"]
        .iter()
        .any(|name| headers.contains_key(*name));
    method == Method::HEAD || says_so
}

/// The language that was chosen, else the one of both that the browser prefers.
impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(LanguageQuery { lang }) = Query::from_request_parts(parts, state).await?;
        let accepted = parts
            .headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Ok(lang.unwrap_or_else(|| Self::preferred(accepted.unwrap_or_default())))
    }
}

impl Language {
    fn preferred(accepted: &str) -> Self {
        let mut best = (0.0, Self::En);
        for part in accepted.split(',') {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let quality = quality
                .trim()
                .strip_prefix("q=")
                .unwrap_or("0")
                .parse()
                .unwrap_or(0.0);
            let language = match tag.trim().split('-').next() {
                Some(tag) if tag.eq_ignore_ascii_case("zh") => Self::Zh,
                Some(tag) if tag.eq_ignore_ascii_case("en") => Self::En,
                _ => continue,
            };
            // What is named first goes before what is as good.
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    /// One of two texts.
    pub(crate) const fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// A page to be answered.
pub(crate) struct LinkPage {
    pub(crate) status: StatusCode,
    pub(crate) language: Language,
    /// The window's title, as text.
    pub(crate) title: String,
    /// The page's body, as HTML.
    pub(crate) body: String,
    /// The line below, as HTML.
    pub(crate) foot: String,
    /// Where its form may lead beside this server, as origin.
    pub(crate) leads_to: Option<String>,
}

impl LinkPage {
    /// For a link that was good, to a place that customers are not sent to any more.
    pub(crate) fn withdrawn(language: Language) -> Self {
        let title = language.pick("This link is no longer good", "此链接已停用");
        let text = language.pick(
            "We no longer send customers to the site that it led to. Ask us for a new one.",
            "我们不再将客户引导至该链接指向的网站。请向我们索取新的链接。",
        );
        Self {
            status: StatusCode::GONE,
            ..Self::saying(language, title, text)
        }
    }

    /// For every token that leads nowhere, whatever the reason.
    pub(crate) fn nowhere(language: Language) -> Self {
        let title = language.pick("This link leads nowhere", "此链接无效");
        let text = language.pick(
            "It may be too old, used up, withdrawn, or not complete. Ask us for a new one.",
            "链接可能已过期、已使用、已撤回，或不完整。请向我们索取新的链接。",
        );
        Self::saying(language, title, text)
    }

    fn saying(language: Language, title: &str, text: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            language,
            title: title.to_owned(),
            body: format!("<h1>{title}</h1>\n<p class=\"said\">{text}</p>"),
            foot: String::new(),
            leads_to: None,
        }
    }
}

impl IntoResponse for LinkPage {
    fn into_response(self) -> Response {
        let language = self.language;
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        let (other, other_lang, other_name) = match language {
            Language::En => ("zh", "zh-CN", "中文"),
            Language::Zh => ("en", "en", "English"),
        };
        let page = PAGE
            .replace("{{lang}}", language.pick("en", "zh-CN"))
            .replace("{{nonce}}", &nonce)
            .replace("{{other}}", other)
            .replace("{{other_lang}}", other_lang)
            .replace("{{other_name}}", other_name);
        // What is put in is not looked at again.
        let (head, rest) = page.split_once("{{body}}").unwrap_or((&page, ""));
        let (middle, tail) = rest.split_once("{{foot}}").unwrap_or((rest, ""));
        let head = head.replace("{{title}}", &escaped(&self.title));
        let page = format!("{head}{}{middle}{}{tail}", self.body, self.foot);
        let leads_to = self
            .leads_to
            .map_or_else(String::new, |origin| format!(" {origin}"));
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'{leads_to}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let mut response = (self.status, Html(page)).into_response();
        let headers = response.headers_mut();
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        // To other hosts the address, which is a secret, is not told.
        for (name, value) in [
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
            (header::VARY, "accept-language"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// A moment: in the viewer's time where scripts run, else in UTC.
pub(crate) fn moment(at: u64) -> String {
    let at = i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(String::new, |at| {
        format!(
            "<time datetime=\"{at}\">{}</time>",
            at.strftime("%Y-%m-%d %H:%M UTC")
        )
    })
}

/// Text in HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_says_which_language() {
        for (accepted, language) in [
            ("", Language::En),
            ("fr", Language::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("en-GB, zh;q=0.5", Language::En),
            ("fr, en;q=0.2, zh;q=0.7", Language::Zh),
            ("zh;q=x, en;q=0.1", Language::En),
            ("zh;q=0", Language::En),
        ] {
            assert_eq!(Language::preferred(accepted), language, "{accepted}");
        }
    }

    #[test]
    fn a_moment_is_told_to_people_and_to_the_script() {
        assert_eq!(
            moment(1_767_225_600_000),
            "<time datetime=\"2026-01-01T00:00:00Z\">2026-01-01 00:00 UTC</time>"
        );
        assert_eq!(moment(u64::MAX), "");
    }
}
