//! Chat entries: where customers begin written conversations.

use axum::http::StatusCode;
use jackfield_contact::config::{ChatEntryConfig, UnansweredAction, UnansweredStep};
use jackfield_contact::input::Input;
use jackfield_runtime::Whose;
use jackfield_types::{Channel, ChatEntryId, QueueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Settings of a chat entry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Web shop", "language": "zh-CN", "default_queue": "support", "allowed_origins": ["https://shop.example"], "unanswered": [{"after_ms": 10000, "action": "warn"}, {"after_ms": 15000, "action": {"reply": "Please bear with us."}}]}))]
pub struct ChatEntryBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// `chat` (when left out), `sms`, `email` or `social`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// BCP 47, for example `zh-CN`; `en` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where a customer goes when no flow is bound or the flow fails. Must exist.
    #[schema(value_type = String)]
    pub default_queue: QueueId,
    /// Web pages that may embed the chat window, as origins, at most 32; `*` for all. Left out: only this server's own
    /// page.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Nobody writes for so long: the conversation is closed. 60,000 to 604,800,000 ms; 1,800,000 when left out,
    /// of `email` 604,800,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
    /// Whether the agent, and what assists the agent, sees what the customer is writing before it is sent; the chat window
    /// says so to the customer. No when left out.
    #[serde(default)]
    pub typing_preview: bool,
    /// What is done while the customer waits for an answer, at most 8 steps; a warning after 10 s and the flow's cover
    /// after 15 s when left out, of `email` a warning after 4 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Vec<UnansweredStepBody>>,
}

/// What is done when the customer has waited so long for an answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnansweredStepBody {
    /// Milliseconds, 1,000 to 86,400,000; more than the step before.
    pub after_ms: u64,
    /// `warn`, `cover` (the flow may answer), `{"reply": TEXT}`, `{"reply-template": ID}` (a shared template, filled in) or `{"escalate": QUEUE}`.
    #[schema(value_type = Object)]
    pub action: UnansweredAction,
}

/// A chat entry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatEntryView {
    /// The entry.
    pub id: String,
    /// For people.
    pub name: String,
    /// `chat`, `sms`, `email` or `social`.
    pub channel: String,
    /// BCP 47.
    pub language: String,
    /// Where a customer goes when no flow is bound or the flow fails.
    pub default_queue: String,
    /// Web pages that may embed the chat window.
    pub allowed_origins: Vec<String>,
    /// Nobody writes for so long: the conversation is closed.
    pub idle_timeout_ms: u64,
    /// Whether the agent sees what the customer is writing before it is sent.
    pub typing_preview: bool,
    /// What is done while the customer waits for an answer.
    pub unanswered: Vec<UnansweredStepBody>,
}

impl From<&ChatEntryConfig> for ChatEntryView {
    fn from(config: &ChatEntryConfig) -> Self {
        let steps = config.unanswered.iter().map(|step| UnansweredStepBody {
            after_ms: step.after_ms,
            action: step.action.clone(),
        });
        Self {
            id: config.id.to_string(),
            name: config.name.to_string(),
            channel: config.channel.as_str().into(),
            language: config.language.to_string(),
            default_queue: config.default_queue.to_string(),
            allowed_origins: config.allowed_origins.iter().map(ToString::to_string).collect(),
            idle_timeout_ms: config.idle_timeout_ms,
            typing_preview: config.typing_preview,
            unanswered: steps.collect(),
        }
    }
}

impl ChatEntryBody {
    fn into_config(self, id: ChatEntryId) -> ChatEntryConfig {
        let usual = ChatEntryConfig::new(id, &self.name, self.default_queue)
            .of_channel(self.channel.unwrap_or(Channel::Chat));
        let steps = self.unanswered.map(|steps| {
            let step = |step: UnansweredStepBody| UnansweredStep {
                after_ms: step.after_ms,
                action: step.action,
            };
            steps.into_iter().map(step).collect()
        });
        ChatEntryConfig {
            language: self.language.map_or(usual.language, Into::into),
            allowed_origins: self.allowed_origins.into_iter().map(Into::into).collect(),
            idle_timeout_ms: self.idle_timeout_ms.unwrap_or(usual.idle_timeout_ms),
            typing_preview: self.typing_preview,
            unanswered: steps.unwrap_or(usual.unanswered),
            ..usual
        }
    }
}

/// Lists the chat entries.
#[utoipa::path(get, path = "", tag = "chat", params(Paging), responses((status = 200, body = Page<ChatEntryView>)))]
pub(crate) async fn list_chat_entries(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<ChatEntryView>> {
    let page = who.tenant.read(move |centre| {
        paging.cut(
            centre.chat_entries(),
            |entry| entry.id.to_string(),
            ChatEntryView::from,
        )
    });
    Ok(Json(page.await??))
}

/// Shows one chat entry.
#[utoipa::path(get, path = "", tag = "chat", params(("entry" = String, Path)), responses((status = 200, body = ChatEntryView)))]
pub(crate) async fn get_chat_entry(who: InTenant, Path(entry): Path<ChatEntryId>) -> Answer<ChatEntryView> {
    view(&who, entry).await
}

async fn view(who: &InTenant, entry: ChatEntryId) -> Answer<ChatEntryView> {
    let id = entry.clone();
    let found = who
        .tenant
        .read(move |centre| centre.chat_entry(&entry).map(ChatEntryView::from))
        .await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("chat entry", id))?))
}

/// Makes a chat entry, or changes its settings. The chat window is at `/chat/TENANT/ENTRY`.
#[utoipa::path(put, path = "", tag = "chat", params(("entry" = String, Path)), request_body = ChatEntryBody, responses((status = 200, body = ChatEntryView)))]
pub(crate) async fn put_chat_entry(
    who: InTenant,
    Path(entry): Path<ChatEntryId>,
    Json(body): Json<ChatEntryBody>,
) -> Answer<ChatEntryView> {
    let config = body.into_config(entry.clone());
    for step in &config.unanswered {
        if let UnansweredAction::ReplyTemplate(template) = &step.action {
            let known = who.tenant.template(&who.ctx, &Whose::Shared, template).await;
            known.map_err(|error| Problem::from(error).unprocessable("unanswered"))?;
        }
    }
    who.tenant.submit(Input::SetChatEntry(config)).await?;
    view(&who, entry).await
}

/// Removes a chat entry. Refused while conversations that came through it go on.
#[utoipa::path(delete, path = "", tag = "chat", params(("entry" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_chat_entry(
    who: InTenant,
    Path(entry): Path<ChatEntryId>,
) -> Result<StatusCode, Problem> {
    who.tenant.submit(Input::RemoveChatEntry(entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}
