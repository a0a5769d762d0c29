//! The page that a customer's link to a case leads to. It says nothing of who the customer is.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jackfield_contact::case::CaseStatus;
use jackfield_runtime::{Case, CustomerError, Outcome};
use jackfield_types::TenantId;

use super::visit::Peer;
use crate::App;
use crate::error::Problem;
use crate::extract::Path;
use crate::link_page::{Language, LanguageQuery, LinkPage, escaped, followed, moment};

/// The page that a customer's link to a case leads to: how it stands, for when it is promised, and what was written for
/// the customer. A link that is another's, revoked or wrong leads to one and the same page.
#[utoipa::path(get, path = "", tag = "cases", params(("tenant" = String, Path), ("token" = String, Path), LanguageQuery), responses((status = 200, content_type = "text/html"), (status = 404, content_type = "text/html")))]
pub(crate) async fn get_case_page(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path((tenant, token)): Path<(TenantId, String)>,
    language: Language,
) -> Result<Response, Problem> {
    let Some((tenant, ctx)) = followed(&app, peer, &tenant)? else {
        return Ok(LinkPage::nowhere(language).into_response());
    };
    let Some(case) = tenant.linked_case(&ctx, &token).await? else {
        return Ok(LinkPage::nowhere(language).into_response());
    };
    let title = match tenant.case_category(&ctx, &case.category).await {
        Ok(category) => language.pick(&category.title_en, &category.title_zh).to_owned(),
        Err(CustomerError::Unknown { .. }) => case.category.to_string(),
        Err(error) => return Err(error.into()),
    };
    Ok(page(&case, &title, language).into_response())
}

fn page(case: &Case, title: &str, language: Language) -> LinkPage {
    let number = format!("{} {}", language.pick("Case", "工单"), case.number);
    let is_late = case
        .promise()
        .is_some_and(|last| last.outcome == Some(Outcome::Broken));
    let is_late = is_late && !case.status.is_settled();
    let mut body = format!(
        "<p class=\"over\">{number}</p>\n<h1>{}</h1>\n{}\n{}",
        escaped(title),
        pill(case.status, is_late, language),
        steps(case.status, language)
    );
    if let Some(at) = case.promised_at.filter(|_| !case.status.is_settled()) {
        let (class, label) = if is_late {
            ("box late", language.pick("We had promised", "我们曾承诺"))
        } else {
            ("box", language.pick("You will have it by", "预计完成时间"))
        };
        let sorry = language.pick(
            "We are late, and are sorry. Somebody is seeing to it.",
            "很抱歉已超时，我们正在加紧处理。",
        );
        let sorry = if is_late {
            format!("<p class=\"more\">{sorry}</p>")
        } else {
            String::new()
        };
        body += &format!(
            "<div class=\"{class}\"><p class=\"label\">{label}</p><p class=\"value\">{}</p>{sorry}</div>\n",
            moment(at.0)
        );
    }
    let notes: Vec<String> = case
        .notes
        .iter()
        .rev()
        .filter(|note| note.visible)
        .map(|note| format!("<li><p>{}</p>{}</li>", escaped(&note.text), moment(note.at.0)))
        .collect();
    if !notes.is_empty() {
        let heading = language.pick("News for you", "进展");
        body += &format!(
            "<h2>{heading}</h2>\n<ul class=\"notes\">{}</ul>\n",
            notes.join("\n")
        );
    }
    LinkPage {
        status: StatusCode::OK,
        language,
        title: format!("{number} · {title}"),
        body,
        foot: format!(
            "{} {}",
            language.pick("Opened", "受理时间"),
            moment(case.opened_at.0)
        ),
        leads_to: None,
    }
}

fn pill(status: CaseStatus, is_late: bool, language: Language) -> String {
    let (class, text) = match status {
        _ if is_late => ("late", language.pick("Late", "已超时")),
        CaseStatus::Open => ("", language.pick("In work", "处理中")),
        CaseStatus::Waiting => ("", language.pick("Waiting", "等待中")),
        CaseStatus::Resolved => ("done", language.pick("Resolved", "已解决")),
        CaseStatus::Closed => ("done", language.pick("Closed", "已关闭")),
    };
    format!("<p class=\"pill {class}\">{text}</p>")
}

fn steps(status: CaseStatus, language: Language) -> String {
    let names = [
        language.pick("Received", "已受理"),
        language.pick("In work", "处理中"),
        language.pick("Resolved", "已解决"),
    ];
    let at = if status.is_settled() { 2 } else { 1 };
    let items = names.iter().enumerate().map(|(n, name)| match n {
        n if n < at => format!("<li class=\"past\">{name}</li>"),
        n if n == at => format!("<li aria-current=\"step\">{name}</li>"),
        _ => format!("<li>{name}</li>"),
    });
    format!("<ol class=\"steps\">{}</ol>\n", items.collect::<String>())
}
