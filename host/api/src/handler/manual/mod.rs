//! The reference manual for plugin authors as web pages: the Markdown of `sdk/docs/`, which `cargo xtask manual` renders
//! from the contract. Pages are made once, at the first request.

mod page;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;

use super::docs::POLICY;
use crate::error::Problem;
use crate::extract::Path;

macro_rules! reference {
    ($($name:literal: $title:literal),* $(,)?) => {
        &[$(Source {
            name: $name,
            title: $title,
            text: include_str!(concat!("../../../../../sdk/docs/reference/", $name, ".md")),
        }),*]
    };
}

/// A page's Markdown.
struct Source {
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

/// Groups of pages as the navigation shows them.
const GROUPS: [(&str, &[Source]); 3] = [
    (
        "Kinds",
        reference![
            "voice-flow": "Voice flow",
            "chat-flow": "Chat flow",
            "routing-strategy": "Routing strategy",
            "outbound-rule": "Outbound rule",
            "pacing-strategy": "Pacing strategy",
            "tag-generator": "Tag generator",
            "qa-scorecard": "QA scorecard",
            "channel-connector": "Channel connector",
            "agent-assist": "Agent assist",
        ],
    ),
    (
        "What they share",
        reference![
            "types": "Types",
            "host": "Host: config, clock, log, values",
            "call": "Calls",
            "chat": "Conversations",
            "profile": "Customers",
            "scoring": "Scores",
            "knowledge": "Knowledge",
        ],
    ),
    (
        "Rules and tools",
        reference![
            "limits": "Limits",
            "errors": "Errors",
            "costs": "What a decision costs",
        ],
    ),
];
const OVERVIEW: Source = Source {
    name: "",
    title: "Plugin reference",
    text: include_str!("../../../../../sdk/docs/reference/README.md"),
};
const CASES: Source = Source {
    name: "cases",
    title: "Case files",
    text: include_str!("../../../../../sdk/docs/cases.md"),
};

/// Everything that there is, made at the first request.
struct Manual {
    pages: Vec<(&'static str, String)>,
    /// What the search looks through: names of things, and where they are told.
    index: String,
}

static MANUAL: LazyLock<Manual> = LazyLock::new(|| {
    let mut index = Vec::new();
    let mut pages = Vec::new();
    for source in sources() {
        let told = page::Told::of(source);
        for heading in &told.headings {
            index.push(serde_json::json!([
                heading.text,
                source.title,
                page::address(source.name),
                heading.id
            ]));
        }
        pages.push((source.name, page::html(source, &told)));
    }
    Manual {
        pages,
        index: serde_json::Value::from(index).to_string(),
    }
});

fn sources() -> impl Iterator<Item = &'static Source> {
    let groups = GROUPS.iter().flat_map(|(_, pages)| pages.iter());
    [&OVERVIEW].into_iter().chain(groups).chain([&CASES])
}

/// What the search of the manual looks through, as JSON.
pub(super) fn index() -> &'static str {
    &MANUAL.index
}

fn shown(name: &str) -> Result<impl IntoResponse + use<>, Problem> {
    let page = MANUAL.pages.iter().find(|(known, _)| *known == name);
    let (_, html) = page.ok_or_else(|| Problem::not_found("page", name.to_owned()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Ok((headers, html.as_str()))
}

/// Shows the reference manual for plugin authors.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn get_manual() -> Result<impl IntoResponse, Problem> {
    shown("")
}

/// Shows a page of the reference manual.
#[utoipa::path(get, path = "", tag = "service", params(("page" = String, Path, description = "a kind, a package of the contract, `limits`, `errors`, `costs` or `cases`")), responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn get_manual_page(Path(page): Path<String>) -> Result<impl IntoResponse, Problem> {
    shown(&page)
}
