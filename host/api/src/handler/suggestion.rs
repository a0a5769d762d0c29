//! What is suggested to the agent who has a written conversation.

use std::time::Duration;

use jackfield_contact::decision::{Advice, KnowledgeKind};
use jackfield_runtime::{Suggested, Suggestions};
use jackfield_types::InteractionId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::interaction::{SEES_ALL, STEERS_ALL, find};
use crate::auth::InTenant;
use crate::extract::{Answer, Json, Path, Query};

/// The longest that a request for news waits.
pub(super) const MAX_WAIT_MS: u64 = 20_000;

/// What is suggested in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SuggestionsView {
    /// Another number with every answer of the plugin, to be sent as `known`; 0 before the first.
    pub revision: u64,
    /// When it was asked; 0 before that.
    pub at: u64,
    /// Best first; at most 10.
    pub items: Vec<SuggestionView>,
    /// The plugin that says so, and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The code of what failed, when nothing could be suggested: `plugin-error` of the plugin, `host-busy` of the host, which
    /// could not read in time what the plugin asked for…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuggestionView {
    /// `reply` (with `text`), `article` or `reply-template` (with `id`: send it as `template`, or answer with `article` to
    /// have it counted as used), `next` (with `code` and `argument`) or `hint` (with `text`).
    pub kind: String,
    /// What the agent sees first.
    pub title: String,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: String,
    /// The number of the message that gave rise to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<u32>,
    /// A reply as it may be sent, or a hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Variables of the reply of which nothing is known: they stand in it as they were, and have to be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The id of the article or template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to do next, for example `transfer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
}

impl From<&Suggested> for SuggestionView {
    fn from(suggested: &Suggested) -> Self {
        let suggestion = &suggested.suggestion;
        let mut view = Self {
            kind: String::new(),
            title: suggestion.title.to_string(),
            confidence: suggestion.confidence,
            reason: suggestion.reason.to_string(),
            about: suggestion.about,
            text: None,
            missing: suggested.missing.clone(),
            id: None,
            code: None,
            argument: None,
        };
        let kind = match &suggestion.advice {
            Advice::Reply(text) => {
                view.text = Some(text.to_string());
                "reply"
            }
            Advice::Hint(text) => {
                view.text = Some(text.to_string());
                "hint"
            }
            Advice::Knowledge(id) => {
                view.id = Some(id.to_string());
                match suggested.entry {
                    Some(KnowledgeKind::ReplyTemplate) => "reply-template",
                    _ => "article",
                }
            }
            Advice::Next { code, argument } => {
                view.code = Some(code.to_string());
                view.argument = Some(argument.to_string()).filter(|argument| !argument.is_empty());
                "next"
            }
        };
        view.kind = kind.into();
        view
    }
}

impl From<&Suggestions> for SuggestionsView {
    fn from(suggestions: &Suggestions) -> Self {
        let by = suggestions.by.as_ref();
        Self {
            revision: suggestions.revision,
            at: suggestions.at.0,
            items: suggestions.items.iter().map(Into::into).collect(),
            by: by.map(|by| format!("{} {}", by.plugin, by.version)),
            failure: suggestions
                .failure
                .as_ref()
                .map(|failure| failure.code.to_string()),
        }
    }
}

/// Which suggestions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestionQuery {
    /// The `revision` that the caller has; 0 when left out.
    known: Option<u64>,
    /// When there is nothing else, wait so long for it: 0 to 20,000 ms.
    wait_ms: Option<u64>,
}

/// What is suggested to the agent who has the conversation. What is bound at the queue's `agent-assist`, else at
/// `tenant:agent-assist`, is asked when the agent takes it and whenever the customer writes.
#[utoipa::path(get, path = "", tag = "chat", params(("interaction" = String, Path), SuggestionQuery), responses((status = 200, body = SuggestionsView)))]
pub(crate) async fn get_suggestions(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Query(query): Query<SuggestionQuery>,
) -> Answer<SuggestionsView> {
    find(&who, interaction, SEES_ALL).await?;
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0).min(MAX_WAIT_MS));
    let found = who
        .tenant
        .suggestions(interaction, query.known.unwrap_or(0), wait)
        .await;
    Ok(Json((&*found).into()))
}

/// Has what is bound asked now; answers with what it suggests, within two seconds.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 200, body = SuggestionsView)))]
pub(crate) async fn request_suggestions(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<SuggestionsView> {
    find(&who, interaction, STEERS_ALL).await?;
    let found = who.tenant.request_suggestions(interaction).await?;
    Ok(Json((&*found).into()))
}
