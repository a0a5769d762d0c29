//! Remote assistance: links that an agent gives to a customer during a conversation.

use axum::http::StatusCode;
use jackfield_contact::case::AssistanceStep;
use jackfield_runtime::{Assistance, AssistanceWant, AssistanceWhat, Notice, assistance_url};
use jackfield_types::{ConnectorId, InteractionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interaction::{SEES_ALL, STEERS_ALL, find};
use super::link::public_url;
use super::message::acting;
use super::page::Page;
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path};
use crate::host::Asked;

/// How long a link is good when nobody says: an hour.
const USUAL_MS: u64 = 60 * 60 * 1_000;

/// A link to be given.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Check your line", "url": "https://help.example/line-check", "good_for_ms": 3_600_000}))]
pub struct AssistanceBody {
    /// What the customer is told that it is for, 1 to 128 bytes.
    pub title: String,
    /// Where it leads: `https`, on a host of `assistance_hosts` in `/v1/link-settings`. Either this or `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file that the customer gets. Either this or `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<AssistanceFile>,
    /// Whether it is good for one time only.
    #[serde(default)]
    pub once: bool,
    /// How long it is good: 60,000 to 604,800,000 ms; an hour when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_for_ms: Option<u64>,
    /// On a call: the channel through which it goes as a short message; its customers are known by numbers (`identity` is
    /// `tel`). When left out it is read out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub channel: Option<ConnectorId>,
    /// With `channel`: the number it goes to; the caller's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A small configuration file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssistanceFile {
    /// What it is called, with an ending that fits the type.
    pub name: String,
    /// `application/x-apple-aspen-config`, `application/x-openvpn-profile`, `application/json`, `text/plain`, `text/vcard`
    /// or `text/calendar`.
    pub media_type: String,
    /// What is in it, 1 to 16,384 bytes of text.
    pub text: String,
}

/// A link for remote assistance.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AssistanceView {
    /// Names it in events and lists.
    pub id: String,
    /// In which interaction it was given.
    pub interaction: String,
    /// What the customer is told that it is for.
    pub title: String,
    /// Where it leads, or the name of its file.
    pub target: String,
    /// Whether it is good for one time only.
    pub once: bool,
    /// Who gave it.
    pub by: String,
    /// When.
    pub offered_at: u64,
    /// Until when it is good.
    pub expires_at: u64,
    /// When its page was opened first.
    pub opened_at: Option<u64>,
    /// When the customer followed it first.
    pub done_at: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
    /// What the customer opens; told only when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The number of the message with which it was sent; none on the telephone, where it is read out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u32>,
    /// The short message with which it goes to the customer of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<NoticeView>,
}

/// A short message beside a call. Whether it arrived shows when the link is opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// The channel through which it goes.
    pub channel: String,
    /// The number that it goes to, E.164.
    pub to: String,
    /// When the provider took it.
    pub sent_at: Option<u64>,
    /// Why it was given up: a code of the connector's, or of ours.
    pub failed: Option<String>,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        Self {
            channel: notice.channel.to_string(),
            to: notice.to.to_string(),
            sent_at: notice.sent_at.map(|at| at.0),
            failed: notice.failed.map(|why| why.to_string()),
        }
    }
}

impl From<Assistance> for AssistanceView {
    fn from(found: Assistance) -> Self {
        let target = match found.what {
            AssistanceWhat::Page(url) => url,
            AssistanceWhat::File { name, .. } => name,
        };
        Self {
            id: found.code.to_string(),
            interaction: found.interaction.to_string(),
            title: found.title.to_string(),
            target: target.to_string(),
            once: found.once,
            by: found.by.to_string(),
            offered_at: found.offered_at.0,
            expires_at: found.expires_at.0,
            opened_at: found.opened_at.map(|at| at.0),
            done_at: found.done_at.map(|at| at.0),
            revoked_at: found.revoked_at.map(|at| at.0),
            url: None,
            message: None,
            notice: found.notice.map(Into::into),
        }
    }
}

/// Gives the customer a link during a conversation. In a written one it is sent as the agent's message; on the telephone
/// it goes as a short message through `channel`, or is answered to be read out. The events of the interaction tell when it is opened and when it is done.
#[utoipa::path(post, path = "", tag = "cases", params(("interaction" = String, Path)), request_body = AssistanceBody, responses((status = 201, body = AssistanceView)))]
pub(crate) async fn offer_assistance(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    asked: Asked,
    Json(body): Json<AssistanceBody>,
) -> Result<(StatusCode, Json<AssistanceView>), Problem> {
    let agent = acting(&who, interaction).await?;
    let it = find(&who, interaction, STEERS_ALL).await?;
    let base = public_url(&who, asked).await?;
    let what = match (body.url, body.file) {
        (Some(url), None) => AssistanceWhat::Page(url.into()),
        (None, Some(file)) => AssistanceWhat::File {
            name: file.name.into(),
            media_type: file.media_type.into(),
            text: file.text.into(),
        },
        _ => return Err(Problem::invalid("url", "url: expected either url or file")),
    };
    let notice = match (body.channel, body.to) {
        (Some(channel), to) => Some(who.tenant.notice(&it, channel, to.as_deref(), &base)?),
        (None, Some(_)) => {
            let detail = "to: say with channel through which one a short message goes";
            return Err(Problem::invalid("to", detail));
        }
        (None, None) => None,
    };
    let want = AssistanceWant {
        title: body.title.into(),
        what,
        once: body.once,
        good_for_ms: body.good_for_ms.unwrap_or(USUAL_MS),
        notice,
    };
    let (offered, token) = who.tenant.offer_assistance(&who.ctx, &it, want).await?;
    let url = assistance_url(&base, who.tenant.id(), &token);
    let text = format!("{}\n{url}", offered.title);
    let client_id = format!("assist-{}", offered.code);
    let handed = who.tenant.hand_to_customer(&it, &agent, text.into(), &client_id);
    let message = match handed.await {
        Ok(message) => message,
        Err(error) => {
            // Nobody has it, so nobody will miss it.
            who.tenant
                .assistance_step(&who.ctx, &offered.code, AssistanceStep::Revoked)
                .await?;
            return Err(error.into());
        }
    };
    let view = AssistanceView {
        url: Some(url),
        message,
        ..offered.into()
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Lists the links for remote assistance of an interaction, and when each was opened and done.
#[utoipa::path(get, path = "", tag = "cases", params(("interaction" = String, Path)), responses((status = 200, body = Page<AssistanceView>)))]
pub(crate) async fn list_assistances(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<Page<AssistanceView>> {
    find(&who, interaction, SEES_ALL).await?;
    let found = who.tenant.assistances(&who.ctx, interaction).await?;
    Ok(Json(Page {
        items: found.into_iter().map(Into::into).collect(),
        next: None,
    }))
}

/// Revokes a link for remote assistance: it leads nowhere any more.
#[utoipa::path(delete, path = "", tag = "cases", params(("interaction" = String, Path), ("assistance" = String, Path)), responses((status = 200, body = AssistanceView)))]
pub(crate) async fn revoke_assistance(
    who: InTenant,
    Path((interaction, assistance)): Path<(InteractionId, String)>,
) -> Answer<AssistanceView> {
    find(&who, interaction, STEERS_ALL).await?;
    let found = who.tenant.assistances(&who.ctx, interaction).await?;
    let found = found.into_iter().find(|found| *found.code == *assistance);
    let found = found.ok_or_else(|| Problem::not_found("assistance", &assistance))?;
    let revoked = who
        .tenant
        .assistance_step(&who.ctx, &found.code, AssistanceStep::Revoked);
    Ok(Json(revoked.await?.into()))
}
